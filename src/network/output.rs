//! Finds out whether a network's output is logits, or probabilities computed from logits by its last layers.
//!
//! Probabilities can be written in many ways: a softmax as `Exp`, `ReduceSum` and `Div`, `[1 − p, p]` of one sigmoid, the
//! mean of several softmaxes, scores divided by their sum. So they are recognised by their values. The *tail* of the
//! network, which is everything after its last layers with weights, is run on probes: random numbers of several sizes in
//! place of the outputs of those layers.
//!
//! - If the output is the softmax, the log-softmax or the sigmoid of a value of the tail on every probe, that value is
//!   the logits. The logits are explained; the function after them is only used to compute probabilities.
//! - `[1 − p, p]` with `p = σ(z)` is `σ([−z, z])`: the logits are `[−z, z]`.
//! - If it is none of these but normalised, as a mean of softmaxes is, the output itself is explained, and reports call it
//!   a probability or a score.

use anyhow::{Context, Result};

use super::probe::noise;
use super::{Layer, LayerId, Network, Op, OutputFunction, Quantity};
use crate::operator::{Affine, Routing, Softmax, Unary};
use crate::tensor::Tensor;

/// The most layers of a tail; longer ones are not examined.
const MOST_MEMBERS: usize = 64;

/// The most numbers that the values of a tail may have: eight probes keep them all, half a gigabyte. Larger tails are not
/// examined.
const MOST_NUMBERS: usize = 1 << 24;

/// The sizes of the probes: for these an exponential is nearly linear, curved, and steep. Logits differ by 80 at most, so
/// that the smallest probability is a normal float, and small enough to show whether probabilities are clipped.
const STRENGTHS: [f32; 4] = [0.1, 1.0, 4.0, LARGEST];

/// The size of the largest probes.
const LARGEST: f32 = 40.0;

/// The largest allowed difference of a sum from one, and of a value from the expected one.
const TOLERANCE: f32 = 2e-5;

/// Removes the function after the logits from a network, and records what the remaining output means.
///
/// # Errors
/// When shapes contradict each other.
pub(super) fn settle(network: &mut Network) -> Result<()> {
    if strip_operator(network) {
        return weigh_against_constant(network);
    }
    let Some(tail) = Tail::of(network) else {
        return Ok(());
    };
    let runs = (0..2 * STRENGTHS.len()).map(|seed| tail.run(network, seed));
    let runs = runs.collect::<Result<Vec<Run>>>()?;
    let Some(quantity) = quantity(&runs) else {
        return Ok(());
    };
    if let Some((logits, function)) = tail.logits(&runs) {
        network.output = logits;
        network.output_function = Some(function);
    } else if let Some((logit, signs)) = tail.only_logit(&runs) {
        write_both_signs(network, logit, signs, 0.0)?;
        network.output_function = Some(OutputFunction::Sigmoid);
    } else {
        network.output_function = Some(OutputFunction::Identity(quantity));
    }
    network.prune();
    Ok(())
}

/// Removes a softmax or sigmoid that is the last layer.
fn strip_operator(network: &mut Network) -> bool {
    let mut last = network.output;
    while let Op::Routing(routing) = &network.layers[last].op
        && routing.sources.is_none()
    {
        last = network.layers[last].inputs[0];
    }
    let function = match &network.layers[last].op {
        Op::Softmax(softmax) if softmax.is_logarithm => OutputFunction::LogSoftmax(softmax.clone()),
        Op::Softmax(softmax) => OutputFunction::Softmax(softmax.clone()),
        Op::Activation(activation) if activation.name == "sigmoid" => OutputFunction::Sigmoid,
        _ => return false,
    };
    network.output = network.layers[last].inputs[0];
    network.output_function = Some(function);
    network.prune();
    true
}

/// The softmax of two logits one of which is a stored number says `σ(z − c)` of the other and `σ(c − z)` of the number:
/// these are explained, since a number gives no reason.
fn weigh_against_constant(network: &mut Network) -> Result<()> {
    let Some(OutputFunction::Softmax(softmax)) = &network.output_function else { return Ok(()) };
    if softmax.is_logarithm || network.class_count() != 2 {
        return Ok(());
    }
    let mut last = network.output;
    while let Op::Routing(routing) = &network.layers[last].op
        && routing.sources.is_none()
    {
        last = network.layers[last].inputs[0];
    }
    let Op::Concat(_) = &network.layers[last].op else { return Ok(()) };
    let [a, b] = *network.layers[last].inputs.as_slice() else { return Ok(()) };
    let number = |id: LayerId| match &network.layers[id].op {
        Op::Constant(value) if value.len() == 1 => Some(value.data()[0]),
        _ => None,
    };
    let (logit, number, signs) = match (number(a), number(b)) {
        (Some(number), None) => (b, number, [-1.0, 1.0]),
        (None, Some(number)) => (a, number, [1.0, -1.0]),
        _ => return Ok(()),
    };
    write_both_signs(network, logit, signs, number)?;
    network.output_function = Some(OutputFunction::Sigmoid);
    network.prune();
    Ok(())
}

