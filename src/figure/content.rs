//! What a figure shows, as plain data.

use std::sync::Arc;

use image::RgbImage;

/// A grid of pictures with a title, colour bars and notes.
#[derive(Clone, Debug, Default)]
pub struct Figure {
    /// The first line, in bold.
    pub title: String,
    /// What stands below it.
    pub subtitle: String,
    /// The pictures, row by row.
    pub rows: Vec<Row>,
    /// What should be known, at the foot.
    pub notes: Vec<String>,
}

/// What a row or a column is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// In bold.
    pub text: String,
    /// Below it.
    pub detail: String,
}

/// A row of pictures.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// What all pictures of the row are about.
    pub heading: Option<Label>,
    /// What each picture is about, above it; none where that is clear.
    pub labels: Vec<Label>,
    /// The pictures; a place may be left empty.
    pub cells: Vec<Option<Cell>>,
}

impl Row {
    /// The same with an empty place in front, where another row has a picture.
    pub fn moved_behind(mut self, has_picture: bool) -> Row {
        if has_picture {
            self.cells.insert(0, None);
            if !self.labels.is_empty() {
                self.labels.insert(0, Label::default());
            }
        }
        self
    }
}

/// A picture, its colour bar and its caption.
#[derive(Clone, Debug)]
pub struct Cell {
    pub panel: Panel,
    pub bar: Option<ColorBar>,
    pub caption: Option<String>,
}

/// A picture of the figure.
#[derive(Clone, Debug)]
pub struct Panel {
    pub picture: Arc<RgbImage>,
    /// Whether its pixels are to be seen.
    pub is_pixelated: bool,
    /// Whether it has words of its own, so that it takes the width of two pictures.
    pub is_wide: bool,
    /// A thin frame around a part of it.
    pub frame: Option<FrameBox>,
    /// What it is, for readers who do not see it.
    pub description: String,
}

/// A part of a picture: left, top, width and height as shares of the picture's width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameBox {
    pub left: f32,
    pub top: f32,
    pub width: f32,
    pub height: f32,
}

/// What the colours mean.
#[derive(Clone, Debug, PartialEq)]
pub struct ColorBar {
    /// Colours from the left end to the right one, evenly spaced.
    pub colors: Vec<[u8; 3]>,
    /// Numbers below it.
    pub ticks: Vec<Tick>,
    /// The meaning of the left end.
    pub low: String,
    /// The meaning of the right end.
    pub high: String,
}

/// A number below a colour bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// From 0 at the left end to 1 at the right one.
    pub position: f32,
    pub text: String,
}

impl Figure {
    /// All texts, for which fonts are needed.
    pub(super) fn texts(&self) -> String {
        let mut all = vec![self.title.as_str(), &self.subtitle];
        all.extend(self.notes.iter().map(String::as_str));
        let headings = self.rows.iter().flat_map(|row| &row.heading);
        let labels = self.rows.iter().flat_map(|row| &row.labels).chain(headings);
        all.extend(labels.flat_map(|label| [label.text.as_str(), &label.detail]));
        for row in &self.rows {
            for cell in row.cells.iter().flatten() {
                all.extend(cell.caption.as_deref());
                if let Some(bar) = &cell.bar {
                    all.extend([bar.low.as_str(), &bar.high]);
                    all.extend(bar.ticks.iter().map(|tick| tick.text.as_str()));
                }
            }
        }
        all.concat()
    }
}
