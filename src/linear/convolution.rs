//! Convolutions over one, two or three spatial axes, and transposed convolutions.

use std::sync::Arc;

use anyhow::{Context, Result};
use onnxplain_kernels::nchwc::{self, Filters, Floats, Image, KernelSource, Prepack};

use super::blocked_kernel::BlockedKernel;
use super::correlation::{Correlation, Kernel};
use super::{
    AveragePooling, Forward, LinearMap, Signs, Transposed, Weight, WeightPart, Window, WindowAxis,
    convolution_transposed, depthwise, part_of_tensor, row_kernels,
};
use crate::tensor::Tensor;

/// A convolution (ONNX `Conv`) or, with `is_transposed`, its transpose (`ConvTranspose`).
///
/// The weight and the window are always those of the convolution itself: a `ConvTranspose` has the geometry of the
/// convolution that it transposes.
#[derive(Clone, Debug)]
pub struct Convolution {
    /// `[O, I / groups, kernel...]` of the convolution in its forward direction.
    pub weight: Weight,
    /// Broadcasts to the layer's output: `[1, C, 1, 1]`, or a map `[1, C, H, W]`.
    pub bias: Option<Tensor>,
    /// Number of groups; equal to the channels for a depthwise convolution.
    pub groups: usize,
    /// The spatial geometry of the convolution in its forward direction.
    pub window: Window,
    /// Whether the layer is the transpose, from the convolution's output to its input.
    pub is_transposed: bool,
    /// When the kernels pack the weight, if inputs, outputs and bias are images in blocks of channels. `None` for
    /// row-major images, and in every [`Network`](crate::network::Network): the layout is chosen when a plan is made.
    pub(crate) in_blocks: Option<Prepack>,
}

impl Convolution {
    /// A convolution of weight `[O, I / groups, kernel...]` whose input and output are row-major `[1, C, spatial...]`.
    pub fn new(
        weight: impl Into<Weight>,
        bias: Option<Tensor>,
        groups: usize,
        window: Window,
    ) -> Convolution {
        let weight = weight.into();
        Convolution { weight, bias, groups, window, is_transposed: false, in_blocks: None }
    }

    /// Whether it is depthwise: every channel is convolved by itself.
    pub fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.weight.shape()[1] == 1
    }

    /// Whether it is pointwise: every output pixel is computed from the input pixel at the same place.
    pub fn is_pointwise(&self) -> bool {
        let is_single = |axis: &WindowAxis| {
            (axis.kernel, axis.stride, axis.pad_before, axis.pad_after) == (1, 1, 0, 0)
        };
        self.groups == 1 && !self.is_transposed && self.window.axes.iter().all(is_single)
    }

    /// Number of the layer's output channels.
    pub fn output_channels(&self) -> usize {
        match self.is_transposed {
            false => self.weight.shape()[0],
            true => self.weight.shape()[1] * self.groups,
        }
    }

    /// The same layer on images in blocks; `None` if there are no kernels for it.
    pub(crate) fn to_blocks(&self, prepack: Prepack) -> Option<Convolution> {
        let serves =
            !self.is_transposed && nchwc::serves(self.weight.shape(), self.groups, &self.window);
        serves.then(|| Convolution { in_blocks: Some(prepack), ..self.clone() })
    }

    /// The kernel on images in blocks, in either direction.
    ///
    /// # Errors
    /// When the images are too large for offsets of 32 bits.
    pub(crate) fn kernel_in_blocks(
        &self,
        part: WeightPart,
        is_forward: bool,
    ) -> Result<BlockedKernel> {
        let shape = self.weight.shape();
        let image = |channels: usize, spatial: Vec<usize>| match spatial[..] {
            [height, width] => Some(Image { channels, height, width }),
            _ => None,
        };
        let inner = image(shape[1] * self.groups, self.window.input_shape());
        let outer = image(shape[0], self.window.output_shape());
        let (from, to) = if is_forward { (inner, outer) } else { (outer, inner) };
        let (from, image) = from.zip(to).context(TOO_LARGE)?;
        let prepack = self.in_blocks.unwrap_or_default();
        let (weight, groups, window) = (self.weight.clone(), self.groups, self.window.clone());
        let make = move || {
            let weight = weight.load()?;
            let &[filters, channels, height, width] = weight.shape() else {
                anyhow::bail!("a convolution in blocks needs images, not lines or volumes");
            };
            let shape = [filters, channels, height, width];
            let weights: Floats = Arc::new(weight);
            let filters = Filters { weights, shape, part, is_transposed: !is_forward, prepack };
            let kernel = match is_forward {
                true => nchwc::forward(filters, groups, &window),
                false => nchwc::transposed(filters, groups, &window),
            };
            kernel.context(TOO_LARGE)
        };
        let reads_rows = is_forward && nchwc::has_few_channels(from.channels);
        Ok(BlockedKernel { source: KernelSource::new(prepack, make)?, from, reads_rows, image })
    }

    /// The geometry with a part of the weight, `[O, I/groups, kernel...]`.
    fn part(&self, part: WeightPart) -> Result<Correlation> {
        Ok(Correlation {
            weight: part_of_tensor(part, &self.weight.load()?)?,
            groups: self.groups,
            window: self.window.clone(),
        })
    }

    /// One channel per group, and weights that are 1: if all weights are 1, the channels of a group are summed first.
    fn box_sum(&self) -> Result<Correlation> {
        let mut shape = self.weight.shape().to_vec();
        (shape[0], shape[1]) = (self.groups, 1);
        Ok(Correlation {
            weight: Tensor::filled(&shape, 1.0)?,
            groups: self.groups,
            window: self.window.clone(),
        })
    }

    /// The sum of every window of each channel.
    fn window_sums(&self) -> Result<Kernel> {
        let window = self.window.clone();
        let weights = vec![1.0; window.output_len()];
        let sums = AveragePooling { window, weights }.forward(WeightPart::Plain, None)?;
        Ok(Box::new(move |input| sums(std::slice::from_ref(input))))
    }

    /// The kernel of the map in one direction, without bias.
    fn kernel(&self, part: WeightPart, is_forward: bool) -> Result<Kernel> {
        if part != WeightPart::One {
            return kernel_on_rows(&self.part(part)?, is_forward, None);
        }
        let kernel = match is_forward {
            true => self.window_sums()?,
            false => kernel_on_rows(&self.box_sum()?, false, None)?,
        };
        let groups = self.groups;
        let shape = self.weight.shape();
        let channels = if is_forward { shape[0] } else { shape[1] * groups };
        Ok(Box::new(move |input| {
            let sums = sum_channels(input, groups)?;
            spread_channels(&kernel(&sums)?, channels)
        }))
    }
}

