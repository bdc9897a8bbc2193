//! What is rewritten in the file before tract reads it: each against its formula, or against the file without it.

mod batch;

use onnxplain::onnx::{LoadOptions, Model};
use onnxplain::tensor::Tensor;
use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{
    AttributeProto, FunctionProto, ModelProto, NodeProto, StringStringEntryProto, TensorProto,
};

use super::{spread, weight};
use crate::support::onnx::{Axis, Graph, fixed, float, floats, int, ints, load_bytes, text};
use crate::support::{difference, message};

/// A graph with a dense head, whose output `build` goes on from.
fn with_head(classes: usize, build: impl FnOnce(&mut Graph, &str) -> String) -> Graph {
    let mut graph = Graph::with_input(13, &[1, 6]);
    let w = weight(&mut graph, &[classes, 6]);
    let scores = graph.node("Gemm", &["x", &w], &[int("transB", 1)]);
    let output = build(&mut graph, &scores);
    graph.output(&output);
    graph
}

/// Loads a graph whose messages were changed as a whole.
fn load_changed(graph: &Graph, change: impl FnOnce(&mut ModelProto)) -> anyhow::Result<Model> {
    let mut model = ModelProto::decode(graph.bytes().as_slice()).unwrap();
    change(&mut model);
    load_bytes(&model.encode_to_vec(), &LoadOptions::default())
}

fn output(model: &Model, input: &[f32]) -> Vec<f32> {
    let input = Tensor::new(&model.inputs[0].shape, input).unwrap();
    model.network.evaluate(&input).unwrap().data().to_vec()
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert!(difference(found, expected) < 1e-5, "{what}: {found:?} is not {expected:?}");
}

#[test]
fn local_functions_are_inlined_with_their_attributes() {
    let mut graph = Graph::with_input(13, &[1, 4]);
    let y = graph.node("Bend", &["x"], &[float("steepness", 0.25)]);
    let y = graph.node("Bend", &[&y], &[float("steepness", 0.5)]);
    graph.output(&y);
    for node in &mut graph.proto.node {
        node.domain = "pkg".to_string();
    }
    let referring = AttributeProto {
        name: "alpha".to_string(),
        ref_attr_name: "steepness".to_string(),
        r#type: AttributeType::Float as i32,
        ..AttributeProto::default()
    };
    let node = |op: &str, input: &str, output: &str, attribute: Vec<AttributeProto>| NodeProto {
        op_type: op.to_string(),
        input: vec![input.to_string()],
        output: vec![output.to_string()],
        attribute,
        ..NodeProto::default()
    };
    let function = FunctionProto {
        name: Some("Bend".to_string()),
        domain: Some("pkg".to_string()),
        input: vec!["a".to_string()],
        output: vec!["c".to_string()],
        attribute: vec!["steepness".to_string()],
        node: vec![
            node("LeakyRelu", "a", "b", vec![referring]),
            node("Identity", "b", "c", vec![]),
        ],
        ..FunctionProto::default()
    };
    let model = load_changed(&graph, |model| model.functions.push(function)).unwrap();
    assert_close(&output(&model, &[1.0, -2.0, 4.0, -8.0]), &[1.0, -0.25, 4.0, -1.0], "function");
}

#[test]
fn a_branch_is_taken_where_the_size_decides() {
    let of_size = |size: usize| {
        let mut graph = Graph::new(13);
        let axes = [Axis::Fixed(1), Axis::Fixed(1), Axis::Symbol("h"), Axis::Symbol("w")];
        graph.input("x", &axes, DataType::Float);
        let shape = graph.node("Shape", &["x"], &[]);
        let two = graph.ints(&[2]);
        let height = graph.node("Gather", &[&shape, &two], &[]);
        let four = graph.ints(&[4]);
        let condition = graph.node("Greater", &[&height, &four], &[]);
        let branch = |op: &str, name: &str| {
            let mut inner = Graph::new(13);
            let y = inner.node(op, &["x"], &[]);
            inner.output(&y);
            let attribute = AttributeProto {
                name: name.to_string(),
                r#type: AttributeType::Graph as i32,
                ..AttributeProto::default()
            };
            AttributeProto { g: Some(inner.proto), ..attribute }
        };
        let branches = [branch("Relu", "then_branch"), branch("GlobalAveragePool", "else_branch")];
        let y = graph.node("If", &[&condition], &branches);
        graph.output(&y);
        graph.load_with(&LoadOptions { size: Some([size, 1]), ..LoadOptions::default() }).unwrap()
    };
    assert_eq!(output(&of_size(5), &[1.0, -2.0, 3.0, -4.0, 5.0]), [1.0, 0.0, 3.0, 0.0, 5.0]);
    assert_eq!(output(&of_size(4), &[1.0, 2.0, 3.0, 6.0]), [3.0]);
}

