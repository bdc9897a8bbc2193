//! A plane of numbers by its frequencies: the Fourier basis with scaled frequencies (Olah et al. 2017, "Feature
//! Visualization", section on preconditioning).
//!
//! A plane u of h × w numbers is
//!
//! ```text
//! u(y, x) = Σ_k w_k s_k Re(θ_k exp(2πi (k_y y / h + k_x x / w)))      s_k = 1 / (4 √(h w) max(|k|, 1 / max(h, w)))
//! ```
//!
//! over the half of the frequencies with k_x = 0 ..= w / 2, each with a complex parameter θ_k; w_k is 2 where the mirrored
//! frequency is another one that is left out, else 1. |k| is in cycles per pixel. Gradient descent on θ instead of u gives
//! every frequency the same share of a step, as it has the same share of the energy of photographs, where the amplitude
//! falls as 1 / |k|.

use std::sync::Arc;

use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

/// What makes frequencies of a plane into its numbers, and the other way.
pub(super) struct Fourier {
    height: usize,
    width: usize,
    /// s_k of the half of the frequencies, by k_x, then k_y.
    scales: Vec<f32>,
    down: [Arc<dyn Fft<f32>>; 2],
    across: [Arc<dyn Fft<f32>>; 2],
}

/// The part of a step that one frequency of Olah's implementation ("lucid") has in a picture.
const AMPLITUDE: f64 = 0.25;

/// The transforms, forward and inverse.
const FORWARD: usize = 0;
const INVERSE: usize = 1;

impl Fourier {
    /// The basis of planes of a size.
    pub fn new(height: usize, width: usize) -> Fourier {
        let mut planner = FftPlanner::new();
        let mut both =
            |length: usize| [planner.plan_fft_forward(length), planner.plan_fft_inverse(length)];
        let frequency =
            |place: usize, length: usize| place.min(length - place) as f64 / length as f64;
        let lowest = 1.0 / height.max(width) as f64;
        let norm = ((height * width) as f64).sqrt();
        let scale = |across: usize, down: usize| {
            let (across, down) = (frequency(across, width), frequency(down, height));
            let length = (across * across + down * down).sqrt();
            (AMPLITUDE / (norm * length.max(lowest))) as f32
        };
        let columns = 0..=width / 2;
        let scales = columns.flat_map(|across| (0..height).map(move |down| scale(across, down)));
        Fourier { scales: scales.collect(), down: both(height), across: both(width), height, width }
    }

    /// How many parameters a plane has: the real and the imaginary part of every frequency of the half, beside each other.
    pub fn parameter_count(&self) -> usize {
        2 * self.scales.len()
    }

    /// The numbers of a plane.
    pub fn synthesize(&self, parameters: &[f32], plane: &mut [f32]) {
        let pairs = parameters.chunks_exact(2).zip(&self.scales);
        let mut half: Vec<Complex32> =
            pairs.map(|(pair, scale)| Complex32::new(pair[0], pair[1]) * *scale).collect();
        self.down[INVERSE].process(&mut half);
        let (height, width) = (self.height, self.width);
        // Two rows at a time: one is the real part of the transform, the other the imaginary part.
        let mut rows = vec![Complex32::default(); height.div_ceil(2) * width];
        for (pair, row) in rows.chunks_exact_mut(width).enumerate() {
            let [upper, lower] = [2 * pair, 2 * pair + 1];
            for across in 0..=width / 2 {
                let column = &half[across * height..][..height];
                let a = column[upper];
                let b = column.get(lower).copied().unwrap_or_default();
                let mirrored = (width - across) % width;
                if mirrored == across {
                    row[across] = Complex32::new(a.re, b.re);
                } else {
                    row[across] = Complex32::new(a.re - b.im, a.im + b.re);
                    row[mirrored] = Complex32::new(a.re + b.im, b.re - a.im);
                }
            }
        }
        self.across[INVERSE].process(&mut rows);
        for (two, row) in plane.chunks_mut(2 * width).zip(rows.chunks_exact(width)) {
            let (upper, lower) = two.split_at_mut(width);
            upper.iter_mut().zip(row).for_each(|(value, number)| *value = number.re);
            lower.iter_mut().zip(row).for_each(|(value, number)| *value = number.im);
        }
    }

    /// The gradient by the parameters, of that by the numbers of the plane: the transpose of [`Fourier::synthesize`].
    pub fn transposed(&self, gradient: &[f32], parameters: &mut [f32]) {
        let half = self.half_spectrum(gradient);
        let height = self.height;
        for (place, (pair, (number, scale))) in
            parameters.chunks_exact_mut(2).zip(half.iter().zip(&self.scales)).enumerate()
        {
            let across = place / height;
            let is_mirrored = (self.width - across) % self.width != across;
            let weight = if is_mirrored { 2.0 * scale } else { *scale };
            pair.copy_from_slice(&[weight * number.re, weight * number.im]);
        }
    }

