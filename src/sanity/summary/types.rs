//! What a summary says.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::sanity::settings::SanitySettings;
use crate::summary::Named;

/// What the lines of a report say together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SanitySummary {
    /// How it was measured.
    pub settings: SanitySettings,
    /// Inputs with at least one step.
    pub pictures: usize,
    /// The methods, controls included, in the order of the settings.
    pub methods: Named<MethodSummary>,
    /// The steps, from the first on; the trained network is not among them.
    pub steps: Vec<StepSummary>,
    /// What a reader must know.
    pub warnings: Vec<String>,
}

/// A mean over inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// Inputs where it is defined.
    pub n: usize,
    /// Their mean; `None` without any.
    pub mean: Option<f64>,
    /// Its standard error; `None` with fewer than two.
    pub standard_error: Option<f64>,
}

/// What was measured of a method.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MethodSummary {
    /// Whether it is a control.
    pub is_control: bool,
    /// Similarities with everything random, by their names; empty for the order `independent`, where that never is.
    pub last: BTreeMap<String, Estimate>,
    /// Similarities as the mean over the steps, the trained network not among them. Of inputs where all steps are defined.
    pub mean: BTreeMap<String, Estimate>,
    /// (H_random - H) / H, H the entropy of the map: how much more complex it gets with everything random (Hedström et al.
    /// 2023, eMPRT).
    pub emprt: Option<Estimate>,
    /// Why similarities are undefined, and for how many inputs and steps.
    pub undefined: BTreeMap<String, usize>,
}

/// What was measured in a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepSummary {
    /// Its number, from 1.
    pub step: usize,
    /// The layers that it randomises, as tables name them.
    pub name: String,
    /// Inputs with this step.
    pub pictures: usize,
    /// The mean probability of the class that is explained.
    pub probability: Estimate,
    /// Share of the inputs whose strongest class is still the one that is explained.
    pub keeps_class: Estimate,
    /// How many different strongest classes the inputs get.
    pub classes: usize,
    /// How the channels contribute that the lowest of these layers reads; `None` where they have no value.
    pub channels: Option<ChannelSummary>,
    /// The similarities of every method by their names.
    pub methods: Named<BTreeMap<String, Estimate>>,
}

/// How channels contribute in the random network, and in the trained one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ChannelSummary {
    /// How many channels there are.
    pub count: usize,
    /// Rank correlation of their contributions in both networks.
    pub rank: Estimate,
    /// Rank correlation of their contributions in the random network with their activation alone.
    pub activation_rank: Estimate,
    /// Share of the most active tenth that is among the most contributing tenth in the random network.
    pub active_tenth: Estimate,
}

impl SanitySummary {
    /// A similarity of a method with everything random.
    pub fn last(&self, method: &str, measure: &str) -> Option<&Estimate> {
        self.methods.get(method)?.last.get(measure)
    }
}
