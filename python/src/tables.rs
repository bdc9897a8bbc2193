//! What there is to choose from.

use onnxplain::composite::{Composite, PRESETS};
use onnxplain::method::Method;
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::errors::raised;
use crate::json::to_python;

/// The composites that come with onnxplain: a list of dicts with `name`, `about` and `yaml`.
#[pyfunction]
pub fn presets(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let preset = |preset: &onnxplain::composite::Preset| -> anyhow::Result<Value> {
        let Composite { about, .. } = preset.composite()?;
        Ok(json!({ "name": preset.name, "about": about.trim_end(), "yaml": preset.yaml }))
    };
    let all = PRESETS.iter().map(preset).collect::<anyhow::Result<Vec<Value>>>();
    to_python(py, &all.map_err(raised)?)
}

/// The attribution methods: a list of dicts with `name`, `about`, `paper`, and `parameters`: the default of each, and what
/// it sets.
#[pyfunction]
pub fn methods(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let method = |method: &Method| {
        let defaults = method.parameters();
        let parameter = |option: &onnxplain::method::MethodOption| {
            let name = option.parameter();
            json!({ "name": name, "default": defaults[&name], "about": option.help })
        };
        let parameters: Vec<Value> = method.options().iter().map(parameter).collect();
        json!({
            "name": method.name(),
            "about": method.about(),
            "paper": method.paper(),
            "parameters": parameters,
        })
    };
    to_python(py, &Method::all().iter().map(method).collect::<Vec<Value>>())
}
