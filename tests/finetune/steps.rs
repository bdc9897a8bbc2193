//! Step functions have no slope: rewards train what is below them, and the gradient does not.

use std::path::PathBuf;
use std::sync::Arc;

use onnxplain::SessionOptions;
use onnxplain::finetune::{
    FeedbackRule, FinetuneSettings, Progress, Sample, Schedule, Summary, Trainer,
};
use onnxplain::onnx::StoredNumbers;
use onnxplain::tensor::Tensor;

struct Unwatched;

impl Progress for Unwatched {
    fn advanced(&self, _: usize) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Points around the centre of their class, in a fixed order.
fn points(count: usize, first: u64) -> Vec<Arc<Sample>> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64.wrapping_mul(first + 1);
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..count)
        .map(|at| {
            let class = at % 3;
            let centre = |axis: usize| if axis % 3 == class { 1.0 } else { -0.5 };
            let numbers: Vec<f32> = (0..10).map(|axis| centre(axis) + 1.5 * uniform()).collect();
            let input = Tensor::new(&[1, 10], &numbers).unwrap();
            Arc::new(Sample { inputs: vec![input].into(), class })
        })
        .collect()
}

/// How well the network does after it was trained; its last layer stays as it is, random.
fn trained(rule: FeedbackRule) -> [Summary; 2] {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/lfp/step.onnx");
    let session = SessionOptions::new().pictures(false).open(&path).unwrap();
    let settings = FinetuneSettings {
        rule,
        epochs: 25,
        batch: 16,
        learning_rate: 0.02,
        schedule: Schedule::Constant,
        clip: Some(1.0),
        freeze: Some("^4".to_string()),
        ..FinetuneSettings::default()
    };
    let stored = StoredNumbers::read(&path).unwrap();
    let samples = [points(240, 0), points(150, 1)];
    let parametric = session.parametric().unwrap();
    let mut trainer = Trainer::new(&parametric, &stored, settings, samples, 2).unwrap();
    while !trainer.is_done() {
        trainer.epoch(&Unwatched).unwrap();
    }
    let history = &trainer.state().history;
    [history[0].held_out, trainer.state().best.as_ref().unwrap().held_out]
}

#[test]
fn rewards_train_below_step_functions_and_the_gradient_does_not() {
    let [before, after] = trained(FeedbackRule::LfpEpsilon);
    assert!(before.accuracy < 0.7, "{before:?}");
    assert!(after.accuracy >= 0.8, "{after:?}");
    let [before, after] = trained(FeedbackRule::Gradient);
    assert_eq!(before, after);
}
