//! Files that other runtimes take differently, or that a stranger made: what they compute is right, or the error says what
//! is wrong with them.

use onnxplain::onnx::{LoadOptions, Model};
use onnxplain::tensor::Tensor;
use tract_onnx::pb::{FunctionProto, NodeProto, SparseTensorProto, tensor_proto::DataType};

use super::support::onnx::{Axis, Graph, float_tensor, int, ints, load_bytes, text};
use super::support::{assert_near, message};

/// `Slice` along the only axis behind the batch.
fn sliced(start: i64, end: i64, step: i64) -> Vec<f32> {
    let mut graph = Graph::with_input(13, &[1, 6]);
    let [start, end, axis, step] = [start, end, 1, step].map(|bound| graph.ints(&[bound]));
    let y = graph.node("Slice", &["x", &start, &end, &axis, &step], &[]);
    graph.output(&y);
    let Model { network, .. } = graph.load().unwrap();
    let input = Tensor::new(&[1, 6], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    network.evaluate(&input).unwrap().data().to_vec()
}

/// As numpy slices.
#[test]
fn slices_from_far_away() {
    for exponent in [30, 31, 32, 33, 40, 53, 61, 62] {
        let far = 1 << exponent;
        assert_eq!(sliced(far, -100, -2), [5.0, 3.0, 1.0], "2^{exponent}");
        assert_eq!(sliced(far, -far, -1), [5.0, 4.0, 3.0, 2.0, 1.0, 0.0], "2^{exponent}");
        assert_eq!(sliced(-far, far, 4), [0.0, 4.0], "2^{exponent}");
        assert_eq!(sliced(1, far + 1, 2), [1.0, 3.0, 5.0], "2^{exponent}");
        assert_eq!(sliced(2, 6, far + 1), [2.0], "2^{exponent}");
    }
    assert_eq!(sliced(i64::MAX, i64::MIN, -3), [5.0, 2.0]);
    // Bounds as attributes, of an older version.
    let mut graph = Graph::with_input(9, &[1, 6]);
    let bounds = [ints("axes", &[1]), ints("starts", &[-6]), ints("ends", &[1 << 40])];
    let y = graph.node("Slice", &["x"], &bounds);
    graph.output(&y);
    let input = Tensor::new(&[1, 6], &[0.5; 6]).unwrap();
    assert_near(&graph.load().unwrap().network.evaluate(&input).unwrap(), &[0.5; 6], 0.0);
}

#[test]
fn names_are_one_line() {
    let mut graph = Graph::with_input(13, &[1, 4]);
    let made = ["y\nwarning: forged", "z\u{200b}\t"];
    graph.named_node("n\nerror: run me", "Relu", &["x"], &[made[0]], &[]);
    graph.named_node("second", "Neg", &[made[0]], &[made[1]], &[]);
    made.iter().for_each(|name| graph.output(name));
    let model = graph.load().unwrap();
    assert_eq!(model.output_name, "y\\nwarning: forged");
    let names: Vec<&str> = model.network.layers.iter().map(|layer| layer.name.as_str()).collect();
    assert!(names.contains(&"n\\nerror: run me"), "{names:?}");
    assert!(model.notes.iter().all(|note| !note.contains('\n')), "{:?}", model.notes);
    assert!(model.notes[0].contains("z\\u{200b}\\t"), "{:?}", model.notes);
}

#[test]
fn what_runtimes_do_not_agree_about() {
    let mut graph = Graph::with_input(99, &[1, 4]);
    let y = graph.node("Relu", &["x"], &[]);
    graph.output(&y);
    let notes = graph.load().unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("version 99")), "{notes:?}");

    graph.opset = 13;
    let tanh = NodeProto {
        op_type: "Tanh".to_string(),
        input: vec!["a".to_string()],
        output: vec!["b".to_string()],
        ..NodeProto::default()
    };
    let function = FunctionProto {
        name: Some("Relu".to_string()),
        input: vec!["a".to_string()],
        output: vec!["b".to_string()],
        node: vec![tanh],
        ..FunctionProto::default()
    };
    let bytes = graph.bytes_with(vec![function]);
    let told = message(load_bytes(&bytes, &LoadOptions::default()));
    assert!(told.contains("local function \"Relu\""), "{told}");

    let told = |op: &str, attributes: &[_]| {
        let mut graph = Graph::with_input(20, &[1, 1, 6, 6]);
        let weight = graph.floats(&[1, 1, 3, 3], &[1.0; 9]);
        let inputs = if op == "Conv" { vec!["x", &*weight] } else { vec!["x"] };
        let y = graph.node(op, &inputs, attributes);
        graph.output(&y);
        message(graph.load())
    };
    let both = told("Conv", &[text("auto_pad", "VALID"), ints("pads", &[1, 1, 1, 1])]);
    assert!(both.contains("both pads [1, 1, 1, 1] and auto_pad VALID"), "{both}");
    let word = told("Gelu", &[text("approximate", "frob")]);
    assert!(word.contains("\"frob\" is none of none, tanh"), "{word}");
    let mut graph = Graph::with_input(13, &[1, 1, 3, 3]);
    let pads = graph.ints(&[0, 0, 3, 0, 0, 0, 0, 0]);
    let y = graph.node("Pad", &["x", &pads], &[text("mode", "reflect")]);
    graph.output(&y);
    let beyond = message(graph.load());
    assert!(beyond.contains("reflect more than the 3 elements of axis 2"), "{beyond}");
}

