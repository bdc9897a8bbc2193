//! Normalisation by the signal's own statistics: `LayerNormalization`, `RMSNormalization`, `InstanceNormalization`,
//! `GroupNormalization` (between reshapes), the L2 norm.

use anyhow::Result;

use super::Operator;
use super::activation::single;
use super::groups::{self, for_each_group};
use crate::tensor::Tensor;

/// `y = scale · (x − mean) / √(mean((x − mean)²) + ε) + shift`, with means over neighbouring axes. If `is_centred` is not
/// set, no mean is subtracted (RMSNormalization).
///
/// Relevance: the standard deviation is a coefficient (Ali et al. 2022; Achtibat et al. 2024).
#[derive(Clone, Debug)]
pub struct LayerNormalization {
    /// The number of elements that are normalised together, and their distance in memory.
    pub length_and_stride: (usize, usize),
    /// Whether the mean is subtracted.
    pub is_centred: bool,
    /// The number that is added to the variance.
    pub epsilon: f32,
    /// The last factor; `None` is 1. Broadcasts to the signal.
    pub scale: Option<Tensor>,
    /// The last summand; `None` is 0. Broadcasts to the signal.
    pub shift: Option<Tensor>,
}

/// A sum, by enough partial sums to fill vector registers. It rounds less than a running sum.
fn sum(row: &[f32], value: impl Fn(usize, f32) -> f32) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0f32; LANES];
    for (block, elements) in row.chunks(LANES).enumerate() {
        for (lane, (sum, &element)) in sums.iter_mut().zip(elements).enumerate() {
            *sum += value(block * LANES + lane, element);
        }
    }
    sums.iter().sum()
}

impl LayerNormalization {
    /// Normalises over a block of neighbouring axes of a tensor of the given shape, without scale and shift.
    pub fn over_axes(
        shape: &[usize],
        first_axis: usize,
        axis_count: usize,
        is_centred: bool,
        epsilon: f32,
    ) -> LayerNormalization {
        LayerNormalization {
            length_and_stride: groups::over_axes(shape, first_axis, axis_count),
            is_centred,
            epsilon,
            scale: None,
            shift: None,
        }
    }

    /// The axes of a tensor of the given shape that it normalises over: the first one, and how many. `None` if they are
    /// not neighbours.
    pub fn axes(&self, shape: &[usize]) -> Option<(usize, usize)> {
        let (length, stride) = self.length_and_stride;
        let product = |axes: &[usize]| axes.iter().product::<usize>();
        let end = (0..=shape.len()).rev().find(|&end| product(&shape[end..]) == stride)?;
        let first = (0..end).rev().find(|&first| product(&shape[first..end]) == length)?;
        Some((first, end - first))
    }

    /// The variance of every element's group (its mean square, if it is not centred), in the shape of the input.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn variances(&self, input: &Tensor) -> Result<Tensor> {
        let mut variances = input.clone();
        let unscaled = LayerNormalization { epsilon: 0.0, ..self.clone() };
        for_each_group(self.length_and_stride, &mut variances, None, |row, _| {
            let deviation = unscaled.normalise(row);
            row.fill(deviation * deviation);
        });
        Ok(variances)
    }

    /// Subtracts the mean and divides by the standard deviation; returns the standard deviation.
    fn normalise(&self, row: &mut [f32]) -> f32 {
        let length = row.len().max(1) as f32;
        if self.is_centred {
            let mean = sum(row, |_, value| value) / length;
            row.iter_mut().for_each(|value| *value -= mean);
        }
        let variance = sum(row, |_, value| value * value) / length;
        let deviation = (variance + self.epsilon).sqrt();
        // A row of equal elements becomes zeros, even if ε is 0; a row with NaN becomes NaN.
        let factor = if deviation == 0.0 { 0.0 } else { deviation.recip() };
        row.iter_mut().for_each(|value| *value *= factor);
        deviation
    }

    /// `Jᵀ relevance`; with `is_frozen`, the standard deviation is treated as constant.
    fn back(&self, input: &Tensor, mut relevance: Tensor, is_frozen: bool) -> Result<Vec<Tensor>> {
        if let Some(scale) = &self.scale {
            relevance.combine_broadcast(scale, |r, scale| *r *= scale)?;
        }
        for_each_group(self.length_and_stride, &mut relevance, Some(input), |relevance, row| {
            let mut row = row.to_vec();
            let deviation = self.normalise(&mut row);
            let length = row.len().max(1) as f32;
            let mean = if self.is_centred { sum(relevance, |_, r| r) / length } else { 0.0 };
            let slope = if is_frozen { 0.0 } else { sum(relevance, |at, r| r * row[at]) / length };
            let factor = if deviation > 0.0 { deviation.recip() } else { 0.0 };
            for (r, normal) in relevance.iter_mut().zip(row) {
                *r = (*r - mean - normal * slope) * factor;
            }
        });
        Ok(vec![relevance])
    }
}

