//! `LSTM`, `GRU` and `RNN`.

use anyhow::{Result, bail, ensure};

use super::node::Node;
use super::value::Value;

/// The most steps that are unrolled: each becomes some twenty layers.
const MOST_STEPS: usize = 20_000;

/// The most sequences side by side, each of which has a length of its own.
const MOST_SEQUENCES: usize = 1 << 20;

/// How many nodes the graph has of a node: 1, or those that the steps of a recurrent layer become at least.
pub(super) fn node_count(node: &Node) -> Result<u128> {
    let gates = match node.proto.op_type.as_str() {
        "LSTM" => 4,
        "GRU" => 3,
        "RNN" => 1,
        _ => return Ok(1),
    };
    let time = if node.int("layout")? == Some(1) { 1 } else { 0 };
    let steps = node.shape(0)?.and_then(|shape| shape.get(time).copied()).unwrap_or(1);
    let directions = if node.word("direction")? == Some("bidirectional") { 2 } else { 1 };
    // A gate is a slice, its activation, a product, and what it is added to.
    Ok((steps as u128).saturating_mul(directions * gates * 4))
}

/// `LSTM`.
pub(super) fn lstm(node: &Node) -> Result<Vec<Value>> {
    recurrent(node, 4)
}

/// `GRU`.
pub(super) fn gru(node: &Node) -> Result<Vec<Value>> {
    recurrent(node, 3)
}

/// `RNN`.
pub(super) fn rnn(node: &Node) -> Result<Vec<Value>> {
    recurrent(node, 1)
}

fn recurrent(node: &Node, gates: usize) -> Result<Vec<Value>> {
    let direction = node.choice("direction", &["forward", "reverse", "bidirectional"])?;
    let directions = if direction == "bidirectional" { 2 } else { 1 };
    let layout = node.int("layout")?.unwrap_or(0);
    ensure!([0, 1].contains(&layout), "layout is {layout}, but must be 0 or 1");
    node.check_finite("clip")?;
    let (Some(weight), Some(recurrence)) = (node.shape(1)?, node.shape(2)?) else {
        return Ok(vec![Value::unknown(); 3]);
    };
    let hidden = match node.int("hidden_size")? {
        Some(_) => node.int_from("hidden_size", 1, 1)?,
        None => recurrence.last().copied().unwrap_or(0),
    };
    let rows = hidden.saturating_mul(gates);
    ensure!(
        recurrence == [directions, rows, hidden],
        "its recurrence weight has the shape {recurrence:?}, but must have [{directions}, {rows}, {hidden}] \
         (hidden_size {hidden}, direction {direction})"
    );
    let &[of_directions, weight_rows, features] = weight else {
        bail!("its weight has the shape {weight:?}, but must have 3 axes")
    };
    ensure!(
        [of_directions, weight_rows] == [directions, rows],
        "its weight has the shape {weight:?}, but must have [{directions}, {rows}, ...] (hidden_size {hidden}, \
         direction {direction})"
    );
    if let Some(bias) = node.optional_shape(3) {
        ensure!(
            bias == [directions, 2 * rows],
            "its bias has the shape {bias:?}, but must have [{directions}, {}]",
            2 * rows
        );
    }
    let Some(input) = node.shape(0)? else { return Ok(vec![Value::unknown(); 3]) };
    let &[first, second, columns] = input else {
        bail!("its input has the shape {input:?}, but must have 3 axes")
    };
    ensure!(
        columns == features,
        "its input has the shape {input:?} with {columns} features, but its weight {weight:?} takes {features}"
    );
    let [steps, batch] = if layout == 0 { [first, second] } else { [second, first] };
    ensure!(
        steps <= MOST_STEPS,
        "its input {input:?} has {steps} steps, which are unrolled; more than {MOST_STEPS} are not"
    );
    ensure!(
        batch <= MOST_SEQUENCES,
        "its input {input:?} has {batch} sequences; more than {MOST_SEQUENCES} are too many"
    );
    let (all, last) = match layout {
        0 => (vec![steps, directions, batch, hidden], vec![directions, batch, hidden]),
        _ => (vec![batch, steps, directions, hidden], vec![batch, directions, hidden]),
    };
    Ok(vec![Value::of(all), Value::of(last.clone()), Value::of(last)])
}
