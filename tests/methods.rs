//! Attribution methods: identities that each must satisfy, finite differences, and the command line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use onnxplain::canonize::{PassSelection, canonize};
use onnxplain::composite::Composite;
use onnxplain::explain::{Initial, InputRange};
use onnxplain::method::{
    Explanation, Fill, FusionGrad, GradCam, InputFacts, IntegratedGradients, Method, NoiseGrad,
    Objective, Occlusion, PreparedMethod, Quadrature, Question, Rise, Setup, SmoothGrad,
    SmoothTaylor, Unwatched,
};
use onnxplain::model::{LoadOptions, Model, StoredModel};
use onnxplain::tensor::Tensor;
use serde_json::Value;
use support::noise;
use support::onnx::{Graph, ints};

const FASHION: [&str; 4] =
    ["fashion_densenet", "fashion_mobilenet", "fashion_resnet", "fashion_vgg"];

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-models").join(name)
}

fn fashion(name: &str) -> PathBuf {
    sample(&format!("{name}.onnx"))
}

/// A method made ready for a model file.
fn prepared(path: &Path, method: Method, threads: usize) -> anyhow::Result<PreparedMethod> {
    let options = LoadOptions::default();
    let model = Model::load(path, &options)?;
    let mut network = model.network;
    let passes = match method.needs_layers_as_stored() {
        true => PassSelection::none(),
        false => PassSelection::all(),
    };
    canonize(&mut network, &passes)?;
    let stored = match method.perturbs_parameters() {
        true => Some(StoredModel::read(path, &options)?),
        false => None,
    };
    let range = InputRange { low: vec![-2.0], high: vec![2.0], channel_axis: 1 };
    let setup = Setup {
        network,
        composite: Composite::find(method.preset().unwrap_or("epsilon-plus"))?,
        passes,
        facts: InputFacts { picture: model.input.picture, range: Some(range) },
        at: None,
        stored,
        threads,
    };
    PreparedMethod::new(method, setup)
}

const QUESTION: Question = Question { target: 1, against: None, initial: Initial::One };

fn explained(path: &Path, method: Method, input: &Tensor) -> Explanation {
    explained_on(path, method, input, 2)
}

fn explained_on(path: &Path, method: Method, input: &Tensor, threads: usize) -> Explanation {
    let prepared = prepared(path, method, threads).unwrap();
    let point = prepared.forward(input.clone()).unwrap();
    prepared.explain(&point, QUESTION, &Unwatched).unwrap()
}

/// A small model written to a folder of its own.
struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn file(graph: &Graph) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, graph.bytes()).unwrap();
    File { _folder: folder, path }
}

fn assert_near(found: &Tensor, expected: &[f32], tolerance: f32) {
    let scale = expected.iter().fold(0.0f32, |scale, value| scale.max(value.abs()));
    for (index, (found, expected)) in found.data().iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= tolerance * scale,
            "{found} is not {expected} at {index}"
        );
    }
}

/// `y = W x` of a picture [1, 1, 4, 4] to two classes.
fn linear(weights: &[f32]) -> File {
    let mut graph = Graph::with_input(17, &[1, 1, 4, 4]);
    let flat = graph.node("Flatten", &["x"], &[]);
    let weight = graph.floats(&[16, 2], weights);
    let output = graph.node("MatMul", &[&flat, &weight], &[]);
    graph.output(&output);
    file(&graph)
}

fn weights() -> Vec<f32> {
    (0..32).map(|index| (index as f32 * 0.7).sin() + 0.1).collect()
}

/// The weights of the class that is asked for.
fn class_weights() -> Vec<f32> {
    weights().chunks(2).map(|pair| pair[1]).collect()
}

