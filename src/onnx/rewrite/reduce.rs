//! An output that has a score for every position (a map, a sequence, a hidden state), reduced to one score a class.
//!
//! The mean over the positions, their largest, or the scores of one position: nodes at the end of the graph, so that
//! relevance goes through them as through any others.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};
use tract_onnx::model::Onnx;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, ModelProto, NodeProto, TensorProto};

use super::graph::{node, whole_number, whole_numbers};
use super::opset;
use super::shapes::shapes;
use crate::onnx::weights::declared;

/// How the scores of all positions become one score a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean.
    Mean,
    /// The largest.
    Max,
    /// Those of one position: its place along every axis but the batch's and the classes'; negative ones count from
    /// the end.
    Index(Vec<i64>),
}

impl FromStr for Reduction {
    type Err = Error;

    fn from_str(text: &str) -> Result<Reduction> {
        match text {
            "mean" => return Ok(Reduction::Mean),
            "max" => return Ok(Reduction::Max),
            _ => {}
        }
        let told = || format!("\"{text}\" is no reduction: it is mean, max, or index:I,J,...");
        let places = text.strip_prefix("index:").with_context(told)?;
        let places = places.split(',').map(|place| place.trim().parse::<i64>());
        Ok(Reduction::Index(places.collect::<Result<_, _>>().with_context(told)?))
    }
}

impl fmt::Display for Reduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reduction::Mean => f.write_str("mean"),
            Reduction::Max => f.write_str("max"),
            Reduction::Index(places) => {
                let places: Vec<String> = places.iter().map(i64::to_string).collect();
                write!(f, "index:{}", places.join(","))
            }
        }
    }
}

/// Reduces the output of a model whose input has the given name and shape. Returns a sentence that says what was done.
///
/// # Errors
/// When the output has one score a class already, or not the axis or the position that is asked for.
pub(in crate::onnx) fn reduce(
    model: &mut ModelProto,
    reader: &Onnx,
    input: (&str, &[usize]),
    reduction: &Reduction,
    class_axis: Option<usize>,
) -> Result<String> {
    let graph = model.graph.as_ref().context("the model has no graph")?;
    let output = graph.output.first().context("the model has no output")?.name.clone();
    let shape = shapes(model, reader, input)?.remove(&output);
    let shape =
        shape.with_context(|| format!("the shape of the output \"{output}\" is not known"))?;
    let class_axis = class_axis.unwrap_or_else(|| usual_class_axis(&shape, input.1));
    ensure!(
        class_axis < shape.len(),
        "the output \"{output}\" of shape {shape:?} has no axis {class_axis}"
    );
    // A batch of one is no position.
    let first = usize::from(shape.first() == Some(&1) && class_axis != 0);
    let axes: Vec<usize> = (first..shape.len()).filter(|&axis| axis != class_axis).collect();
    ensure!(
        !axes.is_empty(),
        "the output \"{output}\" of shape {shape:?} has one score a class already: leave out --reduce"
    );
    let opset = opset(model);
    let reduced = format!("{output}.reduced");
    let graph = model.graph.as_mut().context("the model has no graph")?;
    match reduction {
        Reduction::Mean | Reduction::Max => {
            let op_type = if *reduction == Reduction::Mean { "ReduceMean" } else { "ReduceMax" };
            let axes: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
            let (node, stored) = reducing(op_type, (&output, &reduced), &axes, opset);
            graph.node.push(node);
            graph.initializer.extend(stored);
        }
        Reduction::Index(places) => {
            let lengths: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
            let places = checked(&output, places, &lengths)?;
            let mut value = output.clone();
            // From the last axis on, so that those before it keep their numbers.
            for (&axis, place) in axes.iter().zip(places).rev() {
                let name =
                    if axis == axes[0] { reduced.clone() } else { format!("{value}.{axis}") };
                let index = format!("{name}.place");
                let mut gather = node(&name, "Gather", &[&value, &index], &name);
                gather.attribute.push(whole_number("axis", axis as i64));
                graph.node.push(gather);
                graph.initializer.push(scalar(&index, place));
                value = name;
            }
        }
    }
    graph.output = vec![declared(&reduced, DataType::Float as i32, None)];
    Ok(format!(
        "the output \"{output}\" of shape {shape:?} is reduced by {reduction} over the axes {axes:?}; axis {class_axis} \
         holds the classes"
    ))
}

