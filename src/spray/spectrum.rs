//! The smallest eigenvalues of the normalised Laplacian L = I − D^-½ W D^-½ (Ng et al. 2002; von Luxburg 2007).
//!
//! A graph that falls apart has the eigenvalue 0 several times, which plain Lanczos does not find. Large graphs take
//! block subspace iteration, filtered by Chebyshev polynomials (Zhou et al. 2006): wanted are the eigenvalues of the
//! operator near 1, and polynomials that are small from −1 to the lowest wanted one leave little of the others.

use rayon::prelude::*;

use super::graph::Operator;
use super::symmetric::{Eigen, eigen, fix_sign};
use crate::random::{Stream, word_of};

/// Eigenvalues of the Laplacian, ascending, with their vectors of length 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spectrum {
    pub values: Vec<f64>,
    pub vectors: Vec<Vec<f64>>,
}

/// Vectors more than are wanted, so that the last wanted one converges.
const SPARE: usize = 8;

/// Of the polynomials.
const DEGREE: usize = 10;

/// Of every wanted pair.
const RESIDUAL: f64 = 1e-10;

const MOST_ROUNDS: usize = 200;

/// Up to this many rows the whole matrix is taken apart.
const MOST_DENSE: usize = 100;

impl Spectrum {
    /// The `count` smallest eigenvalues.
    pub fn of(operator: &Operator, count: usize) -> Spectrum {
        let n = operator.len();
        let (values, mut vectors) = match n <= MOST_DENSE.max(2 * (count + SPARE)) {
            true => largest(eigen(&operator.dense(), n), count),
            false => iterate(operator, count),
        };
        vectors.par_iter_mut().for_each(|vector| fix_sign(vector));
        // What rounding leaves of a zero.
        let values = values.into_iter().map(|value| (1.0 - value).max(0.0));
        Spectrum { values: values.collect(), vectors }
    }
}

/// The largest eigenvalues first.
fn largest(all: Eigen, count: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let values = all.values.into_iter().rev().take(count);
    (values.collect(), all.vectors.into_iter().rev().take(count).collect())
}

fn iterate(operator: &Operator, count: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let size = count + SPARE;
    let random = |column: usize| {
        let stream = Stream::new(0, &[word_of("spectrum"), column as u64]);
        (0..operator.len() as u64).map(|row| f64::from(stream.uniform(row)) - 0.5).collect()
    };
    let mut block: Vec<Vec<f64>> = (0..size).map(random).collect();
    orthonormalize(&mut block);
    let (mut values, _) = project(operator, &mut block);
    for _ in 0..MOST_ROUNDS {
        let low = values[size - 1].min(0.99);
        block = block.par_iter().map(|vector| filtered(operator, vector, low)).collect();
        orthonormalize(&mut block);
        let residuals;
        (values, residuals) = project(operator, &mut block);
        if residuals.iter().take(count).all(|residual| *residual < RESIDUAL) {
            break;
        }
    }
    values.truncate(count);
    block.truncate(count);
    (values, block)
}

/// The Chebyshev polynomial of the operator, small on [−1, low], times a vector.
fn filtered(operator: &Operator, vector: &[f64], low: f64) -> Vec<f64> {
    let (center, half) = ((low - 1.0) / 2.0, (low + 1.0) / 2.0);
    let mapped = |vector: &[f64]| -> Vec<f64> {
        let product = operator.times(vector);
        product
            .iter()
            .zip(vector)
            .map(|(product, value)| (product - center * value) / half)
            .collect()
    };
    let (mut before, mut now) = (vector.to_vec(), mapped(vector));
    for _ in 1..DEGREE {
        let mut next = mapped(&now);
        next.iter_mut().zip(&before).for_each(|(next, before)| *next = 2.0 * *next - before);
        (before, now) = (now, next);
    }
    now
}

/// Gram and Schmidt's method, each vector twice.
fn orthonormalize(block: &mut [Vec<f64>]) {
    for index in 0..block.len() {
        let (done, rest) = block.split_at_mut(index);
        let vector = &mut rest[0];
        scale_to_one(vector);
        for _ in 0..2 {
            for other in done.iter() {
                let product = dot(vector, other);
                vector.iter_mut().zip(other).for_each(|(value, other)| *value -= product * other);
            }
            scale_to_one(vector);
        }
    }
}

fn scale_to_one(vector: &mut [f64]) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Rayleigh and Ritz's method: turns the block to approximate eigenvectors, those of the largest values first. Returns
/// the values and the lengths of the residuals.
fn project(operator: &Operator, block: &mut Vec<Vec<f64>>) -> (Vec<f64>, Vec<f64>) {
    let size = block.len();
    let products: Vec<Vec<f64>> = block.par_iter().map(|vector| operator.times(vector)).collect();
    let entry = |index: usize| dot(&block[index / size], &products[index % size]);
    let mut matrix: Vec<f64> = (0..size * size).into_par_iter().map(entry).collect();
    for row in 0..size {
        for column in 0..row {
            matrix[row * size + column] = matrix[column * size + row];
        }
    }
    let (values, turns) = largest(eigen(&matrix, size), size);
    let turned = |parts: &[Vec<f64>], turn: &[f64]| {
        let mut sum = vec![0.0; operator.len()];
        for (part, factor) in parts.iter().zip(turn) {
            sum.iter_mut().zip(part).for_each(|(sum, value)| *sum += factor * value);
        }
        sum
    };
    let pairs = turns.par_iter().zip(&values).map(|(turn, value)| {
        let (vector, product) = (turned(block, turn), turned(&products, turn));
        let residual = product.iter().zip(&vector).map(|(a, b)| (a - value * b).powi(2));
        let residual = residual.sum::<f64>().sqrt();
        (vector, residual)
    });
    let (vectors, residuals) = pairs.unzip();
    *block = vectors;
    (values, residuals)
}

#[cfg(test)]
mod tests {
    use super::super::graph::{Joining, Neighbours};
    use super::*;

    /// Points in blobs that no edge connects.
    fn operator(blobs: usize, count: usize) -> Operator {
        let stream = Stream::new(3, &[]);
        let at = |index: usize| {
            let far = 100.0 * (index % blobs) as f64;
            let noise = |part: u64| f64::from(stream.uniform(3 * index as u64 + part));
            vec![far + noise(0), noise(1), noise(2)]
        };
        let features: Vec<Vec<f64>> = (0..count).map(at).collect();
        Operator::of(&Neighbours::of(&features, 7), 7, Joining::Either)
    }

    #[test]
    fn iteration_agrees_with_the_dense_solver() {
        for blobs in [1, 3] {
            let operator = operator(blobs, 230);
            let (found, vectors) = iterate(&operator, 32);
            let (expected, _) = largest(eigen(&operator.dense(), 230), 32);
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-11, "{found} instead of {expected}");
            }
            for (vector, value) in vectors.iter().zip(&found) {
                let product = operator.times(vector);
                let worst = product.iter().zip(vector).map(|(a, b)| (a - value * b).abs());
                assert!(worst.fold(0.0, f64::max) < 1e-9);
            }
        }
    }

    #[test]
    fn every_part_of_a_graph_has_a_zero() {
        let spectrum = Spectrum::of(&operator(3, 230), 6);
        assert!(spectrum.values[..3].iter().all(|value| *value < 1e-12));
        assert!(spectrum.values[3] > 1e-3);
    }
}
