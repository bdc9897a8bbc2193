//! Mutations of a model file that know its structure: attributes, shapes, types, names and edges.

use prost::Message as _;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto, type_proto,
};

use super::dice::Dice;
use super::rewritten::is_learned;
use super::vocabulary::{ATTRIBUTES, OPERATORS, WORDS};

/// Changes a model file once or a few times; bytes that are no model are left to another mutator.
pub fn mutate(bytes: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let mut model = ModelProto::decode(bytes).ok()?;
    for _ in 0..1 + dice.below(4) {
        if dice.one_in(20) {
            let version = *dice.of(&[1, 6, 7, 9, 10, 11, 12, 13, 17, 18, 20, 21, 23, 24, 99, -1]);
            let domain = dice.of(&["", "com.microsoft", "ai.onnx.ml"]).to_string();
            model.opset_import = vec![OperatorSetIdProto { domain, version }];
            continue;
        }
        let graph = model.graph.as_mut()?;
        in_graph(graph, dice);
    }
    Some(model.encode_to_vec())
}

fn in_graph(graph: &mut GraphProto, dice: &mut Dice) {
    match dice.below(12) {
        0..=3 => {
            if let Some(node) = dice.of_mut(&mut graph.node) {
                in_attributes(node, dice);
            }
        }
        4 | 5 => rewire(graph, dice),
        6 => {
            if let Some(node) = dice.of_mut(&mut graph.node) {
                node.op_type = dice.of(&OPERATORS).to_string();
                node.domain = domain(&node.op_type, dice);
            }
        }
        7 | 8 => {
            if let Some(tensor) = dice.of_mut(&mut graph.initializer) {
                in_tensor(tensor, dice);
            }
        }
        9 => {
            if let Some(input) = dice.of_mut(&mut graph.input) {
                in_declaration(input, dice);
            }
        }
        10 => insert_node(graph, dice),
        _ => {
            let place = dice.below(graph.node.len());
            if place < graph.node.len() && graph.node.len() > 1 {
                let node = graph.node.remove(place);
                // What reads it reads what it read.
                if let (Some(from), Some(to)) = (node.output.first(), node.input.first()) {
                    rename(graph, from, to);
                }
            }
        }
    }
}

/// The domain of an operator; sometimes another one.
fn domain(op_type: &str, dice: &mut Dice) -> String {
    let own = if is_learned(op_type) { "ai.onnx.ml" } else { "" };
    if dice.one_in(16) { dice.of(&["com.microsoft", "foreign", ""]) } else { own }.to_string()
}

fn rename(graph: &mut GraphProto, from: &str, to: &str) {
    let inputs = graph.node.iter_mut().flat_map(|node| &mut node.input);
    let outputs = graph.output.iter_mut().map(|output| &mut output.name);
    inputs.chain(outputs).filter(|name| *name == from).for_each(|name| *name = to.to_string());
}

/// All names of values.
fn names(graph: &GraphProto) -> Vec<String> {
    let outputs = graph.node.iter().flat_map(|node| node.output.clone());
    let stored = graph.initializer.iter().map(|tensor| tensor.name.clone());
    outputs.chain(stored).chain(graph.input.iter().map(|input| input.name.clone())).collect()
}

fn rewire(graph: &mut GraphProto, dice: &mut Dice) {
    let names = names(graph);
    let name =
        if names.is_empty() || dice.one_in(12) { String::new() } else { dice.of(&names).clone() };
    if dice.one_in(6)
        && let Some(output) = graph.output.first_mut()
    {
        output.name = name;
        return;
    }
    let Some(node) = dice.of_mut(&mut graph.node) else { return };
    match dice.below(6) {
        0 => node.input.push(name),
        1 => {
            node.input.pop();
        }
        2 => node.output.push(format!("more{}", dice.below(99))),
        _ => {
            if let Some(input) = dice.of_mut(&mut node.input) {
                *input = name;
            }
        }
    }
}

/// A node between a value and its readers.
fn insert_node(graph: &mut GraphProto, dice: &mut Dice) {
    let names = names(graph);
    if names.is_empty() {
        return;
    }
    let read = dice.of(&names).clone();
    let made = format!("inserted{}", dice.bits() % 10_000);
    rename(graph, &read, &made);
    let op_type = dice.of(&OPERATORS).to_string();
    let mut node = NodeProto {
        name: made.clone(),
        domain: domain(&op_type, dice),
        op_type,
        input: vec![read],
        output: vec![made],
        ..NodeProto::default()
    };
    for _ in 0..dice.below(3) {
        node.input.push(dice.of(&names).clone());
    }
    for _ in 0..dice.below(3) {
        node.attribute.push(new_attribute(dice));
    }
    graph.node.insert(dice.below(graph.node.len() + 1), node);
}

