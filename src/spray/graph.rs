//! Who is near whom: the graph of nearest neighbours, and the operator whose spectrum shows its clusters.

use rayon::prelude::*;

use super::pool::Feature;

/// The nearest others of each row, the nearest first; of equal ones the lower index.
pub(super) struct Neighbours(Vec<Vec<u32>>);

/// Elements that are summed before a distance is compared with the farthest neighbour so far.
const BLOCK: usize = 40;

impl Neighbours {
    /// The `count` nearest of every row, by squared euclidean distance. Fewer where there are not so many others.
    pub fn of(features: &[Feature], count: usize) -> Neighbours {
        let rows = 0..features.len();
        Neighbours(rows.into_par_iter().map(|row| nearest(features, row, count)).collect())
    }
}

fn nearest(features: &[Feature], row: usize, count: usize) -> Vec<u32> {
    let mut found: Vec<(f64, u32)> = Vec::with_capacity(count + 1);
    for (other, feature) in features.iter().enumerate().filter(|(other, _)| *other != row) {
        let limit = match found.last() {
            Some(last) if found.len() == count => last.0,
            _ => f64::INFINITY,
        };
        let Some(distance) = distance_below(&features[row], feature, limit) else { continue };
        let place = found.partition_point(|(nearer, _)| *nearer <= distance);
        found.insert(place, (distance, other as u32));
        found.truncate(count);
    }
    found.into_iter().map(|(_, other)| other).collect()
}

/// The squared distance, as long as it is below a limit.
fn distance_below(a: &[f64], b: &[f64], limit: f64) -> Option<f64> {
    let mut sum = 0.0;
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        sum += squared_distance(a, b);
        if sum >= limit {
            return None;
        }
    }
    Some(sum)
}

/// The squared euclidean distance.
pub(super) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The paper's number of neighbours: max(2, round(ln n)). It sees small clusters, and breaks up large ones.
pub fn few_neighbours(count: usize) -> usize {
    (libm::log(count as f64).round() as usize).max(2)
}

/// A number that keeps large clusters together: round(√n), from 5 to 32.
pub fn many_neighbours(count: usize) -> usize {
    ((count as f64).sqrt().round() as usize).clamp(5, 32)
}

/// How the graph of nearest neighbours becomes one without directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joining {
    /// An edge where either is near the other: max(A, Aᵀ).
    Either,
    /// Half an edge for each direction, (A + Aᵀ) / 2, as CoRelAy does: to compare with it.
    #[cfg(test)]
    Half,
}

/// D^-½ W D^-½, in compressed rows: its largest eigenvalues are those of the Laplacian, subtracted from 1.
pub(super) struct Operator {
    begins: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f64>,
}

impl Operator {
    /// The operator of the graph of the first `count` neighbours.
    pub fn of(neighbours: &Neighbours, count: usize, joining: Joining) -> Operator {
        let mut rows: Vec<Vec<(u32, f64)>> = vec![vec![]; neighbours.0.len()];
        for (row, others) in neighbours.0.iter().enumerate() {
            for &other in others.iter().take(count) {
                rows[row].push((other, 1.0));
                rows[other as usize].push((row as u32, 1.0));
            }
        }
        for row in &mut rows {
            row.sort_by_key(|(column, _)| *column);
            row.dedup_by(|next, kept| {
                let is_same = next.0 == kept.0;
                kept.1 += if is_same { next.1 } else { 0.0 };
                is_same
            });
            row.iter_mut().for_each(|(_, weight)| match joining {
                Joining::Either => *weight = 1.0,
                #[cfg(test)]
                Joining::Half => *weight *= 0.5,
            });
        }
        normalized(&rows)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.begins.len() - 1
    }

    /// The product with a vector.
    pub fn times(&self, vector: &[f64]) -> Vec<f64> {
        let row = |row: usize| {
            let places = self.begins[row]..self.begins[row + 1];
            let columns = self.columns[places.clone()].iter().zip(&self.values[places]);
            columns.map(|(&column, value)| value * vector[column as usize]).sum()
        };
        (0..self.len()).map(row).collect()
    }

    /// As a dense matrix.
    pub fn dense(&self) -> Vec<f64> {
        let n = self.len();
        let mut dense = vec![0.0; n * n];
        for row in 0..n {
            for place in self.begins[row]..self.begins[row + 1] {
                dense[row * n + self.columns[place] as usize] = self.values[place];
            }
        }
        dense
    }
}

fn normalized(rows: &[Vec<(u32, f64)>]) -> Operator {
    let degree = |row: &Vec<(u32, f64)>| row.iter().map(|(_, weight)| weight).sum::<f64>();
    let roots: Vec<f64> = rows.iter().map(|row| degree(row).sqrt()).collect();
    let (mut begins, mut columns, mut values) = (vec![0], vec![], vec![]);
    for (row, entries) in rows.iter().enumerate() {
        for (column, weight) in entries {
            columns.push(*column);
            values.push(weight / (roots[row] * roots[*column as usize]));
        }
        begins.push(columns.len());
    }
    Operator { begins, columns, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_others_even_of_duplicates() {
        let features = [vec![0.0], vec![0.0], vec![0.0], vec![1.0]];
        let Neighbours(found) = Neighbours::of(&features, 2);
        assert_eq!(found, [vec![1, 2], vec![0, 2], vec![0, 1], vec![0, 1]]);
        let Neighbours(all) = Neighbours::of(&features[..2], 5);
        assert_eq!(all, [vec![1], vec![0]]);
    }

    #[test]
    fn numbers_of_neighbours() {
        assert_eq!([few_neighbours(20), few_neighbours(300), few_neighbours(3)], [3, 6, 2]);
        assert_eq!([20, 300, 10_000].map(many_neighbours), [5, 17, 32]);
    }

    #[test]
    fn rows_of_the_operator_are_normalized() {
        let neighbours = Neighbours(vec![vec![1], vec![0], vec![1]]);
        let either = Operator::of(&neighbours, 1, Joining::Either).dense();
        let root = 0.5_f64.sqrt();
        for (found, expected) in either.iter().zip([0.0, root, 0.0, root, 0.0, root, 0.0, root]) {
            assert!((found - expected).abs() < 1e-15);
        }
        // Half an edge from 2 to 1: degrees 1, 1.5, 0.5.
        let half = Operator::of(&neighbours, 1, Joining::Half).dense();
        assert!((half[1] - 1.0 / 1.5_f64.sqrt()).abs() < 1e-15);
        assert!((half[5] - 0.5 / 0.75_f64.sqrt()).abs() < 1e-15);
    }
}
