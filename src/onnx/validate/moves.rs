//! Operators that reorder, cut and repeat elements.

use anyhow::{Result, bail, ensure};

use super::elementwise::broadcast_shapes;
use super::node::{Given, Node, axes, axis};
use super::value::{Value, element_count};

/// A value of another shape whose elements stay in order.
fn reshaped(input: &Value, shape: Option<Vec<usize>>) -> Value {
    Value { shape, ..input.clone() }
}

/// A value of another shape of whose numbers nothing is known.
pub(super) fn moved(input: &Value, shape: impl Into<Option<Vec<usize>>>) -> Value {
    Value { shape: shape.into(), numbers: None, least_elements: 0, ..input.clone() }
}

/// `Transpose`.
pub(super) fn transpose(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let order = node.ints("perm")?;
    if let Some(order) = order {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        let is_permutation = sorted.iter().enumerate().all(|(index, &axis)| axis == index as i64);
        ensure!(is_permutation, "perm {order:?} does not name each of {} axes once", order.len());
    }
    let Some(shape) = &input.shape else { return Ok(vec![moved(input, None)]) };
    let result = match order {
        None => shape.iter().rev().copied().collect(),
        Some(order) => {
            ensure!(
                order.len() == shape.len(),
                "perm {order:?} names {} axes, but its input has the shape {shape:?}",
                order.len()
            );
            order.iter().map(|&axis| shape[axis as usize]).collect::<Vec<usize>>()
        }
    };
    Ok(vec![if shape.len() < 2 { reshaped(input, Some(result)) } else { moved(input, result) }])
}

/// `Reshape`.
pub(super) fn reshape(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let Given::Numbers(asked) = node.given("shape", 1)? else {
        node.input(1)?;
        return Ok(vec![reshaped(input, None)]);
    };
    ensure!(
        asked.iter().all(|&length| length >= -1),
        "its shape {asked:?} holds a length below -1"
    );
    let open = asked.iter().filter(|&&length| length == -1).count();
    ensure!(
        open <= 1,
        "its shape {asked:?} leaves {open} lengths open (-1), but only one can follow from the others"
    );
    let copies = !node.flag("allowzero", false)?;
    let Some(shape) = &input.shape else {
        let known = asked.iter().map(|&length| usize::try_from(length).ok().filter(|&l| l > 0));
        return Ok(vec![reshaped(input, known.collect())]);
    };
    let mut result = vec![];
    for (index, &length) in asked.iter().enumerate() {
        result.push(match (length, shape.get(index)) {
            (-1, _) => 1,
            (0, Some(&kept)) if copies => kept,
            (0, None) if copies => bail!(
                "its shape {asked:?} keeps axis {index} (0), but its input has the shape {shape:?}"
            ),
            (length, _) => usize::try_from(length)?,
        });
    }
    let (count, rest) = (element_count(shape), element_count(&result));
    if let Some(place) = asked.iter().position(|&length| length == -1) {
        let fits = if rest == 0 { count == 0 } else { count % rest == 0 };
        ensure!(
            fits,
            "its input {shape:?} has {count} elements, which the shape {asked:?} does not divide"
        );
        result[place] = usize::try_from(count.checked_div(rest).unwrap_or(0))?;
    } else {
        ensure!(
            count == rest,
            "its input {shape:?} has {count} elements, but the shape {asked:?} has {rest}"
        );
    }
    Ok(vec![reshaped(input, Some(result))])
}

/// `Flatten`: into a matrix.
pub(super) fn flatten(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let Some(shape) = &input.shape else { return Ok(vec![reshaped(input, None)]) };
    let given = node.int("axis")?.unwrap_or(1);
    let rank = shape.len() as i64;
    ensure!(
        (-rank..=rank).contains(&given),
        "axis is {given}, but its input has {rank} axes: from {} to {rank}",
        -rank
    );
    let place = if given < 0 { given + rank } else { given } as usize;
    let lengths =
        [&shape[..place], &shape[place..]].map(|axes| usize::try_from(element_count(axes)));
    let [rows, columns] = lengths;
    Ok(vec![reshaped(input, Some(vec![rows?, columns?]))])
}

/// `Squeeze`.
pub(super) fn squeeze(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let Some(shape) = &input.shape else { return Ok(vec![reshaped(input, None)]) };
    let gone = match node.given("axes", 1)? {
        Given::Unknown => return Ok(vec![reshaped(input, None)]),
        Given::Absent => (0..shape.len()).filter(|&axis| shape[axis] == 1).collect(),
        Given::Numbers(given) => axes(&given, shape.len(), "axes")?,
    };
    for &axis in &gone {
        ensure!(
            shape[axis] == 1,
            "it takes away axis {axis} of its input {shape:?}, which has {} elements, not one",
            shape[axis]
        );
    }
    let kept = shape.iter().enumerate().filter(|(index, _)| !gone.contains(index));
    Ok(vec![reshaped(input, Some(kept.map(|(_, &length)| length).collect()))])
}

