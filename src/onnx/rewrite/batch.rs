//! A batch that is frozen into the file, and an input that has no batch axis.
//!
//! A file that was exported for `B` pictures holds `B` in the shapes that its nodes reshape to, and a single picture
//! taken through it comes out cut in pieces. Two analyses of the shapes prove what to do: where every value that
//! depends on the picture has, for a batch of `B`, the shape that it has for one, with one axis `B` times as long, the
//! batch stays a batch on its way. In a reshape it must be the outermost part of either shape. Then
//! `Reshape(x, [B, ...])` of a batch is, for each picture, `Reshape(x, [1, ...])`.
//!
//! Where that fails, but the output does not have `B` rows either, the first axis is no batch: the whole is one
//! input, to which an axis of length one is added in front.

use std::borrow::Cow;
use std::collections::HashSet;

use anyhow::{Context, Result, bail};
use tract_onnx::model::Onnx;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, type_proto};

use super::graph::{constant, node, read_whole_numbers, reads, whole_numbers};
use super::shapes::{Shapes, known_value, shapes};
use crate::onnx::weights::declared;

/// What became of the first axis of an input of several rows.
#[derive(Debug, PartialEq)]
pub(crate) enum Settled {
    /// It is the batch, of which one picture is explained at a time; the nodes whose shapes were rewritten.
    OnePicture(Vec<String>),
    /// It is no batch: an axis was added in front of it.
    NoBatchAxis,
}

/// Takes the batch out of a graph whose input is declared with `whole`, the first axis longer than one.
///
/// # Errors
/// When the batch cannot be taken out.
pub(super) fn settle(
    model: &mut ModelProto,
    reader: &Onnx,
    input: &str,
    whole: &[usize],
) -> Result<Settled> {
    let batch = whole[0];
    let one: Vec<usize> = std::iter::once(1).chain(whole[1..].iter().copied()).collect();
    let Ok(of_all) = shapes(model, reader, (input, whole)) else {
        // Nothing can be proven of what cannot be analysed.
        return Ok(Settled::OnePicture(vec![]));
    };
    let mut rewritten = model.clone();
    store_shapes(&mut rewritten, reader, (input, whole))?;
    let graph = rewritten.graph.as_mut().context("the model has no graph")?;
    let held_by = holders(graph, batch as i64);
    let nodes = shorten(graph, batch as i64, &of_all);
    let of_one = shapes(&rewritten, reader, (input, &one));
    let graph = rewritten.graph.as_ref().context("the model has no graph")?;
    let obstacle = match &of_one {
        Ok(of_one) => obstacle(graph, input, batch, &of_all, of_one),
        Err(error) => Some(failing_node(error)),
    };
    let Some(obstacle) = obstacle else {
        *model = rewritten;
        return Ok(Settled::OnePicture(nodes));
    };
    let output = graph.output.first().and_then(|output| of_all.get(&output.name));
    if output.is_some_and(|shape| !shape.contains(&batch)) {
        let graph = model.graph.as_mut().context("the model has no graph")?;
        add_axis(graph, input, whole)?;
        return Ok(Settled::NoBatchAxis);
    }
    let nodes = if held_by.is_empty() { obstacle } else { held_by.join(", ") };
    bail!(
        "the file was exported for a batch of {batch} inputs, which is held by {nodes}; a single one \
         cannot be taken through it: export it with batch_size=1, or with the batch axis left open \
         (dynamic_axes={{\"{input}\": {{0: \"batch\"}}}})"
    )
}

/// The slot of the shape that a node makes of its input.
fn slot_of_shape(node: &NodeProto) -> Option<usize> {
    match node.op_type.as_str() {
        "ConstantOfShape" => Some(0),
        "Expand" | "Reshape" | "Tile" => Some(1),
        _ => None,
    }
}

/// The shape that a node makes of its input, where it is stored, and the slot that it is in.
fn stored_shape(graph: &GraphProto, node: &NodeProto) -> Option<(usize, Vec<i64>)> {
    let slot = slot_of_shape(node)?;
    let stored = constant(graph, node.input.get(slot)?)?;
    Some((slot, read_whole_numbers(stored)?))
}

/// Stores the shapes that nodes compute of constants, but not those that they compute of the input's shape.
fn store_shapes(
    model: &mut ModelProto,
    reader: &Onnx,
    (input, whole): (&str, &[usize]),
) -> Result<()> {
    let graph = model.graph.as_ref().context("the model has no graph")?;
    let mut depends: HashSet<&str> = HashSet::from([input]);
    let mut found = vec![];
    for (at, node) in graph.node.iter().enumerate() {
        if reads(node).iter().any(|name| depends.contains(name)) {
            depends.extend(node.output.iter().map(String::as_str));
        }
        let Some(slot) = slot_of_shape(node) else { continue };
        let Some(name) = node.input.get(slot).filter(|name| !depends.contains(name.as_str()))
        else {
            continue;
        };
        if constant(graph, name).is_some() {
            continue;
        }
        let known = known_value(model, reader, (name, DataType::Int64), (input, whole));
        let known = known.and_then(|known| known.cast_to::<i64>().ok().map(Cow::into_owned));
        if let Some(shape) =
            known.as_ref().and_then(|known| known.as_plain_ram()?.as_slice::<i64>().ok())
        {
            found.push((at, slot, whole_numbers(&format!("{}.shape", node.name), shape)));
        }
    }
    let graph = model.graph.as_mut().context("the model has no graph")?;
    for (at, slot, shape) in found {
        graph.node[at].input[slot].clone_from(&shape.name);
        graph.initializer.push(shape);
    }
    Ok(())
}

