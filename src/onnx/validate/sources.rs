//! Operators that make numbers of nothing but a shape: constants, ranges, shapes themselves.

use anyhow::{Result, bail, ensure};
use tract_onnx::pb::tensor_proto::DataType;

use super::data::number_type;
use super::node::{Given, Node, axis, check_axis_of_unknown};
use super::value::{Value, element_count};

/// `Constant`.
pub(super) fn constant(node: &Node) -> Result<Vec<Value>> {
    let names = node.proto.attribute.iter().map(|attribute| attribute.name.as_str());
    let values: Vec<&str> = names.filter(|name| VALUES.contains(name)).collect();
    match &values[..] {
        [] => bail!("it has no value"),
        ["sparse_value"] => {
            bail!("its value is a sparse tensor, which is not read: store it whole")
        }
        [_] => {}
        several => bail!("it has several values, which are {}", several.join(" and ")),
    }
    let tensor = node.proto.attribute.iter().find(|attribute| attribute.name == "value");
    let tensor = tensor.and_then(|attribute| attribute.t.as_ref());
    let whole = |numbers: &[i64]| numbers.iter().map(|&number| number as f64).collect();
    let real = |numbers: &[f32]| numbers.iter().map(|&number| number.into()).collect();
    let vector = |numbers: Vec<f64>, number_type| {
        Value::of_numbers(vec![numbers.len()], Some(numbers)).typed(number_type)
    };
    let scalar =
        |number: f64, number_type| Value::of_numbers(vec![], Some(vec![number])).typed(number_type);
    Ok(vec![if let Some(tensor) = tensor {
        Value::stored(tensor)
    } else if let Some(number) = node.int("value_int")? {
        scalar(number as f64, DataType::Int64)
    } else if let Some(numbers) = node.ints("value_ints")? {
        vector(whole(numbers), DataType::Int64)
    } else if let Some(number) = node.float("value_float")? {
        scalar(number.into(), DataType::Float)
    } else if let Some(numbers) = node.floats("value_floats")? {
        vector(real(numbers), DataType::Float)
    } else {
        Value::unknown()
    }])
}

/// The attributes of a `Constant`, of which it has one.
const VALUES: [&str; 8] = [
    "value",
    "sparse_value",
    "value_float",
    "value_floats",
    "value_int",
    "value_ints",
    "value_string",
    "value_strings",
];

/// `Shape`.
pub(super) fn shape(node: &Node) -> Result<Vec<Value>> {
    let Some(shape) = node.shape(0)? else {
        return Ok(vec![Value::unknown().typed(DataType::Int64)]);
    };
    let rank = shape.len() as i64;
    let place = |given: i64| {
        (if given < 0 { given.saturating_add(rank) } else { given }).clamp(0, rank) as usize
    };
    let start = place(node.int("start")?.unwrap_or(0));
    let end = place(node.int("end")?.unwrap_or(rank));
    let part: Vec<f64> =
        shape.get(start..end).unwrap_or_default().iter().map(|&length| length as f64).collect();
    Ok(vec![
        Value { is_constant: true, ..Value::of_numbers(vec![part.len()], Some(part)) }
            .typed(DataType::Int64),
    ])
}

/// `Size`.
pub(super) fn size(node: &Node) -> Result<Vec<Value>> {
    let count = node.shape(0)?.map(|shape| shape.iter().map(|&length| length as f64).product());
    let numbers = count.map(|count: f64| vec![count]);
    Ok(vec![
        Value { is_constant: numbers.is_some(), ..Value::of_numbers(vec![], numbers) }
            .typed(DataType::Int64),
    ])
}

/// A shape that a node gets as numbers, none of them negative.
fn asked_shape(given: &[i64]) -> Result<Vec<usize>> {
    ensure!(
        given.iter().all(|&length| length >= 0),
        "its shape {given:?}: no length may be negative"
    );
    Ok(given.iter().map(|&length| length as usize).collect())
}

