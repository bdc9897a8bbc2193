//! Recognises normalisations by a signal's own statistics that were written as several layers.
//!
//! `(x − mean) / √(variance + ε) · scale + shift` can be written in many ways (`Pow` or `Mul`, `Sqrt` and
//! `Div` or `Rsqrt` and `Mul`, scale and shift inside or outside), so it is recognised by its values,
//! as activations are. Every part of the network that reads one signal and takes means over axes is run on test signals
//! (probes). Scale and shift follow from its output for a large signal and for the negative of it, ε from a small
//! signal. For these and for signals of sizes in between, its output must be that of the LayerNormalization.
//!
//! This is not a proof for other nonlinear functions: `h + tanh h` is about `2 h` for a small `h`, and about `h` for a
//! large one. So the layers of such a part may only be powers, roots and arithmetic, from which statistics are computed.

use anyhow::Result;

use super::probe::noise;
use super::shortened::Shortened;
use super::{Layer, LayerId, Network, Op};
use crate::operator::{LayerNormalization, Operator};
use crate::tensor::Tensor;

/// The most layers that are recognised as one normalisation.
const MOST_MEMBERS: usize = 16;

/// The largest allowed difference from the output of a LayerNormalization, relative to the largest output.
const TOLERANCE: f32 = 1e-4;

/// Size of the large probe and its negative, for which ε does not matter.
const STRONG: f32 = 1e3;

/// Size of the small probe: its variance is about 1e-5, as large as the usual ε.
const WEAK: f32 = 5e-3;

/// Sizes in between: here a function shows that is like a normalisation for large and small signals only.
const BETWEEN: [f32; 5] = [0.05, 0.3, 1.0, 4.0, 40.0];

/// Which layers may be parts of one normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Layers that tract made of one ONNX node.
    OneNode,
    /// Layers of several ONNX nodes too.
    ManyNodes,
}

/// Replaces the layers of every normalisation by a single layer; returns the names of the ONNX nodes that were merged.
///
/// # Errors
/// When shapes contradict each other.
pub(crate) fn join_normalizations(network: &mut Network, scope: Scope) -> Result<Vec<String>> {
    let mut merged = vec![];
    let mut is_taken = vec![false; network.layers.len()];
    for id in (0..network.layers.len()).rev() {
        if is_taken[id] {
            continue;
        }
        for part in parts(network, id, scope) {
            let Some(normalization) = part.normalization(network)? else {
                continue;
            };
            for &member in &part.members {
                is_taken[member] = true;
                if member != id && network.layers[member].name != network.layers[id].name {
                    merged.push(network.layers[member].name.clone());
                }
            }
            let layer = &mut network.layers[id];
            layer.op = Op::LayerNormalization(normalization);
            layer.inputs = vec![part.signal];
            layer.unknown = None;
            break;
        }
    }
    merged.sort_unstable();
    merged.dedup();
    Ok(merged)
}

/// A part of the network: the layers between one signal and a value that depends on that signal only.
struct Part {
    signal: LayerId,
    /// The layers in the order in which they run; the last one computes the value.
    members: Vec<LayerId>,
    /// The axes that means are taken over: the first one, and how many.
    axes: (usize, usize),
}

/// The parts that end at layer `id` and may be normalisations; the largest first.
fn parts(network: &Network, id: LayerId, scope: Scope) -> Vec<Part> {
    let node = &network.layers[id].name;
    let mut members = vec![];
    let mut frontier = vec![id];
    let mut parts = vec![];
    while members.len() < MOST_MEMBERS {
        frontier.sort_unstable();
        frontier.dedup();
        let Some(latest) = frontier.pop() else {
            break;
        };
        let is_signal = frontier.is_empty()
            && network.layers[latest].shape == network.layers[id].shape
            && !matches!(network.layers[latest].op, Op::Constant(_));
        let is_several = members.len() > 1;
        if is_signal
            && is_several
            && let Some(axes) = axes_of(network, &members)
            && has_statistics(&network.layers[latest].shape, axes)
        {
            let members = members.iter().rev().copied().collect();
            parts.push(Part { signal: latest, members, axes });
        }
        let layer = &network.layers[latest];
        let is_second = is_normalization(layer)
            && members.iter().any(|&member| is_normalization(&network.layers[member]));
        if is_second || !is_piece(&layer.op) || (scope == Scope::OneNode && layer.name != *node) {
            break;
        }
        members.push(latest);
        frontier.extend(&network.layers[latest].inputs);
    }
    parts.reverse();
    parts
}

fn is_normalization(layer: &Layer) -> bool {
    matches!(layer.op, Op::LayerNormalization(_))
}

