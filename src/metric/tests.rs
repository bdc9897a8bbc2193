//! Laws and numbers by hand, on a network whose contributions are known: a linear one.

use std::path::Path;

use anyhow::Result;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::removal::Layered;
use super::{
    Beside, Conditions, Explain, Explained, Map, Mask, Mosaic, Network, Output, Picture, Seeds,
    Subject, Undefined, metrics, named, undefined,
};
use crate::picture::{InputShape, Layout};
use crate::tensor::Tensor;

const SIDE: usize = 28;
const SHAPE: InputShape =
    InputShape { channels: 1, height: SIDE, width: SIDE, layout: Layout::Nchw };

/// The first logit is w · x, the second 0; probabilities are a softmax.
struct Linear {
    weights: Vec<f64>,
}

impl Linear {
    fn output(&self, input: &Tensor) -> Output {
        let terms = self.weights.iter().zip(input.data());
        let logit = terms.map(|(weight, &value)| weight * f64::from(value)).sum::<f64>();
        let probability = 1.0 / (1.0 + (-logit).exp());
        Output {
            logits: vec![logit as f32, 0.0],
            probabilities: vec![probability as f32, (1.0 - probability) as f32],
        }
    }
}

impl Network for Linear {
    fn outputs(
        &self,
        count: usize,
        input: &(dyn Fn(usize) -> Result<Tensor> + Sync),
    ) -> Result<Vec<Output>> {
        (0..count).map(|index| Ok(self.output(&input(index)?))).collect()
    }
}

/// A map for every class; another one for every draw.
struct Fixed(Vec<f64>);

impl Explain for Fixed {
    fn explain(&self, _input: &Tensor, classes: &[usize], draw: u64) -> Result<Vec<Explained>> {
        let map = |&class: &usize| {
            let shift = class as f64 + draw as f64 / 10.0;
            let values = self.0.iter().enumerate().map(|(at, v)| v + shift * (at % 3) as f64);
            let map = Map::new(values.collect(), SIDE, SIDE)?;
            Ok(Explained { map, relative_error: None, output: None })
        };
        classes.iter().map(map).collect()
    }
}

struct Around(Option<Vec<bool>>);

impl Beside for Around {
    fn object(&self, _class: usize) -> Result<Mask> {
        match &self.0 {
            Some(inside) => Mask::new(inside.clone(), SIDE, SIDE),
            None => undefined("no mask is given"),
        }
    }

    fn segments(&self, _folder: &Path) -> Result<Vec<i64>> {
        Ok((0..SIDE * SIDE).map(|pixel| (pixel / 100) as i64).collect())
    }

    fn mosaic(&self, _class: usize) -> Result<Mosaic> {
        let input = Tensor::zeros(&[1, 1, SIDE, SIDE])?;
        Ok(Mosaic { input, is_of_class: [true, false, false, true] })
    }
}

/// Numbers from −1 to 1 that look random.
fn numbers(seed: u64) -> Vec<f64> {
    let stream = Seeds::new(seed, "numbers").stream("test", &[]);
    (0..(SIDE * SIDE) as u64).map(|at| 2.0 * f64::from(stream.uniform(at)) - 1.0).collect()
}

/// The value of a metric of a map of a linear network, whose input is all ones.
fn measure_with(
    metric: &str,
    changes: Value,
    weights: &[f64],
    map: &[f64],
    mask: Option<Vec<bool>>,
) -> Result<f64> {
    let network = Linear { weights: weights.to_vec() };
    let input = Tensor::filled(&[1, 1, SIDE, SIDE], 1.0)?;
    let output = network.output(&input);
    let layered = Layered::new(input, SHAPE, Some(vec![[-1.0, 1.0]]));
    let beside = Around(mask);
    let picture = Picture::new(layered, Seeds::new(0, "a/b"), 0, output, &network, &beside);
    let explain = Fixed(map.to_vec());
    let explained = explain.explain(picture.input(), &[0], 0)?.remove(0);
    let subject = Subject::new(&picture, &explain, explained, vec![]);
    let metric = named(metric)?;
    let zero = json!({ "fill": "zero" });
    let conditions = Conditions::default().with(zero.as_object().unwrap())?;
    let conditions = conditions.with(&metric.fixed(SHAPE))?.with(changes.as_object().unwrap())?;
    metric.measure(&subject, &conditions)
}

