//! Render, step 2: map signed relevance to a position 0..=1 on a colour map.

use std::fmt;
use std::str::FromStr;

use anyhow::anyhow;

use crate::error::{Error, Result};

/// How relevance is mapped to 0..=1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Normalization {
    /// R / max|R|, so that -max|R| is 0, zero is 0.5 and max|R| is 1.
    #[default]
    Symmetric,
    /// |R| / max|R|, so that zero is 0.
    Absolute,
    /// The smallest relevance is 0, the largest 1; zero relevance has no fixed position.
    Unaligned,
}

impl Normalization {
    /// Every normalization, in the order `--help` lists them.
    pub const ALL: [Self; 3] = [Self::Symmetric, Self::Absolute, Self::Unaligned];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Symmetric => "symmetric",
            Self::Absolute => "absolute",
            Self::Unaligned => "unaligned",
        }
    }

    /// How strong the relevance of a pixel at `position` is, 0..=1: the distance from the middle for
    /// [`Normalization::Symmetric`], the position itself otherwise.
    pub fn strength(self, position: f32) -> f32 {
        match self {
            Self::Symmetric => (2.0 * position - 1.0).abs(),
            Self::Absolute | Self::Unaligned => position,
        }
    }

    /// The position whose strength is zero.
    pub fn neutral(self) -> f32 {
        match self {
            Self::Symmetric => 0.5,
            Self::Absolute | Self::Unaligned => 0.0,
        }
    }
}

impl fmt::Display for Normalization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Normalization {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|known| known.name() == name) {
            Some(normalization) => Ok(normalization),
            None => {
                let names = Self::ALL.map(Self::name).join(", ");
                let error = anyhow!("no normalization is called `{name}`; there are {names}");
                Err(Error::of(Error::Rendering, error))
            }
        }
    }
}

/// A mapping from relevance to positions 0..=1, fitted to the values of one heatmap.
///
/// `position = pivot + gain * (R - offset)`, with |R| for R under [`Normalization::Absolute`].
/// In f64, so that neither subnormal nor huge relevance overflows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    normalization: Normalization,
    offset: f64,
    gain: f64,
    pivot: f64,
}

impl Scale {
    /// Fits a scale to the finite ones of `values`.
    ///
    /// `level` multiplies the distance from the pivot (0.5; 0 for [`Normalization::Absolute`])
    /// before it is clipped: 1 shows the whole range, 2 saturates at half the maximum.
    /// If all values are zero ([`Normalization::Unaligned`]: equal), all of them get the pivot.
    pub fn fit(values: &[f32], normalization: Normalization, level: f32) -> Self {
        let finite = values.iter().copied().filter(|value| value.is_finite());
        if normalization != Normalization::Unaligned {
            let largest = finite.fold(0.0_f32, |largest, value| largest.max(value.abs()));
            return Self::with_maximum(f64::from(largest), normalization, level);
        }
        let range = finite.map(f64::from).fold(None, |range, value| {
            let (low, high) = range.unwrap_or((value, value));
            Some((value.min(low), value.max(high)))
        });
        let (low, high) = range.unwrap_or((0.0, 0.0));
        Self {
            normalization,
            offset: (low + high) / 2.0,
            gain: gain(level, high - low),
            pivot: 0.5,
        }
    }

    /// Fits a scale that saturates at the `quantile` of |R|, so that a few outliers do not use up the whole range. It never
    /// saturates below a tenth of max|R|: otherwise, noise would get strong colours where relevance is sparse.
    ///
    /// [`Normalization::Unaligned`] keeps its whole range, as in [`Scale::fit`].
    pub fn fit_to_quantile(
        values: &[f32],
        quantile: f64,
        normalization: Normalization,
        level: f32,
    ) -> Self {
        const HIGHEST_GAIN: f64 = 10.0;

        let mut magnitudes: Vec<f32> = values.iter().map(|value| value.abs()).collect();
        magnitudes.retain(|magnitude| magnitude.is_finite());
        if normalization == Normalization::Unaligned || magnitudes.is_empty() {
            return Self::fit(values, normalization, level);
        }
        let index = (quantile.clamp(0.0, 1.0) * (magnitudes.len() - 1) as f64).round() as usize;
        let (_, &mut chosen, above) = magnitudes.select_nth_unstable_by(index, f32::total_cmp);
        let largest = above.iter().copied().fold(chosen, f32::max);
        let maximum = f64::from(chosen).max(f64::from(largest) / HIGHEST_GAIN);
        Self::with_maximum(maximum, normalization, level)
    }

