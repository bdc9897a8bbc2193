//! Attention that tract does not read, or not whole, written out: `softmax(c · tanh(scale · Q Kᵀ / c) + mask) V`.
//!
//! - `Attention` with a softcap `c`.
//! - onnxruntime's `MultiHeadAttention`: a bias of queries, keys and values, a summand of the scores, later keys hidden.

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto};

use super::graph::{
    attribute, constant, node, number, replace, whole_number, whole_number_list, whole_numbers,
};

/// Writes out every such attention. Masks are summands already.
pub(super) fn write_out(graph: &mut GraphProto) {
    for place in (0..graph.node.len()).rev() {
        let call = graph.node[place].clone();
        let parts = match call.op_type.as_str() {
            "Attention" => capped(&call),
            "MultiHeadAttention" => of_several_heads(graph, &call),
            _ => None,
        };
        let Some(parts) = parts else { continue };
        let mut pieces = Pieces { graph: &mut *graph, name: call.name.clone(), nodes: vec![] };
        pieces.attention(parts, call.output.first().map_or("", String::as_str));
        let nodes = pieces.nodes;
        replace(graph, place, nodes);
    }
}

/// What an attention is made of.
struct Parts {
    /// Queries, keys and values.
    signals: [String; 3],
    /// What is added to them, and how wide the parts of it are.
    bias: Option<(String, [i64; 3])>,
    /// The heads of queries, and of keys and values, that are side by side on the last axis.
    heads: Option<[i64; 2]>,
    scale: Option<f32>,
    cap: Option<f32>,
    hides_later: bool,
    /// What is added to the scores.
    mask: Option<String>,
}

fn signals(call: &NodeProto) -> Option<[String; 3]> {
    let signals = [0, 1, 2].map(|slot| call.input.get(slot).cloned().unwrap_or_default());
    signals.iter().all(|name| !name.is_empty()).then_some(signals)
}

fn has_one_output(call: &NodeProto) -> bool {
    call.output.iter().skip(1).all(String::is_empty)
}

fn is_set(call: &NodeProto, name: &str) -> bool {
    attribute(call, name).is_some_and(|attribute| attribute.i != 0)
}

/// The parts of an `Attention` with a softcap and without a past.
fn capped(call: &NodeProto) -> Option<Parts> {
    let cap = attribute(call, "softcap").map(|cap| cap.f).filter(|&cap| cap != 0.0)?;
    let has_past = call.input.iter().skip(4).any(|name| !name.is_empty());
    let heads = |name: &str| attribute(call, name).map_or(0, |heads| heads.i);
    let heads = [heads("q_num_heads"), heads("kv_num_heads")];
    (!has_past && has_one_output(call)).then_some(Parts {
        signals: signals(call)?,
        bias: None,
        heads: (heads[0] > 0).then_some(heads),
        scale: attribute(call, "scale").map(|scale| scale.f),
        cap: Some(cap),
        hides_later: is_set(call, "is_causal"),
        mask: call.input.get(3).filter(|mask| !mask.is_empty()).cloned(),
    })
}

/// The parts of a `MultiHeadAttention` without a past and without a mask of keys.
fn of_several_heads(graph: &GraphProto, call: &NodeProto) -> Option<Parts> {
    let given = |slot: usize| call.input.get(slot).filter(|name| !name.is_empty()).cloned();
    let is_plain = given(4).is_none() && call.input.iter().skip(6).all(String::is_empty);
    let heads = attribute(call, "num_heads").map(|heads| heads.i).filter(|&heads| heads > 0)?;
    let bias = match given(3) {
        Some(bias) => {
            let width = *constant(graph, &bias)?.dims.first()? / 3;
            Some((bias, [width; 3]))
        }
        None => None,
    };
    (is_plain && has_one_output(call)).then_some(Parts {
        signals: signals(call)?,
        bias,
        heads: Some([heads; 2]),
        scale: attribute(call, "scale").map(|scale| scale.f).filter(|&scale| scale != 0.0),
        cap: None,
        hides_later: is_set(call, "unidirectional"),
        mask: given(5),
    })
}

/// The nodes that a node becomes, each named after it.
struct Pieces<'a> {
    graph: &'a mut GraphProto,
    name: String,
    nodes: Vec<NodeProto>,
}