#[test]
fn files_that_end_in_classes_are_cut_back_to_the_scores() {
    let scores = output(&with_head(3, |_, scores| scores.to_string()).load().unwrap(), &[0.5; 6]);
    let text = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect();
    let names: Vec<Vec<u8>> = text(&["ant", "bee", "cat"]);
    let argmax = with_head(3, |g, scores| {
        let class = g.node("ArgMax", &[scores], &[int("axis", 1), int("keepdims", 0)]);
        g.node("Cast", &[&class], &[int("to", DataType::Int32 as i64)])
    });
    let topk = with_head(3, |g, scores| {
        let two = g.ints(&[2]);
        g.named_node("top", "TopK", &[scores, &two], &["values", "classes"], &[]);
        "classes".to_string()
    });
    let by_label = with_head(3, |g, scores| {
        let class = g.node("ArgMax", &[scores], &[int("axis", 1)]);
        let labels = g.tensor(TensorProto {
            name: "labels".to_string(),
            dims: vec![3],
            data_type: DataType::String as i32,
            string_data: names.clone(),
            ..TensorProto::default()
        });
        g.node("ArrayFeatureExtractor", &[&labels, &class], &[])
    });
    let mapped = with_head(3, |g, scores| {
        let labels = AttributeProto {
            name: "classlabels_strings".to_string(),
            r#type: AttributeType::Strings as i32,
            strings: names.clone(),
            ..AttributeProto::default()
        };
        g.node("ZipMap", &[scores], &[labels])
    });
    for (graph, has_labels) in [(argmax, false), (topk, false), (by_label, true), (mapped, true)] {
        let model = graph.load().unwrap();
        let op = &graph.proto.node.last().unwrap().op_type;
        assert_close(&output(&model, &[0.5; 6]), &scores, op);
        let labels = model.labels.as_ref().map(|labels| labels.names().join(" "));
        assert_eq!(labels.as_deref(), has_labels.then_some("ant bee cat"), "{op}");
        let told = model.notes.join("\n");
        assert!(told.contains("gemm_0_out"), "{told}");
    }
    let named = load_changed(&with_head(2, |_, scores| scores.to_string()), |model| {
        let (key, value) = ("names".to_string(), "{0: 'ant', 1: 'bee'}".to_string());
        model.metadata_props.push(StringStringEntryProto { key, value });
    });
    assert_eq!(named.unwrap().labels.unwrap().names(), ["ant", "bee"]);
}

#[test]
fn what_the_output_does_not_need_is_not_looked_at() {
    let mut graph = with_head(3, |g, scores| {
        g.input("mask", &fixed(&[1, 2]), DataType::Float);
        let unknown = g.node("NobodyKnowsThis", &["mask"], &[]);
        g.node("Add", &[&unknown, "mask"], &[]);
        scores.to_string()
    });
    graph.output("add_2_out");
    assert_eq!(output(&graph.load().unwrap(), &[0.5; 6]).len(), 3);
}

#[test]
fn operators_of_a_foreign_domain_are_not_those_of_the_standard() {
    let mut graph = with_head(3, |g, scores| g.node("Relu", &[scores], &[]));
    for (domain, way_out) in
        [("org.example", "standard operators"), ("com.microsoft.nchwc", "optimisation")]
    {
        graph.proto.node[1].domain = domain.to_string();
        let told = message(graph.load());
        assert!(told.contains(&format!("{domain}.Relu: relu_1")), "{told}");
        assert!(told.contains(way_out), "{told}");
    }
}

#[test]
fn the_slopes_of_celu_and_swish_are_read() {
    let values = [-3.0f32, -0.5, 0.0, 2.0];
    for alpha in [0.3f32, 1.0, 2.5] {
        for op in ["Celu", "Swish"] {
            let mut graph = Graph::with_input(24, &[1, 4]);
            let y = graph.node(op, &["x"], &[float("alpha", alpha)]);
            graph.output(&y);
            let expected = values.map(|x| match op {
                "Celu" => x.max(0.0) + (alpha * ((x / alpha).exp() - 1.0)).min(0.0),
                _ => x / (1.0 + (-alpha * x).exp()),
            });
            let model = graph.load().unwrap();
            assert_close(&output(&model, &values), &expected, &format!("{op} {alpha}"));
            assert_eq!(super::kinds(&model.network), ["activation"], "{op} {alpha}");
        }
    }
}

