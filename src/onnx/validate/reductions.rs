//! Operators that work along some axes: sums and means, the largest elements, running sums.

use anyhow::{Result, bail, ensure};
use tract_onnx::pb::tensor_proto::DataType;

use super::node::{Given, Node, axes, axis};
use super::value::Value;

/// The reductions beside `ReduceSum`, whose axes became an input before theirs.
pub(super) const OTHERS: [&str; 9] = [
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSumSquare",
];

/// `ReduceSum` and its like.
pub(super) fn reduce(node: &Node) -> Result<Vec<Value>> {
    let keeps = node.flag("keepdims", true)?;
    let input = node.input(0)?;
    let result =
        |shape: Option<Vec<usize>>| Value { number_type: input.number_type, ..Value::of(shape) };
    let Some(shape) = &input.shape else { return Ok(vec![result(None)]) };
    let given = match node.given("axes", 1)? {
        Given::Unknown => return Ok(vec![result(None)]),
        Given::Absent => vec![],
        Given::Numbers(axes) => axes,
    };
    let reduced = match given.is_empty() {
        true if node.flag("noop_with_empty_axes", false)? => {
            return Ok(vec![Value { numbers: None, ..input.clone() }]);
        }
        true => (0..shape.len()).collect(),
        false => axes(&given, shape.len(), "axes")?,
    };
    let value = result(Some(without(shape, &reduced, keeps)));
    let folded = folded(&node.proto.op_type, input).filter(|_| shape.len() <= 1);
    Ok(vec![Value { numbers: folded.map(|number| vec![number]), ..value }])
}

/// What comes of a vector of known numbers, or of one number.
fn folded(op_type: &str, input: &Value) -> Option<f64> {
    let numbers = input.numbers.as_ref()?.iter().copied();
    match op_type {
        "ReduceProd" => Some(numbers.product()),
        "ReduceSum" => Some(numbers.sum()),
        "ReduceMean" => Some(numbers.clone().sum::<f64>() / numbers.len() as f64),
        "ReduceL1" => Some(numbers.map(f64::abs).sum()),
        "ReduceL2" => Some(numbers.map(|x| x * x).sum::<f64>().sqrt()),
        "ReduceSumSquare" => Some(numbers.map(|x| x * x).sum()),
        "ReduceMax" => numbers.reduce(f64::max),
        "ReduceMin" => numbers.reduce(f64::min),
        _ => None,
    }
}

/// A shape in which some axes are one or gone.
fn without(shape: &[usize], reduced: &[usize], keeps: bool) -> Vec<usize> {
    let axes = shape.iter().enumerate();
    let kept = axes.filter(|(index, _)| keeps || !reduced.contains(index));
    kept.map(|(index, &length)| if reduced.contains(&index) { 1 } else { length }).collect()
}

/// `ArgMax` and `ArgMin`.
pub(super) fn place_of_largest(node: &Node) -> Result<Vec<Value>> {
    let keeps = node.flag("keepdims", true)?;
    let Some(shape) = node.shape(0)? else {
        return Ok(vec![Value::unknown().typed(DataType::Int64)]);
    };
    let axis = axis(node.int("axis")?.unwrap_or(0), shape.len(), "axis")?;
    Ok(vec![Value::of(without(shape, &[axis], keeps)).typed(DataType::Int64)])
}

/// `TopK`.
pub(super) fn largest(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let unknown = vec![
        Value { shape: None, numbers: None, ..input.clone() },
        Value::unknown().typed(DataType::Int64),
    ];
    let count = match (node.int("k")?, node.numbers(1)) {
        (Some(count), _) => Some(count),
        (None, Given::Numbers(numbers)) => numbers.first().copied(),
        (None, Given::Absent) => bail!("its input K is missing"),
        (None, Given::Unknown) => None,
    };
    let (Some(count), Some(shape)) = (count, &input.shape) else { return Ok(unknown) };
    let axis = axis(node.int("axis")?.unwrap_or(-1), shape.len(), "axis")?;
    ensure!(
        (0..=shape[axis] as i64).contains(&count),
        "k is {count}, but axis {axis} of its input has {} elements",
        shape[axis]
    );
    let mut shape = shape.clone();
    shape[axis] = count as usize;
    let number_type = input.number_type;
    Ok(vec![
        Value { number_type, ..Value::of(shape.clone()) },
        Value::of(shape).typed(DataType::Int64),
    ])
}

/// `CumSum`: along the axis that is its second input.
pub(super) fn running_sum(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    if let (Some(shape), Given::Numbers(given)) = (&input.shape, node.numbers(1)) {
        let [given] = given[..] else {
            bail!("its input axis holds {} numbers, but must hold one", given.len())
        };
        axis(given, shape.len(), "axis")?;
    }
    Ok(vec![Value { numbers: None, ..input.clone() }])
}
