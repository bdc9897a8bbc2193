//! The results that the reports of a folder tell of, all of one way to explain.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::files::{Above, reports};

/// Everything that was read.
#[derive(Debug)]
pub struct Explained {
    pub folder: PathBuf,
    /// In the order of inputs and classes, so that shards and the order of lines change nothing.
    pub rows: Vec<Row>,
    pub way: Way,
    /// Inputs that could not be explained.
    pub failed: usize,
}

/// A result.
#[derive(Clone, Debug)]
pub struct Row {
    pub input: String,
    /// The class that is explained.
    pub target: Class,
    /// The strongest class.
    pub predicted: Option<Class>,
    /// Its probability, 0 to 1.
    pub probability: f32,
    /// Every class's logit, where the report has them.
    pub logits: Option<Vec<f32>>,
    /// The file of relevance.
    pub relevance: PathBuf,
    /// The overlay, as a path below the folder.
    pub overlay: Option<PathBuf>,
}

/// A class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Class {
    pub index: usize,
    pub label: Option<String>,
}

impl Class {
    /// The label, or the index.
    pub fn name(&self) -> String {
        self.label.clone().unwrap_or_else(|| format!("class {}", self.index))
    }
}

/// How results were made: the same for all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Way {
    #[serde(default)]
    pub model: String,
    #[serde(default)]
    pub method: String,
    #[serde(default)]
    pub composite: String,
    #[serde(default)]
    pub parameters: Value,
    #[serde(default)]
    pub explained: String,
    #[serde(default)]
    pub preprocessing: Value,
}

#[derive(Deserialize)]
struct Line {
    input: String,
    error: Option<String>,
    /// Why a file of a folder was no input.
    left_out: Option<String>,
    target: Option<Target>,
    #[serde(default)]
    prediction: Vec<Predicted>,
    logits: Option<Vec<f32>>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(flatten)]
    way: Way,
}

#[derive(Deserialize)]
struct Target {
    #[serde(flatten)]
    class: Class,
    against: Option<Value>,
}

#[derive(Deserialize)]
struct Predicted {
    #[serde(flatten)]
    class: Class,
    #[serde(default)]
    probability: f32,
}

/// Reads the report of a folder, or those of its shards.
///
/// # Errors
/// When there is none, lines are damaged, results were made in different ways, or no relevance was saved.
pub fn read_rows(folder: &Path) -> Result<Explained> {
    let mut lines = vec![];
    for report in reports(folder)? {
        lines.extend(read_lines(&report, folder)?);
    }
    let failed = lines.iter().filter(|line| line.error.is_some()).count();
    lines.retain(|line| line.error.is_none() && line.left_out.is_none() && line.target.is_some());
    let Some(first) = lines.first() else {
        bail!("the report in {} has no results", folder.display());
    };
    let way = first.way.clone();
    refuse_mixed(&lines, folder)?;
    let names = lines.iter().flat_map(|line| line.files.values());
    let above = Above::of(names, folder);
    let command = command(&way, folder);
    let rows = lines.into_iter().map(|line| row(line, above, folder, &command));
    let mut rows = rows.collect::<Result<Vec<Row>>>()?;
    rows.sort_by(|a, b| (&a.input, &a.target).cmp(&(&b.input, &b.target)));
    rows.dedup_by(|a, b| (&a.input, &a.target) == (&b.input, &b.target));
    Ok(Explained { folder: folder.to_path_buf(), rows, way, failed })
}

fn read_lines(report: &Path, folder: &Path) -> Result<Vec<Line>> {
    let text = fs::read(report).with_context(|| format!("cannot read {}", report.display()))?;
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().enumerate().map(|(number, line)| {
        serde_json::from_str(line).ok().with_context(|| {
            format!(
                "line {} of {} is damaged: `onnxplain explain MODEL INPUT... -o {} --resume` with the options it was \
                 made with repairs it",
                number + 1,
                report.display(),
                folder.display()
            )
        })
    });
    lines.collect()
}

/// Heatmaps that were made in different ways are no neighbours of each other.
fn refuse_mixed(lines: &[Line], folder: &Path) -> Result<()> {
    let different = |name: &str, of: &dyn Fn(&Line) -> String| -> Result<()> {
        let found: BTreeSet<String> = lines.iter().map(of).collect();
        let listed: Vec<&str> = found.iter().map(String::as_str).collect();
        ensure!(
            found.len() <= 1,
            "the report in {} has results of several {name}: {}. Give each a folder of its own: `onnxplain explain \
             MODEL INPUT... -o DIR --save relevance,overlay,report` with one model, method and composite",
            folder.display(),
            listed.join(", ")
        );
        Ok(())
    };
    different("models", &|line| line.way.model.clone())?;
    different("methods", &|line| line.way.method.clone())?;
    different("composites", &|line| line.way.composite.clone())?;
    different("parameters", &|line| line.way.parameters.to_string())?;
    different("explained quantities", &|line| line.way.explained.clone())?;
    different("preparations", &|line| line.way.preprocessing.to_string())?;
    let is_difference =
        |line: &Line| line.target.as_ref().is_some_and(|target| target.against.is_some());
    let differences = lines.iter().filter(|line| is_difference(line)).count();
    ensure!(
        differences == 0 || differences == lines.len(),
        "the report in {} has results of a class alone and against another one: give each a folder of its own",
        folder.display()
    );
    Ok(())
}

/// The command that writes what is missing.
fn command(way: &Way, folder: &Path) -> String {
    let how = match (way.method.as_str(), way.composite.as_str()) {
        ("lrp" | "", "") => String::new(),
        ("lrp" | "", composite) => format!(" --composite {composite}"),
        (method, _) => format!(" --method {method}"),
    };
    format!(
        "onnxplain explain {} INPUT... -o {}{how} --save relevance,overlay,report --overwrite",
        way.model,
        folder.display()
    )
}

fn row(line: Line, above: Above, folder: &Path, command: &str) -> Result<Row> {
    let relevance = line.files.get("relevance").with_context(|| {
        format!("no relevance of {} was saved: `{command}` saves it", line.input)
    })?;
    let relevance = folder.join(above.below(relevance));
    ensure!(
        relevance.is_file() || onnxplain::io::file_of(&relevance).is_file(),
        "the relevance {} is missing: `{command}` writes it",
        relevance.display()
    );
    let target = line.target.context("a result without a class")?.class;
    let top = line.prediction.into_iter().next();
    Ok(Row {
        target,
        probability: top.as_ref().map_or(0.0, |top| top.probability),
        predicted: top.map(|top| top.class),
        logits: line.logits,
        relevance,
        overlay: line.files.get("overlay").map(|name| above.below(name)),
        input: line.input,
    })
}
