//! An explanation: relevance, prediction, sums, pictures.

use std::collections::BTreeMap;
use std::sync::Arc;

use onnxplain::io::TOOL;
use onnxplain::{Array, Heatmap, Rendering, Severity, Sign};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::cli::explain::report::{
    Report, ReportedInput, ReportedPreprocessing, ReportedTarget, Seconds,
};
use crate::compiled::Origin;
use crate::errors::raised_plain;
use crate::figure::{self, Figure};
use crate::json::to_python;
use crate::keywords::Keywords;
use crate::prediction::{Books, Class, Notice, Prediction, escaped, html};
use crate::values::{Owner, Picture, numpy, shared};

/// How many classes a report lists.
const LISTED_CLASSES: usize = 5;

/// Why the network says what it says about an input: the relevance of every number for one class.
///
/// In a notebook it shows itself as a figure.
#[pyclass(frozen, module = "onnxplain")]
pub struct Explanation {
    pub(crate) found: onnxplain::Explanation,
    pub(crate) origin: Arc<Origin>,
    /// What the input is called.
    input: String,
}

impl Explanation {
    /// What was found about an input of that name.
    pub fn new(found: onnxplain::Explanation, origin: Arc<Origin>, input: String) -> Explanation {
        Explanation { found, origin, input }
    }

    /// The heatmap, drawn as keywords say.
    pub(crate) fn drawn(&self, keywords: &Keywords<'_>) -> PyResult<(Heatmap, Rendering)> {
        let rendering = rendering(keywords, self.origin.rendering)?;
        let heatmap = self.found.heatmap().map_err(raised_plain)?;
        Ok((heatmap.rendered(rendering), rendering))
    }

