//! Principal components of the features of a group.

use rayon::prelude::*;

use super::pool::Feature;
use super::symmetric::eigen;

/// The coordinates of every row in the first components, of a length of `count` or less.
pub(super) fn principal_components(features: &[Feature], count: usize) -> Vec<Vec<f64>> {
    let centered = centered(features);
    let directions = directions(&centered, count);
    let coordinates = |row: &Vec<f64>| directions.iter().map(|it| dot(row, it)).collect();
    centered.par_iter().map(coordinates).collect()
}

fn centered(features: &[Feature]) -> Vec<Vec<f64>> {
    let mut mean = vec![0.0; features.first().map_or(0, Vec::len)];
    for feature in features {
        mean.iter_mut().zip(feature).for_each(|(sum, value)| *sum += value);
    }
    mean.iter_mut().for_each(|sum| *sum /= features.len() as f64);
    let subtract =
        |row: &Feature| row.iter().zip(&mean).map(|(value, mean)| value - mean).collect();
    features.iter().map(subtract).collect()
}

/// The directions of the largest variance: from the scatter of the cells, or with fewer rows than cells of the rows.
fn directions(centered: &[Vec<f64>], count: usize) -> Vec<Vec<f64>> {
    let cells = centered.first().map_or(0, Vec::len);
    let rows = centered.len();
    if rows < cells {
        let gram = |index: usize| dot(&centered[index / rows], &centered[index % rows]);
        let gram: Vec<f64> = (0..rows * rows).into_par_iter().map(gram).collect();
        let found = eigen(&gram, rows);
        let pairs = found.values.iter().zip(&found.vectors).rev().take(count);
        return pairs
            .filter(|(value, _)| **value > 0.0)
            .map(|(_, it)| of_rows(centered, it))
            .collect();
    }
    let scatter: Vec<Vec<f64>> =
        (0..cells).into_par_iter().map(|cell| row(centered, cell)).collect();
    let found = eigen(&scatter.concat(), cells);
    found.vectors.into_iter().rev().take(count).collect()
}

/// A row of the scatter matrix.
fn row(centered: &[Vec<f64>], cell: usize) -> Vec<f64> {
    let mut sums = vec![0.0; centered[0].len()];
    for row in centered {
        let factor = row[cell];
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += factor * value);
    }
    sums
}

/// The direction in the space of cells that belongs to an eigenvector of the rows.
fn of_rows(centered: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let mut direction = vec![0.0; centered[0].len()];
    for (row, weight) in centered.iter().zip(weights) {
        direction.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
    }
    let length = dot(&direction, &direction).sqrt();
    direction.iter_mut().for_each(|value| *value /= length);
    direction
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn both_ways_lead_to_the_same_distances() {
        let stream = Stream::new(1, &[]);
        let value = |index: u64| f64::from(stream.uniform(index)) * (1.0 + (index % 7) as f64);
        let rows: Vec<Feature> =
            (0..30).map(|row| (0..7).map(|cell| value(7 * row + cell)).collect()).collect();
        // Zeros beside them make the rows fewer than the cells, and change nothing.
        let wide: Vec<Feature> =
            rows.iter().map(|row| [row.clone(), vec![0.0; 40]].concat()).collect();
        let (few, many) = (principal_components(&rows, 3), principal_components(&wide, 3));
        for (few, many) in few.iter().zip(&many) {
            for (few, many) in few.iter().zip(many) {
                assert!((few.abs() - many.abs()).abs() < 1e-10, "{few} {many}");
            }
        }
        let all = principal_components(&rows, 7);
        let distance: f64 = all[0].iter().zip(&all[1]).map(|(a, b)| (a - b).powi(2)).sum();
        let expected: f64 = rows[0].iter().zip(&rows[1]).map(|(a, b)| (a - b).powi(2)).sum();
        assert!((distance - expected).abs() < 1e-10);
    }
}
