//! Planes copied with their padding, and the tiles in which windows on them are computed.
//!
//! Planes are of single channels, or of blocks of channels.

use std::cell::Cell;

use super::WindowAxis;
use crate::scratch::{self, AlignedBuf};
use crate::threads::for_each_chunk;

thread_local! {
    /// Scratch memory for planes with their padding.
    static PLANES: Cell<AlignedBuf> = Cell::default();
}

/// A run of neighbouring pixels that are computed together.
pub struct Tile {
    /// Where the first pixel reads in the padded plane.
    pub input: usize,
    /// The pixels that belong to the output.
    pub segments: Vec<Segment>,
}

/// Neighbouring pixels of a tile that belong to the output.
pub struct Segment {
    /// Index of the first one in the tile.
    pub pixel: usize,
    /// Its index in the output plane.
    pub output: usize,
    /// How many there are.
    pub count: usize,
}

/// Input planes with their padding, and the windows on them.
pub struct PaddedPlanes {
    vertical: WindowAxis,
    horizontal: WindowAxis,
    /// Channels of a plane: 1, or those of a block.
    lanes: usize,
    /// Whether the input is copied; otherwise its planes are used as they are.
    is_copied: bool,
    /// Floats behind the last plane, which a tile that is longer than its row reads.
    slack: usize,
}

impl PaddedPlanes {
    /// Planes of `lanes` channels per pixel, for tiles of `pixels` windows.
    pub fn new(
        vertical: WindowAxis,
        horizontal: WindowAxis,
        lanes: usize,
        pixels: usize,
    ) -> PaddedPlanes {
        let is_padded = |axis: &WindowAxis| axis.pad_before + axis.pad_after > 0;
        let is_line = Self::strides_are_one(&vertical, &horizontal)
            && vertical.kernel == 1
            && horizontal.kernel == 1
            && vertical.input * horizontal.input >= pixels;
        let is_copied = is_padded(&vertical) || is_padded(&horizontal) || !is_line;
        let slack = pixels * horizontal.stride * lanes;
        PaddedPlanes { vertical, horizontal, lanes, is_copied, slack }
    }

    fn strides_are_one(vertical: &WindowAxis, horizontal: &WindowAxis) -> bool {
        vertical.stride == 1 && horizontal.stride == 1
    }

    /// Floats of a plane without padding.
    pub fn input_len(&self) -> usize {
        self.vertical.input * self.horizontal.input * self.lanes
    }

    /// Pixels of a row.
    pub fn width(&self) -> usize {
        self.horizontal.pad_before + self.horizontal.input + self.horizontal.pad_after
    }

    /// Floats of a plane.
    pub fn plane_len(&self) -> usize {
        let height = self.vertical.pad_before + self.vertical.input + self.vertical.pad_after;
        height * self.width() * self.lanes
    }

    /// Calls `work` with the planes of `input`, copied with their padding if there is any.
    pub fn with_padding<T>(&self, input: &[f32], work: impl FnOnce(&[f32]) -> T) -> T {
        if !self.is_copied {
            return work(input);
        }
        let len = input.len() / self.input_len().max(1) * self.plane_len() + self.slack;
        let mut planes = scratch::take(&PLANES, len);
        self.copy(input, &mut planes);
        work(&planes)
    }

    /// Copies the planes of the input with their padding.
    fn copy(&self, input: &[f32], planes: &mut [f32]) {
        let (plane_len, input_len) = (self.plane_len(), self.input_len());
        let (planes, slack) = planes.split_at_mut(planes.len() - self.slack);
        slack.fill(0.0);
        for_each_chunk(planes, plane_len, |plane, to| {
            self.copy_plane(&input[plane * input_len..][..input_len], to);
        });
    }

