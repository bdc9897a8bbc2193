//! Values between pixels, at places that are computed: ONNX `GridSample` (Jaderberg et al. 2015, spatial transformers).

use anyhow::{Result, ensure};

use super::Operator;
use crate::tensor::Tensor;

/// How a value between pixels is made of those around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest one.
    Nearest,
    /// Linear along every axis.
    Linear,
    /// A cubic convolution along every axis, a = −0.75.
    Cubic,
}

/// What stands beyond the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// Zero.
    Zeros,
    /// The pixel at the edge.
    Border,
    /// The picture as in a mirror at the edge.
    Reflection,
}

/// `y[n, c, p] = x[n, c, grid[n, p]]`, where −1 and 1 are the edges and places between pixels are interpolated.
///
/// Relevance: the places are coefficients, so that the picture takes all of it, in proportion to what each pixel adds.
#[derive(Clone, Debug)]
pub struct Sampling {
    /// How values between pixels are made.
    pub interpolation: Interpolation,
    /// What stands beyond the edge.
    pub beyond: Beyond,
    /// Whether −1 and 1 are the middles of the first and last pixel, not their outer edges.
    pub aligns_corners: bool,
    /// The picture's shape: `[N, C, ...]`.
    pub picture: Vec<usize>,
    /// The shape of the places: `[N, ..., axes]`, the last axis of the picture first.
    pub grid: Vec<usize>,
}

/// The positions along an axis that a place reads; `None` for one beyond the edge.
#[derive(Clone, Copy, Debug, Default)]
struct Tap {
    position: Option<usize>,
    weight: f32,
    /// The weight's derivative by the coordinate in the grid.
    slope: f32,
}

impl Sampling {
    /// The output's shape.
    pub fn output_shape(&self) -> Vec<usize> {
        let places = &self.grid[1..self.grid.len() - 1];
        self.picture[..2].iter().chain(places).copied().collect()
    }

    fn lengths(&self) -> &[usize] {
        &self.picture[2..]
    }

    fn area(&self) -> usize {
        self.lengths().iter().product()
    }

    /// Places of one picture.
    fn count(&self) -> usize {
        self.grid[1..self.grid.len() - 1].iter().product()
    }

    /// The pixels, counted through all axes, that each place of the only picture reads, with their weights.
    pub fn taps(&self, grid: &[f32]) -> Vec<Vec<(usize, f32)>> {
        let axes = self.lengths().len();
        grid.chunks_exact(axes).map(|place| self.weights(&self.axes_of(place), None)).collect()
    }

    /// What a place reads along every axis, in the order of the picture's axes.
    fn axes_of(&self, place: &[f32]) -> Vec<Vec<Tap>> {
        let lengths = self.lengths();
        let scale = |length: usize| match self.aligns_corners {
            true => (length as f32 - 1.0) / 2.0,
            false => length as f32 / 2.0,
        };
        let pixel = |(&length, &place): (&usize, &f32)| {
            let pixel = match self.aligns_corners {
                true => (place + 1.0) / 2.0 * (length as f32 - 1.0),
                false => ((place + 1.0) * length as f32 - 1.0) / 2.0,
            };
            match self.interpolation {
                Interpolation::Nearest => pixel.round_ties_even(),
                _ => pixel,
            }
        };
        let pixels: Vec<f32> = lengths.iter().zip(place.iter().rev()).map(pixel).collect();
        let is_beyond = |(&length, &pixel): (&usize, &f32)| {
            let (low, high) = self.edges(length);
            pixel < low || pixel > high
        };
        // As in onnxruntime: where one coordinate lies beyond the edge, all are brought back.
        let is_beyond = lengths.iter().zip(&pixels).any(is_beyond);
        let taps = |(&length, &pixel): (&usize, &f32)| {
            let (pixel, sign) = match is_beyond {
                true => self.brought_back(pixel, length),
                false => (pixel, 1.0),
            };
            self.axis_taps(pixel, length, sign * scale(length))
        };
        lengths.iter().zip(&pixels).map(taps).collect()
    }

    fn edges(&self, length: usize) -> (f32, f32) {
        match self.aligns_corners {
            true => (0.0, length as f32 - 1.0),
            false => (-0.5, length as f32 - 0.5),
        }
    }

    /// A coordinate as it is read, and the derivative of that.
    fn brought_back(&self, pixel: f32, length: usize) -> (f32, f32) {
        match self.beyond {
            Beyond::Zeros => (pixel, 1.0),
            Beyond::Border => {
                let kept = pixel.clamp(0.0, length as f32 - 1.0);
                (kept, f32::from(kept == pixel))
            }
            Beyond::Reflection => mirrored(pixel, self.edges(length)),
        }
    }

