//! Convolutions on images in blocks, from their weights to what they write.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use super::{Weight, WeightPart, Window};
use crate::blocked::{self, Filters, Image, Packing, finish};
use crate::lanes::Totals;
use crate::tensor::Tensor;

pub(super) const TOO_LARGE: &str = "the images of a convolution are too large";

/// A kernel on images in blocks, with the images that it reads and computes.
#[derive(Clone)]
pub(crate) struct BlockedKernel {
    source: KernelSource,
    from: Image,
    /// What it computes.
    pub image: Image,
}

/// Where a kernel comes from.
#[derive(Clone)]
enum KernelSource {
    Packed(Arc<dyn blocked::Kernel>),
    /// It is made for every run.
    Stored(Arc<StoredKernel>),
}

/// What a kernel on images in blocks is made of.
pub(super) struct StoredKernel {
    pub weight: Weight,
    pub part: WeightPart,
    /// Whether it is the transposed map.
    pub is_transposed: bool,
    pub packing: Packing,
    pub groups: usize,
    pub window: Window,
}

impl StoredKernel {
    fn kernel(&self) -> Result<Arc<dyn blocked::Kernel>> {
        let filters = Filters {
            weight: self.weight.load()?,
            part: self.part,
            is_transposed: self.is_transposed,
            packing: self.packing,
        };
        let kernel = match self.is_transposed {
            false => blocked::gather(filters, self.groups, &self.window),
            true => blocked::scatter(filters, self.groups, &self.window),
        };
        kernel.context(TOO_LARGE)
    }
}

impl BlockedKernel {
    /// The kernel from one image to another, packed now or in every run.
    ///
    /// # Errors
    /// When the planes are beyond what 32 bits can address, or the weight cannot be read.
    pub(super) fn new(stored: StoredKernel, from: Image, image: Image) -> Result<BlockedKernel> {
        let source = match stored.packing {
            Packing::Kept => KernelSource::Packed(stored.kernel()?),
            Packing::PerPass => KernelSource::Stored(Arc::new(stored)),
        };
        Ok(BlockedKernel { source, from, image })
    }

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
        for (tensor, image) in [(input, self.from), (&*output, self.image)] {
            ensure!(
                tensor.len() == image.len(),
                "a convolution in blocks met {:?} in place of {:?}",
                tensor.shape(),
                image.shape()
            );
        }
        let kernel = match &self.source {
            KernelSource::Packed(kernel) => kernel.clone(),
            KernelSource::Stored(stored) => stored.kernel()?,
        };
        Ok(kernel.run(input.data(), output.data_mut(), finish))
    }

    /// `function(W x + bias)`; the bias is a number a channel or a map, in blocks.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn forward(
        &self,
        input: &Tensor,
        bias: Option<&Tensor>,
        function: Option<&finish::Pointwise>,
    ) -> Result<Tensor> {
        let mut output = Tensor::unwritten(&self.image.shape())?;
        let finish = finish::Forward { bias: finish::Bias::of(bias, self.image), function };
        self.run(input, &mut output, &finish)?;
        Ok(output)
    }
}
