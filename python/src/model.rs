//! An opened model, as Python sees it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use onnxplain::{Session, SessionOptions, Targets};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::cli::check::Checked;
use crate::cli::inspect::Inspection;
use crate::compiled::{Cache, Compiled};
use crate::errors::{TargetError, raised, raised_plain, say};
use crate::explanation::Explanation;
use crate::given::{Given, takes_pictures};
use crate::json::to_python;
use crate::keywords::Keywords;
use crate::opening::session_options;
use crate::prediction::{Notice, Prediction};
use crate::watched::watched;
use crate::way::{Way, all_targets, single_target, targets_of_each};
use crate::work::{explain, in_parallel, predict};

/// An opened model, with all that is known about it: how pictures are prepared, what the classes are called.
///
/// `onnxplain.load(path)` opens one. It can be used by several threads at the same time.
#[pyclass(frozen, module = "onnxplain")]
pub struct Model {
    session: Session,
    /// How it was opened, to open it again.
    options: SessionOptions,
    path: PathBuf,
    /// Threads of one explanation, and explanations of a batch at a time.
    threads: usize,
    cache: Cache,
}

/// Opens a model.
#[pyfunction]
#[pyo3(signature = (path, **options), text_signature = "(path, *, preprocess=None, card=None, labels=None, mean=None, std=None, size=None, resize=None, crop=None, channels=None, layout=None, input_range=None, output=None, reduce=None, class_axis=None, inputs=None, explain_inputs=None, shape=None, allow_gradient=None, max_memory=None, threads=None)")]
pub fn load(py: Python<'_>, path: PathBuf, options: Option<&Bound<'_, PyDict>>) -> PyResult<Model> {
    let keywords = Keywords::new(py, options)?;
    let options = session_options(&keywords)?;
    let threads = keywords.take::<usize>("threads")?.unwrap_or_else(cores).max(1);
    keywords.end("load")?;
    let open = options.clone();
    let session = watched(py, |_| Ok(open.open(&path)?))?;
    say(py, session.notices())?;
    Ok(Model { session, options, path, threads, cache: Cache::default() })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What one call asks for.
struct Asked<'py> {
    target: Option<Bound<'py, PyAny>>,
    against: Option<Bound<'py, PyAny>>,
    /// The words of a text.
    tokens: Option<Vec<String>>,
    way: Way,
}

impl<'py> Asked<'py> {
    fn read(keywords: Keywords<'py>) -> PyResult<Asked<'py>> {
        Ok(Asked {
            target: keywords.take_any("target")?,
            against: keywords.take_any("against")?,
            tokens: keywords.take("tokens")?,
            way: Way::read(keywords)?,
        })
    }
}

impl Model {
    fn read(&self, given: &Bound<'_, PyAny>) -> PyResult<Given> {
        Given::read(given, takes_pictures(&self.session))
    }

    fn read_all(&self, given: &Bound<'_, PyAny>) -> PyResult<Vec<Given>> {
        Given::read_all(given, takes_pictures(&self.session))
    }

    /// The model compiled; says what was chosen, the first time.
    fn compiled(&self, py: Python<'_>, way: &Way, threads: usize) -> PyResult<Arc<Compiled>> {
        let (compiled, is_new) = watched(py, |_| self.cache.get(&self.session, way, threads))?;
        if is_new {
            say(py, compiled.explainer.notices())?;
        }
        Ok(compiled)
    }

    /// All explanations of one input.
    fn explained(
        &self,
        py: Python<'_>,
        given: Given,
        asked: &Asked<'_>,
        targets: &Targets,
    ) -> PyResult<Vec<Explanation>> {
        let compiled = self.compiled(py, &asked.way, self.threads)?;
        let tokens = asked.tokens.as_deref();
        let found = watched(py, |interrupt| {
            explain(&compiled.explainer, &given, tokens, targets, interrupt)
        })?;
        let explanations = found.into_iter().map(|found| {
            say(py, found.notices())?;
            Ok(Explanation::new(found, compiled.origin.clone(), given.name.clone()))
        });
        explanations.collect()
    }

    /// The explanation of each of many inputs, as many at a time as there are threads.
    fn explained_batch(
        &self,
        py: Python<'_>,
        given: Vec<Given>,
        asked: &Asked<'_>,
    ) -> PyResult<Vec<PyResult<Explanation>>> {
        let targets = targets_of_each(asked.target.as_ref(), asked.against.as_ref(), given.len())?;
        let compiled = self.compiled(py, &asked.way, 1)?;
        let tokens = asked.tokens.as_deref();
        let pairs: Vec<(Given, Targets)> = given.into_iter().zip(targets).collect();
        let found = watched(py, |interrupt| {
            in_parallel(&pairs, self.threads, interrupt, |(given, targets)| {
                let found = explain(&compiled.explainer, given, tokens, targets, interrupt)?;
                found.into_iter().next().context("there is no class to be explained")
            })
        })?;
        let explanation = |((given, _), found): ((Given, Targets), Result<_>)| {
            found
                .map(|found| Explanation::new(found, compiled.origin.clone(), given.name))
                .map_err(raised)
        };
        Ok(pairs.into_iter().zip(found).map(explanation).collect())
    }

