//! k-means on the rows of eigenvectors (Ng et al. 2002): each row divided by its length.

use rayon::prelude::*;

use super::graph::squared_distance;
use crate::random::{Stream, word_of};

/// Runs from different starts; the best one counts.
const STARTS: usize = 10;

const MOST_ROUNDS: usize = 100;

/// The cluster of each row, numbered in the order of their first members: by the first `count` vectors, in as many
/// clusters.
pub(super) fn spectral_clusters(vectors: &[Vec<f64>], count: usize) -> Vec<u8> {
    kmeans(&normalized_rows(vectors, count), count)
}

/// The rows of the first vectors, divided by their lengths.
pub(super) fn normalized_rows(vectors: &[Vec<f64>], count: usize) -> Vec<Vec<f64>> {
    let rows = vectors.first().map_or(0, Vec::len);
    let row = |row: usize| {
        let values: Vec<f64> = vectors.iter().take(count).map(|vector| vector[row]).collect();
        let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        values.into_iter().map(|value| value * scale).collect()
    };
    (0..rows).map(row).collect()
}

fn kmeans(rows: &[Vec<f64>], count: usize) -> Vec<u8> {
    let runs: Vec<(f64, Vec<u8>)> =
        (0..STARTS).into_par_iter().map(|start| run(rows, count, start)).collect();
    let mut best: Option<(f64, Vec<u8>)> = None;
    for run in runs {
        // By more than rounding, so that equal clusterings keep the first start.
        if best.as_ref().is_none_or(|best| run.0 < best.0 * (1.0 - 1e-12)) {
            best = Some(run);
        }
    }
    renumbered(best.map(|best| best.1).unwrap_or_default())
}

/// From one start: the sum of squared distances to the centers, and the clusters.
fn run(rows: &[Vec<f64>], count: usize, start: usize) -> (f64, Vec<u8>) {
    let mut centers = first_centers(rows, count, start);
    let mut clusters = vec![u8::MAX; rows.len()];
    let mut sum = 0.0;
    for _ in 0..MOST_ROUNDS {
        sum = 0.0;
        let mut has_changed = false;
        for (row, cluster) in rows.iter().zip(&mut clusters) {
            let (near, distance) = nearest(row, &centers);
            has_changed |= *cluster != near;
            *cluster = near;
            sum += distance;
        }
        if !has_changed {
            break;
        }
        move_centers(rows, &clusters, &mut centers);
    }
    (sum, clusters)
}

/// Centers far from each other (k-means++, Arthur and Vassilvitskii 2007).
fn first_centers(rows: &[Vec<f64>], count: usize, start: usize) -> Vec<Vec<f64>> {
    let stream = Stream::new(0, &[word_of("k-means"), start as u64]);
    let mut centers = vec![rows[stream.below(0, rows.len())].clone()];
    let mut distances = vec![f64::INFINITY; rows.len()];
    while centers.len() < count {
        let last = &centers[centers.len() - 1];
        for (distance, row) in distances.iter_mut().zip(rows) {
            *distance = distance.min(squared_distance(row, last));
        }
        let total: f64 = distances.iter().sum();
        let mut left = total * f64::from(stream.uniform(centers.len() as u64));
        let is_reached = |distance: &f64| {
            left -= distance;
            left < 0.0
        };
        let next = distances.iter().position(is_reached).unwrap_or(rows.len() - 1);
        centers.push(rows[next].clone());
    }
    centers
}

fn nearest(row: &[f64], centers: &[Vec<f64>]) -> (u8, f64) {
    let mut best = (0, f64::INFINITY);
    for (center, number) in centers.iter().zip(0..) {
        let distance = squared_distance(row, center);
        if distance < best.1 {
            best = (number, distance);
        }
    }
    best
}

/// Every center becomes the mean of its cluster; one without members stays.
fn move_centers(rows: &[Vec<f64>], clusters: &[u8], centers: &mut [Vec<f64>]) {
    for (center, number) in centers.iter_mut().zip(0..) {
        let members = || rows.iter().zip(clusters).filter(|(_, it)| **it == number);
        let count = members().count();
        if count > 0 {
            center.fill(0.0);
            for (row, _) in members() {
                center.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            center.iter_mut().for_each(|sum| *sum /= count as f64);
        }
    }
}

fn renumbered(clusters: Vec<u8>) -> Vec<u8> {
    let mut order: Vec<u8> = vec![];
    let number = |cluster: u8| {
        let place = order.iter().position(|known| *known == cluster).unwrap_or_else(|| {
            order.push(cluster);
            order.len() - 1
        });
        place as u8
    };
    clusters.into_iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_are_found_and_numbered_by_their_first_members() {
        let stream = Stream::new(2, &[]);
        let row = |index: usize| {
            let noise = |part: u64| 0.1 * f64::from(stream.uniform(2 * index as u64 + part));
            vec![((7 * index + 1) % 3) as f64 + noise(0), noise(1)]
        };
        let rows: Vec<Vec<f64>> = (0..60).map(row).collect();
        let clusters = kmeans(&rows, 3);
        let expected: Vec<u8> = (0..60).map(|index| (index % 3) as u8).collect();
        assert_eq!(clusters, expected);
    }

    #[test]
    fn equal_rows_are_one_cluster() {
        assert_eq!(kmeans(&vec![vec![1.0, 0.0]; 6], 3), [0; 6]);
        assert_eq!(normalized_rows(&[vec![0.0, 0.0], vec![4.0, 0.0]], 2), [[0.0, 1.0], [0.0, 0.0]]);
    }
}
