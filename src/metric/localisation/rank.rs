//! Relevance rank accuracy (Arras, Osman, Samek 2022): the share of the object among the pixels of the highest relevance, as many as
//! the object has. Of pixels with the value at the edge, their share counts. From 0 to 1; higher is better, and chance is the
//! object's share of the picture.

use anyhow::Result;

use super::truth::object;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;

/// Share of the object among the most relevant pixels, as many as it has.
pub struct Rank;

impl Metric for Rank {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "rank",
            category: Category::Localisation,
            direction: Direction::Higher,
            is_default: true,
            paper: "Arras et al. 2022",
            about: "share of the object among as many pixels of the highest relevance",
        }
    }

    fn measure(&self, subject: &Subject, _conditions: &Conditions) -> Result<f64> {
        let object = object(subject)?;
        Ok(share_of_highest(subject.map().values(), object.inside(), object.area()))
    }
}

/// The share of `inside` among the `count` highest values; values equal to the lowest of these count by their share.
fn share_of_highest(values: &[f64], inside: &[bool], count: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let edge = sorted[count - 1];
    let pixels = || values.iter().zip(inside);
    let above = pixels().filter(|(value, _)| **value > edge).count();
    let above_inside = pixels().filter(|(value, inside)| **value > edge && **inside).count();
    let at_edge = pixels().filter(|(value, _)| **value == edge).count();
    let at_edge_inside = pixels().filter(|(value, inside)| **value == edge && **inside).count();
    let taken = (count - above) as f64 * at_edge_inside as f64 / at_edge as f64;
    (above_inside as f64 + taken) / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_at_the_edge_count_by_their_share() {
        let inside = [true, true, false, false];
        assert_eq!(share_of_highest(&[4.0, 3.0, 2.0, 1.0], &inside, 2), 1.0);
        assert_eq!(share_of_highest(&[1.0, 3.0, 2.0, 4.0], &inside, 2), 0.5);
        // One of the three twos is taken; a third of them is inside.
        let value = share_of_highest(&[4.0, 2.0, 2.0, 2.0], &inside, 2);
        assert!((value - (1.0 + 1.0 / 3.0) / 2.0).abs() < 1e-12);
        assert_eq!(share_of_highest(&[0.0, -0.0, 0.0, 0.0], &inside, 2), 0.5);
    }
}
