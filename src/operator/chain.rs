//! Functions that are operations one after the other, each with at most one number beside: what most
//! activations are, and what can be done in place.

use super::scalar::{Binary, Unary};
use crate::tensor::Tensor;
use crate::vector;

/// An operation of a chain.
#[derive(Clone, Copy, Debug)]
pub(super) enum Link<'a> {
    Unary(Unary),
    /// With a number on the right.
    Right(Binary, Number<'a>),
    /// With a number on the left.
    Left(Binary, Number<'a>),
}

/// A number, or one for every run of the signal.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number<'a> {
    Constant(f32),
    Parameter(&'a Tensor),
}

impl Number<'_> {
    fn of_run(self, run: usize) -> f32 {
        match self {
            Number::Constant(number) => number,
            Number::Parameter(tensor) => tensor.data()[run % tensor.len()],
        }
    }
}

impl Link<'_> {
    /// Replaces every element of a run by the operation's value.
    pub fn apply(self, run: usize, data: &mut [f32]) {
        match self {
            Link::Unary(operation) => operation.apply(data),
            Link::Right(operation, number) => with_right(operation, number.of_run(run), data),
            Link::Left(operation, number) => {
                let number = number.of_run(run);
                match operation {
                    // The same from either side.
                    Binary::Add | Binary::Mul | Binary::Max | Binary::Min => {
                        with_right(operation, number, data);
                    }
                    _ => data.iter_mut().for_each(|x| *x = operation.value(number, *x)),
                }
            }
        }
    }
}

fn with_right(operation: Binary, number: f32, data: &mut [f32]) {
    // Named one by one, so that the compiler makes a loop of vectors of each.
    match operation {
        Binary::Add => vector::each(data, |x| *x += number),
        Binary::Sub => vector::each(data, |x| *x -= number),
        Binary::Mul => vector::each(data, |x| *x *= number),
        Binary::Div => vector::each(data, |x| *x /= number),
        Binary::Max => vector::each(data, |x| *x = x.max(number)),
        Binary::Min => vector::each(data, |x| *x = x.min(number)),
        _ => data.iter_mut().for_each(|x| *x = operation.value(*x, number)),
    }
}