#[test]
fn a_batch_normalization_in_training_form_takes_its_own_statistics() {
    let build = |graph: &mut Graph, input: &str| {
        let (scale, shift) = (graph.floats(&[2], &[2.0, 1.0]), graph.floats(&[2], &[0.0, 0.5]));
        let (mean, variance) = (graph.floats(&[2], &[9.0; 2]), graph.floats(&[2], &[9.0; 2]));
        let attributes = [float("epsilon", 0.0), int("training_mode", 1)];
        let inputs = [input, &scale, &shift, &mean, &variance];
        graph.named_node("norm", "BatchNormalization", &inputs, &["y", "m", "v"], &attributes);
    };
    let values = [1.0f32, 3.0, 5.0, 5.0, 8.0, 2.0];
    // Means 3 and 5, variances 8/3 and 6.
    let roots = [(8.0f32 / 3.0).sqrt(), 6.0f32.sqrt()];
    let expected: Vec<f32> = (values.iter().enumerate())
        .map(|(at, x)| match at / 3 {
            0 => 2.0 * (x - 3.0) / roots[0],
            _ => (x - 5.0) / roots[1] + 0.5,
        })
        .collect();
    let mut of_signal = Graph::with_input(15, &[1, 2, 3]);
    build(&mut of_signal, "x");
    of_signal.output("y");
    let model = of_signal.load().unwrap();
    assert_eq!(super::kinds(&model.network), ["layer-normalization"]);
    assert_close(&output(&model, &values), &expected, "of a signal");
    let mut of_weight = Graph::with_input(15, &[1, 2, 3]);
    let stored = of_weight.floats(&[1, 2, 3], &values);
    build(&mut of_weight, &stored);
    let y = of_weight.node("Mul", &["x", "y"], &[]);
    of_weight.output(&y);
    assert_close(&output(&of_weight.load().unwrap(), &[1.0; 6]), &expected, "of a weight");
}

#[test]
fn the_product_of_two_stored_vectors_is_folded() {
    let mut graph = Graph::with_input(13, &[1, 2]);
    let (a, b) = (graph.floats(&[3], &[1.0, 2.0, 3.0]), graph.floats(&[3], &[2.0, 0.5, 1.0]));
    let product = graph.node("MatMul", &[&a, &b], &[]);
    let y = graph.node("Div", &["x", &product], &[]);
    graph.output(&y);
    assert_close(&output(&graph.load().unwrap(), &[6.0, 3.0]), &[1.0, 0.5], "a · b = 6");
}

#[test]
fn a_mask_of_truth_values_hides() {
    let attention = |is_boolean: bool| {
        let mut graph = Graph::with_input(23, &[1, 3, 4]);
        let mask = match is_boolean {
            true => graph.tensor(TensorProto {
                name: "mask".to_string(),
                dims: vec![3, 3],
                data_type: DataType::Bool as i32,
                int32_data: vec![1, 0, 0, 1, 1, 0, 0, 1, 1],
                ..TensorProto::default()
            }),
            false => {
                const NO: f32 = f32::NEG_INFINITY;
                graph.floats(&[3, 3], &[0.0, NO, NO, 0.0, 0.0, NO, NO, 0.0, 0.0])
            }
        };
        let heads = [int("q_num_heads", 2), int("kv_num_heads", 2)];
        let y = graph.node("Attention", &["x", "x", "x", &mask], &heads);
        graph.output(&y);
        let model = graph.load().unwrap();
        output(&model, spread(&[1, 3, 4], 3).data())
    };
    assert_close(&attention(true), &attention(false), "a mask");
}

#[test]
fn outputs_that_are_no_classes_are_told_by_their_shape() {
    let mut graph = Graph::with_input(13, &[1, 2, 3, 3]);
    let y = graph.node("Relu", &["x"], &[]);
    graph.output(&y);
    let told = message(graph.load().unwrap().check_classes());
    assert!(told.contains("relu_0_out") && told.contains("map"), "{told}");
}