    /// As the attribute `relevance`.
    pub(crate) fn relevance_array<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        shared(py, self.found.relevance())
    }

    /// What the command's report says of it.
    pub(crate) fn reported(&self, rendering: Rendering) -> Report {
        let Explanation { found, origin, .. } = self;
        let said = |severity: Severity| {
            let said = origin.said.iter().filter(move |notice| notice.severity == severity);
            said.map(|notice| notice.text.clone())
        };
        let doubts = found.notices().iter().filter(|notice| notice.severity > Severity::Detail);
        let doubts = doubts.map(|notice| notice.text.clone());
        let timing = found.timing();
        let seconds = Seconds {
            load: origin.start_up.load.as_secs_f64(),
            canonize: origin.start_up.canonize.as_secs_f64(),
            compile: origin.start_up.compile.as_secs_f64(),
            forward: timing.forward.as_secs_f64(),
            propagate: timing.propagate.as_secs_f64(),
            ..Seconds::default()
        };
        let steps = origin.preprocessing.clone();
        Report {
            input: self.input.clone(),
            tool: TOOL,
            model: origin.model.clone(),
            composite: origin.composite.clone(),
            method: origin.method.name(),
            parameters: origin.parameters.clone(),
            canonization: origin.canonization.clone(),
            explained: origin.explained,
            initial: origin.initial,
            prediction: found.prediction().strongest(LISTED_CLASSES),
            logits: None,
            target: ReportedTarget::new(found.class(), found.against()),
            positive: found.sign(),
            rendering: rendering.into(),
            inputs: ReportedInput::all(found),
            given: BTreeMap::new(),
            reduction: None,
            relevance: found.conservation(),
            end: origin.end.clone(),
            completeness: found.completeness(),
            adaptation: found.adaptation(),
            preprocessing: match steps.filter(|_| self.has_picture()) {
                Some(steps) => ReportedPreprocessing::Steps(Box::new(steps)),
                None => ReportedPreprocessing::None {},
            },
            warnings: said(Severity::Warning).chain(doubts).collect(),
            notes: said(Severity::Note).collect(),
            files: BTreeMap::new(),
            seconds: seconds.finished(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// Whether it was made from a picture.
    fn has_picture(&self) -> bool {
        self.found.heatmap().is_ok_and(|heatmap| heatmap.has_photo())
    }
}

#[pymethods]
impl Explanation {
    /// The relevance of every number of the model's input, in its shape without the batch axis, or of the layer's value
    /// that propagation stopped at: an array of float32 that shares the library's numbers, and so cannot be written to
    /// (`.copy()` can). Above 0 it speaks for the class, unless `sign` says otherwise. Of several inputs, that of the
    /// first.
    #[getter]
    fn relevance<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.relevance_array(py)
    }

    /// The relevance of every input that is explained, by its name.
    #[getter]
    fn relevances<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        for (name, relevance) in self.found.inputs() {
            all.set_item(name, shared(py, relevance)?)?;
        }
        Ok(all)
    }

    /// The relevance of every pixel, height x width: summed over the channels.
    #[getter]
    fn map<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let heatmap = self.found.heatmap().map_err(raised_plain)?;
        let shape = vec![heatmap.height(), heatmap.width()];
        numpy(py, shape, Owner::Heatmap(Box::new(heatmap)))
    }

    /// What the network says about the input.
    #[getter]
    fn prediction(&self) -> Prediction {
        Prediction::new(self.found.prediction().clone())
    }

    /// The class that is explained.
    #[getter]
    fn target(&self) -> Class {
        self.found.class().into()
    }

    /// The class that it is compared with, or None.
    #[getter]
    fn against(&self) -> Option<Class> {
        self.found.against().map(Class::from)
    }

    /// What relevance above 0 speaks for: `for` the class, `against` it, or `mixed` where signs cannot be read.
    #[getter]
    fn sign(&self) -> &'static str {
        match self.found.sign() {
            Sign::For => "for",
            Sign::Against => "against",
            Sign::Mixed => "mixed",
        }
    }

    /// Where the relevance went: what was put in, what arrived, what was absorbed.
    #[getter]
    fn books(&self) -> Books {
        self.found.conservation().into()
    }

    /// For Integrated Gradients, how well the relevance adds up; else None.
    #[getter]
    fn completeness<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.found.completeness().map(|found| to_python(py, &found)).transpose()
    }

    /// The attribution method.
    #[getter]
    fn method(&self) -> &'static str {
        self.origin.method.name()
    }

    /// The composite that was used.
    #[getter]
    fn composite(&self) -> &str {
        &self.origin.composite
    }

    /// What may make the result look like something that it is not.
    #[getter]
    fn notices(&self) -> Vec<Notice> {
        self.found.notices().iter().map(Notice::from).collect()
    }

    /// The heatmap alone, in the size of the network's input; of what is no picture, a plot.
    #[pyo3(signature = (**drawing), text_signature = "($self, *, colormap=None, normalize=None, alpha=None, level=None, crop_mark=None, overlay_size=None)")]
    fn heatmap(&self, py: Python<'_>, drawing: Option<&Bound<'_, PyDict>>) -> PyResult<Picture> {
        let keywords = Keywords::new(py, drawing)?;
        let (heatmap, _) = self.drawn(&keywords)?;
        keywords.end("heatmap")?;
        py.detach(|| heatmap.picture()).map(Picture::new).map_err(raised_plain)
    }

    /// The heatmap over the picture; of what is no picture, a plot of the input with its relevance as colour.
    #[pyo3(signature = (**drawing), text_signature = "($self, *, colormap=None, normalize=None, alpha=None, level=None, crop_mark=None, overlay_size=None)")]
    fn overlay(&self, py: Python<'_>, drawing: Option<&Bound<'_, PyDict>>) -> PyResult<Picture> {
        let keywords = Keywords::new(py, drawing)?;
        let (heatmap, _) = self.drawn(&keywords)?;
        keywords.end("overlay")?;
        py.detach(|| heatmap.overlay()).map(Picture::new).map_err(raised_plain)
    }

    /// Picture and heatmap, or the plot of what is no picture, with the colour bar and the words to read them by.
    #[pyo3(signature = (**drawing), text_signature = "($self, *, colormap=None, normalize=None, alpha=None, level=None, crop_mark=None, overlay_size=None)")]
    fn figure(&self, py: Python<'_>, drawing: Option<&Bound<'_, PyDict>>) -> PyResult<Figure> {
        figure::of(py, &[self], drawing)
    }

    /// What the command's `.json` report says: a dict. `files` is empty.
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.reported(self.origin.rendering))
    }

    /// For notebooks: the figure; nothing where there is none.
    fn _repr_png_<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        match self.found.heatmap() {
            Ok(_) => self.figure(py, None)?.png(py).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// For notebooks, where nothing can be drawn.
    fn _repr_html_(&self) -> Option<String> {
        if self.found.heatmap().is_ok() {
            return None;
        }
        let shape: Vec<String> =
            self.found.relevance().shape().iter().map(usize::to_string).collect();
        Some(format!(
            "<p>Relevance of {} values for {}: {}</p>{}",
            shape.join("×"),
            escaped(&name(self.found.class())),
            escaped(&Books::from(self.found.conservation()).line()),
            html(self.found.prediction())
        ))
    }

    fn __repr__(&self) -> String {
        let against = self.found.against();
        let against = against.map_or(String::new(), |class| format!(" against {}", name(class)));
        let method = match self.origin.method.takes_composite() {
            true => format!("{}, {}", self.origin.method.name(), self.origin.composite),
            false => self.origin.method.name().to_string(),
        };
        let shape = shape_of(self.found.relevance());
        format!(
            "<onnxplain.Explanation of {} for {}{against} ({method}; relevance {shape})>",
            self.input,
            name(self.found.class())
        )
    }
}

fn shape_of(array: &Array) -> String {
    array.shape().iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

fn name(class: &onnxplain::Class) -> String {
    class.label.clone().unwrap_or_else(|| format!("class {}", class.index))
}

/// How relevance is drawn: as suits the method, but for what is said.
fn rendering(keywords: &Keywords<'_>, suited: Rendering) -> PyResult<Rendering> {
    let normalization = keywords.take_word("normalize")?.unwrap_or(suited.normalization);
    let suited = match normalization == suited.normalization {
        true => suited,
        false => Rendering::suited_to(normalization),
    };
    let rendering = Rendering {
        colormap: keywords.take_word("colormap")?.unwrap_or(suited.colormap),
        normalization,
        alpha: keywords.take("alpha")?.unwrap_or(suited.alpha),
        level: keywords.take("level")?.unwrap_or(suited.level),
        crop_mark: keywords.take_word("crop_mark")?.unwrap_or(suited.crop_mark),
        overlay_size: keywords.take("overlay_size")?.or(suited.overlay_size),
    };
    rendering.check().map_err(raised_plain)?;
    Ok(rendering)
}
