//! Elementwise functions of one signal, as data: what an activation computes.
//!
//! Exporters write the same activation as one operator or as a dozen: HardSwish, or `x · clip(x + 3, 0, 6) / 6`. Both
//! become the same list of steps, which can be evaluated, differentiated, and bounded.

mod evaluation;

use anyhow::Result;

use super::binary::Binary;
use super::scalar::Unary;
use crate::tensor::Tensor;

/// One step of a [`Function`]; operands are indices of earlier steps.
#[derive(Clone, Debug)]
pub enum Step {
    /// The signal.
    Input,
    /// A number.
    Constant(f32),
    /// A number per channel (the slope of a PRelu): broadcasts to the signal.
    Parameter(Tensor),
    /// A function of one step.
    Unary(Unary, usize),
    /// A function of two steps.
    Binary(Binary, usize, usize),
    /// The second step where the first is not 0, otherwise the third.
    Select(usize, usize, usize),
}

/// The most steps of a function that somebody wrote as an activation. What is computed of the same signal twice doubles
/// with every operator behind it.
const MOST_STEPS: usize = 256;

/// A function `y = φ(x)` applied to every element of a signal.
#[derive(Clone, Debug)]
pub struct Function {
    steps: Vec<Step>,
}

impl Function {
    /// The identity.
    pub fn identity() -> Function {
        Function { steps: vec![Step::Input] }
    }

    /// What is computed, one after the other; the last step is the result.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether it has more steps than an activation, so that nothing should be put together with it.
    pub(crate) fn is_long(&self) -> bool {
        self.steps.len() > MOST_STEPS
    }

    /// `operation(x)`.
    pub fn unary(operation: Unary) -> Function {
        Function { steps: vec![Step::Input, Step::Unary(operation, 0)] }
    }

    /// `operation(x, constant)`, or `operation(constant, x)` with `is_left`.
    pub fn with_constant(operation: Binary, constant: &Tensor, is_left: bool) -> Function {
        let constant = match constant.data() {
            [number] => Step::Constant(*number),
            _ => Step::Parameter(constant.clone()),
        };
        let (left, right) = if is_left { (1, 0) } else { (0, 1) };
        Function { steps: vec![Step::Input, constant, Step::Binary(operation, left, right)] }
    }

    /// A function that ignores its input: a constant branch of a selection.
    pub fn constant(value: &Tensor) -> Function {
        let zero = Function::combine(Binary::Sub, &Function::identity(), &Function::identity());
        zero.then(&Function::with_constant(Binary::Add, value, false))
    }

