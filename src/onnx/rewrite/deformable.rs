//! `DeformConv`: every weight of the window reads the picture at a place of its own, moved by a computed offset. So it is a
//! `GridSample` of all places, `[N · groups, C / groups, taps, H' · W']`, times the mask, and a 1 x 1 convolution over
//! channels and taps. tract has no such operator.

use tract_onnx::model::Onnx;
use tract_onnx::pb::{ModelProto, NodeProto};

use super::asked::{Asked, Made, replace_each};
use super::graph::{can_be_stored, node, numbers, whole_number, whole_number_list, whole_numbers};

/// Writes out every deformable convolution of two axes whose sizes are known.
pub(super) fn write_out(model: &mut ModelProto, reader: &Onnx, input: (&str, &[usize])) {
    replace_each(model, reader, input, &["DeformConv"], |asked| {
        let window = Window::of(asked)?;
        let can = can_be_stored(&[&window.kernel[..], &window.output[..], &[2]].concat());
        can.then(|| asked.sampled(&window)).flatten()
    });
}

/// The geometry of a deformable convolution.
struct Window {
    /// Of the picture: channels, height, width.
    image: [usize; 3],
    /// Height and width of the result.
    output: [usize; 2],
    /// Height and width of the window.
    kernel: [usize; 2],
    weight: Vec<usize>,
    groups: i64,
    offset_groups: i64,
    /// For each axis: stride, dilation, padding in front.
    steps: [[i64; 3]; 2],
}

impl Window {
    fn of(asked: &Asked) -> Option<Window> {
        let &[_, channels, height, width] = asked.shape(0)?.as_slice() else { return None };
        let weight = asked.shape(1)?;
        let &[_, _, rows, columns] = weight.as_slice() else { return None };
        let &[_, _, output_height, output_width] = asked.shape(2)?.as_slice() else { return None };
        let strides = asked.whole_list("strides", &[1, 1]);
        let dilations = asked.whole_list("dilations", &[1, 1]);
        let pads = asked.whole_list("pads", &[0, 0, 0, 0]);
        let steps =
            [0, 1].map(|axis| Some([*strides.get(axis)?, *dilations.get(axis)?, *pads.get(axis)?]));
        Some(Window {
            image: [channels, height, width],
            output: [output_height, output_width],
            kernel: [rows, columns],
            weight,
            groups: asked.whole("group", 1),
            offset_groups: asked.whole("offset_group", 1).max(1),
            steps: [steps[0]?, steps[1]?],
        })
    }

    fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    fn positions(&self) -> usize {
        self.output.iter().product()
    }

    /// Where every tap reads without an offset: `[taps, (y, x), positions]`.
    fn places(&self) -> Vec<f32> {
        let mut places = vec![];
        for tap in 0..self.taps() {
            let of_tap = [tap / self.kernel[1], tap % self.kernel[1]];
            for axis in 0..2 {
                let [stride, dilation, pad] = self.steps[axis];
                for position in 0..self.positions() {
                    let at = [position / self.output[1], position % self.output[1]][axis] as i64;
                    places.push((at * stride - pad + of_tap[axis] as i64 * dilation) as f32);
                }
            }
        }
        places
    }
}

