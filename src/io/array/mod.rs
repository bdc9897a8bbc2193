//! Files of numbers: `.npy`, `.npz`, CSV and WAV.
//!
//! Behind a `:`, a path says which part of a file is meant: the array of an `.npz` (`x.npz:mask`), the row of a CSV
//! file (`table.csv:3`, the first is 0).

mod csv;
mod npz;
mod wav;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{read_npy, read_npy_shape};

pub use npz::{npz_names, pack_npz};

/// The numbers of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayFile {
    /// The length of every axis, outermost first.
    pub shape: Vec<usize>,
    /// The numbers, the last axis the fastest.
    pub values: Vec<f32>,
    /// What the columns are called, where the file says so.
    pub names: Option<Vec<String>>,
    /// Whether rows are steps in time, so that a model that has them as its last axis wants the array turned.
    pub is_table: bool,
    /// What should be known about it.
    pub note: Option<String>,
}

/// How a file stores numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Npy,
    Npz,
    Csv,
    Wav,
}

/// The endings of the names of files of numbers.
pub const ARRAY_EXTENSIONS: [&str; 6] = ["npy", "npz", "csv", "tsv", "wav", "wave"];

/// Whether a path names a file of numbers.
pub fn is_array_file(path: &Path) -> bool {
    format_of(path).is_some()
}

/// The file that is meant by a path with or without a part of it.
pub fn file_of(path: &Path) -> PathBuf {
    split(path).0
}

/// The file and the part of it that are meant.
fn split(path: &Path) -> (PathBuf, Option<String>) {
    let whole = || (path.to_path_buf(), None);
    let Some(text) = path.to_str() else { return whole() };
    let Some((file, part)) = text.rsplit_once(':') else { return whole() };
    // Of other files, a colon belongs to the name.
    match format_of_name(Path::new(file)) {
        Some(Format::Npz | Format::Csv) if !part.is_empty() => {
            (file.into(), Some(part.to_string()))
        }
        _ => whole(),
    }
}

fn format_of(path: &Path) -> Option<Format> {
    format_of_name(&split(path).0)
}

fn format_of_name(path: &Path) -> Option<Format> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "npy" => Some(Format::Npy),
        "npz" => Some(Format::Npz),
        "csv" | "tsv" => Some(Format::Csv),
        "wav" | "wave" => Some(Format::Wav),
        _ => None,
    }
}

/// Reads a file of numbers, by the ending of its name.
///
/// # Errors
/// When it cannot be read, holds no numbers, or not the part that is asked for.
pub fn read_array(path: &Path) -> Result<ArrayFile> {
    let (file, part) = split(path);
    let part = part.as_deref();
    let plain = |(shape, values): (Vec<usize>, Vec<f32>)| ArrayFile {
        shape,
        values,
        names: None,
        is_table: false,
        note: None,
    };
    let read = || match format_of_name(&file) {
        Some(Format::Npy) => Ok(plain(read_npy(&file)?)),
        Some(Format::Npz) => Ok(plain(npz::read(&file, part)?)),
        Some(Format::Csv) => csv::read(&file, part),
        Some(Format::Wav) => wav::read(&file),
        None => bail!("its name does not end in {}", ARRAY_EXTENSIONS.join(", ")),
    };
    match format_of_name(&file) {
        Some(Format::Npy) => read(),
        _ => read().with_context(|| format!("cannot read the numbers of {}", path.display())),
    }
}

/// Reads the shape of what a file holds; of an `.npy` file nothing but that.
///
/// # Errors
/// As [`read_array`].
pub fn read_array_shape(path: &Path) -> Result<Vec<usize>> {
    match format_of(path) {
        Some(Format::Npy) => read_npy_shape(path),
        _ => Ok(read_array(path)?.shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_from_names() {
        let split = |path: &str| {
            let (file, part) = split(Path::new(path));
            (file.display().to_string(), part)
        };
        let part = |file: &str, part: &str| (file.to_string(), Some(part.to_string()));
        let whole = |file: &str| (file.to_string(), None);
        assert_eq!(split("a/x.npz:mask"), part("a/x.npz", "mask"));
        assert_eq!(split("t.csv:3"), part("t.csv", "3"));
        assert_eq!(split("x.npz"), whole("x.npz"));
        assert_eq!(split("C:x.npy"), whole("C:x.npy"));
        assert_eq!(split("x.npy:3"), whole("x.npy:3"));
        assert!(is_array_file(Path::new("x.NPZ:a")) && is_array_file(Path::new("a.wav")));
        assert!(!is_array_file(Path::new("cat.jpg")) && !is_array_file(Path::new("npy")));
    }
}
