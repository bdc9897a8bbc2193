//! Activations: elementwise functions of one signal, with their usual names.

use anyhow::Result;

use super::{Function, GradientReads, Operator, Unary};
use crate::tensor::Tensor;

/// An elementwise nonlinearity.
#[derive(Clone, Debug)]
pub struct Activation {
    /// What it is called, in lower case: `relu`, `silu`, `gelu`, ...
    pub name: String,
    /// What it computes.
    pub function: Function,
}

/// The arguments at which a function is compared with the known activations.
const PROBES: [f32; 11] = [-4.1, -3.0, -1.7, -0.6, -0.1, 0.0, 0.2, 0.9, 1.8, 3.3, 7.0];

/// Arguments far from 0, at which a function that clips differs from one that does not. If the function overflows here,
/// it counts as equal to the known activation, which replaces it.
const FAR_PROBES: [f32; 8] = [-1e3, -80.0, -25.0, -10.5, 10.5, 25.0, 80.0, 1e3];

impl Activation {
    /// An activation, with the name of the known activation that it agrees with; otherwise with the name `fallback`.
    pub fn new(function: Function, fallback: &str) -> Activation {
        Activation::known(&function)
            .unwrap_or_else(|| Activation { name: fallback.to_lowercase(), function })
    }

    /// The known activation that a function agrees with.
    pub fn known(function: &Function) -> Option<Activation> {
        if function.has_parameters() {
            return None;
        }
        let known = known_activations();
        let agrees = |(_, reference, _): &&(&str, fn(f32) -> f32, _)| {
            let is_close = |x: f32| {
                let (ours, theirs) = (function.at(x), reference(x));
                (ours - theirs).abs() <= 2e-6 * theirs.abs().max(1.0)
            };
            PROBES.iter().all(|&x| is_close(x))
                && FAR_PROBES.iter().all(|&x| is_close(x) || !function.at(x).is_finite())
        };
        let (name, _, replacement) = known.iter().find(agrees)?;
        let function = replacement.map_or_else(|| function.clone(), Function::unary);
        Some(Activation { name: (*name).to_string(), function })
    }
}

/// The name of an activation, its formula, and the single step that computes it without overflow where the chain of
/// steps in the file would overflow.
type Known = (&'static str, fn(f32) -> f32, Option<Unary>);

fn known_activations() -> [Known; 13] {
    [
        ("relu", |x| x.max(0.0), None),
        ("relu6", |x| x.clamp(0.0, 6.0), None),
        ("silu", |x| Unary::Silu.value(x), Some(Unary::Silu)),
        ("hardswish", |x| Unary::HardSwish.value(x), Some(Unary::HardSwish)),
        ("hardsigmoid", |x| (x / 6.0 + 0.5).clamp(0.0, 1.0), None),
        ("sigmoid", |x| Unary::Sigmoid.value(x), Some(Unary::Sigmoid)),
        ("tanh", f32::tanh, Some(Unary::Tanh)),
        ("gelu", |x| Unary::Gelu.value(x), Some(Unary::Gelu)),
        ("gelu-tanh", |x| Unary::GeluTanh.value(x), Some(Unary::GeluTanh)),
        ("quick-gelu", |x| x * Unary::Sigmoid.value(1.702 * x), None),
        ("softplus", |x| Unary::Softplus.value(x), Some(Unary::Softplus)),
        ("mish", |x| Unary::Mish.value(x), Some(Unary::Mish)),
        ("elu", |x| if x > 0.0 { x } else { x.exp_m1() }, None),
    ]
}

impl Operator for Activation {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        let mut signal = single(inputs)?;
        self.function.apply(&mut signal)?;
        Ok(signal)
    }

    fn gradient(&self, inputs: &[Tensor], mut relevance: Tensor) -> Result<Vec<Tensor>> {
        self.function.multiply_derivative(&inputs[0], &mut relevance)?;
        Ok(vec![relevance])
    }

    fn gradient_reads(&self) -> GradientReads {
        // The output is enough: where the input was clipped, the output is a bound, and the slope there is 0.
        match self.function.has_parameters() || self.function.clip_bounds().is_none() {
            true => GradientReads::Inputs,
            false => GradientReads::Output,
        }
    }
}

/// The only input of an operator that has one.
pub(super) fn single(mut inputs: Vec<Tensor>) -> Result<Tensor> {
    anyhow::ensure!(inputs.len() == 1, "an operator of one input got {}", inputs.len());
    Ok(inputs.remove(0))
}

#[cfg(test)]
mod tests {
    use super::super::Binary;
    use super::*;

    fn number(value: f32) -> Tensor {
        Tensor::new(&[], &[value]).unwrap()
    }

    #[test]
    fn decomposed_activations_get_their_names() {
        let sigmoid = Function::unary(Unary::Sigmoid);
        let silu = Function::combine(Binary::Mul, &Function::identity(), &sigmoid);
        assert_eq!(Activation::new(silu, "Mul").name, "silu");
        let relu = Function::with_constant(Binary::Max, &number(0.0), false);
        let relu6 = relu.then(&Function::with_constant(Binary::Min, &number(6.0), false));
        assert_eq!(Activation::new(relu, "Relu").name, "relu");
        assert_eq!(Activation::new(relu6, "Clip").name, "relu6");
        let square = Activation::new(Function::unary(Unary::Square), "Pow");
        assert_eq!(square.name, "pow");
    }

    #[test]
    fn an_activation_that_is_clipped_far_out_is_another_one() {
        let gelu = Function::unary(Unary::Gelu);
        assert_eq!(Activation::known(&gelu).unwrap().name, "gelu");
        let clipped = gelu.then(&Function::with_constant(Binary::Min, &number(10.0), false));
        assert!(Activation::known(&clipped).is_none());
    }

    #[test]
    fn an_overflowing_softplus_is_replaced() {
        let chain = Function::unary(Unary::Exp)
            .then(&Function::with_constant(Binary::Add, &number(1.0), false))
            .then(&Function::unary(Unary::Ln));
        assert!(chain.at(200.0).is_infinite());
        let softplus = Activation::new(chain, "Softplus");
        assert_eq!(softplus.name, "softplus");
        assert_eq!(softplus.function.at(200.0), 200.0);
    }
}
