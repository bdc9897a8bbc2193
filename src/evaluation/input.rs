//! An input of an evaluation.

use std::path::{Path, PathBuf};

/// A picture or `.npy` tensor, and the name by which its masks, maps and random numbers are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationInput {
    /// Where it is.
    pub path: PathBuf,
    /// Its path below the folder of inputs, without extension, with `/` between folders.
    pub stem: String,
}

impl EvaluationInput {
    /// An input with a name.
    pub fn new(path: impl Into<PathBuf>, stem: impl Into<String>) -> EvaluationInput {
        EvaluationInput { path: path.into(), stem: stem.into() }
    }
}

/// Called like its file.
impl<P: AsRef<Path>> From<P> for EvaluationInput {
    fn from(path: P) -> EvaluationInput {
        let path = path.as_ref();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        EvaluationInput::new(path, stem)
    }
}
