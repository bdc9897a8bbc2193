//! The rows of a gallery, from the lines of reports.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// What the gallery shows of a result.
#[derive(Debug)]
pub struct Row {
    /// The path of the input.
    pub input: String,
    /// Why there is no result.
    pub error: Option<String>,
    /// The predicted class and its probability.
    pub predicted: Option<(String, f32)>,
    /// The class that was explained.
    pub target: Option<String>,
    /// The files that were written, by kind, as paths below the folder of the report.
    pub files: BTreeMap<String, PathBuf>,
}

/// What was read.
#[derive(Debug)]
pub struct Rows {
    pub rows: Vec<Row>,
    /// How many lines could not be read.
    pub damaged: usize,
}

#[derive(Deserialize)]
struct Line {
    input: String,
    error: Option<String>,
    /// Why a file of a folder was no input.
    left_out: Option<String>,
    #[serde(default)]
    prediction: Vec<Class>,
    target: Option<Class>,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Class {
    index: usize,
    label: Option<String>,
    #[serde(default)]
    probability: f32,
}

impl Class {
    fn name(&self) -> String {
        match &self.label {
            Some(label) => label.clone(),
            None => format!("class {}", self.index),
        }
    }
}

/// Reads the report of a folder, or those of its shards.
///
/// # Errors
/// When there is none, it cannot be read, or it is empty.
pub fn read(folder: &Path) -> Result<Rows> {
    let mut rows = Rows { rows: vec![], damaged: 0 };
    for report in reports(folder)? {
        let text =
            fs::read(&report).with_context(|| format!("cannot read {}", report.display()))?;
        rows.add(&String::from_utf8_lossy(&text), folder);
    }
    ensure!(!rows.rows.is_empty(), "the report in {} is empty", folder.display());
    Ok(rows)
}

fn reports(folder: &Path) -> Result<Vec<PathBuf>> {
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

impl Rows {
    fn add(&mut self, text: &str, folder: &Path) {
        let parsed: Vec<Option<Line>> =
            text.lines().map(|line| serde_json::from_str(line).ok()).collect();
        self.damaged += parsed.iter().filter(|line| line.is_none()).count();
        let is_input = |line: &Line| line.left_out.is_none();
        let lines: Vec<Line> = parsed.into_iter().flatten().filter(is_input).collect();
        let names = lines.iter().flat_map(|line| line.files.values());
        let above = folders_above(names, folder);
        self.rows.extend(lines.into_iter().map(|line| row(line, above)));
    }
}

/// How many folders of the names in a report lead to its own folder. The report may have been made from another
/// folder, or moved since.
fn folders_above<'a>(names: impl Iterator<Item = &'a String>, folder: &Path) -> usize {
    let of_name = |name: &'a String| {
        let count = parts(name).count();
        (0..count).find(|&above| folder.join(below(name, above)).is_file())
    };
    names.into_iter().find_map(of_name).unwrap_or(0)
}

fn parts(name: &str) -> impl Iterator<Item = Component<'_>> {
    Path::new(name).components()
}

fn below(name: &str, above: usize) -> PathBuf {
    // What is left of an absolute path must not lead to the root again.
    let is_inside = |part: &Component| matches!(part, Component::Normal(_));
    parts(name).skip(above).filter(is_inside).collect()
}

fn row(line: Line, above: usize) -> Row {
    let predicted = line.prediction.first().map(|class| (class.name(), class.probability));
    let target = line.target.as_ref().map(Class::name);
    let files = line.files.into_iter().map(|(kind, name)| (kind, below(&name, above)));
    Row { input: line.input, error: line.error, predicted, target, files: files.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(lines: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub/a.heatmap.png"), "").unwrap();
        fs::write(folder.path().join("report.jsonl"), lines.join("\n")).unwrap();
        folder
    }

    #[test]
    fn files_are_found_from_anywhere() {
        for name in ["out/sub/a.heatmap.png", "/x/y/sub/a.heatmap.png", "sub/a.heatmap.png"] {
            let line = format!(r#"{{"input":"a.png","files":{{"heatmap":"{name}"}}}}"#);
            // Another line's file is missing; it is not mistaken for one in another folder.
            let folder = folder(&[&line, &line.replace("sub/a", "a/a")]);
            let rows = read(folder.path()).unwrap().rows;
            assert_eq!(rows[0].files["heatmap"], Path::new("sub/a.heatmap.png"), "{name}");
            assert_eq!(rows[1].files["heatmap"], Path::new("a/a.heatmap.png"), "{name}");
        }
    }

    #[test]
    fn results_failures_and_damage_are_told_apart() {
        let folder = folder(&[
            r#"{"input":"a","prediction":[{"index":3,"label":"cat","probability":0.5}],"target":{"index":4,"label":null}}"#,
            r#"{"input":"b","error":"the file is empty"}"#,
            r#"{"input":"c","pred"#,
        ]);
        let Rows { rows, damaged } = read(folder.path()).unwrap();
        assert_eq!((rows.len(), damaged), (2, 1));
        assert_eq!(rows[0].predicted, Some(("cat".to_string(), 0.5)));
        assert_eq!(rows[0].target.as_deref(), Some("class 4"));
        assert_eq!(rows[1].error.as_deref(), Some("the file is empty"));
    }

    #[test]
    fn a_folder_without_a_report_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with("there is no report.jsonl in "), "{error}");
        fs::write(folder.path().join("report.1-of-2.jsonl"), r#"{"input":"a"}"#).unwrap();
        fs::write(folder.path().join("report.2-of-2.jsonl"), r#"{"input":"b"}"#).unwrap();
        assert_eq!(read(folder.path()).unwrap().rows.len(), 2);
    }
}
