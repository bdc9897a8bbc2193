//! A comparison as a page: one file that needs no network.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::line::ComparedLine;
use super::overview::Overview;
use super::plot::style;
use crate::page::Page;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The pictures of an input: addresses of files, seen from the page.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ComparedPictures {
    /// The input itself, small.
    pub photo: Option<String>,
    /// The figure with all variants.
    pub figure: Option<String>,
    /// The map of every variant, by its name.
    pub maps: BTreeMap<String, String>,
}

/// What the page's script reads.
#[derive(Serialize)]
struct Data<'a> {
    overview: &'a Overview,
    inputs: Vec<Value>,
}

/// The page of an overview of these lines. `plots` are pictures of the shares of regions, in SVG; `pictures` has those of an
/// input, by its name.
pub fn page(
    overview: &Overview,
    lines: &[ComparedLine],
    plots: &[String],
    pictures: &BTreeMap<String, ComparedPictures>,
) -> String {
    let data = Data { overview, inputs: inputs(overview, lines, pictures) };
    let page = Page {
        body: PAGE,
        title: &title(overview),
        parts: &[("plots", &plots.concat())],
        styles: &[STYLE, &style()],
    };
    page.with_script(&[SCRIPT], &data)
}

fn title(overview: &Overview) -> String {
    let mut models: Vec<&str> = vec![];
    for variant in &overview.variants {
        if !models.contains(&variant.model.as_str()) {
            models.push(&variant.model);
        }
    }
    match models[..] {
        [model] => format!("{} ways to explain {model}", overview.variants.len()),
        [a, b] => format!("{a} and {b} compared"),
        _ => format!("{} models compared", models.len()),
    }
}

/// What is known of every input, in the order in which the lines name them.
fn inputs(
    overview: &Overview,
    lines: &[ComparedLine],
    pictures: &BTreeMap<String, ComparedPictures>,
) -> Vec<Value> {
    let mut order: Vec<&str> = vec![];
    let mut by_input: BTreeMap<&str, BTreeMap<&str, &ComparedLine>> = BTreeMap::new();
    for line in lines {
        let known = by_input.entry(&line.input).or_insert_with(|| {
            order.push(&line.input);
            BTreeMap::new()
        });
        known.insert(&line.variant, line);
    }
    let of_input = |name: &&str| {
        let of = |variant: &str| by_input.get(name).and_then(|found| found.get(variant)).copied();
        let variants = overview.variants.iter().map(|variant| json!(of(&variant.name).map(shown)));
        let pairs = overview.similarity.iter().map(|pair| {
            let found = of(&pair.a).and_then(|line| line.similarity.get(&pair.b));
            json!(found.map(|it| [short(it.cosine), short(it.rank)]))
        });
        json!({
            "input": name,
            "pictures": pictures.get(*name).cloned().unwrap_or_default(),
            "variants": variants.collect::<Vec<Value>>(),
            "pairs": pairs.collect::<Vec<Value>>(),
        })
    };
    order.iter().map(of_input).collect()
}

/// What the page shows of a line.
fn shown(line: &ComparedLine) -> Value {
    let class = |name: String, probability: f32| format!("{name}, {:.1} %", 100.0 * probability);
    let regions =
        line.regions.iter().map(|(name, region)| (name.clone(), json!(short(Some(region.share)))));
    json!({
        "target": class(line.target.name(), line.target.probability),
        "predicted": class(line.predicted.name(), line.predicted.probability),
        "is_predicted": line.target.index == line.predicted.index,
        "regions": regions.collect::<serde_json::Map<String, Value>>(),
    })
}

/// As many digits as the page shows.
fn short(value: Option<f64>) -> Option<f64> {
    value.map(|value| (value * 1e4).round() / 1e4)
}