/// A row of numbers, resized.
fn resized(opset: i64, factors: &[f32], attributes: &[AttributeProto], row: &[f32]) -> Vec<f32> {
    let mut graph = Graph::with_input(opset, &[1, 1, 1, row.len()]);
    let factors = graph.floats(&[4], factors);
    let inputs = if opset == 10 { vec!["x", &factors] } else { vec!["x", "", &factors] };
    let y = graph.node("Resize", &inputs, attributes);
    graph.output(&y);
    output(&graph.load().unwrap(), row)
}

#[test]
fn resizes_take_the_pixels_that_are_meant() {
    // ⌊x / 1.5⌋ of four pixels becomes six: 0, 0, 1, 2, 2, 3.
    let found = resized(10, &[1.0, 1.0, 1.0, 1.5], &[], &[0.0, 1.0, 2.0, 3.0]);
    assert_eq!(found, [0.0, 0.0, 1.0, 2.0, 2.0, 3.0]);
    // Corners of the ⌊4 · 1.7⌋ = 6 pixels that come out: x · 3 / 5.
    let attributes =
        [text("mode", "linear"), text("coordinate_transformation_mode", "align_corners")];
    let found = resized(13, &[1.0, 1.0, 1.0, 1.7], &attributes, &[0.0, 1.0, 2.0, 3.0]);
    assert_close(&found, &[0.0, 0.6, 1.2, 1.8, 2.4, 3.0], "corners");
}

#[test]
fn a_pooling_without_padding_rounds_up_where_it_says_so() {
    let mut graph = Graph::with_input(13, &[1, 1, 1, 4]);
    let attributes = [
        ints("kernel_shape", &[1, 3]),
        ints("strides", &[1, 2]),
        int("ceil_mode", 1),
        text("auto_pad", "VALID"),
    ];
    let y = graph.node("MaxPool", &["x"], &attributes);
    graph.output(&y);
    assert_eq!(output(&graph.load().unwrap(), &[1.0, 5.0, 3.0, 2.0]), [5.0, 3.0]);
}

#[test]
fn operators_of_scikit_learn_are_products_and_sums() {
    let strings = |name: &str, words: &[&str]| AttributeProto {
        name: name.to_string(),
        r#type: AttributeType::Strings as i32,
        strings: words.iter().map(|word| word.as_bytes().to_vec()).collect(),
        ..AttributeProto::default()
    };
    let mut graph = Graph::with_input(15, &[1, 2]);
    let (offset, scale) = (floats("offset", &[1.0, 2.0]), floats("scale", &[2.0, 0.5]));
    let scaled = graph.node("Scaler", &["x"], &[offset, scale]);
    let attributes = [
        floats("coefficients", &[1.0, 0.0, 0.0, 1.0, -1.0, 1.0]),
        floats("intercepts", &[0.0, 0.5, 0.0]),
        text("post_transform", "SOFTMAX"),
        strings("classlabels_strings", &["ant", "bee", "cat"]),
    ];
    graph.named_node("classifier", "LinearClassifier", &[&scaled], &["label", "p"], &attributes);
    graph.output("label");
    for node in &mut graph.proto.node {
        node.domain = "ai.onnx.ml".to_string();
    }
    let model = graph.load().unwrap();
    assert_eq!(model.labels.as_ref().unwrap().names(), ["ant", "bee", "cat"]);
    assert_eq!(model.network.output_function.as_ref().unwrap().name(), "Softmax");
    // Scaled to [4, 1].
    assert_close(&output(&model, &[3.0, 4.0]), &[4.0, 1.5, -3.0], "scores");
}

/// As a calibrated classifier is exported: columns are taken one by one, by numbers without an axis.
#[test]
fn a_column_that_is_taken_stays_a_column() {
    let mut graph = Graph::with_input(15, &[1, 3]);
    let columns: Vec<String> = (0..3)
        .rev()
        .map(|at| {
            let place = graph.tensor(TensorProto {
                name: format!("place{at}"),
                data_type: DataType::Int64 as i32,
                int64_data: vec![at],
                ..TensorProto::default()
            });
            let column = graph.node("ArrayFeatureExtractor", &["x", &place], &[]);
            graph.proto.node.last_mut().unwrap().domain = "ai.onnx.ml".to_string();
            column
        })
        .collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let y = graph.node("Concat", &columns, &[int("axis", 1)]);
    graph.output(&y);
    assert_eq!(output(&graph.load().unwrap(), &[1.0, 2.0, 3.0]), [3.0, 2.0, 1.0]);
}
