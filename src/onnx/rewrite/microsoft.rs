//! onnxruntime's own operators, which its optimiser leaves in files, as the standard operators that they were made of.

use anyhow::{Result, bail, ensure};
use tract_hir::internal::*;
use tract_hir::ops::matmul::MatMulInference;
use tract_onnx::model::{Onnx, ParsingContext};
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto};

use super::batch_first::{self, BATCH_BEHIND};
use super::graph::{attribute, constant, node, number, whole_numbers};

/// A product of matrices, which may be transposed first.
const FUSED_MAT_MUL: &str = "FusedMatMul";

/// Tells tract of what is no sequence of standard operators.
pub(super) fn register(reader: &mut Onnx) {
    reader.op_register.insert(FUSED_MAT_MUL, fused_mat_mul);
    batch_first::register(reader);
}

fn fused_mat_mul(
    _context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let is_set = |name: &str| attribute(node, name).is_some_and(|attribute| attribute.i != 0);
    let product =
        MatMulInference::default().with_a_trans(is_set("transA")).with_b_trans(is_set("transB"));
    Ok((expand(product), vec![]))
}

/// Writes out what can be written out.
///
/// # Errors
/// When a node has a part that is not known.
pub(super) fn write_out(graph: &mut GraphProto) -> anyhow::Result<()> {
    for mut fused in std::mem::take(&mut graph.node) {
        match (fused.domain.as_str(), fused.op_type.as_str()) {
            ("com.microsoft", "FusedConv") => convolution(graph, fused)?,
            ("com.microsoft", "FusedGemm") => gemm(graph, fused)?,
            ("com.microsoft", FUSED_MAT_MUL) => product(graph, fused),
            ("com.microsoft", "Attention") => attention(graph, fused)?,
            ("com.microsoft", "SkipLayerNormalization" | "SkipSimplifiedLayerNormalization") => {
                skip_normalization(graph, fused);
            }
            ("com.microsoft", "MultiHeadAttention") => {
                fused.domain.clear();
                graph.node.push(fused);
            }
            _ => graph.node.push(fused),
        }
    }
    Ok(())
}

/// `activation(Conv(x, w, b) + z)`
fn convolution(graph: &mut GraphProto, fused: NodeProto) -> Result<()> {
    let summed = fused.input.get(3).filter(|name| !name.is_empty()).cloned();
    let parameters = attribute(&fused, "activation_params").map(|a| a.floats.clone());
    let mut convolution = NodeProto {
        op_type: "Conv".to_string(),
        input: fused.input.iter().take(3).cloned().collect(),
        ..fused.clone()
    };
    while convolution.input.last().is_some_and(String::is_empty) {
        convolution.input.pop();
    }
    let mut value = format!("{}.convolved", fused.name);
    finish(graph, convolution, &value);
    if let Some(summand) = summed {
        let sum = format!("{}.sum", fused.name);
        graph.node.push(node(&sum, "Add", &[&value, &summand], &sum));
        value = sum;
    }
    activation(graph, &fused, &value, &parameters.unwrap_or_default())
}

/// `activation(Gemm(a, b, c))`
fn gemm(graph: &mut GraphProto, fused: NodeProto) -> Result<()> {
    let number = |name: &str| attribute(&fused, name).map(|attribute| attribute.f);
    let parameters = ["activation_alpha", "activation_beta", "activation_gamma"].map(number);
    let parameters: Vec<f32> = parameters.into_iter().flatten().collect();
    let value = format!("{}.product", fused.name);
    finish(graph, NodeProto { op_type: "Gemm".to_string(), ..fused.clone() }, &value);
    activation(graph, &fused, &value, &parameters)
}

