//! Operators that compute with quantised numbers, as the real-valued ones that they stand for between two
//! quantisations: `QLinearConv` is a `Conv` of dequantised operands whose result is quantised.
//!
//! A value that is quantised and dequantised by the same numbers is one node then ([`FAKE_QUANTIZE`]): relevance does
//! not see the numbers in between, whose zero point would get a share.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, NodeProto};

use super::super::quantization::{FAKE_QUANTIZE, ROUND};
use super::graph::{constant, node, number, whole_number};

/// The quantised operators that have one operand, one scale of it and one of the result.
const OF_ONE: [(&str, &str); 6] = [
    ("QLinearAveragePool", "AveragePool"),
    ("QLinearGlobalAveragePool", "GlobalAveragePool"),
    ("QLinearLeakyRelu", "LeakyRelu"),
    ("QLinearReduceMean", "ReduceMean"),
    ("QLinearSigmoid", "Sigmoid"),
    ("QLinearSoftmax", "Softmax"),
];

/// Writes every such operator out, and joins what quantises and dequantises.
pub(super) fn write_out(graph: &mut GraphProto) {
    let nodes = std::mem::take(&mut graph.node);
    let mut written = Written { graph, nodes: vec![] };
    nodes.into_iter().for_each(|node| written.write(node));
    let nodes = written.nodes;
    graph.node = nodes;
    join_pairs(graph);
}

/// The graph that is written anew.
struct Written<'a> {
    graph: &'a mut GraphProto,
    nodes: Vec<NodeProto>,
}

