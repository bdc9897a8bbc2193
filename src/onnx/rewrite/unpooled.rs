//! `MaxUnpool` of a `MaxPool` whose windows do not overlap: every value goes back to the place of its window where the
//! largest was, the others are 0. tract has no such operator.

use tract_onnx::model::Onnx;
use tract_onnx::pb::ModelProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::asked::{Asked, Made, replace_each};
use super::graph::{node, number, producer, whole_number, whole_number_list, whole_numbers};

/// Writes out every such operator.
pub(super) fn write_out(model: &mut ModelProto, reader: &Onnx, input: (&str, &[usize])) {
    replace_each(model, reader, input, &["MaxUnpool"], |asked| asked.unpooled());
    // Nobody reads the places of the largest any more.
    let Some(graph) = &mut model.graph else { return };
    let read: Vec<String> = (graph.node.iter().flat_map(|node| &node.input))
        .chain(graph.output.iter().map(|output| &output.name))
        .cloned()
        .collect();
    for pool in graph.node.iter_mut().filter(|node| node.op_type == "MaxPool") {
        if pool.output.get(1).is_some_and(|places| !read.contains(places)) {
            pool.output.truncate(1);
        }
    }
}

impl Asked<'_> {
    fn unpooled(&self) -> Option<Made> {
        let graph = self.model.graph.as_ref()?;
        let pool = producer(graph, self.given(1)?).filter(|node| node.op_type == "MaxPool")?;
        let pool = Asked { call: pool, ..*self };
        let shape = pool.shape(0)?;
        let kernel = pool.whole_list("kernel_shape", &[]);
        let ones = vec![1; kernel.len()];
        let overlaps = pool.whole_list("strides", &ones) != kernel
            || pool.whole_list("dilations", &ones) != ones
            || pool.whole_list("pads", &[]).iter().any(|&pad| pad != 0)
            || pool.whole("ceil_mode", 0) != 0
            || pool.whole("storage_order", 0) != 0
            || !["NOTSET", "VALID"].contains(&&*pool.word("auto_pad", "NOTSET"));
        if overlaps || shape.len() != kernel.len() + 2 {
            return None;
        }
        let lengths: Vec<i64> = shape[2..].iter().map(|&length| length as i64).collect();
        let windows: Vec<i64> =
            lengths.iter().zip(&kernel).map(|(length, side)| length / side).collect();
        let covered: Vec<i64> =
            windows.iter().zip(&kernel).map(|(count, side)| count * side).collect();
        // The places count in the picture that was pooled: another size would scatter them elsewhere.
        let size = match self.given(2) {
            Some(_) => self.numbers(2, DataType::Int64)?.split_off(2),
            None => covered.clone(),
        };
        if size != lengths {
            return None;
        }
        self.scattered(
            pool.given(0)?,
            shape[1] as i64,
            &Windows { lengths, kernel, windows, covered },
        )
    }

    fn scattered(&self, pooled: &str, channels: i64, sides: &Windows) -> Option<Made> {
        let axes = sides.kernel.len();
        let taps: i64 = sides.kernel.iter().product();
        let (mut nodes, mut stored) = (vec![], vec![]);
        let apart = interleaved(&sides.windows, &sides.kernel);
        let mut keep = |name: &str, list: &[i64]| {
            let name = self.named(name);
            stored.push(whole_numbers(&name, list));
            name
        };
        let piece = |name: &str| self.named(name);
        let (start, axis_list) = (
            keep("starts", &vec![0; axes]),
            keep("axes", &(2..axes as i64 + 2).collect::<Vec<i64>>()),
        );
        let (end, apart) = (
            keep("ends", &sides.covered),
            keep("apart_sides", &[&[0, channels], &*apart].concat()),
        );
        let rows = keep("row_sides", &[&[0, channels], &*sides.windows, &[taps]].concat());
        let single = keep("single_sides", &[&[0, channels], &*sides.windows, &[1]].concat());
        let within =
            keep("within_sides", &[&[0, channels], &*sides.windows, &sides.kernel].concat());
        let whole = keep("whole_sides", &[&[0, channels], &*sides.covered].concat());
        let tap_list = keep("taps", &(0..taps).collect::<Vec<i64>>());
        let beyond: Vec<i64> = sides
            .lengths
            .iter()
            .zip(&sides.covered)
            .map(|(length, covered)| length - covered)
            .collect();
        let pads = keep("pads", &[&vec![0; axes + 4][..], &beyond].concat());
        let mut push = |name: &str, operator: &str, inputs: &[&str]| {
            let name = piece(name);
            nodes.push(node(&name, operator, inputs, &name));
            name
        };
        // Which place of its window is the largest: the windows become rows.
        let cut = push("cut", "Slice", &[pooled, &start, &end, &axis_list]);
        let apart = push("apart", "Reshape", &[&cut, &apart]);
        let ordered = push("ordered", "Transpose", &[&apart]);
        let in_rows = push("in_rows", "Reshape", &[&ordered, &rows]);
        let places = push("places", "ArgMax", &[&in_rows]);
        let is_chosen = push("is_chosen", "Equal", &[&places, &tap_list]);
        let single = push("single", "Reshape", &[self.given(0)?, &single]);
        let scattered = push("scattered", "Where", &[&is_chosen, &single, &piece("nothing")]);
        let within = push("within", "Reshape", &[&scattered, &within]);
        let back = push("back", "Transpose", &[&within]);
        let whole = push("whole", "Reshape", &[&back, &whole]);
        nodes.push(node(&self.call.name, "Pad", &[&whole, &pads], self.output()?));
        let spatial = axes as i64;
        let to_rows =
            (0..spatial).map(|axis| 2 + 2 * axis).chain((0..spatial).map(|axis| 3 + 2 * axis));
        let to_picture = (0..spatial).flat_map(|axis| [2 + axis, 2 + spatial + axis]);
        for found in &mut nodes {
            let order = match found.name.strip_prefix(&self.call.name) {
                Some(".ordered") => to_rows.clone().collect(),
                Some(".back") => to_picture.clone().collect(),
                Some(".places") => {
                    found.attribute.push(whole_number("axis", -1));
                    continue;
                }
                _ => continue,
            };
            let order: Vec<i64> = order;
            found.attribute.push(whole_number_list("perm", &[&[0, 1], &*order].concat()));
        }
        stored.push(number(&piece("nothing"), 0.0));
        Some((nodes, stored))
    }
}

/// The windows of a pooling, for each spatial axis.
struct Windows {
    /// Of the picture.
    lengths: Vec<i64>,
    /// Of a window.
    kernel: Vec<i64>,
    /// How many windows there are.
    windows: Vec<i64>,
    /// How many positions they cover.
    covered: Vec<i64>,
}

fn interleaved(a: &[i64], b: &[i64]) -> Vec<i64> {
    a.iter().zip(b).flat_map(|(&a, &b)| [a, b]).collect()
}
