//! A line of `report.jsonl`: what was measured of one method on one input.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metric::{Curves, Map, Reading};

/// What was measured of one method on one input.
///
/// All lines of a report with the same `settings` can be compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportLine {
    /// The path of the input.
    pub input: String,
    /// The name of the method, as in [`Settings::methods`](super::Settings).
    pub method: String,
    /// How the map was read.
    pub reading: Reading,
    /// The class that was explained.
    pub target: Target,
    /// The value of every metric, by its name in [`Settings::metrics`](super::Settings); `None` where it is undefined.
    pub metrics: BTreeMap<String, Option<f64>>,
    /// Why a metric is undefined, for each that is.
    pub undefined: BTreeMap<String, String>,
    /// The curves behind the metrics that have some, by the metric's name.
    pub curves: BTreeMap<String, Curves>,
    /// Share of noisy inputs with another top class, 0 to 1; only where metrics of robustness are computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flips: Option<f64>,
    /// The hash of the settings, as in `settings.json`.
    pub settings: String,
    /// Runs of the network for this method; those that all methods share are not counted.
    pub forwards: usize,
    /// How long it took. Not in `report.jsonl`, so that two runs write the same bytes; `--json` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<Seconds>,
}

/// The map that was judged: one number for every pixel of the network's input, as the metrics read it.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedMap {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The numbers, row by row; as the metrics read them, they may be NaN or infinite.
    pub values: Vec<f32>,
}

impl JudgedMap {
    pub(crate) fn of(map: Map) -> JudgedMap {
        let values = map.values().iter().map(|value| *value as f32).collect();
        JudgedMap { width: map.width(), height: map.height(), values }
    }
}

/// The class that was explained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Its place in the output.
    pub index: usize,
    /// Its name, where the labels are known.
    pub label: Option<String>,
    /// Its probability for the unchanged input, 0 to 1.
    pub probability: f64,
}

/// Wall-clock seconds of a method on an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// The explanation that is judged.
    pub explain: f64,
    /// Everything else.
    pub evaluate: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_is_as_specified() {
        let line = json!({
            "input": "cat.jpg", "method": "lrp:efficientnet", "reading": "signed",
            "target": { "index": 281, "label": "tabby", "probability": 0.91 },
            "metrics": { "srg": 0.53, "mass": null }, "undefined": { "mass": "the mask is empty" },
            "curves": { "srg": { "fraction": [], "morf": [], "lerf": [] } },
            "flips": 0.0, "settings": "3f2a", "forwards": 62,
            "seconds": { "explain": 0.05, "evaluate": 0.4 },
        });
        let read: ReportLine = serde_json::from_value(line.clone()).unwrap();
        assert_eq!(read.metrics["mass"], None);
        assert_eq!(serde_json::to_value(&read).unwrap(), line);
        let without = ReportLine { seconds: None, flips: None, ..read };
        let text = serde_json::to_string(&without).unwrap();
        assert!(text.starts_with(r#"{"input":"cat.jpg","method":"#) && !text.contains("seconds"));
        assert_eq!(serde_json::from_str::<ReportLine>(&text).unwrap(), without);
    }
}
