//! Render, overlay part 1: bring a heatmap to the resolution of the original picture.
//!
//! The filter is the cubic B-spline. It is smooth and nowhere negative, so that no relevance of the other sign appears next
//! to a strong pixel, as it would with Catmull-Rom or Lanczos. In return, it blurs by about one pixel of the heatmap. If
//! the heatmap has the higher resolution, the filter is widened, and averages.

use std::ops::Range;

use anyhow::{Context, Result, ensure};

use super::reduce::Heatmap;

/// The part of the original picture that the network's input shows, in pixels of the picture.
///
/// (0, 0) is the upper left corner of the upper left pixel. The window may be larger than the picture, if the preprocessing
/// pads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width, above 0.
    pub width: f64,
    /// Height, above 0.
    pub height: f64,
}

impl Placement {
    /// The whole picture of `width` x `height` pixels, as when it is resized without a crop.
    pub fn whole(width: u32, height: u32) -> Self {
        Self { x: 0.0, y: 0.0, width: f64::from(width), height: f64::from(height) }
    }
}

/// The visible part of a heatmap, at the resolution of the picture under it.
pub(super) struct Window {
    /// Columns of the picture whose centres the placement covers.
    pub(super) columns: Range<usize>,
    /// Rows of the picture whose centres the placement covers.
    pub(super) rows: Range<usize>,
    /// The relevance of `rows.len() * columns.len()` pixels, row by row.
    pub(super) values: Vec<f32>,
}

/// Resamples `heatmap` to the part of `placement` that is inside a picture of
/// `width` x `height` pixels.
///
/// # Errors
/// When the placement is not a window of finite size, or covers no pixel of the picture.
pub(super) fn resample(
    heatmap: &Heatmap,
    placement: Placement,
    width: usize,
    height: usize,
) -> Result<Window> {
    let horizontal = Axis::new(placement.x, placement.width, heatmap.width());
    let vertical = Axis::new(placement.y, placement.height, heatmap.height());
    let covered = || {
        let Placement { x, y, width: across, height: down } = placement;
        format!(
            "the window of {across} x {down} pixels at {x}, {y} covers no pixel of the picture of {width} x {height}"
        )
    };
    let columns = horizontal.covered(width).with_context(covered)?;
    let rows = vertical.covered(height).with_context(covered)?;
    ensure!(!columns.is_empty() && !rows.is_empty(), covered());

    let wide = filter_rows(heatmap, &horizontal.taps(columns.clone()));
    let values = filter_columns(&wide, columns.len(), &vertical.taps(rows.clone()));
    Ok(Window { columns, rows, values })
}

impl Heatmap {
    /// The heatmap at a higher resolution, interpolated.
    ///
    /// # Errors
    /// When a side is zero.
    pub fn enlarged(&self, width: usize, height: usize) -> Result<Heatmap> {
        let sides = [u32::try_from(width)?, u32::try_from(height)?];
        let placement = Placement::whole(sides[0], sides[1]);
        Heatmap::new(width, height, resample(self, placement, width, height)?.values)
    }
}

/// One direction of a placement: `samples` heatmap pixels cover `length` picture pixels.
struct Axis {
    start: f64,
    length: f64,
    samples: usize,
}

/// The heatmap pixels from which one picture pixel is computed: the first index, and the weights.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

impl Axis {
    fn new(start: f64, length: f64, samples: usize) -> Self {
        Self { start, length, samples }
    }

    /// The pixels 0..limit whose centres lie inside; of a window between two centres, which very long pictures have,
    /// the pixel that most of it lies on. Nothing where the placement is no window.
    fn covered(&self, limit: usize) -> Option<Range<usize>> {
        let end = self.start + self.length;
        if !(self.start.is_finite() && end.is_finite() && self.length > 0.0) {
            return None;
        }
        // The cast saturates, so that this is right for windows of any size.
        let first = ((self.start - 0.5).ceil().max(0.0) as usize).min(limit);
        let last = ((end - 0.5).ceil().max(0.0) as usize).min(limit);
        let is_between = first == last && end > 0.0 && self.start < limit as f64;
        if !is_between {
            return Some(first..last);
        }
        let middle = (self.start + self.length / 2.0).max(0.0) as usize;
        let pixel = middle.min(limit.saturating_sub(1));
        Some(pixel..pixel + 1)
    }

    fn taps(&self, pixels: Range<usize>) -> Vec<Taps> {
        let ratio = self.samples as f64 / self.length;
        // Heatmap pixels per unit of the filter: above 1 if the picture has the lower resolution.
        let unit = ratio.max(1.0);
        let last = (self.samples - 1) as f64;
        let taps_at = |pixel: usize| {
            let center = (pixel as f64 + 0.5 - self.start) * ratio - 0.5;
            let first = (center - 2.0 * unit).ceil().clamp(0.0, last);
            let end = (center + 2.0 * unit).floor().clamp(0.0, last);
            let (first, end) = (first as usize, end as usize);
            let mut weights: Vec<f32> = (first..=end)
                .map(|sample| cubic_b_spline((sample as f64 - center) / unit) as f32)
                .collect();
            // There are no samples beyond the edge: the weights of the others are scaled to add up to 1.
            let total: f32 = weights.iter().sum();
            for weight in &mut weights {
                *weight /= total;
            }
            Taps { first, weights }
        };
        pixels.map(taps_at).collect()
    }
}

/// The cubic B-spline, with the support -2..2 and the integral 1.
fn cubic_b_spline(distance: f64) -> f64 {
    let distance = distance.abs();
    if distance < 1.0 {
        2.0 / 3.0 - distance.powi(2) * (1.0 - distance / 2.0)
    } else {
        (2.0 - distance).max(0.0).powi(3) / 6.0
    }
}

