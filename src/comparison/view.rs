//! A map, and where on the picture it lies; two of them on one grid.

use std::cell::OnceCell;

use anyhow::Result;

use super::line::RegionShare;
use crate::metric::{Map, Mask, positive_share, ranks};
use crate::truth::Frame;

/// A map of a network, and the part of the picture that the network saw.
#[derive(Clone, Debug)]
pub(super) struct View {
    map: Map,
    frame: Frame,
    /// Whether only its magnitude has a meaning.
    is_magnitude: bool,
    ranks: OnceCell<Vec<f64>>,
}

/// An interval on one axis of the picture, whose length is 1.
type Span = [f64; 2];

impl View {
    /// A map of an input that lies in a frame.
    pub fn new(map: Map, frame: Frame, is_magnitude: bool) -> View {
        View { map, frame, is_magnitude, ranks: OnceCell::new() }
    }

    /// The frame.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The values row by row.
    pub fn values(&self) -> &[f64] {
        self.map.values()
    }

    /// The rank of every value.
    pub fn ranks(&self) -> &[f64] {
        self.ranks.get_or_init(|| ranks(self.values()))
    }

    /// Whether the values of both are for the same places, and read in the same manner.
    pub fn is_like(&self, other: &View) -> bool {
        self.frame == other.frame
            && [self.map.height(), self.map.width()] == [other.map.height(), other.map.width()]
            && self.is_magnitude == other.is_magnitude
    }

    /// Two maps as lists of numbers for the same places: as they are where both networks see the same part of the picture at
    /// the same size; else where both look, on the grid of the coarser one, relevance being summed over its cells. `None`
    /// where they see nothing in common.
    pub fn on_common_grid(&self, other: &View) -> Option<[Vec<f64>; 2]> {
        let (a, b) = self.read_like(other);
        let sizes = [&a, &b].map(|map| [map.height(), map.width()]);
        if self.frame == other.frame && sizes[0] == sizes[1] {
            return Some([a.values().to_vec(), b.values().to_vec()]);
        }
        let spans = [self.frame.window_shares(), other.frame.window_shares()];
        let axis = |axis: usize| {
            let [one, two] = [spans[0][axis], spans[1][axis]];
            let common = [one[0].max(two[0]), one[1].min(two[1])];
            let length = common[1] - common[0];
            let cells = [(sizes[0][axis], one), (sizes[1][axis], two)]
                .map(|(count, span)| count as f64 / (span[1] - span[0]) * length);
            let count = cells[0].min(cells[1]).round().max(1.0) as usize;
            (length > 0.0).then_some((common, count))
        };
        let grid = [axis(0)?, axis(1)?];
        Some([summed(&a, spans[0], grid), summed(&b, spans[1], grid)])
    }

    /// Both maps as they are; their magnitudes where the sign of one of them has no meaning.
    fn read_like(&self, other: &View) -> (Map, Map) {
        match self.is_magnitude || other.is_magnitude {
            true => (self.map.magnitudes(), other.map.magnitudes()),
            false => (self.map.clone(), other.map.clone()),
        }
    }

    /// Σ h⁺ inside / Σ h⁺, and the share of pixels that are inside.
    ///
    /// # Errors
    /// Undefined where the region is empty or the map has no positive relevance.
    pub fn share(&self, mask: &Mask) -> Result<RegionShare> {
        let share = positive_share(&self.map, mask.inside())?;
        let area = mask.area() as f64 / mask.inside().len() as f64;
        Ok(RegionShare { share, area })
    }
}

/// The relevance of a map in every cell of a grid: what of its pixels lies in the cell.
fn summed(map: &Map, spans: [Span; 2], grid: [(Span, usize); 2]) -> Vec<f64> {
    let rows = overlaps(map.height(), spans[0], grid[0]);
    let columns = overlaps(map.width(), spans[1], grid[1]);
    let mut values = Vec::with_capacity(rows.len() * columns.len());
    for row in &rows {
        for column in &columns {
            let mut sum = 0.0;
            for &(y, height) in row {
                for &(x, width) in column {
                    sum += height * width * map.values()[y * map.width() + x];
                }
            }
            values.push(sum);
        }
    }
    values
}