impl Asked<'_> {
    fn sampled(&self, window: &Window) -> Option<Made> {
        let (taps, positions) = (window.taps() as i64, window.positions() as i64);
        let [channels, height, width] = window.image.map(|length| length as i64);
        let groups = window.offset_groups;
        // 0 keeps the length of an axis.
        let batch = if groups == 1 { 0 } else { -1 };
        let mut parts = Parts { asked: self, nodes: vec![], stored: vec![] };
        let signals =
            parts.reshape("signals", self.given(0)?, &[batch, channels / groups, height, width]);
        let moves = parts.reshape("moves", self.given(2)?, &[batch, taps, 2, positions]);

        let shape = [1, window.taps(), 2, window.positions()];
        let places = parts.sum("places", &moves, "Add", (&window.places(), &shape));
        // −1 and 1 are the edges of the picture.
        let lengths = [height as f32, width as f32];
        let factors = lengths.map(|length| 2.0 / length);
        let scaled = parts.sum("scaled", &places, "Mul", (&factors, &[1, 1, 2, 1]));
        let shifts = lengths.map(|length| 1.0 / length - 1.0);
        let shares = parts.sum("shares", &scaled, "Add", (&shifts, &[1, 1, 2, 1]));

        // x comes before y in a grid, and both on the last axis.
        parts.stored.push(whole_numbers(&self.named("swap"), &[1, 0]));
        let swapped = parts.node("swapped", "Gather", &[&shares, &self.named("swap")]);
        parts.last()?.attribute.push(whole_number("axis", 2));
        let grid = parts.node("grid", "Transpose", &[&swapped]);
        parts.last()?.attribute.push(whole_number_list("perm", &[0, 1, 3, 2]));
        let mut read = parts.node("read", "GridSample", &[&signals, &grid]);
        if let Some(mask) = self.given(4) {
            let mask = parts.reshape("mask", mask, &[batch, 1, taps, positions]);
            read = parts.node("masked", "Mul", &[&read, &mask]);
        }
        let [rows, columns] = window.output.map(|length| length as i64);
        let side_by_side = [batch, channels * taps, rows, columns];
        let side_by_side = parts.reshape("side_by_side", &read, &side_by_side);
        let weight: Vec<i64> = window.weight.iter().map(|&length| length as i64).collect();
        let weight = parts.reshape("weight", self.given(1)?, &[weight[0], weight[1] * taps, 1, 1]);
        let inputs: Vec<&str> =
            [&*side_by_side, &*weight].into_iter().chain(self.given(3)).collect();
        let mut convolution = node(&self.call.name, "Conv", &inputs, self.output()?);
        convolution.attribute.push(whole_number("group", window.groups));
        parts.nodes.push(convolution);
        Some((parts.nodes, parts.stored))
    }
}

/// The pieces that are made of a node.
struct Parts<'a> {
    asked: &'a Asked<'a>,
    nodes: Vec<NodeProto>,
    stored: Vec<tract_onnx::pb::TensorProto>,
}

impl Parts<'_> {
    /// Adds a node; the name of its output.
    fn node(&mut self, piece: &str, operator: &str, inputs: &[&str]) -> String {
        let name = self.asked.named(piece);
        self.nodes.push(node(&name, operator, inputs, &name));
        name
    }

    fn last(&mut self) -> Option<&mut NodeProto> {
        self.nodes.last_mut()
    }

    fn reshape(&mut self, piece: &str, value: &str, shape: &[i64]) -> String {
        let sides = self.asked.named(&format!("{piece}_sides"));
        self.stored.push(whole_numbers(&sides, shape));
        self.node(piece, "Reshape", &[value, &sides])
    }

    /// A value and stored numbers, by an operator.
    fn sum(
        &mut self,
        piece: &str,
        value: &str,
        operator: &str,
        (values, shape): (&[f32], &[usize]),
    ) -> String {
        let name = self.asked.named(&format!("{piece}_numbers"));
        self.stored.push(numbers(&name, values, Some(shape)));
        self.node(piece, operator, &[value, &name])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_lie_where_those_of_a_convolution_do() {
        let window = Window {
            image: [1, 4, 4],
            output: [2, 2],
            kernel: [1, 2],
            weight: vec![1, 1, 1, 2],
            groups: 1,
            offset_groups: 1,
            steps: [[2, 1, 0], [2, 3, 1]],
        };
        let places = window.places();
        assert_eq!(places[..8], [0.0, 0.0, 2.0, 2.0, -1.0, 1.0, -1.0, 1.0]);
        assert_eq!(places[12..], [2.0, 4.0, 2.0, 4.0]);
    }
}