/// The last axis of a sequence, the second of a map, or the last where the input's channels are its last.
fn usual_class_axis(output: &[usize], input: &[usize]) -> usize {
    let last = output.len().saturating_sub(1);
    let is_channels = |axis: usize| matches!(input.get(axis), Some(1 | 3));
    let has_channels_last = input.len() == output.len()
        && is_channels(input.len().saturating_sub(1))
        && !is_channels(1);
    if output.len() < 4 || has_channels_last { last } else { 1 }
}

/// Places within the lengths of their axes, counted from the beginning.
fn checked(output: &str, places: &[i64], lengths: &[usize]) -> Result<Vec<i64>> {
    ensure!(
        places.len() == lengths.len(),
        "the output \"{output}\" has positions along {} axes of the lengths {lengths:?}, but {} numbers are given for them",
        lengths.len(),
        places.len()
    );
    let place = |(&place, &length): (&i64, &usize)| {
        let length = length as i64;
        ensure!(
            (-length..length).contains(&place),
            "the output \"{output}\" has no position {place} along an axis of {length}: there are 0 to {}",
            length - 1
        );
        Ok(place.rem_euclid(length))
    };
    places.iter().zip(lengths).map(place).collect()
}

/// A node that reduces over axes, which are an attribute, or from version 18 on an input.
fn reducing(
    op_type: &str,
    (from, to): (&str, &str),
    axes: &[i64],
    opset: i64,
) -> (NodeProto, Option<TensorProto>) {
    let mut reducing = node(to, op_type, &[from], to);
    reducing.attribute.push(whole_number("keepdims", 0));
    if opset >= 18 {
        let stored = whole_numbers(&format!("{to}.axes"), axes);
        reducing.input.push(stored.name.clone());
        return (reducing, Some(stored));
    }
    reducing.attribute.push(AttributeProto {
        name: "axes".to_string(),
        ints: axes.to_vec(),
        r#type: AttributeType::Ints as i32,
        ..AttributeProto::default()
    });
    (reducing, None)
}

/// A stored whole number.
fn scalar(name: &str, value: i64) -> TensorProto {
    TensorProto { dims: vec![], ..whole_numbers(name, &[value]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reductions_are_written_as_they_are_read() {
        for text in ["mean", "max", "index:3", "index:3,-7"] {
            assert_eq!(text.parse::<Reduction>().unwrap().to_string(), text);
        }
        for text in ["median", "index", "index:", "index:1,x"] {
            let error = text.parse::<Reduction>().unwrap_err().to_string();
            assert!(error.contains("mean, max, or index:I,J"), "{error}");
        }
    }

    #[test]
    fn the_classes_are_where_exporters_put_them() {
        assert_eq!(usual_class_axis(&[1, 7, 5], &[1, 3, 8, 8]), 2);
        assert_eq!(usual_class_axis(&[1, 21, 8, 8], &[1, 3, 32, 32]), 1);
        assert_eq!(usual_class_axis(&[1, 8, 8, 21], &[1, 32, 32, 3]), 3);
    }

    #[test]
    fn positions_are_checked() {
        assert_eq!(checked("y", &[0, -1], &[4, 5]).unwrap(), [0, 4]);
        assert!(checked("y", &[4], &[4]).unwrap_err().to_string().contains("0 to 3"));
        assert!(checked("y", &[1], &[4, 5]).unwrap_err().to_string().contains("2 axes"));
    }
}
