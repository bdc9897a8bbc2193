//! Evaluation through the library, on the sample models.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use onnxplain::evaluation::{Conditions, Evaluation, EvaluationOptions, Levels};
use onnxplain::{Composite, Method, Session};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-models").join(name)
}

fn mean(evaluation: &Evaluation, method: &str, metric: &str) -> f64 {
    let (mean, count) = evaluation.mean(method, metric).unwrap();
    assert_eq!(count, evaluation.lines.len() / evaluation.settings.methods.len());
    mean
}

/// On the repository's photos together, noise loses to the methods that we recommend. (On a single one it may not lose to
/// others: of the cat, plain gradients know less than noise.)
#[test]
fn noise_loses_to_what_we_recommend() {
    let session = Session::open(sample("efficientnet_lite0.onnx")).unwrap();
    let conditions = Conditions { levels: Levels::Count(8), ..Conditions::default() };
    let options = EvaluationOptions::new()
        .method(Composite::auto())
        .method(Method::named("grad-cam").unwrap())
        .conditions(conditions)
        .metric("srg");
    let photos =
        ["chelsea.png", "coffee.jpg", "rocket.jpg"].map(|name| sample("photos").join(name));
    let evaluation = session.evaluate(&photos, options).unwrap();
    assert!(evaluation.failures.is_empty());
    assert_eq!(evaluation.settings.fill.name, "blur");
    let noise = mean(&evaluation, "random", "srg");
    let methods = evaluation.settings.methods.iter().filter(|method| !method.is_control);
    for method in methods {
        let value = mean(&evaluation, &method.name, "srg");
        assert!(value > noise, "{}: {value}, noise: {noise}", method.name);
    }
}

/// One at a time or several, in any order: the same lines.
#[test]
fn lines_do_not_depend_on_order_or_threads() {
    let session = Session::open(sample("fashion_vgg.onnx")).unwrap();
    let photos =
        ["bag", "coat", "dress"].map(|name| sample("photos/fashion").join(format!("{name}.png")));
    let options = || {
        let methods = EvaluationOptions::new().method(Composite::named("epsilon-plus").unwrap());
        methods.metric("default").metric("infidelity").metric("ris").seed(3)
    };
    let mut one = session.evaluate(&photos, options().jobs(1)).unwrap();
    let mut reversed = photos.to_vec();
    reversed.reverse();
    let mut several = session.evaluate(&reversed, options().jobs(3)).unwrap();
    for evaluation in [&mut one, &mut several] {
        evaluation.lines.iter_mut().for_each(|line| line.seconds = None);
        evaluation.lines.sort_by(|a, b| (&a.input, &a.method).cmp(&(&b.input, &b.method)));
    }
    assert_eq!(one.settings, several.settings);
    assert_eq!(one.lines, several.lines);
    let lrp = one.lines.iter().find(|line| line.method == "lrp:epsilon-plus").unwrap();
    assert!(lrp.metrics["completeness"].unwrap() < 1e-3, "{lrp:?}");
}