/// `alpha · A B`, of factors whose batch may stand in the place of rows.
fn product(graph: &mut GraphProto, mut fused: NodeProto) {
    let alpha = attribute(&fused, "alpha").map_or(1.0, |alpha| alpha.f);
    fused.domain.clear();
    for (slot, name) in ["transBatchA", "transBatchB"].into_iter().enumerate() {
        let is_set = attribute(&fused, name).is_some_and(|attribute| attribute.i != 0);
        if let Some(factor) = fused.input.get_mut(slot).filter(|_| is_set) {
            let moved = format!("{}.{name}", fused.name);
            graph.node.push(node(&moved, BATCH_BEHIND, &[factor.as_str()], &moved));
            *factor = moved;
        }
    }
    if alpha == 1.0 {
        graph.node.push(fused);
        return;
    }
    let (value, factor) = (format!("{}.product", fused.name), format!("{}.alpha", fused.name));
    let output = fused.output.first().cloned().unwrap_or_default();
    let scaled = node(&format!("{}.scaled", fused.name), "Mul", &[&value, &factor], &output);
    fused.output = vec![value];
    graph.initializer.push(number(&factor, alpha));
    graph.node.extend([fused, scaled]);
}

/// The operator without what is fused to it; its result is `value`.
fn finish(graph: &mut GraphProto, mut operator: NodeProto, value: &str) {
    operator.domain.clear();
    operator.output = vec![value.to_string()];
    operator.attribute.retain(|attribute| !attribute.name.starts_with("activation"));
    graph.node.push(operator);
}

