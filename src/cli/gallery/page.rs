//! The page: one file that needs no network.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::rows::Row;
use super::thumbnails::RowThumbnails;
use crate::cli::address::address;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page of a folder.
///
/// # Errors
/// Never for rows that were read from a report.
pub fn page(folder: &Path, rows: &[Row], thumbnails: &[RowThumbnails]) -> Result<String> {
    let rows: Vec<Value> =
        rows.iter().zip(thumbnails).map(|(row, small)| row_json(row, small)).collect();
    // Inside a script element nothing may look like its end.
    let rows = serde_json::to_string(&rows)?.replace('<', "\\u003c");
    Ok(PAGE
        .replace("{{style}}", STYLE.trim_end())
        .replace("{{script}}", SCRIPT.trim_end())
        .replace("{{version}}", env!("CARGO_PKG_VERSION"))
        .replace("{{title}}", &escaped(&title(folder)))
        .replace("{{rows}}", &rows))
}

fn title(folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    let name = absolute.file_name().unwrap_or_default().to_string_lossy();
    format!("onnxplain: {name}")
}

fn row_json(row: &Row, thumbnails: &RowThumbnails) -> Value {
    let address = |kind: &str| row.files.get(kind).map(|path| address(path));
    json!({
        "file": row.input,
        "error": row.error,
        "class": row.predicted.as_ref().map(|(name, _)| name),
        "confidence": row.predicted.as_ref().map(|(_, probability)| probability),
        "target": row.target,
        "photo": thumbnails.photo,
        "heatmap": thumbnails.heatmap,
        "overlay": thumbnails.overlay,
        "heatmapFile": address("heatmap"),
        "overlayFile": address("overlay"),
        "report": address("report"),
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_the_page() {
        let row = Row {
            input: "</script><b>.png".into(),
            error: Some("no".into()),
            predicted: None,
            target: None,
            files: [("overlay".to_string(), "a b/50%#?.overlay.png".into())].into(),
        };
        let page = page(Path::new("x/<out>"), &[row], &[RowThumbnails::default()]).unwrap();
        assert!(page.contains("<title>onnxplain: &lt;out&gt;</title>"));
        assert!(page.contains(r#""file":"\u003c/script>\u003cb>.png""#));
        assert!(page.contains(r#""overlayFile":"a%20b/50%25%23%3F.overlay.png""#));
        assert!(!page.contains("{{"), "a placeholder is left");
    }
}