#[test]
fn gradients_of_whole_networks_agree_with_finite_differences() {
    for name in FASHION {
        let path = fashion(name);
        let method = prepared(&path, Method::Gradient, 1).unwrap();
        let input = noise(&[1, 1, 28, 28], 3);
        let point = method.forward(input.clone()).unwrap();
        let gradient = method.explain(&point, QUESTION, &Unwatched).unwrap().relevance;
        // Along the gradient itself the output changes most, and rounding matters least.
        let length = gradient.data().iter().map(|value| value * value).sum::<f32>().sqrt();
        let step = 2e-3;
        let logit = |sign: f32| {
            let mut moved = input.clone();
            for (to, slope) in moved.data_mut().iter_mut().zip(gradient.data()) {
                *to += sign * step * slope / length;
            }
            let logits = method.forward(moved).unwrap().activations.logits().unwrap().clone();
            f64::from(logits.data()[1])
        };
        let slope = (logit(1.0) - logit(-1.0)) / (2.0 * f64::from(step));
        let error = (slope / f64::from(length) - 1.0).abs();
        assert!(error < 0.02, "{name}: {slope} along the gradient of length {length}");
    }
}

#[test]
fn saliency_and_gradient_times_input_follow_from_the_gradient() {
    let path = fashion("fashion_resnet");
    let input = noise(&[1, 1, 28, 28], 5);
    let gradient = explained(&path, Method::Gradient, &input).relevance;
    let saliency = explained(&path, Method::Saliency, &input);
    let times_input = explained(&path, Method::InputXGradient, &input);
    for (index, slope) in gradient.data().iter().enumerate() {
        assert_eq!(saliency.relevance.data()[index], slope.abs());
        assert_eq!(times_input.relevance.data()[index], slope * input.data()[index]);
    }
    let [_, magnitude] = gradient.sums();
    assert!((saliency.sums.input_sum - magnitude).abs() < 1e-4 * magnitude);
    assert!(!saliency.sums.is_conserving);
}

#[test]
fn integrated_gradients_of_a_linear_network_are_exact_with_any_quadrature() {
    let model = linear(&weights());
    let input = noise(&[1, 1, 4, 4], 7);
    for quadrature in Quadrature::ALL {
        for baseline in Fill::ALL {
            let method = IntegratedGradients { steps: 3, baseline, quadrature };
            let explanation = explained(&model.path, Method::IntegratedGradients(method), &input);
            let mean = input.sum() as f32 / 16.0;
            let nothing = match baseline {
                Fill::Zero => 0.0,
                Fill::Black => -2.0,
                Fill::Mean => mean,
            };
            let pairs = input.data().iter().zip(class_weights());
            let expected: Vec<f32> = pairs.map(|(x, weight)| (x - nothing) * weight).collect();
            assert_near(&explanation.relevance, &expected, 1e-5);
            assert!(explanation.completeness.unwrap().relative_error < 1e-5);
        }
    }
}

#[test]
fn integrated_gradients_become_complete_with_more_steps() {
    let path = fashion("fashion_vgg");
    let input = noise(&[1, 1, 28, 28], 11);
    let error = |steps: usize| {
        let method = IntegratedGradients { steps, ..IntegratedGradients::default() };
        let explanation = explained(&path, Method::IntegratedGradients(method), &input);
        explanation.completeness.unwrap().relative_error
    };
    let (few, many) = (error(3), error(300));
    assert!(many < 0.03 && many < 0.1 * few, "{few} with 3 steps, {many} with 300");
}

#[test]
fn results_do_not_depend_on_the_threads() {
    let path = fashion("fashion_mobilenet");
    let input = noise(&[1, 1, 28, 28], 13);
    let methods = [
        Method::IntegratedGradients(IntegratedGradients { steps: 7, ..Default::default() }),
        Method::SmoothGrad(SmoothGrad { samples: 7, ..Default::default() }),
        Method::SmoothTaylor(SmoothTaylor { samples: 7, ..Default::default() }),
        Method::NoiseGrad(NoiseGrad { samples: 5, ..Default::default() }),
        Method::FusionGrad(FusionGrad { samples: 3, input_samples: 2, ..Default::default() }),
        Method::Occlusion(Occlusion { patch: Some([9, 9]), ..Default::default() }),
        Method::Rise(Rise { samples: 20, ..Default::default() }),
    ];
    for method in methods {
        let one = explained_on(&path, method.clone(), &input, 1);
        let three = explained_on(&path, method.clone(), &input, 3);
        assert_eq!(one.relevance.data(), three.relevance.data(), "{}", method.name());
        assert_eq!(one.sums, three.sums, "{}", method.name());
        assert!(one.relevance.max_abs() > 0.0, "{}", method.name());
    }
}

