//! Vectors as arrays: for every processor, and for tests of the other instruction sets.

use std::mem::MaybeUninit;

use super::{F32x16, LANES, Simd, SimdLoop};

/// Instructions that every processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portable;

/// `a · b + c`. Without an instruction for it, rounding once would take a function call.
#[inline(always)]
fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

/// An array of what `$body` makes of the lanes of others.
macro_rules! each_lane {
    ($lane:ident, $zero:expr, $len:expr, $body:expr) => {{
        let mut result = [$zero; $len];
        let mut $lane = 0;
        while $lane < $len {
            result[$lane] = $body;
            $lane += 1;
        }
        result
    }};
}

impl Simd for Portable {
    type Vector = F32x16;
    type Mask = [bool; LANES];
    type Doubles = [f64; LANES / 2];

    #[inline(always)]
    fn run<L: SimdLoop>(self, work: L) -> L::Output {
        work.run(self)
    }

    #[inline(always)]
    fn splat(self, number: f32) -> F32x16 {
        [number; LANES]
    }

    #[inline(always)]
    fn load(self, numbers: &F32x16) -> F32x16 {
        *numbers
    }

    #[inline(always)]
    fn write(self, vector: F32x16, slots: &mut [MaybeUninit<f32>; LANES]) {
        *slots = vector.map(MaybeUninit::new);
    }

    #[inline(always)]
    fn add(self, a: F32x16, b: F32x16) -> F32x16 {
        each_lane!(lane, 0.0, LANES, a[lane] + b[lane])
    }

    #[inline(always)]
    fn subtract(self, a: F32x16, b: F32x16) -> F32x16 {
        each_lane!(lane, 0.0, LANES, a[lane] - b[lane])
    }

    #[inline(always)]
    fn multiply(self, a: F32x16, b: F32x16) -> F32x16 {
        each_lane!(lane, 0.0, LANES, a[lane] * b[lane])
    }

    #[inline(always)]
    fn divide(self, a: F32x16, b: F32x16) -> F32x16 {
        each_lane!(lane, 0.0, LANES, a[lane] / b[lane])
    }

    #[inline(always)]
    fn multiply_add(self, a: F32x16, b: F32x16, c: F32x16) -> F32x16 {
        each_lane!(lane, 0.0, LANES, multiply_add(a[lane], b[lane], c[lane]))
    }

    #[inline(always)]
    fn subtract_product(self, c: F32x16, a: F32x16, b: F32x16) -> F32x16 {
        each_lane!(lane, 0.0, LANES, multiply_add(-a[lane], b[lane], c[lane]))
    }

    #[inline(always)]
    fn absolute(self, a: F32x16) -> F32x16 {
        each_lane!(lane, 0.0, LANES, a[lane].abs())
    }

    #[inline(always)]
    fn greater(self, a: F32x16, b: F32x16) -> [bool; LANES] {
        each_lane!(lane, false, LANES, a[lane] > b[lane])
    }

    #[inline(always)]
    fn equal(self, a: F32x16, b: F32x16) -> [bool; LANES] {
        each_lane!(lane, false, LANES, a[lane] == b[lane])
    }

    #[inline(always)]
    fn select(self, mask: [bool; LANES], [then, other]: [F32x16; 2]) -> F32x16 {
        each_lane!(lane, 0.0, LANES, if mask[lane] { then[lane] } else { other[lane] })
    }

    #[inline(always)]
    fn splat_doubles(self, number: f64) -> [f64; LANES / 2] {
        [number; LANES / 2]
    }

    #[inline(always)]
    fn load_doubles(self, numbers: &[f32; LANES / 2]) -> [f64; LANES / 2] {
        each_lane!(lane, 0.0, LANES / 2, f64::from(numbers[lane]))
    }

    #[inline(always)]
    fn store_doubles(self, doubles: [f64; LANES / 2], numbers: &mut [f32; LANES / 2]) {
        *numbers = each_lane!(lane, 0.0, LANES / 2, doubles[lane] as f32);
    }

    #[inline(always)]
    fn add_doubles(self, a: [f64; LANES / 2], b: [f64; LANES / 2]) -> [f64; LANES / 2] {
        each_lane!(lane, 0.0, LANES / 2, a[lane] + b[lane])
    }

    #[inline(always)]
    fn subtract_doubles(self, a: [f64; LANES / 2], b: [f64; LANES / 2]) -> [f64; LANES / 2] {
        each_lane!(lane, 0.0, LANES / 2, a[lane] - b[lane])
    }

    #[inline(always)]
    fn multiply_doubles(self, a: [f64; LANES / 2], b: [f64; LANES / 2]) -> [f64; LANES / 2] {
        each_lane!(lane, 0.0, LANES / 2, a[lane] * b[lane])
    }
}
