//! Rules that treat contributions by their sign, with `W x` and `|W| |x|`.
//!
//! With `σ` the sign of the output `y`: `z = plain · y + magnitude · σ (|W| |x| + |b|)`, `s = R / stab(z)` and
//! `R_in = x ⊙ (plain · W)ᵀ s + |x| ⊙ (magnitude · |W|)ᵀ (σ s)`. Both summands of `z` have the sign of `y`, so that
//! `s = σ t` with `t = R / (plain · |y| + magnitude · (|W| |x| + |b|) + ε)`, which no sign has to be chosen for.

use anyhow::Result;

use super::StepLayer;
use super::quotient::{Sign, quotient, shift_of, shifted_quotient};
use crate::emit::graph::Graph;
use crate::emit::linear::{Bias, Part};
use crate::emit::value::Value;
use crate::explain::SplitStep;
use crate::linear::WeightPart;

pub(super) fn propagated(
    graph: &mut Graph,
    step: &SplitStep,
    layer: StepLayer,
    relevance: &Value,
) -> Result<Vec<Option<Value>>> {
    let magnitudes: Vec<Value> = match step.has_negative_inputs {
        true => layer.inputs.iter().map(|input| graph.unary("Abs", input)).collect(),
        false => layer.inputs.to_vec(),
    };
    let plain = Part { part: WeightPart::Plain, factor: step.split.plain };
    let magnitude = Part { part: WeightPart::Magnitude, factor: step.split.magnitude };
    // An output of 0 has no sign: its relevance is dropped.
    let sign = step.has_negative_outputs.then(|| graph.unary("Sign", layer.output));
    let has_bias = layer.layer.op.as_linear().is_some_and(|map| map.bias().is_some());
    let (signed, by_sign) = match step.bias || !has_bias {
        true => {
            let t = by_magnitude(graph, step, layer, (&magnitudes, magnitude), relevance)?;
            match &sign {
                Some(sign) => {
                    let signed = graph.multiply(sign, &t);
                    let by_sign = graph.multiply(sign, &signed);
                    (signed, by_sign)
                }
                None => (t.clone(), t),
            }
        }
        false => {
            without_bias(graph, step, layer, ((&magnitudes, magnitude), sign.as_ref()), relevance)?
        }
    };
    let of_plain = layer.map().transposed(graph, &signed, plain)?;
    let of_magnitude = layer.map().transposed(graph, &by_sign, magnitude)?;
    let shares = layer.inputs.iter().zip(&magnitudes).zip(of_plain.iter().zip(&of_magnitude));
    let shares = shares.map(|((input, magnitude), (plain, by_magnitude))| {
        let plain = graph.multiply(input, plain);
        let by_magnitude = graph.multiply(magnitude, by_magnitude);
        Some(graph.add(&plain, &by_magnitude))
    });
    Ok(shares.collect())
}

/// `R / (plain · |y| + magnitude · (|W| |x| + |b|) + ε)`.
fn by_magnitude(
    graph: &mut Graph,
    step: &SplitStep,
    layer: StepLayer,
    (magnitudes, part): (&[Value], Part),
    relevance: &Value,
) -> Result<Value> {
    let shift = shift_of(step.stabilizer, Sign::Positive);
    let bias = layer.layer.op.as_linear().and_then(|map| map.bias());
    let bias = Bias::new(bias.map(|bias| (part, bias)), shift.unwrap_or(0.0))?;
    let sums = layer.map().forward(graph, magnitudes, part, &bias)?;
    let output = match step.has_negative_outputs {
        true => graph.unary("Abs", layer.output),
        false => layer.output.clone(),
    };
    let output = graph.scaled(&output, step.split.plain);
    let z = graph.add(&output, &sums);
    Ok(match shift {
        Some(shift) => shifted_quotient(graph, relevance, &z, shift),
        None => quotient(graph, relevance, &z, (step.stabilizer, Sign::Positive)),
    })
}

/// `s` and `σ s` where the bias takes no part: it is subtracted from `y`, which need not keep its sign.
fn without_bias(
    graph: &mut Graph,
    step: &SplitStep,
    layer: StepLayer,
    ((magnitudes, part), sign): ((&[Value], Part), Option<&Value>),
    relevance: &Value,
) -> Result<(Value, Value)> {
    let sums = layer.map().forward(graph, magnitudes, part, &Bias::NONE)?;
    let sums = match sign {
        Some(sign) => graph.multiply(sign, &sums),
        None => sums,
    };
    let unbiased = layer.map().forward(graph, layer.inputs, Part::PLAIN, &Bias::NONE)?;
    let unbiased = graph.scaled(&unbiased, step.split.plain);
    let z = graph.add(&unbiased, &sums);
    let quotients = quotient(graph, relevance, &z, (step.stabilizer, Sign::Any));
    Ok(match sign {
        Some(sign) => {
            let by_sign = graph.multiply(sign, &quotients);
            (graph.multiply(sign, &by_sign), by_sign)
        }
        None => (quotients.clone(), quotients),
    })
}