    fn with_maximum(maximum: f64, normalization: Normalization, level: f32) -> Self {
        let (range, pivot) = match normalization {
            Normalization::Absolute => (maximum, 0.0),
            Normalization::Symmetric | Normalization::Unaligned => (2.0 * maximum, 0.5),
        };
        Self { normalization, offset: 0.0, gain: gain(level, range), pivot }
    }

    /// The relevance at the positions 0 and 1. Both are the same where all values are.
    pub fn ends(&self) -> [f64; 2] {
        let at = |position: f64| match self.gain > 0.0 {
            true => self.offset + (position - self.pivot) / self.gain,
            false => self.offset,
        };
        [at(0.0), at(1.0)]
    }

    /// The narrowest scale on which two heatmaps can be compared.
    pub fn union(&self, other: &Scale) -> Scale {
        let ([low, high], [other_low, other_high]) = (self.ends(), other.ends());
        let (low, high) = (low.min(other_low), high.max(other_high));
        let Scale { normalization, pivot, .. } = *self;
        let offset = low + pivot * (high - low);
        Scale { normalization, offset, gain: gain(1.0, high - low), pivot }
    }

    /// The position of a relevance, 0..=1; NaN gets the pivot.
    pub fn position(&self, relevance: f32) -> f32 {
        let value = match self.normalization {
            Normalization::Absolute => relevance.abs(),
            Normalization::Symmetric | Normalization::Unaligned => relevance,
        };
        let position = self.pivot + self.gain * (f64::from(value) - self.offset);
        if position.is_nan() {
            return self.pivot as f32;
        }
        position.clamp(0.0, 1.0) as f32
    }
}

