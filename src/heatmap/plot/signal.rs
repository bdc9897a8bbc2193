//! Signals: a line for each channel, its colour the relevance, channels above each other.

use anyhow::{Result, ensure};
use image::{Rgb, RgbImage};

use super::page::{Area, LINE, blend, clipped, fill, width_of, write};
use super::{Colors, Numbers, Rendering, contrast, mixed, page, written};

/// The shape of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Numbers at each step.
    pub channels: usize,
    /// Steps.
    pub steps: usize,
    /// Whether the numbers of a step are neighbours: `[steps, channels]` rather than `[channels, steps]`.
    pub is_interleaved: bool,
}

impl Signal {
    fn place(&self, channel: usize, step: usize) -> usize {
        match self.is_interleaved {
            true => step * self.channels + channel,
            false => channel * self.steps + step,
        }
    }

    /// The relevance of every column of the picture, channel by channel.
    pub fn columns(self, relevance: &[f32]) -> Vec<Vec<f32>> {
        let count = self.steps.min(WIDTH);
        let of_channel = |channel: usize| {
            let mut sums = vec![0.0f32; count];
            for step in 0..self.steps {
                let value = relevance[self.place(channel, step)];
                sums[step * count / self.steps] += if value.is_finite() { value } else { 0.0 };
            }
            sums
        };
        (0..self.channels).map(of_channel).collect()
    }
}

/// The width of the lines.
const WIDTH: usize = 1000;
const MARGIN: usize = 12;
/// The most characters of the name of a channel.
const NAME: usize = 14;
/// How much of the relevance's colour lies behind a line.
const TINT: f32 = 0.45;

/// A page with lines on it.
struct Plot<'a> {
    signal: Signal,
    numbers: Numbers<'a>,
    colors: Colors,
    /// Pixels to the left of the lines.
    left: usize,
    /// Height of the panel of a channel.
    panel: usize,
}

/// Draws a signal: its values as lines, or where there are none its relevance alone.
///
/// # Errors
/// When the numbers do not fit the shape, or the rendering has a number out of range.
pub fn draw_signal(signal: Signal, numbers: Numbers, rendering: &Rendering) -> Result<RgbImage> {
    let Signal { channels, steps, .. } = signal;
    ensure!(channels > 0 && steps > 0, "a signal of {channels} x {steps} cannot be drawn");
    numbers.check(channels * steps)?;
    // Where several steps share a column of the picture, the colours are those of their sum.
    let columns = signal.columns(numbers.relevance);
    let colors = Colors::of(&columns.concat(), rendering)?;
    let names = (0..channels).map(|channel| clipped(&numbers.name(channel), NAME));
    let longest = names.map(|name| name.chars().count()).max().unwrap_or(0);
    let panel = (720 / channels).clamp(2 * LINE, 240);
    let plot = Plot { signal, numbers, colors, left: MARGIN + width_of(longest + 1), panel };
    plot.draw(&columns)
}

