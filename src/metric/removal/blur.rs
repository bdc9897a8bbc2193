//! A Gaussian blur; pixels beyond the edge are mirrored, and weights end at four standard deviations.

/// One channel, blurred. `sigma` is in pixels and above 0.
pub fn blurred_plane(plane: &[f32], height: usize, width: usize, sigma: f64) -> Vec<f32> {
    let weights = weights(sigma);
    let along_rows = convolved(plane, height, width, &weights);
    let columns = transposed(&along_rows, height, width);
    transposed(&convolved(&columns, width, height, &weights), width, height)
}

/// The weights from the middle outwards; with those of the other side they sum to 1.
fn weights(sigma: f64) -> Vec<f64> {
    let reach = (4.0 * sigma + 0.5) as usize;
    let weight = |offset: usize| libm::exp(-0.5 * (offset as f64 / sigma).powi(2));
    let half: Vec<f64> = (0..=reach).map(weight).collect();
    let sum = half[0] + 2.0 * half[1..].iter().sum::<f64>();
    half.into_iter().map(|weight| weight / sum).collect()
}

/// Every row convolved.
fn convolved(plane: &[f32], height: usize, width: usize, weights: &[f64]) -> Vec<f32> {
    let reach = weights.len() - 1;
    let mut result = Vec::with_capacity(plane.len());
    let mut padded = vec![0.0; width + 2 * reach];
    for row in plane.chunks_exact(width).take(height) {
        for (index, value) in padded.iter_mut().enumerate() {
            *value = f64::from(row[mirrored(index as isize - reach as isize, width)]);
        }
        for centre in reach..reach + width {
            let mut sum = weights[0] * padded[centre];
            for (offset, weight) in weights.iter().enumerate().skip(1) {
                sum += weight * (padded[centre - offset] + padded[centre + offset]);
            }
            result.push(sum as f32);
        }
    }
    result
}

fn transposed(plane: &[f32], height: usize, width: usize) -> Vec<f32> {
    (0..plane.len()).map(|index| plane[index % height * width + index / height]).collect()
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
    fn numbers_are_those_of_scipy() {
        // scipy.ndimage.gaussian_filter(numpy.arange(12.).reshape(3, 4) ** 2, 0.8)
        let plane: Vec<f32> = (0..12).map(|index| (index * index) as f32).collect();
        let expected = [
            6.506_85, 9.496_104, 14.617_919, 19.426_597, 26.720_628, 33.802_927, 44.301_507,
            53.203_23, 54.913_19, 66.088_53, 81.963_88, 94.958_64,
        ];
        for (found, expected) in blurred_plane(&plane, 3, 4, 0.8).into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-3, "{found}, not {expected}");
        }
    }

    #[test]
    fn an_even_plane_stays_and_sums_are_kept() {
        let even = blurred_plane(&[3.0; 20], 4, 5, 2.5);
        assert!(even.iter().all(|value| (value - 3.0).abs() < 1e-6), "{even:?}");
        let plane: Vec<f32> = (0..20).map(|index| ((index * 7) % 11) as f32).collect();
        let blurred = blurred_plane(&plane, 4, 5, 1.3);
        let sum = |plane: &[f32]| plane.iter().sum::<f32>();
        assert!((sum(&plane) - sum(&blurred)).abs() < 1e-4);
    }
}
