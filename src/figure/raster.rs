//! A page as a picture.

use ab_glyph_rasterizer::{Point, Rasterizer, point};
use anyhow::{Context, Result};
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use rayon::prelude::*;
use rustybuzz::ttf_parser::{GlyphId, OutlineBuilder};

use super::page::{Item, Page, Picture, Place, Text};
use super::typeset::{Glyph, Typesetter};

/// Pixels per unit of the page: enough for print at the width of a column.
const SCALE: f32 = 2.0;

/// The page as a picture.
///
/// # Errors
/// When it is too large.
pub fn picture(page: &Page, setter: &Typesetter) -> Result<RgbImage> {
    let [width, height] = [page.width, page.height].map(|side| (SCALE * side).round().max(1.0));
    let pixels = (3.0 * width * height) as usize;
    let white = vec![255; pixels];
    let mut canvas = RgbImage::from_raw(width as u32, height as u32, white)
        .filter(|_| pixels < 1 << 30)
        .with_context(|| {
            format!("a figure of {width} x {height} pixels is too large to be drawn")
        })?;
    let pictures: Vec<&Picture> = page
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Picture(picture) => Some(picture),
            _ => None,
        })
        .collect();
    let mut resized = pictures.into_par_iter().map(resized).collect::<Vec<_>>().into_iter();
    for item in &page.items {
        match item {
            Item::Picture(Picture { place, .. }) => {
                if let Some(picture) = resized.next() {
                    let Place { x, y, .. } = scaled(*place);
                    imageops::replace(&mut canvas, &picture, x as i64, y as i64);
                }
            }
            Item::Gradient { place, colors } => gradient(&mut canvas, scaled(*place), colors),
            Item::Outline { place, color, width } => {
                outline(&mut canvas, scaled(*place), *color, SCALE * width);
            }
            Item::Tick { x, top, bottom } => {
                let [x, top, bottom] = [x, top, bottom].map(|it| SCALE * it);
                fill(&mut canvas, [x - 0.8, top, x + 0.8, bottom], [90; 3]);
            }
            Item::Text(text) => write(&mut canvas, text, setter),
        }
    }
    Ok(canvas)
}

fn scaled(Place { x, y, width, height }: Place) -> Place {
    let [x, y, width, height] = [x, y, width, height].map(|it| SCALE * it);
    Place { x, y, width, height }
}

/// A picture in the size of its place.
fn resized(picture: &Picture) -> RgbImage {
    let Place { width, height, .. } = scaled(picture.place);
    let (width, height) = (width.round() as u32, height.round() as u32);
    let source = &*picture.picture;
    match picture.is_pixelated {
        true => imageops::resize(source, width, height, FilterType::Nearest),
        false if width < source.width() => imageops::thumbnail(source, width, height),
        false => smooth(source, width, height),
    }
}

/// Enlarges by linear interpolation, quickly.
fn smooth(source: &RgbImage, width: u32, height: u32) -> RgbImage {
    let taps = |from: u32, to: u32| -> Vec<(usize, usize, f32)> {
        let last = from.saturating_sub(1);
        let tap = |index: u32| {
            let center = (index as f32 + 0.5) * from as f32 / to as f32 - 0.5;
            let center = center.clamp(0.0, last as f32);
            let first = center as u32;
            (first as usize, (first + 1).min(last) as usize, center - first as f32)
        };
        (0..to).map(tap).collect()
    };
    let (across, down) = (taps(source.width(), width), taps(source.height(), height));
    let line = 3 * source.width() as usize;
    let mut enlarged = RgbImage::new(width, height);
    let rows = enlarged.par_chunks_exact_mut(3 * width as usize).zip(down);
    rows.for_each(|(row, (upper, lower, share))| {
        let [upper, lower] = [upper, lower].map(|y| &source.as_raw()[y * line..(y + 1) * line]);
        let mixed: Vec<f32> = upper
            .iter()
            .zip(lower)
            .map(|(a, b)| f32::from(*a) + share * (f32::from(*b) - f32::from(*a)))
            .collect();
        for (pixel, (left, right, share)) in row.chunks_exact_mut(3).zip(&across) {
            for (channel, to) in pixel.iter_mut().enumerate() {
                let [a, b] = [left, right].map(|x| mixed[3 * x + channel]);
                *to = (a + share * (b - a) + 0.5) as u8;
            }
        }
    });
    enlarged
}