/// The layers after the last layers with weights.
struct Tail {
    /// The values that it reads.
    leaves: Vec<LayerId>,
    /// Its layers in order; the last one is the output.
    members: Vec<LayerId>,
}

/// The values of a tail for one probe.
struct Run {
    values: Vec<(LayerId, Tensor)>,
}

impl Tail {
    /// The tail of a network; `None` if it has no nonlinear layer, so that the output is logits.
    fn of(network: &Network) -> Option<Tail> {
        let mut is_reached = vec![false; network.output + 1];
        is_reached[network.output] = true;
        let mut tail = Tail { leaves: vec![], members: vec![] };
        for id in (0..=network.output).rev() {
            let layer = &network.layers[id];
            if !is_reached[id] {
                continue;
            }
            if is_leaf(&layer.op) {
                tail.leaves.push(id);
            } else {
                tail.members.push(id);
                layer.inputs.iter().for_each(|&input| is_reached[input] = true);
            }
        }
        tail.members.reverse();
        let bends = |&id: &LayerId| {
            let op = &network.layers[id].op;
            op.as_linear().is_none()
                && !matches!(op, Op::Routing(_) | Op::Affine(_) | Op::Constant(_))
        };
        let numbers = |id: LayerId| network.layers[id].shape.iter().product::<usize>();
        let count = tail.values().into_iter().map(numbers).fold(0, usize::saturating_add);
        let is_small = tail.members.len() <= MOST_MEMBERS && count <= MOST_NUMBERS;
        (is_small && tail.members.iter().any(bends)).then_some(tail)
    }

    /// Runs the tail on the probe of this index.
    fn run(&self, network: &Network, seed: usize) -> Result<Run> {
        let strength = STRENGTHS[seed % STRENGTHS.len()];
        let mut run = Run { values: vec![] };
        for (place, &leaf) in self.leaves.iter().enumerate() {
            let seed = (seed * self.leaves.len() + place) as u64;
            let probe = noise(&network.layers[leaf].shape, seed)?;
            // Only the largest ones: two numbers become z and −z, for which too many functions are equal.
            let probe = if strength == LARGEST { stretched(&probe)? } else { probe };
            run.values.push((leaf, probe.map(|value| strength * value)?));
        }
        for &member in &self.members {
            let layer = &network.layers[member];
            let value = |&input: &LayerId| run.of(input).cloned();
            let inputs = layer.inputs.iter().map(value).collect::<Option<Vec<Tensor>>>();
            let inputs =
                inputs.context("the layers at the end read another value than their inputs")?;
            run.values.push((member, layer.op.evaluate(inputs)?));
        }
        Ok(run)
    }

    /// All values of the tail in the order of the network; the last one is the output.
    fn values(&self) -> Vec<LayerId> {
        let mut values: Vec<LayerId> = self.leaves.iter().chain(&self.members).copied().collect();
        values.sort_unstable();
        values
    }

    /// The earliest value of which the output is a known function.
    fn logits(&self, runs: &[Run]) -> Option<(LayerId, OutputFunction)> {
        let count = runs.first()?.output()?.len();
        let softmax = |is_logarithm| Softmax::new(&[count], 0, is_logarithm);
        let mut functions = vec![OutputFunction::Sigmoid];
        if count > 1 {
            functions.push(OutputFunction::Softmax(softmax(false)));
            functions.push(OutputFunction::LogSoftmax(softmax(true)));
        }
        let mut candidates = self.values();
        candidates.pop();
        let is_made_by = |candidate: LayerId, function: &OutputFunction| {
            runs.iter().all(|run| {
                let made = run.of(candidate).filter(|value| value.len() == count);
                let made = made.and_then(|value| function.apply(value).ok());
                made.zip(run.output()).is_some_and(|(made, output)| match function {
                    OutputFunction::LogSoftmax(_) => are_close(&made, output),
                    _ => are_as_likely(&made, output),
                })
            })
        };
        candidates.into_iter().find_map(|candidate| {
            let function = functions.iter().find(|function| is_made_by(candidate, function))?;
            Some((candidate, function.clone()))
        })
    }

