//! The epsilon rule on a sum of two signals: `R_k = c_k x_k ⊙ R / stabilized(c₁ x₁ + c₂ x₂)`.
//!
//! Residual sums are memory-bound: so one pass computes the relevance of both signals, and the denominator is added
//! up again instead of kept from the forward pass.

use anyhow::{Result, ensure};
use onnxplain_kernels::Output;
use onnxplain_kernels::output::Vectors;
use onnxplain_kernels::simd::{F32x16, LANES, Simd, SimdLoop, SumPair, dispatch, filled_up};

use super::epilogues::Division;
use super::relevance::{Absorbed, Relevance, StepOutput};
use crate::explain::step::{Denominator, LinearStep};
use crate::linear::Sum;
use crate::network::Op;
use crate::rule::Stabilizer;
use crate::tensor::Tensor;

/// Elements that one thread divides at a time.
const RUN: usize = 1 << 12;

/// The sum, where a layer is a residual one and its step the epsilon rule.
pub(in crate::explain) fn residual_sum<'a>(op: &'a Op, step: &LinearStep) -> Option<&'a Sum> {
    let (Op::Sum(sum), [division]) = (op, &step.divisions[..]) else { return None };
    let group = &division.group;
    let is_epsilon = division.denominator == Denominator::Output
        && group.gate.is_none()
        && group.coefficient == 1.0;
    (is_epsilon && step.is_local() && is_residual(sum)).then_some(sum)
}

/// Whether a sum is one of two signals of the same shape.
fn is_residual(sum: &Sum) -> bool {
    sum.input_shapes.len() == 2 && sum.input_shapes.iter().all(|shape| *shape == sum.output_shape)
}

/// Relevance of the two summands.
pub(in crate::explain) fn propagate(
    sum: &Sum,
    stabilizer: Stabilizer,
    inputs: &[Tensor],
    arrived: Relevance,
) -> Result<StepOutput> {
    let ([x1, x2], &[c1, c2]) = (inputs, &sum.coefficients[..]) else {
        anyhow::bail!("a residual sum has two summands");
    };
    let mut first = arrived.tensor;
    let fits = [x1, x2].iter().all(|x| x.shape() == first.shape());
    ensure!(fits, "the summands have another shape than their sum");
    let rule = (stabilizer, [c1, c2]);
    let shape = first.shape().to_vec();
    let (second, parts) = Tensor::written(&shape, |second| {
        Ok(second.map_chunks_with(first.data_mut(), RUN, |index, second, first| {
            let run = index * RUN..index * RUN + first.len();
            divide(rule, [&x1.data()[run.clone()], &x2.data()[run]], first, second)
        }))
    })?;
    let sums =
        [0, 1].map(|which| SumPair::of(parts.iter().map(|parts| parts.shares[which])).sums());
    let relevance = [first, second].into_iter().zip(sums);
    let relevance = relevance.map(|(tensor, sums)| Relevance { tensor, sums });
    let [by_stabilizer, _] = SumPair::of(parts.iter().map(|parts| parts.absorbed)).sums();
    let absorbed = Absorbed { by_bias: 0.0, by_stabilizer };
    Ok(StepOutput { absorbed, ..relevance.collect::<Vec<_>>().into() })
}

/// Replaces relevance of a run of the sum by that of the first summand, and writes that of the second.
fn divide(
    rule: (Stabilizer, [f32; 2]),
    [x1, x2]: [&[f32]; 2],
    first: &mut [f32],
    second: Output<'_>,
) -> Parts {
    let ((x1, last_x1), (x2, last_x2)) = (x1.as_chunks(), x2.as_chunks());
    let ((first, last_first), (second, last_second)) = (first.as_chunks_mut(), second.vectors());
    let mut parts = Parts::default();
    dispatch(Divide { rule, x1, x2, first, second, parts: &mut parts });
    if !last_first.is_empty() {
        let (x1, x2) = (&[filled_up(last_x1)], &[filled_up(last_x2)]);
        let (first, mut second) = (&mut [filled_up(last_first)], [0.0; LANES]);
        let (vector, _) = Output::from(&mut second[..]).vectors();
        dispatch(Divide { rule, x1, x2, first, second: vector, parts: &mut parts });
        last_first.copy_from_slice(&first[0][..last_first.len()]);
        last_second.write(second);
    }
    parts
}

