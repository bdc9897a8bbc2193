//! `Resize` and `Upsample`.

use anyhow::{Result, bail, ensure};

use super::node::{Given, Node, axes};
use super::value::Value;

/// `Resize`: factors are input 2 (before version 11: input 1), sizes input 3.
pub(super) fn resize(node: &Node) -> Result<Vec<Value>> {
    node.choice("mode", &["nearest", "linear", "cubic"])?;
    let policies = ["stretch", "not_larger", "not_smaller"];
    let policy = node.choice("keep_aspect_ratio_policy", &policies)?;
    let input = node.input(0)?;
    let Some(shape) = &input.shape else { return Ok(vec![of_unknown(node, input)?]) };
    let resized = match node.ints("axes")? {
        Some(given) => axes(given, shape.len(), "axes")?,
        None => (0..shape.len()).collect(),
    };
    let is_empty = |value: &Value| value.shape.as_ref().is_some_and(|shape| shape.contains(&0));
    let slot = if node.opset < 11 { 1 } else { 2 };
    let sizes = node.optional(3).filter(|sizes| !is_empty(sizes) && node.opset >= 11);
    if sizes.is_some() {
        let Given::Numbers(sizes) = node.numbers(3) else { return Ok(vec![Value::unknown()]) };
        check_count(sizes.len(), resized.len(), "sizes", shape)?;
        ensure!(
            sizes.iter().all(|&size| size >= 1),
            "its sizes {sizes:?}: every one must be at least 1"
        );
        return Ok(vec![with_sizes(input, shape, &resized, &sizes, policy)]);
    }
    scaled(node, slot, shape, &resized)
}

/// A value of sizes that are given for some axes.
fn with_sizes(
    input: &Value,
    shape: &[usize],
    resized: &[usize],
    sizes: &[i64],
    policy: &str,
) -> Value {
    let factors =
        resized.iter().zip(sizes).map(|(&axis, &size)| size as f64 / shape[axis].max(1) as f64);
    let factor = match policy {
        "not_larger" => factors.reduce(f64::min),
        "not_smaller" => factors.reduce(f64::max),
        _ => None,
    };
    let mut result = shape.to_vec();
    for (&axis, &size) in resized.iter().zip(sizes) {
        result[axis] = match factor {
            Some(factor) => (factor * shape[axis] as f64).round() as usize,
            None => size as usize,
        };
    }
    Value { shape: Some(result), numbers: None, ..input.clone() }
}

/// What is known of the result where the shape of the input is not.
fn of_unknown(node: &Node, input: &Value) -> Result<Value> {
    if node.opset < 11 {
        return enlarged(node, 1);
    }
    match (node.numbers(3), node.word("keep_aspect_ratio_policy")?) {
        (Given::Numbers(sizes), None | Some("stretch")) => Ok(input.clone().at_least(sizes)),
        (Given::Absent, _) => enlarged(node, 2),
        _ => Ok(Value::unknown()),
    }
}

/// What factors make of an input whose shape is not known.
fn enlarged(node: &Node, slot: usize) -> Result<Value> {
    let Some(factors) = factors(node, slot)? else { return Ok(Value::unknown()) };
    Ok(node.input(0)?.clone().at_least(factors.into_iter().map(|factor| factor as i64)))
}

/// The factors of the axes, from the attribute or an input.
fn factors(node: &Node, slot: usize) -> Result<Option<Vec<f64>>> {
    Ok(match node.floats("scales")? {
        Some(factors) => Some(factors.iter().map(|&factor| f64::from(factor)).collect()),
        None => node.input(slot)?.numbers.clone(),
    })
}

fn check_count(count: usize, axes: usize, what: &str, shape: &[usize]) -> Result<()> {
    ensure!(count == axes, "it has {count} {what} for {axes} axes of its input {shape:?}");
    Ok(())
}

/// What factors make of a shape: lengths are rounded down, in single precision.
fn scaled(node: &Node, slot: usize, shape: &[usize], resized: &[usize]) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let Some(factors) = factors(node, slot)? else { return Ok(vec![Value::unknown()]) };
    check_count(factors.len(), resized.len(), "scales", shape)?;
    ensure!(
        factors.iter().all(|factor| factor.is_finite() && *factor > 0.0),
        "its scales {factors:?}: every one must be above 0"
    );
    let mut result = shape.to_vec();
    for (&axis, &factor) in resized.iter().zip(&factors) {
        let length = (shape[axis] as f32 * factor as f32).floor();
        if length < 1.0 && shape[axis] > 0 {
            bail!(
                "its scales {factors:?} leave nothing of the {} elements of axis {axis} of its input",
                shape[axis]
            );
        }
        result[axis] = length as usize;
    }
    Ok(vec![Value { shape: Some(result), numbers: None, ..input.clone() }])
}

/// `Upsample`: factors are an attribute, or input 1.
pub(super) fn upsample(node: &Node) -> Result<Vec<Value>> {
    node.choice("mode", &["nearest", "linear", "bilinear"])?;
    let Some(shape) = node.shape(0)? else { return Ok(vec![enlarged(node, 1)?]) };
    let all: Vec<usize> = (0..shape.len()).collect();
    scaled(node, 1, shape, &all)
}
