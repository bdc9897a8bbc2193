//! Moves that a stored list decides, as gathers: `Compress`, `ReverseSequence`, the negative indices of `GatherND`; and
//! `CenterCropPad` as a slice and a padding. tract has no such operators, or reads another thing.

use tract_onnx::model::Onnx;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};

use super::asked::{Asked, Made, replace_each};
use super::graph::{
    attribute, can_be_stored, node, read_whole_numbers, whole_number, whole_numbers,
};

/// Writes out every such move.
pub(super) fn write_out(model: &mut ModelProto, reader: &Onnx, input: (&str, &[usize])) {
    const MOVES: [&str; 4] = ["CenterCropPad", "Compress", "GatherND", "ReverseSequence"];
    replace_each(model, reader, input, &MOVES, |asked| match asked.call.op_type.as_str() {
        "CenterCropPad" => asked.centred(),
        "Compress" => asked.compressed(),
        "GatherND" => asked.gathered(),
        _ => asked.reversed(),
    });
}

impl Asked<'_> {
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
            let axis = self.axis("axis", 0, self.shape(0)?.len())?;
            let (gather, positions) = self.gather(value, axis, &positions)?;
            return Some((vec![gather], vec![positions]));
        }
        let (row, sides) = (self.named("row"), self.named("sides"));
        let reshape = node(&row, "Reshape", &[value, &sides], &row);
        let (gather, positions) = self.gather(&row, 0, &positions)?;
        Some((vec![reshape, gather], vec![whole_numbers(&sides, &[-1]), positions]))
    }

    /// `ReverseSequence`: the first so many positions the other way round. Where sequences have several lengths, batch
    /// and time are one axis for the gather.
    fn reversed(&self) -> Option<Made> {
        let shape = self.shape(0).filter(|shape| shape.len() >= 2)?;
        let lengths = self.numbers(1, DataType::Int64)?;
        let time = self.axis("time_axis", 0, shape.len())?;
        let batch = self.axis("batch_axis", 1, shape.len())?;
        let total = *shape.get(time)? as i64;
        let fits = lengths.iter().all(|length| (0..=total).contains(length));
        if !can_be_stored(&shape[..2])
            || !fits
            || lengths.len() != shape[batch]
            || time.max(batch) != 1
            || time == batch
        {
            return None;
        }
        let turned = |length: i64| (0..length).rev().chain(length..total);
        let value = self.given(0)?;
        if lengths.iter().all(|length| *length == lengths[0]) {
            let positions: Vec<i64> = turned(*lengths.first()?).collect();
            let (gather, positions) = self.gather(value, time, &positions)?;
            return Some((vec![gather], vec![positions]));
        }
        let place = |at: i64, of: usize| match time {
            0 => at * lengths.len() as i64 + of as i64,
            _ => of as i64 * total + at,
        };
        let orders: Vec<Vec<i64>> =
            lengths.iter().map(|&length| turned(length).collect()).collect();
        let mut positions = vec![0; shape[0] * shape[1]];
        for (of, order) in orders.iter().enumerate() {
            for (at, &from) in order.iter().enumerate() {
                positions[place(at as i64, of) as usize] = place(from, of);
            }
        }
        let pieces = ["joined", "joined_sides", "taken", "positions", "sides"];
        let [joined, joined_sides, taken, stored, sides] = &pieces.map(|piece| self.named(piece));
        let axes: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
        let all: Vec<i64> = [&[axes[0] * axes[1]], &axes[2..]].concat();
        let nodes = vec![
            node(joined, "Reshape", &[value, joined_sides], joined),
            node(taken, "Gather", &[joined, stored], taken),
            node(&self.call.name, "Reshape", &[taken, sides], self.output()?),
        ];
        let stored = [(joined_sides, all), (stored, positions), (sides, axes)];
        Some((nodes, stored.iter().map(|(name, list)| whole_numbers(name, list)).collect()))
    }

    /// `GatherND`: indices that count from the end, counted from the start.
    fn gathered(&self) -> Option<Made> {
        let graph: &GraphProto = self.model.graph.as_ref()?;
        let stored = super::graph::constant(graph, self.given(1)?)?;
        let indices = read_whole_numbers(stored)?;
        if indices.iter().all(|&index| index >= 0) {
            return None;
        }
        let shape = self.shape(0)?;
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
        let shape = self.shape(0)?;
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
