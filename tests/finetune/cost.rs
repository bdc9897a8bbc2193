//! What feedback costs, against forward pass and propagation of the same pictures: `cargo test --test finetune -- --ignored
//! --nocapture cost`.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Instant;

use onnxplain::finetune::{FeedbackRule, Mapping, Reward, Sample, Teaching, feedback};
use onnxplain::tensor::Tensor;
use onnxplain::{Array, Composite, ExplainerOptions, Session, Target};

const PICTURES: usize = 256;
const BATCH: usize = 32;

/// Seconds that this thread has had the processor, so that others on the machine do not matter; elsewhere than on Linux the
/// clock.
fn seconds() -> f64 {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let text = std::fs::read_to_string("/proc/thread-self/schedstat");
    let nanoseconds = text.ok().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| BEGIN.elapsed().as_secs_f64(), |count| count / 1e9)
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
        let samples: Vec<Sample> = (0..PICTURES)
            .map(|at| Sample {
                inputs: vec![Tensor::new(&[1, 1, 28, 28], &numbers(at)).unwrap()].into(),
                class: at % 10,
            })
            .collect();
        let options = ExplainerOptions::new().composite(Composite::named("epsilon").unwrap());
        let explainer = session.explainer(options.threads(1).without_canonization()).unwrap();
        let arrays: Vec<Array> =
            (0..PICTURES).map(|at| Array::new(&[1, 28, 28], &numbers(at)).unwrap()).collect();
        let explain = || {
            for (at, array) in arrays.iter().enumerate() {
                explainer.explain_target(array, Target::Class(at % 10)).unwrap();
            }
        };
        let parametric = session.parametric().unwrap();
        for rule in [FeedbackRule::LfpEpsilon, FeedbackRule::Gradient] {
            let mapping = Mapping::new(&parametric, rule, &samples[0].inputs).unwrap();
            let teaching = Teaching { rule, reward: Reward::Softmax };
            let teach = || {
                for batch in samples.chunks(BATCH) {
                    let batch: Vec<&Sample> = batch.iter().collect();
                    feedback(&mapping, mapping.stored(), teaching, &batch, 1).unwrap();
                }
            };
            // The best of some, taken in turn: others use the machine too.
            let mut best = [f64::INFINITY; 2];
            for _ in 0..7 {
                for (best, work) in best.iter_mut().zip([&explain as &dyn Fn(), &teach]) {
                    let begin = seconds();
                    work();
                    *best = best.min(seconds() - begin);
                }
            }
            let [explained, taught] = best.map(|seconds| 1e3 * seconds / PICTURES as f64);
            println!(
                "{model} {}: forward and propagation {explained:.3} ms, an epoch {taught:.3} ms a picture: {:.2}",
                rule.word(),
                taught / explained
            );
        }
    }
}