/// `Unsqueeze`.
pub(super) fn unsqueeze(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let given = node.given("axes", 1)?;
    ensure!(given != Given::Absent, "its axes are missing");
    let (Some(shape), Given::Numbers(given)) = (&input.shape, given) else {
        return Ok(vec![reshaped(input, None)]);
    };
    let rank = shape.len() + given.len();
    let added = axes(&given, rank, "axes")?;
    ensure!(added.len() == given.len(), "axes {given:?} names an axis twice");
    let mut rest = shape.iter().copied();
    let axis = |index: usize| if added.contains(&index) { Some(1) } else { rest.next() };
    let result: Option<Vec<usize>> = (0..rank).map(axis).collect();
    Ok(vec![reshaped(input, result)])
}

/// `Expand`.
pub(super) fn expand(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    node.input(1)?;
    let Given::Numbers(asked) = node.numbers(1) else { return Ok(vec![moved(input, None)]) };
    let Some(shape) = &input.shape else { return Ok(vec![input.clone().at_least(asked)]) };
    let asked: Option<Vec<usize>> =
        asked.iter().map(|&length| usize::try_from(length).ok()).collect();
    // What a negative length means differs from one program to the next.
    let Some(asked) = asked else { return Ok(vec![moved(input, None)]) };
    let result = broadcast_shapes(shape, &asked)?;
    Ok(vec![filled(input, result)])
}

/// A value that repeats another one, whose number is known where there is only one.
fn filled(input: &Value, shape: Vec<usize>) -> Value {
    let count = element_count(&shape);
    let numbers = match input.numbers.as_deref() {
        Some([number]) if count <= 4096 => Some(vec![*number; count as usize]),
        _ => None,
    };
    Value { numbers, ..moved(input, shape) }
}

/// `Tile`.
pub(super) fn tile(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    node.input(1)?;
    let Given::Numbers(repeats) = node.numbers(1) else { return Ok(vec![moved(input, None)]) };
    if node.opset < 6 {
        return Ok(vec![moved(input, None)]);
    }
    let Some(shape) = &input.shape else { return Ok(vec![input.clone().at_least(repeats)]) };
    ensure!(
        repeats.len() == shape.len(),
        "it is repeated {repeats:?} times, but its input has the shape {shape:?}"
    );
    ensure!(
        repeats.iter().all(|&times| times >= 0),
        "it is repeated {repeats:?} times: none may be negative"
    );
    let lengths =
        shape.iter().zip(&repeats).map(|(&length, &times)| length.checked_mul(times as usize));
    match lengths.collect::<Option<Vec<usize>>>() {
        Some(result) => Ok(vec![filled(input, result)]),
        None => {
            bail!("it is repeated {repeats:?} times, which gives more elements than can be counted")
        }
    }
}

/// `Concat`.
pub(super) fn concat(node: &Node) -> Result<Vec<Value>> {
    let mut inputs = vec![];
    for slot in 0..node.inputs.len() {
        inputs.push(node.input(slot)?);
    }
    let Some(first) = inputs.first() else { bail!("it has no inputs") };
    let Some(given) = node.int("axis")? else { bail!("its attribute axis is missing") };
    let shapes: Option<Vec<&Vec<usize>>> =
        inputs.iter().map(|input| input.shape.as_ref()).collect();
    // Empty inputs of another shape are left out by some programs.
    let shapes = shapes.filter(|shapes| shapes.iter().all(|shape| !shape.contains(&0)));
    let Some(shapes) = shapes else { return Ok(vec![moved(first, None)]) };
    let axis = axis(given, shapes[0].len(), "axis")?;
    let mut result = shapes[0].clone();
    for shape in &shapes[1..] {
        let fits = shape.len() == result.len()
            && shape.iter().zip(&result).enumerate().all(|(index, (a, b))| index == axis || a == b);
        ensure!(
            fits,
            "its inputs have the shapes {:?} and {shape:?}, which differ beside axis {axis}",
            shapes[0]
        );
        let Some(length) = result[axis].checked_add(shape[axis]) else {
            bail!("its output has no end")
        };
        result[axis] = length;
    }
    let numbers: Option<Vec<&Vec<f64>>> =
        inputs.iter().map(|input| input.numbers.as_ref()).collect();
    let numbers = numbers
        .filter(|_| result.len() == 1)
        .map(|lists| lists.into_iter().flatten().copied().collect());
    let value = Value::of_numbers(result, numbers);
    Ok(vec![Value { number_type: first.number_type, ..value }])
}