    /// The explanations of a batch.
    ///
    /// # Errors
    /// The first error among them.
    fn explained_all(
        &self,
        inputs: &Bound<'_, PyAny>,
        keywords: Keywords<'_>,
    ) -> PyResult<Vec<Explanation>> {
        let given = self.read_all(inputs)?;
        let explanations = self.explained_batch(inputs.py(), given, &Asked::read(keywords)?)?;
        explanations.into_iter().collect()
    }
}

#[pymethods]
impl Model {
    /// Explains one class of one input: the strongest one, unless `target` says another.
    ///
    /// input: a path, a picture of Pillow's, an array of uint8 (a picture, height x width x channels), an array of float32
    ///     (the network's input, prepared already), or a dict of these by the names of the model's inputs.
    /// target: an index, a label, or "top".
    /// against: explain the difference to this class; "top" is the strongest other one.
    /// method: one of onnxplain.methods(); its parameters are further keywords (steps=100, samples=20, ...).
    /// composite: a preset (onnxplain.presets()), the path or text of a YAML file, or a dict; "auto" suits the architecture.
    /// at: stop at this layer, and give the relevance of its value.
    /// initial: what is put in at the target, "logit", "centred" (less the mean of all logits) or "one"; None takes the
    ///     composite's.
    /// tokens: the words of a text, for plots.
    #[pyo3(signature = (input, **options), text_signature = "($self, input, *, target='top', against=None, method='lrp', composite='auto', at=None, initial=None, tokens=None, no_canonize=None, **parameters)")]
    fn explain(
        &self,
        input: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Explanation> {
        let py = input.py();
        let asked = Asked::read(Keywords::new(py, options)?)?;
        let targets = single_target(asked.target.as_ref(), asked.against.as_ref())?;
        let found = self.explained(py, self.read(input)?, &asked, &targets)?;
        let first = found.into_iter().next();
        first.ok_or_else(|| TargetError::new_err("there is no class to be explained"))
    }

    /// Explains several classes of one input, after one run of the network: `targets` is "top:3", or a list of indices and
    /// labels. The rest is as in explain().
    #[pyo3(signature = (input, targets, **options), text_signature = "($self, input, targets, *, against=None, method='lrp', composite='auto', at=None, initial=None, tokens=None, no_canonize=None, **parameters)")]
    fn explain_targets(
        &self,
        input: &Bound<'_, PyAny>,
        targets: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Vec<Explanation>> {
        let py = input.py();
        let asked = Asked::read(Keywords::new(py, options)?)?;
        let targets = all_targets(targets, asked.against.as_ref())?;
        self.explained(py, self.read(input)?, &asked, &targets)
    }

    /// Explains many inputs, as many at a time as there are cores (or `threads` of load()), without Python's lock.
    ///
    /// inputs: a list of what explain() takes, or an array whose first axis counts the inputs.
    /// target: one for all, or a list with one for each.
    /// errors: "raise" the first, or "return" each in its input's place.
    #[pyo3(signature = (inputs, **options), text_signature = "($self, inputs, *, target='top', against=None, method='lrp', composite='auto', at=None, initial=None, tokens=None, no_canonize=None, errors='raise', **parameters)")]
    fn explain_batch<'py>(
        &self,
        inputs: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let py = inputs.py();
        let keywords = Keywords::new(py, options)?;
        let errors = keywords.take::<String>("errors")?.unwrap_or_else(|| "raise".to_string());
        if errors == "raise" {
            return PyList::new(py, into_objects(py, self.explained_all(inputs, keywords)?)?);
        }
        if errors != "return" {
            let text = format!("argument 'errors': \"{errors}\" is neither raise nor return");
            return Err(PyTypeError::new_err(text));
        }
        let given = self.read_all(inputs)?;
        let all = PyList::empty(py);
        for found in self.explained_batch(py, given, &Asked::read(keywords)?)? {
            match found {
                Ok(explanation) => all.append(Bound::new(py, explanation)?)?,
                Err(error) => all.append(error.value(py))?,
            }
        }
        Ok(all)
    }

    /// Relevance as captum's `attribute` gives it: an array of as many maps as inputs, each in the input's shape. The
    /// keywords are those of explain_batch(), or captum's: n_steps, nt_samples, sliding_window_shapes, strides.
    #[pyo3(signature = (inputs, target=None, **options), text_signature = "($self, inputs, target=None, *, against=None, method='lrp', composite='auto', at=None, initial=None, tokens=None, no_canonize=None, **parameters)")]
    fn attribute<'py>(
        &self,
        inputs: &Bound<'py, PyAny>,
        target: Option<Bound<'py, PyAny>>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = inputs.py();
        let keywords = Keywords::new(py, options)?;
        keywords.give("target", target)?;
        let all = self.explained_all(inputs, keywords)?;
        let arrays = all.iter().map(|it| it.relevance_array(py)).collect::<PyResult<Vec<_>>>()?;
        py.import("numpy")?.call_method1("stack", (arrays,))
    }

