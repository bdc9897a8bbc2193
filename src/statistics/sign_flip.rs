//! The sign-flip test: would a mean difference as large as this be a rarity if neither side were better?
//!
//! If neither is better, the difference of a unit is as likely to be d as −d (Fisher 1935, section 21). The p-value is the
//! share of all choices of signs whose sum is at least as far from 0 as the one observed; both directions count.

use rayon::prelude::*;

use crate::random::{Stream, word_of};

use super::sample::Sample;

/// Up to this many units all choices of signs are counted: 65,536.
const MOST_EXACT: usize = 16;

/// So many choices are drawn where there are more.
const DRAWS: usize = 10_000;

/// With fewer units no p-value is below 5 %: all on one side has 2/2ⁿ.
pub const LEAST_DECIDABLE: usize = 6;

/// The p-value of paired differences. Without any, or where all are zero, it is 1.
///
/// Drawn choices are counted as (hits + 1) / (draws + 1), so that the p-value is never 0 (Phipson and Smyth 2010).
pub fn sign_flip_test(differences: &Sample, seed: u64) -> f64 {
    let sums = differences.units().iter().map(|unit| unit.sum);
    let observed = sums.clone().sum::<f64>().abs();
    // All signs are chosen anew, so those of the differences do not matter, nor which method was subtracted.
    let mut sums: Vec<f64> = sums.map(f64::abs).collect();
    sums.sort_by(f64::total_cmp);
    // Rounding must not tell apart choices whose sums are equal.
    let tolerance = 1e-12 * sums.iter().sum::<f64>();
    let is_hit = |is_negative: &dyn Fn(usize) -> bool| {
        let signed = sums.iter().enumerate();
        let signed = signed.map(|(unit, sum)| if is_negative(unit) { -sum } else { *sum });
        signed.sum::<f64>().abs() >= observed - tolerance
    };
    if sums.len() <= MOST_EXACT {
        let choices = 1_u64 << sums.len();
        let hits = (0..choices).filter(|signs| is_hit(&|unit| signs >> unit & 1 == 1)).count();
        return hits as f64 / choices as f64;
    }
    let drawn = (0..DRAWS as u64).into_par_iter().filter(|draw| {
        let stream = Stream::new(seed, &[word_of("signs"), *draw]);
        is_hit(&|unit| stream.bits(unit as u64 / 64) >> (unit % 64) & 1 == 1)
    });
    (drawn.count() + 1) as f64 / (DRAWS + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_units_are_counted_out() {
        let p = |differences: &[f64]| sign_flip_test(&Sample::of_pictures(differences.to_vec()), 0);
        assert_eq!(p(&[]), 1.0);
        assert_eq!(p(&[0.0, 0.0, 0.0]), 1.0);
        assert_eq!(p(&[0.4]), 1.0);
        assert_eq!(p(&[0.1, 0.2, 0.3]), 0.25);
        // Of the eight sums ±1 ±2 ±3, those of 4 and more are four; 0.1 + 0.2 is not 0.3 in binary.
        assert_eq!(p(&[-0.1, 0.2, 0.3]), 0.5);
        assert_eq!(p(&[0.1, 0.2, -0.3]), 1.0);
    }

    #[test]
    fn exact_p_values_are_those_of_scipy() {
        // tests/oracle/statistics_reference.py
        let values = [0.31, -0.12, 0.58, 0.44, 0.07, 0.92, 0.33, -0.25, 0.61, 0.18, 0.5, 0.27];
        let p =
            |shift: f64| sign_flip_test(&Sample::of_pictures(values.map(|value| value - shift)), 0);
        assert_eq!(p(0.0), 30.0 / 4096.0);
        assert_eq!(p(0.2), 944.0 / 4096.0);
    }

    #[test]
    fn drawn_p_values_are_near_the_exact_ones() {
        // Two units of zero change no sum, but make 17 units and more of 15.
        let values = (0..15).map(|unit| f64::from(unit) * 0.1 - 0.45);
        let exact = sign_flip_test(&Sample::of_pictures(values.clone()), 3);
        let drawn = sign_flip_test(&Sample::of_pictures(values.chain([0.0; 2])), 3);
        let error = (exact * (1.0 - exact) / DRAWS as f64).sqrt();
        assert!(exact > 0.01 && exact != drawn);
        assert!((drawn - exact).abs() < 4.0 * error, "{drawn} instead of {exact} ± {error}");
    }

    #[test]
    fn the_least_decidable_count_is_just_that() {
        let p = |count: usize| sign_flip_test(&Sample::of_pictures(vec![1.0; count]), 0);
        assert!(p(LEAST_DECIDABLE) < 0.05 && p(LEAST_DECIDABLE - 1) > 0.05);
    }
}
