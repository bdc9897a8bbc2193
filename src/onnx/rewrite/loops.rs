//! `Loop` and `Scan` of a known length, unrolled: a body for every turn, one after the other.
//!
//! `Scan` takes as many turns as its inputs are long, `Loop` as many as a number in the file says, or as long as a
//! condition holds that does not depend on the picture. What a turn reads of the turn before are the names that the body
//! of that turn gave its values; what is collected over the turns is put side by side by a `Concat`.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::model::Onnx;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::type_proto::Value;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};

use super::functions::rename_in;
use super::graph::{attribute, inner_graphs, node, replace, whole_number, whole_numbers};
use super::shapes::{known_value, shape_of};
use crate::tensor::scalar;

/// The most nodes that loops become.
const MOST_NODES: usize = 200_000;

/// Unrolls every loop of the graph, from the first on; says whether there was one.
///
/// # Errors
/// When the length of a loop depends on the picture, or is too great.
pub(super) fn unroll(
    model: &mut ModelProto,
    reader: &Onnx,
    input: (&str, &[usize]),
) -> Result<bool> {
    let opset = super::opset(model);
    let mut is_changed = false;
    while let Some(graph) = &model.graph {
        let is_loop = |node: &NodeProto| ["Loop", "Scan"].contains(&node.op_type.as_str());
        let Some(place) = graph.node.iter().position(is_loop) else { break };
        let call = graph.node[place].clone();
        let body = attribute(&call, "body").and_then(|body| body.g.clone());
        let body = body
            .with_context(|| format!("the {} node \"{}\" has no body", call.op_type, call.name))?;
        let mut unrolling = Unrolling { model, reader, input, opset, call, body, place };
        match unrolling.call.op_type.as_str() {
            "Scan" => unrolling.scan()?,
            _ => unrolling.repeat()?,
        }
        is_changed = true;
    }
    Ok(is_changed)
}

/// A loop that is being unrolled. The nodes of its turns go in front of it, what it hands out in its place.
struct Unrolling<'a> {
    model: &'a mut ModelProto,
    reader: &'a Onnx,
    input: (&'a str, &'a [usize]),
    opset: i64,
    call: NodeProto,
    body: GraphProto,
    /// The place of its node.
    place: usize,
}

/// What is collected of an output of the body: a value for every turn.
struct Collected {
    values: Vec<String>,
    axis: i64,
    is_backwards: bool,
}

