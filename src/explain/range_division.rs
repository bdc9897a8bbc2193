//! The z-box rule on a first layer that runs on images in blocks: the denominator from the layer's output (Montavon et
//! al. 2017, eq. 11), `z = W x − W⁺ l − W⁻ h`.
//!
//! `W x` is at hand, and the rest is the same for every picture, so that nothing is multiplied. Written as
//! `W⁺ (x − l) + W⁻ (x − h)` no summand is negative; where their sum is small beside what is subtracted from each other,
//! the difference has lost digits, and they are summed one by one.

use std::slice;

use anyhow::{Context, Result, ensure};

use super::program::LinearStep;
use super::propagate::Carried;
use super::quotient::{Absorbed, quotients};
use super::reads::{Reads, part_of};
use super::transposed::TransposedKernel;
use crate::blocked::{Image, LANES};
use crate::cancellation::{doubt, is_doubtful};
use crate::lanes::{Lanes, LanesLoop, with_lanes};
use crate::linear::{Convolution, LinearMap, WeightPart};
use crate::network::{LayerId, Op};
use crate::parallel::map_chunks;
use crate::rule::{Group, InputPart, Stabilizer, StabilizerKind};
use crate::tensor::{CHUNK, Tensor, to_blocks, to_rows};

/// The division of z-box by what the output says.
pub(super) struct RangeDivision {
    /// The ReLU whose value is the output wherever relevance arrives.
    relu: LayerId,
    /// The convolution on rows.
    map: Convolution,
    weight: Tensor,
    terms: Vec<RangeTerm>,
    /// What the terms' offsets contribute and the bias, which is part of the output but not of the denominator: in blocks.
    constant: Tensor,
    /// The largest magnitude of the layer's bias: the constant may be small because of it.
    largest_bias: f32,
    /// The image that the layer computes.
    image: Image,
}

/// A term of the rule.
struct RangeTerm {
    input: InputPart,
    part: WeightPart,
    /// What is subtracted from the input.
    offset: Tensor,
    transposed: TransposedKernel,
}

impl LinearStep {
    /// The convolution, where a group is z-box on an image whose denominators come from its output: from the value of
    /// a ReLU behind it, which is kept anyway. To keep another value for this takes longer than it saves.
    pub(super) fn divides_by_range<'a>(
        &self,
        group: &Group,
        op: &'a Op,
    ) -> Option<&'a Convolution> {
        let z_box = [
            (InputPart::AboveLow, WeightPart::Positive),
            (InputPart::BelowHigh, WeightPart::Negative),
        ];
        let is_z_box = group.terms.len() == z_box.len()
            && group.terms.iter().all(|term| z_box.contains(&(term.input, term.weight)))
            && group.bias.is_none();
        // A relative ε is measured on all denominators, those where no relevance arrives too.
        let is_local = self.stabilizer.kind != StabilizerKind::Relative;
        match op {
            Op::Convolution(map) if is_z_box && is_local && self.relu.is_some() => {
                let is_image = map.groups == 1 && !map.is_transposed && map.window.axes.len() == 2;
                is_image.then_some(map)
            }
            _ => None,
        }
    }
}

impl RangeDivision {
    /// The division of a group, whose terms subtract `offsets` from their inputs; `op` is the convolution on rows, and
    /// `shape` that of its value.
    ///
    /// # Errors
    /// When the weight cannot be read, or there is no memory.
    pub fn new(
        step: &LinearStep,
        group: &Group,
        op: &Op,
        shape: &[usize],
        offsets: Vec<Tensor>,
    ) -> Result<RangeDivision> {
        let map = step.divides_by_range(group, op).context("z-box on another layer")?;
        let image = Image::of(shape).context("z-box on something else than an image")?;
        let mut constant = Tensor::zeros(shape)?;
        let mut terms = vec![];
        for (term, offset) in group.terms.iter().zip(offsets) {
            let (input, part) = (term.input, term.weight);
            constant.add_assign(&map.forward(part, None)?(slice::from_ref(&offset))?)?;
            let transposed = TransposedKernel::new(op, part)?;
            terms.push(RangeTerm { input, part, offset, transposed });
        }
        if let Some(bias) = &map.bias {
            constant.combine_broadcast(bias, |to, from| *to += from)?;
        }
        Ok(RangeDivision {
            relu: step.relu.context("no ReLU is behind the layer")?,
            weight: map.weight.load()?,
            map: map.clone(),
            terms,
            constant: to_blocks(&constant)?,
            largest_bias: map.bias.as_ref().map_or(0.0, Tensor::max_abs),
            image,
        })
    }

