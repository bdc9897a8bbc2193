//! The settings of an evaluation, as `settings.json` has them beside the report.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::metric::{Direction, Reading};

/// The settings of an evaluation. Reports are comparable where the hash is the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// A hash of everything below, as hexadecimal digits.
    pub hash: String,
    /// The version of onnxplain.
    pub version: String,
    /// The path of the model.
    pub model: String,
    /// The number of classes.
    pub classes: usize,
    /// The seed of all random numbers.
    pub seed: u64,
    /// What removed pixels are filled with, unless a metric says otherwise.
    pub fill: FillChoice,
    /// The methods, controls included, in the order of the tables.
    pub methods: Vec<MethodSettings>,
    /// The metrics in the order of the tables.
    pub metrics: Vec<MetricSettings>,
    /// Everything else that changes numbers: regions, levels, target, masks, preprocessing, ...
    pub others: Map<String, Value>,
}

/// What removed pixels are filled with, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FillChoice {
    /// What was asked for: `auto`, or a fill.
    pub asked: String,
    /// The fill that is used.
    pub name: String,
    /// For `auto`: the leak of `blur`, mean probability of the target with everything removed minus 1 / classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leak: Option<f64>,
}

/// A method of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodSettings {
    /// Its name in the report.
    pub name: String,
    /// The attribution method; `maps` for maps made elsewhere, `control` for a control.
    pub method: String,
    /// The composite that it uses, where it takes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub composite: Option<String>,
    /// Its parameters; for maps made elsewhere their folder.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub parameters: Value,
    /// How its maps are read.
    pub reading: Reading,
    /// Whether it is a control: `random`, `edges` or `centre`.
    pub is_control: bool,
}

/// A metric of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricSettings {
    /// Its name in the report.
    pub name: String,
    /// Its name in the table of metrics.
    pub metric: String,
    /// Which values are better.
    pub direction: Direction,
    /// Its settings, where they are not those of the evaluation.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
}