fn measure(metric: &str, weights: &[f64], map: &[f64]) -> f64 {
    measure_with(metric, json!({}), weights, map, None).unwrap()
}

/// Cells of 2 × 2 pixels with a number each.
fn cells(numbers: &[f64]) -> Vec<f64> {
    let half = SIDE / 2;
    let cell = |pixel: usize| pixel / SIDE / 2 * half + pixel % SIDE / 2;
    (0..SIDE * SIDE).map(|pixel| numbers[cell(pixel)]).collect()
}

#[test]
fn the_true_contributions_are_the_optimum() {
    let weights = numbers(1);
    for metric in ["faithfulness-correlation", "sensitivity-n", "faithfulness-estimate"] {
        let value = measure(metric, &weights, &weights);
        assert!((value - 1.0).abs() < 1e-5, "{metric}: {value}");
        let opposite: Vec<f64> = weights.iter().map(|weight| -weight).collect();
        assert!((measure(metric, &weights, &opposite) + 1.0).abs() < 1e-5, "{metric}");
    }
    assert!(measure("infidelity-ratio", &weights, &weights) < 1e-8);
    let saco = measure_with("saco", json!({ "fill": "zero" }), &weights, &weights, None).unwrap();
    assert!(saco > 0.999, "{saco}");
    let logit = json!({ "score": "logit", "levels": "all" });
    let srg = |map: &[f64]| measure_with("srg", logit.clone(), &weights, map, None).unwrap();
    let best = srg(&weights);
    for seed in 2..40 {
        // Maps ever closer to the true one are not better either.
        let noise = numbers(seed);
        let share = (seed - 2) as f64 / 40.0;
        let map: Vec<f64> =
            weights.iter().zip(noise).map(|(w, n)| share * w + (1.0 - share) * n).collect();
        assert!(srg(&map) <= best + 1e-9, "{seed}");
    }
    let opposite: Vec<f64> = weights.iter().map(|weight| -weight).collect();
    assert!((srg(&opposite) + best).abs() < 1e-6, "the opposite map is the worst one");
}

#[test]
fn curves_by_hand() {
    // The left half speaks for the class with 0.01 a pixel, the right half against it.
    let weights: Vec<f64> =
        (0..SIDE * SIDE).map(|pixel| if pixel % SIDE < 14 { 0.01 } else { -0.01 }).collect();
    let logit = json!({ "score": "logit", "levels": 2 });
    let of = |metric| measure_with(metric, logit.clone(), &weights, &weights, None).unwrap();
    // The logit is 0 at first, −3.92 or 3.92 in the middle, and 0 at last.
    assert!((of("morf") + 1.96).abs() < 1e-5, "{}", of("morf"));
    assert!((of("lerf") - 1.96).abs() < 1e-5 && (of("srg") - 3.92).abs() < 1e-5);
    // With a bias for the class, another one is the strongest when 0.02 · 4 pixels of each cell add up to it.
    let biased: Vec<f64> = weights.iter().map(|weight| weight + 0.001).collect();
    let all = json!({ "levels": "all" });
    let flip = measure_with("flip", all.clone(), &biased, &biased, None).unwrap();
    // 0.784 in all; a cell of the left half takes 0.044: below 0 after 18 of 196.
    assert!((flip - 18.0 / 196.0).abs() < 1e-9, "{flip}");
    // Without any picture the logits are equal, and the first class counts: nothing needs to stay.
    let all = json!({ "levels": "all" });
    let sufficient = measure_with("sufficient", all, &biased, &biased, None).unwrap();
    assert_eq!(sufficient, 0.0);
}

#[test]
fn a_map_that_is_zero_everywhere_says_nothing() {
    let (weights, zero) = (numbers(3), vec![0.0; SIDE * SIDE]);
    assert_eq!(measure("srg", &weights, &zero), 0.0);
    assert_eq!(measure("road", &weights, &zero), 0.0);
    for metric in [
        "faithfulness-correlation",
        "faithfulness-estimate",
        "monotonicity-correlation",
        "sensitivity-n",
        "infidelity",
        "infidelity-ratio",
        "saco",
        "avg-sensitivity",
        "max-sensitivity",
        "ris",
        "ros",
        "sparseness",
        "complexity",
        "complexity-share",
        "random-logit",
        "completeness",
    ] {
        let error = measure_with(metric, json!({}), &weights, &zero, None).err();
        let error = error.unwrap_or_else(|| panic!("{metric} has a value"));
        assert!(error.is::<Undefined>(), "{metric}: {error:#}");
    }
}

