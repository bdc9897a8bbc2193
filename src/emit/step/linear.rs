//! The divisions of a rule on a linear layer: `z = Σ W_t x_t + b`, `s = R / stab(z)`, `R_in = c Σ x_t ⊙ W_tᵀ s`.

use anyhow::{Context, Result};

use super::StepLayer;
use super::quotient::{Sign, quotient, shift_of, shifted_quotient};
use crate::emit::graph::Graph;
use crate::emit::linear::{Bias, Part};
use crate::emit::value::Value;
use crate::explain::{Denominator, Division, LinearStep};
use crate::linear::{Signs, WeightPart};
use crate::rule::{self, Group, InputPart, Term};
use crate::tensor::Tensor;

pub(super) fn propagated(
    graph: &mut Graph,
    step: &LinearStep,
    layer: StepLayer,
    relevance: &Value,
) -> Result<Vec<Option<Value>>> {
    let mut sums: Vec<Option<Value>> = vec![None; layer.inputs.len()];
    for division in &step.divisions {
        let group = &division.group;
        let arrived = gated(graph, group.gate, layer.output, relevance);
        let quotients = quotients(graph, step, division, layer, &arrived)?;
        let quotients = graph.scaled(&quotients, group.coefficient);
        for term in &group.terms {
            let shares = layer.map().transposed(graph, &quotients, term.weight.into())?;
            for (place, share) in shares.into_iter().enumerate() {
                let share = match term.input {
                    InputPart::One => graph.spread(&share, &layer.input_axes[place]),
                    _ => {
                        let part = part_of(graph, step, layer, (term.input, place))?;
                        graph.multiply(&part, &share)
                    }
                };
                sums[place] = Some(match sums[place].take() {
                    Some(sum) => graph.add(&sum, &share),
                    None => share,
                });
            }
        }
    }
    Ok(sums)
}

/// Relevance where the output has the sign of the gate.
fn gated(graph: &mut Graph, gate: Option<rule::Sign>, output: &Value, relevance: &Value) -> Value {
    let comparison = match gate {
        None => return relevance.clone(),
        Some(rule::Sign::Positive) => "Greater",
        Some(rule::Sign::Negative) => "Less",
    };
    let is_open = graph.mask(comparison, output, 0.0);
    graph.multiply(relevance, &is_open)
}

/// A part of an input.
fn part_of(
    graph: &mut Graph,
    step: &LinearStep,
    layer: StepLayer,
    (part, place): (InputPart, usize),
) -> Result<Value> {
    let input = &layer.inputs[place];
    let range = || step.ranges.get(place).context("the range of an input is not known");
    Ok(match part {
        InputPart::Plain => input.clone(),
        InputPart::Positive => graph.positive(input),
        InputPart::Negative => graph.negative(input),
        InputPart::AboveLow => graph.with_constant("Sub", input, &compressed(&range()?.low)?),
        InputPart::BelowHigh => graph.with_constant("Sub", input, &compressed(&range()?.high)?),
        InputPart::One => graph.ones(&layer.input_axes[place]),
    })
}

/// Relevance over the denominators of a division.
fn quotients(
    graph: &mut Graph,
    step: &LinearStep,
    division: &Division,
    layer: StepLayer,
    arrived: &Value,
) -> Result<Value> {
    let (group, stabilizer) = (&division.group, step.stabilizer);
    let sign = sign_of(group, layer);
    if division.denominator == Denominator::Output {
        return Ok(match shift_of(stabilizer, sign).filter(|_| layer.output_is_nonnegative) {
            Some(shift) => {
                let z = graph.shifted(layer.output, shift);
                graph.divide(arrived, &z)
            }
            None => quotient(graph, arrived, layer.output, (stabilizer, sign)),
        });
    }
    let shift = shift_of(stabilizer, sign);
    let bias = layer.layer.op.as_linear().and_then(|map| map.bias());
    let bias = group.bias.zip(bias).map(|(part, bias)| (Part::from(part), bias));
    let bias = Bias::new(bias, shift.unwrap_or(0.0))?;
    let mut z: Option<Value> = None;
    for (index, term) in group.terms.iter().enumerate() {
        let parts =
            (0..layer.inputs.len()).map(|place| part_of(graph, step, layer, (term.input, place)));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        // The last term adds the bias.
        let is_last = index + 1 == group.terms.len();
        let bias = if is_last { &bias } else { &Bias::NONE };
        let sums = layer.map().forward(graph, &parts, term.weight.into(), bias)?;
        z = Some(match z {
            Some(z) => graph.add(&z, &sums),
            None => sums,
        });
    }
    let z = match z {
        Some(z) => z,
        None => {
            let ones = graph.ones(layer.output_axes);
            let zeros = graph.scaled(&ones, 0.0);
            bias.added(graph, zeros)
        }
    };
    Ok(match shift {
        Some(shift) => shifted_quotient(graph, arrived, &z, shift),
        None => quotient(graph, arrived, &z, (stabilizer, sign)),
    })
}

