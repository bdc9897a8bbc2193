//! What a program that uses the library relies on, on the embedded models.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::*;
use crate::error::Error;
use crate::explain::Initial;
use crate::heatmap::{Normalization, Rendering};
use crate::method::{IntegratedGradients, SmoothGrad, Unwatched, Watch};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-models").join(name)
}

fn session() -> Session {
    Session::open(sample("fashion_vgg.onnx")).unwrap()
}

fn photo(name: &str) -> PathBuf {
    sample("photos/fashion").join(name)
}

fn bag() -> PathBuf {
    photo("bag.png")
}

fn on_threads(count: usize) -> ExplainerOptions {
    ExplainerOptions::new().threads(count)
}

fn values(explanation: &Explanation) -> &[f32] {
    explanation.relevance().values()
}

#[test]
fn everything_can_be_shared_and_sent() {
    fn shared<T: Send + Sync>() {}
    shared::<Session>();
    shared::<Explainer>();
    shared::<Explanation>();
    shared::<Input>();
    shared::<Error>();
}

#[test]
fn a_picture_in_every_form_is_the_same_input() {
    let session = session();
    let path = bag();
    let picture = image::open(&path).unwrap();
    let input = session.prepare(&path).unwrap();
    let array = Array::new(&[1, 28, 28], input.array().values()).unwrap();
    let of = |source: Source| session.explain(source).unwrap();
    let expected = of((&path).into());
    assert_eq!(expected.class().label.as_deref(), Some("Bag"));
    assert_eq!(expected.relevance().shape(), [1, 28, 28]);
    for source in [Source::from(&picture), Source::from(&input), Source::from(&array)] {
        assert_eq!(values(&of(source)), values(&expected));
    }
    assert!(of((&input).into()).heatmap().unwrap().overlay().is_ok());
    let without_photo = of((&array).into()).heatmap().unwrap().overlay().unwrap_err();
    assert!(matches!(without_photo, Error::Rendering(_)), "{without_photo}");
}

#[test]
fn relevance_adds_up_to_the_logit_and_one_is_one() {
    let session = session();
    let explanation = session.explain(&bag()).unwrap();
    let sums = explanation.conservation();
    assert!((sums.initial - f64::from(explanation.class().logit)).abs() < 1e-6);
    let arrived = sums.input_sum + sums.absorbed_by_bias + sums.absorbed_by_stabilizer;
    assert!((sums.initial - arrived).abs() < 1e-4 * sums.initial.abs(), "{sums:?}");
    assert!((explanation.relevance().sum() - sums.input_sum).abs() < 1e-6);
    let one = session.explainer(ExplainerOptions::new().initial(Initial::One)).unwrap();
    assert_eq!(one.explain(&bag()).unwrap().conservation().initial, 1.0);
    let gradient = session.explainer(Method::named("gradient").unwrap()).unwrap();
    let gradient = gradient.explain(&bag()).unwrap();
    assert_eq!(gradient.conservation().initial, 1.0);
    assert_eq!(gradient.heatmap().unwrap().rendering().normalization, Normalization::Absolute);
}

#[test]
fn the_preset_is_that_of_the_architecture_whoever_asks() {
    for (model, preset) in [
        ("fashion_vgg.onnx", "vgg"),
        ("fashion_vit.onnx", "vit"),
        ("fashion_resnet.onnx", "resnet-small"),
    ] {
        let session = Session::open(sample(model)).unwrap();
        let options = || ExplainerOptions::new().without_canonization();
        assert_eq!(session.canonized(options()).unwrap().choice.composite.name, preset);
        let explainer = session.into_explainer(on_threads(1)).unwrap();
        assert_eq!(explainer.composite(), preset);
        assert!(explainer.notices()[0].text.contains("auto:"), "{:?}", explainer.notices());
    }
}

#[test]
fn targets_are_explained_in_their_order_each_once() {
    let explainer = session().into_explainer(on_threads(1)).unwrap();
    let targets = Targets::new([Target::TopK(2), "Bag".parse().unwrap(), Target::Class(3)]);
    let all = explainer.explain_targets(&bag(), &targets, &Unwatched).unwrap();
    let indices: Vec<usize> = all.iter().map(|explanation| explanation.class().index).collect();
    let strongest = all[0].prediction().strongest(2);
    assert_eq!(indices, [strongest[0].index, strongest[1].index, 3]);
    let against = Targets::from(Target::Top).against(Target::Top);
    let against = explainer.explain_targets(&bag(), &against, &Unwatched).unwrap();
    assert_eq!(against[0].against().unwrap().index, strongest[1].index);
    let difference = f64::from(strongest[0].logit - strongest[1].logit);
    assert!((against[0].conservation().initial - difference).abs() < 1e-5);
}

