//! Total variation of a heatmap: how much neighbouring pixels differ (Goh et al. 2021, section IV-C).
//!
//! Relevance counts by its magnitude, from the lowest value (0) to the 99th percentile (1).

use crate::plane::enlarged;

/// Each scale of the pyramid is this much smaller than the one before.
const DOWNSCALE: f64 = 1.5;
/// The pyramid ends above this many pixels; the heatmap's own scale always counts.
const SMALLEST: usize = 30;
/// Standard deviation of the blur before a scale is taken, in pixels: 2 · 1.5 / 6.
const BLUR: f32 = 0.5;

/// Σ|h(i, j) − h(i, j + 1)| + Σ|h(i, j) − h(i + 1, j)|, divided by the number of pixels: 0 for an
/// even heatmap, at most 2. `values` are row by row.
pub fn total_variation(values: &[f32], height: usize, width: usize) -> f32 {
    let map = normalized(values);
    let at = |row: usize, column: usize| f64::from(map[row * width + column]);
    let mut sum = 0.0;
    for row in 0..height {
        for column in 0..width {
            if column + 1 < width {
                sum += (at(row, column) - at(row, column + 1)).abs();
            }
            if row + 1 < height {
                sum += (at(row, column) - at(row + 1, column)).abs();
            }
        }
    }
    (sum / (height * width).max(1) as f64) as f32
}

/// The mean of [`total_variation`] over a Gaussian pyramid of the signed heatmap, each scale 1.5 times
/// smaller, down to 30 pixels.
pub fn average_total_variation(values: &[f32], height: usize, width: usize) -> f32 {
    let (mut map, mut size) = (values.to_vec(), [height, width]);
    let mut variations = vec![];
    loop {
        variations.push(total_variation(&map, size[0], size[1]));
        let smaller = size.map(|side| (side as f64 / DOWNSCALE).ceil() as usize);
        if smaller.iter().any(|&side| side < SMALLEST) {
            break;
        }
        map = enlarged(&blurred(&map, size), &size, &smaller);
        size = smaller;
    }
    variations.iter().sum::<f32>() / variations.len() as f32
}

/// Magnitudes from the lowest (0) to the 99th percentile (1); zero where all are equal.
fn normalized(values: &[f32]) -> Vec<f32> {
    let magnitudes: Vec<f32> = values.iter().map(|value| value.abs()).collect();
    let mut sorted = magnitudes.clone();
    sorted.sort_by(f32::total_cmp);
    let low = sorted.first().copied().unwrap_or(0.0);
    // Between two values the percentile is interpolated, as numpy does.
    let place = 0.99 * sorted.len().saturating_sub(1) as f32;
    let at = |index: usize| sorted.get(index).copied().unwrap_or(low);
    let (below, part) = (place as usize, place.fract());
    let high = at(below) + part * (at((below + 1).min(sorted.len().saturating_sub(1))) - at(below));
    let range = high - low;
    let scaled =
        |value: f32| if range > 0.0 { ((value - low) / range).clamp(0.0, 1.0) } else { 0.0 };
    magnitudes.into_iter().map(scaled).collect()
}

/// A Gaussian blur; pixels beyond the edge are mirrored.
fn blurred(map: &[f32], size: [usize; 2]) -> Vec<f32> {
    let weight = |offset: f32| (-offset * offset / (2.0 * BLUR * BLUR)).exp();
    let weights = [weight(2.0), weight(1.0), 1.0, weight(1.0), weight(2.0)];
    let sum: f32 = weights.iter().sum();
    let along = |map: &[f32], stride: usize, length: usize| -> Vec<f32> {
        let blur = |index: usize| {
            let place = index / stride % length;
            let start = index - place * stride;
            let taps = weights.iter().enumerate().map(|(tap, weight)| {
                let neighbour = mirrored(place as isize + tap as isize - 2, length);
                weight * map[start + neighbour * stride]
            });
            taps.sum::<f32>() / sum
        };
        (0..map.len()).map(blur).collect()
    };
    along(&along(map, size[1], size[0]), 1, size[1])
}

/// The place within 0..length that a place beyond the edge shows: `d c b a | a b c d | d c b a`.
fn mirrored(place: isize, length: usize) -> usize {
    let length = length as isize;
    let place = place.rem_euclid(2 * length);
    place.min(2 * length - 1 - place) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_heatmap_has_none_and_a_chessboard_the_most() {
        assert_eq!(total_variation(&[3.0; 100], 10, 10), 0.0);
        let chessboard: Vec<f32> =
            (0..100).map(|index| ((index / 10 + index % 10) % 2) as f32).collect();
        // 2 · 10 · 9 neighbours over 100 pixels.
        assert!((total_variation(&chessboard, 10, 10) - 1.8).abs() < 1e-6);
        let ramp: Vec<f32> = (0..100).map(|index| (index % 10) as f32).collect();
        // Every row rises from 0 to 1 once.
        assert!((total_variation(&ramp, 10, 10) - 0.1).abs() < 1e-6);
        let signs: Vec<f32> = chessboard.iter().map(|value| 2.0 * value - 1.0).collect();
        assert_eq!(total_variation(&signs, 10, 10), 0.0);
    }

    #[test]
    fn the_pyramid_smooths_noise_away() {
        let noise: Vec<f32> = (0..90 * 90_u32)
            .map(|index| (index.wrapping_mul(2_654_435_761) >> 16) as f32 / 65536.0 - 0.5)
            .collect();
        let fine = total_variation(&noise, 90, 90);
        assert!(fine > 0.5, "{fine}");
        let average = average_total_variation(&noise, 90, 90);
        let smooth: Vec<f32> =
            (0..90 * 90).map(|index| ((index % 90) as f32 / 15.0).sin()).collect();
        assert!(average_total_variation(&smooth, 90, 90) < 0.2 * average);
        assert_eq!(
            average_total_variation(&noise[..400], 20, 20),
            total_variation(&noise[..400], 20, 20)
        );
    }

    #[test]
    fn mirroring_repeats_the_edge() {
        let places: Vec<usize> = (-2..5).map(|place| mirrored(place, 3)).collect();
        assert_eq!(places, [1, 0, 0, 1, 2, 2, 1]);
        assert_eq!(mirrored(-2, 1), 0);
    }
}
