//! Functions that are a chain of operations, each of which has at most one parameter. Most activations are; they can be
//! computed in place.

use super::binary::Binary;
use super::scalar::Unary;
use crate::tensor::Tensor;
use onnxplain_kernels::elementwise;
use onnxplain_kernels::nchwc::LANES;

/// An operation of a chain.
#[derive(Clone, Copy, Debug)]
pub(super) enum Link<'a> {
    Unary(Unary),
    /// `operation(x, parameter)`.
    Right(Binary, Number<'a>),
    /// `operation(parameter, x)`.
    Left(Binary, Number<'a>),
}

/// A parameter: one number, or one for every run of the signal.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number<'a> {
    Constant(f32),
    Parameter(&'a Tensor),
}

impl Number<'_> {
    /// The numbers of a run: one, or one per lane.
    fn of_run(&self, run: usize, lanes: usize) -> &[f32] {
        match self {
            Number::Constant(number) => std::slice::from_ref(number),
            Number::Parameter(tensor) => &tensor.data()[run * lanes % tensor.len()..][..lanes],
        }
    }
}

impl Link<'_> {
    /// Replaces every element of a run by the operation's value; parameters have `lanes` numbers per run.
    pub fn apply(self, run: usize, lanes: usize, data: &mut [f32]) {
        match self {
            Link::Unary(operation) => operation.apply(data),
            Link::Right(operation, number) => match *number.of_run(run, lanes) {
                [number] => with_right(operation, number, data),
                ref numbers => with_right_lanes(operation, numbers, data),
            },
            Link::Left(operation, number) => match (operation, number.of_run(run, lanes)) {
                // Commutative.
                (Binary::Add | Binary::Mul | Binary::Max | Binary::Min, _) => {
                    Link::Right(operation, number).apply(run, lanes, data);
                }
                (_, numbers) => {
                    let numbers = numbers.iter().cycle();
                    data.iter_mut().zip(numbers).for_each(|(x, n)| *x = operation.value(*n, *x));
                }
            },
        }
    }
}

fn with_right(operation: Binary, number: f32, data: &mut [f32]) {
    // Listed one by one, so that the compiler vectorizes a loop for each.
    match operation {
        Binary::Add => elementwise::each(data, |x| *x += number),
        Binary::Sub => elementwise::each(data, |x| *x -= number),
        Binary::Mul => elementwise::each(data, |x| *x *= number),
        Binary::Div => elementwise::each(data, |x| *x /= number),
        Binary::Max => elementwise::clip(data, number, f32::INFINITY),
        Binary::Min => elementwise::clip(data, f32::NEG_INFINITY, number),
        _ => data.iter_mut().for_each(|x| *x = operation.value(*x, number)),
    }
}

fn with_right_lanes(operation: Binary, numbers: &[f32], data: &mut [f32]) {
    let lanes: Option<&[f32; LANES]> = numbers.try_into().ok();
    match (operation, lanes) {
        (Binary::Add, _) => elementwise::each_with_lanes(data, numbers, |x, number| *x += number),
        (Binary::Mul, _) => elementwise::each_with_lanes(data, numbers, |x, number| *x *= number),
        (Binary::Max, Some(low)) => elementwise::clip_lanes(data, low, &[f32::INFINITY; LANES]),
        (Binary::Min, Some(high)) => {
            elementwise::clip_lanes(data, &[f32::NEG_INFINITY; LANES], high);
        }
        _ => elementwise::each_with_lanes(data, numbers, |x, number| {
            *x = operation.value(*x, number)
        }),
    }
}
