//! A line of `report.jsonl`: what one variant shows on one input.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::session::Class;

/// What one variant shows on one input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparedLine {
    /// The path of the input.
    pub input: String,
    /// The name of the variant.
    pub variant: String,
    /// The class that is explained.
    pub target: ComparedClass,
    /// The class that the network says.
    pub predicted: ComparedClass,
    /// How much of the relevance lies in each region, by the region's name.
    pub regions: BTreeMap<String, RegionShare>,
    /// Why a region has no share, for each that has none.
    pub undefined: BTreeMap<String, String>,
    /// How alike the map is to that of every other variant, by the variant's name.
    pub similarity: BTreeMap<String, Similarity>,
    /// The hash of the settings, as in `settings.json`.
    pub settings: String,
}

/// A class, and how sure the network is of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparedClass {
    /// Its place in the output.
    pub index: usize,
    /// Its name, where the labels are known.
    pub label: Option<String>,
    /// Its score before the softmax.
    pub logit: f32,
    /// Its probability, 0 to 1.
    pub probability: f32,
}

impl ComparedClass {
    pub(super) fn of(class: &Class) -> ComparedClass {
        let Class { index, label, logit, probability } = class.clone();
        ComparedClass { index, label, logit, probability }
    }

    /// Its name; where the labels are not known its place.
    pub fn name(&self) -> String {
        self.label.clone().unwrap_or_else(|| format!("class {}", self.index))
    }
}

/// How much of the relevance lies in a region.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegionShare {
    /// Σ h⁺ inside / Σ h⁺, 0 to 1: relevance mass accuracy (Arras et al. 2022).
    pub share: f64,
    /// The region's share of the pixels that the network sees, 0 to 1: what `share` would be by chance.
    pub area: f64,
}

/// How alike two maps are; `None` where a map is constant, so that there is nothing to compare.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Similarity {
    /// Σab / √(Σa² Σb²), −1 to 1.
    pub cosine: Option<f64>,
    /// Spearman's rank correlation, −1 to 1.
    pub rank: Option<f64>,
}
