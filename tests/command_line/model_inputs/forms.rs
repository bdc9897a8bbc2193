//! Inputs of other forms than pictures: signals, rows of tables, volumes, bytes; open shapes.

use std::path::Path;

use onnxplain::io::read_npy;
use onnxplain::{Array, Session, SessionOptions};
use tract_onnx::pb::tensor_proto::DataType;

use super::super::support::onnx::{Axis, Graph, fixed, int, ints};
use super::super::{files_in, folder, run};
use super::{Model, check_gradients, number, numbers, refused};

/// A signal [batch, 1, length] of any length, two classes.
fn audio() -> Model {
    let mut graph = Graph::new(17);
    let axes = [Axis::Symbol("batch"), Axis::Fixed(1), Axis::Symbol("length")];
    graph.input("signal", &axes, DataType::Float);
    let kernel = graph.floats(&[3, 1, 9], &numbers(7, 27));
    let maps = graph.node("Conv", &["signal", &kernel], &[ints("strides", &[4])]);
    let maps = graph.node("Relu", &[&maps], &[]);
    let pooled = graph.node("GlobalAveragePool", &[&maps], &[]);
    let flat = graph.node("Flatten", &[&pooled], &[]);
    let weight = graph.floats(&[3, 2], &numbers(8, 6));
    let output = graph.node("MatMul", &[&flat, &weight], &[]);
    graph.output(&output);
    Model::of(&graph)
}

