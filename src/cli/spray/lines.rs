//! `spray.jsonl`: a line about the run, a line for each group, a line for each suspect.

use serde::Serialize;

use onnxplain::io::TOOL;
use onnxplain::spray::GraphAnalysis;

use super::Findings;
use super::confirm::Confirmation;
use super::groups::Group;
use super::names;
use crate::cli::explained::Way;

/// The first line.
#[derive(Serialize)]
struct Head<'a> {
    tool: &'static str,
    version: &'static str,
    spray: usize,
    value: &'static str,
    /// Cells a side.
    grid: usize,
    /// Of the heatmaps, in pixels.
    height: usize,
    width: usize,
    #[serde(flatten)]
    way: &'a Way,
}

#[derive(Serialize)]
struct GroupLine<'a> {
    group: &'a str,
    class: Option<usize>,
    n: usize,
    left_out: usize,
    analysed: bool,
    graphs: Vec<GraphLine<'a>>,
}

#[derive(Serialize)]
struct GraphLine<'a> {
    k: usize,
    eigenvalues: &'a [f64],
    gaps: Vec<f64>,
    relative_gaps: Vec<f64>,
    suggested_clusters: usize,
}

/// A suspect.
#[derive(Serialize)]
pub struct SuspectLine<'a> {
    suspect: usize,
    group: &'a str,
    class: Option<usize>,
    n: usize,
    of: usize,
    k: usize,
    clusters: usize,
    separation: f64,
    focus: f64,
    suspicion: f64,
    edge_share: f64,
    cells: &'a [usize],
    /// `[x, y, width, height]` around connected cells, in pixels of the network's input.
    boxes: Vec<[usize; 4]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation: Option<&'a Confirmation>,
    inputs: Vec<&'a str>,
}

/// All lines.
///
/// # Errors
/// Never for what was analysed.
pub fn lines(findings: &Findings) -> serde_json::Result<String> {
    let [height, width] = findings.maps.pooling.size();
    let head = Head {
        tool: TOOL,
        version: env!("CARGO_PKG_VERSION"),
        spray: findings.explained.rows.len(),
        value: findings.reading.word(),
        grid: findings.maps.pooling.cells(),
        height,
        width,
        way: &findings.explained.way,
    };
    let mut lines = vec![serde_json::to_string(&head)?];
    for group in &findings.groups {
        lines.push(serde_json::to_string(&group_line(group))?);
    }
    for place in 0..findings.found.len() {
        lines.push(serde_json::to_string(&suspect_line(findings, place))?);
    }
    Ok(lines.join("\n") + "\n")
}

fn group_line(group: &Group) -> GroupLine<'_> {
    let graph = |graph: &'_ GraphAnalysis| -> (Vec<f64>, Vec<f64>) {
        (1..graph.eigenvalues.len())
            .map(|count| (graph.gap(count), graph.relative_gap(count)))
            .unzip()
    };
    let graphs = group.analysis.iter().flat_map(|analysis| &analysis.graphs).map(|it| {
        let (gaps, relative_gaps) = graph(it);
        GraphLine {
            k: it.neighbours,
            eigenvalues: &it.eigenvalues,
            gaps,
            relative_gaps,
            suggested_clusters: it.suggested,
        }
    });
    GroupLine {
        group: &group.name,
        class: group.class,
        n: group.rows.len(),
        left_out: group.left_out,
        analysed: group.analysis.is_some(),
        graphs: graphs.collect(),
    }
}

/// The line of the suspect at a place, from 0.
pub fn suspect_line<'a>(findings: &'a Findings, place: usize) -> SuspectLine<'a> {
    let found = &findings.found[place];
    let group = &findings.groups[found.group];
    let has_files = place < findings.most;
    let suspect = &found.suspect;
    let inputs = found.rows(&findings.groups).into_iter();
    SuspectLine {
        suspect: place + 1,
        group: &group.name,
        class: group.class,
        n: suspect.members.len(),
        of: group.rows.len(),
        k: suspect.neighbours,
        clusters: suspect.clusters,
        separation: suspect.separation,
        focus: suspect.region.focus,
        suspicion: suspect.suspicion(),
        edge_share: suspect.region.outer_share,
        cells: &suspect.region.cells,
        boxes: suspect.region.boxes(&findings.maps.pooling),
        list: has_files.then(|| names::list(findings, place)),
        mask: has_files.then(|| names::mask(findings, place)),
        confirmation: findings.confirmations.get(place),
        inputs: inputs.map(|row| findings.explained.rows[row].input.as_str()).collect(),
    }
}
