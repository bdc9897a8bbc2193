//! The page: one file that needs no network. Overlays are shown from the files beside it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};

use onnxplain::io::is_array_file;
use onnxplain::page::Page;
use onnxplain::spray::{Feature, GraphAnalysis};

use super::groups::Group;
use super::{Findings, lines, names};
use crate::cli::address::address_from;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Pictures that a card shows of the members, and of the others.
const SHOWN: usize = 6;

/// The page of an output folder.
///
/// # Errors
/// Never for what was analysed.
pub fn page(output: &Path, findings: &Findings) -> Result<String> {
    let groups: Vec<Value> =
        findings.groups.iter().map(|group| group_json(output, findings, group)).collect();
    let cards = 0..findings.found.len().min(findings.most);
    let data = json!({
        "grid": findings.maps.pooling.cells(),
        "settings": settings(findings),
        "model": findings.explained.way.model,
        "groups": groups,
        "suspects": cards.map(|place| suspect_json(output, findings, place)).collect::<Result<Vec<_>>>()?,
        "all": findings.found.len(),
    });
    let title = title(&findings.explained.folder);
    let page = Page { body: PAGE, title: &title, parts: &[], styles: &[STYLE] };
    Ok(page.with_script(&[SCRIPT], &data))
}

fn title(folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    format!("onnxplain spray: {}", absolute.file_name().unwrap_or_default().to_string_lossy())
}

/// What all heatmaps have in common, in words.
fn settings(findings: &Findings) -> Vec<String> {
    let way = &findings.explained.way;
    let method = match way.method.as_str() {
        "lrp" => format!("lrp {}", way.composite),
        method => method.to_string(),
    };
    let analysed = findings.groups.iter().filter(|group| group.analysis.is_some()).count();
    vec![
        format!("model {}", way.model),
        format!("method {method}"),
        format!("{} heatmaps", findings.explained.rows.len()),
        format!("{analysed} of {} groups analysed", findings.groups.len()),
        format!("relevance {}", findings.reading.word()),
    ]
}

fn group_json(output: &Path, findings: &Findings, group: &Group) -> Value {
    let rows = group.rows.iter().map(|&row| &findings.explained.rows[row]);
    let files: Vec<Value> = rows
        .map(|row| {
            let overlay = row.overlay.as_ref().map(|path| findings.explained.folder.join(path));
            let shown = overlay.or_else(|| {
                (!is_array_file(Path::new(&row.input))).then(|| PathBuf::from(&row.input))
            });
            json!([row.input, shown.and_then(|path| address_from(output, &path))])
        })
        .collect();
    let analysis = group.analysis.as_ref();
    let graphs: Vec<Value> =
        analysis.iter().flat_map(|analysis| &analysis.graphs).map(graph_json).collect();
    let points = analysis.map(|analysis| {
        let rounded = |value: f64| (value * 1e3).round() / 1e3;
        analysis.embedding.iter().map(|point| point.map(rounded)).collect::<Vec<_>>()
    });
    json!({
        "name": group.name,
        "n": group.rows.len(),
        "leftOut": group.left_out,
        "files": files,
        "graphs": graphs,
        "points": points,
    })
}

fn graph_json(graph: &GraphAnalysis) -> Value {
    let digits = |clusters: &Vec<u8>| {
        clusters.iter().map(|cluster| char::from(b'0' + cluster)).collect::<String>()
    };
    let rounded = graph.eigenvalues.iter().map(|value| (value * 1e6).round() / 1e6);
    json!({
        "k": graph.neighbours,
        "eigenvalues": rounded.collect::<Vec<_>>(),
        "suggested": graph.suggested,
        "clusterings": graph.clusterings.iter().map(digits).collect::<Vec<_>>(),
    })
}

fn suspect_json(output: &Path, findings: &Findings, place: usize) -> Result<Value> {
    let found = &findings.found[place];
    let region = &found.suspect.region;
    let rounded = |feature: &Feature| {
        feature.iter().map(|value| (value * 1e6).round() / 1e6).collect::<Vec<_>>()
    };
    let mut value = serde_json::to_value(lines::suspect_line(findings, place))?;
    if let Some(object) = value.as_object_mut() {
        object.remove("inputs");
        object.insert("group".into(), json!(found.group));
        object.insert("members".into(), json!(found.suspect.members));
        object.insert("inside".into(), json!(rounded(&region.inside)));
        object.insert("outside".into(), json!(rounded(&region.outside)));
        object.insert("nearest".into(), json!(nearest(findings, place, true)));
        object.insert("others".into(), json!(nearest(findings, place, false)));
        object.insert("command".into(), json!(command(output, findings, place)));
    }
    Ok(value)
}

/// The members that are most like the mean of a suspect; or the others, most like theirs.
fn nearest(findings: &Findings, place: usize, is_inside: bool) -> Vec<usize> {
    let found = &findings.found[place];
    let group = &findings.groups[found.group];
    let region = &found.suspect.region;
    let mean = if is_inside { &region.inside } else { &region.outside };
    let distance = |member: usize| {
        let feature = findings.maps.features[group.rows[member]].as_ref();
        let pairs = feature.into_iter().flatten().zip(mean);
        pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
    };
    let is_wanted =
        |member: &usize| found.suspect.members.binary_search(member).is_ok() == is_inside;
    let mut members: Vec<usize> = (0..group.rows.len()).filter(is_wanted).collect();
    members.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)).then(a.cmp(&b)));
    members.truncate(SHOWN);
    members
}

/// The command that tests a suspect.
fn command(output: &Path, findings: &Findings, place: usize) -> String {
    format!(
        "onnxplain probe {} --files-from {} --edit fill:#000000,mean,noise --region suspect:{}@{}",
        findings.explained.way.model,
        output.join(names::list(findings, place)).display(),
        place + 1,
        output.join("spray.jsonl").display()
    )
}
