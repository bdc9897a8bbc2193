//! In which layout every value lies while the program runs: row by row, or in blocks of channels.
//!
//! A layer whose kernels know images in blocks runs on them, and its operator, bias and parameters are arranged
//! for it once. Where a value is read in the other layout, it is converted. To let an operator run on blocks, name
//! it in [`op_in_blocks`].

use anyhow::Result;
use onnxplain_kernels::nchwc::{Image, LANES, Prepack};
use rayon::prelude::*;

use crate::linear::{Convolution, Reduction, Sum};
use crate::network::{Layer, LayerId, Network, Op};
use crate::operator::{Activation, Affine, Concat, MaxPooling, Product};
use crate::tensor::{Tensor, constant_to_blocks, to_blocks, to_rows};

/// The operator that runs for every layer.
pub(super) struct Layouts {
    /// The operators that run on images in blocks.
    in_blocks: Vec<Option<Op>>,
    /// Operators that run row by row in place of those of the network: dense layers with their weights in memory.
    on_rows: Vec<Option<Op>>,
    /// When convolutions pack their weights.
    prepack: Prepack,
}

impl Layouts {
    /// Decides for every layer, from the input on.
    ///
    /// # Errors
    /// When the memory for rearranged parameters cannot be had, or weights cannot be read.
    pub fn of(network: &Network, prepack: Prepack) -> Result<Layouts> {
        let layers = network.layers.par_iter();
        let on_rows = layers.map(|layer| op_on_rows(&layer.op, prepack)).collect::<Result<_>>()?;
        let in_blocks = Vec::with_capacity(network.layers.len());
        let mut layouts = Layouts { in_blocks, on_rows, prepack };
        for (id, layer) in network.layers.iter().enumerate() {
            // The logits are read row by row.
            let in_blocks = match id == network.output {
                true => None,
                false => layouts.layer_in_blocks(network, layer)?,
            };
            layouts.in_blocks.push(in_blocks);
        }
        Ok(layouts)
    }

    fn layer_in_blocks(&self, network: &Network, layer: &Layer) -> Result<Option<Op>> {
        let shapes = layer.inputs.iter().map(|&input| &network.layers[input].shape[..]);
        let images: Option<Vec<Image>> = shapes.map(Image::of).collect();
        let (Some(images), Some(output)) = (images, Image::of(&layer.shape)) else {
            return Ok(None);
        };
        let follows = layer.inputs.iter().any(|&input| self.is_in_blocks(input));
        if !follows && !matches!(layer.op, Op::Convolution(_)) {
            return Ok(None);
        }
        op_in_blocks(&layer.op, &images, output, self.prepack)
    }

    /// Whether the value of a layer is an image in blocks.
    pub fn is_in_blocks(&self, id: LayerId) -> bool {
        self.in_blocks[id].is_some()
    }

    /// The operator that runs, on images in blocks where the value is one.
    pub fn op<'a>(&'a self, network: &'a Network, id: LayerId) -> &'a Op {
        self.in_blocks[id].as_ref().unwrap_or_else(|| self.op_on_rows(network, id))
    }

    /// The operator that runs row by row.
    pub fn op_on_rows<'a>(&'a self, network: &'a Network, id: LayerId) -> &'a Op {
        self.on_rows[id].as_ref().unwrap_or(&network.layers[id].op)
    }

    /// A value of layer `id`, or relevance of it, from one layout to another.
    ///
    /// # Errors
    /// When it has not the layer's shape.
    pub fn convert(
        &self,
        network: &Network,
        id: LayerId,
        tensor: Tensor,
        into_blocks: bool,
    ) -> Result<Tensor> {
        let shape = &network.layers[id].shape;
        match (tensor.shape() != shape.as_slice(), into_blocks) {
            (false, true) => to_blocks(&tensor),
            (true, false) => to_rows(&tensor, shape),
            _ => Ok(tensor),
        }
    }
}

/// The operator that runs row by row, if it is not that of the network: a dense layer reads its weights from memory
/// in every pass, where there are several.
fn op_on_rows(op: &Op, prepack: Prepack) -> Result<Option<Op>> {
    match op {
        Op::Dense(dense) if prepack == Prepack::Once => {
            let mut dense = dense.clone();
            dense.weight.hold()?;
            Ok(Some(Op::Dense(dense)))
        }
        _ => Ok(None),
    }
}

