//! Figures: pictures with the words that are needed to read them.
//!
//! The room knows pictures, colours and text only, nothing of networks:
//!
//! ```text
//! Figure (what is shown) ─ layout, typeset ─▶ Page (what lies where) ─▶ PNG, SVG, PDF
//! ```

mod content;
mod fonts;
mod layout;
mod page;
mod pdf;
mod raster;
mod svg;
mod text;
mod typeset;
mod web_font;

pub use content::{Cell, ColorBar, Figure, FrameBox, Label, Panel, Row, Tick};

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Error, Result};

use self::fonts::Fonts;
use self::typeset::Typesetter;
use crate::io::{Overwrite, png_bytes, write_bytes};

/// The kind of file that a figure is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A picture of two pixels per unit of the layout.
    #[default]
    Png,
    /// Vectors; text stays text.
    Svg,
    /// Vectors on one page; text stays text.
    Pdf,
}

impl Format {
    /// Every format, in the order `--help` lists them.
    pub const ALL: [Self; 3] = [Self::Png, Self::Svg, Self::Pdf];

    /// The ending of the file's name, and the word of `--figure-format`.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Png => "png",
            Format::Svg => "svg",
            Format::Pdf => "pdf",
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Format> {
        Format::ALL.into_iter().find(|format| format.extension() == name).with_context(|| {
            let names = Format::ALL.map(Format::extension).join(", ");
            format!("a figure cannot be written as `{name}`; there are {names}")
        })
    }
}

impl Figure {
    /// Writes the figure.
    ///
    /// # Errors
    /// When it is too large to be drawn, or the file cannot be written.
    pub fn write(&self, path: &Path, format: Format, overwrite: Overwrite) -> Result<()> {
        write_bytes(path, self.bytes(format)?, overwrite)
    }

    /// The figure as a file of this format.
    ///
    /// # Errors
    /// When it is too large to be drawn.
    pub fn bytes(&self, format: Format) -> Result<Vec<u8>> {
        let fonts = Fonts::for_text(&self.texts());
        let setter = Typesetter::new(&fonts);
        let page = layout::page(self, &setter);
        match format {
            Format::Svg => svg::file(&page, &setter, &fonts),
            Format::Png => png_bytes(&raster::picture(&page, &setter)?),
            Format::Pdf => pdf::file(&page, &setter, &fonts),
        }
    }
}
