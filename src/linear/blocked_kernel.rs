//! Kernels of convolutions on images in blocks, between tensors.

use anyhow::{Result, ensure};

use crate::blocked::{self, Image, KernelSource, finish};
use crate::lanes::Totals;
use crate::tensor::Tensor;

/// A kernel on images in blocks, with the images that it reads and computes.
#[derive(Clone)]
pub(crate) struct BlockedKernel {
    pub(super) source: KernelSource<dyn blocked::Kernel, anyhow::Error>,
    pub(super) from: Image,
    /// Whether it reads its image row by row.
    pub reads_rows: bool,
    /// What it computes.
    pub image: Image,
}

impl BlockedKernel {
    /// Writes every number of `output` as `finish` makes it of the sums.
    ///
    /// # Errors
    /// When the input or the output is not as long as its image in blocks.
    pub fn run(
        &self,
        input: &Tensor,
        output: &mut Tensor,
        finish: &dyn blocked::Finish,
    ) -> Result<Totals> {
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
        Ok(self.source.get()?.run(input.data(), output.data_mut(), finish))
    }

    /// `function(W x + bias)`; the bias is a number a channel or a map, in blocks.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn forward(
        &self,
        input: &Tensor,
        bias: Option<&Tensor>,
        function: Option<&dyn finish::Elementwise>,
    ) -> Result<Tensor> {
        let mut output = Tensor::unwritten(&self.image.shape())?;
        let finish = finish::Forward {
            bias: finish::Bias::of(bias.map(Tensor::data), self.image),
            function,
        };
        self.run(input, &mut output, &finish)?;
        Ok(output)
    }
}
