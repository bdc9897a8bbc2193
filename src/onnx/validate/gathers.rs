//! Operators that take elements by their index, or put them there.

use anyhow::{Result, bail, ensure};

use super::moves::moved;
use super::node::{Node, axis};
use super::value::Value;

/// Fails where an index is known and outside of its axis.
fn check_indices(indices: &Value, length: usize, axis: usize) -> Result<()> {
    let count = i64::try_from(length)?;
    let outside = indices.whole_numbers();
    let outside = outside.iter().flatten().find(|index| !(-count..count).contains(index));
    match outside {
        Some(index) => bail!(
            "it takes element {index} of axis {axis} of its input, which has {length} elements"
        ),
        None => Ok(()),
    }
}

/// `Gather`.
pub(super) fn gather(node: &Node) -> Result<Vec<Value>> {
    let (input, indices) = (node.input(0)?, node.input(1)?);
    let Some(shape) = &input.shape else { return Ok(vec![moved(input, None)]) };
    let axis = axis(node.int("axis")?.unwrap_or(0), shape.len(), "axis")?;
    check_indices(indices, shape[axis], axis)?;
    let Some(places) = &indices.shape else { return Ok(vec![moved(input, None)]) };
    let result = [&shape[..axis], places, &shape[axis + 1..]].concat();
    let numbers = match (&input.numbers, indices.whole_numbers(), shape.len()) {
        (Some(numbers), Some(indices), 1) => {
            let count = numbers.len() as i64;
            let place = |index: i64| if index < 0 { index + count } else { index };
            indices.iter().map(|&index| numbers.get(place(index) as usize).copied()).collect()
        }
        _ => None,
    };
    Ok(vec![Value { numbers, ..moved(input, result) }])
}

/// Fails where one of the known indices that choose on several axes, side by side, is outside of its axis.
fn check_tuples(indices: &Value, lengths: &[usize], first: usize) -> Result<()> {
    let known = indices.whole_numbers().unwrap_or_default();
    for (index, (axis, &length)) in known.iter().zip(lengths.iter().enumerate().cycle()) {
        let count = i64::try_from(length)?;
        ensure!(
            (-count..count).contains(index),
            "it takes element {index} of axis {} of its input, which has {length} elements",
            first + axis
        );
    }
    Ok(())
}

/// `GatherElements`.
pub(super) fn gather_elements(node: &Node) -> Result<Vec<Value>> {
    let (input, indices) = (node.input(0)?, node.input(1)?);
    if let (Some(shape), Some(places)) = (&input.shape, &indices.shape) {
        let axis = axis(node.int("axis")?.unwrap_or(0), shape.len(), "axis")?;
        check_places(shape, places, axis)?;
        check_indices(indices, shape[axis], axis)?;
    }
    Ok(vec![moved(input, indices.shape.clone())])
}

/// Fails where indices reach beyond the elements on another axis than that which they choose on.
fn check_places(shape: &[usize], places: &[usize], axis: usize) -> Result<()> {
    ensure!(
        shape.len() == places.len(),
        "its indices have the shape {places:?}, its input {shape:?}: they must have the same axes"
    );
    let mut axes = shape.iter().zip(places).enumerate();
    ensure!(
        axes.all(|(index, (length, count))| index == axis || count <= length),
        "its indices have the shape {places:?}, which is larger than its input {shape:?} beside axis {axis}"
    );
    Ok(())
}

/// `GatherND`.
pub(super) fn gather_nd(node: &Node) -> Result<Vec<Value>> {
    let (input, indices) = (node.input(0)?, node.input(1)?);
    let batch = node.int_from("batch_dims", 0, 0)?;
    let (Some(shape), Some(places)) = (&input.shape, &indices.shape) else {
        return Ok(vec![moved(input, None)]);
    };
    let Some((&depth, places)) = places.split_last() else { bail!("its indices have no axes") };
    ensure!(
        batch <= places.len() && batch + depth <= shape.len() && shape[..batch] == places[..batch],
        "its indices have the shape {:?}, which does not fit its input {shape:?} with batch_dims {batch}",
        indices.shape.as_deref().unwrap_or_default()
    );
    check_tuples(indices, &shape[batch..batch + depth], batch)?;
    Ok(vec![moved(input, [places, &shape[batch + depth..]].concat())])
}

/// `ScatterElements` and `Scatter`.
pub(super) fn scatter_elements(node: &Node) -> Result<Vec<Value>> {
    let (input, indices) = (node.input(0)?, node.input(1)?);
    if let (Some(shape), Some(places)) = (&input.shape, &indices.shape) {
        let axis = axis(node.int("axis")?.unwrap_or(0), shape.len(), "axis")?;
        check_places(shape, places, axis)?;
        check_indices(indices, shape[axis], axis)?;
        if let Some(updates) = node.shape(2)? {
            ensure!(
                updates == places,
                "its updates have the shape {updates:?}, but its indices {places:?}"
            );
        }
    }
    Ok(vec![moved(input, input.shape.clone())])
}

/// `ScatterND`.
pub(super) fn scatter_nd(node: &Node) -> Result<Vec<Value>> {
    let (input, indices) = (node.input(0)?, node.input(1)?);
    if let (Some(shape), Some(places)) = (&input.shape, &indices.shape) {
        let Some((&depth, places)) = places.split_last() else { bail!("its indices have no axes") };
        ensure!(
            depth <= shape.len(),
            "its indices choose on {depth} axes, but its input has the shape {shape:?}"
        );
        check_tuples(indices, &shape[..depth], 0)?;
        let expected = [places, &shape[depth..]].concat();
        if let Some(updates) = node.shape(2)? {
            ensure!(
                updates == expected,
                "its updates have the shape {updates:?}, but must have {expected:?}"
            );
        }
    }
    Ok(vec![moved(input, input.shape.clone())])
}
