//! Operators that compute every element by itself, with broadcasting, and what they do to known numbers.

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::pb::tensor_proto::DataType;

use super::data::number_type;
use super::node::Node;
use super::value::Value;

/// An operator whose outputs have the shape of its first input.
pub(super) fn same(node: &Node) -> Result<Vec<Value>> {
    for name in ["alpha", "beta", "gamma", "bias", "lambd"] {
        node.check_finite(name)?;
    }
    node.choice("approximate", &["none", "tanh"])?;
    let input = node.input(0)?;
    let value = Value { numbers: None, ..input.clone() };
    let mut outputs = vec![value; node.output_count().max(1)];
    outputs[0].numbers = folded(&node.proto.op_type, input);
    Ok(outputs)
}

/// The numbers that a function of one number gives.
fn folded(op_type: &str, input: &Value) -> Option<Vec<f64>> {
    let function: fn(f64) -> f64 = match op_type {
        "Identity" => |x| x,
        "Neg" => |x: f64| -x,
        "Abs" => f64::abs,
        "Floor" => f64::floor,
        "Ceil" => f64::ceil,
        "Round" => f64::round_ties_even,
        "Sqrt" => f64::sqrt,
        _ => return None,
    };
    let numbers = input.numbers.as_ref()?;
    Some(numbers.iter().map(|&number| rounded(function(number), input.number_type)).collect())
}

/// An operator that decides of every element.
pub(super) fn decision(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let numbers = match node.proto.op_type.as_str() {
        "Not" => input
            .numbers
            .as_ref()
            .map(|numbers| numbers.iter().map(|&x| f64::from(x == 0.0)).collect()),
        _ => None,
    };
    Ok(vec![Value { numbers, ..input.clone() }.typed(DataType::Bool)])
}

/// `Cast`.
pub(super) fn cast(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let to = node.int("to")?.context("its attribute to is missing")?;
    let to = number_type("to", to)?;
    let convert = |&number: &f64| match to {
        DataType::Bool => f64::from(number != 0.0),
        _ => number,
    };
    let mut value = input.clone().typed(to);
    let is_whole = value.is_whole();
    let numbers = value.numbers.take();
    value.numbers = numbers.map(|numbers| {
        let converted = numbers.iter().map(convert);
        converted.map(|x| if is_whole { x.trunc() } else { rounded(x, Some(to)) }).collect()
    });
    Ok(vec![value])
}

/// `CastLike`: of the number type of another value.
pub(super) fn cast_like(node: &Node) -> Result<Vec<Value>> {
    let (input, like) = (node.input(0)?, node.input(1)?);
    Ok(vec![Value { numbers: None, number_type: like.number_type, ..input.clone() }])
}

/// A number as a type holds it.
pub(super) fn rounded(number: f64, number_type: Option<DataType>) -> f64 {
    match number_type {
        Some(DataType::Float) => f64::from(number as f32),
        _ => number,
    }
}

/// An operator of any number of inputs that are broadcast.
pub(super) fn broadcast(node: &Node) -> Result<Vec<Value>> {
    let mut inputs = vec![];
    for slot in 0..node.inputs.len() {
        inputs.push(node.input(slot)?);
    }
    let op_type = node.proto.op_type.as_str();
    let mut shape = Some(vec![]);
    for input in &inputs {
        shape = match (shape, &input.shape) {
            (Some(shape), Some(other)) => match broadcast_shapes(&shape, other) {
                // An older way of broadcasting, with an attribute: to the shape of the first input.
                Err(_) if node.opset < 7 => Some(shape),
                shape => Some(shape?),
            },
            _ => None,
        };
    }
    if node.opset < 7 {
        return Ok(vec![Value::of(shape)]);
    }
    let decides = ["And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Or", "Xor"];
    let number_type = match op_type {
        _ if decides.contains(&op_type) => Some(DataType::Bool),
        "Where" => inputs.get(1).and_then(|input| input.number_type),
        _ => inputs.first().and_then(|input| input.number_type),
    };
    let Some(shape) = shape else { return Ok(vec![Value { number_type, ..Value::unknown() }]) };
    let numbers = combined(op_type, &inputs, &shape, number_type);
    Ok(vec![Value { number_type, ..Value::of_numbers(shape, numbers) }])
}