impl Written<'_> {
    fn write(&mut self, mut node: NodeProto) {
        let input = |slot: usize| node.input.get(slot).cloned().unwrap_or_default();
        let of = |slots: [usize; 3]| slots.map(input);
        let is_written = match node.op_type.as_str() {
            "QLinearConv" => {
                let [x, w] = [of([0, 1, 2]), of([3, 4, 5])];
                let bias = self.bias(&node, &input(8), [&x[1], &w[1]]);
                let x = self.dequantized(&node, "x", &x, 1);
                let w = self.dequantized(&node, "w", &w, 0);
                self.quantized(&node, "Conv", &[&x, &w, &bias], &[input(6), input(7)])
            }
            "QLinearMatMul" => {
                let a = self.dequantized(&node, "a", &of([0, 1, 2]), -2);
                let b = self.dequantized(&node, "b", &of([3, 4, 5]), -1);
                self.quantized(&node, "MatMul", &[&a, &b], &[input(6), input(7)])
            }
            "QLinearAdd" | "QLinearMul" => {
                let a = self.dequantized(&node, "a", &of([0, 1, 2]), 1);
                let b = self.dequantized(&node, "b", &of([3, 4, 5]), 1);
                let op_type = node.op_type.trim_start_matches("QLinear").to_string();
                self.quantized(&node, &op_type, &[&a, &b], &[input(6), input(7)])
            }
            "QLinearConcat" => {
                let slots = (2..node.input.len()).step_by(3);
                let parts: Vec<String> = slots
                    .map(|slot| {
                        let operand = of([slot, slot + 1, slot + 2]);
                        self.dequantized(&node, &format!("part{slot}"), &operand, 1)
                    })
                    .collect();
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                self.quantized(&node, "Concat", &parts, &[input(0), input(1)])
            }
            "QGemm" => {
                let transposes = node.attribute.iter().any(|a| a.name == "transB" && a.i != 0);
                let [a, b] = [of([0, 1, 2]), of([3, 4, 5])];
                let bias = self.bias(&node, &input(6), [&a[1], &b[1]]);
                let a = self.dequantized(&node, "a", &a, 0);
                let b = self.dequantized(&node, "b", &b, if transposes { 0 } else { 1 });
                self.quantized(&node, "Gemm", &[&a, &b, &bias], &[input(7), input(8)])
            }
            "MatMulInteger" => {
                let a = self.shifted(&node, "a", [&input(0), &input(2)], -2);
                let b = self.shifted(&node, "b", [&input(1), &input(3)], -1);
                self.quantized(&node, "MatMul", &[&a, &b], &[])
            }
            "ConvInteger" => {
                let x = self.shifted(&node, "x", [&input(0), &input(2)], 1);
                let w = self.shifted(&node, "w", [&input(1), &input(3)], 0);
                self.quantized(&node, "Conv", &[&x, &w], &[])
            }
            "MatMulIntegerToFloat" => {
                let a = self.dequantized(&node, "a", &of([0, 2, 4]), -2);
                let b = self.dequantized(&node, "b", &of([1, 3, 5]), -1);
                self.product_and_bias(&node, [&a, &b], &input(6))
            }
            "DynamicQuantizeMatMul" => {
                let a = self.dynamic(&node, "a", &input(0));
                let a = self.piece(&node, "Mul", &[&a.0, &a.1], "a");
                let b = self.dequantized(&node, "b", &of([1, 2, 3]), -1);
                self.product_and_bias(&node, [&a, &b], &input(4))
            }
            "DynamicQuantizeLinear" => {
                let (numbers, scale) = self.dynamic(&node, "y", &input(0));
                let zero = format!("{}.zero_point", node.name);
                self.graph.initializer.push(number(&zero, 0.0));
                for (value, output) in [numbers, scale, zero].iter().zip(&node.output) {
                    if !output.is_empty() {
                        let name = format!("{}.{output}", node.name);
                        self.nodes.push(super::graph::node(&name, "Identity", &[value], output));
                    }
                }
                true
            }
            "QuantizeLinear" | "DequantizeLinear" => {
                node.domain.clear();
                false
            }
            op => match OF_ONE.iter().find(|(name, _)| *name == op) {
                Some((_, op_type)) => {
                    let x = self.dequantized(&node, "x", &of([0, 1, 2]), 1);
                    self.quantized(&node, op_type, &[&x], &[input(3), input(4)])
                }
                None => false,
            },
        };
        if !is_written {
            self.nodes.push(node);
        }
    }

    /// A node named after the one that is written out; its output has its name.
    fn piece(&mut self, of: &NodeProto, op_type: &str, inputs: &[&str], name: &str) -> String {
        let name = format!("{}.{name}", of.name);
        self.nodes.push(node(&name, op_type, inputs, &name));
        name
    }

    /// An operand as the real numbers that it stands for.
    fn dequantized(
        &mut self,
        of: &NodeProto,
        name: &str,
        [x, scale, zero]: &[String; 3],
        axis: i64,
    ) -> String {
        let inputs: Vec<&str> = [x, scale, zero].iter().map(|name| name.as_str()).collect();
        let inputs = if zero.is_empty() { &inputs[..2] } else { &inputs };
        let piece = self.piece(of, "DequantizeLinear", inputs, &format!("{name}_dequantized"));
        if let Some(made) = self.nodes.last_mut() {
            made.attribute.push(whole_number("axis", axis));
        }
        piece
    }

    /// Whole numbers less their zero point.
    fn shifted(
        &mut self,
        of: &NodeProto,
        name: &str,
        [x, zero]: [&String; 2],
        axis: i64,
    ) -> String {
        let one = format!("{}.{name}_scale", of.name);
        self.graph.initializer.push(number(&one, 1.0));
        self.dequantized(of, name, &[x.clone(), one, zero.clone()], axis)
    }

    /// A bias, whose scale is the product of those of the operands; nothing where there is none.
    fn bias(&mut self, of: &NodeProto, bias: &str, scales: [&str; 2]) -> String {
        if bias.is_empty() {
            return String::new();
        }
        let scale = self.piece(of, "Mul", &scales, "bias_scale");
        self.dequantized(of, "bias", &[bias.to_string(), scale, String::new()], 0)
    }

    /// The real-valued operator, and the quantisation of its result where there is one.
    fn quantized(
        &mut self,
        of: &NodeProto,
        op_type: &str,
        inputs: &[&str],
        result: &[String],
    ) -> bool {
        let inputs: Vec<&str> = inputs.iter().copied().filter(|name| !name.is_empty()).collect();
        let mut operator = of.clone();
        operator.op_type = op_type.to_string();
        operator.domain.clear();
        operator.input = inputs.iter().map(ToString::to_string).collect();
        let [scale, zero] = [0, 1].map(|at| result.get(at).cloned().unwrap_or_default());
        if scale.is_empty() {
            self.nodes.push(operator);
            return true;
        }
        let output = of.output.first().cloned().unwrap_or_default();
        let real = format!("{}.real", of.name);
        operator.output = vec![real.clone()];
        self.nodes.push(operator);
        let inputs: Vec<&str> = [&real, &scale, &zero]
            .into_iter()
            .map(String::as_str)
            .filter(|n| !n.is_empty())
            .collect();
        let name = format!("{}.quantized", of.name);
        self.nodes.push(node(&name, "QuantizeLinear", &inputs, &output));
        true
    }

    fn product_and_bias(&mut self, of: &NodeProto, [a, b]: [&str; 2], bias: &str) -> bool {
        let output = of.output.first().cloned().unwrap_or_default();
        if bias.is_empty() {
            self.nodes.push(node(&of.name, "MatMul", &[a, b], &output));
            return true;
        }
        let product = self.piece(of, "MatMul", &[a, b], "product");
        self.nodes.push(node(&of.name, "Add", &[&product, bias], &output));
        true
    }

    /// A value as whole numbers, 0 standing for 0, and their scale, which is that of its range:
    /// `(max(x, 0) − min(x, 0)) / 255`.
    fn dynamic(&mut self, of: &NodeProto, name: &str, x: &str) -> (String, String) {
        let named = |piece: &str| format!("{}.{name}_{piece}", of.name);
        let (zero, steps) = (named("none"), named("steps"));
        self.graph.initializer.extend([number(&zero, 0.0), number(&steps, 255.0)]);
        let at = |piece: &str| format!("{name}_{piece}");
        let high = self.piece(of, "ReduceMax", &[x], &at("high"));
        let low = self.piece(of, "ReduceMin", &[x], &at("low"));
        for made in self.nodes.iter_mut().rev().take(2) {
            made.attribute.push(whole_number("keepdims", 0));
        }
        let high = self.piece(of, "Max", &[&high, &zero], &at("above"));
        let low = self.piece(of, "Min", &[&low, &zero], &at("below"));
        let range = self.piece(of, "Sub", &[&high, &low], &at("range"));
        let scale = self.piece(of, "Div", &[&range, &steps], &at("scale"));
        let scaled = self.piece(of, "Div", &[x, &scale], &at("scaled"));
        (self.piece(of, ROUND, &[&scaled], &at("numbers")), scale)
    }
}

