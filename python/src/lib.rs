//! The Python module of onnxplain: a thin layer over the library, and the command, which the wheel has too.
//!
//! ```text
//! Python ─ opening, way, given ─▶ library's options, inputs ─ watched, work ─▶ explanation, prediction, figure ─▶ Python
//!          what is asked for                                  without the lock   classes, arrays of NumPy
//! ```

#[path = "../../src/allocator.rs"]
mod allocator;
#[path = "../../src/cli/mod.rs"]
mod cli;
mod compiled;
mod errors;
mod explanation;
mod figure;
mod given;
mod json;
mod keywords;
mod model;
mod opening;
mod prediction;
mod tables;
mod values;
mod watched;
mod way;
mod work;

use std::ffi::OsString;
use std::io::Write;

use pyo3::prelude::*;

/// Runs the command line, the program's name first; returns the exit code. The process belongs to the command: it takes
/// over Ctrl-C, and tunes the allocator.
#[pyfunction]
fn run_command(py: Python<'_>, words: Vec<OsString>) -> u8 {
    py.detach(|| {
        allocator::keep_pages();
        let code = cli::run_words(&words);
        // Where nobody reads any more, nothing is lost.
        let _ = std::io::stdout().flush();
        code
    })
}

/// The module as Python sees it.
#[pymodule]
fn _onnxplain(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // Panics become exceptions, and are not printed as well.
    cli::failure::install_panic_hook(false);
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    errors::add(module)?;
    module.add_class::<model::Model>()?;
    module.add_class::<explanation::Explanation>()?;
    module.add_class::<prediction::Prediction>()?;
    module.add_class::<prediction::Class>()?;
    module.add_class::<prediction::Books>()?;
    module.add_class::<prediction::Notice>()?;
    module.add_class::<values::Picture>()?;
    module.add_class::<figure::Figure>()?;
    module.add_function(wrap_pyfunction!(model::load, module)?)?;
    module.add_function(wrap_pyfunction!(figure::figure_of, module)?)?;
    module.add_function(wrap_pyfunction!(tables::presets, module)?)?;
    module.add_function(wrap_pyfunction!(tables::methods, module)?)?;
    module.add_function(wrap_pyfunction!(run_command, module)?)
}
