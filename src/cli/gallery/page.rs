//! The page: one file that needs no network.

use std::path::Path;

use serde_json::{Value, json};

use onnxplain::page::Page;
use onnxplain::{Colormap, Normalization, Rendering, Sign};

use super::rows::{Entries, Entry, RenderingWords, Shown};
use super::thumbnails::{EntryThumbnails, ResultThumbnails};
use super::truth::Truth;
use crate::cli::address::{address, address_from};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Colours of the colour bar.
const STOPS: usize = 17;

/// The page of a folder.
pub fn page(
    folder: &Path,
    entries: &Entries,
    thumbnails: &[EntryThumbnails],
    truth: Option<&Truth>,
) -> String {
    let has_ways = entries.ways.len() > 1;
    let inputs = entries.entries.iter().zip(thumbnails);
    let inputs: Vec<Value> =
        inputs.map(|(entry, small)| entry_json(folder, entry, small, truth, has_ways)).collect();
    let data = json!({
        "inputs": inputs,
        "settings": settings(entries),
        "time": entries.time,
        "colors": colors(entries),
    });
    let page = Page { body: PAGE, title: &title(folder), parts: &[], styles: &[STYLE] };
    page.with_script(&[SCRIPT], &data)
}

fn title(folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    let name = absolute.file_name().unwrap_or_default().to_string_lossy();
    format!("onnxplain: {name}")
}

/// What all results have in common, in words.
fn settings(entries: &Entries) -> Vec<String> {
    let list = |names: &mut dyn Iterator<Item = String>| names.collect::<Vec<_>>().join(", ");
    let name = |path: &String| {
        Path::new(path).file_name().map_or(path.clone(), |it| it.to_string_lossy().into_owned())
    };
    let models = list(&mut entries.models.iter().map(name));
    let ways = list(&mut entries.ways.iter().cloned());
    let parts = [("model", models), ("method", ways), ("onnxplain", entries.version.clone())];
    let known = parts.into_iter().filter(|(_, value)| !value.is_empty());
    known.map(|(word, value)| format!("{word} {value}")).collect()
}

/// The colour bar, where all results have the same colours with the same meaning.
fn colors(entries: &Entries) -> Option<Value> {
    let mut renderings = entries.renderings.iter();
    let (Some(RenderingWords { colormap, normalization }), None) =
        (renderings.next(), renderings.next())
    else {
        return None;
    };
    let colormap = colormap.parse::<Colormap>().ok()?;
    let normalization = normalization.parse::<Normalization>().ok()?;
    let [low, high] = match normalization {
        Normalization::Symmetric => ["speaks against the class", "speaks for the class"],
        Normalization::Absolute => ["no influence", "strong influence"],
        Normalization::Unaligned => ["least important", "most important"],
    };
    let rendering = Rendering { colormap, normalization, ..Rendering::default() };
    let stops = rendering.colors(STOPS).into_iter();
    let stops: Vec<String> = stops.map(|[r, g, b]| format!("rgb({r},{g},{b})")).collect();
    Some(json!({ "stops": stops, "low": low, "high": high }))
}

fn entry_json(
    folder: &Path,
    entry: &Entry,
    small: &EntryThumbnails,
    truth: Option<&Truth>,
    has_ways: bool,
) -> Value {
    let truth = truth.and_then(|truth| truth.of(&entry.input));
    let top = entry.prediction.first();
    let is_right = truth.as_deref().zip(top).is_some_and(|(truth, top)| top.is(truth));
    let prediction = entry.prediction.iter();
    let prediction: Vec<Value> = prediction
        .map(|class| json!({ "name": class.name(), "probability": class.probability }))
        .collect();
    let results = entry.results.iter().zip(&small.results);
    let results: Vec<Value> =
        results.map(|(result, small)| result_json(result, small, has_ways)).collect();
    json!({
        "file": entry.input,
        "error": entry.error,
        "prediction": prediction,
        "truth": truth,
        "isRight": is_right,
        "photo": small.photo,
        "photoFile": small.photo.as_ref().and_then(|_| address_from(folder, Path::new(&entry.input))),
        "results": results,
    })
}

fn result_json(result: &Shown, small: &ResultThumbnails, has_ways: bool) -> Value {
    let file = |kind: &str| result.files.get(kind).map(|path| address(path));
    json!({
        "target": result.target,
        "against": result.against,
        "way": has_ways.then_some(&result.way),
        "explained": result.explained,
        "logit": result.logit,
        "isTurned": result.positive == Sign::Against,
        "heatmap": small.heatmap,
        "overlay": small.overlay,
        "heatmapFile": file("heatmap"),
        "overlayFile": file("overlay"),
        "figureFile": file("figure"),
        "report": file("report"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_the_page() {
        let result = Shown {
            target: "</script><b>".into(),
            against: None,
            way: String::new(),
            explained: "logit".into(),
            logit: 1.0,
            positive: Sign::For,
            files: [("overlay".to_string(), "a b/50%#?.overlay.png".into())].into(),
        };
        let input = "</script><b>.png".into();
        let entry = Entry { input, error: None, prediction: vec![], results: vec![result] };
        let entries = Entries { entries: vec![entry], ..Entries::default() };
        let small = EntryThumbnails { photo: None, results: vec![ResultThumbnails::default()] };
        let page = page(Path::new("x/<out>"), &entries, &[small], None);
        assert!(page.contains("<title>onnxplain: &lt;out&gt;</title>"));
        assert!(page.contains(r#""file":"\u003c/script>\u003cb>.png""#));
        assert!(page.contains(r#""overlayFile":"a%20b/50%25%23%3F.overlay.png""#));
        assert!(!page.contains("{{"), "a placeholder is left");
    }
}
