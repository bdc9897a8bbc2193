//! Arithmetic with sixteen numbers at once, in the registers of this processor.
//!
//! The compiler makes vectors of loops over sixteen numbers, but not reliably: where many sums are to
//! stay in registers it does not, and elsewhere it depends on what else is in the loop. What a network
//! spends its time with is written over [`Lanes`] instead, for every set of instructions alike.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod x86;

use crate::microkernel::Instructions;

/// Numbers that are computed together: the channels of a block, and the lanes of the widest vector.
pub const LANES: usize = 16;

/// Sixteen numbers: the channels of a pixel, a weight of each of their filters.
pub type Sixteen = [f32; LANES];

/// A set of instructions that this processor has: whoever holds the value may use them.
pub trait Lanes: Copy {
    /// Sixteen numbers in registers.
    type Vector: Copy;

    /// Sixteen times the same number.
    fn splat(self, number: f32) -> Self::Vector;

    fn load(self, numbers: &Sixteen) -> Self::Vector;

    fn store(self, vector: Self::Vector, numbers: &mut Sixteen);

    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    fn subtract(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    fn multiply(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    fn divide(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a · b + c`, rounded once.
    fn multiply_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// `|a|`.
    fn absolute(self, a: Self::Vector) -> Self::Vector;

    /// The first of `choices` where `a > b`, which no number is that is none; else the second one.
    fn where_greater(
        self,
        a: Self::Vector,
        b: Self::Vector,
        choices: [Self::Vector; 2],
    ) -> Self::Vector;

    /// The first of `choices` where `a = b`, which no number is that is none; else the second one.
    fn where_equal(
        self,
        a: Self::Vector,
        b: Self::Vector,
        choices: [Self::Vector; 2],
    ) -> Self::Vector;

    /// Adds every number to its sum.
    #[inline(always)]
    fn add_up(self, vector: Self::Vector, sums: &mut [f64; LANES]) {
        let mut numbers = [0.0; LANES];
        self.store(vector, &mut numbers);
        sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += f64::from(number));
    }
}

/// A loop over vectors of sixteen numbers.
pub trait LanesLoop {
    /// Runs it. Implementations are marked `inline(always)`, or the marks of their callers are lost on
    /// them. For the same reason closures do no arithmetic with lanes, and no loop that matters goes over
    /// adaptors of iterators or maps an array: some builds call these as functions.
    fn run(self, lanes: impl Lanes);
}

/// Runs a loop with the best instructions of this processor.
pub fn with_lanes(work: impl LanesLoop) {
    match Instructions::detect().map(Instructions::lanes) {
        // SAFETY: vectors of sixteen numbers were found, which are those of AVX-512F.
        #[cfg(target_arch = "x86_64")]
        Some(16) => unsafe { x86::with_avx512(work) },
        // SAFETY: vectors of eight numbers were found, which are those of AVX2 with FMA.
        #[cfg(target_arch = "x86_64")]
        Some(_) => unsafe { x86::with_avx2(work) },
        _ => work.run(Plain),
    }
}

/// Runs a loop with every set of instructions that this processor has, one after the other.
pub fn with_all_lanes(work: impl LanesLoop + Copy) {
    work.run(Plain);
    #[cfg(target_arch = "x86_64")]
    for instructions in Instructions::all() {
        match instructions.lanes() {
            // SAFETY: `all` names what was found.
            16 => unsafe { x86::with_avx512(work) },
            // SAFETY: `all` names what was found.
            _ => unsafe { x86::with_avx2(work) },
        }
    }
}

/// No instructions but those that every processor has.
#[derive(Clone, Copy)]
struct Plain;

/// A sixteen of what a function makes of the numbers of others.
#[inline(always)]
fn each<const N: usize>(others: [Sixteen; N], function: impl Fn([f32; N]) -> f32) -> Sixteen {
    std::array::from_fn(|lane| function(others.map(|numbers| numbers[lane])))
}

impl Lanes for Plain {
    type Vector = Sixteen;

    #[inline(always)]
    fn splat(self, number: f32) -> Sixteen {
        [number; LANES]
    }

    #[inline(always)]
    fn load(self, numbers: &Sixteen) -> Sixteen {
        *numbers
    }

    #[inline(always)]
    fn store(self, vector: Sixteen, numbers: &mut Sixteen) {
        *numbers = vector;
    }

    #[inline(always)]
    fn add(self, a: Sixteen, b: Sixteen) -> Sixteen {
        each([a, b], |[a, b]| a + b)
    }

    #[inline(always)]
    fn subtract(self, a: Sixteen, b: Sixteen) -> Sixteen {
        each([a, b], |[a, b]| a - b)
    }

    #[inline(always)]
    fn multiply(self, a: Sixteen, b: Sixteen) -> Sixteen {
        each([a, b], |[a, b]| a * b)
    }

    #[inline(always)]
    fn divide(self, a: Sixteen, b: Sixteen) -> Sixteen {
        each([a, b], |[a, b]| a / b)
    }

    #[inline(always)]
    fn multiply_add(self, a: Sixteen, b: Sixteen, c: Sixteen) -> Sixteen {
        each([a, b, c], |[a, b, c]| a.mul_add(b, c))
    }

    #[inline(always)]
    fn absolute(self, a: Sixteen) -> Sixteen {
        a.map(f32::abs)
    }

    #[inline(always)]
    fn where_greater(self, a: Sixteen, b: Sixteen, [then, other]: [Sixteen; 2]) -> Sixteen {
        each([a, b, then, other], |[a, b, then, other]| if a > b { then } else { other })
    }

    #[inline(always)]
    fn where_equal(self, a: Sixteen, b: Sixteen, [then, other]: [Sixteen; 2]) -> Sixteen {
        each([a, b, then, other], |[a, b, then, other]| if a == b { then } else { other })
    }
}

/// Two sums over many numbers, sixteen partial sums each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub lanes: [[f64; LANES]; 2],
}

impl Totals {
    /// Adds another one's partial sums.
    pub fn add(&mut self, other: &Totals) {
        for (sums, others) in self.lanes.iter_mut().zip(&other.lanes) {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
        }
    }

    /// Adds partial sums of few numbers.
    #[inline(always)]
    pub fn add_vectors<L: Lanes>(&mut self, lanes: L, parts: [L::Vector; 2]) {
        for (sums, part) in self.lanes.iter_mut().zip(parts) {
            lanes.add_up(part, sums);
        }
    }

    /// Adds up one after the other, so that the result does not depend on who computed them.
    pub fn of(parts: impl IntoIterator<Item = Totals>) -> Totals {
        let mut totals = Totals::default();
        parts.into_iter().for_each(|part| totals.add(&part));
        totals
    }

    /// The two sums.
    pub fn sums(&self) -> [f64; 2] {
        self.lanes.map(|lanes| lanes.iter().sum())
    }
}

/// Fewer than sixteen numbers, with zeros behind them.
pub fn filled_up(numbers: &[f32]) -> Sixteen {
    let mut sixteen = [0.0; LANES];
    sixteen[..numbers.len()].copy_from_slice(numbers);
    sixteen
}
