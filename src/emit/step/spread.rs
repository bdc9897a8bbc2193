//! Relevance of a layer that reads single elements some apart, spread over the cells that they stand for.
//!
//! The elements of a cell that have the sign of the one that is read share what it gets, in proportion to their values:
//! `R = x⁺ ⊙ Cᵀ (C R⁺ / C x⁺)` where `C` adds up cells and `R⁺` is the relevance where `x` is above 0; and the same with x⁻.

use anyhow::{Context, Result};

use super::StepLayer;
use super::quotient::guarded;
use crate::emit::graph::Graph;
use crate::emit::linear::{Bias, LinearMap, Part};
use crate::emit::value::Value;
use crate::linear::{AveragePooling, Window};
use crate::network::Op;

/// What was handed to the only input of a layer, spread over its cells.
pub(in crate::emit) fn over_cells(
    graph: &mut Graph,
    layer: StepLayer,
    cells: &Window,
    handed: &Value,
) -> Result<Value> {
    let weights = vec![1.0; cells.output_shape().iter().product()];
    let op = Op::AveragePooling(AveragePooling { window: cells.clone(), weights });
    let map = LinearMap { op: &op, inputs: layer.input_axes, output: layer.output_axes };
    let value = &layer.inputs[0];
    // An element of 0 keeps what a rule without inputs gives it.
    let is_zero = graph.mask("Equal", value, 0.0);
    let mut spread = graph.multiply(handed, &is_zero);
    if layer.input_signs.positive {
        let part = match layer.input_signs.negative {
            true => graph.positive(value),
            false => value.clone(),
        };
        let shares = of_sign(graph, map, "Greater", (handed, &part))?;
        spread = graph.add(&spread, &shares);
    }
    if layer.input_signs.negative {
        let part = graph.negative(value);
        let shares = of_sign(graph, map, "Less", (handed, &part))?;
        spread = graph.add(&spread, &shares);
    }
    Ok(spread)
}

/// What the elements above 0 get, or those below 0, `part` being 0 where the value is none of them.
fn of_sign(
    graph: &mut Graph,
    map: LinearMap,
    comparison: &str,
    (handed, part): (&Value, &Value),
) -> Result<Value> {
    let is_of_sign = graph.mask(comparison, part, 0.0);
    let handed = graph.multiply(handed, &is_of_sign);
    let handed = map.forward(graph, &[handed], Part::PLAIN, &Bias::NONE)?;
    let total = map.forward(graph, std::slice::from_ref(part), Part::PLAIN, &Bias::NONE)?;
    let quotient = guarded(graph, &handed, &total);
    let shares = map.transposed(graph, &quotient, Part::PLAIN)?;
    let share = shares.first().context("cells have one input")?;
    Ok(graph.multiply(part, share))
}
