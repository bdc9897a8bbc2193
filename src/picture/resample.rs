//! Resizing 8-bit pictures to the byte as Pillow does, which is what torchvision and most training code call.
//!
//! Stands inside preprocessing: decoded picture -> **resample** -> normalise -> tensor.
//!
//! When a picture shrinks, the filter is widened by the same factor (antialiasing). Columns are computed first,
//! rounded to bytes, then rows. The weights are fixed-point numbers with 22 fraction bits, as in Pillow, so the bytes
//! agree with `Image.resize` and not only the look. (Pillow 13 computes the rows first where the height shrinks much
//! more than the width; bytes then differ by one here and there.)

use std::f64::consts::PI;

use super::preprocess::Filter;

/// Fraction bits of a weight: a byte times a weight leaves two bits for the overshoot of negative lobes.
const FRACTION_BITS: u32 = 22;

/// A rectangle of the resized picture, in whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

/// A picture as bytes: rows from top to bottom, `CHANNELS` bytes per pixel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pixels<'a, const CHANNELS: usize> {
    pub(super) bytes: &'a [u8],
    pub(super) height: usize,
    pub(super) width: usize,
}

/// Resizes `source` to `size` ([height, width]) and returns the bytes of `region` of the result.
///
/// Only the pixels of `region` are computed; it must lie within `size`.
pub(super) fn resize<const CHANNELS: usize>(
    source: Pixels<CHANNELS>,
    size: [usize; 2],
    region: Region,
    filter: Filter,
) -> Vec<u8> {
    let kernel = match filter {
        Filter::Nearest => return pick_nearest(source, size, region),
        Filter::Bilinear => Kernel::new(1.0, triangle),
        Filter::Bicubic => Kernel::new(2.0, cubic),
        Filter::Lanczos => Kernel::new(3.0, lanczos),
    };
    let columns = kernel.taps(source.width, size[1], region.left, region.width);
    let rows = kernel.taps(source.height, size[0], region.top, region.height);
    let first_row = rows.first().map_or(0, |taps| taps.start);
    let end_row = rows.last().map_or(0, Taps::end);
    let narrowed = resize_columns(source, first_row..end_row, &columns);
    resize_rows(&narrowed, first_row, region.width * CHANNELS, &rows)
}

/// A filter and its reach on either side, in pixels of the larger grid.
struct Kernel {
    support: f64,
    weight: fn(f64) -> f64,
}

/// The source pixels that make up one resized pixel: from `start`, one weight each.
struct Taps {
    start: usize,
    weights: Vec<i32>,
}

impl Taps {
    fn end(&self) -> usize {
        self.start + self.weights.len()
    }
}

impl Kernel {
    fn new(support: f64, weight: fn(f64) -> f64) -> Self {
        Self { support, weight }
    }

    /// The taps of resized pixels `first .. first + count` on an axis that goes from `source` to `target` pixels.
    fn taps(&self, source: usize, target: usize, first: usize, count: usize) -> Vec<Taps> {
        let scale = source as f64 / target as f64;
        let widening = scale.max(1.0);
        let support = self.support * widening;
        let taps_at = |position: usize| {
            let center = (position as f64 + 0.5) * scale;
            // Float to integer casts saturate: a negative start becomes 0.
            let start = (center - support + 0.5) as usize;
            let end = ((center + support + 0.5) as usize).min(source);
            let weights: Vec<f64> = (start..end)
                .map(|pixel| (self.weight)((pixel as f64 - center + 0.5) / widening))
                .collect();
            let total: f64 = weights.iter().sum();
            let one = f64::from(1 << FRACTION_BITS);
            let weights =
                weights.iter().map(|weight| (weight / total * one).round() as i32).collect();
            Taps { start, weights }
        };
        (first..first + count).map(taps_at).collect()
    }
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

/// Keys' cubic with a = -1/2 (Catmull-Rom).
fn cubic(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| {
        if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) }
    };
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

/// One half in fixed point, so that dropping the fraction rounds.
const HALF: i32 = 1 << (FRACTION_BITS - 1);

fn to_byte(sum: i32) -> u8 {
    (sum >> FRACTION_BITS).clamp(0, 255) as u8
}

fn resize_columns<const CHANNELS: usize>(
    source: Pixels<CHANNELS>,
    rows: std::ops::Range<usize>,
    columns: &[Taps],
) -> Vec<u8> {
    let stride = source.width * CHANNELS;
    let mut resized = Vec::with_capacity(rows.len() * columns.len() * CHANNELS);
    for row in source.bytes[rows.start * stride..rows.end * stride].chunks_exact(stride) {
        for taps in columns {
            let mut sums = [HALF; CHANNELS];
            let (pixels, _) = row[taps.start * CHANNELS..].as_chunks::<CHANNELS>();
            for (pixel, weight) in pixels.iter().zip(&taps.weights) {
                for (sum, &byte) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(byte) * weight;
                }
            }
            resized.extend(sums.map(to_byte));
        }
    }
    resized
}

