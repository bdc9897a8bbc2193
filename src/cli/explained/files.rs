//! Reports of a folder, and where the files lie that they name.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The report of a folder, or those of its shards.
///
/// # Errors
/// When there is none, or the folder cannot be read.
pub fn reports(folder: &Path) -> Result<Vec<PathBuf>> {
    let whole = folder.join("report.jsonl");
    if whole.exists() {
        return Ok(vec![whole]);
    }
    let is_shard = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("report.") && name.contains("-of-") && name.ends_with(".jsonl")
    };
    let entries = fs::read_dir(folder);
    let entries =
        entries.with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut shards: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_shard).collect();
    shards.sort();
    ensure!(
        !shards.is_empty(),
        "there is no report.jsonl in {}: `onnxplain explain MODEL PHOTOS/ -o {}` writes one",
        folder.display(),
        folder.display()
    );
    Ok(shards)
}

/// How many folders of the names in a report lead to its own folder. The report may have been made from another
/// folder, or moved since.
#[derive(Clone, Copy, Debug)]
pub struct Above(usize);

impl Above {
    /// Found by the first name whose file exists.
    pub fn of<'a>(names: impl Iterator<Item = &'a String>, folder: &Path) -> Above {
        let of_name = |name: &'a String| {
            let count = parts(name).count();
            (0..count).find(|&above| is_there(&folder.join(below(name, above))))
        };
        Above(names.into_iter().find_map(of_name).unwrap_or(0))
    }

    /// The path of a file below the report's folder.
    pub fn below(self, name: &str) -> PathBuf {
        below(name, self.0)
    }
}

/// Whether a file is there, or the archive that it is a part of.
fn is_there(path: &Path) -> bool {
    path.is_file() || onnxplain::io::file_of(path).is_file()
}

fn parts(name: &str) -> impl Iterator<Item = Component<'_>> {
    Path::new(name).components()
}

fn below(name: &str, above: usize) -> PathBuf {
    // What is left of an absolute path must not lead to the root again.
    let is_inside = |part: &Component| matches!(part, Component::Normal(_));
    parts(name).skip(above).filter(is_inside).collect()
}