    /// What the network says about an input.
    fn predict(&self, input: &Bound<'_, PyAny>) -> PyResult<Prediction> {
        let py = input.py();
        let given = self.read(input)?;
        let compiled = self.compiled(py, &Way::read(Keywords::new(py, None)?)?, self.threads)?;
        watched(py, |_| predict(&compiled.explainer, &given)).map(Prediction::new)
    }

    /// What the network says about many inputs, as many at a time as there are cores.
    fn predict_batch(&self, inputs: &Bound<'_, PyAny>) -> PyResult<Vec<Prediction>> {
        let py = inputs.py();
        let given = self.read_all(inputs)?;
        let compiled = self.compiled(py, &Way::read(Keywords::new(py, None)?)?, 1)?;
        let found = watched(py, |interrupt| {
            let work = |given: &Given| predict(&compiled.explainer, given);
            in_parallel(&given, self.threads, interrupt, work)?
                .into_iter()
                .collect::<Result<Vec<_>>>()
        })?;
        Ok(found.into_iter().map(Prediction::new).collect())
    }

    /// The layers with their kinds and rules, what was canonized, the family: what `onnxplain inspect --json` says.
    #[pyo3(signature = (**options), text_signature = "($self, *, composite='auto', no_canonize=None)")]
    fn inspect<'py>(
        &self,
        py: Python<'py>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let way = Way::read(Keywords::new(py, options)?)?;
        let found = watched(py, |_| Ok(Inspection::of(&self.session, way.options)?.to_json()))?;
        to_python(py, &found)
    }

    /// Whether the rewrites leave the function as it is and relevance is conserved, on random inputs and on those given:
    /// what `onnxplain check --json` says. The model is read again.
    #[pyo3(signature = (inputs=None, **options), text_signature = "($self, inputs=None, *, composite='auto', no_canonize=None)")]
    fn check<'py>(
        &self,
        py: Python<'py>,
        inputs: Option<&Bound<'py, PyAny>>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let way = Way::read(Keywords::new(py, options)?)?;
        let given = inputs.map(|inputs| self.read_all(inputs)).transpose()?.unwrap_or_default();
        let open = self.options.clone().without_labels().with_reference().without_inputs();
        let found = watched(py, |_| {
            let session = open.open(&self.path)?;
            let inputs = given.iter().map(|given| Ok(session.network_inputs(given)?));
            let inputs = inputs.collect::<Result<Vec<_>>>()?;
            Ok(Checked::of(&session, way.options, inputs)?.to_json())
        })?;
        to_python(py, &found)
    }

    /// The path of the model's file.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("pathlib")?.call_method1("Path", (self.path.as_os_str(),))
    }

    /// The names and shapes of the inputs that are explained, the batch axis (1) included.
    #[getter]
    fn inputs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let inputs = PyDict::new(py);
        for (name, shape) in self.session.inputs() {
            inputs.set_item(name, PyTuple::new(py, shape)?)?;
        }
        Ok(inputs)
    }

    /// The shape of the (first) input, the batch axis (1) included.
    #[getter]
    fn input_shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.session.input_shape())
    }

    /// The lowest and highest value of the (first) input, one number or one per channel; None where they are not known.
    #[getter]
    fn input_range(&self) -> Option<(Vec<f32>, Vec<f32>)> {
        self.session.input_range().map(|(low, high)| (low.to_vec(), high.to_vec()))
    }

    /// The number of classes.
    #[getter]
    fn class_count(&self) -> usize {
        self.session.class_count()
    }

    /// The names of the classes, or None.
    #[getter]
    fn labels(&self) -> Option<Vec<String>> {
        self.session.labels().map(<[String]>::to_vec)
    }

    /// The steps from a picture to the network's input, in a line; None where the model takes no pictures.
    #[getter]
    fn preprocessing(&self) -> Option<String> {
        self.session.preprocessing().ok()
    }

    /// The architecture family, which decides what composite is taken by default.
    #[getter]
    fn family(&self) -> PyResult<String> {
        self.session.family().map(|family| family.to_string()).map_err(raised_plain)
    }

    /// What was assumed about the model.
    #[getter]
    fn notices(&self) -> Vec<Notice> {
        self.session.notices().iter().map(Notice::from).collect()
    }

    fn __repr__(&self) -> String {
        let shape: Vec<String> = self.session.input_shape().iter().map(usize::to_string).collect();
        format!(
            "<onnxplain.Model {}: {} to {} classes>",
            self.path.display(),
            shape.join("x"),
            self.session.class_count()
        )
    }
}

fn into_objects(
    py: Python<'_>,
    explanations: Vec<Explanation>,
) -> PyResult<Vec<Bound<'_, Explanation>>> {
    explanations.into_iter().map(|explanation| Bound::new(py, explanation)).collect()
}
