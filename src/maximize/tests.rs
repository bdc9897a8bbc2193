//! The parts together, on a network that the repository has.

use std::path::PathBuf;

use super::maximizer::Maximizer;
use super::objective::Goals;
use super::run::Task;
use super::settings::{Basis, Settings};
use crate::method;
use crate::session::{Array, ExplainerOptions, Method, Session, Target};
use crate::{Error, Unwatched, Watch};

fn session() -> Session {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sample-models/fashion_vgg.onnx");
    Session::open(path).unwrap()
}

fn classes(targets: &[usize], against: Option<usize>) -> Goals {
    let targets = targets.iter().map(|class| Target::Class(*class)).collect();
    Goals::Classes { targets, against: against.map(Target::Class) }
}

fn channels(layer: &str, channels: &[usize]) -> Goals {
    Goals::Channels { layer: layer.to_string(), channels: channels.to_vec() }
}

fn maximizer(goals: &Goals, settings: Settings) -> Maximizer {
    Maximizer::new(&session(), goals, settings, (1, Some(1))).unwrap()
}

#[track_caller]
fn error(goals: &Goals, settings: Settings) -> Error {
    match Maximizer::new(&session(), goals, settings, (1, Some(1))) {
        Ok(_) => panic!("this cannot be maximised"),
        Err(error) => error,
    }
}

#[test]
fn a_step_follows_the_derivative_of_everything_on_the_way() {
    let settings =
        |basis: Basis| Settings { basis, total_variation: 3.0, norm: 2.0, ..Settings::default() };
    for (goals, basis) in [
        (classes(&[3], None), Basis::Fourier),
        (classes(&[3], Some(5)), Basis::Pixels),
        (channels("/10/Conv", &[7]), Basis::Fourier),
    ] {
        let weights = settings(basis);
        let maximizer = maximizer(&goals, weights.clone());
        let objective = maximizer.objectives()[0].clone();
        let picture: Vec<f32> =
            (0..784).map(|place| 0.5 + 0.4 * ((place * 37 % 101) as f32 / 50.0 - 1.0)).collect();
        let parameters = maximizer.parametrization.of_picture(&picture);
        let (_, gradient) = maximizer.step(&objective, (0, 4), &parameters).unwrap();
        // What is minimised, along the gradient: in the middle of two points the slope is its squared length.
        let loss = |step: f32| {
            let moved: Vec<f32> =
                parameters.iter().zip(&gradient).map(|(at, slope)| at + step * slope).collect();
            let (value, _) = maximizer.step(&objective, (0, 4), &moved).unwrap();
            let picture = maximizer.parametrization.picture(&moved);
            let mut unused = vec![0.0; picture.len()];
            let size = maximizer.size();
            let variation = super::penalty::total_variation(&picture, size, 0.0, &mut unused);
            let norm = super::penalty::norm(&picture, 0.0, &mut unused);
            f64::from(weights.total_variation) * variation + f64::from(weights.norm) * norm - value
        };
        let squared: f64 = gradient.iter().map(|slope| f64::from(*slope).powi(2)).sum();
        assert!(squared > 0.0);
        // Steps that move the parameters by so little that hardly any activation changes its side.
        let step = (1e-2 / squared.sqrt()) as f32;
        let slope = (loss(step) - loss(-step)) / (2.0 * f64::from(step));
        let difference = (slope - squared).abs();
        assert!(difference <= 0.02 * squared, "{goals:?}: {slope}, not {squared}");
    }
}

#[test]
fn noisy_networks_are_those_of_the_method() {
    let settings = Settings { noise_samples: 3, seed: 5, ..Settings::default() };
    let noisy = maximizer(&classes(&[4], None), settings);
    let values: Vec<f32> = (0..784).map(|place| ((place * 31) % 17) as f32 / 8.0 - 1.0).collect();
    let input = Array::new(&[1, 28, 28], &values).unwrap();
    let tensor = noisy.plain.all()[0].prepare(&input).unwrap().array().tensor().clone();
    let networks = noisy.noisy.as_ref().unwrap();
    let (_, mean) = networks.value_and_gradient(&noisy.objectives()[0], &tensor).unwrap();
    let method = method::NoiseGrad { samples: 3, seed: 5, ..method::NoiseGrad::default() };
    let method = Method::from(method::Method::from(method));
    let explainer = session().explainer(ExplainerOptions::from(method)).unwrap();
    let expected = explainer.explain_target(&input, Target::Class(4)).unwrap();
    let expected = expected.relevance().values();
    let largest = expected.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    assert!(largest > 0.0);
    for (found, expected) in mean.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-5 * largest, "{found}, not {expected}");
    }
}

#[test]
fn pictures_do_not_depend_on_threads() {
    let goals = classes(&[0, 1], None);
    for noise_samples in [0, 3] {
        let settings = Settings { steps: 4, noise_samples, ..Settings::default() };
        let made = |threads: usize| {
            let maximizer =
                Maximizer::new(&session(), &goals, settings.clone(), (2, Some(threads))).unwrap();
            let mut pictures = vec![];
            let tasks = [0, 1].map(|objective| Task { objective, seed: 7 });
            let mut take = |task: Task, maximized: super::Maximized| {
                assert_eq!(maximized.history.len(), 4);
                pictures.push((task, maximized.picture.into_raw()));
                Ok::<(), Error>(())
            };
            maximizer.run(&tasks, None, &Unwatched, &mut take).unwrap();
            pictures
        };
        let one = made(1);
        assert!(one[0].1 != one[1].1);
        assert!(one == made(2) && one == made(3));
    }
}

#[test]
fn a_cancelled_run_ends() {
    struct Cancelled;
    impl Watch for Cancelled {
        fn sample_done(&self) {}
        fn is_cancelled(&self) -> bool {
            true
        }
    }
    let maximizer = maximizer(&classes(&[0], None), Settings::default());
    let task = Task { objective: 0, seed: 0 };
    assert!(matches!(maximizer.maximize(task, None, &Cancelled), Err(Error::Cancelled)));
    assert!(maximizer.maximize(Task { objective: 1, seed: 0 }, None, &Unwatched).is_err());
}

#[test]
fn what_cannot_be_maximised_is_told() {
    let told = |goals: &Goals| format!("{:#}", error(goals, Settings::default()));
    assert!(told(&classes(&[10], None)).contains("10 classes, 0 to 9"));
    assert!(told(&classes(&[3], Some(3))).contains("the difference is 0"));
    let top = Goals::Classes { targets: vec![Target::Top], against: None };
    assert!(told(&top).contains("yet to be made"));
    let missing = told(&channels("/99/Conv", &[0]));
    assert!(missing.contains("no layer \"/99/Conv\""), "{missing}");
    let outside = told(&channels("/10/Conv", &[1000]));
    assert!(outside.contains("there is no channel 1000"), "{outside}");
    let jitter = Settings { jitter: Some(28), ..Settings::default() };
    let jitter = format!("{:#}", error(&classes(&[3], None), jitter));
    assert!(jitter.contains("jitter is 28"), "{jitter}");
    let steps = Settings { steps: 0, ..Settings::default() };
    assert!(matches!(error(&classes(&[3], None), steps), Error::Method(_)));
}