#[test]
fn little_noise_changes_little_and_another_seed_changes_something() {
    let path = fashion("fashion_densenet");
    let input = noise(&[1, 1, 28, 28], 17);
    for base in [Method::Lrp, Method::Gradient, Method::GuidedBackprop] {
        let plain = explained(&path, base.clone(), &input).relevance;
        let base = Box::new(base);
        let noisy = |noise: f32, seed: u64| {
            [
                Method::SmoothGrad(SmoothGrad {
                    base: base.clone(),
                    samples: 2,
                    noise_level: noise,
                    seed,
                }),
                Method::NoiseGrad(NoiseGrad {
                    base: base.clone(),
                    samples: 2,
                    weight_noise: noise,
                    seed,
                }),
            ]
        };
        for little in noisy(1e-7, 0) {
            assert_near(&explained(&path, little, &input).relevance, plain.data(), 2e-2);
        }
        let [smooth, noise_grad] = noisy(0.1, 0);
        let [other_smooth, other_noise_grad] = noisy(0.1, 1);
        for (a, b) in [(smooth, other_smooth), (noise_grad, other_noise_grad)] {
            let (a, b) = (explained(&path, a, &input), explained(&path, b, &input));
            let is_same = a.relevance.data() == b.relevance.data();
            assert!(!is_same, "the seed of noise around {} does nothing", base.name());
        }
    }
}

#[test]
fn smooth_taylor_of_a_linear_network_estimates_the_covariance_of_its_noise() {
    // (x − z) ⊙ w with x − z ~ N(0, σ²): its mean is 0 with standard error σ |w| / √R.
    let model = linear(&weights());
    let input = noise(&[1, 1, 4, 4], 19);
    let method = SmoothTaylor { samples: 400, sigma: 0.5, ..SmoothTaylor::default() };
    let explanation = explained(&model.path, Method::SmoothTaylor(method), &input);
    for (value, weight) in explanation.relevance.data().iter().zip(class_weights()) {
        assert!(value.abs() < 4.0 * 0.5 * weight.abs() / 20.0, "{value} for the weight {weight}");
        assert!(*value != 0.0);
    }
}

#[test]
fn noise_grad_multiplies_the_stored_weights_by_normal_factors() {
    let model = linear(&weights());
    let input = noise(&[1, 1, 4, 4], 23);
    let factors = |seed: u64| -> Vec<f32> {
        let method = NoiseGrad { samples: 1, weight_noise: 0.2, seed, ..NoiseGrad::default() };
        let explanation = explained(&model.path, Method::NoiseGrad(method), &input);
        let pairs = explanation.relevance.data().iter().zip(class_weights());
        pairs.map(|(value, weight)| value / weight).collect()
    };
    let all: Vec<f64> = (0..40).flat_map(factors).map(f64::from).collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let variance = all.iter().map(|factor| (factor - mean).powi(2)).sum::<f64>() / all.len() as f64;
    // 640 factors: standard errors 0.2 / √640 and 0.04 √(2 / 640).
    assert!((mean - 1.0).abs() < 4.0 * 0.0079, "mean {mean}");
    assert!((variance - 0.04).abs() < 4.0 * 0.00224, "variance {variance}");
}

