//! What lies where: a page of texts, lines, boxes and pictures. The unit is a pixel of CSS, 1/96 inch.

use std::sync::Arc;

use image::RgbImage;

use super::typeset::{Line, Style};

/// A page.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub width: f32,
    pub height: f32,
    /// What it is about, for readers who do not see it.
    pub title: String,
    pub items: Vec<Item>,
}

/// A thing on the page; later ones lie above earlier ones.
#[derive(Clone, Debug)]
pub enum Item {
    Text(Text),
    Picture(Picture),
    /// Colours from left to right.
    Gradient {
        place: Place,
        colors: Vec<[u8; 3]>,
    },
    /// A line around a place.
    Outline {
        place: Place,
        color: [u8; 3],
        width: f32,
    },
    /// A vertical line.
    Tick {
        x: f32,
        top: f32,
        bottom: f32,
    },
}

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

/// A line of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    pub text: String,
    pub style: Style,
    /// Its glyphs.
    pub line: Line,
    /// The point that the anchor speaks of, on the base line.
    pub x: f32,
    pub y: f32,
    pub color: [u8; 3],
    pub anchor: Anchor,
}

impl Text {
    /// Where its base line begins.
    pub fn left(&self) -> f32 {
        match self.anchor {
            Anchor::Start => self.x,
            Anchor::Middle => self.x - self.line.width / 2.0,
            Anchor::End => self.x - self.line.width,
        }
    }
}

/// Which end of a text lies at its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    /// The word of SVG.
    pub fn word(self) -> &'static str {
        match self {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        }
    }
}

/// A picture that fills a place.
#[derive(Clone, Debug)]
pub struct Picture {
    pub place: Place,
    pub picture: Arc<RgbImage>,
    pub is_pixelated: bool,
    pub description: String,
}
