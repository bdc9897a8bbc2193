//! `AffineGrid` of a known size: `grid = places · θᵀ`, the places being stored. tract has no such operator.

use tract_onnx::model::Onnx;
use tract_onnx::pb::ModelProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::graph::{
    attribute, can_be_stored, node, numbers, replace, whole_number_list, whole_numbers,
};
use super::shapes::known_value;

/// Writes out every grid whose size is known.
pub(super) fn write_out(model: &mut ModelProto, reader: &Onnx, input: (&str, &[usize])) {
    let count = model.graph.as_ref().map_or(0, |graph| graph.node.len());
    for place in (0..count).rev() {
        let found = model.graph.as_ref().and_then(|graph| graph.node.get(place));
        let Some(call) = found.filter(|node| node.op_type == "AffineGrid").cloned() else {
            continue;
        };
        let [theta, size] = call.input.as_slice() else { continue };
        let known = known_value(model, reader, (size, DataType::Int64), input);
        let sizes = known.and_then(|known| {
            let known = known.cast_to::<i64>().ok()?;
            Some(known.try_as_plain_ram().ok()?.as_slice::<i64>().ok()?.to_vec())
        });
        let sizes = sizes
            .filter(|sizes| (4..=5).contains(&sizes.len()) && sizes.iter().all(|&size| size > 0));
        let (Some(sizes), Some(graph)) = (sizes, &mut model.graph) else { continue };
        let aligns = attribute(&call, "align_corners").is_some_and(|aligns| aligns.i != 0);
        let lengths: Vec<usize> = sizes[2..].iter().map(|&length| length as usize).collect();
        if !can_be_stored(&lengths) {
            continue;
        }
        let named = |piece: &str| format!("{}.{piece}", call.name);
        let (places, turned, rows) = (named("places"), named("turned"), named("rows"));
        let count: usize = lengths.iter().product();
        let values = places_of(&lengths, aligns);
        graph.initializer.push(numbers(&places, &values, Some(&[1, count, lengths.len() + 1])));
        let mut turn = node(&turned, "Transpose", &[theta], &turned);
        turn.attribute.push(whole_number_list("perm", &[0, 2, 1]));
        let product = node(&rows, "MatMul", &[&places, &turned], &rows);
        let sides: Vec<i64> =
            [sizes[0]].iter().chain(&sizes[2..]).copied().chain([lengths.len() as i64]).collect();
        graph.initializer.push(whole_numbers(&named("sides"), &sides));
        let output = call.output.first().cloned().unwrap_or_default();
        let grid = node(&call.name, "Reshape", &[&rows, &named("sides")], &output);
        replace(graph, place, vec![turn, product, grid]);
    }
}

/// `[x, y, 1]` of every pixel, or `[x, y, z, 1]`: −1 and 1 are the edges, or the middles of the first and last pixel.
fn places_of(lengths: &[usize], aligns_corners: bool) -> Vec<f32> {
    let place = |at: usize, length: usize| match (aligns_corners, length) {
        (true, 1) => 0.0,
        (true, _) => 2.0 * at as f32 / (length as f32 - 1.0) - 1.0,
        (false, _) => (2.0 * at as f32 + 1.0) / length as f32 - 1.0,
    };
    let count: usize = lengths.iter().product();
    let mut values = vec![];
    for pixel in 0..count {
        let mut rest = pixel;
        // The last axis goes first.
        for &length in lengths.iter().rev() {
            values.push(place(rest % length, length));
            rest /= length;
        }
        values.push(1.0);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_axis_goes_first() {
        let edges = places_of(&[1, 2], false);
        assert_eq!(edges, [-0.5, 0.0, 1.0, 0.5, 0.0, 1.0]);
        assert_eq!(places_of(&[2, 2], true)[3..6], [1.0, -1.0, 1.0]);
    }
}
