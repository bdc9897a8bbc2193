//! What a gallery shows, from the lines of reports: an entry for each input, with all its results.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use onnxplain::Sign;

use crate::cli::explained::{Above, reports};

/// An input with its results.
#[derive(Debug)]
pub struct Entry {
    /// The path of the input.
    pub input: String,
    /// Why there is no result.
    pub error: Option<String>,
    /// The strongest classes.
    pub prediction: Vec<Class>,
    pub results: Vec<Shown>,
}

/// A result of an input.
#[derive(Debug)]
pub struct Shown {
    /// The class that was explained, and the one that it was compared with.
    pub target: String,
    pub against: Option<String>,
    /// Method and composite.
    pub way: String,
    /// What is explained of the class.
    pub explained: String,
    pub logit: f32,
    /// What relevance above 0 speaks for.
    pub positive: Sign,
    /// The files that were written, by kind, as paths below the folder of the report.
    pub files: BTreeMap<String, PathBuf>,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Entries {
    pub entries: Vec<Entry>,
    /// How many lines could not be read.
    pub damaged: usize,
    pub models: BTreeSet<String>,
    /// The ways that results were explained in.
    pub ways: BTreeSet<String>,
    pub renderings: BTreeSet<RenderingWords>,
    pub version: String,
    /// When the report was written last, in seconds since 1970.
    pub time: u64,
}

/// How results are coloured.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct RenderingWords {
    pub colormap: String,
    pub normalization: String,
}

#[derive(Deserialize)]
struct Line {
    input: String,
    error: Option<String>,
    /// Why a file of a folder was no input.
    left_out: Option<String>,
    #[serde(default)]
    model: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    composite: String,
    #[serde(default)]
    explained: String,
    #[serde(default)]
    version: String,
    rendering: Option<RenderingWords>,
    #[serde(default)]
    positive: Sign,
    #[serde(default)]
    prediction: Vec<Class>,
    target: Option<Target>,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

/// A class of a prediction.
#[derive(Debug, Deserialize)]
pub struct Class {
    pub index: usize,
    label: Option<String>,
    #[serde(default)]
    pub probability: f32,
}

#[derive(Deserialize)]
struct Target {
    #[serde(flatten)]
    class: Class,
    #[serde(default)]
    logit: f32,
    against: Option<Box<Target>>,
}

impl Class {
    /// The label, or the index.
    pub fn name(&self) -> String {
        match &self.label {
            Some(label) => label.clone(),
            None => format!("class {}", self.index),
        }
    }

    /// Whether a true class is this one: by its index, its name or one of its synonyms, whatever the case.
    pub fn is(&self, truth: &str) -> bool {
        let plain = |text: &str| text.trim().to_lowercase().replace(['_', '-'], " ");
        let name = self.name();
        let mut names = name.split(',').chain([name.as_str()]);
        names.any(|name| plain(name) == plain(truth)) || self.index.to_string() == truth.trim()
    }
}

/// Reads the report of a folder, or those of its shards.
///
/// # Errors
/// When there is none, it cannot be read, or it is empty.
pub fn read(folder: &Path) -> Result<Entries> {
    let mut all = Entries::default();
    for report in reports(folder)? {
        let text =
            fs::read(&report).with_context(|| format!("cannot read {}", report.display()))?;
        all.add(&String::from_utf8_lossy(&text), folder);
        let modified = fs::metadata(&report).and_then(|data| data.modified());
        let modified = modified.unwrap_or(SystemTime::UNIX_EPOCH).duration_since(UNIX_EPOCH);
        all.time = all.time.max(modified.map_or(0, |since| since.as_secs()));
    }
    ensure!(!all.entries.is_empty(), "the report in {} is empty", folder.display());
    Ok(all)
}

impl Entries {
    fn add(&mut self, text: &str, folder: &Path) {
        let parsed: Vec<Option<Line>> =
            text.lines().map(|line| serde_json::from_str(line).ok()).collect();
        self.damaged += parsed.iter().filter(|line| line.is_none()).count();
        let is_input = |line: &Line| line.left_out.is_none();
        let lines: Vec<Line> = parsed.into_iter().flatten().filter(is_input).collect();
        let names = lines.iter().flat_map(|line| line.files.values());
        let above = Above::of(names, folder);
        for line in lines {
            self.add_line(line, above);
        }
    }

