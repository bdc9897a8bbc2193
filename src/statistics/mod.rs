//! Statistics of numbers that were measured on the same pictures: means with intervals, paired differences with tests,
//! ranks. Plain numbers only.
//!
//! ```text
//! values per picture ─▶ Sample ─▶ mean, standard error, median, bootstrap interval
//! values of two methods on the same pictures ─ subtract ─▶ Sample ─▶ sign-flip test ─ holm ─▶ Comparison
//! changes of the same pictures ─▶ SignedRank, McNemar's test, Wilson's intervals ─ holm ─▶ what `probe` says
//! means of several methods in several metrics ─▶ ranks, Pareto front
//! ```
//!
//! Nothing depends on the order in which values come: a [`Sample`] sorts them.

mod bootstrap;
mod comparison;
mod counts;
mod holm;
mod pareto;
mod ranks;
mod sample;
mod sign_flip;
mod wilcoxon;

pub use bootstrap::{Bootstrap, LEAST_UNITS};
pub use comparison::{Comparison, pictures_needed};
pub use counts::{mcnemar, wilson};
pub use holm::holm;
pub use pareto::pareto_front;
pub use ranks::ranks;
pub use sample::Sample;
pub use sign_flip::{LEAST_DECIDABLE, sign_flip_test};
pub use wilcoxon::SignedRank;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values, most of them on a grid, so that some are equal; and numbers to shuffle them by.
    fn shuffled(counts: std::ops::Range<usize>) -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        let value =
            prop_oneof![(-20_i32..20).prop_map(|value| f64::from(value) * 0.1), -3.0_f64..3.0];
        let keyed = proptest::collection::vec((value, any::<u64>()), counts);
        keyed.prop_map(|mut keyed| {
            let values = keyed.iter().map(|(value, _)| *value).collect();
            keyed.sort_by_key(|(_, key)| *key);
            (values, keyed.into_iter().map(|(value, _)| value).collect())
        })
    }

    /// The sign-flip test by its definition, one choice after the other by recursion.
    fn enumerated(differences: &[f64]) -> f64 {
        fn sums(rest: &[f64], sum: f64, found: &mut Vec<f64>) {
            match rest {
                [] => found.push(sum),
                [first, rest @ ..] => {
                    [*first, -first].iter().for_each(|term| sums(rest, sum + term, found))
                }
            }
        }
        let mut found = vec![];
        sums(differences, 0.0, &mut found);
        let observed = found[0].abs() - 1e-9;
        found.iter().filter(|sum| sum.abs() >= observed).count() as f64 / found.len() as f64
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn order_changes_nothing((values, moved) in shuffled(1..40)) {
            let bootstrap = Bootstrap { resamples: 200, ..Bootstrap::default() };
            let of = |values: &[f64]| Comparison::of(&Sample::of_pictures(values.to_vec()), &bootstrap);
            prop_assert_eq!(of(&values), of(&moved));
        }

        #[test]
        fn the_exact_test_counts_all_choices((values, _) in shuffled(1..12)) {
            let found = sign_flip_test(&Sample::of_pictures(values.clone()), 0);
            prop_assert_eq!(found, enumerated(&values));
        }

        #[test]
        fn turning_all_differences_turns_the_mean_only((values, _) in shuffled(1..30)) {
            let p = |values: Vec<f64>| sign_flip_test(&Sample::of_pictures(values), 7);
            prop_assert_eq!(p(values.clone()), p(values.iter().map(|value| -value).collect()));
        }

        #[test]
        fn holm_keeps_the_order_and_only_raises(p_values in proptest::collection::vec(0.0..1.0_f64, 0..12)) {
            let adjusted = holm(&p_values);
            for (a, p) in p_values.iter().enumerate() {
                prop_assert!(adjusted[a] >= *p && adjusted[a] <= 1.0);
                for (b, q) in p_values.iter().enumerate() {
                    prop_assert!(p > q || adjusted[a] <= adjusted[b]);
                }
            }
        }
    }
}
