//! `DFT` and `STFT` of a known length: products with a stored matrix of cosines and sines, since a Fourier transform is
//! linear. tract's own cannot be differentiated.
//!
//! `X[f] = Σ_n x[n] (cos(2π f n / N) − i sin(2π f n / N))`, real and imaginary part side by side on the last axis.

use std::f64::consts::TAU;

use tract_onnx::model::Onnx;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{ModelProto, NodeProto, TensorProto};

use super::graph::{
    attribute, can_be_stored, node, numbers, replace, whole_number, whole_number_list,
    whole_numbers,
};
use super::shapes::{known_value, shape_of};
use crate::tensor::scalar;

/// Writes out every transform whose length is known.
pub(super) fn write_out(model: &mut ModelProto, reader: &Onnx, input: (&str, &[usize])) {
    let opset = super::opset(model);
    let count = model.graph.as_ref().map_or(0, |graph| graph.node.len());
    for place in (0..count).rev() {
        let found = model.graph.as_ref().and_then(|graph| graph.node.get(place));
        let is_transform = |node: &&NodeProto| ["DFT", "STFT"].contains(&node.op_type.as_str());
        let Some(call) = found.filter(is_transform).cloned() else { continue };
        let transform = Transform { model, reader, input, opset, call: &call };
        let pieces = match call.op_type.as_str() {
            "DFT" => transform.whole(),
            "STFT" => transform.frames(),
            _ => None,
        };
        let Some(pieces) = pieces else { continue };
        if let Some(graph) = &mut model.graph {
            graph.initializer.extend(pieces.stored);
            replace(graph, place, pieces.nodes);
        }
    }
}

/// What a node becomes.
#[derive(Default)]
struct Pieces {
    nodes: Vec<NodeProto>,
    stored: Vec<TensorProto>,
}

impl Pieces {
    fn put(&mut self, name: &str, op_type: &str, inputs: &[&str], list: Option<(&str, &[i64])>) {
        let mut made = node(name, op_type, inputs, name);
        made.attribute.extend(list.map(|(name, values)| whole_number_list(name, values)));
        self.nodes.push(made);
    }

    fn reshape(&mut self, name: &str, value: &str, shape: &[i64]) {
        let sides = format!("{name}.shape");
        self.stored.push(whole_numbers(&sides, shape));
        self.put(name, "Reshape", &[value, &sides], None);
    }
}

struct Transform<'a> {
    model: &'a ModelProto,
    reader: &'a Onnx,
    input: (&'a str, &'a [usize]),
    opset: i64,
    call: &'a NodeProto,
}

