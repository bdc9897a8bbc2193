//! Models of several inputs: each has a map, or is held fixed.

use std::fs;

use onnxplain::io::read_npy;
use onnxplain::{Array, Method, Session, SessionOptions, Source, Target};
use tract_onnx::pb::tensor_proto::DataType;

use super::super::support::onnx::{Axis, Graph, fixed, int, ints};
use super::super::support::worst_error;
use super::super::{Run, command, files_in, folder, run};
use super::{Model, check_gradients, named, number, numbers, refused};

/// A scan [1, 1, 4, 4] and a record [1, 3], behind each other a dense layer: four classes.
fn two_inputs() -> Model {
    let mut graph = Graph::new(17);
    graph.input("scan", &fixed(&[1, 1, 4, 4]), DataType::Float);
    graph.input("record", &[Axis::Symbol("batch"), Axis::Fixed(3)], DataType::Float);
    let kernel = graph.floats(&[2, 1, 3, 3], &numbers(1, 18));
    let maps = graph.node("Conv", &["scan", &kernel], &[ints("pads", &[1, 1, 1, 1])]);
    let maps = graph.node("Softplus", &[&maps], &[]);
    let flat = graph.node("Flatten", &[&maps], &[]);
    let both = graph.node("Concat", &[&flat, "record"], &[int("axis", 1)]);
    let weight = graph.floats(&[35, 6], &numbers(2, 210));
    let hidden = graph.node("MatMul", &[&both, &weight], &[]);
    let hidden = graph.node("Tanh", &[&hidden], &[]);
    let head = graph.floats(&[6, 4], &numbers(3, 24));
    let output = graph.node("MatMul", &[&hidden, &head], &[]);
    graph.output(&output);
    Model::of(&graph)
}

#[test]
fn several_inputs_have_a_map_each() {
    let model = two_inputs();
    let scan = model.array("scan.npy", &[1, 4, 4], &numbers(4, 16));
    let record = model.text("record.csv", "age,pulse,weight\n0.5,-1.0,2.0\n");
    let out = folder();
    let inputs = [named("scan", &scan), named("record", &record)];
    let run = run![
        "explain",
        model.path(),
        "--input",
        &inputs[0],
        "--input",
        &inputs[1],
        "-o",
        out.path(),
        "--save",
        "overlay,heatmap,relevance,report",
        "--composite",
        "epsilon",
        "--json"
    ]
    .succeeded();
    let report = &run.objects()[0];
    assert_eq!(
        files_in(out.path()),
        [
            "scan.json",
            "scan.record.heatmap.png",
            "scan.record.overlay.png",
            "scan.record.relevance.npy",
            "scan.scan.heatmap.png",
            "scan.scan.relevance.npy"
        ]
    );
    let sums = &report["relevance"];
    let [scan_sum, record_sum] =
        [0, 1].map(|place: usize| number(&report["inputs"][place]["relevance"]));
    assert!((scan_sum + record_sum - number(&sums["input_sum"])).abs() < 1e-6);
    let accounted = number(&sums["input_sum"])
        + number(&sums["absorbed_by_bias"])
        + number(&sums["absorbed_by_stabilizer"]);
    assert!((accounted - number(&sums["initial"])).abs() < 1e-5, "{sums}");
    assert!(scan_sum.abs() > 1e-3 && record_sum.abs() > 1e-3);
    let (shape, values) = read_npy(&out.path().join("scan.record.relevance.npy")).unwrap();
    assert_eq!(shape, [3]);
    let elements = report["inputs"][1]["elements"].as_array().unwrap();
    assert_eq!(elements[1]["name"], "pulse");
    assert!((number(&elements[1]["relevance"]) - f64::from(values[1])).abs() < 1e-6);
    assert_eq!(
        report["files"]["record.overlay"],
        format!("{}/scan.record.overlay.png", out.path().display())
    );
}

#[test]
fn gradients_by_several_inputs_are_those_of_the_model() {
    let model = two_inputs();
    let session = Session::open(model.path()).unwrap();
    let inputs = [
        ("scan", Array::new(&[1, 1, 4, 4], &numbers(4, 16)).unwrap()),
        ("record", Array::new(&[1, 3], &[0.5, -1.0, 2.0]).unwrap()),
    ];
    check_gradients(&session, &inputs, 2);
    for method in
        ["integrated-gradients", "smoothgrad", "input-x-gradient", "saliency", "noisegrad"]
    {
        let explainer = session.explainer(Method::named(method).unwrap()).unwrap();
        let source = inputs.clone().map(|(name, array)| (name.to_string(), array));
        let named = source.iter().map(|(name, array)| (name.clone(), Source::from(array)));
        let explanation = explainer.explain(named.collect::<Vec<_>>()).unwrap();
        let sum: f64 = explanation.inputs().map(|(_, relevance)| relevance.sum()).sum();
        assert!((sum - explanation.conservation().input_sum).abs() < 1e-5, "{method}");
        if let Some(completeness) = explanation.completeness() {
            assert!(completeness.relative_error < 1e-3, "{completeness:?}");
        }
    }
}