#[test]
fn threads_do_not_change_a_bit() {
    let session = session();
    let names = ["bag.png", "coat.png", "dress.png", "sandal.png"].map(photo);
    let one = session.explainer(on_threads(1)).unwrap();
    let expected: Vec<Explanation> = names.iter().map(|name| one.explain(name).unwrap()).collect();
    for threads in [1, 3] {
        let explainer = session.explainer(on_threads(threads)).unwrap();
        let batch = explainer.explain_batch(&names, &Targets::default(), &Unwatched);
        for (expected, found) in expected.iter().zip(batch) {
            assert_eq!(values(&found.unwrap()[0]), values(expected));
        }
    }
    let predictions = session.predict_batch(&names).unwrap();
    for (expected, found) in expected.iter().zip(predictions) {
        assert_eq!(found.logits(), expected.prediction().logits());
    }
}

/// Threads of a pool that wait for an explanation take up other work of their pool: it must not be inside the first.
#[test]
fn explanations_from_the_threads_of_a_pool_take_turns() {
    let session = session();
    let explainer = session.explainer(on_threads(2)).unwrap();
    let expected = explainer.explain(&bag()).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let all: Vec<Explanation> = pool.install(|| {
        let explain = |index| match index % 4 {
            // Compiles when it is asked first.
            0 => session.explain(&bag()).unwrap(),
            _ => explainer.explain(&bag()).unwrap(),
        };
        (0..24).into_par_iter().map(explain).collect()
    });
    assert!(all.iter().all(|explanation| values(explanation) == values(&expected)));
}

#[test]
fn a_method_is_made_by_name_or_of_its_parameters() {
    let parameters = serde_json::json!({ "samples": 7, "base": { "method": "integrated-gradients", "steps": 3 } });
    let by_name = Method::with("smoothgrad", parameters.as_object().unwrap().clone()).unwrap();
    let base = IntegratedGradients { steps: 3, ..IntegratedGradients::default() };
    let base = Method::of(base).into();
    assert_eq!(by_name, Method::of(SmoothGrad { base, samples: 7, ..SmoothGrad::default() }));
    let none = serde_json::json!({ "steps": 7 }).as_object().unwrap().clone();
    assert!(matches!(Method::with("smoothgrad", none), Err(Error::Method(_))));
    assert!(matches!(Method::named("lpr"), Err(Error::Method(_))));
}

struct Patience {
    left: AtomicUsize,
}