/// The node that tract's analysis stops at, as its error names it.
fn failing_node(error: &anyhow::Error) -> String {
    let told = format!("{error:#}");
    let name = told.split_once("node #").and_then(|(_, rest)| rest.split('"').nth(1));
    name.map_or("its shapes".to_string(), |name| format!("the node \"{name}\""))
}

/// The nodes whose stored shapes hold the batch.
fn holders(graph: &GraphProto, batch: i64) -> Vec<String> {
    let holds = |node: &&NodeProto| {
        stored_shape(graph, node).is_some_and(|(_, shape)| shape.contains(&batch))
    };
    graph.node.iter().filter(holds).map(in_words).collect()
}

fn in_words(node: &NodeProto) -> String {
    format!("{} \"{}\"", node.op_type, node.name)
}

/// Divides by the batch the first axis of every shape that is stored; returns the nodes that have it.
fn shorten(graph: &mut GraphProto, batch: i64, of_all: &Shapes) -> Vec<String> {
    let (mut nodes, mut stored) = (vec![], vec![]);
    for at in 0..graph.node.len() {
        let node = &graph.node[at];
        let Some((slot, mut shape)) = stored_shape(graph, node) else { continue };
        let is_batch = |length: i64| length > 0 && length % batch == 0;
        let rows = node.input.first().and_then(|input| of_all.get(input)?.first());
        let holds_batch = match node.op_type.as_str() {
            // A tile makes a batch of one row.
            "Tile" => rows.is_none_or(|&rows| rows == 1),
            "Reshape" => rows.is_some_and(|&rows| is_batch(rows as i64)),
            _ => true,
        };
        let Some(first) = shape.first_mut().filter(|first| holds_batch && is_batch(**first)) else {
            continue;
        };
        *first /= batch;
        let name = format!("{}.one_picture", node.name);
        stored.push(whole_numbers(&name, &shape));
        nodes.push(in_words(node));
        graph.node[at].input[slot] = name;
    }
    graph.initializer.extend(stored);
    nodes
}

/// The first node that a batch does not stay a batch in; `None` where there is none.
fn obstacle(
    graph: &GraphProto,
    input: &str,
    batch: usize,
    of_all: &Shapes,
    of_one: &Shapes,
) -> Option<String> {
    let mut depends: HashSet<&str> = HashSet::from([input]);
    for node in &graph.node {
        let reads_picture = reads(node).iter().any(|name| depends.contains(name));
        // A shape is the same for every picture.
        if !reads_picture || ["Shape", "Size"].contains(&node.op_type.as_str()) {
            continue;
        }
        depends.extend(node.output.iter().filter(|name| !name.is_empty()).map(String::as_str));
        let stays = node.output.iter().filter(|name| !name.is_empty()).all(|name| {
            let (Some(all), Some(one)) = (of_all.get(name), of_one.get(name)) else { return true };
            is_longer_by(batch, all, one)
        });
        if !stays || !keeps_batch_apart(node, batch, of_all, of_one) {
            return Some(in_words(node));
        }
    }
    let output = &graph.output.first()?.name;
    let is_first = match (of_all.get(output), of_one.get(output)) {
        (Some(all), Some(one)) => {
            all.first().copied() == one.first().and_then(|rows| rows.checked_mul(batch))
        }
        _ => true,
    };
    (!is_first).then(|| format!("the output \"{output}\""))
}

/// Whether a shape is another one with one axis so many times as long.
fn is_longer_by(batch: usize, all: &[usize], one: &[usize]) -> bool {
    let others = all.iter().zip(one).filter(|(all, one)| all != one);
    let others: Vec<_> = others.collect();
    all.len() == one.len()
        && matches!(others[..], [(all, one)] if Some(*all) == one.checked_mul(batch))
}

/// Whether a reshape leaves each picture's numbers together: the batch is outermost before and after.
fn keeps_batch_apart(node: &NodeProto, batch: usize, of_all: &Shapes, of_one: &Shapes) -> bool {
    if !["Flatten", "Reshape"].contains(&node.op_type.as_str()) {
        return true;
    }
    let outside = |name: Option<&String>| {
        let (all, one) = (of_all.get(name?)?, of_one.get(name?)?);
        let place =
            all.iter().zip(one).position(|(all, one)| Some(*all) == one.checked_mul(batch))?;
        Some(one[..place].iter().product::<usize>())
    };
    match (outside(node.input.first()), outside(node.output.first())) {
        (Some(before), Some(after)) => before == after,
        _ => true,
    }
}

/// Declares the input with an axis of length one in front, which a reshape takes away again.
///
/// # Errors
/// When there is no such input.
pub(in crate::onnx) fn add_axis(
    graph: &mut GraphProto,
    input: &str,
    whole: &[usize],
) -> Result<()> {
    let inner = format!("{input}.without_batch");
    for reader in &mut graph.node {
        reader
            .input
            .iter_mut()
            .filter(|name| *name == input)
            .for_each(|name| name.clone_from(&inner));
    }
    let shape = format!("{inner}.shape");
    let axes: Vec<i64> = whole.iter().map(|&axis| axis as i64).collect();
    graph.initializer.push(whole_numbers(&shape, &axes));
    graph.node.insert(0, node(&inner, "Reshape", &[input, &shape], &inner));
    let declared_input = graph.input.iter_mut().find(|declared| declared.name == input);
    let declared_input = declared_input.context("the input is gone")?;
    let value = declared_input.r#type.as_ref().and_then(|declared| declared.value.as_ref());
    let number_type = match value {
        Some(type_proto::Value::TensorType(tensor)) => tensor.elem_type,
        _ => DataType::Float as i32,
    };
    let shape: Vec<usize> = std::iter::once(1).chain(whole.iter().copied()).collect();
    *declared_input = declared(input, number_type, Some(&shape));
    Ok(())
}
