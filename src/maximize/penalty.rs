//! Penalties on the picture: on its total variation, and on how far its values are from grey.

/// Keeps the root of the total variation smooth where neighbours are alike.
const SMOOTH: f32 = 1e-6;

/// Mean over the values of √(Δx² + Δy² + ε): how rough planes of `[height, width]` are. Adds `weight` times its gradient.
///
/// Rudin, Osher and Fatemi 1992; for pictures that maximise an activation, Mahendran and Vedaldi 2015.
pub(super) fn total_variation(
    planes: &[f32],
    [height, width]: [usize; 2],
    weight: f32,
    gradient: &mut [f32],
) -> f64 {
    let share = 1.0 / planes.len() as f32;
    let mut sum = 0.0;
    let of_planes = gradient.chunks_exact_mut(height * width);
    for (plane, gradient) in planes.chunks_exact(height * width).zip(of_planes) {
        for row in 0..height {
            for column in 0..width {
                let place = row * width + column;
                let value = plane[place];
                let right = (column + 1 < width).then(|| plane[place + 1] - value);
                let below = (row + 1 < height).then(|| plane[place + width] - value);
                let (across, down) = (right.unwrap_or(0.0), below.unwrap_or(0.0));
                let length = (across * across + down * down + SMOOTH).sqrt();
                sum += f64::from(length);
                let slope = weight * share / length;
                gradient[place] -= slope * (across + down);
                if right.is_some() {
                    gradient[place + 1] += slope * across;
                }
                if below.is_some() {
                    gradient[place + width] += slope * down;
                }
            }
        }
    }
    sum * f64::from(share)
}

/// Mean over the values of (v − ½)². Adds `weight` times its gradient.
pub(super) fn norm(planes: &[f32], weight: f32, gradient: &mut [f32]) -> f64 {
    let share = 1.0 / planes.len() as f32;
    let mut sum = 0.0;
    for (slope, value) in gradient.iter_mut().zip(planes) {
        let distance = value - 0.5;
        sum += f64::from(distance * distance);
        *slope += 2.0 * weight * share * distance;
    }
    sum * f64::from(share)
}

/// Mean over all pairs of neighbours of |v − v'|: how rough a picture is, as reports say it.
pub(super) fn roughness(planes: &[f32], [height, width]: [usize; 2]) -> f64 {
    let (mut sum, mut count) = (0.0, 0usize);
    for plane in planes.chunks_exact(height * width) {
        for (place, value) in plane.iter().enumerate() {
            let right = (place % width + 1 < width).then_some(place + 1);
            let below = (place / width + 1 < height).then_some(place + width);
            for other in [right, below].into_iter().flatten() {
                sum += f64::from((plane[other] - value).abs());
                count += 1;
            }
        }
    }
    if count == 0 { 0.0 } else { sum / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let mut planes = vec![0.0; 2 * 12];
        Stream::new(0, &[]).normals(&mut planes, |value, normal| *value = 0.5 + 0.2 * normal);
        let size = [3, 4];
        type Term = fn(&[f32], &mut [f32]) -> f64;
        let penalties: [Term; 2] = [
            |planes, gradient| total_variation(planes, [3, 4], 2.0, gradient),
            |planes, gradient| norm(planes, 2.0, gradient),
        ];
        for penalty in penalties {
            let mut gradient = vec![0.0; planes.len()];
            penalty(&planes, &mut gradient);
            for place in 0..planes.len() {
                let value = |step: f32| {
                    let mut moved = planes.clone();
                    moved[place] += step;
                    penalty(&moved, &mut vec![0.0; moved.len()])
                };
                let expected = 2.0 * (value(1e-3) - value(-1e-3)) / 2e-3;
                let difference = (f64::from(gradient[place]) - expected).abs();
                assert!(difference <= 1e-3, "{place}: {}, not {expected}", gradient[place]);
            }
        }
        assert!(roughness(&planes, size) > 0.1);
    }

    #[test]
    fn numbers_by_hand() {
        // One step of 1 down, between two rows of two.
        let planes = [0.0, 0.0, 1.0, 1.0];
        let mut gradient = [0.0; 4];
        let value = total_variation(&planes, [2, 2], 1.0, &mut gradient);
        assert!((value - 0.5).abs() < 1e-3, "{value}");
        assert_eq!(roughness(&planes, [2, 2]), 0.5);
        assert_eq!(norm(&planes, 1.0, &mut gradient), 0.25);
        assert_eq!(roughness(&[0.5], [1, 1]), 0.0);
    }
}
