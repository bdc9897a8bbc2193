//! Every node of a file, looked at once before tract sees it.
//!
//! A file may ask for anything: a kernel of no rows, an order of axes that names one twice, a map of 400 000 x 400 000
//! positions. So attributes must be in their ranges, shapes must fit each other, and what a node makes must fit into
//! memory, as far as that follows from the file and the shape of its input; an error names the node. A walk through the
//! graph follows what is known of every value: its shape, and the numbers of shapes that are computed.
//!
//! What does not follow stays unknown and is not refused. [`table`] has the rule of every operator, a line each.

mod attention;
mod data;
mod elementwise;
mod gathers;
mod learned;
mod lists;
mod memory;
mod moves;
mod node;
mod normalizations;
pub(super) mod order;
mod products;
mod quantized;
mod recurrent;
mod reductions;
mod resize;
mod sampling;
mod scattered;
mod signals;
mod slices;
mod sources;
mod table;
#[cfg(test)]
mod tests;
mod value;
mod versions;
mod windows;

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Error, Result, anyhow, ensure};
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

pub(super) use self::data::check_data;
pub use self::memory::MemoryLimit;
use self::node::Node;
pub(super) use self::order::order;
pub(super) use self::table::is_checked;
use self::value::Value;
pub(super) use self::value::element_count;
use crate::onnx::rewrite::inner_graphs;

/// What a node takes in memory beside its values, at least: its name, its place in several graphs, its rule.
const NODE_BYTES: u128 = 4 << 10;

/// The model's input.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub name: &'a str,
    pub shape: &'a [usize],
    /// Whether the file leaves its size open.
    pub is_open: bool,
}

/// Of which values the memory is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    /// Of one element of the input: its shape is that of a whole batch, which is never computed.
    OneElement,
    /// Of all.
    All,
}

/// Checks a graph of the given version of the operators.
///
/// # Errors
/// Names the first node that is not valid or makes more than fits into memory, and says what is wrong with it.
pub(super) fn validate(
    graph: &GraphProto,
    opset: i64,
    input: Input,
    (limit, checked): (MemoryLimit, Checked),
) -> Result<()> {
    Walk::new(opset, (limit, checked), input).graph(graph, true)
}

/// The walk through a graph and those inside it.
struct Walk<'a> {
    opset: i64,
    limit: MemoryLimit,
    checked: Checked,
    /// The bytes of all values so far that do not depend on the input: they are computed at once, and kept.
    constants: u128,
    /// The nodes so far, those of unrolled layers included.
    nodes: u128,
    input: Input<'a>,
    /// The names of values that inner graphs may read.
    outer: HashSet<String>,
}

