//! Randomisation tests through the library, on the sample models.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use onnxplain::evaluation::EvaluationInput;
use onnxplain::sanity::{
    Initialisation, Order, Sanity, SanityOptions, SanityTest, StepLine, summarize,
};
use onnxplain::{Error, Method, Session, Unwatched};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-models").join(name)
}

fn method(name: &str) -> Method {
    Method::named(name).unwrap()
}

fn photo(name: &str) -> PathBuf {
    sample("photos/fashion").join(name)
}

/// The lines of a step.
fn of_step(sanity: &Sanity, step: usize) -> Vec<&StepLine> {
    sanity.lines.iter().filter(|line| line.step == step).collect()
}

/// Everything random is the same network, whichever layer came first; and the head alone is the first step from the top.
#[test]
fn orders_meet_where_they_must() {
    let session = Session::open(sample("fashion_resnet.onnx")).unwrap();
    let test = |order: Order, steps: usize| {
        let options = SanityOptions::new().method(method("gradient")).without_controls();
        session.sanity([photo("bag.png")], options.order(order).steps(steps)).unwrap()
    };
    let [down, up, alone] = Order::ALL.map(|order| test(order, 4));
    let values = |sanity: &Sanity, step: usize| of_step(sanity, step)[0].methods.clone();
    assert_eq!(values(&down, 4), values(&up, 4));
    assert_eq!(values(&down, 1), values(&alone, 4));
    assert!(values(&down, 4) != values(&alone, 1));
    assert_eq!(of_step(&down, 4)[0].network, of_step(&up, 4)[0].network);
    // One step randomises all at once.
    assert_eq!(values(&test(Order::TopDown, 1), 1), values(&down, 4));
}

/// The finding of Binder et al. 2023, on a network of the size that people have: random weights on top keep the rank of
/// the channels' contributions. The rest of the test is left out, as an earlier run would have done it.
#[test]
fn a_random_head_keeps_the_rank_of_contributions() {
    let session = Session::open(sample("efficientnet_lite0.onnx")).unwrap();
    let photos = ["chelsea.png", "coffee.jpg"].map(|name| sample("photos").join(name));
    let inputs: Vec<EvaluationInput> = photos.iter().map(EvaluationInput::from).collect();
    let options = SanityOptions::new().method(method("gradient"));
    let test = SanityTest::new(&session, options, &inputs).unwrap();
    assert_eq!(test.settings().steps.len(), 50);
    assert_eq!(test.settings().steps[0].layers, ["/_fc/Gemm"]);
    let mut lines = vec![];
    test.run(&inputs, &|_, step| step > 1, &Unwatched, &mut |outcome| {
        lines.push(outcome.result?);
        Ok::<(), Error>(())
    })
    .unwrap();
    assert_eq!(lines.len(), 4);
    let summary = summarize(test.settings(), &lines);
    let channels = summary.steps[0].channels.unwrap();
    assert_eq!((channels.count, channels.rank.n), (1280, 2));
    assert!(channels.rank.mean.unwrap() >= 0.9, "{channels:?}");
    assert!(channels.activation_rank.mean.unwrap() >= 0.9, "{channels:?}");
    // A tenth by chance.
    assert!(channels.active_tenth.mean.unwrap() >= 0.5, "{channels:?}");
    let step =
        |method: &str| summary.steps[0].methods.get(method).unwrap()["spearman"].mean.unwrap();
    assert!(step("noise").abs() < 0.05, "{}", step("noise"));
}

/// Without rescaling, activations of a freshly drawn network shrink from layer to layer until all classes are as likely;
/// with it the logits are as far apart as the trained ones'.
#[test]
fn keep_scale_keeps_logits_apart() {
    let session = Session::open(sample("fashion_resnet.onnx")).unwrap();
    let photos = ["bag.png", "coat.png", "dress.png", "sandal.png"].map(photo);
    let surest = |initialisation: Initialisation| {
        let options = SanityOptions::new().method(method("gradient")).without_controls().steps(1);
        let sanity = session.sanity(&photos, options.initialisation(initialisation)).unwrap();
        assert!(sanity.failures.is_empty());
        let networks = of_step(&sanity, 1).into_iter().map(|line| line.network.unwrap());
        networks.map(|network| (network.probability - 0.1).abs()).fold(0.0, f64::max)
    };
    // A tenth is what each of ten classes has where the network does not decide.
    let (kaiming, kept) = (surest(Initialisation::Kaiming), surest(Initialisation::KeepScale));
    assert!(kaiming < 0.25 && kept > kaiming, "{kaiming} {kept}");
}

#[test]
fn what_fails_is_told_and_a_watch_ends_it() {
    let session = Session::open(sample("fashion_vgg.onnx")).unwrap();
    let options = || SanityOptions::new().method(method("gradient")).steps(1);
    let sanity = session.sanity([photo("bag.png"), photo("no.png")], options()).unwrap();
    assert_eq!((sanity.lines.len(), sanity.failures.len()), (2, 1));
    assert!(sanity.failures[0].0.path.ends_with("no.png"));
    struct Stop;
    impl onnxplain::Watch for Stop {
        fn sample_done(&self) {}
        fn is_cancelled(&self) -> bool {
            true
        }
    }
    let inputs = [EvaluationInput::from(photo("bag.png"))];
    let test = SanityTest::new(&session, options(), &inputs).unwrap();
    let outcome = test.run(&inputs, &|_, _| false, &Stop, &mut |_| Ok::<(), Error>(()));
    assert!(matches!(outcome, Err(Error::Cancelled)));
    let noisy =
        session.sanity(&[photo("bag.png")], SanityOptions::new().method(method("noisegrad")));
    assert!(matches!(noisy, Err(Error::Method(_))));
}
