//! `--method` on the command line.

use super::*;

fn run(arguments: &[&str]) -> (Output, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_onnxplain"))
        .env("NO_COLOR", "1")
        .args(["explain", fashion("fashion_resnet").to_str().unwrap()])
        .arg(sample("photos/fashion/coat.png"))
        .args(arguments)
        .arg("-o")
        .arg(folder.path())
        .output()
        .unwrap();
    (output, folder)
}

fn report(arguments: &[&str]) -> Value {
    let (output, folder) = run(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}");
    let text = std::fs::read_to_string(folder.path().join("coat.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_method_runs_from_the_command_line_and_reports_its_parameters() {
    for method in Method::all() {
        let mut arguments = vec!["--method", method.name()];
        match method.seed() {
            Some(_) if method.perturbs_parameters() => arguments.extend(["--samples", "2"]),
            Some(_) => arguments.extend(["--samples", "4"]),
            None => {}
        }
        let report = report(&arguments);
        assert_eq!(report["method"], method.name());
        assert_eq!(report.get("parameters").is_some(), method.parameters() != Value::Null);
        if method.seed().is_some() {
            assert_eq!(report["parameters"]["seed"], 0);
        }
    }
    let path = report(&["--method", "integrated-gradients"]);
    assert!(path["completeness"]["relative_error"].as_f64().unwrap() < 0.2);
    let adaptive = ["--method", "smoothtaylor", "--adaptive", "tv", "--samples", "4"];
    assert!(report(&adaptive)["adaptation"]["sigma"].as_f64().unwrap() > 0.0);
}

#[test]
fn the_help_says_what_each_method_computes_and_whose_it_is() {
    let output = Command::new(env!("CARGO_BIN_EXE_onnxplain")).args(["explain", "--help"]).output();
    let help = String::from_utf8(output.unwrap().stdout).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for method in Method::all() {
        let line = format!("- {}: {}", method.name(), method.about());
        assert!(words(&help).contains(&words(&line)), "{line} is not in {help}");
    }
}

#[test]
fn noise_around_lrp_takes_a_composite() {
    let base = [
        "--method",
        "noisegrad",
        "--base-method",
        "lrp",
        "--samples",
        "3",
        "--composite",
        "epsilon-plus",
    ];
    let report = report(&base);
    assert_eq!(
        (&report["composite"], &report["parameters"]["base"]),
        (&"epsilon-plus".into(), &"lrp".into())
    );
    let sums = &report["relevance"];
    let number = |key: &str| sums[key].as_f64().unwrap();
    let arrived =
        number("input_sum") + number("absorbed_by_bias") + number("absorbed_by_stabilizer");
    assert!((number("initial") - arrived).abs() < 1e-3 * number("initial").abs());
}

#[test]
fn impossible_combinations_are_told_before_any_work() {
    for (arguments, message) in [
        (
            vec!["--method", "rise", "--adaptive", "tv"],
            "--adaptive belongs to smoothtaylor, not to rise",
        ),
        (vec!["--method", "occlusion", "--adaptive", "aupc"], "not to occlusion"),
        (vec!["--method", "gradcam"], "'grad-cam'"),
        (vec!["--method", "smoothgrad", "--base-method", "rise"], "[possible values: lrp,"),
        (vec!["--method", "gradient", "--composite", "epsilon"], "--composite belongs to lrp"),
        (vec!["--method", "smoothgrad", "--initial", "logit"], "--initial belongs to lrp"),
        (vec!["--samples", "3"], "not to lrp"),
        (vec!["--method", "occlusion", "--patch", "40"], "does not fit"),
        (vec!["--method", "grad-cam", "--layer", "nowhere"], "no layer"),
    ] {
        let (output, folder) = run(&arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(message), "{arguments:?}: {said}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
