//! Which architecture family a network belongs to, read off its graph alone.

use std::fmt;

use super::{Kind, LayerId, Network, Op};

/// An architecture family: what decides which preset suits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Convolutions one after the other (VGG, AlexNet).
    Plain,
    /// Sums of a branch and a shortcut (ResNet).
    Residual,
    /// Concatenations of a value with what was computed from it (DenseNet).
    DenseConcat,
    /// Concatenations of parallel branches (GoogLeNet, Inception, SqueezeNet).
    Inception,
    /// Depthwise convolutions (MobileNet).
    Depthwise,
    /// Depthwise convolutions and squeeze-excite gates (EfficientNet, MobileNetV3, PP-LCNet).
    GatedDepthwise,
    /// Attention over all positions (ViT, DeiT).
    Transformer,
    /// Attention within windows, over fewer positions with depth (Swin).
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

/// Depthwise convolutions must make up this share of all convolutions to make a family.
const DEPTHWISE_SHARE: f32 = 0.2;

impl Family {
    /// The family of a canonized network.
    pub fn of(network: &Network) -> Family {
        let count =
            |is: &dyn Fn(LayerId) -> bool| (0..network.layers.len()).filter(|&id| is(id)).count();
        let of_kind = |kind: Kind| count(&|id| network.layers[id].kind() == kind);
        // The pointwise convolutions inside gates see a single position.
        let convolutions = count(&|id| {
            let layer = &network.layers[id];
            let positions: usize = layer.shape.iter().skip(2).product();
            layer.kind() == Kind::Convolution && positions > 1
        });
        let depthwise = count(&|id| match &network.layers[id].op {
            Op::Convolution(convolution) => convolution.is_depthwise(),
            _ => false,
        });
        let dense_concats = count(&|id| is_dense_concat(network, id));
        let has_layer_norms =
            count(&|id| matches!(network.layers[id].op, Op::LayerNormalization(_))) > 0;
        if of_kind(Kind::Matmul) > 0 {
            let is_windowed = attends_in_windows(network);
            if is_windowed { Family::WindowedTransformer } else { Family::Transformer }
        } else if depthwise > 0 && has_layer_norms {
            Family::ConvNext
        } else if depthwise as f32 > DEPTHWISE_SHARE * convolutions as f32 {
            let has_gates = of_kind(Kind::Gate) > 0;
            if has_gates { Family::GatedDepthwise } else { Family::Depthwise }
        } else if dense_concats > 0 {
            Family::DenseConcat
        } else if of_kind(Kind::Concat) > 0 {
            Family::Inception
        } else if of_kind(Kind::Sum) > 0 {
            Family::Residual
        } else {
            Family::Plain
        }
    }
}

/// Whether attention works on fewer matrices with depth: there is one per head and window, and windows
/// become fewer where neighbouring patches are merged.
fn attends_in_windows(network: &Network) -> bool {
    let matrices = network.layers.iter().filter_map(|layer| match &layer.op {
        Op::MatrixProduct(product) => Some(product.batch),
        _ => None,
    });
    let matrices: Vec<usize> = matrices.collect();
    matrices.first() > matrices.last()
}

/// Whether one input of a concatenation was computed from another.
fn is_dense_concat(network: &Network, id: LayerId) -> bool {
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
    inputs.iter().any(|&input| input != earliest && depends[input])
}