    fn axis_taps(&self, pixel: f32, length: usize, slope: f32) -> Vec<Tap> {
        let position = |at: f32| match self.beyond {
            Beyond::Zeros => (at >= 0.0 && at < length as f32).then_some(at as usize),
            Beyond::Border => Some(at.clamp(0.0, length as f32 - 1.0) as usize),
            Beyond::Reflection => {
                let kept = mirrored(at, self.edges(length)).0;
                Some(kept.clamp(0.0, length as f32 - 1.0) as usize)
            }
        };
        let tap = |(at, weight, by_pixel): (f32, f32, f32)| Tap {
            position: position(at),
            weight,
            slope: slope * by_pixel,
        };
        let first = pixel.floor();
        let share = pixel - first;
        match self.interpolation {
            Interpolation::Nearest => vec![tap((pixel, 1.0, 0.0))],
            Interpolation::Linear => {
                vec![tap((first, 1.0 - share, -1.0)), tap((first + 1.0, share, 1.0))]
            }
            Interpolation::Cubic => (-1i8..3)
                .map(|step| {
                    let (weight, slope) = cubic(share - f32::from(step));
                    tap((first + f32::from(step), weight, slope))
                })
                .collect(),
        }
    }

    /// The products of one tap an axis, where all of them lie in the picture; by the coordinate of an axis, their
    /// derivatives.
    fn weights(&self, axes: &[Vec<Tap>], by: Option<usize>) -> Vec<(usize, f32)> {
        let lengths = self.lengths().iter().zip(axes).enumerate();
        lengths.fold(vec![(0, 1.0)], |products, (axis, (&length, taps))| {
            let times = |&(place, product): &(usize, f32)| {
                let one = move |tap: &Tap| {
                    let factor = if by == Some(axis) { tap.slope } else { tap.weight };
                    Some((place * length + tap.position?, product * factor))
                };
                taps.iter().filter_map(one).collect::<Vec<_>>()
            };
            products.iter().flat_map(times).collect()
        })
    }

    /// Calls `visit(places of the picture, place of the output, taps)` for every place of every picture.
    fn for_each_place(&self, grid: &[f32], mut visit: impl FnMut(usize, usize, &[Vec<Tap>])) {
        let axes = self.lengths().len();
        for (at, place) in grid.chunks_exact(axes).enumerate() {
            visit(at / self.count(), at % self.count(), &self.axes_of(place));
        }
    }

    fn by_picture(&self, grid: &[f32], relevance: &Tensor) -> Result<Tensor> {
        let (channels, area, count) = (self.picture[1], self.area(), self.count());
        let mut handed = Tensor::zeros(&self.picture)?;
        let (to, from) = (handed.data_mut(), relevance.data());
        self.for_each_place(grid, |picture, place, axes| {
            for (pixel, weight) in self.weights(axes, None) {
                for plane in picture * channels..(picture + 1) * channels {
                    to[plane * area + pixel] += weight * from[plane * count + place];
                }
            }
        });
        Ok(handed)
    }
}

impl Operator for Sampling {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        let [picture, grid] = inputs.as_slice() else {
            anyhow::bail!("a sampling has two inputs, not {}", inputs.len());
        };
        ensure!(
            picture.shape() == self.picture && grid.shape() == self.grid,
            "places {:?} do not fit {:?}",
            grid.shape(),
            picture.shape()
        );
        let (channels, area, count) = (self.picture[1], self.area(), self.count());
        let mut output = Tensor::zeros(&self.output_shape())?;
        let (to, from) = (output.data_mut(), picture.data());
        self.for_each_place(grid.data(), |picture, place, axes| {
            for (pixel, weight) in self.weights(axes, None) {
                for plane in picture * channels..(picture + 1) * channels {
                    to[plane * count + place] += weight * from[plane * area + pixel];
                }
            }
        });
        Ok(output)
    }

    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let (picture, grid) = (inputs[0].data(), &inputs[1]);
        let (channels, area, count) = (self.picture[1], self.area(), self.count());
        let axes_count = self.lengths().len();
        let mut by_grid = Tensor::zeros(&self.grid)?;
        let to = by_grid.data_mut();
        self.for_each_place(grid.data(), |of, place, axes| {
            for axis in 0..axes_count {
                let mut sum = 0.0;
                for (pixel, slope) in self.weights(axes, Some(axis)) {
                    for plane in of * channels..(of + 1) * channels {
                        sum += relevance.data()[plane * count + place]
                            * slope
                            * picture[plane * area + pixel];
                    }
                }
                to[(of * count + place) * axes_count + axes_count - 1 - axis] = sum;
            }
        });
        Ok(vec![self.by_picture(grid.data(), &relevance)?, by_grid])
    }

    fn is_linear_in_signal(&self) -> bool {
        true
    }

    fn signal(&self) -> Option<usize> {
        Some(0)
    }

    fn gradient_of_signal(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        Ok(vec![self.by_picture(inputs[1].data(), &relevance)?, Tensor::zeros(&self.grid)?])
    }
}

