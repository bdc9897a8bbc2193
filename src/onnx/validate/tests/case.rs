//! A node with its inputs, and what validation says of it.

use tract_onnx::pb::AttributeProto;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;

use super::super::*;
use crate::onnx::rewrite::node as node_of;
use crate::onnx::weights::declared;

/// The memory that graphs may ask for here.
pub(super) const LIMIT: u64 = 1 << 30;

/// A graph of one node `n` that reads `x` and some stored vectors.
pub(super) struct Case {
    op_type: &'static str,
    domain: &'static str,
    /// That of `x`, where it is known.
    shape: Option<Vec<usize>>,
    pub(super) attributes: Vec<AttributeProto>,
    stored: Vec<TensorProto>,
}

pub(super) fn case(op_type: &'static str, shape: &[usize]) -> Case {
    Case { op_type, domain: "", shape: Some(shape.to_vec()), attributes: vec![], stored: vec![] }
}

/// The same with an `x` whose shape is not known.
pub(super) fn case_of_unknown(op_type: &'static str) -> Case {
    Case { shape: None, ..case(op_type, &[]) }
}

pub(super) fn attribute(name: &str, r#type: AttributeType) -> AttributeProto {
    AttributeProto { name: name.to_string(), r#type: r#type as i32, ..AttributeProto::default() }
}

impl Case {
    /// The same in another domain.
    pub(super) fn of(self, domain: &'static str) -> Case {
        Case { domain, ..self }
    }

    pub(super) fn int(mut self, name: &str, i: i64) -> Case {
        self.attributes.push(AttributeProto { i, ..attribute(name, AttributeType::Int) });
        self
    }

    pub(super) fn ints(mut self, name: &str, ints: &[i64]) -> Case {
        let ints = ints.to_vec();
        self.attributes.push(AttributeProto { ints, ..attribute(name, AttributeType::Ints) });
        self
    }

    pub(super) fn float(mut self, name: &str, f: f32) -> Case {
        self.attributes.push(AttributeProto { f, ..attribute(name, AttributeType::Float) });
        self
    }

    pub(super) fn float_list(mut self, name: &str, values: &[f32]) -> Case {
        let floats = values.to_vec();
        self.attributes.push(AttributeProto { floats, ..attribute(name, AttributeType::Floats) });
        self
    }

    pub(super) fn word(mut self, name: &str, word: &str) -> Case {
        let s = word.as_bytes().to_vec();
        self.attributes.push(AttributeProto { s, ..attribute(name, AttributeType::String) });
        self
    }

    /// Stored whole numbers as the next input.
    pub(super) fn whole(mut self, values: &[i64]) -> Case {
        self.stored.push(TensorProto {
            name: format!("w{}", self.stored.len()),
            dims: vec![values.len() as i64],
            data_type: DataType::Int64 as i32,
            int64_data: values.to_vec(),
            ..TensorProto::default()
        });
        self
    }

    /// Stored truth values as the next input.
    pub(super) fn truths(self, values: &[i32]) -> Case {
        let mut case = self.whole(&[]);
        if let Some(tensor) = case.stored.last_mut() {
            tensor.dims = vec![values.len() as i64];
            tensor.data_type = DataType::Bool as i32;
            tensor.int32_data = values.to_vec();
        }
        case
    }

    /// Stored numbers as the next input.
    pub(super) fn floats(mut self, shape: &[usize]) -> Case {
        self.stored.push(TensorProto {
            name: format!("w{}", self.stored.len()),
            dims: shape.iter().map(|&length| length as i64).collect(),
            data_type: DataType::Float as i32,
            float_data: vec![1.5; shape.iter().product()],
            ..TensorProto::default()
        });
        self
    }

    pub(super) fn check_with(self, opset: i64) -> Result<Option<Vec<usize>>, String> {
        let names: Vec<String> = self.stored.iter().map(|tensor| tensor.name.clone()).collect();
        let inputs: Vec<&str> =
            std::iter::once("x").chain(names.iter().map(String::as_str)).collect();
        let mut node = node_of("n", self.op_type, &inputs, "y");
        node.attribute = self.attributes;
        node.domain = self.domain.to_string();
        let graph = GraphProto {
            node: vec![node],
            initializer: self.stored,
            input: vec![declared("x", DataType::Float as i32, None)],
            ..GraphProto::default()
        };
        let limit = MemoryLimit::new(Some(LIMIT));
        let name = if self.shape.is_some() { "x" } else { "another" };
        let shape = self.shape.as_deref().unwrap_or_default();
        let input = Input { name, shape, is_open: false };
        let mut walk = Walk::new(opset, (limit, Checked::All), input);
        walk.graph(&graph, true).map_err(|error| format!("{error:#}"))?;
        let read = graph.node[0].input.iter().map(|name| {
            let stored = graph.initializer.iter().find(|tensor| tensor.name == *name);
            Some(stored.map_or(Value::of(self.shape.clone()), Value::stored))
        });
        let read: Vec<Option<Value>> = read.collect();
        Ok(walk.outputs(&graph.node[0], &read).unwrap()[0].shape.clone())
    }

    pub(super) fn shape(self) -> Vec<usize> {
        self.check_with(18).unwrap().unwrap()
    }

    /// The message, which names the node.
    pub(super) fn refused(self) -> String {
        let (op_type, told) = (self.op_type, self.check_with(18).unwrap_err());
        assert!(told.contains(&format!("the {op_type} node \"n\"")), "{told}");
        told
    }
}
