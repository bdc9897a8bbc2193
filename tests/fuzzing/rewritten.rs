//! Seeds of operators that are rewritten before tract reads them.

use tract_onnx::pb::AttributeProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{Graph, float, floats, int, ints, text};

/// A model of one node on an input with the shape `[1, 2, 6, 6]`, whose mean is added to the input.
fn model(
    opset: i64,
    op: &str,
    inputs: impl FnOnce(&mut Graph) -> Vec<String>,
    attributes: &[AttributeProto],
) -> Vec<u8> {
    let mut graph = Graph::with_input(opset, &[1, 2, 6, 6]);
    let inputs = inputs(&mut graph);
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let value = graph.node(op, &inputs, attributes);
    if is_learned(op)
        && let Some(node) = graph.proto.node.last_mut()
    {
        node.domain = "ai.onnx.ml".to_string();
    }
    let row = graph.ints(&[-1]);
    let value = graph.node("Cast", &[&value], &[int("to", DataType::Float as i64)]);
    let value = graph.node("Reshape", &[&value, &row], &[]);
    let value = graph.node("ReduceMean", &[&value], &[int("keepdims", 1)]);
    let picture = graph.node("Flatten", &["x"], &[]);
    let value = graph.node("Add", &[&picture, &value], &[]);
    graph.output(&value);
    graph.bytes()
}

/// Whether an operator is one of the domain `ai.onnx.ml`.
pub fn is_learned(op: &str) -> bool {
    let learned = [
        "ArrayFeatureExtractor",
        "LinearRegressor",
        "Normalizer",
        "Scaler",
        "TreeEnsembleClassifier",
    ];
    learned.contains(&op)
}

/// A model of each.
pub fn models() -> Vec<Vec<u8>> {
    [sampled(), scattered(), listed(), transformed(), learned()].concat()
}

fn sampled() -> Vec<Vec<u8>> {
    let grid = |graph: &mut Graph| {
        let theta = graph.floats(&[1, 2, 3], &[0.7, 0.1, 0.2, -0.3, 0.9, 0.0]);
        let size = graph.ints(&[1, 2, 5, 4]);
        vec!["x".to_string(), graph.node("AffineGrid", &[&theta, &size], &[])]
    };
    let regions = |graph: &mut Graph| {
        let regions = graph.floats(&[2, 4], &[0.0, 1.0, 4.0, 5.0, 2.0, 2.0, 3.0, 4.5]);
        vec!["x".to_string(), regions, graph.ints(&[0, 0])]
    };
    let bins = [int("output_height", 2), int("output_width", 3), int("sampling_ratio", 2)];
    vec![
        model(20, "GridSample", grid, &[text("padding_mode", "reflection")]),
        model(16, "RoiAlign", regions, &[&bins[..], &[float("spatial_scale", 0.5)]].concat()),
    ]
}

fn scattered() -> Vec<Vec<u8>> {
    let moved = |graph: &mut Graph| {
        let weight = graph.floats(&[3, 2, 2, 2], &[0.3; 24]);
        vec!["x".to_string(), weight, graph.floats(&[1, 8, 5, 5], &[0.4; 200])]
    };
    let windows = |graph: &mut Graph| {
        let sides = graph.ints(&[1, 8, 9]);
        let columns = graph.node("Reshape", &["x", &sides], &[]);
        vec![columns, graph.ints(&[4, 4]), graph.ints(&[2, 2])]
    };
    let unpooled = |graph: &mut Graph| {
        let kernel = [ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
        graph.named_node("pool", "MaxPool", &["x"], &["pooled", "places"], &kernel);
        vec!["pooled".to_string(), "places".to_string()]
    };
    let kernel = [ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
    vec![
        model(19, "DeformConv", moved, &[ints("pads", &[0; 4]), int("offset_group", 1)]),
        model(18, "Col2Im", windows, &[ints("strides", &[1, 1])]),
        model(13, "MaxUnpool", unpooled, &kernel),
    ]
}

fn listed() -> Vec<Vec<u8>> {
    let kept = |graph: &mut Graph| {
        let list = graph.ints(&[1, 0, 0, 1]);
        let to = int("to", DataType::Bool as i64);
        vec!["x".to_string(), graph.node("Cast", &[&list], &[to])]
    };
    let centre = |graph: &mut Graph| vec!["x".to_string(), graph.ints(&[1, 2, 4, 9])];
    let turned = |graph: &mut Graph| vec!["x".to_string(), graph.ints(&[2])];
    vec![
        model(13, "Compress", kept, &[int("axis", 2)]),
        model(18, "CenterCropPad", centre, &[]),
        model(13, "ReverseSequence", turned, &[int("batch_axis", 0), int("time_axis", 1)]),
        model(20, "NonZero", |graph| vec![graph.ints(&[1, 0, 3])], &[]),
    ]
}

fn transformed() -> Vec<Vec<u8>> {
    let signal = |graph: &mut Graph| {
        let sides = graph.ints(&[1, 36, 2]);
        let signal = graph.node("Reshape", &["x", &sides], &[]);
        vec![signal, String::new()]
    };
    let frames = |graph: &mut Graph| {
        let sides = graph.ints(&[1, 72]);
        let signal = graph.node("Reshape", &["x", &sides], &[]);
        let step = graph.ints(&[8]);
        vec![signal, step, graph.floats(&[16], &[0.5; 16])]
    };
    let bands = |graph: &mut Graph| {
        let [bands, length, rate] = [4, 16, 8000].map(|number| graph.ints(&[number]));
        let [lower, upper] = [0.0, 4000.0].map(|edge| graph.floats(&[1], &[edge]));
        // Numbers without an axis.
        graph.proto.initializer.iter_mut().for_each(|tensor| tensor.dims.clear());
        vec![bands, length, rate, lower, upper]
    };
    vec![
        model(17, "DFT", signal, &[int("axis", 1)]),
        model(17, "STFT", frames, &[int("onesided", 1)]),
        model(17, "MelWeightMatrix", bands, &[]),
    ]
}

fn learned() -> Vec<Vec<u8>> {
    let row = |graph: &mut Graph| vec![graph.node("Flatten", &["x"], &[])];
    let column = |graph: &mut Graph| {
        let row = graph.node("Flatten", &["x"], &[]);
        vec![row, graph.ints(&[3])]
    };
    let trees = [
        ints("nodes_treeids", &[0, 0, 0]),
        ints("nodes_nodeids", &[0, 1, 2]),
        ints("nodes_featureids", &[0, 0, 0]),
        ints("nodes_truenodeids", &[1, 0, 0]),
        ints("nodes_falsenodeids", &[2, 0, 0]),
        floats("nodes_values", &[0.5, 0.0, 0.0]),
        ints("class_treeids", &[0, 0]),
        ints("class_nodeids", &[1, 2]),
        ints("class_ids", &[0, 1]),
        floats("class_weights", &[0.3, 0.7]),
        ints("classlabels_int64s", &[0, 1]),
    ];
    let constant = |graph: &mut Graph| vec![graph.floats(&[1, 4], &[1.0; 4])];
    vec![
        model(
            13,
            "LinearRegressor",
            row,
            &[floats("coefficients", &[0.1; 144]), int("targets", 2)],
        ),
        model(13, "Scaler", row, &[floats("offset", &[0.1]), floats("scale", &[2.0])]),
        model(13, "Normalizer", row, &[text("norm", "L2")]),
        model(13, "ArrayFeatureExtractor", column, &[]),
        model(13, "TreeEnsembleClassifier", constant, &trees),
    ]
}
