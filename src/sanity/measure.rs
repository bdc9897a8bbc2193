//! How similar the map of a random network is to that of the trained one.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::metric::{
    Map, Undefined, cosine, finite, oriented_gradients, pearson, spearman, ssim, undefined,
};

/// A similarity of two maps: 1 for equal ones.
pub struct Measure {
    /// Its name in reports; that of the magnitudes |h| ends in `-magnitude`.
    pub name: &'static str,
    /// The name of the same of |h|.
    pub of_magnitudes: &'static str,
    /// What it compares, in a line.
    pub about: &'static str,
    compare: fn(&Map, &Map) -> Result<f64>,
}

/// The similarities. The first one is the figure.
pub const MEASURES: [Measure; 5] = [
    Measure {
        name: "spearman",
        of_magnitudes: "spearman-magnitude",
        about: "rank correlation of the pixels",
        compare: |a, b| spearman(a.values(), b.values()),
    },
    Measure {
        name: "pearson",
        of_magnitudes: "pearson-magnitude",
        about: "correlation of the pixels",
        compare: |a, b| pearson(a.values(), b.values()),
    },
    Measure {
        name: "ssim",
        of_magnitudes: "ssim-magnitude",
        about: "structural similarity, windows of 7 x 7 pixels, each map in units of its root mean square",
        compare: ssim,
    },
    Measure {
        name: "hog",
        of_magnitudes: "hog-magnitude",
        about: "correlation of the histograms of oriented gradients",
        compare: compare_gradients,
    },
    Measure {
        name: "cosine",
        of_magnitudes: "cosine-magnitude",
        about: "cosine of the angle between the maps",
        compare: |a, b| cosine(a.values(), b.values()),
    },
];

/// The names of all similarities: first of the signed maps, then of the magnitudes.
pub fn measures() -> impl Iterator<Item = &'static str> {
    let signed = MEASURES.iter().map(|measure| measure.name);
    signed.chain(MEASURES.iter().map(|measure| measure.of_magnitudes))
}

fn compare_gradients(a: &Map, b: &Map) -> Result<f64> {
    let (a, b) = (oriented_gradients(a), oriented_gradients(b));
    if a.is_empty() {
        return undefined("the map is smaller than a block of 3 x 3 cells");
    }
    pearson(&a, &b)
}

/// Values by name, `None` where there is none, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Values {
    pub values: BTreeMap<String, Option<f64>>,
    pub undefined: BTreeMap<String, String>,
}

impl Values {
    /// Adds a value.
    ///
    /// # Errors
    /// What is another error than [`Undefined`].
    pub fn add(&mut self, name: &str, value: Result<f64>) -> Result<()> {
        match value.and_then(finite) {
            Ok(value) => {
                self.values.insert(name.to_string(), Some(value));
            }
            Err(error) => {
                let Undefined(reason) = error.downcast()?;
                self.values.insert(name.to_string(), None);
                self.undefined.insert(name.to_string(), reason);
            }
        }
        Ok(())
    }

    /// Says that all similarities are undefined for one reason.
    pub fn add_undefined(&mut self, reason: &str) {
        for name in measures() {
            self.values.insert(name.to_string(), None);
            self.undefined.insert(name.to_string(), reason.to_string());
        }
    }
}

/// All similarities of a map to that of the trained network.
pub(super) fn compare(trained: &Map, now: &Map) -> Result<Values> {
    let mut found = Values::default();
    for (map, which) in [(trained, "the map of the trained network"), (now, "the map")] {
        if !map.is_finite() {
            found.add_undefined(&format!("{which} holds numbers that are NaN or infinite"));
            return Ok(found);
        }
        if map.is_zero() {
            found.add_undefined(&format!("{which} is 0 everywhere"));
            return Ok(found);
        }
    }
    let magnitudes = (trained.magnitudes(), now.magnitudes());
    for measure in &MEASURES {
        found.add(measure.name, (measure.compare)(trained, now))?;
        found.add(measure.of_magnitudes, (measure.compare)(&magnitudes.0, &magnitudes.1))?;
    }
    Ok(found)
}

/// Bins of the histogram whose entropy stands for the complexity of a map.
const BINS: usize = 100;

/// The entropy, in nats, of the histogram of a map's values: 100 bins of equal width from the lowest to the highest value
/// (Hedström et al. 2023). From 0, for a constant map, to ln 100.
pub(super) fn entropy(map: &Map) -> Result<f64> {
    if !map.is_finite() {
        return undefined("the map holds numbers that are NaN or infinite");
    }
    let values = map.values();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low == high {
        return Ok(0.0);
    }
    let mut counts = [0usize; BINS];
    for value in values {
        let bin = (value - low) / (high - low) * BINS as f64;
        counts[(bin as usize).min(BINS - 1)] += 1;
    }
    let shares = counts.iter().map(|&count| count as f64 / values.len() as f64);
    Ok(shares.filter(|&share| share > 0.0).map(|share| -share * libm::log(share)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: impl Iterator<Item = f64>) -> Map {
        Map::new(values.take(28 * 28).collect(), 28, 28).unwrap()
    }

    fn wave(shift: f64) -> Map {
        map((0..).map(move |pixel| (f64::from(pixel) * 0.37 + shift).sin()))
    }

    #[test]
    fn a_map_is_like_itself_and_unlike_its_negative() {
        let same = compare(&wave(0.0), &wave(0.0)).unwrap();
        assert_eq!(same.values.len(), 2 * MEASURES.len());
        assert!(same.undefined.is_empty());
        for (name, value) in &same.values {
            assert!((value.unwrap() - 1.0).abs() < 1e-9, "{name}: {value:?}");
        }
        let negative = compare(&wave(0.0), &wave(0.0).negated()).unwrap().values;
        assert!((negative["spearman"].unwrap() + 1.0).abs() < 1e-9);
        assert!((negative["cosine"].unwrap() + 1.0).abs() < 1e-9);
        assert!((negative["spearman-magnitude"].unwrap() - 1.0).abs() < 1e-9);
        // Directions of gradients have no sign.
        assert!((negative["hog"].unwrap() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_has_no_value_says_why() {
        let zero = compare(&wave(0.0), &map(std::iter::repeat(0.0))).unwrap();
        assert_eq!(zero.undefined["ssim"], "the map is 0 everywhere");
        assert!(zero.values.values().all(Option::is_none));
        let nan = compare(&wave(0.0), &map(std::iter::repeat(f64::NAN))).unwrap();
        assert!(nan.undefined["spearman"].contains("NaN"));
        let constant = compare(&wave(0.0), &map(std::iter::repeat(1.0))).unwrap();
        assert_eq!(constant.values["spearman"], None);
        assert!(constant.values["cosine"].is_some());
    }

    #[test]
    fn entropies_by_hand() {
        let evenly = map((0..).map(|pixel| f64::from(pixel % 100)));
        // 784 pixels: 84 values eight times, 16 seven times.
        let expected = -(84.0 * (8.0 / 784.0f64) * (8.0 / 784.0f64).ln()
            + 16.0 * (7.0 / 784.0f64) * (7.0 / 784.0f64).ln());
        assert!((entropy(&evenly).unwrap() - expected).abs() < 1e-12);
        let halves = map((0..).map(|pixel| f64::from(pixel % 2)));
        assert!((entropy(&halves).unwrap() - 2.0f64.ln()).abs() < 1e-12);
        assert_eq!(entropy(&map(std::iter::repeat(3.0))).unwrap(), 0.0);
        assert!(entropy(&map(std::iter::repeat(f64::INFINITY))).is_err());
    }
}
