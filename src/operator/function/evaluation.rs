//! Values and derivatives of a function, over whole signals.

use anyhow::{Result, ensure};
use onnxplain_kernels::nchwc::LANES;

use super::super::chain::{Link, Number};
use super::{Function, Step, Unary};
use crate::linear::Broadcast;
use crate::parallel::for_each_chunk;
use crate::tensor::Tensor;

/// Runs of at least so many elements are computed one by one as a chain; shorter ones several at a time.
const SHORTEST_RUN: usize = 16;

/// Elements that are evaluated together: they fit in the first-level cache.
const BLOCK: usize = 1024;

impl Function {
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
            let apply = |run: usize, piece: &mut [f32]| {
                chain.iter().for_each(|link| link.apply(run, runs.lanes, piece));
            };
            if signal.is_unshared() {
                for_each_chunk(signal.data_mut(), len, |run, chunk| {
                    chunk.chunks_mut(BLOCK).for_each(|piece| apply(run, piece));
                });
                return Ok(());
            }
            // A shared signal is copied piece by piece, where it is read anyway.
            let source = signal.data();
            *signal = Tensor::written_by(signal.shape(), |output| {
                output.for_each_chunk(len, 1, |run, chunk| {
                    for (index, piece) in chunk.chunks(BLOCK).enumerate() {
                        let from = &source[run * len + index * BLOCK..][..piece.len()];
                        apply(run, piece.copy(from));
                    }
                });
            })?;
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

    /// Replaces the numbers of block `run` of an image in blocks by `φ` of them. The parameters of its channels are the
    /// elements from `16 · run` on.
    ///
    /// Only for functions for which [`Function::is_chain`] is true.
    pub(crate) fn apply_to_run(&self, run: usize, data: &mut [f32]) {
        let chain = self.as_chain().unwrap_or_default();
        chain.iter().for_each(|link| link.apply(run, LANES, data));
    }

    /// Whether the function is a chain of operations, which can be computed in place.
    pub(crate) fn is_chain(&self) -> bool {
        self.as_chain().is_some()
    }

    /// Multiplies every element of `relevance` by `φ'` at the signal: the chain rule.
    ///
    /// # Errors
    /// When the shapes differ or a parameter does not broadcast to the signal.
    pub fn multiply_derivative(&self, signal: &Tensor, relevance: &mut Tensor) -> Result<()> {
        if let Some((low, high)) = self.clip_bounds() {
            // At a bound the slope is 0, as for all functions.
            return relevance.combine([signal], move |r, [x]| {
                let is_inside = (low < x) & (x < high);
                if is_inside { r } else { 0.0 }
            });
        }
        if let [Step::Input, Step::Unary(operation, 0)] = self.steps[..] {
            ensure!(
                signal.shape() == relevance.shape(),
                "the relevance of an activation has another shape than its input"
            );
            let at = signal.data();
            for_each_chunk(relevance.data_mut(), BLOCK, |index, chunk| {
                operation.multiply_derivative(&at[index * BLOCK..], chunk);
            });
            return Ok(());
        }
        let mut derivatives = signal.clone();
        let mut values = vec![[0.0; BLOCK]; self.steps.len()];
        let mut slopes = vec![[0.0; BLOCK]; self.steps.len()];
        let has_slope = self.has_slope();
        let runs = self.runs(signal.shape())?;
        runs.for_each(derivatives.data_mut(), |chunk, run| {
            self.evaluate(chunk, (run, runs.lanes), &mut values);
            self.differentiate(chunk.len(), &values, (&has_slope, &mut slopes));
            if let Some(result) = slopes.last() {
                chunk.copy_from_slice(&result[..chunk.len()]);
            }
        });
        relevance.combine([&derivatives], |r, [slope]| r * slope)
    }

    /// The function as a chain of operations; `None` if it is not one.
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

    /// The value of every step; parameters have `lanes` numbers per run.
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

    /// For each step, whether its slope is not 0 everywhere.
    fn has_slope(&self) -> Vec<bool> {
        let mut has: Vec<bool> = vec![];
        for step in &self.steps {
            has.push(match step {
                Step::Input => true,
                Step::Constant(_) | Step::Parameter(_) => false,
                Step::Unary(Unary::Stair(stair), of) => stair.derivative() != 0.0 && has[*of],
                Step::Unary(_, of) => has[*of],
                Step::Binary(operation, ..) if operation.is_comparison() => false,
                Step::Binary(_, a, b) | Step::Select(_, a, b) => has[*a] || has[*b],
            });
        }
        has
    }

    /// Forward-mode differentiation: the slope of every step with respect to the input.
    fn differentiate(
        &self,
        len: usize,
        values: &[[f32; BLOCK]],
        (has_slope, slopes): (&[bool], &mut [[f32; BLOCK]]),
    ) {
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
                        let of = (values[*a][at], values[*b][at]);
                        let (by_a, by_b) = match has_slope[*a] && has_slope[*b] {
                            true => operation.derivatives_of_functions(of.0, of.1),
                            false => operation.derivatives(of.0, of.1),
                        };
                        chain(by_a, earlier[*a][at]) + chain(by_b, earlier[*b][at])
                    }
                    Step::Select(condition, a, b) => {
                        earlier[if values[*condition][at] != 0.0 { *a } else { *b }][at]
                    }
                };
            }
        }
    }

    /// The runs of elements over which every parameter is constant.
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

/// `outer · inner`; 0 if `inner` is 0, even if `outer` is infinite.
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
