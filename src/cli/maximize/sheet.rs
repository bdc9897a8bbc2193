//! The sheet: all pictures, a row for each goal, a column for each seed.

use std::sync::Arc;

use image::RgbImage;

use onnxplain::figure::{Cell, Figure, Label, Row};

use super::report::Picture;
use crate::cli::figure_parts::{Drawn, fixed, percent};

/// Pictures beside each other; more go into the next row.
const IN_ROW: usize = 5;

/// Lays the pictures out.
pub fn sheet(model: &str, what: &str, pictures: &[(Picture, Arc<RgbImage>)]) -> Figure {
    let mut figure = Figure {
        title: format!("What {model} responds to most"),
        subtitle: what.to_string(),
        notes: vec![
            "Pictures are what the network scores highest, not what things look like; the probability is what the network \
             says about the saved file."
                .to_string(),
        ],
        ..Figure::default()
    };
    let has_seeds = pictures.windows(2).any(|two| two[0].0.objective == two[1].0.objective);
    if !has_seeds {
        // Every goal once: side by side.
        for some in pictures.chunks(IN_ROW) {
            figure.rows.push(row(some, |picture| picture.objective.describe()));
        }
        return figure;
    }
    for same in pictures.chunk_by(|a, b| a.0.objective == b.0.objective) {
        for (place, some) in same.chunks(IN_ROW).enumerate() {
            let mut row = row(some, |picture| format!("seed {}", picture.seed));
            if place == 0 {
                let text = some[0].0.objective.describe();
                row.heading = Some(Label { text, detail: String::new() });
            }
            figure.rows.push(row);
        }
    }
    figure
}

fn row(pictures: &[(Picture, Arc<RgbImage>)], name: impl Fn(&Picture) -> String) -> Row {
    let label = |(picture, _): &(Picture, Arc<RgbImage>)| Label {
        text: name(picture),
        detail: said(picture),
    };
    let cell = |(picture, drawn): &(Picture, Arc<RgbImage>)| {
        let description = format!("{}, seed {}", picture.objective.describe(), picture.seed);
        let panel = Drawn::new(drawn, None).panel(description);
        Some(Cell { panel, bar: None, caption: None })
    };
    Row {
        heading: None,
        labels: pictures.iter().map(label).collect(),
        cells: pictures.iter().map(cell).collect(),
    }
}

/// What the network says, in a few words.
fn said(picture: &Picture) -> String {
    let measured = &picture.measured;
    match measured.probability {
        Some(probability) => {
            format!("{}, logit {}", percent(probability as f32), fixed(measured.value as f32))
        }
        None => format!("mean {}", fixed(measured.value as f32)),
    }
}