#[test]
fn what_is_not_there_is_named() {
    let mut graph = Graph::with_input(13, &[1, 4]);
    let y = graph.node("Relu", &["nothere"], &[]);
    graph.output(&y);
    let told = message(graph.load());
    assert!(told.contains("reads \"nothere\", which nothing computes"), "{told}");

    let mut graph = Graph::with_input(13, &[1, 4]);
    graph.node("Relu", &["x"], &[]);
    graph.output("nowhere");
    let told = message(graph.load());
    assert!(told.contains("the output \"nowhere\" is computed by nothing"), "{told}");

    let mut graph = Graph::with_input(13, &[1, 4]);
    let y = graph.node("MatMul", &["x", "w"], &[]);
    graph.output(&y);
    let values = Some(float_tensor("w", &[1], &[1.0]));
    graph.proto.sparse_initializer.push(SparseTensorProto { values, ..Default::default() });
    let told = message(graph.load());
    assert!(told.contains("\"w\", which is stored as a sparse tensor"), "{told}");

    let mut graph = Graph::new(13);
    graph.input("x", &[Axis::Fixed(1), Axis::Fixed(4)], DataType::Complex64);
    let y = graph.node("Relu", &["x"], &[]);
    graph.output(&y);
    let told = message(graph.load());
    assert!(told.contains("\"x\" (complex64 [1, 4]) is of a type that is not read"), "{told}");
}

/// tract would read the first number of an empty tensor, which is anywhere in memory.
#[test]
fn conditions_are_one_value() {
    let branch = |op: &str| {
        let mut branch = Graph::new(13);
        let y = branch.node(op, &["x"], &[]);
        branch.output(&y);
        branch.proto
    };
    let mut graph = Graph::with_input(13, &[1, 4]);
    let none = graph.ints(&[]);
    let holds = graph.node("Cast", &[&none], &[int("to", DataType::Bool as i64)]);
    let branches = [("then_branch", "Relu"), ("else_branch", "Neg")]
        .map(|(name, op)| super::unchecked::inner(name, &branch(op)));
    let y = graph.node("If", &[&holds], &branches);
    graph.output(&y);
    let told = message(graph.load());
    assert!(told.contains("the If node") && told.contains("must be one number"), "{told}");
}

