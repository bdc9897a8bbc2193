//! Operators of signal processing.

use anyhow::{Result, bail, ensure};
use tract_onnx::pb::tensor_proto::DataType;

use super::node::{Given, Node, axis};
use super::value::Value;

/// One whole number from an input, at least 1.
fn length(node: &Node, slot: usize, what: &str) -> Result<Option<usize>> {
    let Given::Numbers(numbers) = node.numbers(slot) else { return Ok(None) };
    let &[number] = numbers.as_slice() else { bail!("{what} must be one number") };
    ensure!(number >= 1, "{what} is {number}, but must be at least 1");
    Ok(Some(usize::try_from(number)?))
}

/// How many frequencies come out of so many numbers.
fn frequencies(length: usize, is_one_sided: bool) -> usize {
    if is_one_sided { length / 2 + 1 } else { length }
}

/// `DFT`: a Fourier transform along an axis; real and imaginary part are the last one.
pub(super) fn fourier(node: &Node) -> Result<Vec<Value>> {
    let asked = length(node, 1, "dft_length")?;
    let is_one_sided = node.flag("onesided", false)?;
    let is_inverse = node.flag("inverse", false)?;
    ensure!(!(is_one_sided && is_inverse), "it is one-sided and inverse");
    let Some(shape) = node.shape(0)? else { return Ok(vec![Value::unknown()]) };
    ensure!(
        shape.len() >= 2 && shape.last().is_some_and(|parts| (1..=2).contains(parts)),
        "its input has the shape {shape:?}, but needs real and imaginary part on its last axis"
    );
    let given = match (node.opset, node.numbers(2)) {
        (..20, _) => node.int("axis")?.unwrap_or(1),
        (_, Given::Absent) => -2,
        (_, Given::Unknown) => return Ok(vec![Value::unknown()]),
        (_, Given::Numbers(numbers)) => numbers.first().copied().unwrap_or(-2),
    };
    let axis = axis(given, shape.len(), "axis")?;
    ensure!(axis + 1 < shape.len(), "axis is {given}, but the last one is real and imaginary part");
    let mut result = shape.to_vec();
    let length = if node.optional(1).is_some() { asked } else { Some(shape[axis]) };
    let Some(length) = length else { return Ok(vec![Value::unknown()]) };
    result[axis] = frequencies(length, is_one_sided);
    result[shape.len() - 1] = 2;
    Ok(vec![Value::of(result)])
}

/// `STFT`: Fourier transforms of frames `[N, frames, frequencies, 2]`.
pub(super) fn frames(node: &Node) -> Result<Vec<Value>> {
    let step = length(node, 1, "frame_step")?;
    let window = node.optional_shape(2).and_then(|shape| shape.first().copied());
    let asked = length(node, 3, "frame_length")?;
    let is_one_sided = node.flag("onesided", true)?;
    let signal = node.shape(0)?;
    if let Some(signal) = signal {
        ensure!(
            [2, 3].contains(&signal.len()),
            "its signal has the shape {signal:?}, but needs one or two axes behind the batch"
        );
    }
    let length = if node.optional(3).is_some() { asked } else { window };
    let (Some(signal), Some(step), Some(length)) = (signal, step, length) else {
        return Ok(vec![Value::unknown()]);
    };
    ensure!(
        (1..=signal[1]).contains(&length),
        "its frames of {length} do not fit its signal {signal:?}"
    );
    if let Some(window) = window {
        ensure!(window == length, "its window has {window} numbers, but its frames {length}");
    }
    let count = (signal[1] - length) / step + 1;
    Ok(vec![Value::of(vec![signal[0], count, frequencies(length, is_one_sided), 2])])
}

/// `MelWeightMatrix`: what every band takes of every frequency.
pub(super) fn mel_weights(node: &Node) -> Result<Vec<Value>> {
    let bands = length(node, 0, "num_mel_bins")?;
    let transformed = length(node, 1, "dft_length")?;
    length(node, 2, "sample_rate")?;
    let edge = |slot| Ok(node.input(slot)?.numbers.as_ref().and_then(|edge| edge.first().copied()));
    let (lower, upper): (Result<Option<f64>>, Result<Option<f64>>) = (edge(3), edge(4));
    if let (Some(lower), Some(upper)) = (lower?, upper?) {
        ensure!(
            (0.0..f64::INFINITY).contains(&lower) && lower < upper && upper.is_finite(),
            "its bands go from {lower} to {upper} Hz"
        );
    }
    // tract computes the matrix while it reads the file, whatever its size.
    let (Some(bands), Some(transformed)) = (bands, transformed) else {
        bail!("its num_mel_bins and dft_length must be stored in the file");
    };
    let weights = Value::of(vec![frequencies(transformed, true), bands]);
    Ok(vec![weights.typed(DataType::Float)])
}
