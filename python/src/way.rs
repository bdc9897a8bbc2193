//! How an input is explained, from keyword arguments: method with its parameters, composite, layer.

use onnxplain::{Composite, ExplainerOptions, Initial, Method, Target, Targets};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};
use serde_json::{Map, Value};

use crate::errors::{TargetError, raised_plain};
use crate::json::from_python;
use crate::keywords::Keywords;

/// Names that captum has for parameters of methods.
const CAPTUM: [(&str, &str); 4] = [
    ("n_steps", "steps"),
    ("nt_samples", "samples"),
    ("sliding_window_shapes", "patch"),
    ("strides", "stride"),
];

/// How inputs are explained: what a model is compiled for.
#[derive(Clone)]
pub struct Way {
    pub options: ExplainerOptions,
    /// The method, for how its relevance is drawn.
    pub method: Method,
    /// The layer that relevance stops at.
    pub at: Option<String>,
}

impl Way {
    /// Reads what is left of keyword arguments.
    ///
    /// # Errors
    /// MethodError, CompositeError or TypeError.
    pub fn read(keywords: Keywords<'_>) -> PyResult<Way> {
        let name: Option<String> = keywords.take("method")?;
        let mut options = ExplainerOptions::new();
        if let Some(composite) = keywords.take_any("composite")? {
            options = options.composite(composite_of(&composite)?);
        }
        let at: Option<String> = keywords.take("at")?;
        if let Some(layer) = &at {
            options = options.at(layer);
        }
        if let Some(word) = keywords.take::<String>("initial")? {
            let initial = word
                .parse::<Initial>()
                .map_err(|error| PyTypeError::new_err(format!("argument 'initial': {error}")))?;
            options = options.initial(initial);
        }
        options = without_passes(&keywords, options)?;
        let name = name.unwrap_or_else(|| Method::default().name().to_string());
        let parameters = parameters(&keywords.rest())?;
        let method = Method::with(&name, parameters).map_err(raised_plain)?;
        Ok(Way { options: options.method(method.clone()), method, at })
    }

    /// What tells it from other ways.
    pub fn key(&self) -> String {
        format!("{:?}", self.options)
    }
}

/// A composite by its name, path or text, or as a dict.
fn composite_of(given: &Bound<'_, PyAny>) -> PyResult<Composite> {
    if given.cast::<PyDict>().is_ok() {
        // JSON is YAML.
        let text = from_python(given)?.to_string();
        return Composite::parse(&text).map_err(raised_plain);
    }
    let text = match given.cast::<PyString>() {
        Ok(text) => text.to_string(),
        Err(_) => given.call_method0("__fspath__")?.extract()?,
    };
    let composite = if text.contains('\n') { Composite::parse } else { Composite::named };
    composite(&text).map_err(raised_plain)
}

/// Leaves out all rewrites of the network, or some by name.
fn without_passes(
    keywords: &Keywords<'_>,
    options: ExplainerOptions,
) -> PyResult<ExplainerOptions> {
    let Some(given) = keywords.take_any("no_canonize")? else { return Ok(options) };
    match given.cast::<PyBool>() {
        Ok(is_wanted) if is_wanted.is_true() => Ok(options.without_canonization()),
        Ok(_) => Ok(options),
        Err(_) => Ok(options.without_passes(given.extract::<Vec<String>>()?)),
    }
}

/// The parameters of a method, under the names that reports have for them.
fn parameters(given: &Bound<'_, PyDict>) -> PyResult<Map<String, Value>> {
    let mut parameters = Map::new();
    for (name, value) in given {
        let name: String = name.extract()?;
        let alias = CAPTUM.iter().find(|(theirs, _)| *theirs == name);
        let value = from_python(&value)?;
        match alias {
            Some((_, ours)) => parameters.insert(ours.to_string(), last_two(value)),
            None => parameters.insert(name, value),
        };
    }
    Ok(parameters)
}

/// The height and width of a shape that begins with the channels.
fn last_two(value: Value) -> Value {
    match value {
        Value::Array(mut sides) if sides.len() > 2 => sides.split_off(sides.len() - 2).into(),
        value => value,
    }
}

/// One class: a number, a label, or `top`.
fn target_of(given: &Bound<'_, PyAny>) -> PyResult<Target> {
    let word = match given.cast::<PyString>() {
        Ok(word) => word.to_string(),
        Err(_) => given.extract::<i64>()?.to_string(),
    };
    word.parse().map_err(raised_plain)
}

/// The class to be explained, and the one that it is compared with.
///
/// # Errors
/// TargetError for several classes.
pub fn single_target(
    target: Option<&Bound<'_, PyAny>>,
    against: Option<&Bound<'_, PyAny>>,
) -> PyResult<Targets> {
    let target = target.map(target_of).transpose()?.unwrap_or_default();
    if let Target::TopK(count) = target {
        return Err(TargetError::new_err(format!(
            "top:{count} is several classes: explain_targets() gives an explanation of each"
        )));
    }
    compared(Targets::from(target), against)
}

/// The classes to be explained: one, or a list of them.
pub fn all_targets(
    targets: &Bound<'_, PyAny>,
    against: Option<&Bound<'_, PyAny>>,
) -> PyResult<Targets> {
    let items = match targets.cast::<PyString>() {
        Ok(_) => None,
        Err(_) => targets.try_iter().ok(),
    };
    let targets = match items {
        Some(items) => items.map(|item| target_of(&item?)).collect::<PyResult<_>>()?,
        None => vec![target_of(targets)?],
    };
    compared(Targets::new(targets), against)
}

/// The class of each input of a batch: the same for all, or one for each.
///
/// # Errors
/// TargetError where there are more or fewer than inputs.
pub fn targets_of_each(
    target: Option<&Bound<'_, PyAny>>,
    against: Option<&Bound<'_, PyAny>>,
    count: usize,
) -> PyResult<Vec<Targets>> {
    let is_word = |given: &Bound<'_, PyAny>| given.cast::<PyString>().is_ok();
    let several = target.filter(|given| !is_word(given)).and_then(|given| given.try_iter().ok());
    let Some(several) = several else {
        return Ok(vec![single_target(target, against)?; count]);
    };
    let each = several.map(|one| single_target(Some(&one?), against));
    let each = each.collect::<PyResult<Vec<_>>>()?;
    match each.len() == count {
        true => Ok(each),
        false => Err(TargetError::new_err(format!(
            "there are {} targets for {count} inputs: give one for all, or one for each",
            each.len()
        ))),
    }
}

fn compared(targets: Targets, against: Option<&Bound<'_, PyAny>>) -> PyResult<Targets> {
    match against {
        Some(against) => Ok(targets.against(target_of(against)?)),
        None => Ok(targets),
    }
}
