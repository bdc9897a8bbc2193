//! Linear maps and their transposes as nodes: what every step on a linear layer is made of.

mod average_pooling;
mod bias;
mod convolution;
mod convolution_transposed;
mod dense;
mod part;
mod reduction;
mod resampling;
mod sum;
mod window;

use anyhow::{Result, bail};

pub(super) use self::bias::Bias;
pub(super) use self::part::Part;
pub(super) use self::window::{PlacedTaps, fitted_pads, resized};

use super::graph::Graph;
use super::value::Value;
use crate::network::Op;

/// A linear layer of the network.
#[derive(Clone, Copy)]
pub(super) struct LinearMap<'a> {
    pub op: &'a Op,
    /// The axes of its inputs behind that of the batch.
    pub inputs: &'a [Vec<usize>],
    /// The axes of its output.
    pub output: &'a [usize],
}

impl LinearMap<'_> {
    /// `part(W) x + bias`.
    pub fn forward(
        self,
        graph: &mut Graph,
        inputs: &[Value],
        part: Part,
        bias: &Bias,
    ) -> Result<Value> {
        let [first, ..] = inputs else { bail!("a linear layer without inputs") };
        Ok(match self.op {
            Op::Convolution(map) if map.is_transposed => {
                let sums = convolution::backward(graph, map, first, part);
                bias.added(graph, sums)
            }
            Op::Convolution(map) => convolution::forward(graph, map, first, part, bias),
            Op::Dense(map) => dense::forward(graph, map, first, (part, self.output), bias),
            Op::AveragePooling(map) => {
                let sums = average_pooling::forward(graph, map, first, part)?;
                bias.added(graph, sums)
            }
            Op::Reduction(map) => {
                let sums = reduction::forward(graph, map, first, part);
                bias.added(graph, sums)
            }
            Op::Resampling(map) => {
                let sums = resampling::forward(graph, map, first, part)?;
                bias.added(graph, sums)
            }
            Op::Sum(map) => {
                let sums = sum::forward(graph, map, inputs, part);
                bias.added(graph, sums)
            }
            _ => bail!("it is no linear map"),
        })
    }

    /// `part(W)ᵀ s`: one value per input, which broadcasts to that input's shape.
    pub fn transposed(self, graph: &mut Graph, sums: &Value, part: Part) -> Result<Vec<Value>> {
        Ok(match self.op {
            Op::Convolution(map) if map.is_transposed => {
                vec![convolution::forward(graph, map, sums, part, &Bias::NONE)]
            }
            Op::Convolution(map) => vec![convolution::backward(graph, map, sums, part)],
            Op::Dense(map) => vec![dense::transposed(graph, map, sums, (part, &self.inputs[0]))],
            Op::AveragePooling(map) => vec![average_pooling::transposed(graph, map, sums, part)?],
            Op::Reduction(map) => vec![reduction::transposed(graph, map, sums, part)],
            Op::Resampling(map) => vec![resampling::transposed(graph, map, sums, part)?],
            Op::Sum(map) => sum::transposed(graph, map, sums, part),
            _ => bail!("it is no linear map"),
        })
    }
}
