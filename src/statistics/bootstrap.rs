//! Intervals by the percentile bootstrap (Efron and Tibshirani 1993, chapter 13).

use rayon::prelude::*;

use crate::random::{Stream, word_of};

use super::sample::Sample;

/// With fewer units than this, resamples are too much alike for an interval.
pub const LEAST_UNITS: usize = 10;

/// How intervals are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// How many resamples are drawn.
    pub resamples: usize,
    /// The share of resamples whose mean lies inside the interval, between 0 and 1.
    pub confidence: f64,
    /// Of the streams.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Bootstrap {
        Bootstrap { resamples: 10_000, confidence: 0.95, seed: 0 }
    }
}

impl Bootstrap {
    /// The interval of the mean; `None` with fewer than [`LEAST_UNITS`] units.
    pub fn interval(&self, sample: &Sample) -> Option<[f64; 2]> {
        if sample.unit_count() < LEAST_UNITS || self.resamples == 0 {
            return None;
        }
        let mut means: Vec<f64> = (0..self.resamples)
            .into_par_iter()
            .map(|number| self.resampled(sample, number))
            .collect();
        means.sort_by(f64::total_cmp);
        let outside = (1.0 - self.confidence) / 2.0;
        Some([outside, 1.0 - outside].map(|share| quantile(&means, share)))
    }

    /// The mean of a resample: as many units as there are, drawn with replacement.
    fn resampled(&self, sample: &Sample, number: usize) -> f64 {
        let units = sample.units();
        let stream = Stream::new(self.seed, &[word_of("bootstrap"), number as u64]);
        let (mut sum, mut count) = (0.0, 0.0);
        for draw in 0..units.len() {
            let unit = units[stream.below(draw as u64, units.len())];
            sum += unit.sum;
            count += unit.count;
        }
        sum / count
    }
}

/// The quantile of ascending values, linear between two of them, as numpy's default.
fn quantile(ascending: &[f64], share: f64) -> f64 {
    let place = share * (ascending.len() - 1) as f64;
    let low = ascending[place.floor() as usize];
    let high = ascending[place.ceil() as usize];
    low + (high - low) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: [f64; 12] =
        [0.31, -0.12, 0.58, 0.44, 0.07, 0.92, 0.33, -0.25, 0.61, 0.18, 0.5, 0.27];

    #[test]
    fn quantiles_are_those_of_numpy() {
        let values = [1.0, 2.0, 4.0, 8.0];
        let found = [0.0, 0.5, 0.75, 1.0].map(|share| quantile(&values, share));
        assert_eq!(found, [1.0, 3.0, 5.0, 8.0]);
    }

    #[test]
    fn intervals_are_those_of_numpy() {
        // tests/oracle/statistics_reference.py, with the same streams of random numbers.
        let [low, high] = Bootstrap::default().interval(&Sample::of_pictures(VALUES)).unwrap();
        assert!((low - 0.146_666_666_666_666_7).abs() < 1e-12, "{low}");
        assert!((high - 0.495_833_333_333_333_35).abs() < 1e-12, "{high}");
    }

    #[test]
    fn few_units_have_no_interval() {
        let bootstrap = Bootstrap { resamples: 100, ..Bootstrap::default() };
        let of = |count: usize| bootstrap.interval(&Sample::of_pictures(vec![0.5; count]));
        assert_eq!((of(LEAST_UNITS - 1), of(LEAST_UNITS)), (None, Some([0.5, 0.5])));
        let folders = Sample::of_folders((0..40).map(|picture| (picture % 9, 0.5)));
        assert_eq!(bootstrap.interval(&folders), None);
    }

    #[test]
    fn confidence_widens_the_interval() {
        let of = |confidence: f64| {
            let bootstrap = Bootstrap { confidence, ..Bootstrap::default() };
            let [low, high] = bootstrap.interval(&Sample::of_pictures(VALUES)).unwrap();
            high - low
        };
        // Of a normal distribution: 2 · 1.645 and 2 · 1.96 standard errors, here without n − 1.
        let error = 0.093_816 * (11.0_f64 / 12.0).sqrt();
        assert!((of(0.9) / (2.0 * 1.645 * error) - 1.0).abs() < 0.05, "{}", of(0.9));
        assert!((of(0.95) / (2.0 * 1.96 * error) - 1.0).abs() < 0.05, "{}", of(0.95));
    }
}
