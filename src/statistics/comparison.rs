//! Two methods on the same pictures.

use super::bootstrap::Bootstrap;
use super::sample::Sample;
use super::sign_flip::sign_flip_test;

/// The paired differences of two methods: value of the one minus value of the other, picture by picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Pictures on which both are defined.
    pub count: usize,
    /// The mean difference.
    pub mean: f64,
    /// Of the mean difference; `None` with one unit.
    pub standard_error: Option<f64>,
    /// Of the mean difference; `None` with too few units.
    pub interval: Option<[f64; 2]>,
    /// Of the sign-flip test, not adjusted for other tests.
    pub p: f64,
    /// How many pictures would show a difference as large as this: see [`pictures_needed`].
    pub pictures_needed: Option<u64>,
}

impl Comparison {
    /// Compares; `None` without a picture.
    pub fn of(differences: &Sample, bootstrap: &Bootstrap) -> Option<Comparison> {
        let mean = differences.mean()?;
        Some(Comparison {
            count: differences.count(),
            mean,
            standard_error: differences.standard_error(),
            interval: bootstrap.interval(differences),
            p: sign_flip_test(differences, bootstrap.seed),
            pictures_needed: differences.deviation().and_then(|sd| pictures_needed(mean, sd)),
        })
    }
}

/// How many pictures show a mean difference with a probability of 80 %, in a test at 5 %: (2.8 · deviation / mean)², where
/// 2.8 = 1.96 + 0.84. At least two; `None` where the mean is zero.
pub fn pictures_needed(mean: f64, deviation: f64) -> Option<u64> {
    let needed = (2.8 * deviation / mean).powi(2).ceil();
    // Beyond this a float counts no pictures any more.
    (needed < 9e15).then_some(needed.max(2.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_that_are_needed() {
        assert_eq!(pictures_needed(0.1, 0.5), Some(196));
        assert_eq!(pictures_needed(-0.1, 0.5), Some(196));
        assert_eq!(pictures_needed(0.5, 0.0), Some(2));
        assert_eq!(pictures_needed(0.0, 0.5), None);
        assert_eq!(pictures_needed(0.0, 0.0), None);
    }

    #[test]
    fn one_picture_gives_a_mean_and_no_more() {
        let found = Comparison::of(&Sample::of_pictures([0.5]), &Bootstrap::default()).unwrap();
        assert_eq!((found.count, found.mean, found.p), (1, 0.5, 1.0));
        assert_eq!(
            (found.standard_error, found.interval, found.pictures_needed),
            (None, None, None)
        );
        assert_eq!(Comparison::of(&Sample::of_pictures([]), &Bootstrap::default()), None);
    }
}