/// A coordinate reflected at both ends until it lies between them, and the derivative of that.
fn mirrored(at: f32, (low, high): (f32, f32)) -> (f32, f32) {
    let length = high - low;
    if length <= 0.0 {
        return (low, 0.0);
    }
    let turned = (at - low).rem_euclid(2.0 * length);
    match turned <= length {
        true => (low + turned, 1.0),
        false => (high - (turned - length), -1.0),
    }
}

/// The cubic convolution kernel with a = −0.75 at a distance, and its derivative.
fn cubic(distance: f32) -> (f32, f32) {
    const A: f32 = -0.75;
    let (x, sign) = (distance.abs(), distance.signum());
    let (weight, slope) = match x {
        ..=1.0 => {
            (((A + 2.0) * x - (A + 3.0)) * x * x + 1.0, (3.0 * (A + 2.0) * x - 2.0 * (A + 3.0)) * x)
        }
        ..=2.0 => (
            ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A,
            (3.0 * A * x - 10.0 * A) * x + 8.0 * A,
        ),
        _ => (0.0, 0.0),
    };
    (weight, sign * slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(interpolation: Interpolation, beyond: Beyond) -> Sampling {
        let (picture, grid) = (vec![1, 1, 2, 3], vec![1, 1, 2, 2]);
        Sampling { interpolation, beyond, aligns_corners: true, picture, grid }
    }

    fn inputs(grid: &[f32]) -> Vec<Tensor> {
        let picture = Tensor::new(&[1, 1, 2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        vec![picture, Tensor::new(&[1, 1, 2, 2], grid).unwrap()]
    }

    #[test]
    fn between_pixels_the_value_is_between_theirs() {
        // The first coordinate goes along the last axis: in the middle of the first row; in the very middle.
        let linear = sampling(Interpolation::Linear, Beyond::Zeros);
        let output = linear.forward(inputs(&[0.0, -1.0, 0.0, 0.0])).unwrap();
        assert_eq!(output.data(), [2.0, 3.5]);
        // Beyond the last column.
        let beyond = |beyond| {
            let sampling = sampling(Interpolation::Linear, beyond);
            sampling.forward(inputs(&[2.0, -1.0, 2.0, -1.0])).unwrap().data()[0]
        };
        assert_eq!(
            [Beyond::Zeros, Beyond::Border, Beyond::Reflection].map(beyond),
            [0.0, 3.0, 2.0]
        );
    }

    #[test]
    fn the_gradient_is_that_of_differences() {
        for interpolation in [Interpolation::Linear, Interpolation::Cubic] {
            for beyond in [Beyond::Zeros, Beyond::Border, Beyond::Reflection] {
                let operator = sampling(interpolation, beyond);
                let places = [0.3, -0.4, 1.1, 0.2];
                let seeds = Tensor::new(&[1, 1, 1, 2], &[1.0, -2.0]).unwrap();
                let gradient = operator.gradient(&inputs(&places), seeds).unwrap();
                for at in 0..4 {
                    let value = |step: f32| {
                        let mut moved = places;
                        moved[at] += step;
                        let output = operator.forward(inputs(&moved)).unwrap();
                        output.data()[0] - 2.0 * output.data()[1]
                    };
                    let slope = (value(1e-2) - value(-1e-2)) / 2e-2;
                    let ours = gradient[1].data()[at];
                    assert!(
                        (slope - ours).abs() < 2e-2,
                        "{interpolation:?} {beyond:?} {slope} {ours}"
                    );
                }
                let moved: f32 = gradient[0]
                    .data()
                    .iter()
                    .zip(inputs(&places)[0].data())
                    .map(|(g, x)| g * x)
                    .sum();
                let output = operator.forward(inputs(&places)).unwrap();
                assert!((moved - (output.data()[0] - 2.0 * output.data()[1])).abs() < 1e-4);
            }
        }
    }
}