/// The operator on images in blocks; `None` where it has no kernels for them.
fn op_in_blocks(op: &Op, inputs: &[Image], output: Image, prepack: Prepack) -> Result<Option<Op>> {
    let shapes = || inputs.iter().map(|image| image.shape().to_vec());
    let input = inputs[0];
    Ok(match op {
        Op::Convolution(convolution) => convolution_in_blocks(convolution, output, prepack)?,
        Op::Activation(activation) => activation_in_blocks(activation, input)?,
        Op::Affine(affine) => affine_in_blocks(affine, input)?,
        Op::Sum(sum) => inputs.iter().all(|&image| image == output).then(|| {
            Op::Sum(Sum {
                coefficients: sum.coefficients.clone(),
                input_shapes: shapes().collect(),
                output_shape: output.shape().to_vec(),
            })
        }),
        Op::Product(product) => {
            let per_channel = Image { height: 1, width: 1, ..output };
            let fits = inputs.iter().all(|&image| image == output || image == per_channel);
            let shapes: Result<[Vec<usize>; 2], _> = shapes().collect::<Vec<_>>().try_into();
            let shapes = shapes.ok().filter(|_| fits);
            shapes.map(|input_shapes| Op::Product(Product { signal: product.signal, input_shapes }))
        }
        Op::Concat(concat) => {
            let mut whole = inputs.iter().rev().skip(1);
            let fits = concat.axis == 1 && whole.all(|image| image.channels.is_multiple_of(LANES));
            fits.then(|| Op::Concat(Concat { axis: 1, input_shapes: shapes().collect() }))
        }
        Op::Reduction(reduction) => {
            let is_of_pixels = (reduction.first_axis, reduction.axis_count) == (2, 2);
            let input_shape = input.shape().to_vec();
            is_of_pixels.then(|| Op::Reduction(Reduction { input_shape, ..reduction.clone() }))
        }
        Op::MaxPooling(pooling) => (pooling.window.axes.len() == 2).then(|| {
            Op::MaxPooling(MaxPooling {
                input_shape: input.shape().to_vec(),
                output_shape: output.shape().to_vec(),
                window: pooling.window.clone(),
            })
        }),
        // Its shapes are those of what it is given.
        Op::AveragePooling(pooling) if pooling.window.axes.len() == 2 => Some(op.clone()),
        _ => None,
    })
}

fn convolution_in_blocks(
    convolution: &Convolution,
    output: Image,
    prepack: Prepack,
) -> Result<Option<Op>> {
    let Some(mut blocked) = convolution.to_blocks(prepack) else { return Ok(None) };
    if let Some(bias) = &convolution.bias {
        blocked.bias = match bias.data() {
            // One number for all channels: kernels read one a channel.
            [number] => {
                let per_channel = Tensor::filled(&[1, output.channels, 1, 1], *number)?;
                constant_to_blocks(&per_channel, output)?
            }
            _ => constant_to_blocks(bias, output)?,
        };
        if blocked.bias.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(Op::Convolution(blocked)))
}

fn activation_in_blocks(activation: &Activation, image: Image) -> Result<Option<Op>> {
    let function = &activation.function;
    // Lanes without a channel must hold numbers, whatever relevance of 0 is multiplied with.
    let silent = function.with_parameters(|parameter| Tensor::zeros(parameter.shape()))?;
    let mut fits = image.channels.is_multiple_of(LANES) || silent.at(0.0).is_finite();
    for parameter in function.parameters() {
        fits &= constant_to_blocks(parameter, image)?.is_some();
    }
    if !fits {
        return Ok(None);
    }
    let function = function.with_parameters(|parameter| {
        let blocks = constant_to_blocks(parameter, image)?;
        Ok(blocks.unwrap_or_else(|| parameter.clone()))
    })?;
    Ok(Some(Op::Activation(Activation { name: activation.name.clone(), function })))
}

fn affine_in_blocks(affine: &Affine, image: Image) -> Result<Option<Op>> {
    let arrange = |constant: &Option<Tensor>| -> Result<Option<Tensor>> {
        match constant {
            Some(constant) => constant_to_blocks(constant, image),
            None => Ok(None),
        }
    };
    let blocked = Affine { scale: arrange(&affine.scale)?, shift: arrange(&affine.shift)? };
    let fits = blocked.scale.is_some() == affine.scale.is_some()
        && blocked.shift.is_some() == affine.shift.is_some();
    Ok(fits.then_some(Op::Affine(blocked)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::{Window, WindowAxis};

    #[test]
    fn one_bias_for_all_channels_becomes_one_a_channel() {
        let axis = WindowAxis { input: 4, output: 4, ..WindowAxis::POINT };
        let weight = Tensor::filled(&[24, 8, 1, 1], 1.0).unwrap();
        let bias = Some(Tensor::new(&[], &[0.5]).unwrap());
        let convolution = Convolution::new(weight, bias, 1, Window { axes: vec![axis, axis] });
        // Where there are no kernels for blocks, the layer stays on rows.
        let image = Image { channels: 24, height: 4, width: 4 };
        let Some(Op::Convolution(blocked)) =
            convolution_in_blocks(&convolution, image, Prepack::Once).unwrap()
        else {
            return;
        };
        let bias = blocked.bias.unwrap();
        assert_eq!(bias.shape(), [1, 2, 1, 1, 16]);
        assert_eq!(bias.data()[..24], [0.5; 24]);
        assert_eq!(bias.data()[24..], [0.0; 8]);
    }
}
