//! The summary as a page: one file that needs no network.

use std::collections::BTreeMap;

use serde::Serialize;

use super::READING;
use super::types::SanitySummary;
use crate::page::{BASE_SCRIPT, BASE_STYLE, Page, escaped, file_name_of};
use crate::sanity::line::StepLine;
use crate::sanity::measure::MEASURES;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Small pictures of an input: addresses of files, seen from the page.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StepPictures {
    /// The name of the input.
    pub input: String,
    /// The input itself, small.
    pub photo: Option<String>,
    /// The heatmaps of every method, by its name: of a step, 0 is the trained network.
    pub maps: BTreeMap<String, BTreeMap<usize, String>>,
}

/// What the page's script reads.
#[derive(Serialize)]
struct Data<'a> {
    summary: &'a SanitySummary,
    /// What each similarity compares.
    about: BTreeMap<&'a str, String>,
    pictures: &'a [StepPictures],
    /// The class of each of them.
    targets: Vec<String>,
}

/// The page of a summary of these lines, with pictures of some of the inputs.
pub fn page(summary: &SanitySummary, lines: &[StepLine], pictures: &[StepPictures]) -> String {
    let target = |pictures: &StepPictures| {
        let line = lines.iter().find(|line| line.input == pictures.input);
        line.map_or(String::new(), class)
    };
    let data =
        Data { summary, about: about(), pictures, targets: pictures.iter().map(target).collect() };
    let title = format!("Randomisation test of {}", file_name_of(&summary.settings.model));
    let reading = READING.map(|line| format!("<li>{}</li>", escaped(line)));
    let page = Page {
        body: PAGE,
        title: &title,
        parts: &[("reading", &reading.join("\n    "))],
        styles: &[BASE_STYLE, STYLE],
    };
    page.with_script(&[BASE_SCRIPT, SCRIPT], &data)
}

fn class(line: &StepLine) -> String {
    let target = &line.target;
    let name = target.label.clone().unwrap_or_else(|| format!("class {}", target.index));
    format!("{name}, {:.1} %", 100.0 * target.probability)
}

fn about() -> BTreeMap<&'static str, String> {
    let mut about = BTreeMap::new();
    for measure in &MEASURES {
        about.insert(measure.name, measure.about.to_string());
        about.insert(measure.of_magnitudes, format!("{}, of |h|", measure.about));
    }
    let smooth = "rank correlation of maps that are averaged over noisy inputs";
    about.insert("smprt", smooth.to_string());
    about.insert("smprt-magnitude", format!("{smooth}, of |h|"));
    about
}