/// What was added up over a run.
#[derive(Default)]
struct Parts {
    /// What the stabilizer absorbs, and its absolute values.
    absorbed: SumPair,
    /// The relevance of each summand, and its absolute values.
    shares: [SumPair; 2],
}

struct Divide<'a> {
    rule: (Stabilizer, [f32; 2]),
    x1: &'a [F32x16],
    x2: &'a [F32x16],
    /// Relevance of the sum, which becomes that of the first summand.
    first: &'a mut [F32x16],
    second: Vectors<'a>,
    parts: &'a mut Parts,
}

impl SimdLoop for Divide<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Divide { rule: (stabilizer, [c1, c2]), x1, x2, first, mut second, parts } = self;
        let (c1, c2) = (simd.splat(c1), simd.splat(c2));
        let division = Division::new(simd, stabilizer);
        for (index, first) in first.iter_mut().enumerate() {
            let part1 = simd.multiply(c1, simd.load(&x1[index]));
            let part2 = simd.multiply(c2, simd.load(&x2[index]));
            let [quotient, absorbed] = division.quotient(simd.load(first), simd.add(part1, part2));
            parts.absorbed.add_vectors(simd, [absorbed, simd.absolute(absorbed)]);
            let share1 = simd.multiply(quotient, part1);
            simd.store(share1, first);
            parts.shares[0].add_vectors(simd, [share1, simd.absolute(share1)]);
            let share2 = simd.multiply(quotient, part2);
            second.push(simd, share2);
            parts.shares[1].add_vectors(simd, [share2, simd.absolute(share2)]);
        }
        second.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summands_get_their_proportion() {
        // More than one run, and a last one that is shorter.
        let count = RUN + 37;
        let numbers = |step: usize| -> Vec<f32> {
            (0..count).map(|at| ((at * step) % 17) as f32 / 4.0 - 2.0).collect()
        };
        let shape = vec![1, count];
        let sum = Sum {
            coefficients: vec![1.0, -1.0],
            input_shapes: vec![shape.clone(); 2],
            output_shape: shape.clone(),
        };
        assert!(is_residual(&sum));
        let (x, y, r) = (numbers(7), numbers(5), numbers(3));
        let tensor = |numbers: &[f32]| Tensor::new(&shape, numbers).unwrap();
        let stabilizer = Stabilizer::additive(0.25);
        let arrived = Relevance::from(tensor(&r));
        let output = propagate(&sum, stabilizer, &[tensor(&x), tensor(&y)], arrived).unwrap();
        let (mut quotients, z) =
            (r.clone(), x.iter().zip(&y).map(|(x, y)| x - y).collect::<Vec<f32>>());
        let lost: f64 = stabilizer.divide(&mut quotients, &z, 1).iter().map(|[lost, _]| lost).sum();
        let of = |c: f32, x: &[f32]| -> Vec<f32> {
            quotients.iter().zip(x).map(|(s, x)| c * s * x).collect()
        };
        assert!((output.absorbed.by_stabilizer - lost).abs() < 1e-3, "{lost}");
        let relevance: Vec<Relevance> = output.inputs.into_iter().flatten().collect();
        assert_eq!(relevance[0].tensor.data(), of(1.0, &x));
        assert_eq!(relevance[1].tensor.data(), of(-1.0, &y));
        for Relevance { tensor, sums } in &relevance {
            let expected = tensor.sums();
            assert!((sums[0] - expected[0]).abs() < 1e-3);
            assert!((sums[1] - expected[1]).abs() < 1e-3);
        }
    }
}
