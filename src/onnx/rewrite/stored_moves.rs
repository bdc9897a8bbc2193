//! Moves that a stored list decides, as gathers: `Compress`, `ReverseSequence`, the negative indices of `GatherND`; and
//! `CenterCropPad` as a slice and a padding. tract has no such operators, or reads another thing.

use tract_onnx::model::Onnx;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};

use super::graph::{attribute, node, read_whole_numbers, replace, whole_number, whole_numbers};
use super::shapes::{known_value, shape_of};

/// Writes out every such move.
pub(super) fn write_out(model: &mut ModelProto, reader: &Onnx, input: (&str, &[usize])) {
    const MOVES: [&str; 4] = ["CenterCropPad", "Compress", "GatherND", "ReverseSequence"];
    let count = model.graph.as_ref().map_or(0, |graph| graph.node.len());
    for place in (0..count).rev() {
        let found = model.graph.as_ref().and_then(|graph| graph.node.get(place));
        let Some(call) = found.filter(|node| MOVES.contains(&node.op_type.as_str())).cloned()
        else {
            continue;
        };
        let asked = Asked { model, reader, input, call: &call };
        let made = match call.op_type.as_str() {
            "CenterCropPad" => asked.centred(),
            "Compress" => asked.compressed(),
            "GatherND" => asked.gathered(),
            _ => asked.reversed(),
        };
        if let (Some((nodes, stored)), Some(graph)) = (made, &mut model.graph) {
            graph.initializer.extend(stored);
            replace(graph, place, nodes);
        }
    }
}

type Made = (Vec<NodeProto>, Vec<TensorProto>);

/// A node, and what is known about what it reads.
struct Asked<'a> {
    model: &'a ModelProto,
    reader: &'a Onnx,
    input: (&'a str, &'a [usize]),
    call: &'a NodeProto,
}

