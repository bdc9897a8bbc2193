//! Keyword arguments of functions that have many.

use std::fmt::Display;

use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The keyword arguments that were not read yet.
pub struct Keywords<'py> {
    left: Bound<'py, PyDict>,
}

impl<'py> Keywords<'py> {
    /// Those of a call.
    pub fn new(py: Python<'py>, given: Option<&Bound<'py, PyDict>>) -> PyResult<Keywords<'py>> {
        let left = given.map_or_else(|| Ok(PyDict::new(py)), |given| given.copy())?;
        Ok(Keywords { left })
    }

    /// An argument as it is; `None` where it is not given, or is Python's `None`.
    pub fn take_any(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(value) = self.left.get_item(name)? else { return Ok(None) };
        self.left.del_item(name)?;
        Ok(Some(value).filter(|value| !value.is_none()))
    }

    /// An argument of a type.
    ///
    /// # Errors
    /// Python's TypeError, which names the argument.
    pub fn take<T: FromPyObjectOwned<'py>>(&self, name: &str) -> PyResult<Option<T>> {
        let Some(value) = self.take_any(name)? else { return Ok(None) };
        let read = value.extract::<T>().map_err(Into::<PyErr>::into);
        read.map(Some).map_err(|error| named(name, error.value(self.left.py())))
    }

    /// An argument that is written as a word.
    ///
    /// # Errors
    /// Python's TypeError, which names the argument.
    pub fn take_word<T: std::str::FromStr<Err: Display>>(&self, name: &str) -> PyResult<Option<T>> {
        let Some(value) = self.take_any(name)? else { return Ok(None) };
        let word = value.str()?.to_string();
        word.parse().map(Some).map_err(|error: T::Err| named(name, error))
    }

    /// Adds one that was given in another way.
    pub fn give(&self, name: &str, value: Option<Bound<'py, PyAny>>) -> PyResult<()> {
        value.map_or(Ok(()), |value| self.left.set_item(name, value))
    }

    /// Those that are left.
    pub fn rest(self) -> Bound<'py, PyDict> {
        self.left
    }

    /// Refuses what was not read.
    ///
    /// # Errors
    /// Python's TypeError, which names the first.
    pub fn end(self, function: &str) -> PyResult<()> {
        let Some((name, _)) = self.left.iter().next() else { return Ok(()) };
        let text = format!("{function}() got an unexpected keyword argument '{name}'");
        Err(PyTypeError::new_err(text))
    }
}

/// An argument that cannot be used.
fn named(name: &str, error: impl Display) -> PyErr {
    PyTypeError::new_err(format!("argument '{name}': {error}"))
}