    fn add_line(&mut self, line: Line, above: Above) {
        if line.error.is_none() {
            self.models.insert(line.model.clone());
            self.ways.insert(line.way());
            self.renderings.insert(line.rendering.clone().unwrap_or_default());
            self.version.clone_from(&line.version);
        }
        let (input, error) = (line.input.clone(), line.error.clone());
        let Shows { prediction, result } = line.shows(above);
        // The results of an input follow each other; the same result once more is another input.
        let last = self.entries.last_mut().filter(|last| {
            let is_new = |result: &Shown| !last.results.iter().any(|it| it.is_same(result));
            last.input == input && last.error.is_none() && result.as_ref().is_some_and(is_new)
        });
        match last {
            Some(last) => last.results.extend(result),
            None => {
                let results = result.into_iter().collect();
                self.entries.push(Entry { input, error, prediction, results });
            }
        }
    }
}

/// What a line shows.
struct Shows {
    prediction: Vec<Class>,
    result: Option<Shown>,
}

impl Line {
    fn way(&self) -> String {
        match self.method.as_str() {
            "lrp" => format!("lrp {}", self.composite),
            method => method.to_string(),
        }
    }

    fn shows(self, above: Above) -> Shows {
        let way = self.way();
        let files = self.files.into_iter().map(|(kind, name)| (kind, above.below(&name)));
        let result = self.target.filter(|_| self.error.is_none()).map(|target| Shown {
            target: target.class.name(),
            against: target.against.map(|other| other.class.name()),
            way,
            explained: self.explained,
            logit: target.logit,
            positive: self.positive,
            files: files.collect(),
        });
        Shows { prediction: self.prediction, result }
    }
}

impl Shown {
    fn is_same(&self, other: &Shown) -> bool {
        (&self.target, &self.against, &self.way) == (&other.target, &other.against, &other.way)
    }
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
            let line = format!(
                r#"{{"input":"a.png","target":{{"index":1,"label":null}},"files":{{"heatmap":"{name}"}}}}"#
            );
            // Another line's file is missing; it is not mistaken for one in another folder.
            let folder = folder(&[&line, &line.replace("sub/a", "a/a")]);
            let entries = read(folder.path()).unwrap().entries;
            let file = |index: usize| &entries[index].results[0].files["heatmap"];
            assert_eq!(file(0), Path::new("sub/a.heatmap.png"), "{name}");
            assert_eq!(file(1), Path::new("a/a.heatmap.png"), "{name}");
        }
    }

    #[test]
    fn results_of_an_input_failures_and_damage_are_told_apart() {
        let line = r#"{"input":"a","method":"lrp","composite":"vgg","prediction":[{"index":3,"label":"cat","probability":0.5}],"target":{"index":4,"label":null,"logit":-1.5}}"#;
        let folder = folder(&[
            line,
            &line.replace("vgg", "gamma"),
            r#"{"input":"b","error":"the file is empty"}"#,
            r#"{"input":"c","pred"#,
        ]);
        let Entries { entries, damaged, ways, .. } = read(folder.path()).unwrap();
        assert_eq!((entries.len(), damaged, ways.len()), (2, 1, 2));
        let Entry { prediction, results, .. } = &entries[0];
        assert_eq!((prediction[0].name().as_str(), prediction[0].probability), ("cat", 0.5));
        assert_eq!(results.len(), 2);
        assert_eq!((results[1].target.as_str(), results[1].way.as_str()), ("class 4", "lrp gamma"));
        assert_eq!(results[1].logit, -1.5);
        assert_eq!(entries[1].error.as_deref(), Some("the file is empty"));
    }

    #[test]
    fn a_true_class_is_found_by_name_synonym_and_index() {
        let label = Some("tabby, tabby cat".to_string());
        let class = Class { index: 281, label, probability: 1.0 };
        for truth in ["tabby", "Tabby_Cat", "tabby, tabby cat", "281", " tabby "] {
            assert!(class.is(truth), "{truth}");
        }
        assert!(!class.is("cat") && !class.is("28"));
    }

    #[test]
    fn a_folder_without_a_report_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.starts_with("there is no report.jsonl in "), "{error}");
        fs::write(folder.path().join("report.1-of-2.jsonl"), r#"{"input":"a"}"#).unwrap();
        fs::write(folder.path().join("report.2-of-2.jsonl"), r#"{"input":"b"}"#).unwrap();
        assert_eq!(read(folder.path()).unwrap().entries.len(), 2);
    }
}
