//! A graph of ONNX nodes that grows: every method that adds a node returns the name of its value.
//!
//! A node that is there already, with the same operator, inputs and attributes, is not added a second time: parts of
//! weights and of activations that several steps read are computed once. What no output depends on is dropped at the
//! end.

use std::collections::{HashMap, HashSet};

use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, NodeProto};

use super::initializer::{Content, Initializer};
use crate::linear::Weight;
use crate::tensor::Tensor;

/// The version of the operator set, and which operators of it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The version of ONNX's operator set.
    pub opset: i64,
    /// Whether only operators are used that every runtime has: neither indices of `MaxPool`, `ScatterElements` that adds
    /// nor `LayerNormalization` as one node.
    pub is_portable: bool,
    /// Whether weights and the network's values take 16 bits.
    pub is_half: bool,
}

impl Dialect {
    /// What onnxruntime, OpenVINO and tract run: opset 17.
    pub const STANDARD: Dialect = Dialect { opset: 17, is_portable: false, is_half: false };
    /// What TensorRT runs as well: opset 13.
    pub const PORTABLE: Dialect = Dialect { opset: 13, is_portable: true, is_half: false };
}

/// The value of an attribute.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attribute<'a> {
    Int(i64),
    Ints(&'a [i64]),
    Float(f32),
    Text(&'a str),
}

/// Named attributes of a node.
pub(super) type Attributes<'a> = &'a [(&'a str, Attribute<'a>)];

/// Nodes and stored tensors.
pub(super) struct Graph {
    pub dialect: Dialect,
    /// Every node, and whether it is one of relevance.
    nodes: Vec<(NodeProto, bool)>,
    /// The outputs of every node by what it computes.
    known: HashMap<Vec<u8>, Vec<String>>,
    initializers: Vec<Initializer>,
    /// The names of initializers by their content.
    stored: HashMap<Content, String>,
    names: HashSet<String>,
    /// What the nodes that are added belong to.
    scope: String,
    /// Whether they are of relevance, and not of the network's values.
    is_relevance: bool,
}

impl Graph {
    pub fn new(dialect: Dialect) -> Graph {
        Graph {
            dialect,
            nodes: vec![],
            known: HashMap::new(),
            initializers: vec![],
            stored: HashMap::new(),
            names: HashSet::new(),
            scope: String::new(),
            is_relevance: false,
        }
    }

    /// Names the nodes that are added from now on after a layer.
    pub fn enter(&mut self, scope: &str) {
        self.scope = scope.to_string();
    }

    /// From now on nodes belong to relevance, and no more to the network's values.
    pub fn begin_relevance(&mut self) {
        self.is_relevance = true;
    }

    /// Takes a name for an input or an output of the graph, which no node gets.
    pub fn reserve(&mut self, name: &str) {
        self.names.insert(name.to_string());
    }

    /// A name that nothing has yet.
    fn fresh(&mut self, word: &str) -> String {
        let prefix = if self.scope.is_empty() { String::new() } else { format!("{}/", self.scope) };
        let mut name = format!("{prefix}{word}");
        let mut count = 1;
        while !self.names.insert(name.clone()) {
            count += 1;
            name = format!("{prefix}{word}_{count}");
        }
        name
    }

    /// The value of a node of one output.
    pub fn node(&mut self, operator: &str, inputs: &[&str], attributes: Attributes) -> String {
        self.nodes(operator, inputs, attributes, 1).swap_remove(0)
    }

    /// The values of a node of several outputs.
    pub fn nodes(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: Attributes,
        outputs: usize,
    ) -> Vec<String> {
        let mut node = NodeProto {
            op_type: operator.to_string(),
            input: inputs.iter().map(ToString::to_string).collect(),
            attribute: attributes.iter().map(|(name, value)| attribute(name, *value)).collect(),
            ..NodeProto::default()
        };
        let mut key = node.encode_to_vec();
        key.push(outputs as u8);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        node.name = self.fresh(operator);
        node.output = match outputs {
            1 => vec![node.name.clone()],
            _ => (0..outputs).map(|place| format!("{}:{place}", node.name)).collect(),
        };
        let values = node.output.clone();
        self.known.insert(key, values.clone());
        self.nodes.push((node, self.is_relevance));
        values
    }

    /// A value under the name of an output of the graph.
    pub fn output(&mut self, name: &str, value: &str) {
        let node = NodeProto {
            name: name.to_string(),
            op_type: "Identity".to_string(),
            input: vec![value.to_string()],
            output: vec![name.to_string()],
            ..NodeProto::default()
        };
        self.nodes.push((node, true));
    }

    /// A stored tensor; the same numbers in the same shape are stored once.
    pub fn floats(&mut self, shape: &[usize], numbers: &[f32]) -> String {
        self.stored(Content::floats(shape, numbers), "constant")
    }

    /// One stored number.
    pub fn number(&mut self, number: f32) -> String {
        self.floats(&[], &[number])
    }

    /// A stored vector of whole numbers.
    pub fn ints(&mut self, numbers: &[i64]) -> String {
        self.shaped_ints(&[numbers.len()], numbers)
    }

    /// Stored whole numbers.
    pub fn shaped_ints(&mut self, shape: &[usize], numbers: &[i64]) -> String {
        self.stored(Content::Ints(shape.to_vec(), numbers.to_vec()), "constant")
    }

    /// A constant that broadcasts to values whose shape the network says: axes of length 1 at the beginning are left
    /// out, since the values have the axis of the batch in their place.
    pub fn broadcast(&mut self, constant: &Tensor) -> String {
        let first = constant.shape().iter().position(|&length| length != 1);
        let shape = &constant.shape()[first.unwrap_or(constant.shape().len())..];
        self.floats(shape, constant.data())
    }

    /// A stored weight, in its own shape, where the file of the model holds it in memory only while it is written.
    pub fn weight(&mut self, weight: &Weight) -> String {
        let content = Content::of_weight(weight);
        if let Some(name) = self.stored.get(&content) {
            return name.clone();
        }
        let name = self.fresh("weight");
        self.stored.insert(content, name.clone());
        self.initializers.push(Initializer::of_weight(&name, weight.clone()));
        name
    }

    fn stored(&mut self, content: Content, word: &str) -> String {
        if let Some(name) = self.stored.get(&content) {
            return name.clone();
        }
        let name = self.fresh(word);
        self.initializers.push(Initializer::of_content(&name, &content));
        self.stored.insert(content, name.clone());
        name
    }

    /// The nodes and stored tensors that the outputs depend on, nodes in topological order, each with whether it is one
    /// of relevance.
    pub fn finished(self, outputs: &[String]) -> (Vec<(NodeProto, bool)>, Vec<Initializer>) {
        let mut needed: HashSet<&str> = outputs.iter().map(String::as_str).collect();
        let mut is_needed = vec![false; self.nodes.len()];
        for (place, (node, _)) in self.nodes.iter().enumerate().rev() {
            if node.output.iter().any(|output| needed.contains(output.as_str())) {
                is_needed[place] = true;
                needed.extend(node.input.iter().map(String::as_str));
            }
        }
        let initializers = self.initializers.iter();
        let initializers =
            initializers.filter(|it| needed.contains(it.name.as_str())).cloned().collect();
        let nodes = self.nodes.iter().zip(&is_needed).filter(|(_, needed)| **needed);
        (nodes.map(|(node, _)| node.clone()).collect(), initializers)
    }
}

fn attribute(name: &str, value: Attribute) -> AttributeProto {
    let mut proto = AttributeProto { name: name.to_string(), ..AttributeProto::default() };
    let kind = match value {
        Attribute::Int(number) => {
            proto.i = number;
            AttributeType::Int
        }
        Attribute::Ints(numbers) => {
            proto.ints = numbers.to_vec();
            AttributeType::Ints
        }
        Attribute::Float(number) => {
            proto.f = number;
            AttributeType::Float
        }
        Attribute::Text(text) => {
            proto.s = text.as_bytes().to_vec();
            AttributeType::String
        }
    };
    proto.set_type(kind);
    proto
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_node_and_the_same_numbers_are_there_once() {
        let mut graph = Graph::new(Dialect::STANDARD);
        graph.enter("layer");
        let a = graph.floats(&[2], &[1.0, 2.0]);
        assert_eq!(a, graph.floats(&[2], &[1.0, 2.0]));
        assert_ne!(a, graph.floats(&[1, 2], &[1.0, 2.0]));
        assert_ne!(graph.number(0.0), graph.number(-0.0));
        let b = graph.node("Relu", &[&a], &[]);
        assert_eq!(b, graph.node("Relu", &[&a], &[]));
        let dropped = graph.node("Abs", &[&a], &[]);
        assert_ne!(b, dropped);
        graph.output("y", &b);
        let (nodes, initializers) = graph.finished(&["y".to_string()]);
        let operators: Vec<&str> = nodes.iter().map(|(node, _)| node.op_type.as_str()).collect();
        assert_eq!(operators, ["Relu", "Identity"]);
        assert_eq!(initializers.len(), 1);
    }
}