impl LinearMap for Convolution {
    fn forward(&self, part: WeightPart, bias: Option<Tensor>) -> Result<Forward> {
        if self.in_blocks.is_some() {
            let kernel = self.kernel_in_blocks(part, true)?;
            return Ok(Box::new(move |inputs| kernel.forward(&inputs[0], bias.as_ref(), None)));
        }
        let channels = self.output_channels();
        let per_channel = bias.as_ref().is_some_and(|bias| {
            // One number per channel; a row or a map may have the same length.
            bias.len() == channels && bias.shape().get(1) == Some(&channels)
        });
        if per_channel && part != WeightPart::One && !self.is_transposed {
            let kernel = each_of_batch(kernel_on_rows(&self.part(part)?, true, bias)?);
            return Ok(Box::new(move |inputs| kernel(&inputs[0])));
        }
        let kernel = each_of_batch(self.kernel(part, !self.is_transposed)?);
        Ok(Box::new(move |inputs| {
            let mut output = kernel(&inputs[0])?;
            if let Some(bias) = &bias {
                output.combine_broadcast(bias, |to, from| *to += from)?;
            }
            Ok(output)
        }))
    }

    fn transposed(&self, part: WeightPart) -> Result<Transposed> {
        if self.in_blocks.is_some() {
            let kernel = self.kernel_in_blocks(part, false)?;
            return Ok(Box::new(move |output| Ok(vec![kernel.forward(output, None, None)?])));
        }
        let kernel = each_of_batch(self.kernel(part, self.is_transposed)?);
        Ok(Box::new(move |output| Ok(vec![kernel(output)?])))
    }

    fn weight_signs(&self) -> Signs {
        self.weight.signs()
    }

    fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    fn parameter_count(&self) -> usize {
        self.weight.len() + self.bias.as_ref().map_or(0, Tensor::len)
    }
}

const TOO_LARGE: &str = "the images of a convolution are too large";

/// Runs a kernel for one image on every image of the batch: frames of a video, windows of a picture.
fn each_of_batch(kernel: Kernel) -> Kernel {
    Box::new(move |images| {
        let batch = images.shape().first().copied().unwrap_or(1);
        if batch <= 1 {
            return kernel(images);
        }
        let mut shape = images.shape().to_vec();
        shape[0] = 1;
        let len: usize = shape.iter().product();
        let (mut results, mut result_shape) = (vec![], vec![]);
        for image in images.data().chunks_exact(len.max(1)) {
            let result = kernel(&Tensor::new(&shape, image)?)?;
            results.extend_from_slice(result.data());
            result_shape = result.shape().to_vec();
        }
        if let Some(first) = result_shape.first_mut() {
            *first = batch;
        }
        Tensor::new(&result_shape, &results)
    })
}

/// The kernel of a convolution in one direction; `bias` holds one number per output channel.
fn kernel_on_rows(
    correlation: &Correlation,
    is_forward: bool,
    bias: Option<Tensor>,
) -> Result<Kernel> {
    match (depthwise::applies(correlation), is_forward) {
        (true, true) => Ok(depthwise::forward(correlation, bias)),
        (true, false) => Ok(depthwise::transposed(correlation)),
        (false, true) => row_kernels::forward(correlation, bias),
        (false, false) => convolution_transposed::transposed(correlation),
    }
}

/// Sums the channels of each group: `[1, C, ...]` to `[1, groups, ...]`.
fn sum_channels(input: &Tensor, groups: usize) -> Result<Tensor> {
    let mut shape = input.shape().to_vec();
    let channels_per_group = shape[1] / groups;
    shape[1] = groups;
    let mut sums = Tensor::zeros(&shape)?;
    let plane = (input.len() / input.shape()[1].max(1)).max(1);
    let group_planes = input.data().chunks_exact(plane * channels_per_group.max(1));
    for (sum, planes) in sums.data_mut().chunks_exact_mut(plane).zip(group_planes) {
        for plane in planes.chunks_exact(plane) {
            sum.iter_mut().zip(plane).for_each(|(to, from)| *to += from);
        }
    }
    Ok(sums)
}

/// Repeats each group's single channel: `[1, groups, ...]` to `[1, channels, ...]`.
fn spread_channels(input: &Tensor, channels: usize) -> Result<Tensor> {
    let mut shape = input.shape().to_vec();
    let channels_per_group = channels / shape[1].max(1);
    shape[1] = channels;
    let mut output = Tensor::zeros(&shape)?;
    let plane = (output.len() / channels.max(1)).max(1);
    let planes = output.data_mut().chunks_exact_mut(plane * channels_per_group.max(1));
    for (planes, source) in planes.zip(input.data().chunks_exact(plane)) {
        planes.chunks_exact_mut(plane).for_each(|plane| plane.copy_from_slice(source));
    }
    Ok(output)
}
