//! `--relevance-format npz`: the relevance of a batch in one file.
//!
//! Results are written one by one into a folder beside the archive, so that a run that is killed loses none, and packed when
//! the batch ends. Reports name them `relevance.npz:ARRAY` from the beginning.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use onnxplain::io::pack_npz;

use crate::cli::batch::shard::Shard;

const SUFFIX: &str = ".relevance.npy";

/// The archive of a run.
pub fn name(shard: Option<Shard>) -> String {
    match shard {
        None => "relevance.npz".to_string(),
        Some(shard) => format!("relevance.{shard}.npz"),
    }
}

/// The folder of what is not packed yet.
pub fn parts(archive: &Path) -> PathBuf {
    archive.with_extension("npz.parts")
}

/// What a file of that folder is called in the archive.
pub fn array(archive: &Path, path: &Path) -> String {
    let below = path.strip_prefix(parts(archive)).unwrap_or(path).display().to_string();
    // Behind a colon, a path names the array.
    below.strip_suffix(SUFFIX).unwrap_or(&below).replace(':', "%3A")
}

/// The file that an array was, by its name in a report; `None` for what is no array.
pub fn unpacked(name: &str, suffix: &str) -> Option<String> {
    let (_, array) = name.rsplit_once(".npz:")?;
    Some(format!("{array}{suffix}"))
}

/// Packs what lies in the folder, and removes it.
///
/// # Errors
/// When files cannot be read or written.
pub fn pack(archive: &Path, keep: bool) -> Result<()> {
    let folder = parts(archive);
    if !folder.is_dir() {
        return Ok(());
    }
    let mut files = vec![];
    collect(&folder, &mut files)?;
    let mut named: Vec<(String, PathBuf)> =
        files.into_iter().map(|path| (array(archive, &path), path)).collect();
    named.sort();
    pack_npz(archive, &named, keep)?;
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder);
    let entries = entries.with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_there_and_back() {
        let archive = Path::new("out/relevance.npz");
        let file = parts(archive).join("a/b:c.4.relevance.npy");
        assert_eq!(file, Path::new("out/relevance.npz.parts/a/b:c.4.relevance.npy"));
        assert_eq!(array(archive, &file), "a/b%3Ac.4");
        let back = unpacked("out/relevance.npz:a/b.4", SUFFIX);
        assert_eq!(back.as_deref(), Some("a/b.4.relevance.npy"));
        assert_eq!(unpacked("out/a.relevance.npy", SUFFIX), None);
        assert_eq!(name(Some("2/3".parse().unwrap())), "relevance.2-of-3.npz");
    }
}
