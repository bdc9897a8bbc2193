//! t-SNE (van der Maaten and Hinton 2008), exact: points of a plane whose neighbours are those of the rows.

use rayon::prelude::*;

use super::graph::squared_distance;
use super::principal::principal_components;

/// Rows that are placed by t-SNE; its time grows with their square.
const MOST_ROWS: usize = 2000;

/// The others are put at the mean of so many that are placed.
const NEAREST: usize = 5;

const ROUNDS: usize = 1000;
const EXAGGERATED_ROUNDS: usize = 250;
const EXAGGERATION: f64 = 12.0;
const PERPLEXITY: f64 = 30.0;
/// The deviation of the first component at the start.
const START: f64 = 1e-4;
const LEAST: f64 = 1e-12;

/// A point for every row.
pub(super) fn embed(rows: &[Vec<f64>]) -> Vec<[f64; 2]> {
    if rows.len() <= MOST_ROWS {
        return tsne(rows);
    }
    let chosen: Vec<usize> = (0..MOST_ROWS).map(|index| index * rows.len() / MOST_ROWS).collect();
    let placed_rows: Vec<Vec<f64>> = chosen.iter().map(|&row| rows[row].clone()).collect();
    let placed = tsne(&placed_rows);
    let point = |row: usize| match chosen.binary_search(&row) {
        Ok(place) => placed[place],
        Err(_) => mean_of_nearest(&rows[row], &placed_rows, &placed),
    };
    (0..rows.len()).into_par_iter().map(point).collect()
}

fn mean_of_nearest(row: &[f64], rows: &[Vec<f64>], points: &[[f64; 2]]) -> [f64; 2] {
    let distances = rows.iter().map(|other| squared_distance(row, other)).zip(points);
    let mut near: Vec<(f64, &[f64; 2])> = distances.collect();
    near.sort_by(|a, b| a.0.total_cmp(&b.0));
    let sum =
        near.iter().take(NEAREST).fold([0.0; 2], |sum, (_, at)| [sum[0] + at[0], sum[1] + at[1]]);
    sum.map(|sum| sum / NEAREST.min(near.len()) as f64)
}

fn tsne(rows: &[Vec<f64>]) -> Vec<[f64; 2]> {
    let count = rows.len();
    if count < 4 {
        return (0..count).map(|row| [row as f64, 0.0]).collect();
    }
    let wanted = joint_probabilities(rows);
    let rate = (count as f64 / 48.0).max(50.0);
    let mut state = State::start(rows);
    for round in 0..ROUNDS {
        let is_early = round < EXAGGERATED_ROUNDS;
        let (exaggeration, momentum) = if is_early { (EXAGGERATION, 0.5) } else { (1.0, 0.8) };
        let gradient = gradient(&wanted, &state.points, exaggeration);
        state.step(&gradient, momentum, rate);
    }
    state.points
}

/// Points that move downhill.
struct State {
    points: Vec<[f64; 2]>,
    speed: Vec<[f64; 2]>,
    gains: Vec<[f64; 2]>,
}

impl State {
    /// At the first two principal components.
    fn start(rows: &[Vec<f64>]) -> State {
        let components = principal_components(rows, 2);
        let part = |row: &Vec<f64>, axis: usize| row.get(axis).copied().unwrap_or(0.0);
        let squares: f64 = components.iter().map(|row| part(row, 0).powi(2)).sum();
        let deviation = (squares / rows.len() as f64).sqrt();
        let scale = if deviation > 0.0 { START / deviation } else { 0.0 };
        // Equal rows would never part, and a gradient of zero moves none.
        let nudge = |row: usize| START * 1e-3 * row as f64 / rows.len() as f64;
        let point =
            |(row, at): (usize, &Vec<f64>)| [0, 1].map(|axis| part(at, axis) * scale + nudge(row));
        State {
            points: components.iter().enumerate().map(point).collect(),
            speed: vec![[0.0; 2]; rows.len()],
            gains: vec![[1.0; 2]; rows.len()],
        }
    }

    fn step(&mut self, gradient: &[[f64; 2]], momentum: f64, rate: f64) {
        let parts = self.points.iter_mut().zip(&mut self.speed).zip(&mut self.gains).zip(gradient);
        for (((point, speed), gains), gradient) in parts {
            for axis in 0..2 {
                let is_turned = speed[axis] * gradient[axis] < 0.0;
                gains[axis] =
                    if is_turned { gains[axis] + 0.2 } else { (gains[axis] * 0.8).max(0.01) };
                speed[axis] = momentum * speed[axis] - rate * gains[axis] * gradient[axis];
                point[axis] += speed[axis];
            }
        }
    }
}

/// The symmetric probabilities that rows are neighbours, row by row.
fn joint_probabilities(rows: &[Vec<f64>]) -> Vec<f64> {
    let count = rows.len();
    let perplexity = PERPLEXITY.min((count - 1) as f64 / 3.0);
    let conditional: Vec<Vec<f64>> = (0..count)
        .into_par_iter()
        .map(|row| {
            let distances: Vec<f64> =
                rows.iter().map(|other| squared_distance(&rows[row], other)).collect();
            conditional_probabilities(&distances, row, perplexity)
        })
        .collect();
    let joint = |index: usize| {
        let (row, column) = (index / count, index % count);
        let sum = conditional[row][column] + conditional[column][row];
        if row == column { 0.0 } else { (sum / (2 * count) as f64).max(LEAST) }
    };
    (0..count * count).into_par_iter().map(joint).collect()
}