/// `Split`.
pub(super) fn split(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let count = node.output_count();
    let given = node.given("split", 1)?;
    let (Some(shape), false) = (&input.shape, given == Given::Unknown) else {
        return Ok(vec![moved(input, None); count]);
    };
    let axis = axis(node.int("axis")?.unwrap_or(0), shape.len(), "axis")?;
    let length = shape[axis];
    let parts: Vec<usize> = match given {
        Given::Numbers(parts) => {
            let sum: i128 = parts.iter().map(|&part| i128::from(part)).sum();
            let fits = sum == length as i128 && parts.iter().all(|&part| part >= 0);
            ensure!(
                fits,
                "split {parts:?} does not add up to the {length} elements of axis {axis} of its input"
            );
            ensure!(
                parts.len() == count,
                "split {parts:?} gives {} parts, but it has {count} outputs",
                parts.len()
            );
            parts.iter().map(|&part| part as usize).collect()
        }
        _ => {
            let asked = node.int_from("num_outputs", 1, count as i64)?;
            ensure!(asked == count, "num_outputs is {asked}, but it has {count} outputs");
            let part = length.div_ceil(count);
            let is_even = length % count == 0;
            ensure!(
                is_even || node.opset >= 18,
                "its input has {length} elements on axis {axis}, which {count} outputs cannot share evenly"
            );
            (0..count).map(|index| part.min(length.saturating_sub(index * part))).collect()
        }
    };
    let mut start = 0;
    let part = |length: usize| {
        let mut result = shape.clone();
        result[axis] = length;
        let numbers = input.numbers.as_ref().filter(|_| shape.len() == 1);
        let numbers =
            numbers.and_then(|numbers| numbers.get(start..start + length).map(<[f64]>::to_vec));
        start += length;
        Value { numbers, ..moved(input, result) }
    };
    Ok(parts.into_iter().map(part).collect())
}

/// `Pad`.
pub(super) fn pad(node: &Node) -> Result<Vec<Value>> {
    let input = node.input(0)?;
    let mode = node.choice("mode", &["constant", "reflect", "edge", "wrap"])?;
    let given = node.given("pads", 1)?;
    ensure!(given != Given::Absent || node.opset < 2, "its pads are missing");
    let Given::Numbers(pads) = given else { return Ok(vec![moved(input, None)]) };
    let Some(shape) = &input.shape else {
        let (begin, end) = pads.split_at(pads.len() / 2);
        let added = begin.iter().zip(end).map(|(begin, end)| begin.saturating_add(*end));
        return Ok(vec![input.clone().at_least(added)]);
    };
    let padded = match node.numbers(3) {
        Given::Unknown => return Ok(vec![moved(input, None)]),
        Given::Absent => (0..shape.len()).collect(),
        Given::Numbers(given) => axes(&given, shape.len(), "axes")?,
    };
    ensure!(
        pads.len() == 2 * padded.len(),
        "pads {pads:?} has {} numbers, but {} axes need {}",
        pads.len(),
        padded.len(),
        2 * padded.len()
    );
    let mut result = shape.clone();
    for (index, &axis) in padded.iter().enumerate() {
        let sides = [pads[index], pads[padded.len() + index]].map(i128::from);
        let length = shape[axis] as i128 + sides[0] + sides[1];
        let Ok(length) = usize::try_from(length) else {
            bail!(
                "pads {pads:?} make {length} of the {} elements of axis {axis} of its input",
                shape[axis]
            )
        };
        ensure!(
            mode != "reflect" || sides.iter().all(|&side| side <= 0 || side < shape[axis] as i128),
            "pads {pads:?} reflect more than the {} elements of axis {axis} of its input have beside their edge",
            shape[axis]
        );
        result[axis] = length;
    }
    Ok(vec![moved(input, result)])
}

/// `DepthToSpace`.
pub(super) fn depth_to_space(node: &Node) -> Result<Vec<Value>> {
    let size = block_size(node)?;
    node.choice("mode", &["DCR", "CRD"])?;
    let input = node.input(0)?;
    let Some(shape) = &input.shape else { return Ok(vec![moved(input, None)]) };
    let [batch, channels, height, width] = shape[..] else {
        bail!("its input has the shape {shape:?}, but must have 4 axes")
    };
    let square = size.saturating_mul(size);
    ensure!(
        channels % square == 0,
        "blocksize is {size}, whose square does not divide the {channels} channels of its input"
    );
    let shape =
        vec![batch, channels / square, height.saturating_mul(size), width.saturating_mul(size)];
    Ok(vec![moved(input, shape)])
}

/// `SpaceToDepth`.
pub(super) fn space_to_depth(node: &Node) -> Result<Vec<Value>> {
    let size = block_size(node)?;
    let input = node.input(0)?;
    let Some(shape) = &input.shape else { return Ok(vec![moved(input, None)]) };
    let [batch, channels, height, width] = shape[..] else {
        bail!("its input has the shape {shape:?}, but must have 4 axes")
    };
    ensure!(
        height % size == 0 && width % size == 0,
        "blocksize is {size}, which does not divide the {height} x {width} positions of its input"
    );
    let shape = vec![
        batch,
        channels.saturating_mul(size).saturating_mul(size),
        height / size,
        width / size,
    ];
    Ok(vec![moved(input, shape)])
}

fn block_size(node: &Node) -> Result<usize> {
    ensure!(node.int("blocksize")?.is_some(), "its attribute blocksize is missing");
    node.int_from("blocksize", 1, 1)
}