impl Plot<'_> {
    fn draw(&self, columns: &[Vec<f32>]) -> Result<RgbImage> {
        let Signal { channels, steps, .. } = self.signal;
        let height = 2 * MARGIN + channels * self.panel + 2 * LINE + 4;
        let mut page = page(self.left + WIDTH + MARGIN, height, self.colors.neutral())?;
        for (channel, columns) in columns.iter().enumerate() {
            let top = MARGIN + channel * self.panel;
            let name = clipped(&self.numbers.name(channel), NAME);
            let middle = top + (self.panel - LINE) / 2;
            write(&mut page, (MARGIN, middle), &name, self.colors.ink());
            self.draw_tint(&mut page, columns, top);
            if let Some(values) = self.numbers.values {
                let value = |step: usize| values[self.signal.place(channel, step)];
                self.draw_line(&mut page, &value, columns, top);
            }
            let rule = mixed(self.colors.neutral(), self.colors.ink(), 0.25);
            let area = Area { x: self.left, y: top + self.panel - 1, width: WIDTH, height: 1 };
            fill(&mut page, area, rule);
        }
        self.draw_axis(&mut page, MARGIN + channels * self.panel, steps);
        let strongest = columns.iter().flatten().fold(0.0f32, |most, value| most.max(value.abs()));
        let told = format!("strongest relevance {}", written(strongest));
        write(&mut page, (self.left, height - LINE - 4), &told, self.colors.ink());
        Ok(page)
    }

    /// Where the columns of a step begin.
    fn x(&self, step: usize) -> usize {
        self.left + step * WIDTH / self.signal.steps
    }

    /// The colour of the relevance behind a line; where there is no line, alone.
    fn draw_tint(&self, page: &mut RgbImage, columns: &[f32], top: usize) {
        let share = if self.numbers.values.is_some() { TINT } else { 1.0 };
        for (column, &relevance) in columns.iter().enumerate() {
            let x = self.left + column * WIDTH / columns.len();
            let end = self.left + (column + 1) * WIDTH / columns.len();
            let area = Area { x, y: top + 2, width: end - x, height: self.panel - 4 };
            blend(page, area, self.colors.of_relevance(relevance), share);
        }
    }

    /// A line through the values, in each column of the picture from the lowest to the highest.
    fn draw_line(
        &self,
        page: &mut RgbImage,
        value: &dyn Fn(usize) -> f32,
        columns: &[f32],
        top: usize,
    ) {
        let steps = self.signal.steps;
        let ends = (0..steps).map(value).filter(|value| value.is_finite());
        let (low, high) = ends.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let room = (self.panel - 10) as f32;
        let y = |value: f32| {
            let share = if high > low { (value - low) / (high - low) } else { 0.5 };
            top + 5 + (room * (1.0 - share.clamp(0.0, 1.0))).round() as usize
        };
        for pixel in 0..WIDTH {
            // The place of a column's left and right edge between the middles of the steps.
            let at = |pixel: usize| {
                let place = pixel as f32 * steps as f32 / WIDTH as f32 - 0.5;
                let place = place.clamp(0.0, (steps - 1) as f32);
                let (before, share) = (place as usize, place.fract());
                let after = (before + 1).min(steps - 1);
                value(before) * (1.0 - share) + value(after) * share
            };
            let inside = pixel * steps / WIDTH..((pixel + 1) * steps / WIDTH).min(steps);
            let heights = [at(pixel), at(pixel + 1)].into_iter().chain(inside.map(value)).map(y);
            let (upper, lower) =
                heights.fold((usize::MAX, 0), |(up, down), y| (up.min(y), down.max(y)));
            let relevance = columns[pixel * columns.len() / WIDTH];
            self.draw_dash(page, self.left + pixel, upper, lower, relevance);
        }
    }

    /// A column of a line, with an edge that sets it off from the tint behind.
    fn draw_dash(&self, page: &mut RgbImage, x: usize, upper: usize, lower: usize, relevance: f32) {
        let color = self.colors.of_line(relevance);
        let edge: Rgb<u8> = contrast(color);
        let height = lower - upper + 1;
        blend(
            page,
            Area { x, y: upper.saturating_sub(2), width: 1, height: height + 4 },
            edge,
            0.5,
        );
        fill(page, Area { x, y: upper.saturating_sub(1), width: 1, height: height + 2 }, color);
    }

    /// The numbers of some steps below the lines.
    fn draw_axis(&self, page: &mut RgbImage, y: usize, steps: usize) {
        let stride = nice_stride(steps);
        for step in (0..steps).step_by(stride) {
            let ink = self.colors.ink();
            fill(page, Area { x: self.x(step), y, width: 1, height: 4 }, ink);
            write(page, (self.x(step) + 2, y + 2), &step.to_string(), ink);
        }
    }
}

/// Steps between numbers on an axis, about ten of them: 1, 2 or 5 times a power of ten.
fn nice_stride(steps: usize) -> usize {
    let mut stride = 1;
    loop {
        for factor in [1, 2, 5] {
            if steps / (stride * factor) <= 10 {
                return stride * factor;
            }
        }
        stride *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_an_axis_are_round() {
        assert_eq!([7, 100, 101, 999, 16_000].map(nice_stride), [1, 10, 10, 100, 2000]);
    }

    #[test]
    fn steps_that_share_a_column_are_added_up() {
        let signal = Signal { channels: 2, steps: 3000, is_interleaved: true };
        let relevance: Vec<f32> =
            (0..6000).map(|at| if at % 2 == 0 { 1.0 } else { -2.0 }).collect();
        let columns = signal.columns(&relevance);
        assert_eq!(columns, [vec![3.0; 1000], vec![-6.0; 1000]]);
    }

    #[test]
    fn colour_shows_where_the_relevance_is() {
        let signal = Signal { channels: 1, steps: 4, is_interleaved: false };
        let numbers = Numbers {
            relevance: &[0.0, 0.0, 1.0, -1.0],
            values: Some(&[0.0, 1.0, 0.0, 1.0]),
            names: None,
        };
        let picture = draw_signal(signal, numbers, &Rendering::default()).unwrap();
        let colors = Colors::of(numbers.relevance, &Rendering::default()).unwrap();
        let left = picture.width() as usize - MARGIN - WIDTH;
        // Near the upper edge of the panel there is the tint alone.
        let at =
            |step: usize| *picture.get_pixel((left + step * 250 + 125) as u32, MARGIN as u32 + 3);
        assert_eq!(at(0), Rgb([0; 3]));
        assert_eq!(at(2), mixed(Rgb([0; 3]), colors.of_relevance(1.0), TINT));
        assert!(
            draw_signal(signal, Numbers { relevance: &[0.0], ..numbers }, &Rendering::default())
                .is_err()
        );
    }
}