impl<'a> Walk<'a> {
    fn new(opset: i64, (limit, checked): (MemoryLimit, Checked), input: Input<'a>) -> Walk<'a> {
        Walk { opset, limit, checked, constants: 0, nodes: 0, input, outer: HashSet::new() }
    }

    fn graph(&mut self, graph: &GraphProto, is_whole: bool) -> Result<()> {
        let mut values = HashMap::new();
        for tensor in &graph.initializer {
            check_stored(tensor)?;
            values.insert(tensor.name.as_str(), Value::stored(tensor));
        }
        for input in &graph.input {
            let number_type = Value::declared_type(input);
            let is_picture = is_whole && input.name == self.input.name;
            let shape = is_picture.then(|| self.input.shape.to_vec());
            let value = Value { number_type, ..Value::of(shape) };
            if is_picture {
                self.check_input(&value)?;
            }
            values.entry(input.name.as_str()).or_insert(value);
        }
        let order = order::order(graph, &self.outer)?;
        for place in order {
            let node = &graph.node[place];
            let read =
                node.input.iter().map(|name| (!name.is_empty()).then(|| known(&values, name)));
            let read: Vec<Option<Value>> = read.collect();
            self.inner_graphs(node, &values)?;
            let outputs =
                self.outputs(node, &read).map_err(|error| self.at(node, error, is_whole))?;
            self.count(node, &read)
                .and_then(|()| self.check_memory(&read, &outputs))
                .with_context(|| format!("{} asks for too much memory", describe(node)))?;
            for (name, value) in node.output.iter().zip(outputs) {
                if !name.is_empty() {
                    values.insert(name, value);
                }
            }
        }
        Ok(())
    }

    fn check_input(&self, value: &Value) -> Result<()> {
        let Input { name, shape, .. } = self.input;
        let told = || format!("an input \"{name}\" of the shape {shape:?}");
        self.limit.check(value.bytes() / self.batch(), told)
    }

    /// What a node's outputs are.
    fn outputs(&self, proto: &NodeProto, read: &[Option<Value>]) -> Result<Vec<Value>> {
        let Some(rule) = table::rule(&proto.domain, &proto.op_type) else {
            return Ok(vec![Value::unknown(); proto.output.len()]);
        };
        let node = Node { proto, opset: self.opset, inputs: read };
        node.check_switches()?;
        node.check_numbers()?;
        versions::check(&node)?;
        let mut outputs = rule(&node)?;
        outputs.resize(proto.output.len(), Value::unknown());
        let is_constant = read.iter().flatten().all(|input| input.is_constant);
        outputs.iter_mut().for_each(|output| output.is_constant |= is_constant);
        Ok(outputs)
    }

    fn inner_graphs(&mut self, proto: &NodeProto, values: &HashMap<&str, Value>) -> Result<()> {
        for graph in inner_graphs(proto) {
            let before = self.outer.clone();
            self.outer.extend(values.keys().map(ToString::to_string));
            self.graph(graph, false)?;
            self.outer = before;
        }
        Ok(())
    }

    /// Counts a node with those that it is unrolled to. All are in memory as long as the graph is.
    fn count(&mut self, proto: &NodeProto, read: &[Option<Value>]) -> Result<()> {
        let count = recurrent::node_count(&Node { proto, opset: self.opset, inputs: read })?;
        self.nodes = self.nodes.saturating_add(count);
        let told = || format!("a graph of {} nodes up to here", self.nodes);
        self.limit.check(self.nodes.saturating_mul(NODE_BYTES), told)
    }

    /// A node's inputs and outputs are in memory at a time, and constants all the time.
    fn check_memory(&mut self, read: &[Option<Value>], outputs: &[Value]) -> Result<()> {
        let sum = |values: &mut dyn Iterator<Item = &Value>| {
            values.map(Value::bytes).fold(0, u128::saturating_add)
        };
        let made = sum(&mut outputs.iter());
        if !outputs.is_empty() && outputs.iter().all(|output| output.is_constant) {
            self.constants = self.constants.saturating_add(made);
            let told =
                || format!("what comes of constants up to here, {} in the end,", shapes(outputs));
            return self.limit.check(self.constants, told);
        }
        let read = sum(&mut read.iter().flatten());
        let told = || format!("what it makes, {}, together with its inputs", shapes(outputs));
        self.limit.check(made.saturating_add(read) / self.batch(), told)
    }

    /// How many elements of the input its shape is for.
    fn batch(&self) -> u128 {
        match self.checked {
            Checked::All => 1,
            Checked::OneElement => match self.input.shape {
                // A vector is one input, not a batch of numbers.
                [] | [_] => 1,
                [length, ..] => (*length).max(1) as u128,
            },
        }
    }

    /// An error with the node that it is about, and what to do.
    fn at(&self, node: &NodeProto, error: Error, is_whole: bool) -> Error {
        let what = describe(node);
        let Input { shape, is_open, .. } = self.input;
        error.context(match (is_whole, is_open) {
            (true, true) => format!(
                "{what} is not valid for an input of the shape {shape:?}: give the size that the model was made for \
                 (--size), or export it again"
            ),
            (true, false) => {
                format!("{what} is not valid for an input of the shape {shape:?}: export the model again")
            }
            (false, _) => format!("{what} of an inner graph is not valid: export the model again"),
        })
    }
}

/// What is known of a value; nothing, where it comes from an outer graph.
fn known(values: &HashMap<&str, Value>, name: &str) -> Value {
    values.get(name).cloned().unwrap_or_default()
}

/// What is known of the sizes of some values, for people.
fn shapes(values: &[Value]) -> String {
    let told = |value: &Value| match &value.shape {
        Some(shape) => Some(format!("of the shape {shape:?}")),
        None if value.least_elements > 0 => {
            Some(format!("at least {} elements", value.least_elements))
        }
        None => None,
    };
    values.iter().filter_map(told).collect::<Vec<_>>().join(" and ")
}

/// A node as errors name it.
fn describe(node: &NodeProto) -> String {
    format!("the {} node \"{}\"", node.op_type, order::name(node))
}

/// Fails where the shape of a stored tensor cannot be. What its numbers are, [`check_data`] has looked at.
fn check_stored(tensor: &TensorProto) -> Result<()> {
    let (name, dims) = (&tensor.name, &tensor.dims);
    ensure!(
        dims.iter().all(|&axis| axis >= 0),
        anyhow!("its shape {dims:?} has a negative length")
            .context(format!("the stored tensor \"{name}\" is not valid"))
    );
    Ok(())
}