/// Makes one node of a quantisation and the dequantisation behind it by the same numbers.
fn join_pairs(graph: &mut GraphProto) {
    let quantizing = graph.node.iter().filter(|node| node.op_type == "QuantizeLinear");
    let quantizing: HashMap<&str, &NodeProto> =
        quantizing.filter_map(|node| Some((node.output.first()?.as_str(), node))).collect();
    let mut joined = vec![];
    for (place, behind) in graph.node.iter().enumerate() {
        let quantized = behind.input.first().and_then(|value| quantizing.get(value.as_str()));
        let Some(before) = quantized.filter(|_| behind.op_type == "DequantizeLinear") else {
            continue;
        };
        let is_same = |slot: usize| same_numbers(graph, before, behind, slot);
        if is_same(1) && is_same(2) {
            let mut input = before.input.clone();
            input.retain(|name| !name.is_empty());
            joined.push((place, input, before.attribute.clone()));
        }
    }
    for (place, input, attribute) in joined {
        let node = &mut graph.node[place];
        node.op_type = FAKE_QUANTIZE.to_string();
        (node.input, node.attribute) = (input, attribute);
    }
}

/// Whether two nodes read the same numbers in a slot.
fn same_numbers(graph: &GraphProto, a: &NodeProto, b: &NodeProto, slot: usize) -> bool {
    match (a.input.get(slot), b.input.get(slot)) {
        (Some(a), Some(b)) if a == b => true,
        (Some(a), Some(b)) => match (constant(graph, a), constant(graph, b)) {
            (Some(a), Some(b)) => {
                (a.data_type, &a.dims, &a.raw_data, &a.float_data, &a.int32_data)
                    == (b.data_type, &b.dims, &b.raw_data, &b.float_data, &b.int32_data)
            }
            _ => false,
        },
        (None, None) => true,
        _ => false,
    }
}
