//! Operators that put the elements of windows back to their places, or read windows whose places are computed.

use anyhow::{Result, bail, ensure};

use super::node::{Given, Node, check_length};
use super::value::{Value, element_count};
use super::windows::{Windows, kernel, to_length};

/// `DeformConv`: the offsets are input 2.
pub(super) fn deformable_convolution(node: &Node) -> Result<Vec<Value>> {
    let (group, parts) = (node.int_from("group", 1, 1)?, node.int_from("offset_group", 1, 1)?);
    let (input, weight, offsets) = (node.shape(0)?, node.shape(1)?, node.shape(2)?);
    let Some(lengths) = kernel(node, weight.and_then(|weight| weight.get(2..)))? else {
        return Ok(vec![Value::unknown()]);
    };
    let windows = Windows::of(node, &lengths)?;
    let (Some(input), Some(weight)) = (input, weight) else { return Ok(vec![Value::unknown()]) };
    ensure!(
        input.len() >= 3 && input.len() == weight.len(),
        "its input has the shape {input:?}, its weight {weight:?}: they must have the same axes, at least 3"
    );
    ensure!(
        weight[0] % group == 0
            && weight[1].checked_mul(group) == Some(input[1])
            && input[1] % parts == 0,
        "its input {input:?} and its weight {weight:?} do not fit group {group} and offset_group {parts}"
    );
    let Some(counts) = windows.counts(&input[2..])? else { return Ok(vec![Value::unknown()]) };
    if let Some(offsets) = offsets {
        let taps = element_count(&lengths) * parts as u128 * counts.len() as u128;
        ensure!(
            offsets.len() == input.len()
                && offsets[0] == input[0]
                && offsets[1] as u128 == taps
                && offsets[2..] == counts,
            "its offsets have the shape {offsets:?}, but must have {taps} channels of {counts:?}"
        );
    }
    Ok(vec![Value::of([&[input[0], weight[0]], &counts[..]].concat())])
}

/// Lengths that an input gives, each at least 1.
fn lengths(node: &Node, slot: usize, what: &str) -> Result<Option<Vec<usize>>> {
    node.input(slot)?;
    let Given::Numbers(given) = node.numbers(slot) else { return Ok(None) };
    ensure!(given.iter().all(|&length| length >= 1), "{what} {given:?}: each must be at least 1");
    Ok(Some(given.iter().map(|&length| usize::try_from(length)).collect::<Result<_, _>>()?))
}

/// `Col2Im`: windows `[N, C · elements, windows]`, added up in a picture.
pub(super) fn picture_of_windows(node: &Node) -> Result<Vec<Value>> {
    let (picture, block) = (lengths(node, 1, "image_shape")?, lengths(node, 2, "block_shape")?);
    let (Some(picture), Some(block)) = (picture, block) else { return Ok(vec![Value::unknown()]) };
    let counts = Windows::of(node, &block)?.counts(&picture)?;
    let Some(input) = node.shape(0)? else { return Ok(vec![Value::unknown()]) };
    let &[length, rows, columns] = input else {
        bail!("its input has the shape {input:?}, but needs 3 axes");
    };
    let taps = element_count(&block);
    ensure!(
        (rows as u128).is_multiple_of(taps)
            && counts.is_none_or(|counts| element_count(&counts) == columns as u128),
        "its input {input:?} does not hold windows of {block:?} of a picture of {picture:?}"
    );
    let channels = usize::try_from(rows as u128 / taps)?;
    Ok(vec![Value::of([&[length, channels], &picture[..]].concat())])
}

/// `MaxUnpool`.
pub(super) fn unpool(node: &Node) -> Result<Vec<Value>> {
    let Some(kernel) = kernel(node, None)? else { bail!("its attribute kernel_shape is missing") };
    let windows = Windows::of(node, &kernel)?;
    let asked = match node.optional(2) {
        Some(_) => lengths(node, 2, "output_shape")?,
        None => None,
    };
    let (Some(input), Some(places)) = (node.shape(0)?, node.shape(1)?) else {
        return Ok(vec![Value::unknown()]);
    };
    ensure!(
        input.len() == kernel.len() + 2 && input == places,
        "its input has the shape {input:?}, its places {places:?}, for a kernel of {kernel:?}"
    );
    if let Some(asked) = asked {
        check_length(&asked, input.len(), "output_shape", "its input")?;
        return Ok(vec![Value::of(asked)]);
    }
    if node.optional(2).is_some() {
        return Ok(vec![Value::unknown()]);
    }
    let mut shape = input[..2].to_vec();
    for (axis, &length) in input[2..].iter().enumerate() {
        let pads = windows.pads.as_ref().map_or(0, |pads| pads[axis].iter().sum());
        let whole = (length as i128 - 1) * windows.strides[axis] + kernel[axis] as i128 - pads;
        shape.push(to_length(whole)?);
    }
    Ok(vec![Value::of(shape)])
}
