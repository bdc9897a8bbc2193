//! `--virelay DIR`: a project for ViRelAy, the viewer of Anders et al. 2021, as its version 0.6.1 reads it.
//!
//! | file | what it holds |
//! |---|---|
//! | `project.yaml` | the names of the others |
//! | `labels.json` | `index`, `word_net_id` and `name` of every class |
//! | `dataset.h5` | `/data` (N, 3, H, W) bytes: pictures as the network sees them; `/label` (N) |
//! | `attribution.h5` | `/attribution` (N, 3, H, W): a third of the relevance in each channel; `/prediction` (N, K); `/label` (N) |
//! | `analysis.h5` | a group for each class: `index`, `cluster/NAME`, `embedding/spectral` with `eigenvalue`, `embedding/tsne` |

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use onnxplain::io::{Element, Hdf5, Overwrite, write_bytes};
use onnxplain::picture::{InputShape, Layout, Preprocessing, Preprocessor, decode};
use onnxplain::probe::Lens;
use onnxplain::spray::Analysis;
use onnxplain::tensor::Tensor;

use super::Findings;
use super::groups::{Group, GroupBy};

/// Columns of the spectral embedding; missing ones are zero.
const COLUMNS: usize = 32;

/// What ViRelAy calls a class.
fn key(class: usize) -> String {
    format!("{class:08}")
}

/// Writes a project.
///
/// # Errors
/// When groups are no classes, logits or pictures are missing, or files cannot be written.
pub fn write(folder: &Path, findings: &Findings, by: GroupBy, overwrite: bool) -> Result<()> {
    ensure!(
        by == GroupBy::Target,
        "--virelay shows classes: leave --by out, so that heatmaps are grouped by the class that is explained"
    );
    ensure!(
        overwrite || !folder.join("project.yaml").exists(),
        "{} exists already; give --overwrite to replace it",
        folder.join("project.yaml").display()
    );
    let groups: Vec<(&Group, &Analysis)> = findings
        .groups
        .iter()
        .filter_map(|group| Some((group, group.analysis.as_ref()?)))
        .collect();
    ensure!(!groups.is_empty(), "--virelay: no group is large enough to be analysed");
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let rows: Vec<usize> =
        groups.iter().flat_map(|(group, _)| group.rows.iter().copied()).collect();
    let classes = class_count(findings, &rows)?;
    write_bytes(&folder.join("labels.json"), labels(findings, classes)?, Overwrite::Replace)?;
    write_dataset(&folder.join("dataset.h5"), findings, &rows)?;
    write_attribution(&folder.join("attribution.h5"), findings, &rows, classes)?;
    write_analysis(&folder.join("analysis.h5"), &groups)?;
    // The project last: where it is, everything is.
    write_bytes(&folder.join("project.yaml"), project(findings), Overwrite::Replace)
}

/// How many logits each result has.
fn class_count(findings: &Findings, rows: &[usize]) -> Result<usize> {
    let of_row = |row: &usize| findings.explained.rows[*row].logits.as_ref().map(Vec::len);
    let counts: Option<Vec<usize>> = rows.iter().map(of_row).collect();
    let counts = counts.with_context(|| {
        format!(
            "--virelay needs the logits of all classes: `onnxplain explain {} INPUT... -o {} --logits all --save \
             relevance,overlay,report --overwrite` puts them into the report",
            findings.explained.way.model,
            findings.explained.folder.display()
        )
    })?;
    let first = counts.first().copied().unwrap_or(0);
    ensure!(counts.iter().all(|count| *count == first), "results have different numbers of logits");
    ensure!(
        first <= usize::from(u16::MAX),
        "ViRelAy counts classes with 16 bits, {first} are too many"
    );
    Ok(first)
}

fn labels(findings: &Findings, classes: usize) -> Result<String> {
    let mut names: BTreeMap<usize, String> = BTreeMap::new();
    for row in &findings.explained.rows {
        for class in [Some(&row.target), row.predicted.as_ref()].into_iter().flatten() {
            names.insert(class.index, class.name());
        }
    }
    let label = |class: usize| {
        let name = names.get(&class).cloned().unwrap_or_else(|| format!("class {class}"));
        json!({ "index": class, "word_net_id": key(class), "name": name })
    };
    Ok(serde_json::to_string_pretty(&(0..classes).map(label).collect::<Vec<_>>())? + "\n")
}

fn project(findings: &Findings) -> String {
    let [height, width] = findings.maps.pooling.size();
    let folder = std::path::absolute(&findings.explained.folder).unwrap_or_default();
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let way = &findings.explained.way;
    // JSON strings are YAML strings.
    let [name, model, method] = [name.as_ref(), way.model.as_str(), way.method.as_str()]
        .map(|text| json!(text).to_string());
    format!(
        "project:\n  name: {name}\n  model: {model}\n  label_map: labels.json\n  dataset:\n    name: {name}\n    type: hdf5\n    \
         path: dataset.h5\n    input_width: {width}\n    input_height: {height}\n    down_sampling_method: none\n    \
         up_sampling_method: none\n  attributions:\n    attribution_method: {method}\n    attribution_strategy: \
         predicted_label\n    sources: [attribution.h5]\n  analyses:\n    - analysis_method: spectral\n      sources: \
         [analysis.h5]\n"
    )
}