    /// The parameters with a number per channel.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        self.steps.iter().filter_map(|step| match step {
            Step::Parameter(tensor) => Some(tensor),
            _ => None,
        })
    }

    /// The same function for a signal in another layout; `arrange` converts each parameter.
    ///
    /// # Errors
    /// Those of `arrange`.
    pub(crate) fn with_parameters(
        &self,
        arrange: impl Fn(&Tensor) -> Result<Tensor>,
    ) -> Result<Function> {
        let step = |step: &Step| match step {
            Step::Parameter(tensor) => arrange(tensor).map(Step::Parameter),
            other => Ok(other.clone()),
        };
        Ok(Function { steps: self.steps.iter().map(step).collect::<Result<_>>()? })
    }

    /// Appends the steps of another function, whose input is the step `input`; returns the index of its result.
    fn append(&mut self, other: &Function, input: usize) -> usize {
        let mut place = Vec::with_capacity(other.steps.len());
        for step in &other.steps {
            let step = match step.clone() {
                Step::Input => {
                    place.push(input);
                    continue;
                }
                Step::Unary(operation, of) => Step::Unary(operation, place[of]),
                Step::Binary(operation, a, b) => Step::Binary(operation, place[a], place[b]),
                Step::Select(condition, a, b) => Step::Select(place[condition], place[a], place[b]),
                constant => constant,
            };
            self.steps.push(step);
            place.push(self.steps.len() - 1);
        }
        place.last().copied().unwrap_or(input)
    }

    /// `outer(self(x))`.
    pub fn then(&self, outer: &Function) -> Function {
        let mut function = self.clone();
        let result = function.steps.len() - 1;
        function.append(outer, result);
        function
    }

    /// `operation(a(x), b(x))`.
    pub fn combine(operation: Binary, a: &Function, b: &Function) -> Function {
        let mut function = Function::identity();
        let a = function.append(a, 0);
        let b = function.append(b, 0);
        function.steps.push(Step::Binary(operation, a, b));
        function
    }

    /// `a(x)` where `condition(x)` is not 0, else `b(x)`.
    pub fn select(condition: &Function, a: &Function, b: &Function) -> Function {
        let mut function = Function::identity();
        let condition = function.append(condition, 0);
        let a = function.append(a, 0);
        let b = function.append(b, 0);
        function.steps.push(Step::Select(condition, a, b));
        function
    }

    /// The operation, if the function is a single one.
    pub fn single_step(&self) -> Option<&Step> {
        let is_operation =
            |step: &&Step| matches!(step, Step::Unary(..) | Step::Binary(..) | Step::Select(..));
        let mut operations = self.steps.iter().filter(is_operation);
        operations.next().filter(|_| operations.next().is_none())
    }

    /// The bounds of a function that only clips; `None` for others.
    pub fn clip_bounds(&self) -> Option<(f32, f32)> {
        let (low, high) = self.bounds(f32::NEG_INFINITY, f32::INFINITY);
        let clips = |step: &Step| match step {
            Step::Input | Step::Constant(_) => true,
            Step::Binary(operation, ..) => matches!(operation, Binary::Max | Binary::Min),
            _ => false,
        };
        // A chain of max and min is the identity between its extremes.
        let probes = [-1e6, -3.0, -0.5, 0.0, 0.5, 3.0, 1e6];
        let agrees = probes.iter().all(|&x| self.at(x) == f32::min(f32::max(x, low), high));
        (self.steps.iter().all(clips) && agrees && low < high).then_some((low, high))
    }

    /// Whether it only uses powers, roots and arithmetic, as means and variances do.
    pub fn is_made_of_powers(&self) -> bool {
        self.steps.iter().all(|step| match step {
            Step::Input | Step::Constant(_) | Step::Parameter(_) => true,
            Step::Unary(operation, _) => operation.is_power(),
            Step::Binary(operation, ..) => operation.is_arithmetic(),
            Step::Select(..) => false,
        })
    }

    /// Whether a step has one number per channel.
    pub fn has_parameters(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Parameter(_)))
    }

    /// `φ(x)` for one number, with the first element of every parameter.
    pub fn at(&self, x: f32) -> f32 {
        let mut values = vec![];
        for step in &self.steps {
            values.push(match step {
                Step::Input => x,
                Step::Constant(number) => *number,
                Step::Parameter(tensor) => tensor.data().first().copied().unwrap_or(0.0),
                Step::Unary(operation, of) => operation.value(values[*of]),
                Step::Binary(operation, a, b) => operation.value(values[*a], values[*b]),
                Step::Select(c, a, b) => values[if values[*c] != 0.0 { *a } else { *b }],
            });
        }
        values.last().copied().unwrap_or(x)
    }

    /// The lowest and highest value of `φ` over an interval, as far as interval arithmetic can tell.
    pub fn bounds(&self, low: f32, high: f32) -> (f32, f32) {
        let mut bounds: Vec<(f32, f32)> = vec![];
        for step in &self.steps {
            bounds.push(match step {
                Step::Input => (low, high),
                Step::Constant(number) => (*number, *number),
                Step::Parameter(tensor) => tensor.extremes(),
                Step::Unary(operation, of) => operation.bounds(bounds[*of]),
                Step::Binary(operation, a, b) => operation.bounds(bounds[*a], bounds[*b]),
                Step::Select(_, a, b) => {
                    (bounds[*a].0.min(bounds[*b].0), bounds[*a].1.max(bounds[*b].1))
                }
            });
        }
        bounds.last().copied().unwrap_or((low, high))
    }

    /// Whether `φ(x) = 0` for every `x ≤ 0`, as for ReLU.
    pub fn is_zero_below_zero(&self) -> bool {
        self.bounds(f32::NEG_INFINITY, 0.0) == (0.0, 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f32) -> Tensor {
        Tensor::new(&[], &[value]).unwrap()
    }

    /// `x · clip(x + 3, 0, 6) / 6`, as exporters decompose HardSwish.
    fn hard_swish() -> Function {
        let gate = Function::with_constant(Binary::Add, &number(3.0), false)
            .then(&Function::with_constant(Binary::Max, &number(0.0), false))
            .then(&Function::with_constant(Binary::Min, &number(6.0), true));
        Function::combine(Binary::Mul, &Function::identity(), &gate).then(&Function::with_constant(
            Binary::Div,
            &number(6.0),
            false,
        ))
    }

    #[test]
    fn a_decomposed_activation_evaluates_and_differentiates() {
        let function = hard_swish();
        let inputs = [-4.0, -1.5, 0.0, 1.0, 5.0];
        let mut signal = Tensor::new(&[5], &inputs).unwrap();
        let mut slope = Tensor::filled(&[5], 2.0).unwrap();
        function.multiply_derivative(&signal, &mut slope).unwrap();
        function.apply(&mut signal).unwrap();
        for (index, x) in inputs.into_iter().enumerate() {
            let expected = x * (x + 3.0f32).clamp(0.0, 6.0) / 6.0;
            assert!((signal.data()[index] - expected).abs() < 1e-6);
            assert!((function.at(x) - expected).abs() < 1e-6);
        }
        for (got, expected) in slope.data().iter().zip([0.0, 0.0, 1.0, 5.0 / 3.0, 2.0]) {
            assert!((got - expected).abs() < 1e-6, "{got} is not {expected}");
        }
    }

    #[test]
    fn nan_passes_clips_of_any_length() {
        let clip = Function::with_constant(Binary::Max, &number(0.0), false)
            .then(&Function::with_constant(Binary::Min, &number(6.0), true));
        assert_eq!(clip.clip_bounds(), Some((0.0, 6.0)));
        assert!(clip.at(f32::NAN).is_nan());
        // Less than a vector, a whole one, and some with a rest.
        for len in [1, 5, 16, 35] {
            let mut signal = Tensor::filled(&[len], -1.0).unwrap();
            signal.data_mut()[len / 2] = f32::NAN;
            clip.apply(&mut signal).unwrap();
            for (at, value) in signal.data().iter().enumerate() {
                assert_eq!(value.is_nan(), at == len / 2, "{at} of {len}");
            }
        }
        // It is NaN everywhere, and no clip.
        assert!(
            Function::with_constant(Binary::Max, &number(f32::NAN), false).clip_bounds().is_none()
        );
    }

    #[test]
    fn a_parameter_changes_with_the_channel() {
        let slope = Tensor::new(&[2, 1], &[0.1, 0.5]).unwrap();
        let scaled = Function::with_constant(Binary::Mul, &slope, false);
        let mut signal = Tensor::new(&[1, 2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        scaled.apply(&mut signal).unwrap();
        let expected = [0.1, 0.2, 0.3, 2.0, 2.5, 3.0];
        for (got, expected) in signal.data().iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn relu_is_zero_below_zero_and_silu_is_not_known_to_be() {
        let relu = Function::with_constant(Binary::Max, &number(0.0), false);
        assert!(relu.is_zero_below_zero());
        assert_eq!(relu.bounds(f32::NEG_INFINITY, f32::INFINITY), (0.0, f32::INFINITY));
        let sigmoid = Function::unary(Unary::Sigmoid);
        let silu = Function::combine(Binary::Mul, &Function::identity(), &sigmoid);
        assert!(!silu.is_zero_below_zero());
    }
}
