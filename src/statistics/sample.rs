//! Values of pictures, grouped into the units that are independent of each other.

use std::collections::BTreeMap;

/// What is independent of the rest: a picture, or all pictures of a folder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    /// The sum of the unit's values.
    pub sum: f64,
    /// How many they are.
    pub count: f64,
}

/// Finite values, one of each picture, in an order that does not depend on how they came.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Ascending.
    values: Vec<f64>,
    units: Vec<Unit>,
}

impl Sample {
    /// A sample in which every picture is independent of the others.
    pub fn of_pictures(values: impl IntoIterator<Item = f64>) -> Sample {
        let numbered = values.into_iter().enumerate();
        Sample::of_folders(numbered)
    }

    /// A sample in which only pictures of different folders are independent. Each value comes with its folder.
    pub fn of_folders<F: Ord>(values: impl IntoIterator<Item = (F, f64)>) -> Sample {
        let mut folders: BTreeMap<F, Vec<f64>> = BTreeMap::new();
        for (folder, value) in values {
            folders.entry(folder).or_default().push(value);
        }
        let mut units: Vec<Unit> = vec![];
        let mut all: Vec<f64> = vec![];
        for mut values in folders.into_values() {
            // The last bit of a sum depends on the order of its terms.
            values.sort_by(f64::total_cmp);
            units.push(Unit { sum: values.iter().sum(), count: values.len() as f64 });
            all.append(&mut values);
        }
        units.sort_by(|a, b| a.sum.total_cmp(&b.sum).then(a.count.total_cmp(&b.count)));
        all.sort_by(f64::total_cmp);
        Sample { values: all, units }
    }

    pub(super) fn units(&self) -> &[Unit] {
        &self.units
    }

    /// How many pictures there are.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// How many independent units there are.
    pub fn unit_count(&self) -> usize {
        self.units.len()
    }

    /// The mean over pictures; `None` without any.
    pub fn mean(&self) -> Option<f64> {
        let sum: f64 = self.units.iter().map(|unit| unit.sum).sum();
        (!self.values.is_empty()).then(|| sum / self.values.len() as f64)
    }

    /// The standard error of the mean; `None` with fewer than two units.
    ///
    /// For independent pictures it is sd/√n, with n − 1 in sd. For folders it is the linearized estimate for means of
    /// clusters, √(G/(G−1) · Σ over folders (Σ (value − mean))²) / n, which is the same where a folder has one picture.
    pub fn standard_error(&self) -> Option<f64> {
        let mean = self.mean()?;
        let units = self.units.len() as f64;
        if self.units.len() < 2 {
            return None;
        }
        let squares = self.units.iter().map(|unit| (unit.sum - mean * unit.count).powi(2));
        let total: f64 = squares.sum();
        Some((total * units / (units - 1.0)).sqrt() / self.values.len() as f64)
    }

    /// The standard deviation that goes with the standard error: standard error · √n.
    pub fn deviation(&self) -> Option<f64> {
        Some(self.standard_error()? * (self.values.len() as f64).sqrt())
    }

    /// The median; of an even number of values the mean of the two in the middle.
    pub fn median(&self) -> Option<f64> {
        let last = self.values.len().checked_sub(1)?;
        Some(0.5 * (self.values[last / 2] + self.values[last.div_ceil(2)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of `tests/oracle/statistics_reference.py`, which printed the expected numbers of this folder.
    const VALUES: [f64; 12] =
        [0.31, -0.12, 0.58, 0.44, 0.07, 0.92, 0.33, -0.25, 0.61, 0.18, 0.5, 0.27];

    fn close(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() <= 1e-12, "{found} instead of {expected}");
    }

    #[test]
    fn moments_are_those_of_numpy() {
        let sample = Sample::of_pictures(VALUES);
        close(sample.mean(), 0.32);
        close(sample.standard_error(), 0.093_816_390_633_594_26);
        close(sample.deviation(), 0.324_989_510_320_228_4);
        close(sample.median(), 0.32);
        close(Sample::of_pictures([3.0, 1.0, 2.5]).median(), 2.5);
    }

    #[test]
    fn small_samples_have_no_error() {
        let none = Sample::of_pictures([]);
        assert_eq!((none.mean(), none.median(), none.standard_error()), (None, None, None));
        let one = Sample::of_pictures([0.25]);
        assert_eq!(
            (one.mean(), one.median(), one.standard_error()),
            (Some(0.25), Some(0.25), None)
        );
        let folder = Sample::of_folders([("a", 0.0), ("a", 1.0)]);
        assert_eq!((folder.count(), folder.unit_count(), folder.standard_error()), (2, 1, None));
    }

    #[test]
    fn a_folder_with_one_picture_is_a_picture() {
        let folders = Sample::of_folders(VALUES.iter().rev().copied().enumerate());
        assert_eq!(folders, Sample::of_pictures(VALUES));
    }

    #[test]
    fn pictures_that_repeat_in_a_folder_say_nothing_new() {
        let twice = VALUES.iter().enumerate().flat_map(|(folder, value)| [(folder, *value); 2]);
        let twice = Sample::of_folders(twice);
        assert_eq!(twice.count(), 24);
        close(twice.standard_error(), 0.093_816_390_633_594_26);
        let apart = Sample::of_pictures(VALUES.iter().flat_map(|value| [*value; 2]));
        assert!(apart.standard_error().unwrap() < 0.07);
    }
}