/// The sign that the denominators of a group have wherever relevance arrives, as far as it can be proven.
fn sign_of(group: &Group, layer: StepLayer) -> Sign {
    let map = layer.layer.op.as_linear();
    let weights = map.map_or(Signs { positive: true, negative: true }, |map| map.weight_signs());
    let of_terms = group.terms.iter().map(|term| sign_of_term(term, layer.input_signs, weights));
    let of_bias = match (group.bias, map.and_then(|map| map.bias())) {
        (Some(part), Some(bias)) => Some(sign_of_part(part, Signs::of(bias.data()))),
        _ => None,
    };
    let all: Vec<Sign> = of_terms.chain(of_bias).collect();
    if let [first, rest @ ..] = &all[..]
        && rest.iter().all(|sign| sign == first)
        && *first != Sign::Any
    {
        return *first;
    }
    // The output itself, with more of the contributions that have its sign: not nearer to zero than the output.
    let (only_above, only_below) = match group.gate {
        Some(rule::Sign::Positive) => (true, false),
        Some(rule::Sign::Negative) => (false, true),
        None => (!layer.support.below_zero, false),
    };
    let favours = |favoured: fn(WeightPart) -> bool| {
        let [term] = &group.terms[..] else { return false };
        let has_bias = map.and_then(|map| map.bias()).is_some();
        let bias = group.bias.is_some_and(favoured) || !has_bias;
        term.input == InputPart::Plain && favoured(term.weight) && bias
    };
    let input_is_positive = !layer.input_signs.negative;
    let plain = |part| part == WeightPart::Plain;
    let above = |part| matches!(part, WeightPart::Plain | WeightPart::PositiveFavored(_));
    let below = |part| matches!(part, WeightPart::Plain | WeightPart::NegativeFavored(_));
    match (only_above, only_below) {
        (true, _) if favours(plain) || input_is_positive && favours(above) => Sign::Positive,
        (_, true) if favours(plain) || input_is_positive && favours(below) => Sign::Negative,
        _ => Sign::Any,
    }
}

fn sign_of_term(term: &Term, inputs: Signs, weights: Signs) -> Sign {
    let input = match term.input {
        InputPart::Positive | InputPart::One => Sign::Positive,
        InputPart::Negative => Sign::Negative,
        InputPart::Plain => sign_of_part(WeightPart::Plain, inputs),
        // Within its range only, which nobody has checked.
        InputPart::AboveLow | InputPart::BelowHigh => Sign::Any,
    };
    match (input, sign_of_part(term.weight, weights)) {
        (Sign::Any, _) | (_, Sign::Any) => Sign::Any,
        (input, weight) if input == weight => Sign::Positive,
        _ => Sign::Negative,
    }
}

/// The sign of all parts of numbers with these signs.
fn sign_of_part(part: WeightPart, signs: Signs) -> Sign {
    match (part, signs.positive, signs.negative) {
        (
            WeightPart::Positive | WeightPart::Magnitude | WeightPart::Squared | WeightPart::One,
            ..,
        ) => Sign::Positive,
        (WeightPart::Negative, ..) => Sign::Negative,
        (_, _, false) => Sign::Positive,
        (_, false, true) => Sign::Negative,
        (_, true, true) => Sign::Any,
    }
}

/// A tensor with axes along which it does not change cut to the length 1.
fn compressed(tensor: &Tensor) -> Result<Tensor> {
    let mut tensor = tensor.clone();
    for axis in 0..tensor.shape().len() {
        let shape = tensor.shape().to_vec();
        let inner: usize = shape[axis + 1..].iter().product();
        let block = shape[axis] * inner;
        let is_same =
            |block: &[f32]| block.chunks_exact(inner.max(1)).all(|row| row == &block[..inner]);
        if shape[axis] > 1 && block > 0 && tensor.data().chunks_exact(block).all(is_same) {
            let first: Vec<f32> = tensor
                .data()
                .chunks_exact(block)
                .flat_map(|block| block[..inner].to_vec())
                .collect();
            let mut shorter = shape;
            shorter[axis] = 1;
            tensor = Tensor::new(&shorter, &first)?;
        }
    }
    Ok(tensor)
}