/// `source` holds rows of `stride` bytes; its first row is row `first_row` of the picture the taps count in.
fn resize_rows(source: &[u8], first_row: usize, stride: usize, rows: &[Taps]) -> Vec<u8> {
    let mut resized = Vec::with_capacity(rows.len() * stride);
    let mut sums = vec![HALF; stride];
    for taps in rows {
        sums.fill(HALF);
        let lines = source[(taps.start - first_row) * stride..].chunks_exact(stride);
        for (line, weight) in lines.zip(&taps.weights) {
            for (sum, &byte) in sums.iter_mut().zip(line) {
                *sum += i32::from(byte) * weight;
            }
        }
        resized.extend(sums.iter().map(|&sum| to_byte(sum)));
    }
    resized
}

fn pick_nearest<const CHANNELS: usize>(
    source: Pixels<CHANNELS>,
    size: [usize; 2],
    region: Region,
) -> Vec<u8> {
    let columns = nearest(source.width, size[1], region.left, region.width);
    let rows = nearest(source.height, size[0], region.top, region.height);
    let mut picked = Vec::with_capacity(rows.len() * columns.len() * CHANNELS);
    for row in rows {
        for column in &columns {
            let at = (row * source.width + column) * CHANNELS;
            picked.extend_from_slice(&source.bytes[at..at + CHANNELS]);
        }
    }
    picked
}

/// The source pixel under the middle of each resized pixel.
///
/// The position is summed up step by step, as Pillow does: where the middle falls on a border between two pixels,
/// the rounding of that sum decides.
fn nearest(source: usize, target: usize, first: usize, count: usize) -> Vec<usize> {
    let scale = source as f64 / target as f64;
    let mut position = scale * 0.5;
    let mut indices = Vec::with_capacity(count);
    for index in 0..first + count {
        if index >= first {
            indices.push((position as usize).min(source - 1));
        }
        position += scale;
    }
    indices
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of `height` rows whose bytes follow no pattern a filter could hide behind.
    fn noise(height: usize, width: usize, channels: usize) -> Vec<u8> {
        (0..height * width * channels)
            .map(|index| ((index * index * 31 + index * 17) % 251) as u8)
            .collect()
    }

    fn full(size: [usize; 2]) -> Region {
        Region { top: 0, left: 0, height: size[0], width: size[1] }
    }

    fn resize_noise(filter: Filter, size: [usize; 2]) -> Vec<u8> {
        let bytes = noise(7, 5, 1);
        let source: Pixels<1> = Pixels { bytes: &bytes, height: 7, width: 5 };
        resize(source, size, full(size), filter)
    }

    // The expected bytes of the next two tests are Pillow 13.0's:
    // Image.fromarray(noise).resize((width, height), Image.Resampling.NAME).
    #[test]
    fn shrinks_to_the_bytes_of_pillow() {
        assert_eq!(resize_noise(Filter::Nearest, [3, 2]), [214, 112, 176, 59, 63, 182]);
        assert_eq!(resize_noise(Filter::Bilinear, [3, 2]), [113, 118, 164, 154, 154, 166]);
        assert_eq!(resize_noise(Filter::Bicubic, [3, 2]), [109, 117, 167, 156, 155, 167]);
        assert_eq!(resize_noise(Filter::Lanczos, [3, 2]), [107, 117, 169, 160, 156, 167]);
    }

    #[test]
    fn enlarges_to_the_bytes_of_pillow() {
        assert_eq!(
            resize_noise(Filter::Nearest, [8, 3]),
            [
                0, 158, 62, 107, 132, 154, 7, 150, 39, 202, 212, 219, 202, 212, 219, 190, 67, 192,
                222, 217, 209, 47, 160, 19
            ]
        );
        assert_eq!(
            resize_noise(Filter::Bilinear, [8, 3]),
            [
                21, 116, 69, 128, 140, 123, 101, 158, 113, 142, 167, 129, 197, 156, 175, 188, 149,
                203, 146, 175, 177, 112, 174, 90
            ]
        );
        assert_eq!(
            resize_noise(Filter::Bicubic, [8, 3]),
            [
                15, 120, 68, 139, 141, 125, 92, 169, 109, 139, 173, 124, 210, 150, 176, 192, 142,
                212, 142, 175, 183, 109, 185, 84
            ]
        );
        assert_eq!(
            resize_noise(Filter::Lanczos, [8, 3]),
            [
                12, 122, 67, 142, 141, 122, 93, 180, 109, 132, 177, 116, 223, 144, 175, 189, 139,
                222, 138, 174, 183, 106, 196, 79
            ]
        );
    }

    #[test]
    fn region_is_a_cutting_of_the_whole() {
        let bytes = noise(40, 30, 3);
        let source: Pixels<3> = Pixels { bytes: &bytes, height: 40, width: 30 };
        let size = [17, 23];
        let region = Region { top: 4, left: 9, height: 6, width: 5 };
        for filter in [Filter::Nearest, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
            let whole = resize(source, size, full(size), filter);
            let cut = resize(source, size, region, filter);
            for row in 0..region.height {
                let at = ((region.top + row) * size[1] + region.left) * 3;
                let line = row * region.width * 3;
                assert_eq!(cut[line..line + 15], whole[at..at + 15], "{filter:?}");
            }
        }
    }

    #[test]
    fn same_size_changes_nothing() {
        for filter in [Filter::Nearest, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
            assert_eq!(resize_noise(filter, [7, 5]), noise(7, 5, 1), "{filter:?}");
        }
    }
}
