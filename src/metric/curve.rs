//! A curve: what the network says while more and more of a picture is removed.

use serde::{Deserialize, Serialize};

use super::removal::area;

/// What the network says while regions of a picture are removed in one order. All lists are of one length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// Share of the pixels that are removed, from 0.
    pub fraction: Vec<f64>,
    /// Share of the regions that are removed, from 0.
    pub regions: Vec<f64>,
    /// The score of the target, the mean over draws.
    pub score: Vec<f64>,
    /// Share of draws in which the strongest class is that of the unchanged picture.
    pub keeps_class: Vec<f64>,
    /// Share of draws in which the strongest class is the target.
    pub is_target: Vec<f64>,
}

impl Curve {
    /// The area under the score, over the share of pixels.
    pub fn area(&self) -> f64 {
        area(&self.fraction, &self.score)
    }

    /// The place of the first point where another class is the strongest one, in more than half of the draws.
    pub fn first_flip(&self) -> Option<usize> {
        self.keeps_class.iter().position(|share| *share < 0.5)
    }
}

/// The score while regions are removed, the most and the least relevant first, as reports have it. An order that the
/// metric does not use is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// Share of the pixels that are removed, ascending from 0 to at most 1.
    pub fraction: Vec<f64>,
    /// The score, most relevant regions removed first.
    pub morf: Vec<f64>,
    /// The score, least relevant regions removed first.
    pub lerf: Vec<f64>,
    /// Share of the pixels of `lerf`, where regions of several sizes make it another one than `fraction`; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lerf_fraction: Vec<f64>,
}

impl Curves {
    /// A curve of one order or of both.
    pub fn new(morf: Option<&Curve>, lerf: Option<&Curve>, of: fn(&Curve) -> &[f64]) -> Curves {
        let values = |curve: Option<&Curve>| curve.map_or(vec![], |curve| rounded(of(curve)));
        let fraction = |curve: &Curve| rounded(&curve.fraction);
        let first = morf.or(lerf).map_or(vec![], fraction);
        let second = lerf.map_or(vec![], fraction);
        let lerf_fraction = if second == first { vec![] } else { second };
        Curves { fraction: first, morf: values(morf), lerf: values(lerf), lerf_fraction }
    }
}

/// Seven digits behind the point: more than the network's own numbers have.
fn rounded(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| (value * 1e7).round() / 1e7).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips_and_fractions() {
        let curve = Curve {
            fraction: vec![0.0, 0.5, 1.0],
            score: vec![1.0, 0.5, 0.0],
            keeps_class: vec![1.0, 0.5, 0.4],
            ..Curve::default()
        };
        assert_eq!((curve.area(), curve.first_flip()), (0.5, Some(2)));
        let other = Curve { fraction: vec![0.0, 0.25, 1.0], ..curve.clone() };
        let both = Curves::new(Some(&curve), Some(&other), |curve| &curve.score);
        assert_eq!((both.fraction.len(), both.lerf_fraction[1]), (3, 0.25));
        let one = Curves::new(None, Some(&other), |curve| &curve.score);
        assert_eq!((one.fraction[1], one.morf.len(), one.lerf_fraction.len()), (0.25, 0, 0));
    }
}
