//! `report.json`: what was asked for, and what came of it.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use onnxplain::io::{Overwrite, TOOL, write_bytes};
use onnxplain::maximize::{Maximizer, Measured, Objective, Settings};
use onnxplain::picture::Preprocessing;

use super::options::MaximizeOptions;

/// The report of a run.
#[derive(Serialize)]
pub struct Report<'a> {
    tool: &'static str,
    version: &'static str,
    model: String,
    preprocessing: &'a Preprocessing,
    /// Height and width of the pictures.
    size: [usize; 2],
    settings: Settings,
    /// The picture that all begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    pub pictures: Vec<Picture>,
}

/// A finished picture.
#[derive(Clone, Debug, Serialize)]
pub struct Picture {
    /// Its name in the folder.
    pub file: String,
    pub objective: Objective,
    pub seed: u64,
    /// What the network says about the file.
    #[serde(flatten)]
    pub measured: Measured,
    /// Steps, and the objective at the view of each.
    pub history: Vec<(usize, f64)>,
    /// Whether no step had a gradient.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_unmoved: bool,
}

/// A line of `--json`.
#[derive(Serialize)]
pub struct Line<'a> {
    tool: &'static str,
    version: &'static str,
    model: String,
    #[serde(flatten)]
    picture: &'a Picture,
    seconds: f64,
}

impl<'a> Report<'a> {
    /// The report of a run that has no pictures yet.
    pub fn new(options: &MaximizeOptions, maximizer: &'a Maximizer) -> Report<'a> {
        // The jitter as it is, also where it was not said.
        let jitter = Some(maximizer.jitter());
        Report {
            tool: TOOL,
            version: env!("CARGO_PKG_VERSION"),
            model: options.model.display().to_string(),
            preprocessing: maximizer.preprocessing(),
            size: maximizer.size(),
            settings: Settings { jitter, ..maximizer.settings().clone() },
            from: options.from.as_ref().map(|path| path.display().to_string()),
            pictures: vec![],
        }
    }

    /// Writes the report.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path, overwrite: Overwrite) -> Result<()> {
        write_bytes(path, serde_json::to_string_pretty(self)? + "\n", overwrite)
    }

    /// A picture as a line of its own.
    pub fn line<'b>(&self, picture: &'b Picture, seconds: f64) -> Line<'b> {
        Line { tool: TOOL, version: self.version, model: self.model.clone(), picture, seconds }
    }
}
