//! A line of `report.jsonl`: an input and the network of a step.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::evaluation::Target;

/// What was measured of one input with the network of one step. All lines of a report with the same `settings` can be
/// compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepLine {
    /// The path of the input.
    pub input: String,
    /// 0 is the trained network; step k of [`SanitySettings::steps`](super::SanitySettings) is the k-th.
    pub step: usize,
    /// The class that is explained in every step: of the trained network's.
    pub target: Target,
    /// What the network of the step says; `None` where it could not be run.
    pub network: Option<NetworkLine>,
    /// How the channels that the randomised layers read contribute; `None` for the trained network, and where they have no
    /// value.
    pub channels: Option<Channels>,
    /// The similarities of every method, by its name in the settings, controls included.
    pub methods: BTreeMap<String, MethodLine>,
    /// The hash of the settings, as in `settings.json`.
    pub settings: String,
}

/// What a network says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkLine {
    /// Its strongest class.
    pub top: usize,
    /// The probability of the class that is explained, 0 to 1.
    pub probability: f64,
}

/// How the channels contribute that the lowest randomised layer of a step reads: Σ|a·∂z/∂a| over the positions of a
/// channel, a its values, z the explained logit. What lies below is as it was trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channels {
    /// How many channels there are.
    pub count: usize,
    /// Rank correlation of the channels' contributions in the random network with those in the trained one, -1 to 1.
    pub rank: f64,
    /// Rank correlation of the contributions in the random network with the activation Σ|a| alone, which does not know of
    /// any layer above, -1 to 1.
    pub activation_rank: f64,
    /// Share of the most active tenth of the channels that is among the most contributing tenth in the random network, 0
    /// to 1; a tenth by chance.
    pub active_tenth: f64,
}

/// What was measured of a method.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MethodLine {
    /// The similarity to the map of the trained network by every measure; `smprt` and `smprt-magnitude`, the same of maps
    /// averaged over noisy inputs, where they were asked for; and the `entropy` of the map. `None` where undefined.
    pub values: BTreeMap<String, Option<f64>>,
    /// Why a value is undefined, for each that is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub undefined: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_is_as_documented() {
        let line = json!({
            "input": "cat.jpg", "step": 1, "target": { "index": 281, "label": "tabby", "probability": 0.91 },
            "network": { "top": 3, "probability": 0.01 },
            "channels": { "count": 1280, "rank": 0.96, "activation_rank": 0.98, "active_tenth": 0.71 },
            "methods": { "gradient": { "values": { "spearman": 0.1, "ssim": null }, "undefined": { "ssim": "too small" } } },
            "settings": "3f2a",
        });
        let read: StepLine = serde_json::from_value(line.clone()).unwrap();
        assert_eq!(read.methods["gradient"].values["ssim"], None);
        assert_eq!(serde_json::to_value(&read).unwrap(), line);
        assert!(
            serde_json::to_string(&read).unwrap().starts_with(r#"{"input":"cat.jpg","step":1,"#)
        );
    }
}
