//! Under which conditions a metric is measured: fills, regions, how many draws, ...

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::removal::{Fill, Levels, Regions};

/// What a curve shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Score {
    /// The probability of the target.
    #[default]
    Probability,
    /// Its logit.
    Logit,
}

/// Which other class a map is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherClass {
    /// One that is drawn.
    #[default]
    Random,
    /// The strongest of the others.
    Second,
}

/// The conditions of an evaluation. A metric may fix some of them as its paper does, and a plan may set them for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Conditions {
    /// What removed pixels are replaced by.
    pub fill: Fill,
    /// How the picture is divided.
    pub regions: Regions,
    /// How many regions are removed at every point of a curve.
    pub levels: Levels,
    /// What curves show.
    pub score: Score,
    /// Draws of a fill that is random.
    pub draws: usize,
    /// Random subsets of regions.
    pub subsets: usize,
    /// The noise on inputs, as a share of the range of their values.
    pub radius: f64,
    /// Noisy inputs.
    pub noise_draws: usize,
    /// Pixels that a maximum may lie beside the object.
    pub tolerance: usize,
    /// Which other class a map is compared with.
    pub class: OtherClass,
    /// Whether maps are compared by their magnitudes.
    pub magnitude: bool,
}

impl Default for Conditions {
    fn default() -> Conditions {
        Conditions {
            fill: Fill::default(),
            regions: Regions::default(),
            levels: Levels::default(),
            score: Score::default(),
            draws: 5,
            subsets: 100,
            radius: 0.05,
            noise_draws: 10,
            tolerance: 0,
            class: OtherClass::default(),
            magnitude: false,
        }
    }
}

impl Conditions {
    /// These conditions with some of them replaced.
    ///
    /// # Errors
    /// When there is no such condition, or a value is out of its range.
    pub fn with(&self, changes: &Map<String, Value>) -> Result<Conditions> {
        let mut all = self.object();
        all.extend(changes.clone());
        let changed: Conditions = serde_json::from_value(Value::Object(all))?;
        changed.check()?;
        Ok(changed)
    }

    /// What is out of its range.
    ///
    /// # Errors
    /// Names the condition.
    pub fn check(&self) -> Result<()> {
        let counts =
            [("draws", self.draws), ("subsets", self.subsets), ("noise-draws", self.noise_draws)];
        let zero = counts.iter().find(|(_, count)| *count == 0);
        if let Some((name, _)) = zero {
            anyhow::bail!("{name} must be at least 1");
        }
        let is_radius = self.radius > 0.0 && self.radius.is_finite();
        is_radius
            .then_some(())
            .with_context(|| format!("the radius must be above 0, not {}", self.radius))
    }

    /// Some of the conditions by their names, as reports have them.
    pub fn named(&self, names: &[&str]) -> Map<String, Value> {
        self.object().into_iter().filter(|(name, _)| names.contains(&name.as_str())).collect()
    }

    fn object(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(object)) => object,
            // Numbers and words only: nothing that JSON could not hold.
            _ => Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(changes: Value) -> Result<Conditions> {
        Conditions::default().with(changes.as_object().unwrap())
    }

    #[test]
    fn conditions_are_replaced_by_name_and_checked() {
        let changed = with(json!({ "fill": "blur:3", "noise-draws": 2, "levels": "all" })).unwrap();
        assert_eq!((changed.fill, changed.noise_draws), (Fill::Blur(Some(3.0)), 2));
        assert_eq!(changed.named(&["fill", "levels"]).len(), 2);
        for wrong in [
            json!({ "fil": "blur" }),
            json!({ "fill": "blurr" }),
            json!({ "draws": 0 }),
            json!({ "radius": -1 }),
            json!({ "subsets": "many" }),
        ] {
            assert!(with(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