/// For each of the cells of a span, the pixels that lie in it and how much of each.
fn overlaps(
    pixels: usize,
    [from, to]: Span,
    (cells, count): (Span, usize),
) -> Vec<Vec<(usize, f64)>> {
    let pixel = (to - from) / pixels as f64;
    let cell = (cells[1] - cells[0]) / count as f64;
    let of_cell = |index: usize| {
        // In pixels of the map.
        let begin = (cells[0] + index as f64 * cell - from) / pixel;
        let end = begin + cell / pixel;
        let first = begin.floor().max(0.0) as usize;
        let last = (end.ceil() as usize).min(pixels);
        let part = |at: usize| (end.min(at as f64 + 1.0) - begin.max(at as f64)).max(0.0);
        (first..last).map(|at| (at, part(at))).filter(|(_, part)| *part > 0.0).collect()
    };
    (0..count).map(of_cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(values: &[f64], size: [usize; 2], frame: Frame) -> View {
        let map = Map::new(values.to_vec(), size[0], size[1]).unwrap();
        View::new(map, frame, false)
    }

    #[test]
    fn maps_of_one_frame_are_compared_pixel_by_pixel() {
        let frame = Frame::whole([1, 3]);
        let (a, b) =
            (view(&[1.0, -2.0, 3.0], [1, 3], frame), view(&[4.0, 5.0, -6.0], [1, 3], frame));
        assert_eq!(a.on_common_grid(&b).unwrap(), [[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]]);
        // A map without signs is compared with the magnitudes of one that has them.
        let magnitude = View::new(b.map.clone(), frame, true);
        assert_eq!(a.on_common_grid(&magnitude).unwrap(), [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    }

    #[test]
    fn the_coarser_grid_sums_up_the_finer_one() {
        let fine = view(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [2, 4], Frame::whole([2, 4]));
        let coarse = view(&[1.0, -1.0], [1, 2], Frame::whole([1, 2]));
        assert_eq!(fine.on_common_grid(&coarse).unwrap(), [[14.0, 22.0], [1.0, -1.0]]);
        assert_eq!(coarse.on_common_grid(&fine).unwrap(), [[1.0, -1.0], [14.0, 22.0]]);
        // A pixel on the border of two cells gives each its part.
        let three = view(&[3.0, 3.0, 3.0], [1, 3], Frame::whole([1, 3]));
        let [_, thirds] = coarse.on_common_grid(&three).unwrap();
        assert!(thirds.iter().all(|value| (value - 4.5).abs() < 1e-12), "{thirds:?}");
    }

    #[test]
    fn only_what_both_networks_see_is_compared() {
        let whole = view(&[1.0, 2.0, 3.0, 4.0], [1, 4], Frame::whole([1, 4]));
        let middle = Frame::cropped([1, 4], [1, 2], [0.0, 1.0], [1.0, 2.0]);
        let middle = view(&[5.0, 6.0], [1, 2], middle);
        let [a, b] = whole.on_common_grid(&middle).unwrap();
        let near = |found: &[f64], expected: [f64; 2]| {
            found.len() == 2 && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9)
        };
        assert!(near(&a, [2.0, 3.0]) && near(&b, [5.0, 6.0]), "{a:?} {b:?}");
        let left = view(&[1.0], [1, 1], Frame::cropped([1, 4], [1, 1], [0.0, 0.0], [1.0, 1.0]));
        let right = view(&[1.0], [1, 1], Frame::cropped([1, 4], [1, 1], [0.0, 3.0], [1.0, 1.0]));
        assert!(left.on_common_grid(&right).is_none());
    }
}
