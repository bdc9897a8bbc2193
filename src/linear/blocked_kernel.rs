//! Kernels of convolutions whose images are in blocks of channels, between tensors.

use anyhow::{Result, ensure};
use onnxplain_kernels::Output;
use onnxplain_kernels::nchwc::{self, Image, KernelSource, epilogue};
use onnxplain_kernels::simd::SumPair;

use crate::tensor::Tensor;

/// A kernel on images in blocks, with the images that it reads and writes.
#[derive(Clone)]
pub(crate) struct BlockedKernel {
    pub(super) source: KernelSource<dyn nchwc::Kernel, anyhow::Error>,
    pub(super) from: Image,
    /// Whether the input is row-major, and not in blocks.
    pub reads_rows: bool,
    /// The image that it writes.
    pub image: Image,
}

impl BlockedKernel {
    /// Writes all of `output`: what `epilogue` makes of the sums.
    ///
    /// # Errors
    /// When the input or the output is not as long as its image in blocks.
    pub fn run(
        &self,
        input: &Tensor,
        output: Output<'_>,
        epilogue: &dyn nchwc::Epilogue,
    ) -> Result<SumPair> {
        let from_len = match self.reads_rows {
            true => self.from.channels * self.from.pixels(),
            false => self.from.len(),
        };
        for (len, image, expected) in
            [(input.len(), self.from, from_len), (output.len(), self.image, self.image.len())]
        {
            ensure!(
                len == expected,
                "a convolution of images in blocks got {len} numbers in place of {:?}",
                image.shape()
            );
        }
        Ok(self.source.get()?.run(input.data(), output, epilogue))
    }

    /// `function(W x + bias)`; the bias has one number per channel, or one per element, in blocks.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn forward(
        &self,
        input: &Tensor,
        bias: Option<&Tensor>,
        function: Option<&dyn epilogue::Elementwise>,
    ) -> Result<Tensor> {
        let epilogue = epilogue::Forward {
            bias: epilogue::Bias::of(bias.map(Tensor::data), self.image),
            function,
        };
        let run = |output: Output<'_>| self.run(input, output, &epilogue);
        Ok(Tensor::written(&self.image.shape(), run)?.0)
    }
}