impl Transform<'_> {
    fn named(&self, piece: &str) -> String {
        format!("{}.{piece}", self.call.name)
    }

    fn is_set(&self, name: &str) -> bool {
        attribute(self.call, name).is_some_and(|attribute| attribute.i != 0)
    }

    fn given(&self, slot: usize) -> Option<&str> {
        self.call.input.get(slot).map(String::as_str).filter(|name| !name.is_empty())
    }

    fn shape(&self) -> Option<Vec<usize>> {
        shape_of(self.model, self.reader, self.given(0)?, self.input)
    }

    fn whole_number(&self, slot: usize) -> Option<i64> {
        let asked = (self.given(slot)?, DataType::Int64);
        let known = known_value(self.model, self.reader, asked, self.input)?;
        scalar::<i64>(&known).ok()
    }

    /// `DFT`: the axis goes last but one, is multiplied, and goes back.
    fn whole(&self) -> Option<Pieces> {
        let mut shape = self.shape()?;
        let rank = shape.len() as i64;
        let axis = match self.opset {
            ..=19 => attribute(self.call, "axis").map_or(1, |axis| axis.i),
            _ => self.given(2).map_or(Some(-2), |_| self.whole_number(2))?,
        };
        let axis = usize::try_from(if axis < 0 { axis + rank } else { axis }).ok()?;
        let parts = *shape.last()?;
        if axis + 1 >= shape.len()
            || !(1..=2).contains(&parts)
            || (self.is_set("inverse") && self.is_set("onesided"))
        {
            return None;
        }
        let length = match self.given(1) {
            Some(_) => usize::try_from(self.whole_number(1)?).ok()?,
            None => shape[axis],
        };
        let frequencies = if self.is_set("onesided") { length / 2 + 1 } else { length };
        let taken = shape[axis];
        let matrix = matrix(
            taken.min(length),
            taken,
            length,
            frequencies,
            parts,
            self.is_set("inverse"),
            None,
        )?;
        let mut pieces = Pieces::default();
        let last_but_one = shape.len() - 2;
        let mut order: Vec<i64> = (0..rank).filter(|&other| other != axis as i64).collect();
        order.insert(last_but_one, axis as i64);
        let (turned, rows, product) =
            (self.named("turned"), self.named("rows"), self.named("product"));
        pieces.put(&turned, "Transpose", &[self.given(0)?], Some(("perm", &order)));
        shape.remove(axis);
        shape.pop();
        let front: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
        let with = |last: &[i64]| front.iter().chain(last).copied().collect::<Vec<i64>>();
        pieces.reshape(&rows, &turned, &with(&[(taken * parts) as i64]));
        let waves = self.named("waves");
        pieces.stored.push(numbers(&waves, &matrix, Some(&[taken * parts, frequencies * 2])));
        pieces.put(&product, "MatMul", &[&rows, &waves], None);
        let apart = self.named("parts");
        pieces.reshape(&apart, &product, &with(&[frequencies as i64, 2]));
        let mut back: Vec<i64> = (0..rank).filter(|&other| other != last_but_one as i64).collect();
        back.insert(axis, last_but_one as i64);
        let mut turned_back =
            node(&self.call.name, "Transpose", &[&apart], self.call.output.first()?);
        turned_back.attribute.push(whole_number_list("perm", &back));
        pieces.nodes.push(turned_back);
        Some(pieces)
    }

    /// `STFT`: frames are gathered, and multiplied by windowed waves.
    fn frames(&self) -> Option<Pieces> {
        let shape = self.shape()?;
        let is_real = shape.len() == 2 || shape.get(2) == Some(&1);
        let (batch, length) = (*shape.first()?, *shape.get(1)?);
        let step = usize::try_from(self.whole_number(1)?).ok().filter(|&step| step > 0)?;
        let window = match self.given(2) {
            Some(window) => {
                let asked = (window, DataType::Float);
                let known = known_value(self.model, self.reader, asked, self.input)?;
                let known = known.cast_to::<f32>().ok()?;
                Some(known.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec())
            }
            None => None,
        };
        let frame = match (self.given(3), &window) {
            (Some(_), _) => usize::try_from(self.whole_number(3)?).ok()?,
            (None, Some(window)) => window.len(),
            (None, None) => return None,
        };
        let is_whole = window.as_ref().is_none_or(|window| window.len() == frame);
        if !is_real || frame == 0 || frame > length || !is_whole {
            return None;
        }
        let is_onesided = attribute(self.call, "onesided").is_none_or(|onesided| onesided.i != 0);
        let frequencies = if is_onesided { frame / 2 + 1 } else { frame };
        let count = (length - frame) / step + 1;
        let matrix = matrix(frame, frame, frame, frequencies, 1, false, window.as_deref())?;
        let mut pieces = Pieces::default();
        let (row, frames, product) =
            (self.named("row"), self.named("frames"), self.named("product"));
        pieces.reshape(&row, self.given(0)?, &[batch as i64, length as i64]);
        let places: Vec<i64> =
            (0..count).flat_map(|at| (0..frame).map(move |n| (at * step + n) as i64)).collect();
        let indices = self.named("places");
        let dims = vec![count as i64, frame as i64];
        pieces.stored.push(TensorProto { dims, ..whole_numbers(&indices, &places) });
        pieces.put(&frames, "Gather", &[&row, &indices], None);
        pieces.nodes.last_mut()?.attribute.push(whole_number("axis", 1));
        let waves = self.named("waves");
        pieces.stored.push(numbers(&waves, &matrix, Some(&[frame, frequencies * 2])));
        pieces.put(&product, "MatMul", &[&frames, &waves], None);
        let sides = self.named("sides");
        let shape = [batch as i64, count as i64, frequencies as i64, 2];
        pieces.stored.push(whole_numbers(&sides, &shape));
        pieces.nodes.push(node(
            &self.call.name,
            "Reshape",
            &[&product, &sides],
            self.call.output.first()?,
        ));
        Some(pieces)
    }
}

/// The matrix from `taken` numbers of one or two parts, the first `used` of which count, to frequencies of two parts.
fn matrix(
    used: usize,
    taken: usize,
    length: usize,
    frequencies: usize,
    parts: usize,
    is_inverse: bool,
    window: Option<&[f32]>,
) -> Option<Vec<f32>> {
    let (rows, columns) = (taken * parts, frequencies * 2);
    if length == 0 || !can_be_stored(&[rows, columns]) {
        return None;
    }
    let (sign, scale) = if is_inverse { (1.0, 1.0 / length as f64) } else { (-1.0, 1.0) };
    let mut matrix = vec![0.0; rows * columns];
    for n in 0..used {
        let weight = scale * window.map_or(1.0, |window| f64::from(window[n]));
        for f in 0..frequencies {
            let angle = TAU * ((n * f) % length) as f64 / length as f64;
            let (real, imaginary) = (weight * angle.cos(), sign * weight * angle.sin());
            let mut put = |part: usize, values: [f64; 2]| {
                let at = (n * parts + part) * columns + 2 * f;
                matrix[at..at + 2].copy_from_slice(&values.map(|value| value as f32));
            };
            put(0, [real, imaginary]);
            if parts == 2 {
                // i times the same.
                put(1, [-imaginary, real]);
            }
        }
    }
    Some(matrix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_is_found_at_its_frequency_and_comes_back() {
        let forward = matrix(4, 4, 4, 4, 1, false, None).unwrap();
        let wave = [1.0, 0.0, -1.0, 0.0];
        let transformed: Vec<f32> =
            (0..8).map(|at| (0..4).map(|n| wave[n] * forward[n * 8 + at]).sum()).collect();
        let expected = [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 2.0, 0.0];
        assert!(
            transformed.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6),
            "{transformed:?}"
        );
        let inverse = matrix(4, 4, 4, 4, 2, true, None).unwrap();
        let back: Vec<f32> =
            (0..8).map(|at| (0..8).map(|n| transformed[n] * inverse[n * 8 + at]).sum()).collect();
        let expected = [1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0];
        assert!(back.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{back:?}");
    }
}