fn filter_rows(heatmap: &Heatmap, taps: &[Taps]) -> Vec<f32> {
    let mut filtered = Vec::with_capacity(heatmap.height() * taps.len());
    for row in heatmap.values().chunks_exact(heatmap.width()) {
        filtered.extend(taps.iter().map(|Taps { first, weights }| {
            let samples = row[*first..].iter();
            samples.zip(weights).map(|(a, b)| a * b).sum::<f32>()
        }));
    }
    filtered
}

fn filter_columns(values: &[f32], width: usize, taps: &[Taps]) -> Vec<f32> {
    let mut filtered = vec![0.0; width * taps.len()];
    for (target, Taps { first, weights }) in filtered.chunks_exact_mut(width).zip(taps) {
        let rows = values[first * width..].chunks_exact(width);
        for (row, weight) in rows.zip(weights) {
            for (sum, value) in target.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
    }
    filtered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placement(x: f64, y: f64, width: f64, height: f64) -> Placement {
        Placement { x, y, width, height }
    }

    fn heatmap(width: usize, height: usize, value: impl Fn(usize, usize) -> f32) -> Heatmap {
        let values = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| value(x, y))
            .collect();
        Heatmap::new(width, height, values).unwrap()
    }

    #[test]
    fn the_filter_is_the_cubic_b_spline() {
        assert!((cubic_b_spline(0.0) - 2.0 / 3.0).abs() < 1e-12);
        assert!((cubic_b_spline(1.0) - 1.0 / 6.0).abs() < 1e-12);
        assert!((cubic_b_spline(-0.5) - 23.0 / 48.0).abs() < 1e-12);
        assert_eq!(cubic_b_spline(2.5), 0.0);
    }

    #[test]
    fn a_constant_stays_constant_at_any_scale_and_position() {
        let constant = heatmap(5, 3, |_, _| 2.5);
        for place in [
            placement(0.0, 0.0, 20.0, 20.0),
            placement(-7.3, 2.6, 31.9, 4.2),
            placement(3.0, 3.0, 2.0, 1.0),
            placement(-1e9, -1e9, 2e9, 2e9),
        ] {
            let window = resample(&constant, place, 20, 20).unwrap();
            assert!(window.values.iter().all(|value| (value - 2.5).abs() < 1e-5));
        }
    }

    #[test]
    fn only_pixels_whose_centres_are_covered_are_sampled() {
        let constant = heatmap(4, 4, |_, _| 1.0);
        let covered = |place| {
            let window = resample(&constant, place, 10, 8).unwrap();
            assert_eq!(window.values.len(), window.columns.len() * window.rows.len());
            (window.columns, window.rows)
        };
        assert_eq!(covered(Placement::whole(10, 8)), (0..10, 0..8));
        assert_eq!(covered(placement(2.0, 1.5, 4.0, 4.0)), (2..6, 1..5));
        assert_eq!(covered(placement(2.6, 1.4, 4.0, 4.0)), (3..7, 1..5));
        assert_eq!(covered(placement(-5.0, 6.0, 7.0, 30.0)), (0..2, 6..8));
        // Between two centres, as in a very long picture: the pixel that most of it lies on.
        assert_eq!(covered(placement(2.6, 1.6, 0.875, 0.875)), (3..4, 2..3));
    }

    #[test]
    fn a_ramp_is_followed_and_lies_where_the_placement_says() {
        let ramp = heatmap(32, 8, |x, _| x as f32);
        let window = resample(&ramp, placement(10.0, 0.0, 64.0, 16.0), 100, 16).unwrap();
        for (index, column) in window.columns.clone().enumerate().skip(8).take(48) {
            let expected = (column as f32 + 0.5 - 10.0) / 2.0 - 0.5;
            assert!((window.values[index] - expected).abs() < 1e-3);
        }
    }

    #[test]
    fn a_single_strong_pixel_spreads_without_ringing() {
        let spike = heatmap(9, 9, |x, y| if (x, y) == (4, 4) { 1.0 } else { 0.0 });
        let window = resample(&spike, Placement::whole(27, 27), 27, 27).unwrap();
        let largest = window.values.iter().copied().fold(f32::MIN, f32::max);
        assert!(window.values.iter().all(|&value| value >= 0.0));
        assert_eq!(window.values[13 * 27 + 13], largest);
        assert!((largest - 4.0 / 9.0).abs() < 1e-5);
        // Relevance per area is kept: 9 picture pixels for one heatmap pixel.
        assert!((window.values.iter().sum::<f32>() - 9.0).abs() < 1e-3);
    }

    #[test]
    fn a_finer_heatmap_is_averaged() {
        let checkerboard = heatmap(64, 64, |x, y| ((x + y) % 2) as f32);
        let window = resample(&checkerboard, Placement::whole(8, 8), 8, 8).unwrap();
        assert!(window.values.iter().all(|value| (value - 0.5).abs() < 0.01));
    }

    #[test]
    fn a_window_off_the_picture_is_an_error() {
        let constant = heatmap(4, 4, |_, _| 1.0);
        for place in [
            placement(20.0, 0.0, 5.0, 5.0),
            placement(0.0, -9.0, 5.0, 5.0),
            placement(0.0, 0.0, 0.0, 5.0),
            placement(0.0, 0.0, -3.0, 5.0),
            placement(f64::NAN, 0.0, 5.0, 5.0),
            placement(0.0, 0.0, f64::INFINITY, 5.0),
            placement(f64::MAX, 0.0, f64::MAX, 5.0),
        ] {
            let error = resample(&constant, place, 10, 8).err().unwrap();
            assert!(error.to_string().contains("covers no pixel"), "{error}");
        }
    }
}