fn gradient(canvas: &mut RgbImage, place: Place, colors: &[[u8; 3]]) {
    let Place { x, y, width, height } = place;
    let last = colors.len().saturating_sub(1);
    for column in 0..width.round() as u32 {
        let position = last as f32 * (column as f32 + 0.5) / width;
        let first = (position as usize).min(last);
        let (from, to) = (colors[first], colors[(first + 1).min(last)]);
        let share = position - first as f32;
        let color = std::array::from_fn(|channel| {
            let [a, b] = [from, to].map(|color| f32::from(color[channel]));
            (a + share * (b - a) + 0.5) as u8
        });
        let left = x.round() + column as f32;
        fill(canvas, [left, y, left + 1.0, y + height], color);
    }
}

/// Fills a box, whose edges are shades where they fall between pixels.
fn fill(canvas: &mut RgbImage, [left, top, right, bottom]: [f32; 4], color: [u8; 3]) {
    let covered =
        |low: f32, high: f32, pixel: f32| (high.min(pixel + 1.0) - low.max(pixel)).max(0.0);
    let range = |low: f32, high: f32| low.floor() as i64..high.ceil() as i64;
    for y in range(top, bottom) {
        for x in range(left, right) {
            let share = covered(top, bottom, y as f32) * covered(left, right, x as f32);
            blend(canvas, (x, y), color, share);
        }
    }
}

fn outline(canvas: &mut RgbImage, place: Place, color: [u8; 3], line: f32) {
    let half = line / 2.0;
    let [left, top] = [place.x, place.y];
    let [right, bottom] = [place.x + place.width, place.y + place.height];
    for side in [
        [left - half, top - half, right + half, top + half],
        [left - half, bottom - half, right + half, bottom + half],
        [left - half, top + half, left + half, bottom - half],
        [right - half, top + half, right + half, bottom - half],
    ] {
        fill(canvas, side, color);
    }
}

fn blend(canvas: &mut RgbImage, (x, y): (i64, i64), color: [u8; 3], share: f32) {
    let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
    let Some(Rgb(pixel)) = canvas.get_pixel_mut_checked(x, y) else { return };
    for (to, value) in pixel.iter_mut().zip(color) {
        let from = f32::from(*to);
        *to = (from + share.min(1.0) * (f32::from(value) - from) + 0.5) as u8;
    }
}

fn write(canvas: &mut RgbImage, text: &Text, setter: &Typesetter) {
    for glyph in &text.line.glyphs {
        let origin = point(SCALE * (text.left() + glyph.x), SCALE * (text.y - glyph.y));
        write_glyph(canvas, glyph, origin, text, setter);
    }
}

fn write_glyph(
    canvas: &mut RgbImage,
    glyph: &Glyph,
    origin: Point,
    text: &Text,
    setter: &Typesetter,
) {
    let Some(face) = setter.face(glyph.font) else { return };
    let number = GlyphId(glyph.number);
    let Some(bounds) = face.glyph_bounding_box(number) else { return };
    let unit = SCALE * text.style.size / face.units_per_em() as f32;
    // A pixel more on every side: outlines that touch the edge must not leave the raster by rounding.
    let left = (origin.x + unit * f32::from(bounds.x_min)).floor() - 1.0;
    let top = (origin.y - unit * f32::from(bounds.y_max)).floor() - 1.0;
    let right = (origin.x + unit * f32::from(bounds.x_max)).ceil() + 1.0;
    let bottom = (origin.y - unit * f32::from(bounds.y_min)).ceil() + 1.0;
    let (width, height) = ((right - left) as usize, (bottom - top) as usize);
    let rasterizer = Rasterizer::new(width, height);
    let origin = point(origin.x - left, origin.y - top);
    let mut outline = Outline { rasterizer, unit, origin, start: origin, last: origin };
    face.outline_glyph(number, &mut outline);
    outline.rasterizer.for_each_pixel_2d(|x, y, share| {
        if share > 0.0 {
            let place = (left as i64 + i64::from(x), top as i64 + i64::from(y));
            blend(canvas, place, text.color, share);
        }
    });
}

/// Draws the outline of a glyph.
struct Outline {
    rasterizer: Rasterizer,
    unit: f32,
    origin: Point,
    start: Point,
    last: Point,
}

impl Outline {
    fn at(&self, x: f32, y: f32) -> Point {
        point(self.origin.x + self.unit * x, self.origin.y - self.unit * y)
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.start = self.at(x, y);
        self.last = self.start;
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let end = self.at(x, y);
        self.rasterizer.draw_line(self.last, end);
        self.last = end;
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (control, end) = (self.at(x1, y1), self.at(x, y));
        self.rasterizer.draw_quad(self.last, control, end);
        self.last = end;
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (first, second, end) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.rasterizer.draw_cubic(self.last, first, second, end);
        self.last = end;
    }

    fn close(&mut self) {
        self.rasterizer.draw_line(self.last, self.start);
        self.last = self.start;
    }
}
