//! Volumes and films: their slices side by side, and in front of them what all slices add up to.

use anyhow::{Result, ensure};
use image::{Rgb, RgbImage};

use super::page::{Area, LINE, fill, write};
use super::{Colors, Numbers, Rendering, mixed, page};

/// The shape of a volume, without channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Slices.
    pub depth: usize,
    /// Rows of a slice.
    pub height: usize,
    /// Columns of a slice.
    pub width: usize,
}

/// The most slices; of more, evenly chosen ones are drawn.
const MOST: usize = 35;
/// A side that is shorter is enlarged to this.
const SIDE: usize = 120;
/// The widest page that slices are put on side by side.
const WIDTH: usize = 1200;
const GAP: usize = 6;

/// Draws the slices of a volume; over their values in grey, where these are given.
///
/// # Errors
/// When the numbers do not fit the shape, or the rendering has a number out of range.
pub fn draw_volume(volume: Volume, numbers: Numbers, rendering: &Rendering) -> Result<RgbImage> {
    let Volume { depth, height, width } = volume;
    let area = height * width;
    ensure!(depth > 0 && area > 0, "a volume of {depth} x {height} x {width} cannot be drawn");
    numbers.check(depth * area)?;
    let shown: Vec<usize> = match depth <= MOST {
        true => (0..depth).collect(),
        false => (0..MOST).map(|place| place * (depth - 1) / (MOST - 1)).collect(),
    };
    let zoom = SIDE.div_ceil(height.min(width)).max(1);
    let tile = [width * zoom, height * zoom];
    let across = (WIDTH / (tile[0] + GAP)).clamp(1, shown.len() + 1);
    let down = (shown.len() + 1).div_ceil(across);
    let colors = Colors::of(numbers.relevance, rendering)?;
    let paper = mixed(colors.neutral(), colors.ink(), 0.12);
    let size = [across * (tile[0] + GAP) + GAP, down * (tile[1] + LINE + GAP) + GAP];
    let mut page = page(size[0], size[1], paper)?;

    let mut tiles = vec![];
    let sums = projection(numbers.relevance, area);
    let values = numbers.values.map(|values| projection(values, area));
    let sum_colors = Colors::of(&sums, rendering)?;
    tiles.push(("sum".to_string(), &sums[..], values.as_deref(), &sum_colors));
    for &slice in &shown {
        let of = |numbers: &'_ [f32]| slice * area..(slice * area + area).min(numbers.len());
        let relevance = &numbers.relevance[of(numbers.relevance)];
        let values = numbers.values.map(|values| &values[of(values)]);
        tiles.push((slice.to_string(), relevance, values, &colors));
    }
    // One grey for all slices, another for their sum.
    let ranges = [numbers.values.map(range), values.as_deref().map(range)];
    for (place, (name, relevance, values, colors)) in tiles.into_iter().enumerate() {
        let x = GAP + place % across * (tile[0] + GAP);
        let y = GAP + place / across * (tile[1] + LINE + GAP);
        write(&mut page, (x, y), &name, colors.ink());
        let range = ranges[usize::from(place == 0)].unwrap_or((0.0, 0.0));
        for pixel in 0..area {
            let color = match values {
                Some(values) => over_grey(colors, relevance[pixel], values[pixel], range),
                None => colors.of_relevance(relevance[pixel]),
            };
            let x = x + pixel % width * zoom;
            let y = y + LINE + pixel / width * zoom;
            fill(&mut page, Area { x, y, width: zoom, height: zoom }, color);
        }
    }
    Ok(page)
}

/// The sum over all slices.
fn projection(numbers: &[f32], area: usize) -> Vec<f32> {
    let mut sums = vec![0.0; area];
    for slice in numbers.chunks_exact(area) {
        sums.iter_mut().zip(slice).for_each(|(sum, value)| *sum += value);
    }
    sums
}

fn range(values: &[f32]) -> (f32, f32) {
    let finite = values.iter().filter(|value| value.is_finite());
    finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &value| {
        (low.min(value), high.max(value))
    })
}

/// The colour of a relevance over a value in grey, which shows where there is little relevance.
fn over_grey(colors: &Colors, relevance: f32, value: f32, (low, high): (f32, f32)) -> Rgb<u8> {
    let share = if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
    // Dark on a dark page and pale on a pale one, so that colour means relevance.
    let grey = mixed(Rgb([(255.0 * share) as u8; 3]), colors.neutral(), 0.3);
    let opacity = colors.rendering.alpha * colors.strength(relevance).sqrt();
    mixed(grey, colors.of_relevance(relevance), opacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_stand_beside_their_sum() {
        let volume = Volume { depth: 2, height: 60, width: 60 };
        let mut relevance = vec![0.0; 7200];
        // The lower right corner of the second slice.
        relevance[7199] = 1.0;
        let numbers = Numbers { relevance: &relevance, values: None, names: None };
        let picture = draw_volume(volume, numbers, &Rendering::default()).unwrap();
        assert_eq!(picture.dimensions(), (3 * 126 + 6, (120 + LINE + 2 * GAP) as u32));
        let corner = |tile: usize| {
            let x = GAP + tile * (120 + GAP) + 119;
            *picture.get_pixel(x as u32, (GAP + LINE + 119) as u32)
        };
        assert_eq!([0, 1, 2].map(corner), [Rgb([255; 3]), Rgb([0; 3]), Rgb([255; 3])]);
    }

    #[test]
    fn of_many_slices_some_are_drawn() {
        let volume = Volume { depth: 200, height: 8, width: 8 };
        let numbers = Numbers {
            relevance: &vec![0.1; 200 * 64],
            values: Some(&vec![1.0; 200 * 64]),
            names: None,
        };
        let picture = draw_volume(volume, numbers, &Rendering::default()).unwrap();
        assert!(picture.width() <= 1200 && picture.height() < 1000, "{:?}", picture.dimensions());
    }
}
