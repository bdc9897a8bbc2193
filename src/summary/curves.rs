//! The mean over pictures of the curves behind a metric.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::evaluation::{Curves, ReportLine};
use crate::statistics::Sample;

/// A mean over pictures at ascending shares of removed pixels.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Band {
    /// The mean score.
    pub mean: Vec<f64>,
    /// Its standard error; 0 with one picture.
    pub error: Vec<f64>,
}

/// The mean curves of a method in a metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeanCurve {
    /// How many pictures these are.
    pub n: usize,
    /// Shares of removed pixels, ascending; those of the longest curve.
    pub fraction: Vec<f64>,
    /// The most relevant regions removed first; empty where the metric has no such curve.
    pub morf: Band,
    /// The least relevant regions removed first; empty where the metric has no such curve.
    pub lerf: Band,
}

/// Curves by the name of their input.
type Named<'a> = Vec<(&'a str, &'a Curves)>;

/// The mean curves of all metrics that have some, by metric and method. Where shares differ between pictures, curves are read between their
/// points.
pub fn mean_curves(lines: &[ReportLine]) -> BTreeMap<String, BTreeMap<String, MeanCurve>> {
    let mut found: BTreeMap<&str, BTreeMap<&str, Named>> = BTreeMap::new();
    for line in lines {
        for (metric, curves) in &line.curves {
            let methods = found.entry(metric).or_default();
            methods.entry(&line.method).or_default().push((&line.input, curves));
        }
    }
    let of_metric = |methods: BTreeMap<&str, Named>| {
        let means = methods.into_iter().filter_map(|(method, mut curves)| {
            curves.sort_by_key(|(input, _)| *input);
            let curves: Vec<&Curves> = curves.into_iter().map(|(_, curves)| curves).collect();
            Some((method.to_string(), mean_curve(&curves)?))
        });
        means.collect::<BTreeMap<String, MeanCurve>>()
    };
    let named = found.into_iter().map(|(metric, methods)| (metric.to_string(), of_metric(methods)));
    named.filter(|(_, methods)| !methods.is_empty()).collect()
}

fn mean_curve(curves: &[&Curves]) -> Option<MeanCurve> {
    let longest = curves.iter().max_by_key(|curves| curves.fraction.len())?;
    let fraction = longest.fraction.clone();
    let band = |scores: fn(&Curves) -> &[f64]| {
        let drawn = curves.iter().filter(|curves| is_drawable(curves, scores));
        let drawn: Vec<&&Curves> = drawn.collect();
        let at = |share: &f64| {
            Sample::of_pictures(
                drawn.iter().map(|curves| read(&curves.fraction, scores(curves), *share)),
            )
        };
        let samples: Vec<Sample> =
            if drawn.is_empty() { vec![] } else { fraction.iter().map(at).collect() };
        Band {
            mean: samples.iter().filter_map(Sample::mean).collect(),
            error: samples.iter().map(|sample| sample.standard_error().unwrap_or(0.0)).collect(),
        }
    };
    let mean = MeanCurve {
        n: curves.len(),
        morf: band(|curves| &curves.morf),
        lerf: band(|curves| &curves.lerf),
        fraction,
    };
    (!mean.morf.mean.is_empty() || !mean.lerf.mean.is_empty()).then_some(mean)
}

fn is_drawable(curves: &Curves, scores: fn(&Curves) -> &[f64]) -> bool {
    !curves.fraction.is_empty() && scores(curves).len() == curves.fraction.len()
}

/// A curve between its points, and beyond its ends as there.
fn read(fraction: &[f64], scores: &[f64], share: f64) -> f64 {
    let after = fraction.partition_point(|other| *other < share);
    match after {
        0 => scores[0],
        _ if after == fraction.len() => scores[after - 1],
        _ => {
            let (low, high) = (fraction[after - 1], fraction[after]);
            let part = (share - low) / (high - low);
            scores[after - 1] + (scores[after] - scores[after - 1]) * part
        }
    }
}

/// The area under scores over shares, by trapezoids.
pub(super) fn area(fraction: &[f64], scores: &[f64]) -> f64 {
    let steps = fraction.windows(2).zip(scores.windows(2));
    steps.map(|(share, score)| (share[1] - share[0]) * 0.5 * (score[0] + score[1])).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_read_between_their_points() {
        let (fraction, scores) = ([0.0, 0.5, 1.0], [1.0, 0.5, 0.25]);
        let found =
            [-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0].map(|share| read(&fraction, &scores, share));
        assert_eq!(found, [1.0, 1.0, 0.75, 0.5, 0.375, 0.25, 0.25]);
        assert_eq!(area(&fraction, &scores), 0.5 * 0.75 + 0.5 * 0.375);
    }

    #[test]
    fn pictures_with_other_shares_count_in_the_mean() {
        let curves = |fraction: &[f64], morf: &[f64]| Curves {
            fraction: fraction.to_vec(),
            morf: morf.to_vec(),
            ..Curves::default()
        };
        let (long, short) =
            (curves(&[0.0, 0.5, 1.0], &[1.0, 0.0, 0.0]), curves(&[0.0, 1.0], &[0.6, 0.2]));
        let found = mean_curve(&[&long, &short]).unwrap();
        let near = |found: &[f64], expected: [f64; 3]| {
            found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12)
        };
        assert!(near(&found.morf.mean, [0.8, 0.2, 0.1]), "{:?}", found.morf.mean);
        assert!(near(&found.morf.error, [0.2, 0.2, 0.1]), "{:?}", found.morf.error);
        assert_eq!((found.lerf, found.n), (Band::default(), 2));
        assert_eq!(mean_curve(&[&curves(&[], &[])]), None);
    }
}