fn new_attribute(dice: &mut Dice) -> AttributeProto {
    let (name, kind) = *dice.of(&ATTRIBUTES);
    let mut attribute = AttributeProto { name: name.to_string(), ..AttributeProto::default() };
    match kind {
        'i' => {
            attribute.r#type = AttributeType::Int as i32;
            attribute.i = dice.whole();
        }
        'f' => {
            attribute.r#type = AttributeType::Float as i32;
            attribute.f = dice.real();
        }
        _ => {
            attribute.r#type = AttributeType::Ints as i32;
            attribute.ints = (0..dice.below(6)).map(|_| dice.whole()).collect();
        }
    }
    attribute
}

fn in_attributes(node: &mut NodeProto, dice: &mut Dice) {
    if dice.one_in(4) || node.attribute.is_empty() {
        let new = new_attribute(dice);
        node.attribute.retain(|attribute| attribute.name != new.name);
        node.attribute.push(new);
        return;
    }
    let place = dice.below(node.attribute.len());
    let attribute = &mut node.attribute[place];
    if let Some(graph) = &mut attribute.g {
        return in_graph(graph, dice);
    }
    if let Some(tensor) = &mut attribute.t {
        return in_tensor(tensor, dice);
    }
    match dice.below(8) {
        0 => {
            node.attribute.remove(place);
        }
        1 => attribute.r#type = dice.below(12) as i32,
        2 => attribute.s = dice.of(&WORDS).as_bytes().to_vec(),
        3 => attribute.ints.push(dice.whole()),
        4 => {
            attribute.ints.pop();
        }
        _ => {
            attribute.i = dice.whole();
            attribute.f = dice.real();
            if let Some(number) = dice.of_mut(&mut attribute.ints) {
                *number = dice.whole();
            }
            if let Some(number) = dice.of_mut(&mut attribute.floats) {
                *number = dice.real();
            }
        }
    }
}

fn in_tensor(tensor: &mut TensorProto, dice: &mut Dice) {
    match dice.below(8) {
        0 => tensor.data_type = dice.below(24) as i32,
        1 => tensor.dims.push(dice.whole()),
        2 => {
            tensor.dims.pop();
        }
        3 => {
            if let Some(axis) = dice.of_mut(&mut tensor.dims) {
                *axis = dice.whole();
            }
        }
        4 => {
            let length = dice.below(tensor.raw_data.len() + 1);
            tensor.raw_data.truncate(length);
        }
        5 => {
            if let Some(number) = dice.of_mut(&mut tensor.float_data) {
                *number = dice.real();
            }
            let real = dice.real().to_le_bytes();
            let place = dice.below(tensor.raw_data.len() / 4) * 4;
            tensor.raw_data.iter_mut().skip(place).zip(real).for_each(|(byte, new)| *byte = new);
        }
        _ => {
            if let Some(number) = dice.of_mut(&mut tensor.int64_data) {
                *number = dice.whole();
            }
            if tensor.data_type == 7 {
                let whole = dice.whole().to_le_bytes();
                let place = dice.below(tensor.raw_data.len() / 8) * 8;
                tensor
                    .raw_data
                    .iter_mut()
                    .skip(place)
                    .zip(whole)
                    .for_each(|(byte, new)| *byte = new);
            }
        }
    }
}

fn in_declaration(input: &mut ValueInfoProto, dice: &mut Dice) {
    let declared = input.r#type.as_mut().and_then(|declared| declared.value.as_mut());
    let Some(type_proto::Value::TensorType(tensor)) = declared else { return };
    if dice.one_in(6) {
        tensor.elem_type = dice.below(24) as i32;
        return;
    }
    let Some(shape) = &mut tensor.shape else { return };
    match dice.below(6) {
        0 => {
            shape.dim.pop();
        }
        1 => shape.dim.push(Default::default()),
        _ => {
            if let Some(axis) = dice.of_mut(&mut shape.dim) {
                axis.value = match dice.one_in(5) {
                    true => Some(Dimension::DimParam("N".to_string())),
                    false => Some(Dimension::DimValue(dice.whole())),
                };
            }
        }
    }
}