impl Operator for LayerNormalization {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        let mut signal = single(inputs)?;
        for_each_group(self.length_and_stride, &mut signal, None, |row, _| {
            self.normalise(row);
        });
        if let Some(scale) = &self.scale {
            signal.combine_broadcast(scale, |to, from| *to *= from)?;
        }
        if let Some(shift) = &self.shift {
            signal.combine_broadcast(shift, |to, from| *to += from)?;
        }
        Ok(signal)
    }

    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        self.back(&inputs[0], relevance, false)
    }

    fn is_linear_in_signal(&self) -> bool {
        true
    }

    fn gradient_of_signal(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        self.back(&inputs[0], relevance, true)
    }

    fn bias(&self) -> Option<&Tensor> {
        self.shift.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over the middle axis of `[1, 3, 2]`, or the last of `[2, 3]`.
    fn normalizations() -> Vec<(LayerNormalization, Vec<usize>)> {
        let tensor = |shape: &[usize], data: &[f32]| Some(Tensor::new(shape, data).unwrap());
        let mut cases = vec![];
        for is_centred in [false, true] {
            for (shape, axis) in [(vec![1, 3, 2], 1), (vec![2, 3], 1)] {
                let mut channels = vec![1; shape.len()];
                channels[axis] = 3;
                let plain = LayerNormalization::over_axes(&shape, axis, 1, is_centred, 1e-3);
                let scale = tensor(&channels, &[0.5, -2.0, 1.0]);
                let shift = tensor(&channels, &[0.1, 0.2, -0.3]);
                cases.push((LayerNormalization { scale, shift, ..plain }, shape));
            }
        }
        cases
    }

    const INPUT: [f32; 6] = [0.3, -0.8, 1.1, 2.0, -0.4, 0.9];
    const SEED: [f32; 6] = [1.0, -0.5, 0.25, 2.0, 0.0, -1.0];

    #[test]
    fn normalised_rows_have_no_mean_and_the_variance_one() {
        let plain = LayerNormalization::over_axes(&[2, 3], 1, 1, true, 0.0);
        let output = plain.forward(vec![Tensor::new(&[2, 3], &INPUT).unwrap()]).unwrap();
        for row in output.data().chunks(3) {
            assert!(row.iter().sum::<f32>().abs() < 1e-6);
            assert!((row.iter().map(|value| value * value).sum::<f32>() - 3.0).abs() < 1e-5);
        }
        let silent = plain.forward(vec![Tensor::zeros(&[2, 3]).unwrap()]).unwrap();
        assert_eq!(silent.data(), &[0.0; 6]);
    }

    #[test]
    fn a_row_with_nan_becomes_nan() {
        for is_centred in [false, true] {
            let plain = LayerNormalization::over_axes(&[2, 3], 1, 1, is_centred, 1e-3);
            let input = [0.3, f32::NAN, 1.1, 2.0, -0.4, 0.9];
            let output = plain.forward(vec![Tensor::new(&[2, 3], &input).unwrap()]).unwrap();
            let is_nan: Vec<bool> = output.data().iter().map(|value| value.is_nan()).collect();
            assert_eq!(is_nan, [true, true, true, false, false, false]);
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for (operator, shape) in normalizations() {
            let value = |input: &[f32]| -> f64 {
                let output = operator.forward(vec![Tensor::new(&shape, input).unwrap()]).unwrap();
                output.data().iter().zip(SEED).map(|(y, s)| f64::from(y * s)).sum()
            };
            let input = Tensor::new(&shape, &INPUT).unwrap();
            let gradient =
                operator.gradient(&[input], Tensor::new(&shape, &SEED).unwrap()).unwrap();
            for at in 0..6 {
                let (mut up, mut down) = (INPUT, INPUT);
                up[at] += 1e-2;
                down[at] -= 1e-2;
                let slope = (value(&up) - value(&down)) / 2e-2;
                let found = f64::from(gradient[0].data()[at]);
                assert!((slope - found).abs() < 2e-3, "{operator:?} at {at}: {found}, not {slope}");
            }
        }
    }

    #[test]
    fn with_the_deviation_held_constant_it_is_a_linear_map_of_the_input() {
        for (operator, shape) in normalizations() {
            let input = Tensor::new(&shape, &INPUT).unwrap();
            let seed = Tensor::new(&shape, &SEED).unwrap();
            let output = operator.forward(vec![input.clone()]).unwrap();
            let mut unshifted = output.clone();
            let shift = operator.bias().unwrap();
            unshifted.combine_broadcast(shift, |y, shift| *y -= shift).unwrap();
            let handed =
                operator.gradient_of_signal(std::slice::from_ref(&input), seed.clone()).unwrap();
            let dot = |a: &Tensor, b: &Tensor| -> f32 {
                a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum()
            };
            assert!((dot(&handed[0], &input) - dot(&seed, &unshifted)).abs() < 1e-4);
        }
    }
}
