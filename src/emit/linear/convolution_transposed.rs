//! The transpose of a convolution of stride 1: the convolution with the flipped kernel and exchanged channels, which
//! runtimes compute faster than a `ConvTranspose`.

use super::window::Geometry;
use crate::emit::graph::{Attribute, Graph};
use crate::emit::value::Value;
use crate::linear::{Convolution, Window, WindowAxis};

/// The transposed convolution; `None` where it is no convolution: its stride is above 1, or the padding is larger than
/// the kernel.
pub(super) fn backward_by_convolution(
    graph: &mut Graph,
    map: &Convolution,
    images: &Value,
    weight: &str,
) -> Option<Value> {
    let axes: Vec<WindowAxis> = map.window.axes.iter().map(flipped).collect::<Option<_>>()?;
    let window = Window { axes };
    let shape = map.weight.shape();
    let (filters, channels) = (shape[0], shape[1] * map.groups);
    let exchanged = exchanged(graph, weight, [filters, shape[1], map.groups], &shape[2..]);
    let weight = flipped_kernel(graph, exchanged, &shape[2..]);
    let pads: Vec<[usize; 2]> =
        window.axes.iter().map(|axis| [axis.pad_before, axis.pad_after]).collect();
    let geometry = Geometry::of(&window, &pads);
    let group = [("group", Attribute::Int(map.groups as i64))];
    let attributes = [&geometry.attributes()[..], &group].concat();
    let name = graph.node("Conv", &[&images.name, &weight], &attributes);
    let axes = std::iter::once(channels).chain(map.window.input_shape()).collect();
    Some(Value { name, axes, is_constant: images.is_constant })
}

/// The window that reads what an axis wrote, in reverse.
fn flipped(axis: &WindowAxis) -> Option<WindowAxis> {
    let span = (axis.kernel - 1) * axis.dilation;
    let pad_before = span.checked_sub(axis.pad_before)?;
    let pad_after = (axis.input + axis.pad_before).checked_sub(axis.output)?;
    let is_whole = axis.stride == 1 && axis.output + pad_before + pad_after > span;
    is_whole.then_some(WindowAxis {
        input: axis.output,
        output: axis.input,
        pad_before,
        pad_after,
        ..*axis
    })
}

/// `[O, I / groups, kernel...]` as `[I, O / groups, kernel...]`.
fn exchanged(
    graph: &mut Graph,
    weight: &str,
    [filters, channels, groups]: [usize; 3],
    kernel: &[usize],
) -> String {
    if channels == 1 && filters == groups {
        return weight.to_string();
    }
    let of_kernel = |first: i64| first..first + kernel.len() as i64;
    if groups == 1 {
        let order: Vec<i64> = [1, 0].into_iter().chain(of_kernel(2)).collect();
        return graph.node("Transpose", &[weight], &[("perm", Attribute::Ints(&order))]);
    }
    let lengths = |leading: &[usize]| -> Vec<i64> {
        leading.iter().chain(kernel).map(|&length| length as i64).collect()
    };
    let split = graph.ints(&lengths(&[groups, filters / groups, channels]));
    let split = graph.node("Reshape", &[weight, &split], &[]);
    let order: Vec<i64> = [0, 2, 1].into_iter().chain(of_kernel(3)).collect();
    let exchanged = graph.node("Transpose", &[&split], &[("perm", Attribute::Ints(&order))]);
    let joined = graph.ints(&lengths(&[groups * channels, filters / groups]));
    graph.node("Reshape", &[&exchanged, &joined], &[])
}

/// The kernel in reverse along its axes.
fn flipped_kernel(graph: &mut Graph, weight: String, kernel: &[usize]) -> String {
    let axes: Vec<i64> =
        (0..kernel.len()).filter(|&axis| kernel[axis] > 1).map(|axis| axis as i64 + 2).collect();
    if axes.is_empty() {
        return weight;
    }
    let starts = graph.ints(&vec![-1; axes.len()]);
    // Before the first element, which is counted from the end.
    let ends: Vec<i64> =
        kernel.iter().filter(|&&length| length > 1).map(|&length| -(length as i64) - 1).collect();
    let ends = graph.ints(&ends);
    let steps = graph.ints(&vec![-1; axes.len()]);
    let axes = graph.ints(&axes);
    graph.node("Slice", &[&weight, &starts, &ends, &axes, &steps], &[])
}
