//! Smooth functions of a number and their derivatives, written without branches, so that the compiler can vectorize them.

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// √(2/π)
const GELU_SCALE: f32 = 0.797_884_6;
const GELU_CUBIC: f32 = 0.044_715;

fn gelu_argument(x: f32) -> f32 {
    GELU_SCALE * (x + GELU_CUBIC * x * x * x)
}

/// `1 / (1 + e⁻ˣ)`
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    let power = exp_of_negative(-x.abs());
    let numerator = if x < 0.0 { power } else { 1.0 };
    numerator / (1.0 + power)
}

/// Its derivative.
#[inline(always)]
pub(super) fn sigmoid_slope(x: f32) -> f32 {
    sigmoid(x) * sigmoid(-x)
}

/// `x · sigmoid(x)`
#[inline(always)]
pub(super) fn silu(x: f32) -> f32 {
    x * sigmoid(x)
}

/// Its derivative.
#[inline(always)]
pub(super) fn silu_slope(x: f32) -> f32 {
    sigmoid(x) * (1.0 + x * sigmoid(-x))
}

/// `x · clip(x + 3, 0, 6) / 6`
#[inline(always)]
pub(super) fn hard_swish(x: f32) -> f32 {
    x * (x + 3.0).clamp(0.0, 6.0) / 6.0
}

/// Its derivative.
#[inline(always)]
pub(super) fn hard_swish_slope(x: f32) -> f32 {
    let inside = if x >= 3.0 { 1.0 } else { (2.0 * x + 3.0) / 6.0 };
    if x <= -3.0 { 0.0 } else { inside }
}

/// `erf x` as a quotient of polynomials in x² between −4 and 4, beyond which it is ±1 in `f32`; the
/// coefficients are those of XLA (Apache-2.0) and Eigen (MPL-2.0). It has no branch, so that it can be vectorized.
#[inline(always)]
pub(super) fn erf(x: f32) -> f32 {
    const ABOVE: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const BELOW: [f32; 5] =
        [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2];
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let above = ABOVE.iter().skip(1).fold(ABOVE[0], |sum, coefficient| sum * square + coefficient);
    let below = BELOW.iter().skip(1).fold(BELOW[0], |sum, coefficient| sum * square + coefficient);
    x * above / below
}

/// `x/2 · (1 + erf(x/√2))`
#[inline(always)]
pub(super) fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2))
}

/// Its derivative.
#[inline(always)]
pub(super) fn gelu_slope(x: f32) -> f32 {
    let density = 0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI * exp_of_negative(-0.5 * x * x);
    0.5 * (1.0 + erf(x * FRAC_1_SQRT_2)) + x * density
}

/// With `1 + tanh u = 2 sigmoid 2u`.
#[inline(always)]
pub(super) fn gelu_tanh(x: f32) -> f32 {
    x * sigmoid(2.0 * gelu_argument(x))
}

/// Its derivative.
#[inline(always)]
pub(super) fn gelu_tanh_slope(x: f32) -> f32 {
    let argument = 2.0 * gelu_argument(x);
    let slope = 2.0 * GELU_SCALE * (1.0 + 3.0 * GELU_CUBIC * x * x);
    sigmoid(argument) * (1.0 + x * sigmoid(-argument) * slope)
}

/// `eˣ` for `x ≤ 0`, with a relative error of 1e-7; 0 below −87. Unlike the standard library's, which is a function call
/// for every number, it can be vectorized.
///
/// `eˣ = 2ⁿ eʳ` where `n` is the whole number nearest to `x / ln 2`; `eʳ = 1 + r + r² p(r)`, where `p` is the
/// minimax polynomial for `|r| ≤ ln 2 / 2`.
#[inline(always)]
fn exp_of_negative(x: f32) -> f32 {
    // Adding 1.5 · 2²³ rounds to a whole number, which is in the last bits then.
    const ROUNDS: f32 = 12_582_912.0;
    // ln 2 in two parts; the first has so few digits that its product with n is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Not `max`, which would turn NaN into a number.
    let bounded = if x < -87.0 { -87.0 } else { x };
    let rounded = bounded * std::f32::consts::LOG2_E + ROUNDS;
    let n = rounded - ROUNDS;
    let r = bounded - n * LN_2_HIGH - n * LN_2_LOW;
    let p = 1.991_838_5e-4;
    let p = p * r + 1.394_607_4e-3;
    let p = p * r + 8.333_264e-3;
    let p = p * r + 4.166_627e-2;
    let p = p * r + 0.166_666_67;
    let p = p * r + 0.5;
    let power = p * r * r + r + 1.0;
    let scale = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23));
    if x < -87.0 { 0.0 } else { power * scale }
}

/// `ln(1 + eˣ)`, without overflow.
pub(super) fn softplus(x: f32) -> f32 {
    x.max(0.0) + exp_of_negative(-x.abs()).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_agree_with_the_standard_library() {
        for step in 0..90_000 {
            let x = -1e-3 * step as f32;
            let (ours, expected) = (exp_of_negative(x), x.exp());
            let allowed = 2e-7 * expected + 2e-38;
            assert!((ours - expected).abs() <= allowed, "at {x}: {ours} is not {expected}");
        }
        assert_eq!(exp_of_negative(f32::NEG_INFINITY), 0.0);
        assert!(sigmoid(f32::NAN).is_nan());
    }

    #[test]
    fn the_error_function_agrees_with_the_standard_one() {
        for step in -6000..=6000 {
            let x = step as f32 * 1e-3;
            let (ours, exact) = (erf(x), libm::erff(x));
            assert!((ours - exact).abs() <= 4e-7 * exact.abs(), "{x}: {ours}, not {exact}");
        }
    }
}
