//! Elementwise functions of one signal, as data: what an activation computes.
//!
//! Exporters write the same activation as one operator or as a dozen: HardSwish as
//! `x · clip(x + 3, 0, 6) / 6`. Both arrive here as the same small program, which can
//! be evaluated, differentiated, and bounded.

use anyhow::{Result, ensure};

use super::Affine;
use super::chain::{Link, Number};
use super::scalar::{Binary, Unary};
use crate::blocked::LANES;
use crate::linear::Broadcast;
use crate::parallel::for_each_chunk;
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
    /// The second where the first is not 0, else the third.
    Select(usize, usize, usize),
}

/// A function `y = φ(x)` applied to every element of a signal.
#[derive(Clone, Debug)]
pub struct Function {
    steps: Vec<Step>,
}

/// Elements of a run from which on a chain is quicker than a block of several runs.
const SHORTEST_RUN: usize = 16;

/// How many elements are evaluated together: small enough for the first cache.
const BLOCK: usize = 1024;

impl Function {
    /// The identity.
    pub fn identity() -> Function {
        Function { steps: vec![Step::Input] }
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

    /// A function that ignores its input: for the constant branch of a selection.
    pub fn constant(value: &Tensor) -> Function {
        let zero = Function::combine(Binary::Sub, &Function::identity(), &Function::identity());
        zero.then(&Function::with_constant(Binary::Add, value, false))
    }

    /// The numbers per channel that take part.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        self.steps.iter().filter_map(|step| match step {
            Step::Parameter(tensor) => Some(tensor),
            _ => None,
        })
    }

    /// The same function of a signal whose parameters lie elsewhere: each as `arrange` has it.
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

    /// Appends another function's steps, its input being the result of `input`; returns its result.
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

    /// The operation, when the function is a single one.
    pub fn single_step(&self) -> Option<&Step> {
        let is_operation =
            |step: &&Step| matches!(step, Step::Unary(..) | Step::Binary(..) | Step::Select(..));
        let mut operations = self.steps.iter().filter(is_operation);
        operations.next().filter(|_| operations.next().is_none())
    }

    /// The lowest and highest value it lets through, for a function that does nothing but clip.
    pub fn clip_bounds(&self) -> Option<(f32, f32)> {
        let (low, high) = self.bounds(f32::NEG_INFINITY, f32::INFINITY);
        let clips = |step: &Step| match step {
            Step::Input | Step::Constant(_) => true,
            Step::Binary(operation, ..) => matches!(operation, Binary::Max | Binary::Min),
            _ => false,
        };
        // A chain of max and min is x itself between its extremes.
        let probes = [-1e6, -3.0, -0.5, 0.0, 0.5, 3.0, 1e6];
        let agrees = probes.iter().all(|&x| self.at(x) == f32::min(f32::max(x, low), high));
        (self.steps.iter().all(clips) && agrees && low < high).then_some((low, high))
    }

    /// Whether some step holds a number per channel.
    pub fn has_parameters(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Parameter(_)))
    }

    /// `φ(x)` for one number; a parameter counts with its first element.
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

    /// Replaces every element by `φ` of it.
    ///
    /// # Errors
    /// When a parameter does not broadcast to the signal.
    pub fn apply(&self, signal: &mut Tensor) -> Result<()> {
        let runs = self.runs(signal.shape())?;
        if let Some(chain) = self.as_chain()
            && runs.inner.saturating_mul(runs.lanes) >= SHORTEST_RUN
        {
            let is_free = runs.inner == usize::MAX;
            let len = if is_free { BLOCK } else { runs.inner * runs.lanes };
            // A shared signal is copied piece by piece, where it is read anyway.
            let shared = (!signal.is_unshared()).then(|| signal.clone());
            if shared.is_some() {
                *signal = Tensor::unwritten(signal.shape())?;
            }
            let source = shared.as_ref().map(Tensor::data);
            for_each_chunk(signal.data_mut(), len, |run, chunk| {
                for (piece, part) in chunk.chunks_mut(BLOCK).enumerate() {
                    if let Some(source) = source {
                        let from = &source[run * len + piece * BLOCK..];
                        part.copy_from_slice(&from[..part.len()]);
                    }
                    chain.iter().for_each(|link| link.apply(run, runs.lanes, part));
                }
            });
            return Ok(());
        }
        let mut registers = vec![[0.0; BLOCK]; self.steps.len()];
        runs.for_each(signal.data_mut(), |chunk, run| {
            self.evaluate(chunk, (run, runs.lanes), &mut registers);
            if let Some(result) = registers.last() {
                chunk.copy_from_slice(&result[..chunk.len()]);
            }
        });
        Ok(())
    }

    /// Replaces the numbers of a run by `φ` of them: block `run` of an image in blocks, whose channels'
    /// parameters are numbers `16 · run` and following.
    ///
    /// Only for functions that [`Function::is_chain`].
    pub(crate) fn apply_to_run(&self, run: usize, data: &mut [f32]) {
        let chain = self.as_chain().unwrap_or_default();
        chain.iter().for_each(|link| link.apply(run, LANES, data));
    }

    /// Whether the function is operations one after the other, which can be done in place.
    pub(crate) fn is_chain(&self) -> bool {
        self.as_chain().is_some()
    }

    /// Multiplies every element of `relevance` by `φ'` at the signal: the chain rule.
    ///
    /// # Errors
    /// When the shapes differ or a parameter does not broadcast to the signal.
    pub fn multiply_derivative(&self, signal: &Tensor, relevance: &mut Tensor) -> Result<()> {
        if let Some((low, high)) = self.clip_bounds() {
            // At a kink the slope is 0, as in the general case.
            let is_inside = |x: f32| low < x && x < high;
            return relevance.combine_broadcast(signal, |to, x| {
                *to = if is_inside(x) { *to } else { 0.0 };
            });
        }
        if let [Step::Input, Step::Unary(operation, 0)] = self.steps[..] {
            ensure!(signal.shape() == relevance.shape(), "a slope met relevance of another shape");
            let at = signal.data();
            for_each_chunk(relevance.data_mut(), BLOCK, |index, chunk| {
                operation.multiply_derivative(&at[index * BLOCK..], chunk);
            });
            return Ok(());
        }
        let mut derivatives = signal.clone();
        let mut values = vec![[0.0; BLOCK]; self.steps.len()];
        let mut slopes = vec![[0.0; BLOCK]; self.steps.len()];
        let runs = self.runs(signal.shape())?;
        runs.for_each(derivatives.data_mut(), |chunk, run| {
            self.evaluate(chunk, (run, runs.lanes), &mut values);
            self.differentiate(chunk.len(), &values, &mut slopes);
            if let Some(result) = slopes.last() {
                chunk.copy_from_slice(&result[..chunk.len()]);
            }
        });
        relevance.combine_broadcast(&derivatives, |to, slope| *to *= slope)
    }

    /// The function as a chain, where it is one.
    fn as_chain(&self) -> Option<Vec<Link<'_>>> {
        let mut chain = vec![];
        let mut last = 0;
        for (index, step) in self.steps.iter().enumerate() {
            let number = |of: usize| match &self.steps[of] {
                Step::Constant(number) => Some(Number::Constant(*number)),
                Step::Parameter(tensor) => Some(Number::Parameter(tensor)),
                _ => None,
            };
            let link = match *step {
                Step::Input if index == 0 => continue,
                Step::Constant(_) | Step::Parameter(_) => continue,
                Step::Unary(operation, of) if of == last => Link::Unary(operation),
                Step::Binary(operation, a, b) if a == last => Link::Right(operation, number(b)?),
                Step::Binary(operation, a, b) if b == last => Link::Left(operation, number(a)?),
                _ => return None,
            };
            chain.push(link);
            last = index;
        }
        (last + 1 == self.steps.len()).then_some(chain)
    }

    /// The value of every step; parameters have `lanes` numbers for each run.
    fn evaluate(&self, input: &[f32], (run, lanes): (usize, usize), values: &mut [[f32; BLOCK]]) {
        for (index, step) in self.steps.iter().enumerate() {
            let (earlier, rest) = values.split_at_mut(index);
            let Some(to) = rest.first_mut().map(|to| &mut to[..input.len()]) else {
                return;
            };
            match step {
                Step::Input => to.copy_from_slice(input),
                Step::Constant(number) => to.fill(*number),
                Step::Parameter(tensor) => {
                    let first = run * lanes % tensor.len();
                    let parameters = tensor.data()[first..][..lanes].iter().cycle();
                    to.iter_mut().zip(parameters).for_each(|(to, from)| *to = *from);
                }
                Step::Unary(operation, of) => operation.evaluate(&earlier[*of], to),
                Step::Binary(operation, a, b) => operation.evaluate(&earlier[*a], &earlier[*b], to),
                Step::Select(condition, a, b) => {
                    for (at, to) in to.iter_mut().enumerate() {
                        let chosen = if earlier[*condition][at] != 0.0 { *a } else { *b };
                        *to = earlier[chosen][at];
                    }
                }
            }
        }
    }

    /// Forward-mode differentiation: the slope of every step with respect to the input.
    fn differentiate(&self, len: usize, values: &[[f32; BLOCK]], slopes: &mut [[f32; BLOCK]]) {
        for (index, step) in self.steps.iter().enumerate() {
            let (earlier, rest) = slopes.split_at_mut(index);
            let Some(to) = rest.first_mut().map(|to| &mut to[..len]) else {
                return;
            };
            for (at, to) in to.iter_mut().enumerate() {
                *to = match step {
                    Step::Input => 1.0,
                    Step::Constant(_) | Step::Parameter(_) => 0.0,
                    Step::Unary(operation, of) => {
                        chain(operation.derivative(values[*of][at]), earlier[*of][at])
                    }
                    Step::Binary(operation, a, b) => {
                        let (by_a, by_b) = operation.derivatives(values[*a][at], values[*b][at]);
                        chain(by_a, earlier[*a][at]) + chain(by_b, earlier[*b][at])
                    }
                    Step::Select(condition, a, b) => {
                        earlier[if values[*condition][at] != 0.0 { *a } else { *b }][at]
                    }
                };
            }
        }
    }

    /// The runs of the signal over which every parameter is constant.
    fn runs(&self, shape: &[usize]) -> Result<Runs> {
        let mut runs = Runs { inner: usize::MAX, lanes: 1 };
        for parameter in self.parameters() {
            let found = Broadcast::between(parameter.shape(), shape)
                .map(|found| Runs { inner: found.inner.max(1), lanes: found.lanes });
            let fits = found.is_some_and(|found| runs.inner == usize::MAX || runs == found);
            let shapes = (parameter.shape(), shape);
            ensure!(
                fits,
                "parameters of shape {:?} do not fit a signal of shape {:?}",
                shapes.0,
                shapes.1
            );
            runs = found.unwrap_or(runs);
        }
        Ok(runs)
    }
}

impl From<&Affine> for Function {
    fn from(affine: &Affine) -> Function {
        let mut function = Function::identity();
        if let Some(scale) = &affine.scale {
            function = function.then(&Function::with_constant(Binary::Mul, scale, false));
        }
        if let Some(shift) = &affine.shift {
            function = function.then(&Function::with_constant(Binary::Add, shift, false));
        }
        function
    }
}

/// `outer · inner`, where a slope of zero wins over an infinite one.
fn chain(outer: f32, inner: f32) -> f32 {
    if inner == 0.0 { 0.0 } else { outer * inner }
}

/// The runs over which per-channel parameters are constant.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Runs {
    /// How often the parameters of a run are repeated.
    inner: usize,
    /// Parameters of a run.
    lanes: usize,
}

impl Runs {
    /// Calls `work(chunk, number of the run)` for chunks of at most [`BLOCK`] elements.
    fn for_each(&self, data: &mut [f32], mut work: impl FnMut(&mut [f32], usize)) {
        let run_length = self.inner.saturating_mul(self.lanes).min(data.len()).max(1);
        for (number, run) in data.chunks_mut(run_length).enumerate() {
            for chunk in run.chunks_mut(BLOCK) {
                work(chunk, number);
            }
        }
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