#[test]
fn outputs_that_a_card_calls_probabilities_stay_what_they_are() {
    let mut graph = Graph::new(17);
    graph.input("row", &fixed(&[1, 3]), DataType::Float);
    let weight = graph.floats(&[3, 2], &[0.1, 0.2, 0.1, 0.2, 0.1, 0.2]);
    let output = graph.node("MatMul", &["row", &weight], &[]);
    graph.output(&output);
    let model = Model::of(&graph);
    model.text("model.yaml", "output: probabilities\n");
    let session = Session::open(model.path()).unwrap();
    let read = |values: [f32; 3]| {
        let prediction = session.predict(&Array::new(&[1, 3], &values).unwrap()).unwrap();
        (prediction.logits().to_vec(), prediction.probabilities().to_vec())
    };
    let (outputs, probabilities) = read([1.0, 1.0, 1.0]);
    assert_eq!(outputs, probabilities);
    // The softmax of what can be none.
    let (outputs, probabilities) = read([9.0, 9.0, 9.0]);
    assert!(outputs[1] > 5.0 && (probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
}

fn write_wav(path: &Path, samples: usize) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for at in 0..samples {
        let envelope = (-((at as f32 - 900.0) / 300.0).powi(2)).exp();
        let sample = (0.2 + envelope) * (at as f32 * 0.3).sin() * 12_000.0;
        writer.write_sample(sample as i16).unwrap();
    }
    writer.finalize().unwrap();
}

#[test]
fn a_sound_is_a_line_in_the_colours_of_its_relevance() {
    let model = audio();
    write_wav(&model.at("a.wav"), 2000);
    let out = folder();
    let all = "figure,overlay,heatmap,relevance,report";
    let run = run![
        "explain",
        model.path(),
        model.at("a.wav"),
        "-o",
        out.path(),
        "--save",
        all,
        "--composite",
        "epsilon-plus",
        "--figure-format",
        "svg"
    ]
    .succeeded();
    assert!(run.stdout.contains(" = input "), "{}", run.stdout);
    let figure = std::fs::read_to_string(out.path().join("a.figure.svg")).unwrap();
    assert!(figure.contains("speaks for") && figure.contains("a.wav"), "{figure}");
    assert!(!figure.contains("pixels"), "{figure}");
    let (shape, relevance) = read_npy(&out.path().join("a.relevance.npy")).unwrap();
    assert_eq!(shape, [1, 2000]);
    assert!(relevance.iter().any(|value| value.abs() > 0.0));
    for name in ["a.overlay.png", "a.heatmap.png"] {
        let picture = image::open(out.path().join(name)).unwrap();
        assert!(picture.width() > 1000 && picture.height() > 200);
    }
    // A table of one column is the same signal; its rows are the steps.
    let rows: String = (0..50).map(|at| format!("{}\n", (at as f32 * 0.3).sin())).collect();
    let table = model.text("steps.csv", &rows);
    let run = run!["explain", model.path(), table, "-o", out.path(), "--json"].succeeded();
    assert_eq!(run.objects()[0]["inputs"][0]["shape"].to_string(), "[1,50]");
    for word in ["picture", "pixel"] {
        assert!(!run.stderr.contains(word), "{}", run.stderr);
    }
    let session = SessionOptions::new().shape([1, 1, 40]).open(model.path()).unwrap();
    check_gradients(&session, &[("signal", Array::new(&[1, 1, 40], &numbers(9, 40)).unwrap())], 1);
}

#[test]
fn open_shapes_are_given() {
    let model = audio();
    let told = ["axis 2 open", "--shape 1,1,N"];
    refused(run!["inspect", model.path()], 2, &told);
    let inspected = run!["inspect", model.path(), "--shape", "1,1,160"].succeeded();
    assert!(inspected.stdout.contains("signal 1×1×160"), "{}", inspected.stdout);
    run!["check", model.path(), "--shape", "signal=1x1x160"].succeeded();
    refused(
        run!["inspect", model.path(), "--shape", "1,2,160"],
        2,
        &["[batch, 1, length]", "[1, 2, 160]"],
    );
    refused(run!["inspect", model.path(), "--shape", "1,a"], 2, &["no shape"]);
    let matrix = model.array("m.npy", &[2, 9, 9], &[0.5; 162]);
    let out = folder();
    refused(run!["explain", model.path(), matrix, "-o", out.path()], 2, &["axis 2 open"]);
}

/// A row of a table [1, 4] to three classes.
pub fn table() -> Model {
    let mut graph = Graph::new(17);
    graph.input("row", &[Axis::Symbol("n"), Axis::Fixed(4)], DataType::Float);
    let weight = graph.floats(&[4, 5], &numbers(11, 20));
    let hidden = graph.node("MatMul", &["row", &weight], &[]);
    let hidden = graph.node("Relu", &[&hidden], &[]);
    let weight = graph.floats(&[5, 3], &numbers(12, 15));
    let output = graph.node("MatMul", &[&hidden, &weight], &[]);
    graph.output(&output);
    Model::of(&graph)
}

#[test]
fn rows_of_a_table_are_chosen_and_named() {
    let model = table();
    model.text("t.csv", "a;b;c;d\n1;2;3;4\n-0.5;0.25;1;-2\n");
    let out = folder();
    let row = format!("{}:1", model.at("t.csv").display());
    let run = run!["explain", model.path(), &row, "-o", out.path(), "--json"].succeeded();
    assert_eq!(
        files_in(out.path()),
        ["t.1.figure.png", "t.1.heatmap.png", "t.1.json", "t.1.overlay.png"]
    );
    let elements = run.objects()[0]["inputs"][0]["elements"].clone();
    assert_eq!((elements[3]["name"].as_str(), number(&elements[3]["value"])), (Some("d"), -2.0));
    refused(
        run!["explain", model.path(), model.at("t.csv"), "-o", out.path()],
        2,
        &["2 rows", "say which"],
    );
    let bad = model.text("bad.csv", "1;2;x;4\n1;2;3\n");
    refused(
        run!["explain", model.path(), bad, "-o", out.path()],
        2,
        &["cannot read the numbers", "bad.csv"],
    );
    let missing = format!("{}:7", model.at("t.csv").display());
    refused(run!["explain", model.path(), missing, "-o", out.path()], 2, &["no row 7: it has 2"]);
}

#[test]
fn volumes_are_slices_and_their_sum() {
    let mut graph = Graph::with_input(17, &[1, 1, 4, 6, 5]);
    let kernel = graph.floats(&[2, 1, 3, 3, 3], &numbers(13, 54));
    let maps = graph.node("Conv", &["x", &kernel], &[]);
    let maps = graph.node("Softplus", &[&maps], &[]);
    let pooled = graph.node("GlobalAveragePool", &[&maps], &[]);
    let flat = graph.node("Flatten", &[&pooled], &[]);
    let weight = graph.floats(&[2, 2], &numbers(14, 4));
    let output = graph.node("MatMul", &[&flat, &weight], &[]);
    graph.output(&output);
    let model = Model::of(&graph);
    let volume = model.array("v.npy", &[4, 6, 5], &numbers(15, 120));
    let out = folder();
    run!["explain", model.path(), volume, "-o", out.path(), "--save", "overlay,heatmap,relevance"]
        .succeeded();
    let (shape, _) = read_npy(&out.path().join("v.relevance.npy")).unwrap();
    assert_eq!(shape, [1, 4, 6, 5]);
    for name in ["v.overlay.png", "v.heatmap.png"] {
        let picture = image::open(out.path().join(name)).unwrap();
        // Four slices and their sum, each at least 120 pixels wide.
        assert!(picture.width() >= 600, "{}", picture.width());
    }
    let session = Session::open(model.path()).unwrap();
    check_gradients(
        &session,
        &[("x", Array::new(&[1, 1, 4, 6, 5], &numbers(15, 120)).unwrap())],
        0,
    );
}

#[test]
fn bytes_go_in_unchanged() {
    let mut graph = Graph::new(17);
    graph.input("bytes", &fixed(&[1, 6]), DataType::Uint8);
    let real = graph.node("Cast", &["bytes"], &[int("to", 1)]);
    let scale = graph.floats(&[], &[255.0]);
    let scaled = graph.node("Div", &[&real, &scale], &[]);
    let weight = graph.floats(&[6, 2], &numbers(16, 12));
    let output = graph.node("MatMul", &[&scaled, &weight], &[]);
    graph.output(&output);
    let model = Model::of(&graph);
    let bytes = model.array("b.npy", &[6], &[0.0, 255.0, 17.0, 128.0, 64.0, 3.0]);
    let out = folder();
    let run =
        run!["explain", model.path(), bytes, "-o", out.path(), "--json", "--composite", "epsilon"]
            .succeeded();
    let elements = run.objects()[0]["inputs"][0]["elements"].clone();
    assert_eq!(number(&elements[1]["value"]), 255.0);
    let weights = numbers(16, 12);
    let class = run.objects()[0]["target"]["index"].as_u64().unwrap() as usize;
    assert!((number(&elements[1]["relevance"]) - f64::from(weights[2 + class])).abs() < 1e-5);
    let scaled = model.array("s.npy", &[6], &[0.5; 6]);
    refused(run!["explain", model.path(), scaled, "-o", out.path()], 2, &["whole numbers", "0.5"]);
    let mixed = model.array("n.npy", &[7], &[1.0; 7]);
    refused(run!["explain", model.path(), mixed, "-o", out.path()], 2, &["[7]", "[1, 6]"]);
}
