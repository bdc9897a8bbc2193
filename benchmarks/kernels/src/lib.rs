//! Linear layers of well-known networks, to be timed.

use anyhow::Result;
use onnxplain::linear::{Convolution, Dense, LinearMap, Window, WindowAxis};
use onnxplain::tensor::Tensor;

/// A layer with the shapes of its input and output.
pub struct Layer {
    /// Where it comes from.
    pub name: &'static str,
    /// What it computes.
    pub map: Box<dyn LinearMap>,
    /// The shape of its input.
    pub input_shape: Vec<usize>,
    /// The shape of its output.
    pub output_shape: Vec<usize>,
    /// Multiplications and additions of one pass.
    pub operations: u64,
}

/// The geometry of a square convolution.
struct Geometry {
    channels: usize,
    filters: usize,
    size: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
}

/// The layers.
///
/// # Errors
/// When the memory cannot be had.
pub fn layers() -> Result<Vec<Layer>> {
    let dense = |channels, filters, size, kernel, stride| Geometry {
        channels,
        filters,
        size,
        kernel,
        stride,
        groups: 1,
    };
    let depthwise = |channels, size, kernel, stride| Geometry {
        channels,
        filters: channels,
        size,
        kernel,
        stride,
        groups: channels,
    };
    Ok(vec![
        convolution("ResNet 7x7/2, 3 to 64 at 224", dense(3, 64, 224, 7, 2))?,
        convolution("ResNet 1x1, 256 to 64 at 56", dense(256, 64, 56, 1, 1))?,
        convolution("ResNet 3x3, 128 to 128 at 28", dense(128, 128, 28, 3, 1))?,
        convolution("ResNet 3x3/2, 256 to 256 at 28", dense(256, 256, 28, 3, 2))?,
        convolution("ResNet 3x3, 512 to 512 at 7", dense(512, 512, 7, 3, 1))?,
        convolution("VGG 3x3, 64 to 64 at 224", dense(64, 64, 224, 3, 1))?,
        convolution("MobileNet depthwise 3x3, 144 at 56", depthwise(144, 56, 3, 1))?,
        convolution("MobileNet depthwise 3x3/2, 96 at 112", depthwise(96, 112, 3, 2))?,
        convolution("EfficientNet depthwise 5x5, 672 at 14", depthwise(672, 14, 5, 1))?,
        matrix("VGG, 4096 to 4096", 1, 4096, 4096)?,
        matrix("ViT, 768 to 3072 at 197 tokens", 197, 768, 3072)?,
    ])
}

fn convolution(name: &'static str, geometry: Geometry) -> Result<Layer> {
    let Geometry { channels, filters, size, kernel, stride, groups } = geometry;
    let output = (size - 1) / stride + 1;
    let axis = WindowAxis {
        input: size,
        output,
        kernel,
        stride,
        dilation: 1,
        pad_before: kernel / 2,
        pad_after: kernel / 2,
    };
    let weight = numbers(&[filters, channels / groups, kernel, kernel])?;
    let operations = 2 * (weight.len() * output * output) as u64;
    let window = Window { axes: vec![axis; 2] };
    let map = Convolution::new(weight, None, groups, window);
    Ok(Layer {
        name,
        map: Box::new(map),
        input_shape: vec![1, channels, size, size],
        output_shape: vec![1, filters, output, output],
        operations,
    })
}

fn matrix(name: &'static str, positions: usize, inputs: usize, outputs: usize) -> Result<Layer> {
    let weight = numbers(&[outputs, inputs])?;
    let operations = 2 * (weight.len() * positions) as u64;
    let (input_shape, output_shape) = (vec![positions, inputs], vec![positions, outputs]);
    let map = Dense {
        weight: weight.into(),
        bias: None,
        input_shape: input_shape.clone(),
        output_shape: output_shape.clone(),
    };
    Ok(Layer { name, map: Box::new(map), input_shape, output_shape, operations })
}

/// Numbers of both signs.
///
/// # Errors
/// When the memory cannot be had.
pub fn numbers(shape: &[usize]) -> Result<Tensor> {
    let count = shape.iter().product::<usize>();
    let data: Vec<f32> = (0..count).map(|n| (n * 7 % 17) as f32 / 16.0 - 0.5).collect();
    Tensor::new(shape, &data)
}