/// The explained class of every row.
fn write_classes(file: &mut Hdf5, findings: &Findings, rows: &[usize]) -> Result<()> {
    let mut dataset = file.dataset("label", Element::U16, &[rows.len()]);
    for &row in rows {
        dataset.write(&(findings.explained.rows[row].target.index as u16).to_le_bytes())?;
    }
    dataset.finish()
}

/// Pictures as the network sees them, gray ones in three channels.
fn write_dataset(path: &Path, findings: &Findings, rows: &[usize]) -> Result<()> {
    let [height, width] = findings.maps.pooling.size();
    let steps: Preprocessing = serde_json::from_value(findings.explained.way.preprocessing.clone())
        .context("--virelay shows pictures, and the report does not say how they were prepared")?;
    ensure!(
        steps.size == Some([height, width]),
        "--virelay shows heatmaps over pictures: they must have the size of the network's input"
    );
    let lens = Lens::new(&steps)?;
    let layout = steps.layout.unwrap_or(Layout::Nchw);
    let shape = InputShape { channels: lens.planes(), height, width, layout };
    let preprocessor = Preprocessor::new(&steps, shape)?;
    let mut file = Hdf5::create(path)?;
    let mut dataset = file.dataset("data", Element::U8, &[rows.len(), 3, height, width]);
    for &row in rows {
        let input = Path::new(&findings.explained.rows[row].input);
        let prepared = preprocessor.apply(&decode(input)?)?;
        let scene = lens.scene(&Tensor::new(&prepared.shape, &prepared.values)?)?;
        for plane in 0..3 {
            dataset.write(scene.plane(plane.min(scene.count() - 1)))?;
        }
    }
    dataset.finish()?;
    write_classes(&mut file, findings, rows)?;
    file.finish()
}

/// Relevance, a third of each position's sum in each channel; and the logits.
fn write_attribution(
    path: &Path,
    findings: &Findings,
    rows: &[usize],
    classes: usize,
) -> Result<()> {
    let [height, width] = findings.maps.pooling.size();
    let mut file = Hdf5::create(path)?;
    let mut dataset = file.dataset("attribution", Element::F32, &[rows.len(), 3, height, width]);
    for &row in rows {
        let map = findings.maps.read(&findings.explained.rows[row])?;
        let third: Vec<f32> = map.iter().map(|value| (value / 3.0) as f32).collect();
        (0..3).try_for_each(|_| dataset.write_floats(&third))?;
    }
    dataset.finish()?;
    let mut dataset = file.dataset("prediction", Element::F32, &[rows.len(), classes]);
    for &row in rows {
        dataset.write_floats(findings.explained.rows[row].logits.as_deref().unwrap_or_default())?;
    }
    dataset.finish()?;
    write_classes(&mut file, findings, rows)?;
    file.finish()
}

fn write_analysis(path: &Path, groups: &[(&Group, &Analysis)]) -> Result<()> {
    let mut file = Hdf5::create(path)?;
    let mut first = 0_u32;
    for (group, analysis) in groups {
        let name = key(group.class.context("a group that is no class")?);
        let count = group.rows.len();
        let mut index = file.dataset(&format!("{name}/index"), Element::U32, &[count]);
        for row in first..first + count as u32 {
            index.write(&row.to_le_bytes())?;
        }
        index.finish()?;
        first += count as u32;
        for (graph, word) in analysis.graphs.iter().rev().zip(["kmeans", "kmeans-small"]) {
            for (clusters, number) in graph.clusterings.iter().zip(2..) {
                let path = format!("{name}/cluster/{word}-{number:02}");
                let mut dataset = file.dataset(&path, Element::I32, &[count]);
                for cluster in clusters {
                    dataset.write(&i32::from(*cluster).to_le_bytes())?;
                }
                dataset.finish()?;
            }
        }
        write_embeddings(&mut file, &name, count, analysis)?;
    }
    file.finish()
}

fn write_embeddings(file: &mut Hdf5, name: &str, count: usize, analysis: &Analysis) -> Result<()> {
    let graph = analysis.graphs.last().context("there is no graph")?;
    // The page turns them round.
    let columns = (0..COLUMNS).rev();
    let at = |values: &[f64], column: usize| values.get(column).copied().unwrap_or(0.0) as f32;
    let eigenvalues: Vec<f32> =
        columns.clone().map(|column| at(&graph.eigenvalues, column)).collect();
    let path = format!("{name}/embedding/spectral");
    let mut dataset =
        file.dataset(&path, Element::F32, &[count, COLUMNS]).attribute("eigenvalue", &eigenvalues);
    for row in 0..count {
        let values: Vec<f32> = columns
            .clone()
            .map(|column| graph.vectors.get(column).map_or(0.0, |vector| vector[row]) as f32)
            .collect();
        dataset.write_floats(&values)?;
    }
    dataset.finish()?;
    let mut dataset = file.dataset(&format!("{name}/embedding/tsne"), Element::F32, &[count, 2]);
    for point in &analysis.embedding {
        dataset.write_floats(&point.map(|value| value as f32))?;
    }
    dataset.finish()
}
