//! The tensors of a network that hold parameters.

use anyhow::{Result, bail};

use crate::network::{LayerId, Network, Op};
use crate::tensor::Tensor;

/// A tensor of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub layer: LayerId,
    pub field: Field,
}

/// Which of a layer's tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// What is multiplied with the inputs and summed.
    Weight,
    /// What is added to these sums.
    Bias,
    /// What a normalised signal is multiplied with.
    Scale,
    /// What is added to that.
    Shift,
}

/// All of a network, in the order of its layers.
pub(super) fn slots(network: &Network) -> Vec<Slot> {
    let of_layer = |layer: LayerId| {
        let op = &network.layers[layer].op;
        [Field::Weight, Field::Bias, Field::Scale, Field::Shift]
            .into_iter()
            .filter(move |&field| shape(op, field).is_some())
            .map(move |field| Slot { layer, field })
    };
    (0..network.layers.len()).flat_map(of_layer).collect()
}

fn shape(op: &Op, field: Field) -> Option<&[usize]> {
    match (op, field) {
        (Op::Convolution(map), Field::Weight) => Some(map.weight.shape()),
        (Op::Dense(map), Field::Weight) => Some(map.weight.shape()),
        (_, Field::Weight) => None,
        _ => tensor(op, field).map(Tensor::shape),
    }
}

fn tensor(op: &Op, field: Field) -> Option<&Tensor> {
    match (op, field) {
        (Op::Convolution(map), Field::Bias) => map.bias.as_ref(),
        (Op::Dense(map), Field::Bias) => map.bias.as_ref(),
        (Op::Affine(affine), Field::Scale) => affine.scale.as_ref(),
        (Op::Affine(affine), Field::Shift) => affine.shift.as_ref(),
        (Op::LayerNormalization(norm), Field::Scale) => norm.scale.as_ref(),
        (Op::LayerNormalization(norm), Field::Shift) => norm.shift.as_ref(),
        _ => None,
    }
}

impl Slot {
    /// Its numbers.
    ///
    /// # Errors
    /// When the network has no such tensor, or its file cannot be read any more.
    pub fn read(self, network: &Network) -> Result<Tensor> {
        let layer = &network.layers[self.layer];
        match (&layer.op, self.field) {
            (Op::Convolution(map), Field::Weight) => map.weight.load(),
            (Op::Dense(map), Field::Weight) => map.weight.load(),
            (op, field) => match tensor(op, field) {
                Some(tensor) => Ok(tensor.clone()),
                None => bail!("the {} has no {field:?}", layer.describe()),
            },
        }
    }

    /// Replaces its numbers.
    pub fn write(self, network: &mut Network, numbers: Tensor) {
        match (&mut network.layers[self.layer].op, self.field) {
            (Op::Convolution(map), Field::Weight) => map.weight = numbers.into(),
            (Op::Dense(map), Field::Weight) => map.weight = numbers.into(),
            (Op::Convolution(map), Field::Bias) => map.bias = Some(numbers),
            (Op::Dense(map), Field::Bias) => map.bias = Some(numbers),
            (Op::Affine(affine), Field::Scale) => affine.scale = Some(numbers),
            (Op::Affine(affine), Field::Shift) => affine.shift = Some(numbers),
            (Op::LayerNormalization(norm), Field::Scale) => norm.scale = Some(numbers),
            (Op::LayerNormalization(norm), Field::Shift) => norm.shift = Some(numbers),
            _ => {}
        }
    }
}