#[test]
fn stored_tensors_are_whole() {
    let mut graph = Graph::with_input(13, &[1, 4]);
    let w = graph.floats(&[4, 2], &[1.0; 8]);
    let y = graph.node("MatMul", &["x", &w], &[]);
    graph.output(&y);
    graph.proto.initializer[0].raw_data.truncate(30);
    let told = message(graph.load());
    assert!(told.contains("\"w0\" has 7 numbers"), "{told}");
    graph.proto.initializer[0].raw_data.clear();
    let told = message(graph.load());
    assert!(told.contains("\"w0\" has 0 numbers, but its shape [4, 2] needs 8"), "{told}");
}

/// The padding of a transposed convolution that is smaller than its stride is added behind.
#[test]
fn a_transposed_convolution_of_the_same_size() {
    for kernel in [1, 2, 3, 4] {
        let mut graph = Graph::with_input(13, &[1, 1, 4, 4]);
        let w = graph.floats(&[1, 1, kernel, kernel], &vec![1.0; kernel * kernel]);
        let same = [text("auto_pad", "SAME_UPPER"), ints("strides", &[3, 3])];
        let y = graph.node("ConvTranspose", &["x", &w], &same);
        graph.output(&y);
        let Model { network, .. } = graph.load().unwrap();
        let output = network.evaluate(&Tensor::new(&[1, 1, 4, 4], &[1.0; 16]).unwrap()).unwrap();
        assert_eq!(output.shape(), [1, 1, 12, 12], "kernel {kernel}");
        // A window of 4 overlaps its neighbours by one, and is cut at the end.
        let covered = [4.0, 8.0, 12.0, 15.0][kernel - 1];
        let sum: f32 = output.data().iter().sum();
        assert!((sum - covered * covered).abs() < 1e-3, "kernel {kernel}: {sum}");
    }
}

/// Two branches may call what they store, and what they compute, the same.
#[test]
fn branches_have_names_of_their_own() {
    let branch = |value: f32| {
        let mut branch = Graph::new(13);
        branch.tensor(float_tensor("c", &[1], &[value]));
        branch.named_node("add", "Add", &["x", "c"], &["sum"], &[]);
        branch.output("sum");
        branch.proto
    };
    let mut graph = Graph::with_input(13, &[1, 2]);
    let one = graph.ints(&[1]);
    let holds = graph.node("Cast", &[&one], &[int("to", DataType::Bool as i64)]);
    let mut choice = |value: f32| {
        let branches = ["then_branch", "else_branch"]
            .map(|name| super::unchecked::inner(name, &branch(value)));
        graph.node("If", &[&holds], &branches)
    };
    let (a, b) = (choice(10.0), choice(200.0));
    let y = graph.node("Mul", &[&a, &b], &[]);
    graph.output(&y);
    let Model { network, .. } = graph.load().unwrap();
    let output = network.evaluate(&Tensor::new(&[1, 2], &[1.0, -1.0]).unwrap()).unwrap();
    assert_near(&output, &[11.0 * 201.0, 9.0 * 199.0], 1e-6);

    let mut graph = Graph::with_input(13, &[1, 2]);
    graph.named_node("n", "Relu", &["x"], &["a"], &[]);
    graph.named_node("n", "Neg", &["a"], &["b"], &[]);
    graph.output("b");
    let names = graph.load().unwrap().network.layers.into_iter().map(|layer| layer.name);
    assert_eq!(names.collect::<Vec<String>>()[1..], ["n", "n/b"]);

    let mut graph = Graph::with_input(13, &[1, 2]);
    graph.tensor(float_tensor("c", &[1], &[1.0]));
    graph.tensor(float_tensor("c", &[1], &[2.0]));
    let y = graph.node("Mul", &["x", "c"], &[]);
    graph.output(&y);
    let told = message(graph.load());
    assert!(told.contains("the value \"c\" is stored twice"), "{told}");
    graph.proto.initializer.pop();
    graph.named_node("again", "Neg", &["x"], &["c"], &[]);
    let told = message(graph.load());
    assert!(told.contains("\"c\" is given, and computed by"), "{told}");
}
