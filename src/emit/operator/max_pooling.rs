//! Max pooling: the largest element of a window, the first of equal ones, takes all relevance.
//!
//! Where runtimes have the indices of `MaxPool`, relevance is scattered to them. Otherwise the taps of the window are
//! compared with the maximum one after the other; each takes what the ones before left, and a transposed convolution
//! puts them in their places.

use crate::emit::graph::{Attribute, Graph};
use crate::emit::linear::{PlacedTaps, fitted_pads, resized};
use crate::emit::value::{Cut, Value};
use crate::linear::{Window, WindowAxis};
use crate::operator::MaxPooling;

/// What is beyond the edge: nothing is below.
const LOWEST: f32 = f32::MIN;

/// The input with its padding, as far as `MaxPool` does not pad itself, and the attributes.
struct Prepared {
    images: Value,
    /// Elements around the input, before and behind each axis.
    around: Vec<[usize; 2]>,
    /// What `MaxPool` pads itself.
    pads: Vec<[usize; 2]>,
}

fn prepared(graph: &mut Graph, window: &Window, input: &Value) -> Prepared {
    let spatial = window.axes.len();
    let own = input.axes[input.axes.len() - spatial - 1..].to_vec();
    let images = if own == input.axes { input.clone() } else { graph.merged(input, &own) };
    let (pads, lengths) = fitted_pads(window);
    let images = resized(graph, &images, &lengths);
    let fits = |(axis, pad): (&WindowAxis, &[usize; 2])| pad.iter().all(|&pad| pad < axis.kernel);
    if window.axes.iter().zip(&pads).all(fits) {
        return Prepared { images, around: vec![[0, 0]; spatial], pads };
    }
    let of_channels = std::iter::once([0, 0]).chain(pads.iter().copied()).collect::<Vec<_>>();
    let images = graph.padded(&images, &of_channels, LOWEST);
    Prepared { images, around: pads, pads: vec![[0, 0]; spatial] }
}

/// The maxima and, where `with_indices` is set, the places of the winners, counted through the whole tensor.
fn pooled(
    graph: &mut Graph,
    window: &Window,
    prepared: &Prepared,
    with_indices: bool,
) -> Vec<Value> {
    let each = |of: fn(&WindowAxis) -> usize| -> Vec<i64> {
        window.axes.iter().map(|axis| of(axis) as i64).collect()
    };
    let side = |place: usize| prepared.pads.iter().map(move |pad| pad[place] as i64);
    let pads: Vec<i64> = side(0).chain(side(1)).collect();
    let (kernel, strides, dilations) =
        (each(|axis| axis.kernel), each(|axis| axis.stride), each(|axis| axis.dilation));
    let attributes = [
        ("kernel_shape", Attribute::Ints(&kernel)),
        ("strides", Attribute::Ints(&strides)),
        ("dilations", Attribute::Ints(&dilations)),
        ("pads", Attribute::Ints(&pads)),
    ];
    let outputs = if with_indices { 2 } else { 1 };
    let names = graph.nodes("MaxPool", &[&prepared.images.name], &attributes, outputs);
    let axes: Vec<usize> =
        std::iter::once(prepared.images.axes[0]).chain(window.output_shape()).collect();
    let value =
        |name: String| Value { name, axes: axes.clone(), is_constant: prepared.images.is_constant };
    names.into_iter().map(value).collect()
}

/// A value with the axes in front that `like` has.
fn like_before(graph: &mut Graph, images: &Value, like: &Value) -> Value {
    let in_front = &like.axes[..like.axes.len() - images.axes.len()];
    if in_front.is_empty() {
        images.clone()
    } else {
        graph.merged(images, &[in_front, &images.axes].concat())
    }
}

pub(super) fn forward(graph: &mut Graph, pooling: &MaxPooling, input: &Value) -> Value {
    let prepared = prepared(graph, &pooling.window, input);
    // The gradient reads the indices of the same node.
    let outputs = pooled(graph, &pooling.window, &prepared, !graph.dialect.is_portable);
    like_before(graph, &outputs[0], input)
}