/// Whether a layer may be a part of a normalisation.
fn is_piece(op: &Op) -> bool {
    match op {
        Op::Sum(sum) => sum.coefficients.len() == 2,
        Op::Constant(_)
        | Op::Affine(_)
        | Op::Product(_)
        | Op::Quotient(_)
        | Op::Reduction(_)
        | Op::LayerNormalization(_) => true,
        Op::Activation(activation) => activation.function.is_made_of_powers(),
        // An explicit broadcast.
        Op::Routing(routing) => {
            let len = |shape: &[usize]| shape.iter().product::<usize>();
            len(&routing.output_shape) > len(&routing.input_shape)
        }
        _ => false,
    }
}

/// The axes that all means of the layers are taken over; `None` if there is no mean, or if the axes differ.
fn axes_of(network: &Network, members: &[LayerId]) -> Option<(usize, usize)> {
    let mut axes = members.iter().filter_map(|&member| match &network.layers[member].op {
        Op::Reduction(reduction) => Some((reduction.first_axis, reduction.axis_count)),
        Op::LayerNormalization(norm) => norm.axes(&network.layers[member].shape),
        _ => None,
    });
    let first = axes.next()?;
    axes.all(|other| other == first).then_some(first)
}

/// Whether there are several elements along these axes. The mean of a single element is that element, and a function of
/// it could be taken for a normalisation with a large ε.
fn has_statistics(shape: &[usize], (first, count): (usize, usize)) -> bool {
    shape[first..first + count].iter().product::<usize>() > 1
}

impl Part {
    /// The normalisation that the part computes; `None` if it computes another function.
    fn normalization(&self, network: &Network) -> Result<Option<LayerNormalization>> {
        let (first, count) = self.axes;
        let part = Shortened::new(network, self.signal, &self.members);
        let found = normalization(&part, self.axes)?;
        Ok(found.map(|it| {
            let shape = &network.layers[self.signal].shape;
            let plain =
                LayerNormalization::over_axes(shape, first, count, it.is_centred, it.epsilon);
            LayerNormalization { scale: it.scale, shift: it.shift, ..plain }
        }))
    }
}

/// The normalisation over some axes, the first one and how many, that a part computes; `None` if it computes another
/// function.
fn normalization(
    part: &Shortened,
    (first, count): (usize, usize),
) -> Result<Option<LayerNormalization>> {
    let shape = &part.shape;
    let probe = alternating_probe(shape, (first, count))?;
    let answer = part.value(&probe)?;
    let mut negative = part.value(&probe.map(|value| -value)?)?;
    // Apart from the shift, a normalisation is an odd function.
    let mut scaled = answer.clone();
    scaled.combine_broadcast(&negative, |to, from| *to = 0.5 * (*to - from))?;
    negative.combine_broadcast(&answer, |to, from| *to = 0.5 * (*to + from))?;
    let shift = broadcasting(negative, scaled.max_abs());
    let weak_probe = weak_probe(shape)?;
    let weak_answer = part.value(&weak_probe)?;
    for is_centred in [true, false] {
        let plain = LayerNormalization::over_axes(shape, first, count, is_centred, 0.0);
        let mut scale = scaled.clone();
        let normal = plain.forward(vec![probe.clone()])?;
        scale.combine_broadcast(&normal, |to, normal| *to /= normal)?;
        let magnitude = scale.max_abs();
        if !magnitude.is_finite() || magnitude == 0.0 {
            continue;
        }
        let scale = unless(broadcasting(scale, magnitude), 1.0, 1.0);
        let shift = unless(shift.clone(), 0.0, magnitude);
        if ![&scale, &shift].into_iter().flatten().all(|it| part.is_parameter(it)) {
            continue;
        }
        let epsilon = epsilon(&plain, &scale, &shift, &weak_probe, &weak_answer)?;
        let normalization = LayerNormalization { scale, shift, epsilon, ..plain };
        let answers = [(&probe, &answer), (&weak_probe, &weak_answer)];
        if answers.iter().all(|(probe, answer)| agrees(&normalization, probe, answer))
            && agrees_between(part, &normalization)?
        {
            return Ok(Some(normalization));
        }
    }
    Ok(None)
}

