//! Moves that a list decides: which elements are kept, or how many are turned round.

use anyhow::{Result, ensure};
use tract_onnx::pb::tensor_proto::DataType;

use super::moves::moved;
use super::node::{Given, Node, axes, axis, check_length};
use super::value::{Value, element_count};

/// `Compress`: the elements, along an axis or of all in a row, where a list is true.
pub(super) fn compress(node: &Node) -> Result<Vec<Value>> {
    let (input, list) = (node.input(0)?, node.input(1)?);
    if let Some(number_type) = list.number_type {
        ensure!(
            number_type == DataType::Bool,
            "its condition is of the type {}, but must be of truth values",
            number_type.as_str_name().to_lowercase()
        );
    }
    let asked = node.int("axis")?;
    let Some(shape) = &input.shape else { return Ok(vec![moved(input, None)]) };
    let place = asked.map(|asked| axis(asked, shape.len(), "axis")).transpose()?;
    let count = place.map_or(element_count(shape), |place| shape[place] as u128);
    if let Some(given) = &list.shape {
        ensure!(
            given.len() == 1 && given[0] as u128 <= count,
            "its condition has the shape {given:?}, but there are {count} elements to choose from"
        );
    }
    let Some(kept) = list.whole_numbers() else { return Ok(vec![moved(input, None)]) };
    let kept = kept.iter().filter(|&&kept| kept != 0).count();
    let mut result = if place.is_some() { shape.clone() } else { vec![kept] };
    if let Some(place) = place {
        result[place] = kept;
    }
    Ok(vec![moved(input, result)])
}

/// `CenterCropPad`.
pub(super) fn centre(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let (Given::Numbers(wanted), Some(shape)) = (node.numbers(1), &input.shape) else {
        node.input(1)?;
        return Ok(vec![moved(input, None)]);
    };
    ensure!(
        wanted.iter().all(|&length| length >= 0),
        "its shape {wanted:?}: no length may be negative"
    );
    let all: Vec<i64> = (0..shape.len() as i64).collect();
    let given = node.ints("axes")?.unwrap_or(&all);
    let places = axes(given, shape.len(), "axes")?;
    ensure!(places.len() == given.len(), "axes {given:?} names an axis twice");
    check_length(&wanted, places.len(), "its shape", "its list of axes")?;
    let mut result = shape.clone();
    for (&place, &length) in places.iter().zip(&wanted) {
        result[place] = usize::try_from(length)?;
    }
    Ok(vec![moved(input, result)])
}

/// `ReverseSequence`.
pub(super) fn reverse(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let (batch, time) = (node.int_from("batch_axis", 0, 1)?, node.int_from("time_axis", 0, 0)?);
    ensure!(
        batch != time && batch.max(time) == 1,
        "batch_axis is {batch} and time_axis {time}: one must be 0 and the other 1"
    );
    let lengths = node.numbers(1);
    node.input(1)?;
    if let Some(shape) = &input.shape {
        ensure!(shape.len() >= 2, "its input has the shape {shape:?}, but needs at least 2 axes");
        if let Given::Numbers(lengths) = lengths {
            check_length(&lengths, shape[batch], "sequence_lens", "its batch")?;
            let fits = |&length: &i64| usize::try_from(length).is_ok_and(|len| len <= shape[time]);
            ensure!(
                lengths.iter().all(fits),
                "sequence_lens {lengths:?}: its sequences have {} elements",
                shape[time]
            );
        }
    }
    Ok(vec![moved(input, input.shape.clone())])
}
