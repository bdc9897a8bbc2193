//! Relevance of what is no picture, drawn as one: a signal as a line, a table as bars, a text as a strip of words, a
//! volume as slices.
//!
//! Each file draws one kind from plain numbers, in a size that people can read.

mod bars;
mod page;
mod signal;
mod strip;
mod volume;

use anyhow::{Result, ensure};
use image::{Rgb, RgbImage};

pub use self::bars::draw_bars;
pub use self::signal::{Signal, draw_signal};
pub use self::strip::draw_strip;
pub use self::volume::{Volume, draw_volume};
use super::{ColorTable, Rendering, Scale};

/// The numbers of a plot: their relevance, their values where they are shown, and what they are called.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a> {
    /// The relevance of every number.
    pub relevance: &'a [f32],
    /// The numbers themselves.
    pub values: Option<&'a [f32]>,
    /// What they are called.
    pub names: Option<&'a [String]>,
}

impl Numbers<'_> {
    fn check(&self, count: usize) -> Result<()> {
        ensure!(count > 0, "there are no numbers to draw");
        let is_fitting = self.values.is_none_or(|values| values.len() == count);
        ensure!(
            self.relevance.len() == count && is_fitting,
            "{count} numbers cannot be drawn with {} of relevance",
            self.relevance.len()
        );
        Ok(())
    }

    /// What a number is called: its name, or its place.
    fn name(&self, place: usize) -> String {
        let name = self.names.and_then(|names| names.get(place));
        name.cloned().unwrap_or_else(|| place.to_string())
    }
}

/// The colours of a plot.
struct Colors {
    scale: Scale,
    table: ColorTable,
    rendering: Rendering,
}

impl Colors {
    fn of(relevance: &[f32], rendering: &Rendering) -> Result<Colors> {
        rendering.check()?;
        let scale = Scale::fit(relevance, rendering.normalization, rendering.level);
        Ok(Colors { scale, table: rendering.colormap.table(), rendering: *rendering })
    }

    /// The colour of a relevance.
    fn of_relevance(&self, relevance: f32) -> Rgb<u8> {
        let position = self.scale.position(relevance);
        self.table.color(self.rendering.color_position(position))
    }

    /// The colour of no relevance, which is that of the page.
    fn neutral(&self) -> Rgb<u8> {
        let position = self.rendering.normalization.neutral();
        self.table.color(self.rendering.color_position(position))
    }

    /// How much a relevance counts, 0..=1.
    fn strength(&self, relevance: f32) -> f32 {
        self.rendering.normalization.strength(self.scale.position(relevance))
    }

    /// The colour of a thing that is seen without relevance too: grey where there is none.
    fn of_line(&self, relevance: f32) -> Rgb<u8> {
        let share = self.strength(relevance).sqrt();
        mixed(Rgb([128; 3]), self.of_relevance(relevance), share)
    }

    /// A colour for writing on the page.
    fn ink(&self) -> Rgb<u8> {
        contrast(self.neutral())
    }
}

/// One colour with a share of another one.
fn mixed(from: Rgb<u8>, to: Rgb<u8>, share: f32) -> Rgb<u8> {
    let mix = |channel: usize| {
        let (from, to) = (f32::from(from.0[channel]), f32::from(to.0[channel]));
        (from + (to - from) * share.clamp(0.0, 1.0)).round() as u8
    };
    Rgb([mix(0), mix(1), mix(2)])
}

/// Black or white, whichever is read on a colour.
fn contrast(on: Rgb<u8>) -> Rgb<u8> {
    let [red, green, blue] = on.0.map(f32::from);
    let brightness = 0.299 * red + 0.587 * green + 0.114 * blue;
    Rgb([if brightness > 110.0 { 0 } else { 235 }; 3])
}

/// A number as it is written beside a thing.
fn written(number: f32) -> String {
    let magnitude = number.abs();
    match number {
        _ if number == 0.0 => "0".to_string(),
        _ if !(1e-3..1e5).contains(&magnitude) => format!("{number:.1e}"),
        _ if magnitude >= 100.0 => format!("{number:.0}"),
        _ if magnitude >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.4}"),
    }
}

/// An empty page.
fn page(width: usize, height: usize, color: Rgb<u8>) -> Result<RgbImage> {
    const LARGEST: usize = 1 << 15;
    ensure!(
        width <= LARGEST && height <= LARGEST,
        "a plot of {width} x {height} pixels is too large to draw"
    );
    Ok(RgbImage::from_pixel(width as u32, height as u32, color))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_short() {
        assert_eq!(
            [0.0, 1.5, -0.012_34, 123.4, 1e-5, 1e6].map(written),
            ["0", "1.50", "-0.0123", "123", "1.0e-5", "1.0e6"]
        );
    }

    #[test]
    fn writing_is_read_on_every_colour() {
        assert_eq!(contrast(Rgb([0, 0, 0])), Rgb([235; 3]));
        assert_eq!(contrast(Rgb([255, 255, 0])), Rgb([0; 3]));
        assert_eq!(contrast(Rgb([0, 0, 255])), Rgb([235; 3]));
    }
}
