//! Drawing on a page: rectangles, lines, and writing.

use image::{Rgb, RgbImage};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use super::mixed;

/// The height of a line of writing.
pub(super) const LINE: usize = 16;

/// The width of so many characters.
pub(super) fn width_of(characters: usize) -> usize {
    characters * get_raster_width(FontWeight::Regular, RasterHeight::Size16)
}

/// A text of at most so many characters, its end cut off.
pub(super) fn clipped(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most.saturating_sub(1)).chain(['~']).collect(),
        false => text.to_string(),
    }
}

/// Where something is drawn; the part of it beyond the page is not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

/// Fills an area.
pub(super) fn fill(page: &mut RgbImage, area: Area, color: Rgb<u8>) {
    blend(page, area, color, 1.0);
}

/// Lays a share of a colour over an area.
pub(super) fn blend(page: &mut RgbImage, area: Area, color: Rgb<u8>, share: f32) {
    let (width, height) = (page.width() as usize, page.height() as usize);
    for y in area.y..(area.y + area.height).min(height) {
        for x in area.x..(area.x + area.width).min(width) {
            let pixel = page.get_pixel_mut(x as u32, y as u32);
            *pixel = mixed(*pixel, color, share);
        }
    }
}

/// Writes a line of text, its upper left corner at a point.
pub(super) fn write(page: &mut RgbImage, (x, y): (usize, usize), text: &str, color: Rgb<u8>) {
    let advance = width_of(1);
    for (place, character) in text.chars().enumerate() {
        let raster = |character| get_raster(character, FontWeight::Regular, RasterHeight::Size16);
        // What the font lacks is seen to be missing.
        let Some(glyph) = raster(character).or_else(|| raster('?')) else { continue };
        for (row, line) in glyph.rows().enumerate() {
            for (column, &strength) in line.iter().enumerate() {
                let (x, y) = (x + place * advance + column, y + row);
                if strength > 0 && x < page.width() as usize && y < page.height() as usize {
                    let pixel = page.get_pixel_mut(x as u32, y as u32);
                    *pixel = mixed(*pixel, color, f32::from(strength) / 255.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_drawn_beyond_the_page() {
        let mut page = RgbImage::new(20, 10);
        write(&mut page, (15, 5), "Wäß?\u{4e2d}", Rgb([255; 3]));
        fill(&mut page, Area { x: 18, y: 8, width: 99, height: 99 }, Rgb([9; 3]));
        assert_eq!(page.get_pixel(19, 9).0, [9; 3]);
        assert_eq!(page.get_pixel(0, 0).0, [0; 3]);
        assert_eq!(clipped("abcdef", 4), "abc~");
        assert_eq!(clipped("abcd", 4), "abcd");
    }
}
