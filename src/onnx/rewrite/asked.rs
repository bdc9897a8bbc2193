//! A node that is written out, and what is known about what it reads.

use tract_core::prelude::DatumType;
use tract_onnx::model::Onnx;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{ModelProto, NodeProto, TensorProto};

use super::graph::{attribute, replace};
use super::shapes::{known_value, shape_of};

/// The nodes that stand for one, in their order, and the tensors that are stored for them.
pub(super) type Made = (Vec<NodeProto>, Vec<TensorProto>);

/// A node of a model whose input has a given name and shape.
pub(super) struct Asked<'a> {
    pub model: &'a ModelProto,
    pub reader: &'a Onnx,
    pub input: (&'a str, &'a [usize]),
    pub call: &'a NodeProto,
}

/// Replaces every node of these operators for which `make` finds others, the first ones first: the shapes behind are known
/// then.
pub(super) fn replace_each(
    model: &mut ModelProto,
    reader: &Onnx,
    input: (&str, &[usize]),
    operators: &[&str],
    make: impl Fn(&Asked) -> Option<Made>,
) {
    let mut place = 0;
    while let Some(found) = model.graph.as_ref().and_then(|graph| graph.node.get(place)) {
        let call = found.clone();
        let made = operators
            .contains(&call.op_type.as_str())
            .then(|| make(&Asked { model, reader, input, call: &call }))
            .flatten();
        place += 1;
        if let (Some((nodes, stored)), Some(graph)) = (made, &mut model.graph) {
            place += nodes.len() - 1;
            let at = place - nodes.len();
            graph.initializer.extend(stored);
            replace(graph, at, nodes);
        }
    }
}

impl Asked<'_> {
    /// The name of the value in an input slot, if there is one.
    pub fn given(&self, slot: usize) -> Option<&str> {
        self.call.input.get(slot).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The name of the first output.
    pub fn output(&self) -> Option<&str> {
        self.call.output.first().map(String::as_str)
    }

    /// The name of a piece of the node.
    pub fn named(&self, piece: &str) -> String {
        format!("{}.{piece}", self.call.name)
    }

    /// The shape of the value in an input slot.
    pub fn shape(&self, slot: usize) -> Option<Vec<usize>> {
        self.shape_of(self.given(slot)?)
    }

    /// The shape of any value.
    pub fn shape_of(&self, value: &str) -> Option<Vec<usize>> {
        shape_of(self.model, self.reader, value, self.input)
    }

    /// The whole numbers in an input slot, where they do not depend on the input.
    pub fn numbers(&self, slot: usize, kind: DataType) -> Option<Vec<i64>> {
        let asked = (self.given(slot)?, kind);
        let known = known_value(self.model, self.reader, asked, self.input)?;
        let known = known.cast_to::<i64>().ok()?;
        Some(known.try_as_plain_ram().ok()?.as_slice::<i64>().ok()?.to_vec())
    }

    /// The numbers in an input slot, where they do not depend on the input.
    pub fn floats(&self, slot: usize) -> Option<Vec<f32>> {
        let asked = (self.given(slot)?, DataType::Float);
        let known = known_value(self.model, self.reader, asked, self.input)?;
        let known = known.cast_to_dt(DatumType::F32).ok()?;
        Some(known.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec())
    }

    /// A whole number among the attributes.
    pub fn whole(&self, name: &str, usual: i64) -> i64 {
        attribute(self.call, name).map_or(usual, |attribute| attribute.i)
    }

    /// A list of whole numbers among the attributes.
    pub fn whole_list(&self, name: &str, usual: &[i64]) -> Vec<i64> {
        attribute(self.call, name).map_or(usual.to_vec(), |attribute| attribute.ints.clone())
    }

    /// A word among the attributes.
    pub fn word(&self, name: &str, usual: &'static str) -> String {
        let given = attribute(self.call, name).map(|attribute| attribute.s.clone());
        given.map_or(usual.to_string(), |word| String::from_utf8_lossy(&word).into_owned())
    }

    /// An axis among the attributes, of a value of the given rank.
    pub fn axis(&self, name: &str, usual: i64, rank: usize) -> Option<usize> {
        let axis = self.whole(name, usual);
        let axis = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).ok()?;
        (axis < rank).then_some(axis)
    }
}
