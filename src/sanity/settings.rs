//! The settings of a test, as `settings.json` has them beside the report.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::init::Initialisation;
use super::order::Order;
use crate::random::word_of;

/// The settings of a test. Reports are comparable where the hash is the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SanitySettings {
    /// A hash of everything below, as hexadecimal digits.
    pub hash: String,
    /// The version of onnxplain.
    pub version: String,
    /// The path of the model.
    pub model: String,
    /// The seed of all random numbers.
    pub seed: u64,
    /// In which order layers are randomised.
    pub order: Order,
    /// What numbers they get.
    pub initialisation: Initialisation,
    /// The methods, controls included, in the order of the tables.
    pub methods: Vec<TestedSettings>,
    /// The steps.
    pub steps: Vec<StepSettings>,
    /// Noisy inputs that maps are averaged over for smprt; `None` where that was not asked for.
    pub smooth: Option<usize>,
    /// Everything else that changes numbers: target, preprocessing, the inputs that `keep-scale` is measured on, ...
    pub others: Map<String, Value>,
}

/// A method of a test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestedSettings {
    /// Its name in the report.
    pub name: String,
    /// The attribution method; `control` for a control.
    pub method: String,
    /// The composite that it uses, where it takes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub composite: Option<String>,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub parameters: Value,
    /// Whether it is a control: `noise`, `input x noise` or `edges`.
    pub is_control: bool,
}

/// A step of a test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepSettings {
    /// The nodes of the layers that it randomises, from the lowest on. Cascading orders keep those of earlier steps.
    pub layers: Vec<String>,
}

impl StepSettings {
    /// The step as tables name it: its layer, or the lowest and the highest of several.
    pub fn describe(&self) -> String {
        match &self.layers[..] {
            [] => String::new(),
            [only] => only.clone(),
            [first, .., last] => format!("{first} … {last}"),
        }
    }
}

impl SanitySettings {
    /// Computes the hash of everything else.
    pub(super) fn signed(mut self) -> Result<SanitySettings> {
        self.hash.clear();
        self.hash = format!("{:016x}", word_of(&serde_json::to_string(&self)?));
        Ok(self)
    }
}