#[test]
fn an_input_that_is_held_fixed_is_a_constant() {
    let model = two_inputs();
    let record = Array::new(&[3], &[0.5, -1.0, 2.0]).unwrap();
    let options = || SessionOptions::new().input("record", &record);
    let session = options().explain_inputs(["scan"]).open(model.path()).unwrap();
    assert_eq!(session.fixed_inputs(), ["record"]);
    let scan = Array::new(&[1, 4, 4], &numbers(4, 16)).unwrap();
    let gradient = session.explainer(Method::named("gradient").unwrap()).unwrap();
    let alone = gradient.explain_target(&scan, Target::Class(1)).unwrap();
    assert_eq!(alone.inputs().count(), 1);
    let both = options().open(model.path()).unwrap();
    let both = both.explainer(Method::named("gradient").unwrap()).unwrap();
    let both = both.explain_target(&scan, Target::Class(1)).unwrap();
    let error = worst_error(alone.relevance().values(), both.relevance().values());
    assert!(error < 1e-6, "{error:e}");
    assert!(worst_error(alone.prediction().logits(), both.prediction().logits()) < 1e-6);
    let other = gradient.explain([("record", Source::from(&record))]).unwrap_err().to_string();
    assert!(other.contains("held fixed"), "{other}");
}

#[test]
fn what_is_wrong_with_several_inputs_is_said() {
    let model = two_inputs();
    let scan = model.array("scan.npy", &[1, 4, 4], &numbers(4, 16));
    let record = model.array("record.npy", &[3], &numbers(5, 3));
    let long = model.array("long.npy", &[5], &numbers(5, 5));
    let (scan_is, record_is) = (named("scan", &scan), named("record", &record));
    let explain = |arguments: &[&str]| {
        let out = folder();
        let mut command = command();
        command.arg("explain").arg(model.path()).args(arguments).arg("-o").arg(out.path());
        Run::from(command.output().unwrap())
    };
    let missing = ["\"record\" (float32 [batch, 3])", "--input record=FILE"];
    let absent = ["\"record\" [1, 3] is missing", "--input record=FILE"];
    refused(explain(&["--input", &scan_is]), 2, &absent);
    refused(explain(&["--input", &scan_is, "--explain-input", "scan"]), 2, &missing);
    refused(
        explain(&["--input", &scan_is, "--input", &named("recrod", &record)]),
        2,
        &["did you mean \"record\"?"],
    );
    refused(
        explain(&["--input", &scan_is, "--input", &named("record", &long)]),
        2,
        &["[batch, 3]", "[5]"],
    );
    refused(explain(&[scan.to_str().unwrap()]), 2, &["say which one a file is for"]);
    refused(explain(&["--input", "scan"]), 2, &["NAME=FILE"]);
    refused(
        explain(&["--input", &scan_is, "--input", &record_is, "--explain-input", "age"]),
        2,
        &["no input \"age\""],
    );
    refused(
        explain(&[
            "--input",
            &scan_is,
            "--input",
            &record_is,
            "--method",
            "occlusion",
            "--patch",
            "2",
        ]),
        2,
        &["--explain-input"],
    );
    // A file without a name is for the input that is left.
    explain(&[scan.to_str().unwrap(), "--input", &record_is]).succeeded();
}

#[test]
fn arrays_of_an_archive_are_found_by_name() {
    let model = two_inputs();
    let archive = model.at("both.npz");
    let mut bytes = vec![];
    let mut writer = rawzip::ZipArchiveWriter::new(&mut bytes);
    for (name, shape, count) in [("scan", vec![1, 4, 4], 16), ("record", vec![3], 3)] {
        let array = model.array("part.npy", &shape, &numbers(4, count));
        let name = format!("{name}.npy");
        let (mut entry, config) = writer.new_file(&name).start().unwrap();
        let mut file = config.wrap(&mut entry);
        std::io::Write::write_all(&mut file, &fs::read(array).unwrap()).unwrap();
        let (_, descriptor) = file.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    writer.finish().unwrap();
    fs::write(&archive, bytes).unwrap();
    let out = folder();
    let part = |name: &str| format!("{name}={}:{name}", archive.display());
    run![
        "explain",
        model.path(),
        "--input",
        part("scan"),
        "--input",
        part("record"),
        "-o",
        out.path()
    ]
    .succeeded();
    assert!(files_in(out.path()).contains(&"both.scan.scan.heatmap.png".to_string()));
    let vague = format!("scan={}", archive.display());
    refused(
        run![
            "explain",
            model.path(),
            "--input",
            vague,
            "--input",
            part("record"),
            "-o",
            out.path()
        ],
        2,
        &["the arrays", "scan"],
    );
}
