//! Operators of scikit-learn's exports (the domain `ai.onnx.ml`).

use anyhow::{Result, ensure};
use tract_onnx::pb::tensor_proto::DataType;

use super::node::Node;
use super::value::Value;

/// `Scaler`: one number for every feature, or one for all.
pub(super) fn scaler(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let features = input.shape.as_ref().and_then(|shape| shape.last());
    for name in ["offset", "scale"] {
        let Some(numbers) = node.floats(name)? else { continue };
        ensure!(
            numbers.len() == 1 || features.is_none_or(|&features| numbers.len() == features),
            "{name} has {} numbers, but its input has the shape {:?}",
            numbers.len(),
            input.shape.as_deref().unwrap_or_default()
        );
    }
    Ok(vec![Value::of(input.shape.clone()).typed(DataType::Float)])
}

/// `Normalizer`.
pub(super) fn normalizer(node: &Node) -> Result<Vec<Value>> {
    node.choice("norm", &["MAX", "L1", "L2"])?;
    Ok(vec![Value::of(node.input(0)?.shape.clone()).typed(DataType::Float)])
}

/// `LinearClassifier`: its outputs are the classes and their scores.
pub(super) fn classifier(node: &Node) -> Result<Vec<Value>> {
    let scores = node.floats("intercepts")?.map_or(1, <[f32]>::len);
    ensure!(scores >= 1, "its attribute intercepts is empty");
    Ok(vec![Value::unknown(), product(node, scores, "intercepts")?])
}

/// `LinearRegressor`.
pub(super) fn regressor(node: &Node) -> Result<Vec<Value>> {
    let targets = node.int_from("targets", 1, 1)?;
    if let Some(intercepts) = node.floats("intercepts")? {
        ensure!(
            intercepts.len() == targets,
            "its {targets} targets have {} intercepts",
            intercepts.len()
        );
    }
    Ok(vec![product(node, targets, "targets")?])
}

/// A product of rows of features with a stored matrix of `rows` rows; `what` counts these.
fn product(node: &Node, rows: usize, what: &str) -> Result<Value> {
    let count = node.floats("coefficients")?.map_or(0, <[f32]>::len);
    ensure!(
        count > 0 && count % rows == 0,
        "its {count} coefficients are no rows for {rows} {what}"
    );
    let Some(input) = node.shape(0)? else { return Ok(Value::unknown()) };
    let &[length, features] = input else { return Ok(Value::unknown()) };
    ensure!(
        count / rows == features,
        "its {count} coefficients for {rows} {what} do not fit the {features} features of its input"
    );
    Ok(Value::of(vec![length, rows]).typed(DataType::Float))
}

/// `ArrayFeatureExtractor`: elements of the last axis.
pub(super) fn extractor(node: &Node) -> Result<Vec<Value>> {
    let (input, indices) = (node.input(0)?, node.input(1)?);
    if let Some(features) = input.shape.as_ref().and_then(|shape| shape.last()) {
        let known = indices.whole_numbers().unwrap_or_default();
        for index in known {
            ensure!(
                usize::try_from(index).is_ok_and(|index| index < *features),
                "it takes element {index} of the last axis of its input, which has {features} elements"
            );
        }
    }
    Ok(vec![Value { number_type: input.number_type, ..Value::unknown() }])
}