/// `ConstantOfShape`.
pub(super) fn constant_of_shape(node: &Node) -> Result<Vec<Value>> {
    node.input(0)?;
    let fill =
        node.proto.attribute.iter().find_map(|attribute| attribute.t.as_ref()).map(Value::stored);
    if let Some(shape) = fill.as_ref().and_then(|fill| fill.shape.as_ref()) {
        ensure!(
            element_count(shape) == 1,
            "its value has the shape {shape:?}, but must be one number"
        );
    }
    let number_type = fill.as_ref().and_then(|fill| fill.number_type).unwrap_or(DataType::Float);
    let Given::Numbers(given) = node.numbers(0) else {
        return Ok(vec![Value::unknown().typed(number_type)]);
    };
    let shape = asked_shape(&given)?;
    let number = match &fill {
        Some(fill) => fill.numbers.as_ref().and_then(|numbers| numbers.first().copied()),
        None => Some(0.0),
    };
    let numbers = match (number, shape.as_slice()) {
        (Some(number), []) => Some(vec![number]),
        (Some(number), &[count]) if count <= 4096 => Some(vec![number; count]),
        _ => None,
    };
    Ok(vec![Value::of_numbers(shape, numbers).typed(number_type)])
}

/// `RandomNormal` and `RandomUniform`: of the shape that is their attribute.
pub(super) fn random(node: &Node) -> Result<Vec<Value>> {
    let Some(given) = node.ints("shape")? else { bail!("its attribute shape is missing") };
    Ok(vec![Value::of(asked_shape(given)?)])
}

/// `EyeLike`: of the shape of its input, and nothing else of it.
pub(super) fn eye_like(node: &Node) -> Result<Vec<Value>> {
    node.int("dtype")?.map_or(Ok(()), |dtype| number_type("dtype", dtype).map(drop))?;
    let value = Value::of(node.shape(0)?.map(<[usize]>::to_vec));
    Ok(vec![Value { is_constant: true, ..value }])
}

/// `Range`.
pub(super) fn range(node: &Node) -> Result<Vec<Value>> {
    let number_type = node.input(0)?.number_type;
    let mut ends = vec![];
    for slot in 0..3 {
        ends.push(node.input(slot)?.numbers.as_ref().and_then(|numbers| numbers.first().copied()));
    }
    if ends[2] == Some(0.0) {
        bail!("its delta is 0");
    }
    let [Some(start), Some(limit), Some(delta)] = ends[..] else {
        return Ok(vec![Value { number_type, ..Value::unknown() }]);
    };
    let count = ((limit - start) / delta).ceil().max(0.0);
    ensure!(count.is_finite(), "it goes from {start} to {limit} by {delta}, which has no end");
    let numbers = (count <= 4096.0)
        .then(|| (0..count as usize).map(|index| start + delta * index as f64).collect());
    // A conversion of a number that is too large gives the largest.
    Ok(vec![Value { number_type, ..Value::of_numbers(vec![count as usize], numbers) }])
}

/// `OneHot`.
pub(super) fn one_hot(node: &Node) -> Result<Vec<Value>> {
    let number_type = node.input(2)?.number_type;
    // tract keeps 32 bits of an index.
    let known = node.input(0)?.whole_numbers().unwrap_or_default();
    if let Some(far) = known.iter().find(|&&index| i32::try_from(index).is_err()) {
        bail!("its index {far} is far outside of its classes");
    }
    let unknown = Value { number_type, ..Value::unknown() };
    let Some(depth) = node.input(1)?.whole_numbers() else { return Ok(vec![unknown]) };
    let depth = depth.first().copied().unwrap_or_default();
    ensure!(depth >= 1, "its depth is {depth}, but must be at least 1");
    let given = node.int("axis")?.unwrap_or(-1);
    let Some(indices) = node.shape(0)? else {
        check_axis_of_unknown(given, 1)?;
        return Ok(vec![unknown.at_least([depth])]);
    };
    let place = axis(given, indices.len() + 1, "axis")?;
    let mut shape = indices.to_vec();
    shape.insert(place, depth as usize);
    Ok(vec![Value { shape: Some(shape), ..unknown }])
}

/// `NonZero`: the places of some elements, for which tract takes as much memory as for those of all.
pub(super) fn non_zero(node: &Node) -> Result<Vec<Value>> {
    let places = Value::unknown().typed(DataType::Int64);
    let Some(shape) = node.shape(0)? else { return Ok(vec![places]) };
    let lengths = [&[shape.len()], shape].concat();
    Ok(vec![places.at_least(lengths.into_iter().map(|length| length as i64))])
}

/// Windows of signal processing: of so many numbers.
pub(super) fn window(node: &Node) -> Result<Vec<Value>> {
    let Given::Numbers(given) = node.numbers(0) else { return Ok(vec![Value::unknown()]) };
    Ok(vec![Value::of(asked_shape(&given)?)])
}

/// Of whose outputs nothing is known.
pub(super) fn unknown(node: &Node) -> Result<Vec<Value>> {
    Ok(vec![Value::unknown(); node.output_count()])
}
