//! Which pictures to label next: those whose heatmaps are least like the labelled ones (Hägele et al. 2019).

use rayon::prelude::*;

use super::graph::squared_distance;
use super::pool::Feature;

/// Labelled neighbours whose distance counts.
const NEAREST: usize = 5;

/// How far every feature is from the labelled ones: the mean distance to the 5 nearest; infinite without any.
pub fn novelty(features: &[Feature], labelled: &[&Feature]) -> Vec<f64> {
    let of = |feature: &Feature| {
        let distances = labelled.iter().map(|other| squared_distance(feature, other).sqrt());
        let mut distances: Vec<f64> = distances.collect();
        distances.sort_by(f64::total_cmp);
        let near = distances.iter().take(NEAREST);
        match near.len() {
            0 => f64::INFINITY,
            count => near.sum::<f64>() / count as f64,
        }
    };
    features.par_iter().map(of).collect()
}

/// A list of `count` rows that differ from each other: the newest first, then always the one that is farthest from what
/// is labelled and from those before it.
pub fn diverse(features: &[Feature], novelty: &[f64], count: usize) -> Vec<usize> {
    let mut farness = novelty.to_vec();
    let mut chosen = vec![];
    let mut is_left = vec![true; features.len()];
    while chosen.len() < count.min(features.len()) {
        let left = (0..features.len()).filter(|&row| is_left[row]);
        // Of equal ones the first.
        let Some(next) =
            left.reduce(|best, row| if farness[row] > farness[best] { row } else { best })
        else {
            break;
        };
        is_left[next] = false;
        chosen.push(next);
        farness.par_iter_mut().zip(features).for_each(|(farness, feature)| {
            *farness = farness.min(squared_distance(feature, &features[next]).sqrt());
        });
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_come_first_and_like_ones_later() {
        let features = [0.0, 9.0, 9.1, 5.0, 0.1].map(|value| vec![value]);
        let labelled = vec![vec![0.0]; 6];
        let labelled: Vec<&Feature> = labelled.iter().collect();
        let novelty = novelty(&features, &labelled);
        assert_eq!(novelty[0], 0.0);
        assert!((novelty[2] - 9.1).abs() < 1e-12);
        assert_eq!(diverse(&features, &novelty, 9), [2, 3, 4, 1, 0]);
        assert_eq!(diverse(&features, &[f64::INFINITY; 5], 2), [0, 2]);
    }
}
