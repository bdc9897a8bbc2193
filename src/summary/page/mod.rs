//! The summary as a page: one file that needs no network.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::evaluation::{ReportLine, Settings};
use crate::metric::find;
use crate::page::{BASE_SCRIPT, BASE_STYLE, Page, escaped, file_name_of};

use super::curves::{MeanCurve, mean_curves};
use super::marks::mark;
use super::rows::RANDOM;
use super::svg::{CURVES_STYLE, Place, curves_svg, range_of};
use super::types::Summary;
use super::values::Values;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The pictures of an input: addresses of files, seen from the page.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PagePictures {
    /// The input itself, small.
    pub photo: Option<String>,
    /// The heatmap of every method, by its name.
    pub maps: BTreeMap<String, String>,
}

/// What the page's script reads. The summary goes through no [`Value`], which would sort its names.
#[derive(Serialize)]
struct Data<'a> {
    summary: &'a Summary,
    inputs: &'a [String],
    values: Value,
    targets: Vec<Value>,
    pictures: Vec<Value>,
    about: BTreeMap<&'a str, String>,
    marks: BTreeMap<&'a str, String>,
}

/// The page of a summary of these lines. `pictures` has the pictures of an input, by its name.
pub fn page(
    summary: &Summary,
    lines: &[ReportLine],
    pictures: &BTreeMap<String, PagePictures>,
) -> String {
    let values = Values::of(&summary.settings, lines);
    let mut targets: BTreeMap<&str, &ReportLine> = BTreeMap::new();
    for line in lines {
        targets.insert(&line.input, line);
    }
    let of_inputs = |found: &dyn Fn(&String) -> Value| values.inputs.iter().map(found).collect();
    let data = Data {
        summary,
        inputs: &values.inputs,
        values: values_by_name(&summary.settings, &values),
        targets: of_inputs(&|input| json!(targets.get(input.as_str()).map(|line| class(line)))),
        pictures: of_inputs(&|input| json!(pictures.get(input).cloned().unwrap_or_default())),
        about: about(&summary.settings),
        marks: marks(summary),
    };
    let title = format!("Evaluation of {}", file_name_of(&summary.settings.model));
    let page = Page {
        body: PAGE,
        title: &title,
        parts: &[("curves", &figures(&summary.settings, lines))],
        styles: &[BASE_STYLE, STYLE, CURVES_STYLE],
    };
    page.with_script(&[BASE_SCRIPT, SCRIPT], &data)
}

fn class(line: &ReportLine) -> String {
    let target = &line.target;
    let name = target.label.clone().unwrap_or_else(|| format!("class {}", target.index));
    format!("{name}, {:.1} %", 100.0 * target.probability)
}

/// The values of all pictures by metric and method, with as many digits as a picture on a screen can show.
fn values_by_name(settings: &Settings, values: &Values) -> Value {
    let short =
        |value: &Option<f64>| value.map(|value| format!("{value:.4e}").parse().unwrap_or(value));
    let of_metric = |metric: &str| {
        let of_method = |name: &String| {
            let values: Vec<Option<f64>> =
                values.of_method(metric, name).iter().map(short).collect();
            (name.clone(), json!(values))
        };
        settings
            .methods
            .iter()
            .map(|method| of_method(&method.name))
            .collect::<serde_json::Map<_, _>>()
    };
    let metrics =
        settings.metrics.iter().map(|metric| (metric.name.clone(), json!(of_metric(&metric.name))));
    Value::Object(metrics.collect())
}

/// What each metric measures, with its paper.
fn about(settings: &Settings) -> BTreeMap<&str, String> {
    let of = |metric: &str| {
        let info = find(metric)?;
        let paper =
            if info.paper.is_empty() { String::new() } else { format!(" ({})", info.paper) };
        Some(format!("{}{paper}", info.about))
    };
    let named = settings.metrics.iter();
    named.filter_map(|metric| Some((metric.name.as_str(), of(&metric.metric)?))).collect()
}

fn marks(summary: &Summary) -> BTreeMap<&str, String> {
    let methods = summary.settings.methods.iter();
    methods.map(|method| (method.name.as_str(), mark(summary, &method.name))).collect()
}

/// A figure for every method and every metric with curves, all of a metric on one scale.
fn figures(settings: &Settings, lines: &[ReportLine]) -> String {
    let curves = mean_curves(lines);
    let mut text = String::new();
    for metric in &settings.metrics {
        let Some(methods) = curves.get(&metric.name) else {
            continue;
        };
        let range = range_of(methods.values());
        let random = methods.get(RANDOM);
        for method in settings.methods.iter().filter(|method| method.name != RANDOM) {
            if let Some(curve) = methods.get(&method.name) {
                text.push_str(&figure(&metric.name, &method.name, curve, random, range));
            }
        }
    }
    text
}

fn figure(
    metric: &str,
    method: &str,
    curve: &MeanCurve,
    random: Option<&MeanCurve>,
    range: [f64; 2],
) -> String {
    let svg = curves_svg(method, curve, random, range, Place::Page);
    format!(
        "<figure data-metric=\"{}\"><figcaption>{}</figcaption>{svg}</figure>\n",
        escaped(metric),
        escaped(method)
    )
}