    /// Parameters of a plane: those of which [`Fourier::synthesize`] makes it.
    pub fn analyze(&self, plane: &[f32], parameters: &mut [f32]) {
        let half = self.half_spectrum(plane);
        let count = (self.height * self.width) as f32;
        for (pair, (number, scale)) in
            parameters.chunks_exact_mut(2).zip(half.iter().zip(&self.scales))
        {
            pair.copy_from_slice(&[number.re / (count * scale), number.im / (count * scale)]);
        }
    }

    /// Σ u exp(−2πi (k_y y / h + k_x x / w)) for the half of the frequencies.
    fn half_spectrum(&self, plane: &[f32]) -> Vec<Complex32> {
        let (height, width) = (self.height, self.width);
        let mut rows = vec![Complex32::default(); height.div_ceil(2) * width];
        for (two, row) in plane.chunks(2 * width).zip(rows.chunks_exact_mut(width)) {
            let (upper, lower) = two.split_at(width);
            row.iter_mut().zip(upper).for_each(|(number, value)| number.re = *value);
            row.iter_mut().zip(lower).for_each(|(number, value)| number.im = *value);
        }
        self.across[FORWARD].process(&mut rows);
        let mut half = vec![Complex32::default(); self.scales.len()];
        for (pair, row) in rows.chunks_exact(width).enumerate() {
            let [upper, lower] = [2 * pair, 2 * pair + 1];
            for across in 0..=width / 2 {
                let column = &mut half[across * height..][..height];
                let (number, mirrored) = (row[across], row[(width - across) % width].conj());
                let (sum, difference) = (number + mirrored, number - mirrored);
                column[upper] = sum * 0.5;
                if let Some(value) = column.get_mut(lower) {
                    // Divided by 2i.
                    *value = Complex32::new(difference.im * 0.5, -difference.re * 0.5);
                }
            }
        }
        self.down[FORWARD].process(&mut half);
        half
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    fn normals(seed: u64, count: usize) -> Vec<f32> {
        let mut values = vec![0.0; count];
        Stream::new(seed, &[]).normals(&mut values, |value, normal| *value = normal);
        values
    }

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    const SIZES: [[usize; 2]; 6] = [[1, 1], [2, 3], [5, 4], [8, 8], [7, 9], [28, 20]];

    #[test]
    fn planes_are_the_sum_of_their_waves() {
        for [height, width] in SIZES {
            let fourier = Fourier::new(height, width);
            let parameters = normals(1, fourier.parameter_count());
            let mut plane = vec![0.0; height * width];
            fourier.synthesize(&parameters, &mut plane);
            for (place, value) in plane.iter().enumerate() {
                let (y, x) = ((place / width) as f64, (place % width) as f64);
                let mut sum = 0.0;
                for (index, pair) in parameters.chunks_exact(2).enumerate() {
                    let (across, down) = (index / height, index % height);
                    let turns = down as f64 * y / height as f64 + across as f64 * x / width as f64;
                    let angle = std::f64::consts::TAU * turns;
                    let weight = if across == 0 || 2 * across == width { 1.0 } else { 2.0 };
                    let wave = f64::from(pair[0]) * angle.cos() - f64::from(pair[1]) * angle.sin();
                    sum += weight * f64::from(fourier.scales[index]) * wave;
                }
                let difference = (sum - f64::from(*value)).abs();
                assert!(difference <= 1e-5, "{height}x{width} at {place}: {value}, not {sum}");
            }
        }
    }

    #[test]
    fn frequencies_fall_as_one_over_their_length() {
        let fourier = Fourier::new(8, 8);
        // 1 / (4 · 8 · 1/8), of the constant and of one wave across; a half of it for two waves.
        assert_eq!(fourier.scales[..3], [0.25, 0.25, 0.125]);
        assert_eq!(fourier.scales[8], 0.25);
        // Five waves down are three upwards.
        assert_eq!(fourier.scales[5], fourier.scales[3]);
    }

    #[test]
    fn the_transpose_is_the_transpose() {
        for [height, width] in SIZES {
            let fourier = Fourier::new(height, width);
            let (parameters, gradient) =
                (normals(1, fourier.parameter_count()), normals(2, height * width));
            let mut plane = vec![0.0; height * width];
            fourier.synthesize(&parameters, &mut plane);
            let mut by_parameters = vec![0.0; parameters.len()];
            fourier.transposed(&gradient, &mut by_parameters);
            let (one, other) = (dot(&plane, &gradient), dot(&parameters, &by_parameters));
            let size = dot(&plane, &plane).sqrt() * dot(&gradient, &gradient).sqrt();
            assert!((one - other).abs() <= 1e-5 * size, "{height}x{width}: {one} and {other}");
        }
    }

    #[test]
    fn a_plane_comes_back_from_its_parameters() {
        for [height, width] in SIZES {
            let fourier = Fourier::new(height, width);
            let plane = normals(3, height * width);
            let mut parameters = vec![0.0; fourier.parameter_count()];
            fourier.analyze(&plane, &mut parameters);
            let mut again = vec![0.0; plane.len()];
            fourier.synthesize(&parameters, &mut again);
            for (before, after) in plane.iter().zip(&again) {
                assert!((before - after).abs() <= 1e-4, "{height}x{width}: {before}, {after}");
            }
        }
    }
}