    /// Replaces relevance in blocks by its quotients.
    pub fn divide(
        &self,
        stabilizer: Stabilizer,
        relevance: &mut Tensor,
        reads: &Reads,
    ) -> Result<Absorbed> {
        let (input, y) = (reads.input_row_by_row()?, reads.value(self.relu)?);
        let fits = y.len() == self.constant.len() && relevance.len() == y.len();
        ensure!(fits, "the relevance of a convolution has another size than its output");
        let mut z = Tensor::unwritten(y.shape())?;
        let (y, constant, r) = (y.data(), self.constant.data(), relevance.data());
        map_chunks(z.data_mut(), CHUNK, |index, z| {
            let start = index * CHUNK;
            let [y, constant, r] = [y, constant, r].map(|of| &of[start..][..z.len()]);
            let bias = self.largest_bias;
            let mut doubts = [0.0; LANES];
            with_lanes(Differences { y, constant, bias, z: &mut *z, doubts: &mut doubts });
            if doubts.iter().any(|doubt| *doubt > 0.0) {
                for at in 0..z.len() {
                    let magnitudes = y[at].abs() + constant[at].abs() + bias;
                    if r[at] != 0.0 && is_doubtful(z[at], magnitudes) {
                        z[at] = self.sum(input.data(), start + at);
                    }
                }
            }
        });
        quotients(None, stabilizer, relevance, &z)
    }

    /// Adds to the relevance of the input what the quotients hand to it.
    pub fn gather(
        &self,
        quotients: &Tensor,
        reads: &Reads,
        coefficient: f32,
        sums: &mut [Option<Carried>],
    ) -> Result<()> {
        let Image { channels, height, width } = self.image;
        let quotients = to_rows(quotients, &[1, channels, height, width])?;
        let input = reads.input_row_by_row()?;
        self.terms.iter().try_for_each(|term| {
            let part = part_of(input.clone(), term.input, Some(&term.offset))?;
            term.transposed.gather(&quotients, &[part], coefficient, sums)
        })
    }

    /// `Σ part(w) (x − offset)` of all terms at a place of the output in blocks.
    fn sum(&self, input: &[f32], place: usize) -> f32 {
        let (pixel, lane) = (place / LANES % self.image.pixels(), place % LANES);
        let filter = place / self.image.block_len() * LANES + lane;
        if filter >= self.image.channels {
            return 0.0;
        }
        let [vertical, horizontal] = [self.map.window.axes[0], self.map.window.axes[1]];
        let (y, x) = (pixel / horizontal.output, pixel % horizontal.output);
        let taps = vertical.kernel * horizontal.kernel;
        let plane = self.map.window.input_len();
        let filter_len = self.weight.len() / self.image.channels;
        let weights = &self.weight.data()[filter * filter_len..][..filter_len];
        let mut sum = 0.0;
        for (at, &weight) in weights.iter().enumerate() {
            let (channel, tap) = (at / taps, at % taps);
            let row = vertical.source(y, tap / horizontal.kernel);
            let column = horizontal.source(x, tap % horizontal.kernel);
            let Some((row, column)) = row.zip(column) else { continue };
            let place = channel * plane + row * horizontal.input + column;
            for term in &self.terms {
                let above = f64::from(input[place]) - f64::from(term.offset.data()[place]);
                sum += f64::from(term.part.of(weight)) * above;
            }
        }
        sum as f32
    }
}

/// `y − constant`.
struct Differences<'a> {
    y: &'a [f32],
    constant: &'a [f32],
    bias: f32,
    z: &'a mut [f32],
    /// Above zero where a difference is doubtful.
    doubts: &'a mut [f32; LANES],
}

impl LanesLoop for Differences<'_> {
    #[inline(always)]
    fn run(self, lanes: impl Lanes) {
        let bias = lanes.splat(self.bias);
        let (y, constant) = (self.y.as_chunks().0, self.constant.as_chunks().0);
        let mut doubts = lanes.splat(0.0);
        for (pixel, z) in self.z.as_chunks_mut().0.iter_mut().enumerate() {
            let (y, constant) = (lanes.load(&y[pixel]), lanes.load(&constant[pixel]));
            let difference = lanes.subtract(y, constant);
            lanes.store(difference, z);
            let magnitudes =
                lanes.add(lanes.add(lanes.absolute(y), lanes.absolute(constant)), bias);
            doubts = lanes.add(doubts, doubt(lanes, difference, magnitudes));
        }
        lanes.store(doubts, self.doubts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_that_lost_digits_are_doubtful() {
        let y = [5.0; LANES];
        let mut constant = [-1.0; LANES];
        for (which, expected) in [(4.99, true), (4.0, false), (-5.0, false)] {
            constant[3] = which;
            let (mut z, mut doubts) = ([f32::NAN; LANES], [f32::NAN; LANES]);
            let bias = 0.5;
            with_lanes(Differences {
                y: &y,
                constant: &constant,
                bias,
                z: &mut z,
                doubts: &mut doubts,
            });
            assert_eq!(z[3], 5.0 - which);
            assert_eq!(doubts[3] > 0.0, expected, "{which}");
            assert_eq!(is_doubtful(z[3], 5.0 + f32::abs(which) + bias), expected, "{which}");
            assert_eq!((z[0], doubts[0]), (6.0, 0.0));
        }
    }
}
