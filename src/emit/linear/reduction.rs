//! Sums and means over axes.

use super::Part;
use crate::emit::graph::Graph;
use crate::emit::value::{Value, axes_of};
use crate::linear::Reduction;

pub(super) fn forward(graph: &mut Graph, map: &Reduction, input: &Value, part: Part) -> Value {
    let over = axes_summed(map);
    let length: usize = over.iter().map(|&axis| input.axes[axis]).product();
    let weight = part.of(map.weight);
    let sum = match weight * length as f32 == 1.0 && length > 1 {
        true => graph.mean(input, &over),
        false => {
            let sum = graph.summed(input, &over);
            graph.scaled(&sum, weight)
        }
    };
    let mut shape = map.input_shape.clone();
    shape[map.first_axis..][..map.axis_count].fill(1);
    let axes = axes_of(&shape);
    graph.reshaped(&sum, &axes)
}

/// The share of every element, which broadcasts to the input.
pub(super) fn transposed(graph: &mut Graph, map: &Reduction, sums: &Value, part: Part) -> Value {
    let shares = graph.scaled(sums, part.of(map.weight));
    if map.input_shape[0] == 1 || map.first_axis > 0 {
        return shares;
    }
    // The sum over the first axis has lost it: its place is in front.
    let mut axes = map.input_shape.clone();
    axes[map.first_axis..][..map.axis_count].fill(1);
    graph.reshaped(&shares, &axes)
}

/// The axes that are summed over; those behind the batch count from 0.
fn axes_summed(map: &Reduction) -> Vec<usize> {
    let axes = map.first_axis..map.first_axis + map.axis_count;
    match map.input_shape[0] {
        // The first axis is that of the batch.
        1 => axes.filter(|&axis| axis > 0).map(|axis| axis - 1).collect(),
        _ => axes.collect(),
    }
}
