//! The reports of a folder, read together: a shard's summary tells of the shards that are done.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

/// The lines of all reports of a folder that can be read as such. Others tell of inputs that failed; a torn one is another
/// process' last.
///
/// # Errors
/// When the folder or a report cannot be read.
pub fn lines_of_reports<T: DeserializeOwned>(output: &Path) -> Result<Vec<T>> {
    let entries = fs::read_dir(output)
        .with_context(|| format!("cannot read the folder {}", output.display()))?;
    let mut lines = vec![];
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("report.") && name.ends_with(".jsonl") {
            let text =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let text = String::from_utf8_lossy(&text).into_owned();
            lines.extend(text.lines().filter_map(|line| serde_json::from_str::<T>(line).ok()));
        }
    }
    Ok(lines)
}
