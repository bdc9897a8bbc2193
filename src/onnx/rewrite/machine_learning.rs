//! Operators of scikit-learn's exports (the domain `ai.onnx.ml`) as standard ones:
//!
//! - `Scaler`: `(x − offset) · scale`;
//! - `LinearClassifier`: the scores `σ(W x + b)`, with a softmax, a sigmoid or nothing for `σ`;
//! - `LinearRegressor`: `W x + b`;
//! - `Normalizer`: `x / Σ|x|`, `x / √Σx²` or `x / max|x|` of every row;
//! - `ArrayFeatureExtractor` of one stored place: a column stays a column.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto};

use super::graph::{
    attribute, constant, node, numbers, read_whole_numbers, replace, whole_number, whole_numbers,
};

/// Writes all of them out that are known.
pub(super) fn write_out(graph: &mut GraphProto, opset: i64) {
    for place in (0..graph.node.len()).rev() {
        let learned = graph.node[place].clone();
        if learned.domain != "ai.onnx.ml" {
            continue;
        }
        let written = match learned.op_type.as_str() {
            "Scaler" => scaler(&learned),
            "LinearClassifier" => linear(&learned, ["coefficients", "intercepts"], 1),
            "LinearRegressor" => linear(&learned, ["coefficients", "intercepts"], 0),
            "Normalizer" => normalizer(&learned, opset),
            "ArrayFeatureExtractor" => column(&learned, graph),
            _ => None,
        };
        if let Some((nodes, stored)) = written {
            replace(graph, place, nodes);
            graph.initializer.extend(stored);
        }
    }
}

/// Nodes, and what they read.
type Written = (Vec<NodeProto>, Vec<TensorProto>);

/// The place is a number without an axis, for which tract drops the axis.
fn column(extractor: &NodeProto, graph: &GraphProto) -> Option<Written> {
    let [value, place] = extractor.input.as_slice() else { return None };
    let stored = constant(graph, place).filter(|place| place.dims.is_empty())?;
    let places = format!("{}.places", extractor.name);
    let stored = whole_numbers(&places, &read_whole_numbers(stored)?);
    let mut gather = node(&extractor.name, "Gather", &[value, &places], extractor.output.first()?);
    gather.attribute.push(whole_number("axis", -1));
    Some((vec![gather], vec![stored]))
}

fn scaler(scaler: &NodeProto) -> Option<Written> {
    let named = |piece: &str| format!("{}.{piece}", scaler.name);
    let (offset, scale, centred) = (named("offset"), named("scale"), named("centred"));
    let stored = vec![
        numbers(&offset, &attribute(scaler, "offset")?.floats, None),
        numbers(&scale, &attribute(scaler, "scale")?.floats, None),
    ];
    let nodes = vec![
        node(&centred, "Sub", &[scaler.input.first()?, &offset], &centred),
        node(&named("scaled"), "Mul", &[&centred, &scale], scaler.output.first()?),
    ];
    Some((nodes, stored))
}

/// A matrix product, with what comes behind it; `slot` is the output that holds the scores.
fn linear(learned: &NodeProto, [weights, biases]: [&str; 2], slot: usize) -> Option<Written> {
    let named = |piece: &str| format!("{}.{piece}", learned.name);
    let weights = &attribute(learned, weights)?.floats;
    let targets = attribute(learned, "targets").map_or(1, |targets| targets.i.max(1) as usize);
    let biases = match attribute(learned, biases) {
        Some(biases) => biases.floats.clone(),
        // Validation made sure that there is a row of weights for each.
        None => vec![0.0; targets],
    };
    let behind = match attribute(learned, "post_transform").map_or(&b"NONE"[..], |word| &word.s) {
        b"NONE" => "Identity",
        b"LOGISTIC" => "Sigmoid",
        b"SOFTMAX" => "Softmax",
        _ => return None,
    };
    let inputs = weights.len() / biases.len().max(1);
    let (matrix, bias, scores) = (named("matrix"), named("bias"), named("scores"));
    let stored = vec![
        numbers(&matrix, weights, Some(&[biases.len(), inputs])),
        numbers(&bias, &biases, None),
    ];
    let mut product = node(&scores, "Gemm", &[learned.input.first()?, &matrix, &bias], &scores);
    product.attribute.push(whole_number("transB", 1));
    let mut function = node(&named("function"), behind, &[&scores], learned.output.get(slot)?);
    if behind == "Softmax" {
        function.attribute.push(whole_number("axis", 1));
    }
    Some((vec![product, function], stored))
}

fn normalizer(normalizer: &NodeProto, opset: i64) -> Option<Written> {
    let named = |piece: &str| format!("{}.{piece}", normalizer.name);
    let reduction = match attribute(normalizer, "norm").map_or(&b"MAX"[..], |norm| &norm.s) {
        b"L1" => "ReduceL1",
        b"L2" => "ReduceL2",
        _ => return None,
    };
    let (x, norm, axes) = (normalizer.input.first()?, named("norm"), named("axes"));
    let mut stored = vec![];
    let mut reduce = node(&norm, reduction, &[x], &norm);
    if opset >= 18 {
        reduce.input.push(axes.clone());
        stored.push(whole_numbers(&axes, &[1]));
    } else {
        reduce.attribute.push(AttributeProto {
            name: "axes".to_string(),
            ints: vec![1],
            r#type: AttributeType::Ints as i32,
            ..AttributeProto::default()
        });
    }
    let quotient = node(&named("quotient"), "Div", &[x, &norm], normalizer.output.first()?);
    Some((vec![reduce, quotient], stored))
}
