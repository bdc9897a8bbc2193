//! Operators that only move elements, and back.
//!
//! The network says for every output element which input element it copies. Most of these tables are a grid: every axis
//! of the output moves along the input by a fixed step. Then the move is a reshape, slices, a transpose and a repetition;
//! its transpose is the same in reverse order. Any other table is a `Gather`, whose transpose adds up one `Gather` for
//! every copy of an element.

use anyhow::{Result, ensure};

use super::routing_grid::Grid;
use crate::emit::graph::{Attribute, Graph};
use crate::emit::value::{Cut, Value, axes_of};
use crate::operator::Routing;

/// A table that is copied, with a constant around it.
struct Padded {
    /// The shape of what is copied.
    shape: Vec<usize>,
    sources: Vec<u32>,
    /// Constant elements before and behind every axis.
    pads: Vec<[usize; 2]>,
}

pub(super) fn forward(graph: &mut Graph, routing: &Routing, input: &Value) -> Result<Value> {
    let axes = axes_of(&routing.output_shape);
    let Some(sources) = &routing.sources else {
        return Ok(graph.reshaped(input, &axes));
    };
    let Some(padded) = without_padding(&routing.output_shape, sources) else {
        return gathered(graph, sources, routing.constant, input, &axes);
    };
    let line = graph.reshaped(input, &[input.len()]);
    let copied = match Grid::of(&padded.sources, &padded.shape, input.len()) {
        Some(grid) => grid.copied(graph, &line),
        None => gathered(graph, &padded.sources, routing.constant, input, &[padded.sources.len()])?,
    };
    if padded.pads.iter().all(|pad| *pad == [0, 0]) {
        return Ok(graph.reshaped(&copied, &axes));
    }
    let copied = graph.reshaped(&copied, &padded.shape);
    let whole = graph.padded(&copied, &padded.pads, routing.constant);
    Ok(graph.reshaped(&whole, &axes))
}

pub(super) fn gradient(graph: &mut Graph, routing: &Routing, relevance: &Value) -> Result<Value> {
    let axes = axes_of(&routing.input_shape);
    let Some(sources) = &routing.sources else {
        return Ok(graph.reshaped(relevance, &axes));
    };
    let length = routing.input_shape.iter().product();
    let Some(padded) = without_padding(&routing.output_shape, sources) else {
        let line = graph.reshaped(relevance, &[relevance.len()]);
        return handed_back(graph, sources, (&line, length), &axes);
    };
    let mut kept = graph.reshaped(relevance, &routing.output_shape);
    for (axis, pad) in padded.pads.iter().enumerate() {
        let count = padded.shape[axis];
        kept = graph.slice(&kept, Cut { axis, start: pad[0], count, step: 1 });
    }
    let kept = graph.reshaped(&kept, &[padded.sources.len()]);
    match Grid::of(&padded.sources, &padded.shape, length) {
        Some(grid) => {
            let line = grid.handed_back(graph, &kept);
            Ok(graph.reshaped(&line, &axes))
        }
        None => handed_back(graph, &padded.sources, (&kept, length), &axes),
    }
}

/// The copied elements, where they fill a box of the output; `None` where constants are among them.
fn without_padding(shape: &[usize], sources: &[u32]) -> Option<Padded> {
    let rank = shape.len();
    let (mut first, mut last) = (vec![usize::MAX; rank], vec![0; rank]);
    let mut count = 0;
    let mut place = vec![0; rank];
    for &source in sources {
        if source != Routing::CONSTANT {
            count += 1;
            for axis in 0..rank {
                first[axis] = first[axis].min(place[axis]);
                last[axis] = last[axis].max(place[axis]);
            }
        }
        for axis in (0..rank).rev() {
            place[axis] += 1;
            if place[axis] < shape[axis] {
                break;
            }
            place[axis] = 0;
        }
    }
    let lengths: Vec<usize> =
        first.iter().zip(&last).map(|(first, last)| (last + 1).saturating_sub(*first)).collect();
    if count == 0 || count != lengths.iter().product::<usize>() {
        return None;
    }
    let pads = (0..rank).map(|axis| [first[axis], shape[axis] - 1 - last[axis]]).collect();
    let sources = sources.iter().copied().filter(|&source| source != Routing::CONSTANT).collect();
    Some(Padded { shape: lengths, sources, pads })
}

/// Elements in the order of a table, with a constant where it says none.
fn gathered(
    graph: &mut Graph,
    sources: &[u32],
    constant: f32,
    input: &Value,
    axes: &[usize],
) -> Result<Value> {
    let length = input.len();
    let line = graph.reshaped(input, &[length]);
    let line =
        graph.padded(&line, &[[0, usize::from(sources.contains(&Routing::CONSTANT))]], constant);
    let places: Vec<i64> =
        sources.iter().map(|&source| i64::from(source).min(length as i64)).collect();
    let picked = picked(graph, &line, &places);
    Ok(graph.reshaped(&picked, axes))
}

fn picked(graph: &mut Graph, line: &Value, places: &[i64]) -> Value {
    let indices = graph.ints(places);
    let name = graph.node("Gather", &[&line.name, &indices], &[("axis", Attribute::Int(1))]);
    Value { name, axes: vec![places.len()], is_constant: line.is_constant }
}

/// More copies of one element than this are refused: each takes a node.
const MOST_COPIES: usize = 512;

/// What the copies of every element hand back to it.
fn handed_back(
    graph: &mut Graph,
    sources: &[u32],
    (line, length): (&Value, usize),
    axes: &[usize],
) -> Result<Value> {
    // Behind the last element there is a zero, which elements read that have no further copy.
    let zero = sources.len() as i64;
    let line = graph.padded(line, &[[0, 1]], 0.0);
    let mut copies: Vec<Vec<i64>> = vec![];
    let mut counts = vec![0; length];
    for (place, &source) in sources.iter().enumerate() {
        let Some(count) = counts.get_mut(source as usize) else { continue };
        if copies.len() == *count {
            copies.push(vec![zero; length]);
        }
        copies[*count][source as usize] = place as i64;
        *count += 1;
    }
    ensure!(
        copies.len() <= MOST_COPIES,
        "it copies an element {} times in an order that is no repetition along axes",
        copies.len()
    );
    let mut sum: Option<Value> = None;
    for places in &copies {
        let part = picked(graph, &line, places);
        sum = Some(match sum {
            Some(sum) => graph.add(&sum, &part),
            None => part,
        });
    }
    let sum = match sum {
        Some(sum) => sum,
        None => picked(graph, &line, &vec![zero; length]),
    };
    Ok(graph.reshaped(&sum, axes))
}
