//! Which architecture family a network belongs to, found from its graph alone.

use std::fmt;

use super::{Kind, Layer, LayerId, Network, Op};

/// An architecture family, by which a preset is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A chain of convolutions (VGG, AlexNet).
    Plain,
    /// Sums of a branch and a shortcut (ResNet).
    Residual,
    /// Concatenations of a value with values computed from it (DenseNet).
    DenseConcat,
    /// Concatenations of parallel branches (GoogLeNet, Inception, SqueezeNet).
    Inception,
    /// Depthwise convolutions (MobileNet).
    Depthwise,
    /// Depthwise convolutions and squeeze-excite gates (EfficientNet, MobileNetV3, PP-LCNet).
    GatedDepthwise,
    /// Attention over all positions (ViT, DeiT).
    Transformer,
    /// Attention within windows, over fewer positions in deeper layers (Swin).
    WindowedTransformer,
    /// Depthwise convolutions with LayerNormalization (ConvNeXt).
    ConvNext,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Plain => "plain",
            Family::Residual => "residual",
            Family::DenseConcat => "dense-concat",
            Family::Inception => "inception",
            Family::Depthwise => "depthwise",
            Family::GatedDepthwise => "depthwise with gates",
            Family::Transformer => "transformer",
            Family::WindowedTransformer => "windowed transformer",
            Family::ConvNext => "convnext",
        })
    }
}

/// The least share of depthwise convolutions among all convolutions for a family of depthwise convolutions.
const DEPTHWISE_SHARE: f32 = 0.2;

/// The least number of attention layers per convolution for a transformer; fewer are a pooling at the end.
const ATTENTION_SHARE: f32 = 0.25;

impl Family {
    /// The family of a canonized network, by the layers between its convolutions. A concatenation at the input (four
    /// slices) or in the head (two poolings), and the sum of an ensemble, do not count.
    pub fn of(network: &Network) -> Family {
        let count =
            |is: &dyn Fn(LayerId) -> bool| (0..network.layers.len()).filter(|&id| is(id)).count();
        let of_kind = |kind: Kind| count(&|id| network.layers[id].kind() == kind);
        let convolutions = count(&|id| is_over_positions(network, id));
        let depthwise = count(&|id| match &network.layers[id].op {
            Op::Convolution(convolution) => convolution.is_depthwise(),
            _ => false,
        });
        let (behind, before) = (behind_convolutions(network), before_convolutions(network));
        let joins = |id: LayerId, kind: Kind| {
            let layer = &network.layers[id];
            let joined = layer.inputs.iter().filter(|&&input| behind[input]).count();
            layer.kind() == kind && positions(&layer.shape) > 1 && joined > 1
        };
        let dense_concats = count(&|id| before[id] && is_dense_concat(network, id, &behind));
        let concats = count(&|id| before[id] && joins(id, Kind::Concat));
        let sums = count(&|id| joins(id, Kind::Sum));
        let has_layer_norms = count(&|id| normalises_positions(&network.layers[id])) > 0;
        if of_kind(Kind::Matmul) as f32 > ATTENTION_SHARE * convolutions as f32 {
            let is_windowed = attends_in_windows(network);
            if is_windowed { Family::WindowedTransformer } else { Family::Transformer }
        } else if depthwise > 0 && has_layer_norms {
            Family::ConvNext
        } else if depthwise as f32 > DEPTHWISE_SHARE * convolutions as f32 {
            let has_gates = of_kind(Kind::Gate) > 0;
            if has_gates { Family::GatedDepthwise } else { Family::Depthwise }
        } else if dense_concats > sums {
            Family::DenseConcat
        } else if concats > 0 && 2 * concats >= sums {
            Family::Inception
        } else if sums > 0 {
            Family::Residual
        } else {
            Family::Plain
        }
    }
}

/// The number of positions of a value `[1, channels, ...]`.
fn positions(shape: &[usize]) -> usize {
    shape.iter().skip(2).product()
}

/// Whether a layer is a convolution over more than one position. Those in gates and heads have a single one.
fn is_over_positions(network: &Network, id: LayerId) -> bool {
    let layer = &network.layers[id];
    matches!(layer.op, Op::Convolution(_)) && positions(&layer.shape) > 1
}

/// For each layer, whether it, or a layer before it, is a convolution over positions.
fn behind_convolutions(network: &Network) -> Vec<bool> {
    let mut behind = vec![false; network.layers.len()];
    for (id, layer) in network.layers.iter().enumerate() {
        behind[id] = is_over_positions(network, id) || layer.inputs.iter().any(|&of| behind[of]);
    }
    behind
}

/// For each layer, whether a convolution over positions comes after it.
fn before_convolutions(network: &Network) -> Vec<bool> {
    let mut before = vec![false; network.layers.len()];
    for (id, layer) in network.layers.iter().enumerate().rev() {
        if before[id] || is_over_positions(network, id) {
            layer.inputs.iter().for_each(|&input| before[input] = true);
        }
    }
    before
}

/// Whether a layer normalises each position, or each channel, by itself. A head has only one position.
fn normalises_positions(layer: &Layer) -> bool {
    match &layer.op {
        Op::LayerNormalization(norm) => {
            layer.shape.iter().product::<usize>() > norm.length_and_stride.0
        }
        _ => false,
    }
}

/// Whether deeper attention layers have fewer matrices. There is one per head and window, and there are fewer windows
/// after neighbouring patches were merged.
fn attends_in_windows(network: &Network) -> bool {
    let matrices = network.layers.iter().filter_map(|layer| match &layer.op {
        Op::MatrixProduct(product) => Some(product.batch),
        _ => None,
    });
    let matrices: Vec<usize> = matrices.collect();
    matrices.first() > matrices.last()
}

/// Whether one input of a concatenation was computed from another, by a convolution.
fn is_dense_concat(network: &Network, id: LayerId, behind: &[bool]) -> bool {
    if network.layers[id].kind() != Kind::Concat {
        return false;
    }
    let inputs = &network.layers[id].inputs;
    let Some(&earliest) = inputs.iter().min() else { return false };
    let mut depends = vec![false; id];
    depends[earliest] = true;
    for at in earliest + 1..id {
        depends[at] = network.layers[at].inputs.iter().any(|&input| depends[input]);
    }
    inputs.iter().any(|&input| input != earliest && depends[input] && behind[input])
}
