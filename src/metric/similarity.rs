//! How alike two lists of numbers, or two maps, are.

use std::cmp::Ordering;

use anyhow::Result;

use super::map::Map;
use super::undefined::undefined;

/// Pearson's correlation.
///
/// # Errors
/// Undefined where a list is constant.
pub fn pearson(a: &[f64], b: &[f64]) -> Result<f64> {
    let centred = |values: &[f64]| -> Vec<f64> {
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        values.iter().map(|value| value - mean).collect()
    };
    if is_constant(a) || is_constant(b) {
        return undefined("a correlation with a constant has no value");
    }
    let (a, b) = (centred(a), centred(b));
    cosine(&a, &b)
}

/// Spearman's rank correlation: Pearson's of the ranks, equal values having the mean of theirs.
///
/// # Errors
/// Undefined where a list is constant.
pub fn spearman(a: &[f64], b: &[f64]) -> Result<f64> {
    pearson(&ranks(a), &ranks(b))
}

/// Σab / √(Σa² Σb²).
///
/// # Errors
/// Undefined where a list is 0 everywhere.
pub fn cosine(a: &[f64], b: &[f64]) -> Result<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // Each root by itself: the product of two small numbers may be 0.
    let scale = dot(a, a).sqrt() * dot(b, b).sqrt();
    if !(scale > 0.0 && scale.is_finite()) {
        return undefined("the cosine with a map that is 0 everywhere has no value");
    }
    Ok((dot(a, b) / scale).clamp(-1.0, 1.0))
}

fn is_constant(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

/// The rank of every value, from 1; equal values have the mean of theirs.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].partial_cmp(&values[b]).unwrap_or(Ordering::Equal));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = before as f64 + (group.len() + 1) as f64 / 2.0;
        group.iter().for_each(|&index| ranks[index] = rank);
        before += group.len();
    }
    ranks
}

/// The structural similarity of two maps (Wang et al. 2004): the mean over windows of 7 × 7 pixels, each map in units of
/// its root mean square; the range L of the constants is that of both maps together.
///
/// # Errors
/// Undefined where a map is 0 everywhere, or smaller than a window.
pub fn ssim(a: &Map, b: &Map) -> Result<f64> {
    const SIDE: usize = 7;
    let (height, width) = (a.height(), a.width());
    if height < SIDE || width < SIDE {
        return undefined("the map is smaller than a window of 7 x 7 pixels");
    }
    let scaled = |map: &Map| -> Result<Vec<f64>> {
        let root_mean_square = map.norm() / (map.values().len() as f64).sqrt();
        if root_mean_square == 0.0 {
            return undefined("the map is 0 everywhere");
        }
        Ok(map.values().iter().map(|value| value / root_mean_square).collect())
    };
    let (a, b) = (scaled(a)?, scaled(b)?);
    let both = || a.iter().chain(&b).copied();
    let range = both().fold(f64::NEG_INFINITY, f64::max) - both().fold(f64::INFINITY, f64::min);
    let (first, second) = ((0.01 * range).powi(2), (0.03 * range).powi(2));
    let products = |x: &[f64], y: &[f64]| -> Vec<f64> {
        let products: Vec<f64> = x.iter().zip(y).map(|(x, y)| x * y).collect();
        window_means(&products, width, SIDE)
    };
    let (mean_a, mean_b) = (window_means(&a, width, SIDE), window_means(&b, width, SIDE));
    let (aa, bb, ab) = (products(&a, &a), products(&b, &b), products(&a, &b));
    // The sample's variance, as scikit-image has it by default.
    let count = (SIDE * SIDE) as f64;
    let unbiased = count / (count - 1.0);
    let similarity = |index: usize| {
        let (x, y) = (mean_a[index], mean_b[index]);
        let variance = unbiased * (aa[index] - x * x + bb[index] - y * y);
        let covariance = unbiased * (ab[index] - x * y);
        (2.0 * x * y + first) * (2.0 * covariance + second)
            / ((x * x + y * y + first) * (variance + second))
    };
    Ok((0..mean_a.len()).map(similarity).sum::<f64>() / mean_a.len() as f64)
}

/// The means over all windows of `side` × `side` inside the map.
fn window_means(values: &[f64], width: usize, side: usize) -> Vec<f64> {
    let along: Vec<Vec<f64>> = values
        .chunks_exact(width)
        .map(|row| row.windows(side).map(|window| window.iter().sum()).collect())
        .collect();
    let area = (side * side) as f64;
    let means = along.windows(side).flat_map(|rows| {
        (0..=width - side).map(move |column| rows.iter().map(|row| row[column]).sum::<f64>() / area)
    });
    means.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_by_hand() {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 6.0]);
        // Σ of products of deviations: 7; √(5 · 14).
        assert!((pearson(&a, &b).unwrap() - 7.0 / 70.0f64.sqrt()).abs() < 1e-12);
        // One pair is exchanged: 1 − 6·2/(4·15).
        assert!((spearman(&a, &b).unwrap() - 0.8).abs() < 1e-12);
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 0.0]), [3.5, 2.0, 3.5, 1.0]);
        assert_eq!(cosine(&[3.0, 0.0], &[1.0, 0.0]).unwrap(), 1.0);
        assert!((pearson(&a, &a.map(|value| -2.0 * value)).unwrap() + 1.0).abs() < 1e-12);
        assert!(pearson(&a, &[2.0; 4]).is_err() && spearman(&[0.0; 4], &a).is_err());
        assert!(cosine(&a, &[0.0; 4]).is_err() && pearson(&[], &[]).is_err());
    }

    #[test]
    fn a_map_is_most_similar_to_itself() {
        let map = |shift: usize| {
            let values = (0..99).map(|index| (((index + shift) * 37) % 19) as f64 - 9.0).collect();
            Map::new(values, 9, 11).unwrap()
        };
        assert!((ssim(&map(0), &map(0)).unwrap() - 1.0).abs() < 1e-12);
        let doubled = Map::new(map(0).values().iter().map(|v| 2.0 * v).collect(), 9, 11).unwrap();
        assert!((ssim(&map(0), &doubled).unwrap() - 1.0).abs() < 1e-12);
        assert!(ssim(&map(0), &map(5)).unwrap() < 0.5);
        assert!(ssim(&Map::new(vec![1.0; 36], 6, 6).unwrap(), &map(0)).is_err());
    }
}
