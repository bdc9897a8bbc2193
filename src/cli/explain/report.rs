//! What is told about one result: the `.json` file, the line of `--json`, and the source of the printed summary.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use onnxplain::canonize::PassReport;
use onnxplain::method::{Adaptation, Completeness};
use onnxplain::picture::Preprocessing;
use onnxplain::session::Drawn;
use onnxplain::{Array, Class, Explainer, Explanation, Initial, Rendering, Sign, Sums};

/// One result.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The path of the input.
    pub input: String,
    /// What files of ours are known by.
    pub tool: &'static str,
    /// The path of the model.
    pub model: String,
    /// The name of the composite.
    pub composite: String,
    /// The attribution method.
    pub method: &'static str,
    /// The method's parameters; null for one that has none.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub parameters: Value,
    /// The rewrites that were made, with the ONNX nodes they merged.
    pub canonization: Vec<PassReport>,
    /// What is explained of a class: `logit`, `log-probability`, `probability` or `score`.
    pub explained: &'static str,
    /// What was put in at the output: that value, `centred` (less the mean of all classes), or 1.
    pub initial: Initial,
    /// The strongest classes.
    pub prediction: Vec<Class>,
    /// The logits of all classes, in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logits: Option<Vec<f32>>,
    /// The class that is explained.
    pub target: ReportedTarget,
    /// What relevance above 0 speaks for: `for` the class, `against` it, or `mixed`.
    pub positive: Sign,
    /// How pictures are coloured.
    pub rendering: ReportedRendering,
    /// What has relevance: every input that is explained, or the layer that propagation stopped at.
    pub inputs: Vec<ReportedInput>,
    /// The files of inputs that were given by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<String, String>,
    /// How the output became one score a class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reduction: Option<String>,
    /// Where the relevance went.
    pub relevance: Sums,
    /// What it ends at, in words: pixels, another input, or a layer.
    #[serde(skip)]
    pub end: String,
    /// For Integrated Gradients: how well relevance adds up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completeness: Option<Completeness>,
    /// For an adaptive σ: the one that was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<Adaptation>,
    /// What was done to the picture; empty for a tensor.
    pub preprocessing: ReportedPreprocessing,
    /// What may spoil the result: a sentence each.
    pub warnings: Vec<String>,
    /// What was assumed, guessed, chosen or dropped: a sentence each.
    pub notes: Vec<String>,
    /// The files that were written, by kind; with several inputs the name of the input stands before it.
    pub files: BTreeMap<String, String>,
    /// How long it took.
    pub seconds: Seconds,
    /// The version of onnxplain.
    pub version: &'static str,
}

/// An input, and the sum of its relevance.
#[derive(Clone, Debug, Serialize)]
pub struct ReportedInput {
    pub name: String,
    /// Without the batch axis.
    pub shape: Vec<usize>,
    pub relevance: f64,
    /// Of tokens and of a row of a table: one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elements: Option<Vec<Element>>,
}

impl ReportedInput {
    /// Every input of an explanation.
    pub fn all(explanation: &Explanation) -> Vec<ReportedInput> {
        let reported = |(place, (name, relevance)): (usize, (&str, &Array))| {
            let elements = explanation.elements(place).map(|(values, names)| {
                let element = |(index, (&value, &relevance)): (usize, (&f32, &f32))| Element {
                    name: names.and_then(|names| names.get(index)).cloned(),
                    value,
                    relevance,
                };
                values.iter().zip(relevance.values()).enumerate().map(element).collect()
            });
            ReportedInput {
                name: name.to_string(),
                shape: relevance.shape().to_vec(),
                relevance: relevance.sum(),
                elements,
            }
        };
        explanation.inputs().enumerate().map(reported).collect()
    }
}

/// What relevance ends at, in words.
pub fn end(explainer: &Explainer, at: Option<&str>) -> String {
    let drawn: Vec<Drawn> = explainer.drawn().collect();
    match (at, &drawn[..]) {
        (Some(layer), _) => format!("at {layer}"),
        (None, [Drawn::OverPicture]) => "pixels".to_string(),
        (None, [_]) => "input".to_string(),
        (None, _) => "inputs".to_string(),
    }
}

/// A token, or a number of a row of a table.
#[derive(Clone, Debug, Serialize)]
pub struct Element {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub value: f32,
    pub relevance: f32,
}

/// A class, with the one that it is compared with.
#[derive(Clone, Debug, Serialize)]
pub struct ReportedTarget {
    pub index: usize,
    pub label: Option<String>,
    pub logit: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Box<ReportedTarget>>,
}

/// Colours and scale.
#[derive(Clone, Debug, Serialize)]
pub struct ReportedRendering {
    pub colormap: String,
    pub normalization: &'static str,
    pub level: f32,
}

impl From<Rendering> for ReportedRendering {
    fn from(rendering: Rendering) -> ReportedRendering {
        ReportedRendering {
            colormap: rendering.colormap.to_string(),
            normalization: rendering.normalization.name(),
            level: rendering.level,
        }
    }
}

/// Preprocessing steps, or none.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum ReportedPreprocessing {
    /// The steps, under the names of a model card.
    Steps(Box<Preprocessing>),
    /// The input was a tensor.
    None {},
}

/// Wall-clock seconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Seconds {
    /// Once a process: from the model file to layers.
    pub load: f64,
    /// Once a process: rewriting the network.
    pub canonize: f64,
    /// Once a process: from rules to kernels.
    pub compile: f64,
    /// Reading and preprocessing the input.
    pub decode: f64,
    /// From the input to the logits.
    pub forward: f64,
    /// From the logits to the relevance of the input.
    pub propagate: f64,
    /// Drawing and writing.
    pub render: f64,
    /// From decode to render: what the result itself took.
    pub total: f64,
}

impl Seconds {
    /// The same in whole microseconds, with the total filled in.
    pub fn finished(self) -> Seconds {
        let total = self.decode + self.forward + self.propagate + self.render;
        let round = |seconds: f64| (seconds * 1e6).round() / 1e6;
        Seconds {
            load: round(self.load),
            canonize: round(self.canonize),
            compile: round(self.compile),
            decode: round(self.decode),
            forward: round(self.forward),
            propagate: round(self.propagate),
            render: round(self.render),
            total: round(total),
        }
    }
}

impl ReportedTarget {
    /// A class, and the one that it is compared with.
    pub fn new(class: &Class, against: Option<&Class>) -> ReportedTarget {
        ReportedTarget {
            index: class.index,
            label: class.label.clone(),
            logit: class.logit,
            against: against.map(|class| Box::new(ReportedTarget::new(class, None))),
        }
    }
}
