//! Feedback of every weight against lfprop 1.0.0 and torch (`tests/oracle/lfp_parity.py`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use onnxplain::finetune::{FeedbackRule, Mapping, Reward, Sample, Teaching, feedback};
use onnxplain::tensor::Tensor;
use onnxplain::{Session, SessionOptions};

/// Of the largest feedback of a parameter's tensor.
const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct Golden {
    shape: Vec<usize>,
    inputs: Vec<Vec<f32>>,
    classes: Vec<usize>,
    feedback: BTreeMap<String, BTreeMap<String, Vec<f32>>>,
}

struct Case {
    golden: Golden,
    session: Session,
}

impl Case {
    fn named(name: &str) -> Case {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/lfp");
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let session =
            SessionOptions::new().pictures(false).open(folder.join(format!("{name}.onnx")));
        Case { golden: serde_json::from_str(&text).unwrap(), session: session.unwrap() }
    }

    fn samples(&self) -> Vec<Sample> {
        let sample = |(input, &class): (&Vec<f32>, &usize)| Sample {
            inputs: vec![Tensor::new(&self.golden.shape, input).unwrap()].into(),
            class,
        };
        self.golden.inputs.iter().zip(&self.golden.classes).map(sample).collect()
    }

    fn check(&self, name: &str, rule: FeedbackRule, reward: Reward) {
        let samples = self.samples();
        let parametric = self.session.parametric().unwrap();
        let mapping = Mapping::new(&parametric, rule, &samples[0].inputs).unwrap();
        let batch: Vec<&Sample> = samples.iter().collect();
        let teaching = Teaching { rule, reward };
        let found = feedback(&mapping, mapping.stored(), teaching, &batch, 2).unwrap();
        let expected = &self.golden.feedback[name];
        assert_eq!(mapping.parameters().len(), expected.len());
        for parameter in mapping.parameters() {
            assert_eq!(parameter.frozen, None, "{}", parameter.name);
            let (found, expected) = (&found.sums[parameter.places()], &expected[&parameter.name]);
            let largest = expected.iter().fold(0.0f32, |largest, it| largest.max(it.abs()));
            assert_eq!(found.len(), expected.len());
            let apart = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
            // Not `max`, which drops NaN.
            let worst = apart
                .fold(0.0, |worst: f32, it| if it > worst || it.is_nan() { it } else { worst });
            assert!(
                worst <= TOLERANCE * largest,
                "{name} {}: {worst} of {largest}",
                parameter.name
            );
        }
    }
}

const NETWORKS: [&str; 4] = ["mlp", "conv", "residual", "step"];

#[test]
fn rewards_go_to_weights_as_in_lfprop() {
    for network in NETWORKS {
        let case = Case::named(network);
        case.check("lfp-epsilon", FeedbackRule::LfpEpsilon, Reward::Softmax);
        case.check("lfp-epsilon sigmoid", FeedbackRule::LfpEpsilon, Reward::Sigmoid);
    }
}

#[test]
fn the_gamma_rule_hands_rewards_down_by_its_definition() {
    for network in ["mlp", "conv", "step"] {
        Case::named(network).check("lfp-gamma", FeedbackRule::LfpGamma, Reward::Softmax);
    }
}

#[test]
fn gradients_are_those_of_torch() {
    for network in NETWORKS {
        Case::named(network).check("gradient", FeedbackRule::Gradient, Reward::Softmax);
    }
}

#[test]
fn threads_change_no_bit() {
    let case = Case::named("conv");
    let samples: Vec<Sample> = (0..7).flat_map(|_| case.samples()).collect();
    let batch: Vec<&Sample> = samples.iter().collect();
    let rule = FeedbackRule::LfpEpsilon;
    let mapping =
        Mapping::new(&case.session.parametric().unwrap(), rule, &samples[0].inputs).unwrap();
    let teaching = Teaching { rule, reward: Reward::Softmax };
    let on =
        |jobs: usize| feedback(&mapping, mapping.stored(), teaching, &batch, jobs).unwrap().sums;
    let one = on(1);
    assert!(one.iter().any(|sum| *sum != 0.0));
    assert_eq!(one, on(2));
    assert_eq!(one, on(5));
}