#[test]
fn parameters_are_what_was_trained() {
    let mut graph = Graph::with_input(17, &[1, 1, 4, 4]);
    let [weight, bias] =
        [graph.floats(&[2, 1, 1, 1], &[1.0, 2.0]), graph.floats(&[2], &[0.1, 0.2])];
    let conv = graph.node("Conv", &["x", &weight, &bias], &[]);
    let norm: Vec<String> = (0..4).map(|_| graph.floats(&[2], &[0.5, 1.5])).collect();
    let inputs: Vec<&str> =
        std::iter::once(conv.as_str()).chain(norm.iter().map(String::as_str)).collect();
    let normal = graph.node("BatchNormalization", &inputs, &[]);
    let three = graph.floats(&[1], &[3.0]);
    let shifted = graph.node("Add", &[&normal, &three], &[]);
    let flat = graph.node("Flatten", &[&shifted], &[]);
    let dense = graph.floats(&[32, 2], &[0.1; 64]);
    let turned = graph.node("Transpose", &[&dense], &[ints("perm", &[1, 0])]);
    let back = graph.node("Transpose", &[&turned], &[ints("perm", &[1, 0])]);
    let output = graph.node("MatMul", &[&flat, &back], &[]);
    graph.output(&output);
    let model = file(&graph);

    let stored = StoredModel::read(&model.path, &LoadOptions::default()).unwrap();
    let names = RefCell::new(vec![]);
    let network = stored
        .network(|name, values| {
            names.borrow_mut().push(name.to_string());
            if name == weight {
                values[0] = 10.0;
            }
        })
        .unwrap();
    let expected = vec![weight.clone(), bias, norm[0].clone(), norm[1].clone(), dense];
    assert_eq!(names.into_inner(), expected);
    let input = Tensor::filled(&[1, 1, 4, 4], 1.0).unwrap();
    let changed = network.evaluate(&input).unwrap();
    graph.proto.initializer[0] = support::onnx::float_tensor(&weight, &[2, 1, 1, 1], &[10.0, 2.0]);
    let expected = graph.load().unwrap().network.evaluate(&input).unwrap();
    assert_near(&changed, expected.data(), 1e-6);
}

/// Convolution, ReLU, global average, dense layer: where Grad-CAM is CAM.
fn cam_network(convolution: &[f32], dense: &[f32]) -> File {
    let mut graph = Graph::with_input(17, &[1, 1, 4, 4]);
    let weight = graph.floats(&[2, 1, 3, 3], convolution);
    let conv = graph.node("Conv", &["x", &weight], &[ints("pads", &[1, 1, 1, 1])]);
    let active = graph.node("Relu", &[&conv], &[]);
    let pooled = graph.node("GlobalAveragePool", &[&active], &[]);
    let flat = graph.node("Flatten", &[&pooled], &[]);
    let weight = graph.floats(&[2, 2], dense);
    let output = graph.node("MatMul", &[&flat, &weight], &[]);
    graph.output(&output);
    file(&graph)
}

#[test]
fn grad_cam_in_front_of_a_global_average_is_cam() {
    let convolution: Vec<f32> = (0..18).map(|index| (index as f32 * 1.3).cos()).collect();
    let dense = [0.3, 2.0, 0.7, -1.0];
    let model = cam_network(&convolution, &dense);
    let input = noise(&[1, 1, 4, 4], 29);
    let at = |row: isize, column: isize| {
        let is_inside = (0..4).contains(&row) && (0..4).contains(&column);
        if is_inside { input.data()[(row * 4 + column) as usize] } else { 0.0 }
    };
    let map = |channel: usize, pixel: isize| -> f32 {
        let taps = convolution[channel * 9..][..9].iter().enumerate();
        taps.map(|(tap, weight)| {
            let tap = tap as isize;
            weight * at(pixel / 4 + tap / 3 - 1, pixel % 4 + tap % 3 - 1)
        })
        .sum()
    };
    let expected: Vec<f32> = (0..16)
        .map(|pixel| {
            let sum = dense[1] * map(0, pixel).max(0.0) + dense[3] * map(1, pixel).max(0.0);
            (sum / 16.0).max(0.0)
        })
        .collect();
    let method = Method::GradCam(GradCam { layer: Some("relu_1".to_string()) });
    assert_near(&explained(&model.path, method, &input).relevance, &expected, 1e-5);
    // At the convolution itself: the gradient passes the ReLU only where it is active.
    let shares: Vec<f32> = (0..2)
        .map(|channel| (0..16).filter(|&pixel| map(channel, pixel) > 0.0).count() as f32 / 16.0)
        .collect();
    let expected: Vec<f32> = (0..16)
        .map(|pixel| {
            let part =
                |channel: usize| dense[1 + 2 * channel] * shares[channel] * map(channel, pixel);
            ((part(0) + part(1)) / 16.0).max(0.0)
        })
        .collect();
    let last = Method::GradCam(GradCam::default());
    assert_near(&explained(&model.path, last, &input).relevance, &expected, 1e-5);
}