#[test]
fn masks_that_are_everything_nothing_and_half() {
    let weights = numbers(4);
    // The left half holds three quarters of the positive relevance, and the largest values.
    let map: Vec<f64> =
        (0..SIDE * SIDE).map(|pixel| if pixel % SIDE < 14 { 3.0 } else { 1.0 }).collect();
    let half: Vec<bool> = (0..SIDE * SIDE).map(|pixel| pixel % SIDE < 14).collect();
    let of = |metric: &str, mask: &[bool]| {
        measure_with(metric, json!({}), &weights, &map, Some(mask.to_vec()))
    };
    let right: Vec<bool> = half.iter().map(|inside| !inside).collect();
    for (metric, inside, outside, whole) in [
        ("mass", 0.75, 0.25, 1.0),
        ("mass-gain", 1.5, 0.5, 1.0),
        ("rank", 1.0, 0.0, 1.0),
        ("pointing", 1.0, 0.0, 1.0),
    ] {
        assert!((of(metric, &half).unwrap() - inside).abs() < 1e-12, "{metric}");
        assert!((of(metric, &right).unwrap() - outside).abs() < 1e-12, "{metric}");
        assert!((of(metric, &[true; SIDE * SIDE]).unwrap() - whole).abs() < 1e-12, "{metric}");
    }
    assert_eq!([of("roc", &half).unwrap(), of("roc", &right).unwrap()], [1.0, 0.0]);
    let is_undefined =
        |metric: &str, mask: &[bool]| of(metric, mask).err().unwrap().is::<Undefined>();
    assert!(is_undefined("roc", &[true; SIDE * SIDE]));
    for metric in ["mass", "mass-gain", "rank", "pointing", "roc"] {
        assert!(is_undefined(metric, &[false; SIDE * SIDE]), "{metric}");
    }
}

#[test]
fn every_metric_has_a_value_on_a_map_of_noise() {
    let (weights, map) = (numbers(5), numbers(6));
    let weights: Vec<f64> = weights.iter().map(|weight| weight / 10.0).collect();
    let half: Vec<bool> = (0..SIDE * SIDE).map(|pixel| pixel % SIDE < 14).collect();
    for metric in metrics() {
        let name = metric.info().name;
        let value = measure_with(name, json!({}), &weights, &map, Some(half.clone()));
        match name {
            "contrast" | "completeness" => {
                assert!(value.err().unwrap().is::<Undefined>(), "{name}")
            }
            _ => assert!(value.unwrap().is_finite(), "{name}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Only the order of regions counts: any growing function of a map's values leaves curves as they are, where a region
    /// has one value.
    #[test]
    fn order_metrics_do_not_change_under_growing_functions(seed in 0u64..1000, slope in 0.1f64..9.0) {
        let weights = numbers(seed);
        let map = cells(&numbers(seed + 1)[..SIDE * SIDE / 4]);
        let grown: Vec<f64> = map.iter().map(|value| 5.0 * (slope * value).exp() - 2.0).collect();
        for metric in ["srg", "morf", "lerf", "flip", "sufficient", "aopc", "irof"] {
            let fixed = json!({ "regions": "cells" });
            let value = |map: &[f64]| measure_with(metric, fixed.clone(), &weights, map, None).unwrap();
            prop_assert_eq!(value(&map), value(&grown), "{}", metric);
        }
        for metric in ["deletion", "insertion", "road"] {
            let (a, b) = (measure(metric, &weights, &map), measure(metric, &weights, &grown));
            prop_assert_eq!(a, b, "{}", metric);
        }
    }

    /// Scales do not count.
    #[test]
    fn a_scale_changes_no_metric_but_those_of_sums(seed in 0u64..1000, scale in 0.01f64..100.0) {
        let (weights, map) = (numbers(seed), numbers(seed + 1));
        let scaled: Vec<f64> = map.iter().map(|value| value * scale).collect();
        for metric in ["srg", "faithfulness-correlation", "sensitivity-n", "infidelity", "saco", "sparseness", "complexity"] {
            let (a, b) = (measure(metric, &weights, &map), measure(metric, &weights, &scaled));
            prop_assert!((a - b).abs() < 1e-9 * a.abs().max(1.0), "{}: {} and {}", metric, a, b);
        }
    }
}