/// The activation behind a fused operator.
fn activation(
    graph: &mut GraphProto,
    fused: &NodeProto,
    value: &str,
    parameters: &[f32],
) -> Result<()> {
    let name = attribute(fused, "activation").map(|a| String::from_utf8_lossy(&a.s).into_owned());
    let op_type = name.unwrap_or_else(|| "Identity".to_string());
    let names: &[&str] = match op_type.as_str() {
        "LeakyRelu" | "Elu" | "ThresholdedRelu" => &["alpha"],
        "HardSigmoid" => &["alpha", "beta"],
        "Selu" => &["alpha", "gamma"],
        "Clip" | "Identity" | "Relu" | "Sigmoid" | "Softplus" | "Softsign" | "Tanh" => &[],
        _ => bail!("the {} node \"{}\" has the activation {op_type}", fused.op_type, fused.name),
    };
    let output = fused.output.first().cloned().unwrap_or_default();
    let mut inputs = vec![value.to_string()];
    if op_type == "Clip" {
        for (bound, &limit) in ["low", "high"].into_iter().zip(parameters) {
            inputs.push(format!("{}.{bound}", fused.name));
            graph.initializer.push(number(&format!("{}.{bound}", fused.name), limit));
        }
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let mut activation = node(&format!("{}.activation", fused.name), &op_type, &inputs, &output);
    let numbers = names.iter().zip(parameters);
    activation.attribute.extend(numbers.map(|(name, &value)| AttributeProto {
        name: (*name).to_string(),
        f: value,
        r#type: tract_onnx::pb::attribute_proto::AttributeType::Float as i32,
        ..AttributeProto::default()
    }));
    graph.node.push(activation);
    Ok(())
}

/// The projections to queries, keys and values by one weight, and the attention of several heads.
fn attention(graph: &mut GraphProto, fused: NodeProto) -> Result<()> {
    let given = |slot: usize| fused.input.get(slot).filter(|name| !name.is_empty()).cloned();
    let is_plain = given(3).is_none()
        && given(4).is_none()
        && fused.input.iter().skip(6).all(String::is_empty)
        && fused.output.iter().skip(1).all(String::is_empty);
    let what = format!("the Attention node \"{}\" of com.microsoft", fused.name);
    ensure!(is_plain, "{what} has a mask of keys or a past");
    let [x, weight, bias] =
        [0, 1, 2].map(|slot| fused.input.get(slot).cloned().unwrap_or_default());
    let width = constant(graph, &weight).and_then(|weight| weight.dims.get(1)).copied();
    let Some(width) = width else {
        bail!("{what} has no stored weight of queries, keys and values");
    };
    let sizes = attribute(&fused, "qkv_hidden_sizes").map(|sizes| sizes.ints.clone());
    let sizes = sizes.unwrap_or_else(|| vec![width / 3; 3]);
    ensure!(
        sizes.len() == 3 && sizes.iter().sum::<i64>() == width,
        "{what} has a weight of the width {width} for the sizes {sizes:?}"
    );
    let named = |piece: &str| format!("{}.{piece}", fused.name);
    let mut joined = named("projected");
    graph.node.push(node(&joined, "MatMul", &[&x, &weight], &joined));
    if !bias.is_empty() {
        let biased = named("biased");
        graph.node.push(node(&biased, "Add", &[&joined, &bias], &biased));
        joined = biased;
    }
    let axis = named("axis");
    graph.initializer.push(whole_numbers(&axis, &[2]));
    let mut parts = vec![];
    for (index, part) in ["query", "key", "value"].into_iter().enumerate() {
        let bounds = [index, index + 1].map(|at| sizes[..at].iter().sum::<i64>());
        let [start, end] = [named(&format!("{part}_start")), named(&format!("{part}_end"))];
        graph.initializer.push(whole_numbers(&start, &bounds[..1]));
        graph.initializer.push(whole_numbers(&end, &bounds[1..]));
        let name = named(part);
        graph.node.push(node(&name, "Slice", &[&joined, &start, &end, &axis], &name));
        parts.push(name);
    }
    if let Some(summand) = given(5) {
        parts.extend([String::new(), String::new(), summand]);
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let output = fused.output.first().cloned().unwrap_or_default();
    let mut heads = node(&fused.name, "MultiHeadAttention", &parts, &output);
    let known = ["num_heads", "scale", "unidirectional"];
    let kept = fused.attribute.into_iter().filter(|a| known.contains(&a.name.as_str()));
    heads.attribute.extend(kept);
    graph.node.push(heads);
    Ok(())
}

/// The normalisation of a sum, which may be handed out too.
fn skip_normalization(graph: &mut GraphProto, fused: NodeProto) {
    let is_simplified = fused.op_type == "SkipSimplifiedLayerNormalization";
    let given = |slot: usize| fused.input.get(slot).filter(|name| !name.is_empty()).cloned();
    let named = |piece: &str| format!("{}.{piece}", fused.name);
    let output = |slot: usize| fused.output.get(slot).filter(|name| !name.is_empty()).cloned();
    let (first, second) = (given(0).unwrap_or_default(), given(1).unwrap_or_default());
    let bias = given(if is_simplified { 3 } else { 4 });
    let sum = output(3).unwrap_or_else(|| named("sum"));
    match bias {
        Some(bias) => {
            let plain = named("plain_sum");
            graph.node.push(node(&plain, "Add", &[&first, &second], &plain));
            graph.node.push(node(&named("sum"), "Add", &[&plain, &bias], &sum));
        }
        None => graph.node.push(node(&named("sum"), "Add", &[&first, &second], &sum)),
    }
    let (op_type, slots) = match is_simplified {
        true => ("SimplifiedLayerNormalization", 2..3),
        false => ("LayerNormalization", 2..4),
    };
    let inputs: Vec<String> = std::iter::once(sum).chain(slots.filter_map(given)).collect();
    let mut norm = NodeProto {
        op_type: op_type.to_string(),
        domain: String::new(),
        input: inputs,
        output: output(0).into_iter().collect(),
        ..fused.clone()
    };
    if attribute(&norm, "epsilon").is_none() {
        norm.attribute.push(AttributeProto {
            name: "epsilon".to_string(),
            f: 1e-12,
            r#type: tract_onnx::pb::attribute_proto::AttributeType::Float as i32,
            ..AttributeProto::default()
        });
    }
    graph.node.push(norm);
}
