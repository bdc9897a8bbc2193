//! Render, overlay part 3: mark the part of the picture that the network saw.

use std::fmt;
use std::str::FromStr;

use anyhow::anyhow;
use image::{Rgb, RgbImage};

use super::Placement;
use crate::error::{Error, Result};

/// How the part of the picture that the network saw is marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CropMark {
    /// By a thin frame.
    #[default]
    Frame,
    /// The rest is dimmed.
    Dim,
    /// Not at all.
    None,
}

impl CropMark {
    /// Every mark, in the order `--help` lists them.
    pub const ALL: [Self; 3] = [Self::Frame, Self::Dim, Self::None];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Dim => "dim",
            Self::None => "none",
        }
    }
}

impl fmt::Display for CropMark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for CropMark {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            let error = anyhow!("the crop cannot be marked by `{name}`; there are {names}");
            Error::of(Error::Rendering, error)
        })
    }
}

/// One part of this many of the longest side is the width of a frame's line.
const SIDE_OF_LINE: u32 = 400;

const LIGHT: Rgb<u8> = Rgb([245; 3]);
const DARK: Rgb<u8> = Rgb([10; 3]);

impl Placement {
    /// Its left, top, width and height on a picture, as shares of the picture's sides; `None` where the network saw
    /// the whole picture.
    pub fn part_of(&self, [width, height]: [u32; 2]) -> Option<[f32; 4]> {
        let (width, height) = (f64::from(width.max(1)), f64::from(height.max(1)));
        let (left, top) = (self.x.max(0.0), self.y.max(0.0));
        let (right, bottom) =
            ((self.x + self.width).min(width), (self.y + self.height).min(height));
        let is_whole = left < 0.5 && top < 0.5 && right > width - 0.5 && bottom > height - 0.5;
        let shares = [left / width, top / height, (right - left) / width, (bottom - top) / height];
        (!is_whole && shares[2] > 0.0 && shares[3] > 0.0).then(|| shares.map(|share| share as f32))
    }
}

/// Draws a frame around the part of a picture that the network saw: a light line with a dark one outside of it, so that
/// it is seen on any picture. Nothing where the network saw the whole.
pub fn draw_frame(picture: &mut RgbImage, placement: Placement) {
    let [width, height] = [picture.width(), picture.height()];
    let Some([left, top, part_width, part_height]) = placement.part_of([width, height]) else {
        return;
    };
    let line = i64::from((width.max(height) / SIDE_OF_LINE).max(1));
    let at = |share: f32, side: u32| (share * side as f32).round() as i64;
    let [left, top] = [at(left, width), at(top, height)];
    let [right, bottom] = [left + at(part_width, width), top + at(part_height, height)];
    for (distance, color) in [(line, DARK), (0, LIGHT)] {
        let [left, top] = [left - distance, top - distance];
        let [right, bottom] = [right + distance, bottom + distance];
        let mut fill = |x0: i64, y0: i64, x1: i64, y1: i64| {
            for y in y0.max(0)..y1.min(i64::from(height)) {
                for x in x0.max(0)..x1.min(i64::from(width)) {
                    picture.put_pixel(x as u32, y as u32, color);
                }
            }
        };
        fill(left, top, right, top + line);
        fill(left, bottom - line, right, bottom);
        fill(left, top, left + line, bottom);
        fill(right - line, top, right, bottom);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_light_inside_and_dark_outside_of_its_edge() {
        let mut picture = RgbImage::from_pixel(20, 10, Rgb([100; 3]));
        draw_frame(&mut picture, Placement { x: 5.0, y: 0.0, width: 10.0, height: 10.0 });
        let row: Vec<u8> = (0..20).map(|x| picture.get_pixel(x, 5).0[0]).collect();
        let mut expected = [100; 20];
        (expected[4], expected[5], expected[14], expected[15]) = (10, 245, 245, 10);
        assert_eq!(row, expected);
        assert_eq!(picture.get_pixel(9, 0).0[0], 245);
    }

    #[test]
    fn what_was_seen_whole_gets_no_frame() {
        let gray = RgbImage::from_pixel(8, 8, Rgb([100; 3]));
        let mut picture = gray.clone();
        draw_frame(&mut picture, Placement::whole(8, 8));
        draw_frame(&mut picture, Placement { x: -2.0, y: -2.0, width: 12.0, height: 12.0 });
        assert_eq!(picture, gray);
        let half = Placement { x: 4.0, y: 0.0, width: 9.0, height: 8.0 };
        assert_eq!(half.part_of([8, 8]), Some([0.5, 0.0, 0.5, 1.0]));
    }

    #[test]
    fn names_parse() {
        for mark in CropMark::ALL {
            assert_eq!(mark.to_string().parse::<CropMark>().unwrap(), mark);
        }
        assert!("box".parse::<CropMark>().unwrap_err().to_string().contains("frame, dim, none"));
    }
}
