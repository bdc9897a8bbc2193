//! `ConvTranspose` whose padding is said by the size that is to come out, or by name: as numbers, which tract reads right.

use tract_onnx::model::Onnx;
use tract_onnx::pb::ModelProto;

use super::graph::{attribute, whole_number_list};
use super::shapes::shape_of;

/// Works the padding out from the output's size: `pads = stride (length − 1) + extra + kernel − size`.
pub(super) fn give_pads(model: &mut ModelProto, reader: &Onnx, input: (&str, &[usize])) {
    let count = model.graph.as_ref().map_or(0, |graph| graph.node.len());
    for place in 0..count {
        let Some(pads) = pads(model, reader, input, place) else { continue };
        if let Some(graph) = &mut model.graph {
            let node = &mut graph.node[place];
            let said = ["auto_pad", "output_padding", "output_shape", "pads"];
            node.attribute.retain(|attribute| !said.contains(&attribute.name.as_str()));
            let (pads, extra) = pads;
            node.attribute.push(whole_number_list("pads", &pads));
            node.attribute.push(whole_number_list("output_padding", &extra));
        }
    }
}

/// The padding before and behind all axes, and what is added behind, where there is less than none.
fn pads(
    model: &ModelProto,
    reader: &Onnx,
    input: (&str, &[usize]),
    place: usize,
) -> Option<(Vec<i64>, Vec<i64>)> {
    let node = model.graph.as_ref()?.node.get(place)?;
    if node.op_type != "ConvTranspose" {
        return None;
    }
    let asked = attribute(node, "output_shape");
    let is_same = attribute(node, "auto_pad").is_some_and(|padding| padding.s.starts_with(b"SAME"));
    if asked.is_none() && !is_same {
        return None;
    }
    let shape = shape_of(model, reader, node.input.first()?, input)?;
    let positions = shape.get(2..)?;
    let axes = positions.len();
    if asked.is_some_and(|sizes| sizes.ints.len() < axes) {
        return None;
    }
    let list = |name: &str, usual: i64| {
        let given = attribute(node, name).map(|list| list.ints.clone());
        given.filter(|list| list.len() == axes).unwrap_or_else(|| vec![usual; axes])
    };
    let kernel = shape_of(model, reader, node.input.get(1)?, input)?;
    let (strides, dilations) = (list("strides", 1), list("dilations", 1));
    let mut extra = list("output_padding", 0);
    let sizes: Vec<i64> = match asked {
        // Some exporters write the first two axes too.
        Some(sizes) => sizes.ints.iter().copied().skip(sizes.ints.len() - axes).collect(),
        None => (positions.iter().zip(&strides))
            .map(|(&length, stride)| length as i64 * stride)
            .collect(),
    };
    let puts_more_first =
        attribute(node, "auto_pad").is_none_or(|padding| padding.s != b"SAME_UPPER");
    let mut pads = vec![0; 2 * axes];
    for axis in 0..axes {
        let length = positions[axis] as i64;
        let reach = (*kernel.get(axis + 2)? as i64 - 1) * dilations[axis] + 1;
        let total = strides[axis] * (length - 1) + extra[axis] + reach - sizes[axis];
        let half = total.max(0) / 2;
        let rest = total.max(0) - half;
        (pads[axis], pads[axis + axes]) = if puts_more_first { (rest, half) } else { (half, rest) };
        extra[axis] += (-total).max(0);
    }
    Some((pads, extra))
}
