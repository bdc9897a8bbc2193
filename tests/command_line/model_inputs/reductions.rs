//! Outputs that have a score for every position, reduced to one score a class.

use onnxplain::io::read_npy;
use onnxplain::{Array, Reduction, Session, SessionOptions};

use super::super::support::onnx::{Graph, ints};
use super::super::support::worst_error;
use super::super::{folder, run};
use super::forms::table;
use super::{Model, check_gradients, numbers, refused};

/// Scores of three classes at every position of a map [1, 3, 4, 4].
fn segmentation() -> Model {
    let mut graph = Graph::with_input(17, &[1, 1, 4, 4]);
    let kernel = graph.floats(&[4, 1, 3, 3], &numbers(17, 36));
    let maps = graph.node("Conv", &["x", &kernel], &[ints("pads", &[1, 1, 1, 1])]);
    let maps = graph.node("Softplus", &[&maps], &[]);
    let kernel = graph.floats(&[3, 4, 1, 1], &numbers(18, 12));
    let output = graph.node("Conv", &[&maps, &kernel], &[]);
    graph.output(&output);
    Model::of(&graph)
}

#[test]
fn maps_of_scores_are_reduced_to_classes() {
    let model = segmentation();
    let picture = model.array("p.npy", &[1, 1, 4, 4], &numbers(19, 16));
    let out = folder();
    refused(
        run!["explain", model.path(), &picture, "-o", out.path()],
        2,
        &["holds no classes", "--reduce mean"],
    );
    let whole = Session::open(model.path()).unwrap();
    let (_, input) = read_npy(&picture).unwrap();
    let tensor = onnxplain::tensor::Tensor::new(&[1, 1, 4, 4], &input).unwrap();
    let map = whole.model().network.evaluate(&tensor).unwrap();
    let of_class = |class: usize| &map.data()[16 * class..16 * class + 16];
    for (how, expected) in [
        ("mean", [0, 1, 2].map(|class| of_class(class).iter().sum::<f32>() / 16.0)),
        ("max", [0, 1, 2].map(|class| of_class(class).iter().copied().fold(f32::MIN, f32::max))),
        ("index:1,2", [0, 1, 2].map(|class| of_class(class)[6])),
        ("index:-1,-1", [0, 1, 2].map(|class| of_class(class)[15])),
    ] {
        let reduction: Reduction = how.parse().unwrap();
        let session = SessionOptions::new().reduce(reduction).open(model.path()).unwrap();
        let input = Array::new(&[1, 1, 4, 4], &input).unwrap();
        let prediction = session.predict(&input).unwrap();
        assert!(worst_error(prediction.logits(), &expected) < 1e-5, "{how}");
        check_gradients(&session, &[("x", input)], 1);
        let run = run!["check", model.path(), "--reduce", how, &picture].succeeded();
        assert!(
            run.stdout.contains("relevance is conserved") && !run.stdout.contains("NO"),
            "{}",
            run.stdout
        );
    }
    let run =
        run!["explain", model.path(), &picture, "--reduce", "max", "-o", out.path(), "--json"]
            .succeeded();
    assert_eq!(run.objects()[0]["reduction"], "max");
    refused(run!["inspect", model.path(), "--reduce", "index:9,0"], 2, &["no position 9"]);
    refused(run!["inspect", model.path(), "--reduce", "index:1"], 2, &["2 axes"]);
    refused(run!["inspect", model.path(), "--reduce", "median"], 2, &["mean, max, or index"]);
    refused(run!["inspect", model.path(), "--class-axis", "1"], 2, &["--reduce"]);
    refused(run!["inspect", table().path(), "--reduce", "mean"], 2, &["one score a class already"]);
}

#[test]
fn sequences_are_reduced_along_the_time() {
    let mut graph = Graph::with_input(17, &[1, 5, 3]);
    let weight = graph.floats(&[3, 4], &numbers(20, 12));
    let output = graph.node("MatMul", &["x", &weight], &[]);
    graph.output(&output);
    let model = Model::of(&graph);
    let sequence = model.array("s.npy", &[5, 3], &numbers(21, 15));
    let out = folder();
    let run = run![
        "explain",
        model.path(),
        sequence,
        "--reduce",
        "index:-1",
        "-o",
        out.path(),
        "--save",
        "relevance,report",
        "--json"
    ]
    .succeeded();
    assert_eq!(run.objects()[0]["prediction"].as_array().unwrap().len(), 4);
    let (_, relevance) = read_npy(&out.path().join("s.relevance.npy")).unwrap();
    // Only the last step counts.
    assert!(relevance[..12].iter().all(|value| *value == 0.0));
    assert!(relevance[12..].iter().any(|value| *value != 0.0));
    let session =
        SessionOptions::new().reduce(Reduction::Mean).class_axis(1).open(model.path()).unwrap();
    assert_eq!(session.class_count(), 5);
}
