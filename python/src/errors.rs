//! Errors as exceptions, with the sentences that the command prints.

use std::ffi::CString;

use onnxplain::{Notice, Severity};
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyKeyboardInterrupt, PyUserWarning};
use pyo3::prelude::*;

use crate::cli::failure::chain;
use crate::cli::terminal::shown;

create_exception!(
    onnxplain,
    Error,
    PyException,
    "What went wrong: a sentence that says what, where, and what to do next."
);
create_exception!(
    onnxplain,
    ModelError,
    Error,
    "The model cannot be read, is damaged, or uses operators that are not known."
);
create_exception!(
    onnxplain,
    PreprocessingError,
    Error,
    "The preprocessing cannot be read, or does not fit the model."
);
create_exception!(
    onnxplain,
    LabelsError,
    Error,
    "The labels cannot be read, or there are fewer or more of them than classes."
);
create_exception!(
    onnxplain,
    InputError,
    Error,
    "A picture or array cannot be read, or does not fit the model."
);
create_exception!(
    onnxplain,
    CompositeError,
    Error,
    "The composite cannot be read, or does not fit the network."
);
create_exception!(
    onnxplain,
    MethodError,
    Error,
    "There is no such method or parameter, or it cannot be applied to the network."
);
create_exception!(
    onnxplain,
    TargetError,
    Error,
    "The class that is to be explained does not exist, or a label fits several."
);
create_exception!(
    onnxplain,
    ComputationError,
    Error,
    "The numbers that come out cannot be used, or the system has no more memory or threads."
);
create_exception!(
    onnxplain,
    RenderingError,
    Error,
    "The relevance cannot be drawn, or not in this way."
);
create_exception!(onnxplain, FileError, Error, "A file cannot be written.");
create_exception!(
    onnxplain,
    DoubtWarning,
    PyUserWarning,
    "Something that may spoil the result, or make it look like something that it is not."
);

/// Adds the exceptions to the module.
pub fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    for (name, class) in [
        ("Error", py.get_type::<Error>()),
        ("ModelError", py.get_type::<ModelError>()),
        ("PreprocessingError", py.get_type::<PreprocessingError>()),
        ("LabelsError", py.get_type::<LabelsError>()),
        ("InputError", py.get_type::<InputError>()),
        ("CompositeError", py.get_type::<CompositeError>()),
        ("MethodError", py.get_type::<MethodError>()),
        ("TargetError", py.get_type::<TargetError>()),
        ("ComputationError", py.get_type::<ComputationError>()),
        ("RenderingError", py.get_type::<RenderingError>()),
        ("FileError", py.get_type::<FileError>()),
        ("DoubtWarning", py.get_type::<DoubtWarning>()),
    ] {
        module.add(name, class)?;
    }
    Ok(())
}

/// An error as the exception of its kind.
pub fn raised(error: anyhow::Error) -> PyErr {
    use onnxplain::Error as Kind;
    let text = shown(&chain(&error));
    match error.downcast_ref::<Kind>() {
        Some(Kind::Model(_)) => ModelError::new_err(text),
        Some(Kind::Preprocessing(_)) => PreprocessingError::new_err(text),
        Some(Kind::Labels(_)) => LabelsError::new_err(text),
        Some(Kind::Input(_)) => InputError::new_err(text),
        Some(Kind::Composite(_)) => CompositeError::new_err(text),
        Some(Kind::Method(_)) => MethodError::new_err(text),
        Some(Kind::Target(_)) => TargetError::new_err(text),
        Some(Kind::Computation(_)) => ComputationError::new_err(text),
        Some(Kind::Rendering(_)) => RenderingError::new_err(text),
        Some(Kind::Io(_)) => FileError::new_err(text),
        Some(Kind::Cancelled) => PyKeyboardInterrupt::new_err(()),
        _ => Error::new_err(text),
    }
}

/// A file that could not be written.
pub fn unwritten(error: anyhow::Error) -> PyErr {
    FileError::new_err(shown(&chain(&error)))
}

/// An error of the library as the exception of its kind.
pub fn raised_plain(error: onnxplain::Error) -> PyErr {
    raised(error.into())
}

/// Says notices as Python says such things: warnings as warnings, notes to the logger `onnxplain`.
pub fn say(py: Python<'_>, notices: &[Notice]) -> PyResult<()> {
    for Notice { severity, text, .. } in notices {
        let text = shown(text);
        match severity {
            Severity::Warning => {
                let category = py.get_type::<DoubtWarning>();
                PyErr::warn(py, &category, &CString::new(text)?, 1)?;
            }
            Severity::Note | Severity::Detail => {
                let level = if *severity == Severity::Note { "info" } else { "debug" };
                let logger = py.import("logging")?.call_method1("getLogger", ("onnxplain",))?;
                logger.call_method1(level, ("%s", text))?;
            }
        }
    }
    Ok(())
}
