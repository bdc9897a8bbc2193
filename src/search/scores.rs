//! What contestants scored, picture by picture, so that larger is better.

use std::collections::BTreeMap;

use crate::metric::{Direction, find};
use crate::statistics::Sample;

/// The values of the contestants: for each a row of pictures, for each picture the values of the metrics.
#[derive(Clone, Debug, Default)]
pub(super) struct Scores {
    rows: BTreeMap<usize, Vec<BTreeMap<String, Option<f64>>>>,
}

/// A mean over pictures with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub count: usize,
    pub mean: f64,
    pub error: f64,
}

impl Estimate {
    /// `None` without a picture. The error of one picture is not known, and taken to be infinite.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Estimate> {
        let sample = Sample::of_pictures(values);
        let error = sample.standard_error().unwrap_or(f64::INFINITY);
        Some(Estimate { count: sample.count(), mean: sample.mean()?, error })
    }

    /// Whether the mean is above 0 by more than two standard errors.
    pub fn is_above_zero(&self) -> bool {
        self.mean > 0.0 && self.mean > 2.0 * self.error
    }
}

impl Scores {
    /// The values of a contestant on a further picture.
    pub fn add(&mut self, contestant: usize, values: BTreeMap<String, Option<f64>>) {
        self.rows.entry(contestant).or_default().push(values);
    }

    /// How many pictures a contestant was measured on.
    pub fn pictures(&self, contestant: usize) -> usize {
        self.rows.get(&contestant).map_or(0, Vec::len)
    }

    /// The values of a metric, as they are.
    pub fn values(&self, contestant: usize, metric: &str) -> impl Iterator<Item = Option<f64>> {
        let rows = self.rows.get(&contestant).into_iter().flatten();
        rows.map(move |values| values.get(metric).copied().flatten())
    }

    /// The mean of a metric over the pictures where it is defined.
    pub fn estimate(&self, contestant: usize, metric: &str) -> Option<Estimate> {
        Estimate::of(self.values(contestant, metric).flatten())
    }

    /// The same, turned so that larger is better.
    pub fn goodness(&self, contestant: usize, metric: &str) -> Option<f64> {
        Some(sign(metric) * self.estimate(contestant, metric)?.mean)
    }

    /// How much better one contestant is than another, picture by picture, where both have a value.
    pub fn lead(&self, one: usize, other: usize, metric: &str) -> Vec<f64> {
        let pairs = self.values(one, metric).zip(self.values(other, metric));
        pairs.filter_map(|(one, other)| Some(sign(metric) * (one? - other?))).collect()
    }
}

/// 1 where higher is better, else −1.
pub(super) fn sign(metric: &str) -> f64 {
    match find(metric).map(|info| info.direction) {
        Some(Direction::Lower) => -1.0,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(rows: &[&[Option<f64>]], metric: &str) -> Scores {
        let mut scores = Scores::default();
        for (contestant, row) in rows.iter().enumerate() {
            for value in *row {
                scores.add(contestant, BTreeMap::from([(metric.to_string(), *value)]));
            }
        }
        scores
    }

    #[test]
    fn leads_are_paired_and_turned_where_lower_is_better() {
        let rows: [&[Option<f64>]; 2] =
            [&[Some(1.0), None, Some(3.0)], &[Some(0.5), Some(9.0), Some(2.0)]];
        assert_eq!(scores(&rows, "srg").lead(0, 1, "srg"), [0.5, 1.0]);
        let turned = scores(&rows, "complexity");
        assert_eq!(turned.lead(0, 1, "complexity"), [-0.5, -1.0]);
        assert_eq!(turned.goodness(0, "complexity"), Some(-2.0));
        assert_eq!(turned.estimate(0, "complexity").unwrap().count, 2);
        assert_eq!(turned.pictures(0), 3);
        assert!(turned.estimate(7, "complexity").is_none());
    }

    #[test]
    fn one_picture_decides_nothing() {
        assert!(!Estimate::of([5.0]).unwrap().is_above_zero());
        assert!(Estimate::of([5.0, 5.0]).unwrap().is_above_zero());
        assert!(!Estimate::of([5.0, -4.0]).unwrap().is_above_zero());
    }
}
