//! What is put in at the output: the logit, the logit less the mean of all, or 1.

use onnxplain::{Array, Composite as Rules, ExplainerOptions, Session, Sign, Target};

use super::*;

const CLASSES: usize = 4;

/// A convolution, ReLU, the mean over positions, and a dense layer to whose classes the same vector is added; then what
/// the file computes from the logits.
fn network(common: f32, function: Option<&str>) -> Vec<u8> {
    let mut numbers = support::Numbers::new(7);
    let mut graph = Graph::with_input(17, &[1, 2, 6, 6]);
    let kernel = graph.floats(&[5, 2, 3, 3], &numbers.between(-1.0, 1.0, 90));
    let convolution = graph.node("Conv", &["x", &kernel], &[ints("pads", &[1; 4])]);
    let relu = graph.node("Relu", &[&convolution], &[]);
    let pooled = graph.node("GlobalAveragePool", &[&relu], &[]);
    let flat = graph.node("Flatten", &[&pooled], &[]);
    let shared = numbers.between(0.0, 1.0, 5);
    let weights = numbers.between(-1.0, 1.0, 5 * CLASSES);
    let weights: Vec<f32> = weights
        .chunks(CLASSES)
        .zip(shared)
        .flat_map(|(row, shared)| {
            row.iter().map(move |own| own + common * shared).collect::<Vec<_>>()
        })
        .collect();
    let weights = graph.floats(&[5, CLASSES], &weights);
    let mut output = graph.node("MatMul", &[&flat, &weights], &[]);
    if let Some(function) = function {
        output = graph.node(function, &[&output], &[]);
    }
    graph.output(&output);
    graph.bytes()
}

fn session(bytes: &[u8]) -> Session {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    Session::open(&path).unwrap()
}

/// ε, and another rule on the dense layer.
fn rules(initial: Initial, dense: &str) -> Rules {
    let yaml = format!(
        "name: test\ninitial: {}\nrules:\n  - when: {{ kind: dense }}\n    rule: {dense}\n  - when: {{ kind: activation }}\n    \
         rule: pass\n  - when: {{ kind: [convolution, average-pool] }}\n    rule: epsilon\n",
        initial.word()
    );
    Rules::parse(&yaml).unwrap()
}

fn explained(session: &Session, options: ExplainerOptions, class: usize) -> onnxplain::Explanation {
    let input = Array::new(&[1, 2, 6, 6], noise(&[1, 2, 6, 6], 3).data()).unwrap();
    session.explainer(options).unwrap().explain_target(&input, Target::Class(class)).unwrap()
}

fn by(rules: Rules) -> ExplainerOptions {
    ExplainerOptions::new().composite(rules).threads(1)
}

fn values(explanation: &onnxplain::Explanation) -> Vec<f32> {
    explanation.relevance().values().to_vec()
}

#[test]
fn centred_is_the_logit_less_the_mean_of_what_all_logits_give() {
    for dense in ["epsilon", "{ gamma: 0.5 }"] {
        let session = session(&network(0.7, None));
        let logits: Vec<_> = (0..CLASSES)
            .map(|class| explained(&session, by(rules(Initial::Logit, dense)), class))
            .collect();
        let found = explained(&session, by(rules(Initial::Centred, dense)), 2);
        let mean = |place: usize| {
            logits.iter().map(|all| f64::from(values(all)[place])).sum::<f64>() / CLASSES as f64
        };
        let expected: Vec<f32> = values(&logits[2])
            .iter()
            .enumerate()
            .map(|(place, value)| (f64::from(*value) - mean(place)) as f32)
            .collect();
        let error = support::difference(&values(&found), &expected);
        assert!(error < 2e-6, "{dense}: {error:e}");
        let mean_logit: f64 =
            logits.iter().map(|it| f64::from(it.class().logit)).sum::<f64>() / CLASSES as f64;
        let put_in = found.conservation().initial;
        assert!((put_in - (f64::from(found.class().logit) - mean_logit)).abs() < 1e-5);
        assert_eq!(found.sign(), Sign::For);
    }
}

#[test]
fn what_a_softmax_does_not_see_changes_no_centred_map() {
    let [small, large] = [0.0, 5.0].map(|common| {
        let session = session(&network(common, Some("Softmax")));
        [Initial::Centred, Initial::Logit]
            .map(|initial| values(&explained(&session, by(rules(initial, "epsilon")), 1)))
    });
    let error = support::difference(&large[0], &small[0]);
    assert!(error < 1e-4, "{error:e}");
    assert!(support::difference(&small[1], &large[1]) > 0.5, "the logits have nothing in common");
}

#[test]
fn the_option_goes_before_the_composite() {
    let session = session(&network(0.7, None));
    let centred = rules(Initial::Centred, "epsilon");
    let asked = explained(&session, by(centred.clone()).initial(Initial::Logit), 0);
    let expected = explained(&session, by(rules(Initial::Logit, "epsilon")), 0);
    assert_eq!(values(&asked), values(&expected));
    let asked =
        explained(&session, by(rules(Initial::Logit, "epsilon")).initial(Initial::Centred), 0);
    assert_eq!(values(&asked), values(&explained(&session, by(centred), 0)));
}

#[test]
fn only_classes_that_exclude_each_other_are_centred() {
    let session = session(&network(0.7, Some("Sigmoid")));
    let explainer = session.explainer(by(rules(Initial::Centred, "epsilon"))).unwrap();
    assert_eq!(explainer.initial(), Initial::Logit);
    let is_told = |text: &str| explainer.notices().iter().any(|it| it.text.contains(text));
    assert!(is_told("exclude each other"), "{:?}", explainer.notices());
}

#[test]
fn a_last_layer_that_does_not_divide_by_its_output_starts_with_the_logit() {
    let session = session(&network(0.7, None));
    let explainer = session.explainer(by(rules(Initial::Centred, "z-plus"))).unwrap();
    assert_eq!(explainer.initial(), Initial::Logit);
    let asked = by(rules(Initial::Logit, "z-plus")).initial(Initial::Centred);
    let found = explained(&session, asked, 0);
    assert_eq!(found.sign(), Sign::Mixed);
    assert!(found.notices().iter().any(|it| it.text.contains("all classes are put in")));
}

#[test]
fn gamma_keeps_the_sign_of_a_negative_logit() {
    let session = session(&network(0.0, None));
    // The second is no single division for both signs.
    for gamma in [
        "{ gamma: 0.5 }",
        "{ gamma: { gamma: 0.5, stabilizer: { kind: relative, epsilon: 1e-3 } } }",
    ] {
        let mut all =
            (0..CLASSES).map(|class| explained(&session, by(rules(Initial::Logit, gamma)), class));
        let below = all.find(|it| it.class().logit < 0.0).expect("a negative logit");
        assert_eq!(below.sign(), Sign::For, "{gamma}");
        assert!(below.conservation().initial < 0.0);
    }
}