/// Of a row: normal around it, as wide as gives the perplexity.
fn conditional_probabilities(distances: &[f64], row: usize, perplexity: f64) -> Vec<f64> {
    let others = || distances.iter().enumerate().filter(|(other, _)| *other != row);
    let nearest = others().map(|(_, distance)| *distance).fold(f64::INFINITY, f64::min);
    let farthest = others().map(|(_, distance)| *distance).fold(0.0, f64::max);
    let entropy = libm::log(perplexity);
    let spread = (farthest - nearest).max(f64::MIN_POSITIVE);
    let (mut low, mut high, mut precision) = (0.0, f64::INFINITY, 1.0 / spread);
    let mut weights = vec![0.0; distances.len()];
    for _ in 0..100 {
        let (mut sum, mut mean) = (0.0, 0.0);
        for (other, distance) in others() {
            let away = distance - nearest;
            let weight = libm::exp(-away * precision);
            weights[other] = weight;
            sum += weight;
            mean += weight * away;
        }
        let found = libm::log(sum) + precision * mean / sum;
        if (found - entropy).abs() < 1e-8 {
            break;
        }
        if found > entropy {
            low = precision;
            precision = if high.is_finite() { (low + high) / 2.0 } else { precision * 2.0 };
        } else {
            high = precision;
            precision = (low + high) / 2.0;
        }
        if !precision.is_finite() {
            break;
        }
    }
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Of the divergence, by the points; wanted probabilities are exaggerated.
fn gradient(wanted: &[f64], points: &[[f64; 2]], exaggeration: f64) -> Vec<[f64; 2]> {
    let count = points.len();
    let parts: Vec<Forces> = (0..count)
        .into_par_iter()
        .map(|row| Forces::on(&points[row], points, &wanted[row * count..(row + 1) * count]))
        .collect();
    let sum: f64 = parts.iter().map(|part| part.sum - 1.0).sum();
    let total = |part: &Forces| {
        [0, 1].map(|axis| 4.0 * (exaggeration * part.drawn[axis] - part.pushed[axis] / sum))
    };
    parts.iter().map(total).collect()
}

/// What moves a point.
struct Forces {
    /// The sum of closeness to all points, itself (1) included.
    sum: f64,
    drawn: [f64; 2],
    pushed: [f64; 2],
}

impl Forces {
    fn on(point: &[f64; 2], points: &[[f64; 2]], wanted: &[f64]) -> Forces {
        let mut all = Forces { sum: 0.0, drawn: [0.0; 2], pushed: [0.0; 2] };
        for (other, wanted) in points.iter().zip(wanted) {
            let away = [point[0] - other[0], point[1] - other[1]];
            let closeness = 1.0 / (1.0 + away[0] * away[0] + away[1] * away[1]);
            all.sum += closeness;
            let (draw, push) = (wanted * closeness, closeness * closeness);
            for ((drawn, pushed), away) in all.drawn.iter_mut().zip(&mut all.pushed).zip(away) {
                *drawn += draw * away;
                *pushed += push * away;
            }
        }
        all
    }
}

/// The divergence of the points from what is wanted (Kullback and Leibler): what t-SNE makes small.
#[cfg(test)]
pub(super) fn divergence(rows: &[Vec<f64>], points: &[[f64; 2]]) -> f64 {
    let count = rows.len();
    let wanted = joint_probabilities(rows);
    let closeness = |index: usize| {
        let (a, b) = (points[index / count], points[index % count]);
        let is_self = index / count == index % count;
        if is_self { 0.0 } else { 1.0 / (1.0 + squared_distance(&a, &b)) }
    };
    let sum: f64 = (0..count * count).map(closeness).sum();
    let terms = wanted.iter().enumerate().filter(|(_, wanted)| **wanted > 0.0);
    terms.map(|(index, wanted)| wanted * (wanted / (closeness(index) / sum).max(LEAST)).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    fn blobs(count: usize) -> Vec<Vec<f64>> {
        let stream = Stream::new(9, &[]);
        let row = |row: usize| {
            let value = |axis: usize| {
                let center = if row % 3 == axis { 4.0 } else { 0.0 };
                center + f64::from(stream.uniform((8 * row + axis) as u64))
            };
            (0..8).map(value).collect()
        };
        (0..count).map(row).collect()
    }

    #[test]
    fn blobs_stay_apart_and_the_divergence_is_low() {
        let rows = blobs(90);
        let points = embed(&rows);
        // Every point's nearest is of its blob.
        for (row, point) in points.iter().enumerate() {
            let others = (0..points.len()).filter(|other| *other != row);
            let nearest = others.min_by(|&a, &b| {
                let distance = |other: usize| squared_distance(point, &points[other]);
                distance(a).total_cmp(&distance(b))
            });
            assert_eq!(nearest.unwrap() % 3, row % 3);
        }
        assert!(divergence(&rows, &points) < 0.5, "{}", divergence(&rows, &points));
    }

    #[test]
    fn threads_change_nothing() {
        let rows = blobs(40);
        let of = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| embed(&rows))
        };
        assert_eq!(of(1), of(3));
    }

    #[test]
    fn few_and_equal_rows_have_points() {
        assert_eq!(embed(&[]).len(), 0);
        assert_eq!(embed(&blobs(3)).len(), 3);
        let equal = embed(&vec![vec![1.0, 2.0]; 10]);
        assert!(equal.iter().flatten().all(|value| value.is_finite()));
    }
}
