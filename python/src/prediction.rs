//! Predictions, classes, sums and notices, as Python sees them.

use onnxplain::{Notice as Said, Severity, Sums, Topic};
use pyo3::prelude::*;

use crate::values::{Owner, numpy};

/// A class, and how sure the network is of it.
#[pyclass(frozen, eq, get_all, module = "onnxplain")]
#[derive(Clone, PartialEq)]
pub struct Class {
    /// Its place in the output.
    index: usize,
    /// Its name, or None where the labels are not known.
    label: Option<String>,
    /// Its score before the softmax.
    logit: f32,
    /// Its probability, 0 to 1.
    probability: f32,
}

impl From<&onnxplain::Class> for Class {
    fn from(class: &onnxplain::Class) -> Class {
        let onnxplain::Class { index, label, logit, probability } = class.clone();
        Class { index, label, logit, probability }
    }
}

impl Class {
    fn name(&self) -> String {
        self.label.clone().unwrap_or_else(|| format!("class {}", self.index))
    }
}

#[pymethods]
impl Class {
    fn __repr__(&self) -> String {
        format!(
            "<onnxplain.Class {} {:?}: logit {:.4}, probability {:.4}>",
            self.index,
            self.name(),
            self.logit,
            self.probability
        )
    }

    fn __hash__(&self) -> u64 {
        self.index as u64
    }
}

/// What the network says about an input.
#[pyclass(frozen, module = "onnxplain")]
pub struct Prediction {
    prediction: onnxplain::Prediction,
}

impl Prediction {
    /// A prediction for Python.
    pub fn new(prediction: onnxplain::Prediction) -> Prediction {
        Prediction { prediction }
    }
}

#[pymethods]
impl Prediction {
    /// The scores of all classes before the softmax: an array of float32.
    #[getter]
    fn logits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        list(py, self.prediction.logits())
    }

    /// The probabilities of all classes, 0 to 1: an array of float32.
    #[getter]
    fn probabilities<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        list(py, self.prediction.probabilities())
    }

    /// The strongest class.
    #[getter]
    fn top(&self) -> Option<Class> {
        self.prediction.top().as_ref().map(Class::from)
    }

    /// The strongest classes, the strongest first.
    #[pyo3(signature = (count = 5))]
    fn strongest(&self, count: usize) -> Vec<Class> {
        self.prediction.strongest(count).iter().map(Class::from).collect()
    }

    fn __repr__(&self) -> String {
        let strongest = self.strongest(3);
        let words = strongest
            .iter()
            .map(|class| format!("{} {:.1} %", class.name(), 100.0 * class.probability));
        format!("<onnxplain.Prediction {}>", words.collect::<Vec<_>>().join(", "))
    }

    fn _repr_html_(&self) -> String {
        html(&self.prediction)
    }
}

fn list<'py>(py: Python<'py>, values: &[f32]) -> PyResult<Bound<'py, PyAny>> {
    numpy(py, vec![values.len()], Owner::List(values.to_vec()))
}

/// The strongest classes as a table of HTML.
pub fn html(prediction: &onnxplain::Prediction) -> String {
    let row = |class: &onnxplain::Class| {
        let class = Class::from(class);
        format!(
            "<tr><td style=\"text-align:left\">{}</td><td>{:.1} %</td><td>{:.3}</td></tr>",
            escaped(&class.name()),
            100.0 * class.probability,
            class.logit
        )
    };
    let rows: String = prediction.strongest(5).iter().map(row).collect();
    format!("<table><tr><th>class</th><th>probability</th><th>logit</th></tr>{rows}</table>")
}

/// Text inside HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Where the relevance went: `initial` = `input_sum` + `absorbed_by_bias` + `absorbed_by_stabilizer`, for methods that
/// conserve it.
#[pyclass(frozen, get_all, module = "onnxplain")]
pub struct Books {
    /// What was put in at the target.
    initial: f64,
    /// What arrived at the input.
    input_sum: f64,
    /// What biases absorbed.
    absorbed_by_bias: f64,
    /// What stabilizers absorbed.
    absorbed_by_stabilizer: f64,
    /// Whether the equation holds for this method.
    is_conserving: bool,
}

impl From<Sums> for Books {
    fn from(sums: Sums) -> Books {
        let Sums { initial, input_sum, absorbed_by_bias, absorbed_by_stabilizer, is_conserving } =
            sums;
        Books { initial, input_sum, absorbed_by_bias, absorbed_by_stabilizer, is_conserving }
    }
}

impl Books {
    /// The equation in a line.
    pub fn line(&self) -> String {
        let Books { initial, input_sum, absorbed_by_bias, absorbed_by_stabilizer, .. } = self;
        match self.is_conserving {
            true => format!(
                "{initial:.4} put in = {input_sum:.4} at the input + {absorbed_by_bias:.4} in biases + \
                 {absorbed_by_stabilizer:.1e} in stabilizers"
            ),
            false => {
                format!("{input_sum:.4} at the input; this method does not conserve relevance")
            }
        }
    }
}

#[pymethods]
impl Books {
    fn __repr__(&self) -> String {
        format!("<onnxplain.Books {}>", self.line())
    }
}

/// Something that was assumed, chosen or found, and is no error.
#[pyclass(frozen, get_all, module = "onnxplain")]
pub struct Notice {
    /// What it is about: model, preprocessing, labels, composite, method, canonization, input or relevance.
    topic: &'static str,
    /// detail, note, or warning: something that may spoil the result.
    severity: &'static str,
    /// The sentence.
    text: String,
}

impl From<&Said> for Notice {
    fn from(said: &Said) -> Notice {
        let topic = match said.topic {
            Topic::Model => "model",
            Topic::Preprocessing => "preprocessing",
            Topic::Labels => "labels",
            Topic::Composite => "composite",
            Topic::Method => "method",
            Topic::Canonization => "canonization",
            Topic::Input => "input",
            Topic::Relevance => "relevance",
            _ => "other",
        };
        let severity = match said.severity {
            Severity::Detail => "detail",
            Severity::Note => "note",
            Severity::Warning => "warning",
        };
        Notice { topic, severity, text: crate::cli::terminal::shown(&said.text) }
    }
}

#[pymethods]
impl Notice {
    fn __str__(&self) -> &str {
        &self.text
    }

    fn __repr__(&self) -> String {
        format!("<onnxplain.Notice {} about the {}: {}>", self.severity, self.topic, self.text)
    }
}
