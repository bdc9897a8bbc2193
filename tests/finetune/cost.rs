//! What an epoch costs, against forward pass and propagation of the same pictures: `cargo test --test finetune -- --ignored
//! --nocapture cost`.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use onnxplain::finetune::{
    EpochLine, FeedbackRule, FinetuneSettings, Mapping, Progress, Reward, Sample, Schedule,
    Teaching, Trainer, feedback,
};
use onnxplain::onnx::StoredNumbers;
use onnxplain::tensor::Tensor;
use onnxplain::{Array, Composite, ExplainerOptions, Session, Target};

const PICTURES: usize = 64;
const BATCH: usize = 32;

/// Seconds that the threads of this process have had a processor, so that others on the machine do not matter; elsewhere
/// than on Linux the clock.
fn seconds() -> f64 {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return BEGIN.elapsed().as_secs_f64();
    };
    let of_task = |path: PathBuf| {
        let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    tasks.filter_map(|task| of_task(task.ok()?.path())).sum::<f64>() / 1e9
}

struct Nobody;

impl Progress for Nobody {
    fn advanced(&self, _: usize) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

#[test]
#[ignore = "a measurement"]
fn cost() {
    for model in ["fashion_resnet", "fashion_vgg"] {
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("sample-models/{model}.onnx"));
        let session = Session::open(&path).unwrap();
        let numbers = |at: usize| -> Vec<f32> {
            (0..784).map(|pixel| ((pixel * (at + 3)) % 29) as f32 / 10.0 - 0.8).collect()
        };
        let sample = |at: usize| {
            let inputs = vec![Tensor::new(&[1, 1, 28, 28], &numbers(at)).unwrap()].into();
            Arc::new(Sample { inputs, class: at % 10 })
        };
        let samples: Vec<Arc<Sample>> = (0..PICTURES).map(sample).collect();
        let options = ExplainerOptions::new().composite(Composite::named("epsilon").unwrap());
        let explainer = session.explainer(options.threads(1).without_canonization()).unwrap();
        let arrays: Vec<Array> =
            (0..PICTURES).map(|at| Array::new(&[1, 28, 28], &numbers(at)).unwrap()).collect();
        let mut explain = || {
            for (at, array) in arrays.iter().enumerate() {
                explainer.explain_target(array, Target::Class(at % 10)).unwrap();
            }
        };
        let parametric = session.parametric().unwrap();
        for rule in [FeedbackRule::LfpEpsilon, FeedbackRule::Gradient] {
            let mapping = Mapping::new(&parametric, rule, &samples[0].inputs).unwrap();
            let teaching = Teaching { rule, reward: Reward::Softmax };
            let mut teach = || {
                for batch in samples.chunks(BATCH) {
                    let batch: Vec<&Sample> = batch.iter().map(|sample| &**sample).collect();
                    feedback(&mapping, mapping.stored(), teaching, &batch, 1).unwrap();
                }
            };
            // The whole of an epoch: with the steps of the optimizer, and with a picture to judge by.
            let settings = FinetuneSettings {
                rule,
                epochs: 1000,
                batch: BATCH,
                schedule: Schedule::Constant,
                learning_rate: 1e-6,
                ..FinetuneSettings::default()
            };
            let stored = StoredNumbers::read(&path).unwrap();
            let sides = [samples.clone(), vec![sample(0)]];
            let mut trainer = Trainer::new(&parametric, &stored, settings, sides, 1).unwrap();
            let mut train = || {
                let line: Option<EpochLine> = trainer.epoch(&Nobody).unwrap();
                assert!(line.is_some());
            };
            // The best of many, taken in turn: others use the machine too.
            let mut best = [f64::INFINITY; 3];
            let works: [&mut dyn FnMut(); 3] = [&mut explain, &mut teach, &mut train];
            let mut works = works;
            for _ in 0..60 {
                for (best, work) in best.iter_mut().zip(works.iter_mut()) {
                    let begin = seconds();
                    work();
                    *best = best.min(seconds() - begin);
                }
            }
            let [explained, taught, trained] = best.map(|seconds| 1e3 * seconds / PICTURES as f64);
            println!(
                "{model} {}: forward and propagation {explained:.3} ms a picture, feedback {taught:.3} ms: {:.2}, \
                 an epoch {trained:.3} ms: {:.2}",
                rule.word(),
                taught / explained,
                trained / explained
            );
        }
    }
}
