//! Average pooling, and its transpose: sums of windows of every channel by itself.

use anyhow::Result;

use super::Part;
use super::convolution::{as_images, like_before};
use super::window::{Geometry, PlacedTaps, fitted_pads, resized};
use crate::emit::graph::{Attribute, Graph};
use crate::emit::value::Value;
use crate::linear::{AveragePooling, WeightPart};
use crate::tensor::Tensor;

pub(super) fn forward(
    graph: &mut Graph,
    map: &AveragePooling,
    input: &Value,
    part: Part,
) -> Result<Value> {
    let images = as_images(graph, input, map.window.axes.len());
    let output = match averaged(graph, map, &images, part) {
        Some(output) => output,
        None => sums_of_windows(graph, map, &images, part)?,
    };
    Ok(like_before(graph, output, input))
}

/// ONNX's own average, where the weights are those that it takes.
fn averaged(graph: &mut Graph, map: &AveragePooling, images: &Value, part: Part) -> Option<Value> {
    let (pads, lengths) = fitted_pads(&map.window);
    let is_dilated = map.window.axes.iter().any(|axis| axis.dilation > 1);
    // Runtimes refuse padding as large as the kernel.
    let fits = map.window.axes.iter().zip(&pads).all(|(axis, pad)| {
        pad[0] < axis.kernel && pad[1] < axis.kernel && pad[1] == axis.pad_after
    });
    if part != Part::PLAIN || is_dilated || !fits || lengths != map.window.input_shape() {
        return None;
    }
    let counts = [false, true];
    let counts = counts
        .into_iter()
        .find(|&counts| AveragePooling::new(map.window.clone(), counts).weights == map.weights)?;
    let geometry = Geometry::of(&map.window, &pads);
    // Before opset 19 the operator has no dilations.
    let shared = geometry.attributes().into_iter().filter(|(name, _)| *name != "dilations");
    let counted = ("count_include_pad", Attribute::Int(i64::from(counts)));
    let attributes: Vec<_> = shared.chain([counted]).collect();
    let name = graph.node("AveragePool", &[&images.name], &attributes);
    let axes = std::iter::once(images.axes[0]).chain(map.window.output_shape()).collect();
    Some(Value { name, axes, is_constant: images.is_constant })
}

/// The sum of every window of every channel, times its weight.
fn sums_of_windows(
    graph: &mut Graph,
    map: &AveragePooling,
    images: &Value,
    part: Part,
) -> Result<Value> {
    let channels = images.axes[0];
    let (pads, lengths) = fitted_pads(&map.window);
    let planes = graph.merged(images, &[&[1], &images.axes[1..]].concat());
    let planes = resized(graph, &planes, &lengths);
    let weight = ones(graph, map);
    let geometry = Geometry::of(&map.window, &pads);
    let name = graph.node("Conv", &[&planes.name, &weight], &geometry.attributes());
    let axes = std::iter::once(1).chain(map.window.output_shape()).collect();
    let sums = Value { name, axes, is_constant: images.is_constant };
    let averages = weighted(graph, map, &sums, part)?;
    Ok(graph.merged(&averages, &[&[channels], &averages.axes[1..]].concat()))
}

pub(super) fn transposed(
    graph: &mut Graph,
    map: &AveragePooling,
    sums: &Value,
    part: Part,
) -> Result<Value> {
    let images = as_images(graph, sums, map.window.axes.len());
    let channels = images.axes[0];
    let shares = weighted(graph, map, &images, part)?;
    let planes = graph.merged(&shares, &[&[1], &shares.axes[1..]].concat());
    let weight = ones(graph, map);
    let taps = PlacedTaps { window: &map.window, weight: &weight, groups: 1, channels: 1 };
    let handed = taps.add(graph, &planes);
    let handed = graph.merged(&handed, &[&[channels], &handed.axes[1..]].concat());
    Ok(like_before(graph, handed, sums))
}

/// The value of every window times the weight of its taps.
fn weighted(graph: &mut Graph, map: &AveragePooling, value: &Value, part: Part) -> Result<Value> {
    let weights: Vec<f32> = match part.part {
        WeightPart::Plain if part.factor == 1.0 => map.weights.clone(),
        _ => map.weights.iter().map(|&weight| part.of(weight)).collect(),
    };
    if let [first, rest @ ..] = &weights[..]
        && rest.iter().all(|weight| weight == first)
    {
        return Ok(graph.scaled(value, *first));
    }
    let weights = Tensor::new(&map.window.output_shape(), &weights)?;
    Ok(graph.with_constant("Mul", value, &weights))
}

fn ones(graph: &mut Graph, map: &AveragePooling) -> String {
    let shape: Vec<usize> =
        [1, 1].into_iter().chain(map.window.axes.iter().map(|axis| axis.kernel)).collect();
    let count = shape.iter().product();
    graph.floats(&shape, &vec![1.0; count])
}
