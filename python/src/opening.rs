//! How a model is opened, from keyword arguments.

use onnxplain::SessionOptions;
use onnxplain::picture::Overrides;
use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyTuple};

use crate::given::Given;
use crate::keywords::Keywords;

/// Reads how a model is opened.
///
/// # Errors
/// TypeError, which names the argument.
pub fn session_options(keywords: &Keywords<'_>) -> PyResult<SessionOptions> {
    let mut options = SessionOptions::new().overrides(overrides(keywords)?);
    options = preprocessing(keywords, options)?;
    options = labels(keywords, options)?;
    options = inputs(keywords, options)?;
    if let Some(name) = keywords.take::<String>("output")? {
        options = options.output(name);
    }
    if let Some(reduction) = keywords.take_word("reduce")? {
        options = options.reduce(reduction);
    }
    if let Some(axis) = keywords.take("class_axis")? {
        options = options.class_axis(axis);
    }
    if let Some(operators) = keywords.take::<Vec<String>>("allow_gradient")? {
        options = options.allow_gradient(operators);
    }
    if let Some(bytes) = keywords.take("max_memory")? {
        options = options.max_memory(bytes);
    }
    Ok(options)
}

/// Single steps of preprocessing.
fn overrides(keywords: &Keywords<'_>) -> PyResult<Overrides> {
    let size = keywords.take_any("size")?.map(|size| match size.extract::<usize>() {
        Ok(side) => Ok([side, side]),
        Err(_) => size.extract::<[usize; 2]>(),
    });
    Ok(Overrides {
        mean: numbers(keywords, "mean")?,
        std: numbers(keywords, "std")?,
        size: size.transpose()?,
        resize: keywords.take_word("resize")?,
        crop: keywords.take_word("crop")?,
        layout: keywords.take_word("layout")?,
        channels: keywords.take_word("channels")?,
    })
}

fn preprocessing(keywords: &Keywords<'_>, mut options: SessionOptions) -> PyResult<SessionOptions> {
    let path = |name: &str| -> PyResult<Option<String>> {
        let given = keywords.take_any(name)?;
        given.map(|given| Ok(fspath(&given)?.str()?.to_string())).transpose()
    };
    match (path("preprocess")?, path("card")?) {
        (Some(_), Some(_)) => {
            let text = "a card says how pictures are prepared: give preprocess or card, not both";
            return Err(PyTypeError::new_err(text));
        }
        (Some(name), None) | (None, Some(name)) => options = options.preprocess(name),
        (None, None) => {}
    }
    let Some(range) = keywords.take_any("input_range")? else { return Ok(options) };
    if range.extract::<String>().is_ok_and(|word| word == "unknown") {
        return Ok(options.unknown_input_range());
    }
    let ends = range.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>();
    let (low, high) = ends.map_err(|_| {
        PyTypeError::new_err("argument 'input_range': give (low, high), or \"unknown\"")
    })?;
    Ok(options.input_range(one_or_more::<f32>(&low)?, one_or_more::<f32>(&high)?))
}

fn labels(keywords: &Keywords<'_>, options: SessionOptions) -> PyResult<SessionOptions> {
    let Some(given) = keywords.take_any("labels")? else { return Ok(options) };
    if given.cast::<PyBool>().is_ok_and(|is_wanted| !is_wanted.is_true()) {
        return Ok(options.without_labels());
    }
    match given.cast::<PyList>().is_ok() || given.cast::<PyTuple>().is_ok() {
        true => Ok(options.labels(given.extract::<Vec<String>>()?)),
        false => Ok(options.labels_file(fspath(&given)?.str()?.to_string())),
    }
}

fn inputs(keywords: &Keywords<'_>, mut options: SessionOptions) -> PyResult<SessionOptions> {
    if let Some(named) = keywords.take::<Bound<'_, PyDict>>("inputs")? {
        for (name, given) in named {
            let given = Given::read(&given, false)?;
            options = options.input(name.extract::<String>()?, &given);
        }
    }
    if let Some(names) = keywords.take_any("explain_inputs")? {
        options = match names.extract::<String>() {
            Ok(all) if all == "all" => options.explain_all_inputs(),
            Ok(name) => options.explain_inputs([name]),
            Err(_) => options.explain_inputs(names.extract::<Vec<String>>()?),
        };
    }
    let Some(shape) = keywords.take_any("shape")? else { return Ok(options) };
    match shape.cast::<PyDict>() {
        Ok(shapes) => {
            for (name, shape) in shapes {
                let (name, shape) = (name.extract::<String>()?, shape.extract::<Vec<usize>>()?);
                options = options.shape_of(name, shape);
            }
            Ok(options)
        }
        Err(_) => Ok(options.shape(shape.extract::<Vec<usize>>()?)),
    }
}

fn numbers(keywords: &Keywords<'_>, name: &str) -> PyResult<Option<Vec<f64>>> {
    keywords.take_any(name)?.map(|given| one_or_more::<f64>(&given)).transpose()
}

/// One number, or a list of them.
fn one_or_more<'py, T: FromPyObjectOwned<'py>>(given: &Bound<'py, PyAny>) -> PyResult<Vec<T>> {
    if let Ok(number) = given.extract::<T>() {
        return Ok(vec![number]);
    }
    given.extract::<Vec<T>>()
}

/// A path as text, or what is no path as it is.
fn fspath<'py>(given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match given.hasattr("__fspath__")? {
        true => given.call_method0("__fspath__"),
        false => Ok(given.clone()),
    }
}