impl Asked<'_> {
    fn given(&self, slot: usize) -> Option<&str> {
        self.call.input.get(slot).map(String::as_str).filter(|name| !name.is_empty())
    }

    fn output(&self) -> Option<&str> {
        self.call.output.first().map(String::as_str)
    }

    fn named(&self, piece: &str) -> String {
        format!("{}.{piece}", self.call.name)
    }

    fn shape(&self) -> Option<Vec<usize>> {
        shape_of(self.model, self.reader, self.given(0)?, self.input)
    }

    fn numbers(&self, slot: usize, kind: DataType) -> Option<Vec<i64>> {
        let asked = (self.given(slot)?, kind);
        let known = known_value(self.model, self.reader, asked, self.input)?;
        let known = known.cast_to::<i64>().ok()?;
        Some(known.try_as_plain_ram().ok()?.as_slice::<i64>().ok()?.to_vec())
    }

    fn axis(&self, name: &str, usual: i64, rank: usize) -> Option<usize> {
        let axis = attribute(self.call, name).map_or(usual, |axis| axis.i);
        let axis = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).ok()?;
        (axis < rank).then_some(axis)
    }

    /// The node, reading positions of one axis of a value.
    fn gather(
        &self,
        value: &str,
        axis: usize,
        positions: &[i64],
    ) -> Option<(NodeProto, TensorProto)> {
        let indices = self.named("positions");
        let mut gather = node(&self.call.name, "Gather", &[value, &indices], self.output()?);
        gather.attribute.push(whole_number("axis", axis as i64));
        Some((gather, whole_numbers(&indices, positions)))
    }

    /// `Compress`: the positions where the list is true; of all elements in a row where there is no axis.
    fn compressed(&self) -> Option<Made> {
        let kept = self.numbers(1, DataType::Bool)?;
        let kept = kept.iter().enumerate().filter(|(_, kept)| **kept != 0);
        let positions: Vec<i64> = kept.map(|(at, _)| at as i64).collect();
        let value = self.given(0)?;
        if attribute(self.call, "axis").is_some() {
            let axis = self.axis("axis", 0, self.shape()?.len())?;
            let (gather, positions) = self.gather(value, axis, &positions)?;
            return Some((vec![gather], vec![positions]));
        }
        let (row, sides) = (self.named("row"), self.named("sides"));
        let reshape = node(&row, "Reshape", &[value, &sides], &row);
        let (gather, positions) = self.gather(&row, 0, &positions)?;
        Some((vec![reshape, gather], vec![whole_numbers(&sides, &[-1]), positions]))
    }

    /// `ReverseSequence`: the first so many positions the other way round, where all sequences are as long.
    fn reversed(&self) -> Option<Made> {
        let shape = self.shape()?;
        let lengths = self.numbers(1, DataType::Int64)?;
        let length = *lengths.first()?;
        let axis = self.axis("time_axis", 0, shape.len())?;
        let total = shape[axis] as i64;
        if lengths.iter().any(|&other| other != length) || !(0..=total).contains(&length) {
            return None;
        }
        let positions: Vec<i64> = (0..length).rev().chain(length..total).collect();
        let (gather, positions) = self.gather(self.given(0)?, axis, &positions)?;
        Some((vec![gather], vec![positions]))
    }

    /// `GatherND`: indices that count from the end, counted from the start.
    fn gathered(&self) -> Option<Made> {
        let graph: &GraphProto = self.model.graph.as_ref()?;
        let stored = super::graph::constant(graph, self.given(1)?)?;
        let indices = read_whole_numbers(stored)?;
        if indices.iter().all(|&index| index >= 0) {
            return None;
        }
        let shape = self.shape()?;
        let batch =
            usize::try_from(attribute(self.call, "batch_dims").map_or(0, |axes| axes.i)).ok()?;
        let depth = usize::try_from(*stored.dims.last()?).ok()?;
        let lengths = shape.get(batch..batch + depth)?;
        let counted = indices.iter().zip(lengths.iter().cycle());
        let counted: Vec<i64> = counted
            .map(|(&index, &length)| if index < 0 { index + length as i64 } else { index })
            .collect();
        let name = self.named("positions");
        let mut gather = self.call.clone();
        gather.input[1].clone_from(&name);
        Some((
            vec![gather],
            vec![TensorProto { dims: stored.dims.clone(), ..whole_numbers(&name, &counted) }],
        ))
    }

    /// `CenterCropPad`: what is too long is cut, what is too short is padded with 0, the odd one at the end.
    fn centred(&self) -> Option<Made> {
        let shape = self.shape()?;
        let wanted = self.numbers(1, DataType::Int64)?;
        let rank = shape.len() as i64;
        let axes: Vec<i64> = match attribute(self.call, "axes") {
            Some(axes) => {
                axes.ints.iter().map(|&axis| if axis < 0 { axis + rank } else { axis }).collect()
            }
            None => (0..rank).collect(),
        };
        let (mut starts, mut ends) = (vec![], vec![]);
        let mut pads = vec![0; 2 * shape.len()];
        for (&axis, &wanted) in axes.iter().zip(&wanted) {
            let at = usize::try_from(axis).ok()?;
            let length = *shape.get(at)? as i64;
            let cut = (length - wanted).max(0) / 2;
            starts.push(cut);
            ends.push(cut + wanted.min(length));
            let missing = (wanted - length).max(0);
            pads[at] = missing / 2;
            pads[at + shape.len()] = missing - missing / 2;
        }
        let pieces = ["starts", "ends", "axes", "pads"].map(|piece| self.named(piece));
        let cut = self.named("cut");
        let slice =
            node(&cut, "Slice", &[self.given(0)?, &pieces[0], &pieces[1], &pieces[2]], &cut);
        let pad = node(&self.call.name, "Pad", &[&cut, &pieces[3]], self.output()?);
        let values = [starts, ends, axes, pads];
        let stored =
            pieces.iter().zip(&values).map(|(name, values)| whole_numbers(name, values)).collect();
        Some((vec![slice, pad], stored))
    }
}