impl Pieces<'_> {
    fn named(&self, piece: &str) -> String {
        format!("{}.{piece}", self.name)
    }

    /// A node whose value is named as it is.
    fn put(
        &mut self,
        piece: &str,
        op_type: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> String {
        let name = self.named(piece);
        let mut made = node(&name, op_type, inputs, &name);
        made.attribute = attributes;
        self.nodes.push(made);
        name
    }

    fn number(&mut self, piece: &str, value: f32) -> String {
        let name = self.named(piece);
        self.graph.initializer.push(number(&name, value));
        name
    }

    fn whole_numbers(&mut self, piece: &str, values: &[i64]) -> String {
        let name = self.named(piece);
        self.graph.initializer.push(whole_numbers(&name, values));
        name
    }

    fn attention(&mut self, parts: Parts, output: &str) {
        let Parts { signals, bias, heads, scale, cap, hides_later, mask } = parts;
        let [mut q, mut k, mut v] = match bias {
            Some((bias, widths)) => self.biased(signals, &bias, widths),
            None => signals,
        };
        if let Some([queries, keys]) = heads {
            q = self.heads("queries", &q, queries, queries);
            k = self.heads("keys", &k, keys, queries);
            v = self.heads("values", &v, keys, queries);
        }
        let scale = match scale {
            Some(scale) => self.number("scale", scale),
            None => self.usual_scale(&q),
        };
        let scaled = self.put("scaled", "Mul", &[&q, &scale], vec![]);
        let order = vec![whole_number_list("perm", &[0, 1, 3, 2])];
        let turned = self.put("turned", "Transpose", &[&k], order);
        let mut scores = self.put("scores", "MatMul", &[&scaled, &turned], vec![]);
        if let Some(cap) = cap {
            let cap = self.number("cap", cap);
            let share = self.put("share", "Div", &[&scores, &cap], vec![]);
            let bounded = self.put("bounded", "Tanh", &[&share], vec![]);
            scores = self.put("capped", "Mul", &[&bounded, &cap], vec![]);
        }
        if hides_later {
            let later = self.later(&scores);
            scores = self.put("causal", "Add", &[&scores, &later], vec![]);
        }
        if let Some(mask) = mask {
            scores = self.put("masked", "Add", &[&scores, &mask], vec![]);
        }
        let weights = self.put("weights", "Softmax", &[&scores], vec![whole_number("axis", -1)]);
        let mut mixed = self.put("mixed", "MatMul", &[&weights, &v], vec![]);
        if heads.is_some() {
            let order = vec![whole_number_list("perm", &[0, 2, 1, 3])];
            mixed = self.put("back", "Transpose", &[&mixed], order);
            let shape = self.whole_numbers("joined", &[0, 0, -1]);
            mixed = self.put("rows", "Reshape", &[&mixed, &shape], vec![]);
        }
        self.nodes.push(node(&self.name, "Identity", &[&mixed], output));
    }

    /// Queries, keys and values, each with its part of a bias.
    fn biased(&mut self, signals: [String; 3], bias: &str, widths: [i64; 3]) -> [String; 3] {
        let mut start = 0;
        let pieces = ["query_bias", "key_bias", "value_bias"];
        let mut parts = pieces.into_iter().zip(signals).zip(widths);
        [(); 3].map(|()| {
            let Some(((piece, signal), width)) = parts.next() else { return String::new() };
            let from = self.whole_numbers(&format!("{piece}.from"), &[start]);
            let to = self.whole_numbers(&format!("{piece}.to"), &[start + width]);
            start += width;
            let part = self.put(&format!("{piece}.part"), "Slice", &[bias, &from, &to], vec![]);
            self.put(piece, "Add", &[&signal, &part], vec![])
        })
    }

    /// `[N, L, heads · E]` as `[N, heads, L, E]`; every head of keys or values serves as many queries as there are for it.
    fn heads(&mut self, piece: &str, value: &str, count: i64, wanted: i64) -> String {
        let shape = self.whole_numbers(&format!("{piece}.shape"), &[0, 0, count, -1]);
        let apart = self.put(&format!("{piece}.apart"), "Reshape", &[value, &shape], vec![]);
        let order = vec![whole_number_list("perm", &[0, 2, 1, 3])];
        let heads = self.put(&format!("{piece}.heads"), "Transpose", &[&apart], order);
        if count == wanted || count < 1 {
            return heads;
        }
        let served: Vec<i64> = (0..wanted).map(|head| head * count / wanted).collect();
        let served = self.whole_numbers(&format!("{piece}.served"), &served);
        self.put(
            &format!("{piece}.repeated"),
            "Gather",
            &[&heads, &served],
            vec![whole_number("axis", 1)],
        )
    }

    /// One over the root of the heads' length.
    fn usual_scale(&mut self, queries: &str) -> String {
        let shape = self.put("scale.shape", "Shape", &[queries], vec![]);
        let last = self.whole_numbers("scale.last", &[3]);
        let length =
            self.put("scale.length", "Gather", &[&shape, &last], vec![whole_number("axis", 0)]);
        let to = vec![whole_number("to", DataType::Float as i64)];
        let number = self.put("scale.number", "Cast", &[&length], to);
        let root = self.put("scale.root", "Sqrt", &[&number], vec![]);
        self.put("scale", "Reciprocal", &[&root], vec![])
    }

    /// −∞ for every key that comes after its query.
    fn later(&mut self, scores: &str) -> String {
        let shape = self.put("later.shape", "Shape", &[scores], vec![]);
        let last = self.whole_numbers("later.last", &[2, 3]);
        let sides =
            self.put("later.sides", "Gather", &[&shape, &last], vec![whole_number("axis", 0)]);
        let hidden = self.number("later.hidden", f32::NEG_INFINITY);
        let all = self.put("later.all", "Expand", &[&hidden, &sides], vec![]);
        let above = self.whole_numbers("later.above", &[1]);
        // A number, not a vector.
        self.graph.initializer.iter_mut().filter(|t| t.name == above).for_each(|t| t.dims.clear());
        self.put("later", "Trilu", &[&all, &above], vec![whole_number("upper", 1)])
    }
}
