//! The kernels of the forward pass, and which activations are computed with the layer in front of them.

use anyhow::Result;

use super::layout::Layouts;
use crate::linear::{BlockedKernel, Forward, WeightPart};
use crate::network::{Layer, LayerId, Network, Op};
use crate::operator::Pointwise;
use crate::tensor::Tensor;

/// How the value of a layer is computed.
pub(in crate::explain) enum ForwardKernel {
    /// By its operator.
    Operator,
    Tensors(Forward),
    /// On images in blocks, with a bias in blocks.
    Blocks(BlockedKernel, Option<Tensor>),
}

impl ForwardKernel {
    /// The kernel of an operator in the layout in which it runs.
    ///
    /// # Errors
    /// When the weights cannot be read, or a kernel cannot be built for this geometry.
    pub fn new(op: &Op) -> Result<ForwardKernel> {
        Ok(match (op, op.as_linear()) {
            (Op::Convolution(convolution), _) if convolution.in_blocks.is_some() => {
                let kernel = convolution.kernel_in_blocks(WeightPart::Plain, true)?;
                ForwardKernel::Blocks(kernel, convolution.bias.clone())
            }
            (_, Some(map)) => {
                ForwardKernel::Tensors(map.forward(WeightPart::Plain, map.bias().cloned())?)
            }
            _ => ForwardKernel::Operator,
        })
    }
}

/// For each convolution and concatenation in blocks, the activation that is the only reader of its value.
pub(super) fn activations_behind(
    network: &Network,
    layouts: &Layouts,
) -> Vec<Option<(LayerId, Pointwise)>> {
    let consumers = network.consumers();
    let activation = |(id, layer): (LayerId, &Layer)| {
        let has_epilogue = matches!(layer.op, Op::Convolution(_) | Op::Concat(_));
        let [reader] = consumers[id][..] else { return None };
        if !has_epilogue || !layouts.is_in_blocks(id) || !layouts.is_in_blocks(reader) {
            return None;
        }
        match layouts.op(network, reader) {
            Op::Activation(activation) => Some((reader, Pointwise::new(&activation.function)?)),
            _ => None,
        }
    };
    network.layers.iter().enumerate().map(activation).collect()
}
