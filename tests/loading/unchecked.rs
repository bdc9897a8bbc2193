//! Operators that nobody checked are never computed: tract computes what does not depend on the input while it reads a file.

use onnxplain::onnx::{LoadOptions, Model};
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, GraphProto};

use super::support::message;
use super::support::onnx::{Graph, float_tensor, floats, int, ints};

/// A graph that adds the sum of a value to its input.
fn added(graph: &mut Graph, value: &str) -> anyhow::Result<Model> {
    let sum = graph.node("ReduceSum", &[value], &[int("keepdims", 0)]);
    let y = graph.node("Add", &["x", &sum], &[]);
    graph.output(&y);
    graph.load_with(&LoadOptions { max_memory: Some(1 << 30), ..LoadOptions::default() })
}

fn set_domain(graph: &mut Graph, domain: &str) {
    graph.proto.node.last_mut().unwrap().domain = domain.to_string();
}

/// tract would follow the first in circles for ever, and read the weights of class 900,000 of the second.
#[test]
fn trees_that_lead_nowhere() {
    for (child, class) in [(100_000, 1), (2, 900_000)] {
        let mut graph = Graph::with_input(17, &[1, 4]);
        let constant = graph.floats(&[1, 4], &[1.0; 4]);
        let trees = [
            ints("nodes_treeids", &[0, 0, 0]),
            ints("nodes_nodeids", &[0, 1, 2]),
            ints("nodes_featureids", &[0, 0, 0]),
            ints("nodes_truenodeids", &[1, 0, 0]),
            ints("nodes_falsenodeids", &[child, 0, 0]),
            floats("nodes_values", &[0.5, 0.0, 0.0]),
            ints("class_treeids", &[0, 0]),
            ints("class_nodeids", &[1, 2]),
            ints("class_ids", &[0, class]),
            floats("class_weights", &[0.3, 0.7]),
            ints("classlabels_int64s", &[0, 1]),
        ];
        graph.named_node("trees", "TreeEnsembleClassifier", &[&constant], &["l", "s"], &trees);
        set_domain(&mut graph, "ai.onnx.ml");
        let told = message(added(&mut graph, "s"));
        assert!(told.contains("cannot run") && told.contains("Classifier: trees"), "{told}");
    }
}

/// An operator of another library shares the name of a standard one, and would take 8 TB as that.
#[test]
fn a_foreign_range() {
    let ends = |graph: &mut Graph| [0, 1 << 40, 1].map(|end| scalar(graph, end));
    let mut graph = Graph::with_input(17, &[1, 4]);
    let [start, end, step] = ends(&mut graph);
    let range = graph.node("Range", &[&start, &end, &step], &[]);
    set_domain(&mut graph, "evil");
    let length = graph.node("Shape", &[&range], &[]);
    let value = graph.node("ConstantOfShape", &[&length], &[]);
    let told = message(added(&mut graph, &value));
    assert!(told.contains("evil.Range: range_0"), "{told}");

    let mut branch = Graph::new(17);
    let inputs = ends(&mut branch);
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    branch.named_node("range", "Range", &inputs, &["r"], &[]);
    set_domain(&mut branch, "evil");
    branch.output("r");
    let mut graph = Graph::with_input(17, &[1, 4]);
    let sum = graph.node("ReduceSum", &["x"], &[int("keepdims", 0)]);
    let holds = graph.node("Cast", &[&sum], &[int("to", 9)]);
    let branches = ["then_branch", "else_branch"].map(|name| inner(name, &branch.proto));
    let value = graph.node("If", &[&holds], &branches);
    let told = message(added(&mut graph, &value));
    assert!(told.contains("evil.Range: range"), "{told}");
}

/// What is said about a regression to 2^40 targets, as an operator of a domain.
fn regressor_of(domain: &str) -> String {
    let mut graph = Graph::with_input(17, &[1, 4]);
    let regressor = [floats("coefficients", &[1.0; 4]), int("targets", 1 << 40)];
    graph.named_node("learned", "LinearRegressor", &["x"], &["s"], &regressor);
    set_domain(&mut graph, domain);
    message(added(&mut graph, "s"))
}

/// Rewrites look at names too.
#[test]
fn foreign_operators_are_not_rewritten() {
    let told = regressor_of("ai.onnx.ll");
    assert!(told.contains("\n  ai.onnx.ll.LinearRegressor: learned"), "{told}");
    for domain in ["evil", "com.microsoft"] {
        let mut graph = Graph::with_input(17, &[1, 4, 4]);
        let lengths = graph.ints(&[2; 4]);
        let value = graph.node("ReverseSequence", &["x", &lengths], &[]);
        set_domain(&mut graph, domain);
        let told = message(added(&mut graph, &value));
        assert!(told.contains(&format!("\n  {domain}.ReverseSequence: ")), "{told}");
    }
}

fn scalar(graph: &mut Graph, number: i64) -> String {
    let name = graph.ints(&[number]);
    graph.proto.initializer.last_mut().unwrap().dims.clear();
    name
}

pub fn inner(name: &str, graph: &GraphProto) -> AttributeProto {
    AttributeProto {
        name: name.to_string(),
        r#type: AttributeType::Graph as i32,
        g: Some(graph.clone()),
        ..AttributeProto::default()
    }
}

/// Numbers of a file that rewrites would make matrices of.
#[test]
fn matrices_that_fill_the_memory() {
    let told = regressor_of("ai.onnx.ml");
    assert!(told.contains("the LinearRegressor node \"learned\""), "{told}");

    let regions = |attributes: &[AttributeProto]| {
        let mut graph = Graph::with_input(17, &[1, 3, 8, 8]);
        let regions = graph.tensor(float_tensor("regions", &[1, 4], &[0.0, 0.0, 4.0, 4.0]));
        let of = graph.ints(&[0]);
        let value = graph.node("RoiAlign", &["x", &regions, &of], attributes);
        message(added(&mut graph, &value))
    };
    let told = regions(&[int("sampling_ratio", 1 << 40)]);
    assert!(told.contains("RoiAlign: roialign_0") && told.contains("million samples"), "{told}");
    let told = regions(&[int("output_height", 1 << 40)]);
    assert!(told.contains("the RoiAlign node") && told.contains("too much memory"), "{told}");

    let mut graph = Graph::with_input(17, &[1, 4]);
    let numbers = [1 << 40, 1 << 40, 16_000].map(|number| scalar(&mut graph, number));
    let edges = [("low", 0.0), ("high", 8000.0)]
        .map(|(name, edge)| graph.tensor(float_tensor(name, &[], &[edge])));
    let inputs: Vec<&str> = numbers.iter().chain(&edges).map(String::as_str).collect();
    let value = graph.node("MelWeightMatrix", &inputs, &[]);
    let told = message(added(&mut graph, &value));
    assert!(told.contains("the MelWeightMatrix node"), "{told}");
}

/// What follows only when tract has followed all shapes: scales that are computed in a way that validation does not know.
#[test]
fn sizes_that_follow_late() {
    let mut graph = Graph::with_input(13, &[1, 1, 2, 2]);
    let exponents = graph.tensor(float_tensor("exponents", &[4], &[0.0, 0.0, 14.0, 14.0]));
    let two = graph.tensor(float_tensor("two", &[1], &[2.0]));
    let angles = graph.node("Pow", &[&two, &exponents], &[]);
    let scales = graph.node("Relu", &[&angles], &[]);
    let y = graph.node("Resize", &["x", "", &scales], &[]);
    let told = message(added(&mut graph, &y));
    assert!(told.contains("resize_") && told.contains("more than the limit of 1.0 GiB"), "{told}");
}
