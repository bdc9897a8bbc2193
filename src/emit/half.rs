//! A graph in half precision: weights and the network's values take 16 bits, relevance takes 32.
//!
//! Quotients of relevance and small denominators are beyond the range of 16 bits, so relevance is computed in 32, as are
//! sums and functions that lose digits. Sums of weights and values that become denominators take 16 bits. Values are
//! cast where nodes of different width meet.

use std::collections::HashMap;

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, NodeProto};

use super::initializer::Initializer;
use super::value::FLOAT;

/// ONNX's number of the type `float16`.
const FLOAT16: i64 = 10;

/// Stored tensors below this many elements stay as they are: a stabilizer would lose its digits.
const SMALLEST: usize = 1024;

/// The number type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Half,
    Single,
    /// A stored tensor, which can be had in either.
    Stored,
    /// No floating-point number.
    Other,
}

/// Operators that are computed in 32 bits everywhere.
const WIDE: [&str; 14] = [
    "Div",
    "Exp",
    "Erf",
    "LayerNormalization",
    "Log",
    "LogSoftmax",
    "Pow",
    "Reciprocal",
    "ReduceMean",
    "ReduceSum",
    "Softmax",
    "Softplus",
    "Sqrt",
    "GridSample",
];

/// Operators whose values are no floating-point numbers.
const TRUTHS_AND_PLACES: [&str; 10] = [
    "Shape",
    "ArgMax",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "IsInf",
    "IsNaN",
    "Not",
];

/// The nodes with casts, where values of relevance are told by `is_relevance`; large stored tensors become half.
pub(super) fn halved(
    nodes: Vec<(NodeProto, bool)>,
    initializers: &mut [Initializer],
    inputs: &[(String, bool)],
) -> Vec<NodeProto> {
    let mut widths: HashMap<String, Width> = HashMap::new();
    let mut stored = HashMap::new();
    for initializer in initializers {
        let is_large = initializer.dims.iter().product::<usize>() >= SMALLEST;
        initializer.is_half = initializer.is_float() && is_large;
        let width = if initializer.is_float() { Width::Stored } else { Width::Other };
        widths.insert(initializer.name.clone(), width);
        stored.insert(initializer.name.clone(), initializer.is_half);
    }
    for (name, is_float) in inputs {
        widths.insert(name.clone(), if *is_float { Width::Single } else { Width::Other });
    }
    let mut casts = Casts { nodes: vec![], made: HashMap::new(), stored };
    for (mut node, is_relevance) in nodes {
        let width = casts.width_of(&node, is_relevance, &widths);
        let is_output = node.op_type == "Identity";
        let width = if is_output { Width::Single } else { width };
        for input in &mut node.input {
            let own = widths.get(input).copied().unwrap_or(Width::Other);
            *input = casts.cast(input, own, width);
        }
        let first = first_width(&node, width);
        for (place, output) in node.output.iter().enumerate() {
            let is_place = place > 0 && matches!(node.op_type.as_str(), "MaxPool" | "TopK");
            widths.insert(output.clone(), if is_place { Width::Other } else { first });
        }
        casts.nodes.push(node);
    }
    casts.nodes
}

/// The width of a node's first output.
fn first_width(node: &NodeProto, width: Width) -> Width {
    match node.op_type.as_str() {
        name if TRUTHS_AND_PLACES.contains(&name) => Width::Other,
        "Cast" => match node.attribute.iter().find(|attribute| attribute.name == "to") {
            Some(to) if to.i == FLOAT => Width::Single,
            _ => Width::Other,
        },
        _ => width,
    }
}

struct Casts {
    nodes: Vec<NodeProto>,
    /// The names of values that were cast.
    made: HashMap<(String, bool), String>,
    /// Whether a stored tensor is half.
    stored: HashMap<String, bool>,
}

impl Casts {
    /// The width in which a node is computed.
    fn width_of(
        &self,
        node: &NodeProto,
        is_relevance: bool,
        widths: &HashMap<String, Width>,
    ) -> Width {
        let inputs = || node.input.iter().filter_map(|input| widths.get(input));
        if inputs().all(|width| *width == Width::Other) {
            return Width::Other;
        }
        let is_single = inputs().any(|width| *width == Width::Single);
        match WIDE.contains(&node.op_type.as_str()) || is_relevance && is_single {
            true => Width::Single,
            false => Width::Half,
        }
    }

    /// The name of a value in the width of its reader.
    fn cast(&mut self, name: &str, own: Width, wanted: Width) -> String {
        let own = match (own, self.stored.get(name)) {
            (Width::Stored, Some(true)) => Width::Half,
            (Width::Stored, _) => Width::Single,
            (own, _) => own,
        };
        if own == wanted || own == Width::Other || wanted == Width::Other {
            return name.to_string();
        }
        let is_half = wanted == Width::Half;
        if let Some(made) = self.made.get(&(name.to_string(), is_half)) {
            return made.clone();
        }
        let cast = format!("{name}:{}", if is_half { "half" } else { "single" });
        let mut to = AttributeProto {
            name: "to".to_string(),
            i: if is_half { FLOAT16 } else { FLOAT },
            ..AttributeProto::default()
        };
        to.set_type(AttributeType::Int);
        self.nodes.push(NodeProto {
            name: cast.clone(),
            op_type: "Cast".to_string(),
            input: vec![name.to_string()],
            output: vec![cast.clone()],
            attribute: vec![to],
            ..NodeProto::default()
        });
        self.made.insert((name.to_string(), is_half), cast.clone());
        cast
    }
}