#[test]
fn occlusion_of_a_linear_network_is_what_the_patch_contributes() {
    let model = linear(&weights());
    let input = noise(&[1, 1, 4, 4], 31);
    let method = Occlusion { patch: Some([2, 2]), stride: Some([2, 2]), fill: Fill::Zero };
    let explanation = explained(&model.path, Method::Occlusion(method), &input);
    let patch = |pixel: usize| (pixel / 8, pixel % 4 / 2);
    let expected: Vec<f32> = (0..16)
        .map(|pixel| {
            let same = (0..16).filter(|&other| patch(other) == patch(pixel));
            same.map(|other| input.data()[other] * class_weights()[other]).sum()
        })
        .collect();
    assert_near(&explanation.relevance, &expected, 1e-5);
}

#[test]
fn rise_finds_the_pixels_that_matter() {
    // Class 1 is the sum of the upper left quarter, class 0 is always 0.
    let weights: Vec<f32> = (0..16)
        .flat_map(|pixel| [0.0, if pixel / 4 < 2 && pixel % 4 < 2 { 1.0 } else { 0.0 }])
        .collect();
    let model = linear(&weights);
    let input = Tensor::filled(&[1, 1, 4, 4], 1.0).unwrap();
    let method = Rise { samples: 2000, cells: 2, ..Rise::default() };
    let map = explained(&model.path, Method::Rise(method), &input).relevance;
    let (inside, outside) = (map.data()[0], map.data()[15]);
    // P(class 1) lies between 1/2 (nothing seen) and 0.982 (the quarter seen).
    assert!(inside > 1.1 * outside && (0.5..0.983).contains(&inside), "{inside}, {outside}");
}

#[test]
fn an_adaptive_sigma_does_not_lose_to_the_given_one() {
    let path = fashion("fashion_resnet");
    let input = noise(&[1, 1, 28, 28], 37);
    for objective in Objective::ALL {
        let method = SmoothTaylor { samples: 4, adaptive: Some(objective), ..Default::default() };
        let adaptation = explained(&path, Method::SmoothTaylor(method), &input).adaptation.unwrap();
        assert_eq!((adaptation.objective, adaptation.fixed_sigma), (objective, 0.5));
        assert!(adaptation.value <= adaptation.fixed_value && adaptation.value.is_finite());
        assert!(adaptation.sigma > 0.0 && (3..=42).contains(&adaptation.tried), "{adaptation:?}");
    }
}

#[test]
fn what_cannot_be_is_an_error() {
    let error = |path: &Path, layer: Option<&str>| {
        let layer = layer.map(str::to_string);
        let method = Method::GradCam(GradCam { layer });
        format!("{:#}", prepared(path, method, 1).err().expect("an error"))
    };
    let dense = linear(&weights());
    assert!(error(&dense.path, None).contains("needs a convolution"));
    let model = cam_network(&[0.1; 18], &[0.1; 4]);
    assert!(error(&model.path, Some("rellu_1")).contains("did you mean \"relu_1\""));
    assert!(error(&model.path, Some("flatten_3")).contains("needs maps"));

    let mut vector = Graph::with_input(17, &[1, 3]);
    let weight = vector.floats(&[3, 2], &[0.1; 6]);
    let output = vector.node("MatMul", &["x", &weight], &[]);
    vector.output(&output);
    let vector = file(&vector);
    let method = prepared(&vector.path, Method::Rise(Rise::default()), 1).unwrap();
    let point = method.forward(Tensor::filled(&[1, 3], 1.0).unwrap()).unwrap();
    let error = method.explain(&point, QUESTION, &Unwatched).unwrap_err().to_string();
    assert!(error.contains("a picture of 1 or 3 channels"), "{error}");
}

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
        match method {
            Method::NoiseGrad(_) | Method::FusionGrad(_) => arguments.extend(["--samples", "2"]),
            _ if method.seed().is_some() => arguments.extend(["--samples", "4"]),
            _ => {}
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
        (vec!["--method", "gradcam"], "grad-cam"),
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
