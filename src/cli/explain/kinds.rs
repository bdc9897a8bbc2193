//! What can be saved of a result: kinds of files, and what there must be to draw them on.

use std::cmp::Ordering;

use clap::ValueEnum;

use onnxplain::figure::Format;
use onnxplain::io::{PictureFormat, Precision};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// Photo, heatmaps and the words to read them by: STEM.figure.png, one for each input
    Figure,
    /// The heatmap over the picture, or a plot of other inputs with their relevance: STEM.overlay.png
    Overlay,
    /// The heatmap alone, in the size of the network's input, or a plot of the relevance: STEM.heatmap.png
    Heatmap,
    /// The relevance of every element of the network's input: STEM.relevance.npy
    Relevance,
    /// Prediction, target, conservation, preprocessing, seconds: STEM.json
    Report,
}

impl Kind {
    /// What `--save` saves by default of the inputs of a batch.
    pub const OF_BATCH: [Kind; 3] = [Kind::Overlay, Kind::Heatmap, Kind::Report];

    /// What `--save` saves by default of a single input.
    pub const OF_SINGLE: [Kind; 4] = [Kind::Figure, Kind::Overlay, Kind::Heatmap, Kind::Report];

    /// Every kind.
    pub const ALL: [Kind; 5] =
        [Kind::Figure, Kind::Overlay, Kind::Heatmap, Kind::Relevance, Kind::Report];

    /// The word in `--save` and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Figure => "figure",
            Kind::Overlay => "overlay",
            Kind::Heatmap => "heatmap",
            Kind::Relevance => "relevance",
            Kind::Report => "report",
        }
    }

    /// What the names of such files end with.
    pub fn suffix(self, formats: Formats) -> String {
        let suffix = match self {
            Kind::Figure => return format!(".figure.{}", formats.figures.extension()),
            Kind::Overlay => return format!(".overlay.{}", formats.overlays.extension()),
            Kind::Heatmap => ".heatmap.png",
            Kind::Relevance => ".relevance.npy",
            Kind::Report => ".json",
        };
        suffix.to_string()
    }
}

/// The formats of files that have several.
#[derive(Clone, Copy, Debug, Default)]
pub struct Formats {
    pub figures: Format,
    pub overlays: PictureFormat,
    pub relevance: RelevanceFormat,
}

/// How relevance is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RelevanceFormat {
    #[default]
    Float32,
    Float16,
    /// One archive of a batch, `relevance.npz`
    Npz,
}

impl RelevanceFormat {
    /// The precision of its numbers.
    pub fn precision(self) -> Precision {
        match self {
            RelevanceFormat::Float32 | RelevanceFormat::Npz => Precision::Single,
            RelevanceFormat::Float16 => Precision::Half,
        }
    }
}

/// A file of a result: its kind, and of which of several inputs it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The place of the input; `None` for the report, and where there is only one.
    pub input: Option<usize>,
    pub kind: Kind,
}

/// The report is written last: where it is, everything is.
impl Ord for Saved {
    fn cmp(&self, other: &Saved) -> Ordering {
        let key = |saved: &Saved| (saved.kind == Kind::Report, saved.input, saved.kind);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Saved {
    fn partial_cmp(&self, other: &Saved) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Saved {
    /// A file that is not of one of several inputs.
    pub fn of(kind: Kind) -> Saved {
        Saved { input: None, kind }
    }
}

/// What there is to draw on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canvas {
    /// A picture file.
    Photo,
    /// An array in the shape of a picture.
    Array,
    /// The values themselves: a signal, a row of a table, a text, a volume.
    Values,
    /// Nothing: the value of a layer that has no positions on the picture.
    Nothing,
}
