//! One input: a file to explain, or why there is none.

use std::path::PathBuf;

use anyhow::Error;

/// A file to explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// The name of its results, without suffix: its path below the folder that was given, without extension.
    pub stem: PathBuf,
}

/// An input that cannot be explained.
#[derive(Debug)]
pub struct Failed {
    /// What was given.
    pub input: String,
    /// Why not.
    pub error: Error,
}

/// A file of a folder that is not taken for an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its path.
    pub input: String,
    /// Why not.
    pub reason: &'static str,
}
