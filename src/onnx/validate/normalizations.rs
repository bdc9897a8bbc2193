//! Normalizations and softmaxes.

use anyhow::{Context, Result, bail, ensure};

use super::elementwise::broadcast_shapes;
use super::node::{Node, axes, axis, check_axis_of_unknown};
use super::value::Value;

fn like_input(node: &Node) -> Result<Value> {
    Ok(Value { numbers: None, ..node.input(0)?.clone() })
}

/// `BatchNormalization`: four vectors with a number for each channel.
pub(super) fn batch_normalization(node: &Node) -> Result<Vec<Value>> {
    node.check_finite("epsilon")?;
    node.check_finite("momentum")?;
    let value = like_input(node)?;
    let mut outputs = vec![value.clone()];
    let channels = match &value.shape {
        Some(shape) => Some(*shape.get(1).with_context(|| {
            format!("its input has the shape {shape:?}, and so no axis of channels")
        })?),
        None => None,
    };
    for (slot, name) in ["scale", "bias", "mean", "variance"].iter().enumerate() {
        let vector = node.shape(slot + 1)?;
        if let (Some(vector), Some(channels)) = (vector, channels) {
            check_per_channel(vector, channels, name)?;
        }
    }
    let statistics = channels.map(|channels| vec![channels]);
    outputs.resize(node.output_count().max(1), Value::of(statistics));
    Ok(outputs)
}

fn check_per_channel(vector: &[usize], channels: usize, name: &str) -> Result<()> {
    let count: usize = vector.iter().fold(1, |count, &axis| count.saturating_mul(axis));
    ensure!(
        count == channels,
        "its {name} has the shape {vector:?}, but its input has {channels} channels"
    );
    Ok(())
}

/// `InstanceNormalization`.
pub(super) fn instance_normalization(node: &Node) -> Result<Vec<Value>> {
    node.check_finite("epsilon")?;
    let value = like_input(node)?;
    if let Some(channels) = value.shape.as_ref().and_then(|shape| shape.get(1)) {
        for (slot, name) in [(1, "scale"), (2, "bias")] {
            if let Some(vector) = node.shape(slot)? {
                check_per_channel(vector, *channels, name)?;
            }
        }
    }
    Ok(vec![value])
}

/// `GroupNormalization`.
pub(super) fn group_normalization(node: &Node) -> Result<Vec<Value>> {
    node.check_finite("epsilon")?;
    let Some(groups) = node.int("num_groups")? else {
        bail!("its attribute num_groups is missing")
    };
    ensure!(groups >= 1, "num_groups is {groups}, but must be at least 1");
    let value = like_input(node)?;
    if let Some(&channels) = value.shape.as_ref().and_then(|shape| shape.get(1)) {
        ensure!(
            channels as i128 % i128::from(groups) == 0,
            "num_groups is {groups}, which does not divide the {channels} channels of its input"
        );
    }
    Ok(vec![value])
}

/// `LayerNormalization` and `RMSNormalization`: over all axes from one on.
pub(super) fn layer_normalization(node: &Node) -> Result<Vec<Value>> {
    node.check_finite("epsilon")?;
    let value = like_input(node)?;
    let Some(shape) = value.shape.clone() else {
        // The scale has the axes that are normalized over.
        let least = node.optional_shape(1).map_or(1, <[usize]>::len).max(1);
        check_axis_of_unknown(node.int("axis")?.unwrap_or(-1), least)?;
        return Ok(vec![value; node.output_count().max(1)]);
    };
    let first = axis(node.int("axis")?.unwrap_or(-1), shape.len(), "axis")?;
    for (slot, name) in [(1, "scale"), (2, "bias")] {
        let Some(vector) = node.optional_shape(slot) else { continue };
        let fits = broadcast_shapes(&shape, vector).is_ok_and(|both| both == shape);
        ensure!(
            fits,
            "its {name} has the shape {vector:?}, which cannot be repeated to {:?} (axis {first})",
            &shape[first..]
        );
    }
    let statistics =
        shape.iter().enumerate().map(|(index, &length)| if index < first { length } else { 1 });
    let mut outputs = vec![value];
    outputs.resize(node.output_count().max(1), Value::of(statistics.collect::<Vec<usize>>()));
    Ok(outputs)
}

/// onnxruntime's `SkipLayerNormalization`: a sum, normalised over the last axis.
pub(super) fn skip_normalization(node: &Node) -> Result<Vec<Value>> {
    node.check_finite("epsilon")?;
    Ok(vec![like_input(node)?])
}

/// `Softmax`, `LogSoftmax`, `Hardmax`, `LpNormalization`.
pub(super) fn along_axis(node: &Node) -> Result<Vec<Value>> {
    let value = like_input(node)?;
    if let (Some(shape), Some(given)) = (&value.shape, node.int("axis")?) {
        // Before version 13 the axis behind the last one stood for no axis at all.
        if node.opset >= 13 || given != shape.len() as i64 {
            axis(given, shape.len(), "axis")?;
        }
    }
    if let Some(p) = node.int("p")? {
        ensure!([1, 2].contains(&p), "p is {p}, but must be 1 or 2");
    }
    Ok(vec![value])
}

/// `LRN`: over neighbouring channels.
pub(super) fn response_normalization(node: &Node) -> Result<Vec<Value>> {
    for name in ["alpha", "beta", "bias"] {
        node.check_finite(name)?;
    }
    let Some(size) = node.int("size")? else { bail!("its attribute size is missing") };
    ensure!(size >= 1, "size is {size}, but must be at least 1");
    Ok(vec![like_input(node)?])
}

/// `MeanVarianceNormalization`.
pub(super) fn mean_variance(node: &Node) -> Result<Vec<Value>> {
    let value = like_input(node)?;
    if let (Some(shape), Some(given)) = (&value.shape, node.ints("axes")?) {
        axes(given, shape.len(), "axes")?;
    }
    Ok(vec![value])
}
