//! Gradients, what follows from them, and their integrals.

use super::*;

#[test]
fn gradients_of_whole_networks_agree_with_finite_differences() {
    for name in FASHION {
        let path = fashion(name);
        let method = prepared(&path, Gradient.into(), 1).unwrap();
        let input = noise(&[1, 1, 28, 28], 3);
        let pass = method.forward(input.clone()).unwrap();
        let gradient = method.explain(pass, TARGET, &Unwatched).unwrap().relevance[0].clone();
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
    let gradient = explained(&path, Gradient.into(), &input).relevance[0].clone();
    let saliency = explained(&path, Saliency.into(), &input);
    let times_input = explained(&path, InputXGradient.into(), &input);
    for (index, slope) in gradient.data().iter().enumerate() {
        assert_eq!(saliency.relevance[0].data()[index], slope.abs());
        assert_eq!(times_input.relevance[0].data()[index], slope * input.data()[index]);
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
            let explanation = explained(&model.path, method.into(), &input);
            let mean = input.sum() as f32 / 16.0;
            let nothing = match baseline {
                Fill::Zero => 0.0,
                Fill::Black => -2.0,
                Fill::Mean => mean,
            };
            let pairs = input.data().iter().zip(class_weights());
            let expected: Vec<f32> = pairs.map(|(x, weight)| (x - nothing) * weight).collect();
            assert_near(&explanation.relevance[0], &expected, 1e-5);
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
        let explanation = explained(&path, method.into(), &input);
        explanation.completeness.unwrap().relative_error
    };
    let (few, many) = (error(3), error(300));
    assert!(many < 0.03 && many < 0.1 * few, "{few} with 3 steps, {many} with 300");
}
