//! Methods that average over noise.

use super::*;

#[test]
fn results_do_not_depend_on_the_threads() {
    let path = fashion("fashion_mobilenet");
    let input = noise(&[1, 1, 28, 28], 13);
    let methods: [Method; 7] = [
        IntegratedGradients { steps: 7, ..Default::default() }.into(),
        SmoothGrad { samples: 7, ..Default::default() }.into(),
        SmoothTaylor { samples: 7, ..Default::default() }.into(),
        NoiseGrad { samples: 5, ..Default::default() }.into(),
        FusionGrad { samples: 3, input_samples: 2, ..Default::default() }.into(),
        Occlusion { patch: Some([9, 9]), ..Default::default() }.into(),
        Rise { samples: 20, ..Default::default() }.into(),
    ];
    for method in methods {
        let one = explained_on(&path, method.clone(), &input, 1);
        let three = explained_on(&path, method.clone(), &input, 3);
        assert_eq!(one.relevance[0].data(), three.relevance[0].data(), "{}", method.name());
        assert_eq!(one.sums, three.sums, "{}", method.name());
        assert!(one.relevance[0].max_abs() > 0.0, "{}", method.name());
    }
}

#[test]
fn little_noise_changes_little_and_another_seed_changes_something() {
    let path = fashion("fashion_densenet");
    let input = noise(&[1, 1, 28, 28], 17);
    for base in [Method::default(), Gradient.into(), GuidedBackprop.into()] {
        let plain = explained(&path, base.clone(), &input).relevance[0].clone();
        let noisy = |noise: f32, seed: u64| -> [Method; 2] {
            [
                SmoothGrad { base: base.clone(), samples: 2, noise_level: noise, seed }.into(),
                NoiseGrad { base: base.clone(), samples: 2, weight_noise: noise, seed }.into(),
            ]
        };
        for little in noisy(1e-7, 0) {
            assert_near(&explained(&path, little, &input).relevance[0], plain.data(), 2e-2);
        }
        let [smooth, noise_grad] = noisy(0.1, 0);
        let [other_smooth, other_noise_grad] = noisy(0.1, 1);
        for (a, b) in [(smooth, other_smooth), (noise_grad, other_noise_grad)] {
            let (a, b) = (explained(&path, a, &input), explained(&path, b, &input));
            let is_same = a.relevance[0].data() == b.relevance[0].data();
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
    let explanation = explained(&model.path, method.into(), &input);
    for (value, weight) in explanation.relevance[0].data().iter().zip(class_weights()) {
        assert!(value.abs() < 4.0 * 0.5 * weight.abs() / 20.0, "{value} for the weight {weight}");
        assert!(*value != 0.0);
    }
}

#[test]
fn an_adaptive_sigma_does_not_lose_to_the_given_one() {
    let path = fashion("fashion_resnet");
    let input = noise(&[1, 1, 28, 28], 37);
    for objective in Objective::ALL {
        let method = SmoothTaylor { samples: 4, adaptive: Some(objective), ..Default::default() };
        let adaptation = explained(&path, method.into(), &input).adaptation.unwrap();
        assert_eq!((adaptation.objective, adaptation.fixed_sigma), (objective, 0.5));
        assert!(adaptation.value <= adaptation.fixed_value && adaptation.value.is_finite());
        assert!(adaptation.sigma > 0.0 && (3..=42).contains(&adaptation.tried), "{adaptation:?}");
    }
}
