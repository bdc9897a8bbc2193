//! Relevance on its way from a layer to its inputs.

use anyhow::Result;
use onnxplain_kernels::Output;
use onnxplain_kernels::nchwc::Image;
use onnxplain_kernels::simd::SumPair;

use crate::tensor::Tensor;

/// Relevance of a value, with its sum and the sum of its absolute values.
#[derive(Clone)]
pub(in crate::explain) struct Relevance {
    pub tensor: Tensor,
    pub sums: [f64; 2],
}

impl Relevance {
    pub fn sum(&self) -> f64 {
        self.sums[0]
    }

    /// Runs a kernel that adds to the relevance of an input in blocks, which the kernel's output holds, or writes it
    /// where there is none yet.
    pub fn accumulate(
        sum: &mut Option<Relevance>,
        image: Image,
        kernel: impl FnOnce(Output<'_>) -> Result<SumPair>,
    ) -> Result<()> {
        let (tensor, totals) = match sum.take() {
            Some(Relevance { mut tensor, .. }) => {
                let totals = kernel(tensor.data_mut().into())?;
                (tensor, totals)
            }
            None => Tensor::written(&image.shape(), kernel)?,
        };
        *sum = Some(Relevance { tensor, sums: totals.sums() });
        Ok(())
    }

    /// Adds the relevance that another consumer hands to the same value.
    pub fn joined(before: Option<Relevance>, part: Relevance) -> Result<Relevance> {
        let Some(before) = before else {
            return Ok(part);
        };
        let mut tensor = before.tensor;
        let sums = tensor.update([&part.tensor], |sum, [part]| sum + part)?;
        Ok(Relevance { tensor, sums })
    }
}

impl From<Tensor> for Relevance {
    fn from(tensor: Tensor) -> Relevance {
        let sums = tensor.sums();
        Relevance { tensor, sums }
    }
}

/// Relevance that a division absorbs.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::explain) struct Absorbed {
    pub by_bias: f64,
    pub by_stabilizer: f64,
}

/// The relevance of every input after a step, and what the step absorbed. `None` where nothing was handed down.
pub(in crate::explain) struct StepOutput {
    pub inputs: Vec<Option<Relevance>>,
    pub absorbed: Absorbed,
}

impl From<Vec<Relevance>> for StepOutput {
    fn from(inputs: Vec<Relevance>) -> StepOutput {
        let inputs = inputs.into_iter().map(Some).collect();
        StepOutput { inputs, absorbed: Absorbed::default() }
    }
}

impl From<Vec<Tensor>> for StepOutput {
    fn from(inputs: Vec<Tensor>) -> StepOutput {
        inputs.into_iter().map(Relevance::from).collect::<Vec<Relevance>>().into()
    }
}
