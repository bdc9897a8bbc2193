//! Depthwise convolutions over images, in both directions.
//!
//! Each channel is a small stencil over its own plane, with nothing to gain from
//! matrix multiplication: row by row and tap by tap beats tract's general kernel,
//! and needs no compilation. One filter may serve several outputs (a channel
//! multiplier): output channel `o` reads input channel `o / multiplier`.

use anyhow::{Result, ensure};

use super::Window;
use super::convolution::{Correlation, Kernel};
use super::rows::for_each_row;
use crate::parallel::for_each_chunk;
use crate::tensor::Tensor;

/// Whether these kernels apply: two spatial axes, one input channel a group.
pub(super) fn applies(correlation: &Correlation) -> bool {
    correlation.window.axes.len() == 2
        && correlation.weight.shape()[1] == 1
        && correlation.groups > 1
}

/// `[1, I, H, W]` to `[1, O, H', W']`, with one bias a channel.
pub(super) fn gather(correlation: &Correlation, bias: Option<Tensor>) -> Kernel {
    let stencil = Stencil::of(correlation);
    Box::new(move |input| {
        let mut output = Tensor::zeros(&stencil.output_shape())?;
        stencil.check(input, stencil.inputs, stencil.window.input_len())?;
        for_each_chunk(output.data_mut(), stencil.window.output_len(), |channel, plane| {
            plane.fill(bias.as_ref().map_or(0.0, |bias| bias.data()[channel]));
            let group = channel / stencil.multiplier();
            let from = stencil.plane(input, group, stencil.window.input_len());
            let filter = stencil.filter(channel);
            for_each_row(&stencil.window, |row| row.gather(filter[row.tap], from, plane));
        });
        Ok(output)
    })
}

/// `[1, O, H', W']` back to `[1, I, H, W]`.
pub(super) fn scatter(correlation: &Correlation) -> Kernel {
    let stencil = Stencil::of(correlation);
    Box::new(move |output| {
        let mut input = Tensor::zeros(&stencil.input_shape())?;
        stencil.check(output, stencil.outputs, stencil.window.output_len())?;
        for_each_chunk(input.data_mut(), stencil.window.input_len(), |group, plane| {
            for channel in group * stencil.multiplier()..(group + 1) * stencil.multiplier() {
                let from = stencil.plane(output, channel, stencil.window.output_len());
                let filter = stencil.filter(channel);
                for_each_row(&stencil.window, |row| row.scatter(filter[row.tap], from, plane));
            }
        });
        Ok(input)
    })
}

/// The filters of a depthwise convolution.
struct Stencil {
    weight: Tensor,
    inputs: usize,
    outputs: usize,
    window: Window,
}

impl Stencil {
    fn of(correlation: &Correlation) -> Stencil {
        Stencil {
            weight: correlation.weight.clone(),
            inputs: correlation.groups,
            outputs: correlation.weight.shape()[0],
            window: correlation.window.clone(),
        }
    }

    fn multiplier(&self) -> usize {
        self.outputs / self.inputs.max(1)
    }

    fn input_shape(&self) -> Vec<usize> {
        [1, self.inputs].into_iter().chain(self.window.input_shape()).collect()
    }

    fn output_shape(&self) -> Vec<usize> {
        [1, self.outputs].into_iter().chain(self.window.output_shape()).collect()
    }

    fn check(&self, tensor: &Tensor, channels: usize, plane: usize) -> Result<()> {
        ensure!(
            tensor.len() == channels * plane,
            "a depthwise convolution met {:?}",
            tensor.shape()
        );
        Ok(())
    }

    fn plane<'a>(&self, tensor: &'a Tensor, channel: usize, len: usize) -> &'a [f32] {
        &tensor.data()[channel * len..][..len]
    }

    /// The taps of a channel's filter.
    fn filter(&self, channel: usize) -> &[f32] {
        let taps: usize = self.weight.shape()[2..].iter().product();
        &self.weight.data()[channel * taps..][..taps]
    }
}
