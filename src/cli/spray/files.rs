//! The files of a run: page, lines, lists, masks, points.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use image::{Rgb, RgbImage};
use serde_json::Value;

use onnxplain::io::{Overwrite, check, is_own, write_bytes, write_png};

use super::names::{self, SUSPECTS};
use super::{Findings, atlas, lines};

const LINES: &str = "spray.jsonl";
const PAGE: &str = "atlas.html";
const POINTS: &str = "embedding.csv";

/// What was written.
pub struct Written {
    pub page: PathBuf,
}

/// Refuses to replace files, but those of an earlier run where that is wanted.
///
/// # Errors
/// Names the file that exists.
pub fn refuse_existing(output: &Path, overwrite: bool) -> Result<()> {
    let overwrite = Overwrite::own_if(overwrite);
    [LINES, PAGE].iter().try_for_each(|name| check(&output.join(name), overwrite))?;
    // Files without a mark are ours where the lines are.
    let points = output.join(POINTS);
    ensure!(
        !points.exists() || is_own(&output.join(LINES)) && overwrite == Overwrite::ReplaceOwn,
        "{} exists already, and there is no {LINES} beside it that says it is of an earlier run: move it away, or give \
         another --output",
        points.display()
    );
    Ok(())
}

/// Removes the lists and masks that the lines of an earlier run name.
///
/// # Errors
/// When one cannot be removed.
pub fn remove_old(output: &Path) -> Result<()> {
    let Ok(text) = fs::read_to_string(output.join(LINES)) else { return Ok(()) };
    for line in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let names = ["list", "mask"].into_iter().filter_map(|key| line[key].as_str());
        // No name that was changed by hand may lead out of the folder.
        for name in names.filter_map(|name| Path::new(name).file_name()) {
            let path = output.join(SUSPECTS).join(name);
            if path.is_file() {
                fs::remove_file(&path)
                    .with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
    }
    Ok(())
}

impl Written {
    /// Writes everything.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(output: &Path, findings: &Findings) -> Result<Written> {
        for place in 0..findings.found.len().min(findings.most) {
            let list = list(findings, place);
            write_bytes(&output.join(names::list(findings, place)), list, Overwrite::Replace)?;
            let mask = mask(findings, place);
            write_png(&output.join(names::mask(findings, place)), &mask, Overwrite::Replace)?;
        }
        let page = output.join(PAGE);
        write_bytes(&output.join(POINTS), points(findings)?, Overwrite::Replace)?;
        write_bytes(&page, atlas::page(output, findings)?, Overwrite::Replace)?;
        // The lines last: where they are, everything is.
        write_bytes(&output.join(LINES), lines::lines(findings)?, Overwrite::Replace)?;
        Ok(Written { page })
    }
}

/// The pictures of a suspect, a path a line: for `--files-from`.
fn list(findings: &Findings, place: usize) -> String {
    let rows = findings.found[place].rows(&findings.groups).into_iter();
    rows.map(|row| findings.explained.rows[row].input.clone() + "\n").collect()
}

/// The region of a suspect, white on black, in the size of the heatmaps.
fn mask(findings: &Findings, place: usize) -> RgbImage {
    let pooling = &findings.maps.pooling;
    let [height, width] = pooling.size();
    let mut mask = RgbImage::new(width as u32, height as u32);
    for &cell in &findings.found[place].suspect.region.cells {
        let [left, top, right, bottom] = pooling.cell_box(cell);
        for (y, x) in (top..bottom).flat_map(|y| (left..right).map(move |x| (y, x))) {
            mask.put_pixel(x as u32, y as u32, Rgb([255; 3]));
        }
    }
    mask
}

/// A line for each heatmap: where t-SNE puts it, and its cluster in every clustering.
fn points(findings: &Findings) -> Result<String> {
    let mut text = "input,group,target,x,y".to_string();
    for graph in ["few", "many"] {
        for count in 2..=onnxplain::spray::MOST_CLUSTERS {
            write!(text, ",clusters_{graph}_{count}")?;
        }
    }
    text.push('\n');
    for group in &findings.groups {
        let Some(analysis) = &group.analysis else { continue };
        for (member, &row) in group.rows.iter().enumerate() {
            let row = &findings.explained.rows[row];
            let [x, y] = analysis.embedding[member];
            let names = [&row.input, &group.name, &row.target.name()].map(|name| quoted(name));
            write!(text, "{},{x},{y}", names.join(","))?;
            for clusters in analysis.graphs.iter().flat_map(|graph| &graph.clusterings) {
                write!(text, ",{}", clusters[member])?;
            }
            text.push('\n');
        }
    }
    Ok(text)
}

/// A field of a table, in quotation marks where it needs them (RFC 4180).
fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_string(),
    }
}
