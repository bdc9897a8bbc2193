//! The ellipsis of an `Einsum`, which tract miscounts, as letters: `...w,wd->...d` of three axes is `ABw,wd->ABd`.

use tract_onnx::model::Onnx;
use tract_onnx::pb::ModelProto;

use super::graph::attribute;
use super::shapes::shape_of;

/// Writes letters for the dots of every `Einsum` whose inputs have known shapes.
pub(super) fn write_letters(model: &mut ModelProto, reader: &Onnx, input: (&str, &[usize])) {
    let count = model.graph.as_ref().map_or(0, |graph| graph.node.len());
    for place in 0..count {
        let Some(equation) = spelled_out(model, reader, input, place) else { continue };
        let node = model.graph.as_mut().and_then(|graph| graph.node.get_mut(place));
        let attributes = node.into_iter().flat_map(|node| &mut node.attribute);
        for attribute in attributes.filter(|attribute| attribute.name == "equation") {
            attribute.s = equation.clone().into_bytes();
        }
    }
}

/// The equation of an `Einsum` without dots; `None` where there is nothing to do, or axes are broadcast.
fn spelled_out(
    model: &ModelProto,
    reader: &Onnx,
    input: (&str, &[usize]),
    place: usize,
) -> Option<String> {
    let node = model.graph.as_ref()?.node.get(place)?;
    if node.op_type != "Einsum" {
        return None;
    }
    let equation = String::from_utf8(attribute(node, "equation")?.s.clone()).ok()?.replace(' ', "");
    let (terms, output) = equation.split_once("->").filter(|_| equation.contains("..."))?;
    let terms: Vec<&str> = terms.split(',').collect();
    let unused: Vec<char> =
        ('A'..='Z').chain('a'..='z').filter(|&letter| !equation.contains(letter)).collect();
    let (mut most, mut spelled, mut lengths) = (0, vec![], vec![None; unused.len()]);
    for (term, value) in terms.iter().zip(&node.input) {
        let shape = shape_of(model, reader, value, input)?;
        let Some((before, behind)) = term.split_once("...") else {
            spelled.push((*term).to_string());
            continue;
        };
        let hidden = shape.len().checked_sub(before.len() + behind.len())?;
        most = most.max(hidden);
        // The last axes of the dots are the same in all terms.
        let letters: Vec<char> = unused.get(..hidden)?.iter().rev().copied().collect();
        for (at, &length) in shape[before.len()..before.len() + hidden].iter().rev().enumerate() {
            if *lengths[at].get_or_insert(length) != length {
                return None;
            }
        }
        spelled.push(format!("{before}{}{behind}", letters.into_iter().collect::<String>()));
    }
    let letters: String = unused.get(..most)?.iter().rev().collect();
    Some(format!("{}->{}", spelled.join(","), output.replace("...", &letters)))
}