/// The gain; zero if the range is empty, so that every value gets the pivot.
fn gain(level: f32, range: f64) -> f64 {
    if range > 0.0 { f64::from(level) / range } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(values: &[f32], normalization: Normalization, level: f32) -> Vec<f32> {
        let scale = Scale::fit(values, normalization, level);
        values.iter().map(|&value| scale.position(value)).collect()
    }

    #[test]
    fn each_normalization_puts_zero_and_the_extremes_where_it_says() {
        let values = [-1.0, 0.0, 1.0, 4.0];
        let at = |normalization| positions(&values, normalization, 1.0);
        assert_eq!(at(Normalization::Symmetric), [0.375, 0.5, 0.625, 1.0]);
        assert_eq!(at(Normalization::Absolute), [0.25, 0.0, 0.25, 1.0]);
        assert_eq!(at(Normalization::Unaligned), [0.0, 0.2, 0.4, 1.0]);
    }

    #[test]
    fn level_steepens_around_the_pivot_and_clips() {
        let values = [-4.0, -1.0, 0.0, 1.0, 4.0];
        let at = |normalization, level| positions(&values, normalization, level);
        assert_eq!(at(Normalization::Symmetric, 2.0), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(at(Normalization::Symmetric, 0.5), [0.25, 0.4375, 0.5, 0.5625, 0.75]);
        assert_eq!(at(Normalization::Absolute, 2.0), [1.0, 0.5, 0.0, 0.5, 1.0]);
        assert_eq!(at(Normalization::Unaligned, 2.0), [0.0, 0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn a_scale_knows_its_ends_and_contains_others() {
        let ends = |values: &[f32], normalization| Scale::fit(values, normalization, 1.0).ends();
        assert_eq!(ends(&[-1.0, 4.0], Normalization::Symmetric), [-4.0, 4.0]);
        assert_eq!(ends(&[-1.0, 4.0], Normalization::Absolute), [0.0, 4.0]);
        assert_eq!(ends(&[-1.0, 4.0], Normalization::Unaligned), [-1.0, 4.0]);
        assert_eq!(ends(&[0.0], Normalization::Symmetric), [0.0, 0.0]);
        for normalization in Normalization::ALL {
            let [a, b] =
                [[-1.0, 4.0], [-9.0, 2.0]].map(|values| Scale::fit(&values, normalization, 1.0));
            let all = Scale::fit(&[-1.0, 4.0, -9.0, 2.0], normalization, 1.0);
            assert_eq!(a.union(&b), all, "{normalization}");
            assert_eq!(a.union(&a), a, "{normalization}");
            let nothing = Scale::fit(&[0.0], normalization, 1.0);
            assert_eq!(nothing.union(&a).ends()[1], a.ends()[1], "{normalization}");
        }
    }

    #[test]
    fn relevance_without_a_range_gets_the_pivot() {
        assert_eq!(positions(&[0.0; 2], Normalization::Symmetric, 1.0), [0.5; 2]);
        assert_eq!(positions(&[0.0; 2], Normalization::Absolute, 1.0), [0.0; 2]);
        assert_eq!(positions(&[3.0; 2], Normalization::Unaligned, 1.0), [0.5; 2]);
        let nothing = Scale::fit(&[], Normalization::Unaligned, 1.0);
        assert_eq!(nothing.position(7.0), 0.5);
    }

    #[test]
    fn values_that_are_not_finite_do_not_spoil_the_scale() {
        let values = [f32::NAN, f32::INFINITY, -2.0, 1.0, f32::NEG_INFINITY];
        assert_eq!(positions(&values, Normalization::Symmetric, 1.0), [0.5, 1.0, 0.0, 0.75, 0.0]);
        let scale = Scale::fit_to_quantile(&values, 1.0, Normalization::Absolute, 1.0);
        assert_eq!(scale.position(1.0), 0.5);
    }

    #[test]
    fn the_smallest_and_largest_floats_do_not_overflow() {
        let tiny = f32::from_bits(1);
        for normalization in Normalization::ALL {
            assert_eq!(positions(&[-tiny, tiny], normalization, 1.0)[1], 1.0);
            assert_eq!(positions(&[f32::MIN, f32::MAX], normalization, 1.0)[1], 1.0);
        }
        assert_eq!(
            positions(&[f32::MIN, 0.0, f32::MAX], Normalization::Symmetric, 1.0),
            [0.0, 0.5, 1.0]
        );
    }

    #[test]
    fn strength_grows_from_the_neutral_position() {
        for normalization in Normalization::ALL {
            assert_eq!(normalization.strength(normalization.neutral()), 0.0);
            assert_eq!(normalization.strength(1.0), 1.0);
        }
        assert_eq!(Normalization::Symmetric.strength(0.25), 0.5);
        assert_eq!(Normalization::Absolute.strength(0.25), 0.25);
    }

    #[test]
    fn a_quantile_keeps_outliers_from_taking_the_range() {
        let mut values: Vec<f32> = (0..=100).map(|value| value as f32).collect();
        values[100] = 300.0;
        let scale = Scale::fit_to_quantile(&values, 0.8, Normalization::Absolute, 1.0);
        assert_eq!(scale.position(40.0), 0.5);
        assert_eq!(scale.position(300.0), 1.0);
        let whole = Scale::fit_to_quantile(&values, 1.0, Normalization::Absolute, 1.0);
        assert_eq!(whole, Scale::fit(&values, Normalization::Absolute, 1.0));
    }

    #[test]
    fn sparse_relevance_is_raised_at_most_tenfold() {
        let mut values = vec![1e-6_f32; 1000];
        values[7] = -1.0;
        let scale = Scale::fit_to_quantile(&values, 0.9, Normalization::Symmetric, 1.0);
        assert!((scale.position(0.05) - 0.75).abs() < 1e-6);
        assert!((scale.position(1e-6) - 0.5).abs() < 1e-5);
        let zero = Scale::fit_to_quantile(&[0.0; 9], 0.9, Normalization::Symmetric, 1.0);
        assert_eq!(zero.position(0.0), 0.5);
    }

    #[test]
    fn names_parse_and_a_wrong_one_lists_them() {
        for normalization in Normalization::ALL {
            let parsed: Normalization = normalization.to_string().parse().unwrap();
            assert_eq!(parsed, normalization);
        }
        let error = "minmax".parse::<Normalization>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "no normalization is called `minmax`; there are symmetric, absolute, unaligned"
        );
    }
}