pub(super) fn gradient(
    graph: &mut Graph,
    pooling: &MaxPooling,
    (input, output): (&Value, &Value),
    relevance: &Value,
) -> Value {
    let window = &pooling.window;
    let prepared = prepared(graph, window, input);
    let images = |graph: &mut Graph, value: &Value| {
        let own = value.axes[value.axes.len() - window.axes.len() - 1..].to_vec();
        if own == value.axes { value.clone() } else { graph.merged(value, &own) }
    };
    let of_images = images(graph, relevance);
    let handed = match graph.dialect.is_portable {
        true => {
            let maxima = images(graph, output);
            tap_by_tap(graph, window, &prepared, (&maxima, &of_images))
        }
        false => {
            let indices = pooled(graph, window, &prepared, true).swap_remove(1);
            scattered(graph, &prepared, &indices, &of_images)
        }
    };
    // What was padded and cut around it.
    let mut handed = handed;
    for (place, around) in prepared.around.iter().enumerate() {
        let (axis, start) = (place + 1, around[0]);
        let count = handed.axes[axis] - around[0] - around[1];
        handed = graph.slice(&handed, Cut { axis, start, count, step: 1 });
    }
    let handed = resized(graph, &handed, &window.input_shape());
    like_before(graph, &handed, input)
}

/// Adds relevance at the places of the winners.
fn scattered(graph: &mut Graph, prepared: &Prepared, indices: &Value, relevance: &Value) -> Value {
    let line = graph.ints(&[-1]);
    let zeros = graph.zeros_like(&prepared.images);
    let [zeros, indices, relevance] =
        [&zeros, indices, relevance].map(|value| graph.node("Reshape", &[&value.name, &line], &[]));
    let attributes = [("axis", Attribute::Int(0)), ("reduction", Attribute::Text("add"))];
    let sums = graph.node("ScatterElements", &[&zeros, &indices, &relevance], &attributes);
    let shape = graph.node("Shape", &[&prepared.images.name], &[]);
    let name = graph.node("Reshape", &[&sums, &shape], &[]);
    prepared.images.named(name)
}

/// Every tap in its order takes relevance that the ones before it left, where it is the maximum.
fn tap_by_tap(
    graph: &mut Graph,
    window: &Window,
    prepared: &Prepared,
    (maxima, relevance): (&Value, &Value),
) -> Value {
    let of_channels =
        std::iter::once([0, 0]).chain(prepared.pads.iter().copied()).collect::<Vec<_>>();
    let padded = graph.padded(&prepared.images, &of_channels, LOWEST);
    let offsets = window.axes.iter().fold(vec![vec![]], |offsets, axis| {
        let step = |offset: &Vec<usize>| {
            let offset = offset.clone();
            (0..axis.kernel).map(move |tap| [&offset[..], &[tap * axis.dilation]].concat())
        };
        offsets.iter().flat_map(step).collect::<Vec<_>>()
    });
    let plane: Vec<usize> = std::iter::once(1).chain(window.output_shape()).collect();
    let (mut rest, mut shares) = (relevance.clone(), vec![]);
    for (tap, offset) in offsets.iter().enumerate() {
        let mut values = padded.clone();
        for (place, (&start, axis)) in offset.iter().zip(&window.axes).enumerate() {
            let cut = Cut { axis: place + 1, start, count: axis.output, step: axis.stride as i64 };
            values = graph.slice(&values, cut);
        }
        let is_maximum = graph.binary("Equal", &values, maxima);
        let is_maximum = graph.as_number(&is_maximum);
        let share = graph.multiply(&rest, &is_maximum);
        if tap + 1 < offsets.len() {
            rest = graph.subtract(&rest, &share);
        }
        shares.push(graph.merged(&share, &plane));
    }
    let shares = graph.concat(&shares, 0);
    // One channel a tap, each with a kernel that is 1 at its own tap.
    let taps = offsets.len();
    let kernel: Vec<usize> = window.axes.iter().map(|axis| axis.kernel).collect();
    let shape = [&[taps, 1], &kernel[..]].concat();
    let ones: Vec<f32> = (0..taps * taps).map(|at| f32::from(at / taps == at % taps)).collect();
    let weight = graph.floats(&shape, &ones);
    let axes = window.axes.iter().zip(&prepared.pads).zip(&prepared.images.axes[1..]);
    let axes = axes.map(|((axis, pad), &input)| WindowAxis {
        input,
        pad_before: pad[0],
        pad_after: pad[1],
        ..*axis
    });
    let window = Window { axes: axes.collect() };
    let placed = PlacedTaps { window: &window, weight: &weight, groups: 1, channels: 1 };
    let sums = placed.add(graph, &shares);
    let channels = prepared.images.axes[0];
    graph.merged(&sums, &[&[channels], &sums.axes[1..]].concat())
}
