//! The figure of an input: the photo, and the map of every variant; models as rows where there are several ways of each.

use onnxplain::comparison::{Compared, ComparedLine, VariantSettings};
use onnxplain::figure::{Cell, Figure, Label, Row};
use onnxplain::{Rendering, Sign};

use super::drawn::Picture;
use super::prepare::Prepared;
use crate::cli::batch::inputs::InputFile;
use crate::cli::figure_parts::{Drawn, Meaning, file_name, percent};

/// Variants beside each other; more go into the next row.
const VARIANTS_IN_ROW: usize = 4;

/// More variants than this are not drawn into one figure.
const MOST_VARIANTS: usize = 40;

/// A variant in the figure.
pub struct Shown<'a> {
    pub compared: &'a Compared,
    pub picture: &'a Picture,
    /// What it is called by its model, and by the rest.
    pub title: &'a [Option<String>; 2],
    pub rendering: Rendering,
}

/// The figure of an input.
pub fn figure(shown: &[Shown], file: &InputFile, prepared: &Prepared) -> Figure {
    let variants = &prepared.comparer.settings().variants;
    let name = file_name(&file.path.display().to_string());
    let photo = shown.iter().find_map(|it| it.picture.photo.as_ref());
    let mut figure = Figure {
        title: name.clone(),
        subtitle: subtitle(shown),
        notes: notes(shown, variants),
        ..Figure::default()
    };
    let shown = &shown[..shown.len().min(MOST_VARIANTS)];
    let has_both = shown.iter().all(|it| it.title.iter().all(Option::is_some));
    let is_of_row = |a: &Shown, b: &Shown| !has_both || a.title[0] == b.title[0];
    for rows in shown.chunk_by(is_of_row) {
        for some in rows.chunks(VARIANTS_IN_ROW) {
            let is_first = figure.rows.is_empty();
            let row = row(some, has_both, is_first, photo.map(|photo| (photo, &name)));
            // The photo stands before the first row only; maps stay below each other.
            let is_without = !is_first && !has_both;
            figure.rows.push(row.moved_behind(is_without && photo.is_some()));
        }
    }
    figure
}

/// A row of variants; in the first one behind the photo.
fn row(shown: &[Shown], has_both: bool, is_first: bool, photo: Option<(&Drawn, &String)>) -> Row {
    let mut row = Row::default();
    if let (true, Some((photo, name))) = (is_first || has_both, photo) {
        row.labels.push(Label::default());
        let panel = photo.panel(name.clone());
        row.cells.push(Some(Cell { panel, bar: None, caption: None }));
    }
    for it in shown {
        let line = &it.compared.line;
        let text = match (has_both, it.title) {
            (true, [_, Some(rest)]) => rest.clone(),
            _ => line.variant.clone(),
        };
        row.labels.push(Label { text, detail: explained(line) });
        row.cells.push(Some(cell(it)));
    }
    if let (true, Some(first)) = (has_both, shown.first()) {
        let text = first.title[0].clone().unwrap_or_default();
        row.heading = Some(Label { text, detail: String::new() });
    }
    row
}

fn cell(shown: &Shown) -> Cell {
    let explanation = &shown.compared.explanation;
    let class = shown.compared.line.target.name();
    let meaning = Meaning {
        scale: shown.picture.scale,
        rendering: shown.rendering,
        class: &class,
        against: None,
        positive: explanation.sign(),
    };
    let description = format!("relevance for {class} by {}", shown.compared.line.variant);
    let shares = shown.compared.line.regions.iter();
    let shares: Vec<String> =
        shares.map(|(name, it)| format!("{name} {}", percent(it.share as f32))).collect();
    let caption = (!shares.is_empty()).then(|| shares.join(", "));
    Cell { panel: shown.picture.drawn.panel(description), bar: Some(meaning.bar()), caption }
}

/// The class that is explained, and what the network says where that is another one.
fn explained(line: &ComparedLine) -> String {
    let said = format!("{} {}", line.target.name(), percent(line.target.probability));
    match line.target.index == line.predicted.index {
        true => said,
        false => {
            let predicted = &line.predicted;
            format!("{said}; predicted: {} {}", predicted.name(), percent(predicted.probability))
        }
    }
}

/// How alike the maps are, where that can be said in a line.
fn subtitle(shown: &[Shown]) -> String {
    let [a, b] = shown else { return String::new() };
    let found = a.compared.line.similarity.get(&b.compared.line.variant);
    let number = |value: Option<f64>| {
        value.map_or("undefined".to_string(), |value| format!("{value:.2}").replace('-', "−"))
    };
    found.map_or(String::new(), |it| {
        format!(
            "similarity of the maps: cosine {}, rank correlation {}",
            number(it.cosine),
            number(it.rank)
        )
    })
}

fn notes(shown: &[Shown], variants: &[VariantSettings]) -> Vec<String> {
    let mut notes = vec![];
    if shown.iter().any(|it| it.compared.explanation.sign() == Sign::Against) {
        notes.push(
            "The logit is negative, which turns the signs: the colours mean what their bars say."
                .to_string(),
        );
    }
    if shown.iter().any(|it| it.picture.photo.as_ref().is_some_and(Drawn::is_framed)) {
        notes.push("Frame: the part of the picture that the network sees.".to_string());
    }
    if shown.iter().any(|it| !it.compared.line.regions.is_empty()) {
        notes.push(
            "Below the maps: the share of the positive relevance in each region.".to_string(),
        );
    }
    let mut ways = variants.iter().map(|variant| match &variant.composite {
        Some(composite) => format!("method {}, composite {composite}", variant.method),
        None => format!("method {}", variant.method),
    });
    let first = ways.next().unwrap_or_default();
    let way = if ways.all(|way| way == first) { format!("{first}; ") } else { String::new() };
    let model = variants.first().map_or("", |variant| variant.path.as_str());
    let is_one = variants.iter().all(|variant| variant.path == model);
    let model = if is_one { format!("model {}; ", file_name(model)) } else { String::new() };
    notes.push(format!("{way}{model}onnxplain {}", env!("CARGO_PKG_VERSION")));
    notes
}