impl Watch for Patience {
    fn sample_done(&self) {
        self.left.fetch_sub(1, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

#[test]
fn a_watch_ends_samples_and_batches() {
    let method = Method::of(SmoothGrad { samples: 5, ..SmoothGrad::default() });
    let explainer = session().into_explainer(ExplainerOptions::from(method).threads(1)).unwrap();
    let watch = Patience { left: 3.into() };
    let outcome = explainer.explain_targets(&bag(), &Targets::default(), &watch);
    assert!(matches!(outcome, Err(Error::Cancelled)));
    let batch = explainer.explain_batch(&[bag(), bag()], &Targets::default(), &watch);
    assert!(batch.iter().all(|outcome| matches!(outcome, Err(Error::Cancelled))));
}

#[test]
fn an_error_says_its_kind() {
    let kind = |options: SessionOptions| options.open(sample("fashion_vgg.onnx")).err().unwrap();
    let missing = Session::open(sample("no.onnx")).err().unwrap();
    assert!(matches!(missing, Error::Model(_)), "{missing}");
    let preset = kind(SessionOptions::new().preprocess("imagnet"));
    assert!(matches!(preset, Error::Preprocessing(_)), "{preset}");
    let few = kind(SessionOptions::new().labels(["cat"]));
    assert!(matches!(few, Error::Labels(_)), "{few:#}");
    assert!(format!("{few:#}").contains("the given labels do not fit the model"));
    let turned = kind(SessionOptions::new().input_range([1.0], [0.0]));
    assert!(matches!(turned, Error::Input(_)), "{turned}");
    assert!(matches!(Composite::named("vggg").unwrap_err(), Error::Composite(_)));
    assert!(matches!("lpr".parse::<Method>().unwrap_err(), Error::Method(_)));

    let session = session();
    let composite = Composite::named("epsilon").unwrap();
    let options = ExplainerOptions::from(Method::named("gradient").unwrap()).composite(composite);
    assert!(matches!(session.explainer(options).err().unwrap(), Error::Method(_)));
    let at = session.explainer(ExplainerOptions::new().at("nowhere")).err().unwrap();
    assert!(matches!(at, Error::Method(_)), "{at}");
    let few = Composite::parse("name: few\nrules: [{ when: { kind: sum }, rule: norm }]").unwrap();
    let misfit = session.explainer(few).err().unwrap();
    assert!(matches!(misfit, Error::Composite(_)), "{misfit}");

    let explainer = session.explainer(on_threads(1)).unwrap();
    assert!(matches!(explainer.explain("no.png").unwrap_err(), Error::Input(_)));
    let shape = Array::new(&[2, 2], &[0.0; 4]).unwrap();
    assert!(matches!(explainer.explain(&shape).unwrap_err(), Error::Input(_)));
    let nan = Array::new(&[1, 28, 28], &[f32::NAN; 784]).unwrap();
    assert!(matches!(explainer.explain(&nan).unwrap_err(), Error::Input(_)));
    assert!(matches!(
        explainer.explain_target(&bag(), Target::Class(10)).unwrap_err(),
        Error::Target(_)
    ));
    let heatmap = explainer.explain(&bag()).unwrap().heatmap().unwrap();
    let opaque = Rendering { alpha: 2.0, ..Rendering::default() };
    assert!(matches!(heatmap.clone().rendered(opaque).picture(), Err(Error::Rendering(_))));
    assert!(matches!(heatmap.save("/dev/null/heatmap.png"), Err(Error::Io(_))));
}

#[test]
fn what_is_guessed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("model.onnx");
    std::fs::copy(sample("fashion_vgg.onnx"), &alone).unwrap();
    let session = Session::open(&alone).unwrap();
    let told: Vec<&Notice> = session.notices().iter().collect();
    let guess = told.iter().find(|notice| notice.topic == Topic::Preprocessing).unwrap();
    assert!(guess.severity == Severity::Note && guess.text.contains("a guess: preset unit"));
    assert_eq!(session.labels(), None);
    let named = session.explain(&bag()).unwrap();
    assert_eq!(named.class().label, None);
    let unknown = session.resolve(&"Bag".parse::<Target>().unwrap().into()).unwrap_err();
    assert!(matches!(unknown, Error::Target(_)));

    let nine: Vec<String> = (0..9).map(|index| format!("class {index}")).collect();
    let lacking = SessionOptions::new().labels(nine).open(&alone).err().unwrap();
    assert!(matches!(lacking, Error::Labels(_)) && format!("{lacking:#}").contains("background"));
}

#[test]
fn names_that_lie_beside_the_model_are_taken_where_they_fit() {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("model.onnx");
    std::fs::copy(sample("fashion_vgg.onnx"), &alone).unwrap();
    let labels = folder.path().join("labels.txt");
    std::fs::write(&labels, "cat\ndog\n").unwrap();
    let session = Session::open(&alone).unwrap();
    let told = |session: &Session, severity: Severity| {
        let of_labels = |it: &&Notice| it.topic == Topic::Labels && it.severity == severity;
        session.notices().iter().find(of_labels).map(|notice| notice.text.clone()).unwrap()
    };
    assert_eq!(session.labels(), None);
    let misfit = told(&session, Severity::Warning);
    assert!(misfit.contains("labels.txt") && misfit.contains("2 labels"), "{misfit}");

    std::fs::copy(sample("fashion.txt"), folder.path().join("synset.txt")).unwrap();
    let session = Session::open(&alone).unwrap();
    assert_eq!(session.labels().unwrap()[8], "Bag");
    assert!(told(&session, Severity::Note).contains("synset.txt, which lies beside the model"));
    // What is given counts more.
    let none = SessionOptions::new().labels_file("none").open(&alone).unwrap();
    assert_eq!(none.labels(), None);
}

#[test]
fn the_names_of_image_net_come_with_the_program() {
    let open = |model: &str| SessionOptions::new().labels_file("imagenet").open(sample(model));
    let session = open("efficientnet_lite0.onnx").unwrap();
    assert_eq!(session.labels().unwrap()[281], "tabby");
    let misfit = format!("{:#}", open("fashion_vgg.onnx").err().unwrap());
    assert!(misfit.contains("ImageNet's labels do not fit"), "{misfit}");
    assert!(misfit.contains("1000 labels, but the network has 10 outputs"), "{misfit}");
}

#[test]
fn without_a_range_z_box_gives_way_to_another_rule_and_that_is_told() {
    let options = SessionOptions::new().unknown_input_range();
    let session = options.open(sample("fashion_vgg.onnx")).unwrap();
    assert_eq!(session.input_range(), None);
    let explainer = session.explainer(on_threads(1)).unwrap();
    let is_told = |notice: &Notice| {
        notice.severity == Severity::Warning && notice.text.contains("instead of z-box")
    };
    assert!(explainer.notices().iter().any(is_told), "{:?}", explainer.notices());
    let given = SessionOptions::new().pictures(false).input_range([-1.0], [2.0]);
    let session = given.open(sample("fashion_vgg.onnx")).unwrap();
    assert_eq!(session.input_range(), Some((&[-1.0][..], &[2.0][..])));
    let explainer = session.explainer(on_threads(1)).unwrap();
    assert!(!explainer.notices().iter().any(is_told));
    let pictures = explainer.explain(&bag()).unwrap_err();
    assert!(matches!(pictures, Error::Preprocessing(_)), "{pictures}");
}

#[test]
fn an_inner_layer_is_drawn_on_the_picture() {
    let session = Session::open(sample("fashion_vit.onnx")).unwrap();
    let options = ExplainerOptions::new().at("/blocks/blocks.0/Add");
    let explainer = session.explainer(options).unwrap();
    let explanation = explainer.explain(&bag()).unwrap();
    assert_eq!(explanation.relevance().shape(), explainer.relevance_shape());
    assert_ne!(explanation.relevance().shape(), &session.input_shape()[1..]);
    let heatmap = explanation.heatmap().unwrap();
    assert_eq!([heatmap.width(), heatmap.height()], [28, 28]);
}

#[test]
fn logits_are_no_probabilities_though_a_card_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.onnx");
    std::fs::copy(sample("fashion_vgg.onnx"), &model).unwrap();
    let sum = |card: &str| {
        std::fs::write(folder.path().join("model.yaml"), card).unwrap();
        let prediction = Session::open(&model).unwrap().predict(&bag()).unwrap();
        let is_logits = prediction.logits() == prediction.probabilities();
        (is_logits, prediction.probabilities().iter().sum::<f32>())
    };
    for card in ["output: probabilities", "output: logits"] {
        let (is_logits, sum) = sum(card);
        assert!(!is_logits && (sum - 1.0).abs() < 1e-5, "{sum}");
    }
}

#[test]
fn explainers_of_one_form_share_passes_and_explain_as_alone() {
    let session = session();
    let composite = |name: &str| ExplainerOptions::new().composite(Composite::named(name).unwrap());
    let method = |name: &str| ExplainerOptions::new().method(Method::named(name).unwrap());
    let all = vec![
        composite("epsilon-plus"),
        method("grad-cam"),
        composite("epsilon-gamma-box"),
        method("gradient"),
        method("smoothgrad"),
        composite("epsilon-alpha2-beta1"),
    ];
    let together = session.explainers(all.clone()).unwrap();
    let relatives = together.iter().filter(|it| it.family == together[0].family).count();
    // Grad-CAM needs the layers as stored; SmoothGrad runs the network at inputs of its own.
    assert_eq!(relatives, 4);
    let input = session.prepare(&bag()).unwrap();
    let mut passes = Explainer::passes(&together);
    let targets = Targets::new([Target::TopK(2)]);
    for (explainer, options) in together.iter().zip(all) {
        let mut found = vec![];
        let keep = |explanation| {
            found.push(explanation);
            true
        };
        let begin = |_: &_, _: &[_]| Ok::<_, Error>(());
        explainer.explain_each_by(&mut passes, &input, &targets, &Unwatched, begin, keep).unwrap();
        let alone = session.explainer(options).unwrap();
        let alone = alone.explain_targets(&input, &targets, &Unwatched).unwrap();
        assert_eq!(found.len(), 2);
        for (found, alone) in found.iter().zip(&alone) {
            assert_eq!(values(found), values(alone), "{}", explainer.method());
            assert_eq!(found.prediction().logits(), alone.prediction().logits());
        }
    }
}

#[test]
fn a_family_runs_the_network_once_on_an_input() {
    let session = session();
    let composite = |name: &str| ExplainerOptions::new().composite(Composite::named(name).unwrap());
    let together = session.explainers([composite("epsilon"), composite("gamma")]).unwrap();
    let input = session.prepare(&bag()).unwrap();
    let mut passes = Explainer::passes(&together);
    let mut runs = 0;
    for _ in 0..2 {
        let run = || {
            runs += 1;
            together[0].run(&input)
        };
        passes.take(&together[0].family, run).unwrap();
    }
    assert_eq!(runs, 1);
}
