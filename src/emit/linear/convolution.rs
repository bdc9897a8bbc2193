//! Convolutions and transposed convolutions.

use super::bias::PerChannel;
use super::convolution_transposed::backward_by_convolution;
use super::window::{Geometry, fitted_pads, resized};
use super::{Bias, Part, PlacedTaps};
use crate::emit::graph::{Attribute, Graph};
use crate::emit::value::Value;
use crate::linear::{Convolution, WeightPart};

/// The value as images `[C, spatial...]`: frames of a video, or windows of a picture, are taken up into the batch.
pub(super) fn as_images(graph: &mut Graph, value: &Value, spatial: usize) -> Value {
    let own = &value.axes[value.axes.len() - spatial - 1..].to_vec();
    if own.len() == value.axes.len() { value.clone() } else { graph.merged(value, own) }
}

/// Images as the value that they were made of has them: `like` has the axes in front.
pub(super) fn like_before(graph: &mut Graph, images: Value, like: &Value) -> Value {
    let in_front = &like.axes[..(like.axes.len() + 1).saturating_sub(images.rank())];
    if in_front.is_empty() {
        return images;
    }
    let axes = [in_front, &images.axes].concat();
    graph.merged(&images, &axes)
}

/// The convolution in its forward direction: from images of the window's input to those of its output.
pub(super) fn forward(
    graph: &mut Graph,
    map: &Convolution,
    input: &Value,
    part: Part,
    bias: &Bias,
) -> Value {
    let images = as_images(graph, input, map.window.axes.len());
    let filters = map.weight.shape()[0];
    let (pads, lengths) = fitted_pads(&map.window);
    let images = if lengths == map.window.input_shape() {
        images
    } else {
        resized(graph, &images, &lengths)
    };
    let geometry = Geometry::of(&map.window, &pads);
    let (images, weight, groups) = match part.part {
        // The channels of a group are added up first.
        WeightPart::One => {
            let sums = summed_channels(graph, &images, map.groups);
            (sums, ones(graph, map, part.factor), map.groups)
        }
        _ => (images, part.of_weight(graph, &map.weight), map.groups),
    };
    let channels = if part.part == WeightPart::One { map.groups } else { filters };
    let numbers = match part.part {
        WeightPart::One => PerChannel::Map,
        _ => bias.per_channel(filters, |shape| shape.get(1) == Some(&filters)),
    };
    let mut operands = vec![images.name.clone(), weight];
    if let PerChannel::Numbers(numbers) = &numbers {
        operands.push(graph.floats(&[filters], numbers));
    }
    let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
    let group = [("group", Attribute::Int(groups as i64))];
    let name = graph.node("Conv", &operands, &[&geometry.attributes()[..], &group].concat());
    let axes = std::iter::once(channels).chain(map.window.output_shape()).collect();
    let output = Value { name, axes, is_constant: images.is_constant };
    // One group broadcasts to all channels.
    let output = match part.part {
        WeightPart::One if map.groups > 1 => spread_channels(graph, &output, filters),
        _ => output,
    };
    let output = like_before(graph, output, input);
    match numbers {
        PerChannel::Map => bias.added(graph, output),
        _ => output,
    }
}

/// Its transpose: from images of the window's output to those of its input.
pub(super) fn backward(graph: &mut Graph, map: &Convolution, sums: &Value, part: Part) -> Value {
    let images = as_images(graph, sums, map.window.axes.len());
    let channels = map.weight.shape()[1] * map.groups;
    let handed = match part.part {
        WeightPart::One => {
            let images = summed_channels(graph, &images, map.groups);
            let weight = ones(graph, map, part.factor);
            let taps = PlacedTaps {
                window: &map.window,
                weight: &weight,
                groups: map.groups,
                channels: map.groups,
            };
            let sums = taps.add(graph, &images);
            // One group broadcasts to all channels.
            if map.groups == 1 { sums } else { spread_channels(graph, &sums, channels) }
        }
        _ => {
            let weight = part.of_weight(graph, &map.weight);
            match backward_by_convolution(graph, map, &images, &weight) {
                Some(handed) => handed,
                None => {
                    let (window, groups) = (&map.window, map.groups);
                    PlacedTaps { window, weight: &weight, groups, channels }.add(graph, &images)
                }
            }
        }
    };
    like_before(graph, handed, sums)
}

/// A weight of ones, of one channel per group.
fn ones(graph: &mut Graph, map: &Convolution, number: f32) -> String {
    let mut shape = map.weight.shape().to_vec();
    (shape[0], shape[1]) = (map.groups, 1);
    let count = shape.iter().product();
    graph.floats(&shape, &vec![number; count])
}

/// The sum of the channels of every group.
fn summed_channels(graph: &mut Graph, images: &Value, groups: usize) -> Value {
    let channels = images.axes[0];
    if groups == channels {
        return images.clone();
    }
    if groups == 1 {
        return graph.summed(images, &[0]);
    }
    let spatial = &images.axes[1..];
    let split = graph.reshaped(images, &[&[groups, channels / groups], spatial].concat());
    let sums = graph.summed(&split, &[1]);
    graph.reshaped(&sums, &[&[groups], spatial].concat())
}

/// Every group's single channel repeated for all its channels.
fn spread_channels(graph: &mut Graph, images: &Value, channels: usize) -> Value {
    let (groups, spatial) = (images.axes[0], &images.axes[1..]);
    if groups == channels {
        return images.clone();
    }
    let whole = [&[channels], spatial].concat();
    if groups == 1 {
        return graph.spread(images, &whole);
    }
    let split = graph.reshaped(images, &[&[groups, 1], spatial].concat());
    let spread = graph.spread(&split, &[&[groups, channels / groups], spatial].concat());
    graph.reshaped(&spread, &whole)
}