impl Unrolling<'_> {
    fn graph(&mut self) -> Result<&mut GraphProto> {
        self.model.graph.as_mut().context("the model has no graph")
    }

    /// A name for a piece of the loop.
    fn piece(&self, what: &str) -> String {
        format!("{}/{what}", self.call.name)
    }

    fn refusal(&self, what: &str) -> String {
        format!(
            "the {} node \"{}\" {what}: export the model with a fixed length (traced, not scripted), so that the loop \
             can be unrolled",
            self.call.op_type, self.call.name
        )
    }

    /// A `Scan` (since opset 9): states first, then what is taken apart.
    fn scan(&mut self) -> Result<()> {
        ensure!(self.opset >= 9, self.refusal("is of an opset before 9"));
        let count = attribute(&self.call, "num_scan_inputs").map_or(0, |count| count.i);
        let count = usize::try_from(count).unwrap_or(0);
        let is_whole = count > 0 && count <= self.call.input.len();
        ensure!(
            is_whole && self.body.input.len() == self.call.input.len(),
            self.refusal("takes nothing apart")
        );
        let state_count = self.call.input.len() - count;
        let listed = |name: &str, at: usize| {
            attribute(&self.call, name).and_then(|list| list.ints.get(at).copied()).unwrap_or(0)
        };
        let (mut taken, mut length) = (vec![], None);
        for (at, value) in self.call.input[state_count..].iter().enumerate() {
            let shape = shape_of(self.model, self.reader, value, self.input);
            let shape = shape.with_context(|| self.refusal("reads a value of unknown length"))?;
            let axis = listed("scan_input_axes", at);
            let axis = if axis < 0 { axis + shape.len() as i64 } else { axis };
            let own = usize::try_from(axis).ok().and_then(|axis| shape.get(axis).copied());
            let own = own.with_context(|| self.refusal("takes apart an axis that is not there"))?;
            ensure!(
                *length.get_or_insert(own) == own,
                self.refusal("reads values of several lengths")
            );
            taken.push((value.clone(), axis, listed("scan_input_directions", at) == 1));
        }
        let length = length.unwrap_or(0);
        ensure!(length > 0, self.refusal("takes no turn"));
        let outputs = self.body.output.len().saturating_sub(state_count);
        let mut collected: Vec<Collected> = (0..outputs)
            .map(|at| Collected {
                values: vec![],
                axis: listed("scan_output_axes", at),
                is_backwards: listed("scan_output_directions", at) == 1,
            })
            .collect();
        let mut states = self.call.input[..state_count].to_vec();
        self.take_weights_over()?;
        for turn in 0..length {
            let mut inputs = states.clone();
            for (at, (value, axis, is_backwards)) in taken.iter().enumerate() {
                let position = if *is_backwards { length - 1 - turn } else { turn };
                inputs.push(self.element(value, *axis, position, &format!("{turn}/taken_{at}"))?);
            }
            let outputs = self.turn(turn, &inputs)?;
            let (after, given) = outputs.split_at(state_count.min(outputs.len()));
            states = after.to_vec();
            collected.iter_mut().zip(given).for_each(|(to, value)| to.values.push(value.clone()));
        }
        self.hand_out(&states, &collected)
    }

    /// A `Loop`: the number of turns and a condition, then states.
    fn repeat(&mut self) -> Result<()> {
        let given = |at: usize| self.call.input.get(at).filter(|name| !name.is_empty()).cloned();
        let (count, condition) = (given(0), given(1));
        let turns = match count {
            Some(count) => {
                let known =
                    known_value(self.model, self.reader, (&count, DataType::Int64), self.input);
                let known = known.and_then(|known| scalar::<i64>(&known).ok());
                Some(
                    known
                        .with_context(|| self.refusal("takes turns that depend on the picture"))?,
                )
            }
            None => None,
        };
        let mut goes_on = match &condition {
            Some(condition) => self.holds(condition)?,
            None => true,
        };
        let states_from = 2.min(self.call.input.len());
        let mut states = self.call.input[states_from..].to_vec();
        ensure!(
            self.body.input.len() == states.len() + 2 && self.body.output.len() > states.len(),
            self.refusal("does not fit its body")
        );
        let outputs = self.body.output.len() - 1 - states.len();
        let collect = |_| Collected { values: vec![], axis: 0, is_backwards: false };
        let mut collected: Vec<Collected> = (0..outputs).map(collect).collect();
        let always_holds = self.always_goes_on();
        ensure!(turns.is_some() || !always_holds, self.refusal("never ends"));
        self.take_weights_over()?;
        let yes = self.stored(bool_number(&self.piece("goes_on")))?;
        let mut turn = 0;
        while goes_on && turns.is_none_or(|turns| (turn as i64) < turns) {
            let number = self.piece(&format!("{turn}/turn"));
            let rank = declared_rank(&self.body, 0);
            let dims = if rank == Some(1) { vec![1] } else { vec![] };
            let number = TensorProto { dims, ..whole_numbers(&number, &[turn as i64]) };
            let mut inputs = vec![self.stored(number)?, yes.clone()];
            inputs.extend(states.iter().cloned());
            let outputs = self.turn(turn, &inputs)?;
            let (after, given) = outputs[1..].split_at(states.len());
            states = after.to_vec();
            collected.iter_mut().zip(given).for_each(|(to, value)| to.values.push(value.clone()));
            goes_on = always_holds || self.holds(&outputs[0])?;
            turn += 1;
        }
        self.hand_out(&states, &collected)
    }

    /// A condition that does not depend on the picture.
    fn holds(&self, condition: &str) -> Result<bool> {
        let known = known_value(self.model, self.reader, (condition, DataType::Bool), self.input);
        let known = known.and_then(|known| scalar::<bool>(&known).ok());
        known.with_context(|| self.refusal("goes on as long as the picture says"))
    }

    /// Whether the body hands its condition out as it came in.
    fn always_goes_on(&self) -> bool {
        let (given, handed) = (&self.body.input[1].name, &self.body.output[0].name);
        let is_copy = |node: &NodeProto| {
            node.op_type == "Identity"
                && node.output.first() == Some(handed)
                && node.input.first() == Some(given)
        };
        given == handed || self.body.node.iter().any(is_copy)
    }

    /// Adds a stored tensor to the graph.
    fn stored(&mut self, tensor: TensorProto) -> Result<String> {
        let name = tensor.name.clone();
        self.graph()?.initializer.push(tensor);
        Ok(name)
    }

    /// Gives the body's weights, which all turns share, to the graph.
    fn take_weights_over(&mut self) -> Result<()> {
        for tensor in self.body.initializer.clone() {
            let name = self.piece(&tensor.name);
            self.stored(TensorProto { name, ..tensor })?;
        }
        Ok(())
    }

    /// Puts nodes in front of the loop.
    fn put(&mut self, nodes: Vec<NodeProto>) -> Result<()> {
        let place = self.place;
        self.place += nodes.len();
        let graph = self.graph()?;
        graph.node.splice(place..place, nodes);
        if self.place > MOST_NODES {
            bail!("{}", self.refusal(&format!("becomes more than {MOST_NODES} nodes")));
        }
        Ok(())
    }

    /// One position of an axis, without the axis.
    fn element(&mut self, value: &str, axis: i64, position: usize, what: &str) -> Result<String> {
        let name = self.piece(what);
        let index = format!("{name}.index");
        let index =
            self.stored(TensorProto { dims: vec![], ..whole_numbers(&index, &[position as i64]) })?;
        let mut gather = node(&name, "Gather", &[value, &index], &name);
        gather.attribute.push(whole_number("axis", axis));
        self.put(vec![gather])?;
        Ok(name)
    }

    /// The body's nodes for one turn; returns the names of what it hands out.
    fn turn(&mut self, turn: usize, inputs: &[String]) -> Result<Vec<String>> {
        let body = &self.body;
        let mut names: HashMap<String, String> = HashMap::new();
        for tensor in &body.initializer {
            names.insert(tensor.name.clone(), self.piece(&tensor.name));
        }
        for output in computed(&body.node) {
            names.insert(output.clone(), self.piece(&format!("{turn}/{output}")));
        }
        for (formal, actual) in body.input.iter().zip(inputs) {
            names.insert(formal.name.clone(), actual.clone());
        }
        // What is not the body's own is read from the graph around it.
        let rename = |name: &str| match names.get(name) {
            Some(renamed) if !name.is_empty() => renamed.clone(),
            _ => name.to_string(),
        };
        let mut nodes = body.node.clone();
        for (at, node) in nodes.iter_mut().enumerate() {
            let own = if node.name.is_empty() {
                format!("{}_{at}", node.op_type)
            } else {
                node.name.clone()
            };
            node.name = self.piece(&format!("{turn}/{own}"));
            rename_in(node, &rename);
        }
        let outputs = body.output.iter().map(|output| rename(&output.name)).collect();
        self.put(nodes)?;
        Ok(outputs)
    }

    /// Puts the last states and what was collected in the place of the loop.
    fn hand_out(&mut self, states: &[String], collected: &[Collected]) -> Result<()> {
        let outputs = self.call.output.clone();
        let mut nodes = vec![];
        for (state, output) in states.iter().zip(&outputs) {
            if !output.is_empty() {
                nodes.push(node(&self.piece(output), "Identity", &[state], output));
            }
        }
        for (collected, output) in collected.iter().zip(outputs.iter().skip(states.len())) {
            if output.is_empty() {
                continue;
            }
            ensure!(!collected.values.is_empty(), self.refusal("collects nothing"));
            let mut parts = vec![];
            for (at, value) in collected.values.iter().enumerate() {
                let name = self.piece(&format!("{output}.{at}"));
                nodes.push(self.unsqueezed(&name, value, collected.axis)?);
                parts.push(name);
            }
            if collected.is_backwards {
                parts.reverse();
            }
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let mut concat = node(&self.piece(output), "Concat", &parts, output);
            concat.attribute.push(whole_number("axis", collected.axis));
            nodes.push(concat);
        }
        let place = self.place;
        replace(self.graph()?, place, nodes);
        Ok(())
    }

    /// A value with one more axis.
    fn unsqueezed(&mut self, name: &str, value: &str, axis: i64) -> Result<NodeProto> {
        if self.opset >= 13 {
            let axes = self.stored(whole_numbers(&format!("{name}.axes"), &[axis]))?;
            return Ok(node(name, "Unsqueeze", &[value, &axes], name));
        }
        let mut unsqueeze = node(name, "Unsqueeze", &[value], name);
        unsqueeze.attribute.push(super::graph::whole_number_list("axes", &[axis]));
        Ok(unsqueeze)
    }
}

/// The values that nodes and their inner graphs compute or store.
fn computed(nodes: &[NodeProto]) -> Vec<String> {
    let mut names = vec![];
    for node in nodes {
        names.extend(node.output.iter().cloned());
        for graph in inner_graphs(node) {
            names.extend(computed(&graph.node));
            names.extend(graph.initializer.iter().map(|tensor| tensor.name.clone()));
            names.extend(graph.input.iter().map(|input| input.name.clone()));
        }
    }
    names
}

/// How many axes the body says that an input has.
fn declared_rank(body: &GraphProto, input: usize) -> Option<usize> {
    let Value::TensorType(tensor) = body.input.get(input)?.r#type.as_ref()?.value.as_ref()?;
    Some(tensor.shape.as_ref()?.dim.len())
}

/// A stored `true`.
fn bool_number(name: &str) -> TensorProto {
    TensorProto {
        name: name.to_string(),
        data_type: DataType::Bool as i32,
        int32_data: vec![1],
        ..TensorProto::default()
    }
}
