//! `Resize` in two forms that tract reads as something else.
//!
//! - Of opset 10, with `nearest`: the pixel at `⌊x / scale⌋`, as the `Upsample` before it, which is read in our way.
//! - With `align_corners` and factors: the corners of what comes out, `⌊length · factor⌋` pixels long, are aligned, while
//!   tract takes the length before it is rounded. The same with those lengths as `sizes` is read right.

use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

use super::graph::{attribute, constant, read_numbers, whole_numbers};
use super::shapes::Shapes;

/// Renames every `Resize` of opset 10 that takes the nearest pixel.
pub(super) fn rename(graph: &mut GraphProto, opset: i64) {
    for node in graph.node.iter_mut().filter(|node| opset == 10 && node.op_type == "Resize") {
        if attribute(node, "mode").is_none_or(|mode| mode.s == b"nearest") {
            node.op_type = "Upsample".to_string();
        }
    }
}

/// Whether a node aligns corners by factors.
pub(super) fn aligns_corners(node: &NodeProto) -> bool {
    let mode = attribute(node, "coordinate_transformation_mode");
    node.op_type == "Resize"
        && mode.is_some_and(|mode| mode.s == b"align_corners")
        && node.input.get(2).is_some_and(|scales| !scales.is_empty())
}

/// Gives the lengths in the place of the factors.
pub(super) fn give_sizes(graph: &mut GraphProto, shapes: &Shapes) {
    for at in 0..graph.node.len() {
        let node = &graph.node[at];
        let Some(sizes) = sizes(graph, node, shapes).filter(|_| aligns_corners(node)) else {
            continue;
        };
        let node = &mut graph.node[at];
        node.input.truncate(2);
        node.input.extend([String::new(), sizes.name.clone()]);
        graph.initializer.push(sizes);
    }
}

/// The lengths that come out.
fn sizes(graph: &GraphProto, node: &NodeProto, shapes: &Shapes) -> Option<TensorProto> {
    let factors = read_numbers(constant(graph, node.input.get(2)?)?)?;
    let lengths = shapes.get(node.input.first()?)?;
    let axes: Vec<usize> = match attribute(node, "axes") {
        Some(axes) => {
            axes.ints.iter().map(|&axis| usize::try_from(axis).ok()).collect::<Option<_>>()?
        }
        None => (0..lengths.len()).collect(),
    };
    let of_axis =
        |(&axis, &factor): (&usize, &f32)| Some((*lengths.get(axis)? as f32 * factor) as i64);
    let sizes = axes.iter().zip(&factors).map(of_axis).collect::<Option<Vec<i64>>>()?;
    (axes.len() == factors.len()).then(|| whole_numbers(&format!("{}.sizes", node.name), &sizes))
}