    fn copy_plane(&self, from: &[f32], to: &mut [f32]) {
        let (width, columns) = (self.width() * self.lanes, self.horizontal.input * self.lanes);
        let (above, rest) = to.split_at_mut(self.vertical.pad_before * width);
        let (inside, below) = rest.split_at_mut(self.vertical.input * width);
        above.fill(0.0);
        below.fill(0.0);
        for (to, from) in inside.chunks_exact_mut(width).zip(from.chunks_exact(columns)) {
            let (left, rest) = to.split_at_mut(self.horizontal.pad_before * self.lanes);
            let (inside, right) = rest.split_at_mut(columns);
            left.fill(0.0);
            inside.copy_from_slice(from);
            right.fill(0.0);
        }
    }

    /// Where a channel begins.
    pub fn channel(&self, channel: usize) -> usize {
        channel / self.lanes * self.plane_len() + channel % self.lanes
    }

    /// Where a tap in row `y` and column `x` of the window reads, on the first plane.
    pub fn place(&self, y: usize, x: usize) -> usize {
        let row = y * self.vertical.dilation * self.width();
        (row + x * self.horizontal.dilation) * self.lanes
    }

    /// Whether the offsets of all channels fit in 32 bits.
    pub fn fits(&self, channels: usize) -> bool {
        let planes = channels.div_ceil(self.lanes) + 1;
        u32::try_from(planes * self.plane_len() + self.slack).is_ok()
    }

    /// Where each tap of the channels of a group reads, channel by channel of single-channel planes; `None` where that
    /// does not fit in 32 bits.
    pub fn offsets(&self, channels: usize) -> Option<Vec<u32>> {
        if !self.fits(channels) {
            return None;
        }
        let mut offsets = vec![];
        for channel in 0..channels {
            for y in 0..self.vertical.kernel {
                for x in 0..self.horizontal.kernel {
                    offsets.push((self.channel(channel) + self.place(y, x)) as u32);
                }
            }
        }
        Some(offsets)
    }

    /// The output plane in tiles of `pixels`: row by row, or the padded plane as one line where that takes fewer.
    pub fn tiles(&self, pixels: usize) -> Vec<Tile> {
        let (rows, columns) = (self.vertical.output, self.horizontal.output);
        let line_len = (rows.max(1) - 1) * self.width() + columns;
        let as_line = Self::strides_are_one(&self.vertical, &self.horizontal)
            && (!self.is_copied || line_len.div_ceil(pixels) < rows * columns.div_ceil(pixels));
        if as_line { self.tiles_of_line(line_len, pixels) } else { self.tiles_of_rows(pixels) }
    }

    fn tiles_of_rows(&self, pixels: usize) -> Vec<Tile> {
        let columns = self.horizontal.output;
        let mut tiles = vec![];
        for row in 0..self.vertical.output {
            for column in (0..columns).step_by(pixels) {
                let count = pixels.min(columns - column);
                let segment = Segment { pixel: 0, output: row * columns + column, count };
                let first = row * self.vertical.stride * self.width();
                let input = first + column * self.horizontal.stride;
                tiles.push(Tile { input: input * self.lanes, segments: vec![segment] });
            }
        }
        tiles
    }

    fn tiles_of_line(&self, len: usize, pixels: usize) -> Vec<Tile> {
        let (columns, width) = (self.horizontal.output, self.width());
        let tile = |start: usize| {
            // Planes that are not copied have no slack behind the last one.
            let input = if self.is_copied { start } else { start.min(len - pixels) };
            let mut segments: Vec<Segment> = vec![];
            for at in (start..len.min(input + pixels)).filter(|at| at % width < columns) {
                let (pixel, output) = (at - input, at / width * columns + at % width);
                match segments.last_mut() {
                    Some(last) if last.pixel + last.count == pixel => last.count += 1,
                    _ => segments.push(Segment { pixel, output, count: 1 }),
                }
            }
            Tile { input: input * self.lanes, segments }
        };
        (0..len).step_by(pixels).map(tile).collect()
    }
}