/// The shape that two shapes are broadcast to.
pub(super) fn broadcast_shapes(one: &[usize], other: &[usize]) -> Result<Vec<usize>> {
    let rank = one.len().max(other.len());
    let from_behind = |shape: &[usize], place: usize| {
        (place + shape.len()).checked_sub(rank).map_or(1, |index| shape[index])
    };
    let axes = (0..rank).map(|place| match (from_behind(one, place), from_behind(other, place)) {
        (a, b) if a == b || b == 1 => Some(a),
        (1, b) => Some(b),
        _ => None,
    });
    match axes.collect() {
        Some(shape) => Ok(shape),
        None => bail!(
            "its inputs have the shapes {one:?} and {other:?}, of which neither can be repeated to fit the other"
        ),
    }
}

/// The known numbers of several inputs, element by element, for the operators that shapes are computed with.
fn combined(
    op_type: &str,
    inputs: &[&Value],
    shape: &[usize],
    number_type: Option<DataType>,
) -> Option<Vec<f64>> {
    let is_whole = inputs.first()?.is_whole();
    let function = match op_type {
        "Where" => None,
        _ => Some(function_of_two(op_type, is_whole)?),
    };
    // Shape computations are of vectors and single numbers.
    let count = match shape {
        [] => 1,
        [count] => *count,
        _ => return None,
    };
    let number = |slot: usize, index: usize| {
        let numbers = inputs.get(slot)?.numbers.as_ref()?;
        if numbers.len() == 1 { numbers.first() } else { numbers.get(index) }.copied()
    };
    let element = |index: usize| {
        let value = match function {
            Some(function) => {
                let first = number(0, index)?;
                (1..inputs.len())
                    .try_fold(first, |sum, slot| function(sum, number(slot, index)?))?
            }
            None if number(0, index)? != 0.0 => number(1, index)?,
            None => number(2, index)?,
        };
        Some(rounded(value, number_type))
    };
    if count > 4096 {
        return None;
    }
    (0..count).map(element).collect()
}

type OfTwo = fn(f64, f64) -> Option<f64>;

fn function_of_two(op_type: &str, is_whole: bool) -> Option<OfTwo> {
    Some(match (op_type, is_whole) {
        ("Add" | "Sum", _) => |a, b| Some(a + b),
        ("Sub", _) => |a, b| Some(a - b),
        ("Mul", _) => |a, b| Some(a * b),
        ("Div", true) => |a, b| (b != 0.0).then(|| (a / b).trunc()),
        ("Div", false) => |a, b| Some(a / b),
        ("Mod", true) => |a, b| (b != 0.0).then(|| a - b * (a / b).floor()),
        ("Max", _) => |a, b| Some(a.max(b)),
        ("Min", _) => |a, b| Some(a.min(b)),
        ("Equal", _) => |a, b| Some(f64::from(a == b)),
        ("Greater", _) => |a, b| Some(f64::from(a > b)),
        ("GreaterOrEqual", _) => |a, b| Some(f64::from(a >= b)),
        ("Less", _) => |a, b| Some(f64::from(a < b)),
        ("LessOrEqual", _) => |a, b| Some(f64::from(a <= b)),
        ("And", _) => |a, b| Some(f64::from(a != 0.0 && b != 0.0)),
        ("Or", _) => |a, b| Some(f64::from(a != 0.0 || b != 0.0)),
        _ => return None,
    })
}

/// `PRelu`: the slope is broadcast, the input is not.
pub(super) fn parametric_relu(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    if let (Some(shape), Some(slope)) = (&input.shape, node.shape(1)?)
        && node.opset >= 9
    {
        let fits = broadcast_shapes(shape, slope).is_ok_and(|both| both == *shape);
        ensure!(fits, "its slope has the shape {slope:?}, which cannot be repeated to {shape:?}");
    }
    Ok(vec![Value { numbers: None, ..input.clone() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_broadcast_from_behind() {
        assert_eq!(broadcast_shapes(&[2, 1, 4], &[3, 1]).unwrap(), [2, 3, 4]);
        assert_eq!(broadcast_shapes(&[], &[3]).unwrap(), [3]);
        assert_eq!(broadcast_shapes(&[0], &[1]).unwrap(), [0]);
        let told = broadcast_shapes(&[2, 3], &[2]).unwrap_err().to_string();
        assert!(told.contains("[2, 3] and [2]"), "{told}");
    }
}