    /// The single number `z` for which the output is `[σ(−z), σ(z)]` or `[σ(z), σ(−z)]`, with the two signs.
    fn only_logit(&self, runs: &[Run]) -> Option<(LayerId, [f32; 2])> {
        let is_made_by = |candidate: LayerId, signs: [f32; 2]| {
            runs.iter().all(|run| {
                let (Some(value), Some(output)) = (run.of(candidate), run.output()) else {
                    return false;
                };
                let [z] = *value.data() else { return false };
                let made = signs.map(|sign| Unary::Sigmoid.value(sign * z));
                output.len() == 2
                    && made.iter().zip(output.data()).all(|(a, b)| (a - b).abs() < TOLERANCE)
            })
        };
        let signs = [[-1.0, 1.0], [1.0, -1.0]];
        self.values().into_iter().find_map(|candidate| {
            let signs = signs.into_iter().find(|&signs| is_made_by(candidate, signs))?;
            Some((candidate, signs))
        })
    }
}

impl Run {
    fn of(&self, id: LayerId) -> Option<&Tensor> {
        self.values.iter().find(|(layer, _)| *layer == id).map(|(_, value)| value)
    }

    fn output(&self) -> Option<&Tensor> {
        self.values.last().map(|(_, value)| value)
    }
}

/// The same numbers, stretched so that the smallest is −1 and the largest is 1: a few random numbers may be close together.
fn stretched(noise: &Tensor) -> Result<Tensor> {
    let bound = |pick: fn(f32, f32) -> f32| noise.data().iter().copied().reduce(pick);
    match (bound(f32::min), bound(f32::max)) {
        (Some(low), Some(high)) if low < high => {
            noise.map(|value| 2.0 * (value - low) / (high - low) - 1.0)
        }
        _ => Ok(noise.clone()),
    }
}

/// Whether a tail begins after this layer, because its value can be any numbers.
fn is_leaf(op: &Op) -> bool {
    matches!(op, Op::Input | Op::Convolution(_) | Op::Dense(_) | Op::MatrixProduct(_))
}

/// What the output is if it is not a logit: the most specific quantity that fits on every probe.
fn quantity(runs: &[Run]) -> Option<Quantity> {
    let outputs: Vec<&Tensor> = runs.iter().filter_map(Run::output).collect();
    let all = |holds: &dyn Fn(&Tensor) -> bool| outputs.iter().all(|output| holds(output));
    let is_one = |sum: f64, scale: f32| (sum - 1.0).abs() <= f64::from(TOLERANCE * scale.max(1.0));
    let is_within = |output: &Tensor| {
        output.data().iter().all(|value| (-TOLERANCE..=1.0 + TOLERANCE).contains(value))
    };
    let is_several = outputs.iter().all(|output| output.len() > 1);
    if all(&is_within) {
        Some(Quantity::Probability)
    } else if is_several
        && all(&|output| is_one(output.data().iter().map(|&log| f64::from(log.exp())).sum(), 1.0))
    {
        Some(Quantity::LogProbability)
    } else if is_several && all(&|output| is_one(output.sum(), output.max_abs())) {
        Some(Quantity::Score)
    } else {
        None
    }
}

/// Whether two values are the same probabilities. The smallest ones are compared too, so that a clipped softmax differs.
fn are_as_likely(a: &Tensor, b: &Tensor) -> bool {
    let is_close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-3 * b.abs() + f32::MIN_POSITIVE;
    a.len() == b.len() && a.data().iter().zip(b.data()).all(is_close)
}

/// Whether two values are equal up to rounding.
fn are_close(a: &Tensor, b: &Tensor) -> bool {
    let bound = TOLERANCE * b.max_abs().max(1.0);
    a.len() == b.len() && a.data().iter().zip(b.data()).all(|(a, b)| (a - b).abs() <= bound)
}

/// Makes `signs · (z − number)` the output.
fn write_both_signs(
    network: &mut Network,
    logit: LayerId,
    signs: [f32; 2],
    number: f32,
) -> Result<()> {
    let (name, op_type) = {
        let output = &network.layers[network.output];
        (output.name.clone(), output.op_type.clone())
    };
    let shape = network.layers[logit].shape.clone();
    let copies = Routing::from_sources("Expand", &shape, &[1, 2], vec![0, 0]);
    let scale = Some(Tensor::new(&[1, 2], &signs)?);
    let shift = match number {
        0.0 => None,
        _ => Some(Tensor::new(&[1, 2], &signs.map(|sign| -sign * number))?),
    };
    for op in [Op::Routing(copies), Op::Affine(Affine { scale, shift })] {
        let is_first = matches!(op, Op::Routing(_));
        let inputs = vec![if is_first { logit } else { network.layers.len() - 1 }];
        let (name, op_type) = (name.clone(), op_type.clone());
        network.layers.push(Layer { name, op_type, op, inputs, shape: vec![1, 2], unknown: None });
    }
    network.output = network.layers.len() - 1;
    Ok(())
}
