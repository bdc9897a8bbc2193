//! The Python module of onnxplain.

use pyo3::prelude::*;

/// The module as Python sees it.
#[pymodule]
fn _onnxplain(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
