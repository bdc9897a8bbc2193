//! Kernels of convolutions on images in blocks, between tensors.

use anyhow::{Result, ensure};
use onnxplain_kernels::nchwc::{self, Image, KernelSource, epilogue};
use onnxplain_kernels::simd::SumPair;

use crate::tensor::Tensor;

/// A kernel on images in blocks, with the images that it reads and computes.
#[derive(Clone)]
pub(crate) struct BlockedKernel {
    pub(super) source: KernelSource<dyn nchwc::Kernel, anyhow::Error>,
    pub(super) from: Image,
    /// Whether it reads its image row by row.
    pub reads_rows: bool,
    /// What it computes.
    pub image: Image,
}

impl BlockedKernel {
    /// Writes every number of `output` as `epilogue` makes it of the sums.
    ///
    /// # Errors
    /// When the input or the output is not as long as its image in blocks.
    pub fn run(
        &self,
        input: &Tensor,
        output: &mut Tensor,
        epilogue: &dyn nchwc::Epilogue,
    ) -> Result<SumPair> {
        let from_len = match self.reads_rows {
            true => self.from.channels * self.from.pixels(),
            false => self.from.len(),
        };
        let output_len = self.image.len();
        for (tensor, image, len) in
            [(input, self.from, from_len), (&*output, self.image, output_len)]
        {
            ensure!(
                tensor.len() == len,
                "a convolution in blocks met {:?} in place of {:?}",
                tensor.shape(),
                image.shape()
            );
        }
        Ok(self.source.get()?.run(input.data(), output.data_mut(), epilogue))
    }

    /// `function(W x + bias)`; the bias is a number a channel or a map, in blocks.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn forward(
        &self,
        input: &Tensor,
        bias: Option<&Tensor>,
        function: Option<&dyn epilogue::Elementwise>,
    ) -> Result<Tensor> {
        let mut output = Tensor::unwritten(&self.image.shape())?;
        let epilogue = epilogue::Forward {
            bias: epilogue::Bias::of(bias.map(Tensor::data), self.image),
            function,
        };
        self.run(input, &mut output, &epilogue)?;
        Ok(output)
    }
}
