//! NEON: four registers of four floats.

use std::arch::aarch64::*;
use std::mem::MaybeUninit;

use super::{F32x16, LANES, Simd, SimdLoop};

/// Floats of a register.
const WIDTH: usize = 4;

/// NEON. Only `Neon::detect` makes the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neon(());

impl Neon {
    /// Every 64-bit ARM processor that runs Rust's standard library has NEON.
    pub(super) fn detect() -> Neon {
        Neon(())
    }
}

// SAFETY of all intrinsics below: NEON is a part of the targets that this file is compiled for, and every load and
// store touches exactly as many floats as the array that it is given.

/// An intrinsic on all four registers.
macro_rules! four {
    ($intrinsic:ident($($operand:expr),*)) => {{
        // SAFETY: see above.
        #[allow(unused_unsafe)]
        unsafe {
            [
                $intrinsic($($operand[0]),*),
                $intrinsic($($operand[1]),*),
                $intrinsic($($operand[2]),*),
                $intrinsic($($operand[3]),*),
            ]
        }
    }};
}

impl Simd for Neon {
    type Vector = [float32x4_t; 4];
    type Mask = [uint32x4_t; 4];
    type Doubles = [float64x2_t; 4];

    #[inline(always)]
    fn run<L: SimdLoop>(self, work: L) -> L::Output {
        work.run(self)
    }

    #[inline(always)]
    fn splat(self, number: f32) -> Self::Vector {
        // SAFETY: see above.
        unsafe { [vdupq_n_f32(number); 4] }
    }

    #[inline(always)]
    fn load(self, numbers: &F32x16) -> Self::Vector {
        let from = numbers.as_ptr();
        // SAFETY: see above.
        unsafe {
            [
                vld1q_f32(from),
                vld1q_f32(from.add(WIDTH)),
                vld1q_f32(from.add(2 * WIDTH)),
                vld1q_f32(from.add(3 * WIDTH)),
            ]
        }
    }

    #[inline(always)]
    fn write(self, [a, b, c, d]: Self::Vector, slots: &mut [MaybeUninit<f32>; LANES]) {
        let to = slots.as_mut_ptr().cast::<f32>();
        // SAFETY: see above.
        unsafe {
            vst1q_f32(to, a);
            vst1q_f32(to.add(WIDTH), b);
            vst1q_f32(to.add(2 * WIDTH), c);
            vst1q_f32(to.add(3 * WIDTH), d);
        }
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        four!(vaddq_f32(a, b))
    }

    #[inline(always)]
    fn subtract(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        four!(vsubq_f32(a, b))
    }

    #[inline(always)]
    fn multiply(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        four!(vmulq_f32(a, b))
    }

    #[inline(always)]
    fn divide(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        four!(vdivq_f32(a, b))
    }

    #[inline(always)]
    fn multiply_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        four!(vfmaq_f32(c, a, b))
    }

    #[inline(always)]
    fn subtract_product(self, c: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        four!(vfmsq_f32(c, a, b))
    }

    #[inline(always)]
    fn absolute(self, a: Self::Vector) -> Self::Vector {
        four!(vabsq_f32(a))
    }

    #[inline(always)]
    fn greater(self, a: Self::Vector, b: Self::Vector) -> Self::Mask {
        four!(vcgtq_f32(a, b))
    }

    #[inline(always)]
    fn equal(self, a: Self::Vector, b: Self::Vector) -> Self::Mask {
        four!(vceqq_f32(a, b))
    }

    #[inline(always)]
    fn select(self, mask: Self::Mask, [then, other]: [Self::Vector; 2]) -> Self::Vector {
        four!(vbslq_f32(mask, then, other))
    }

    #[inline(always)]
    fn splat_doubles(self, number: f64) -> Self::Doubles {
        // SAFETY: see above.
        unsafe { [vdupq_n_f64(number); 4] }
    }

    #[inline(always)]
    fn load_doubles(self, numbers: &[f32; LANES / 2]) -> Self::Doubles {
        let from = numbers.as_ptr();
        // SAFETY: see above.
        unsafe {
            let (low, high) = (vld1q_f32(from), vld1q_f32(from.add(WIDTH)));
            [
                vcvt_f64_f32(vget_low_f32(low)),
                vcvt_high_f64_f32(low),
                vcvt_f64_f32(vget_low_f32(high)),
                vcvt_high_f64_f32(high),
            ]
        }
    }

    #[inline(always)]
    fn store_doubles(self, [a, b, c, d]: Self::Doubles, numbers: &mut [f32; LANES / 2]) {
        let to = numbers.as_mut_ptr();
        // SAFETY: see above.
        unsafe {
            vst1q_f32(to, vcvt_high_f32_f64(vcvt_f32_f64(a), b));
            vst1q_f32(to.add(WIDTH), vcvt_high_f32_f64(vcvt_f32_f64(c), d));
        }
    }

    #[inline(always)]
    fn add_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles {
        four!(vaddq_f64(a, b))
    }

    #[inline(always)]
    fn subtract_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles {
        four!(vsubq_f64(a, b))
    }

    #[inline(always)]
    fn multiply_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles {
        four!(vmulq_f64(a, b))
    }
}