/// Whether the output is that of the normalisation for signals of sizes in between, too.
fn agrees_between(part: &Shortened, normalization: &LayerNormalization) -> Result<bool> {
    for strength in BETWEEN {
        let probe = noise(&part.shape, 0)?.map(|value| strength * (value + 0.25))?;
        if !agrees(normalization, &probe, &part.value(&probe)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A probe. Its signs alternate within a group, so that no number is near the mean of its group or near zero; the mean
/// is not zero.
fn alternating_probe(shape: &[usize], (first, count): (usize, usize)) -> Result<Tensor> {
    let length: usize = shape[first..first + count].iter().product();
    let stride: usize = shape[first + count..].iter().product();
    let mut probe = noise(shape, 0)?;
    for (at, value) in probe.data_mut().iter_mut().enumerate() {
        let sign = if (at / stride % length).is_multiple_of(2) { 1.0 } else { -1.0 };
        *value = STRONG * (0.5 + sign * (1.0 + 0.25 * value.abs()));
    }
    Ok(probe)
}

fn weak_probe(shape: &[usize]) -> Result<Tensor> {
    noise(shape, 0)?.map(|value| WEAK * value)
}

/// The ε that explains the output for a small signal. The ratio of `output − shift` to the same with ε = 0 is
/// `√(v / (v + ε))`, where `v` is the variance of the signal.
fn epsilon(
    plain: &LayerNormalization,
    scale: &Option<Tensor>,
    shift: &Option<Tensor>,
    probe: &Tensor,
    answer: &Tensor,
) -> Result<f32> {
    let mut expected = plain.forward(vec![probe.clone()])?;
    if let Some(scale) = scale {
        expected.combine_broadcast(scale, |to, from| *to *= from)?;
    }
    let mut found = answer.clone();
    if let Some(shift) = shift {
        found.combine_broadcast(shift, |to, from| *to -= from)?;
    }
    let variances = plain.variances(probe)?;
    // Large outputs are the most exact, so they get the largest weight.
    let (mut sum, mut weight) = (0.0f64, 0.0f64);
    for ((&found, &expected), &v) in found.data().iter().zip(expected.data()).zip(variances.data())
    {
        let ratio = f64::from(expected) / f64::from(found);
        if ratio.is_finite() && ratio.abs() < 1e6 {
            let importance = f64::from(found) * f64::from(found);
            sum += importance * f64::from(v) * (ratio * ratio - 1.0);
            weight += importance;
        }
    }
    let epsilon = sum / weight.max(f64::MIN_POSITIVE);
    Ok(if epsilon < 1e-10 { 0.0 } else { rounded(epsilon) })
}

/// The number rounded to three digits, if that is as close as rounding errors allow: the number that the author typed.
fn rounded(value: f64) -> f32 {
    let unit = 10f64.powf(value.log10().floor() - 2.0);
    let short = (value / unit).round() * unit;
    if (short - value).abs() < 1e-3 * value { short as f32 } else { value as f32 }
}

fn agrees(normalization: &LayerNormalization, probe: &Tensor, answer: &Tensor) -> bool {
    let Ok(ours) = normalization.forward(vec![probe.clone()]) else {
        return false;
    };
    let bound = TOLERANCE * answer.max_abs();
    ours.data().iter().zip(answer.data()).all(|(ours, theirs)| (ours - theirs).abs() <= bound)
}

/// The smallest tensor that broadcasts to this one, up to rounding errors of the given size.
fn broadcasting(tensor: Tensor, magnitude: f32) -> Tensor {
    (0..tensor.shape().len())
        .fold(tensor, |tensor, axis| collapsed(&tensor, axis, 1e-5 * magnitude).unwrap_or(tensor))
}

/// The tensor with an axis shortened to length one, if its elements do not change along that axis.
fn collapsed(tensor: &Tensor, axis: usize, tolerance: f32) -> Option<Tensor> {
    let mut shape = tensor.shape().to_vec();
    let length = shape[axis];
    let stride: usize = shape[axis + 1..].iter().product();
    shape[axis] = 1;
    let mut result = Tensor::zeros(&shape).ok()?;
    let blocks = tensor.data().chunks(length * stride);
    for (to, block) in result.data_mut().chunks_mut(stride).zip(blocks) {
        for (offset, to) in to.iter_mut().enumerate() {
            let values = block.iter().skip(offset).step_by(stride);
            let mean = values.clone().map(|&value| f64::from(value)).sum::<f64>() / length as f64;
            *to = mean as f32;
            if !values.clone().all(|value| (value - *to).abs() <= tolerance) {
                return None;
            }
        }
    }
    Some(result)
}

/// `None` if all elements are `neutral`.
fn unless(tensor: Tensor, neutral: f32, magnitude: f32) -> Option<Tensor> {
    let is_neutral = tensor.data().iter().all(|value| (value - neutral).abs() <= 1e-6 * magnitude);
    (!is_neutral).then_some(tensor)
}
