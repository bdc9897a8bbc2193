//! Which pixels are changed, and where else the same could be.

use crate::random::{Stream, word_of};

/// Pixels of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    pub height: usize,
    pub width: usize,
    /// Row by row.
    pub pixels: Vec<bool>,
}

/// The share of its pixels that a shifted copy may have in common with the region.
const MOST_COMMON: f64 = 0.25;

impl Mask {
    /// The pixels of which a function says so, by x and y.
    pub fn of(height: usize, width: usize, is_inside: impl Fn(usize, usize) -> bool) -> Mask {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Mask { height, width, pixels: places.map(|(x, y)| is_inside(x, y)).collect() }
    }

    /// How many pixels there are.
    pub fn count(&self) -> usize {
        self.pixels.iter().filter(|it| **it).count()
    }

    /// `[left, top, right, bottom]`, the last two excluded; `None` where there are no pixels.
    pub fn around(&self) -> Option<[usize; 4]> {
        let inside = || self.pixels.iter().enumerate().filter(|(_, it)| **it).map(|(at, _)| at);
        let columns = || inside().map(|at| at % self.width);
        let rows = || inside().map(|at| at / self.width);
        Some([columns().min()?, rows().min()?, columns().max()? + 1, rows().max()? + 1])
    }

    /// Shifted copies that have little in common with the region, at most `count`: inside the picture where there are
    /// any such places, else around its edges. None for a region that has no other place, such as the whole picture.
    pub fn shifted(&self, count: usize, seed: u64) -> Vec<Mask> {
        if self.count() == 0 {
            return vec![];
        }
        let inside = self.inside_shifts();
        let shifts = if inside.is_empty() { self.around_shifts() } else { inside };
        let stream = Stream::new(seed, &[word_of("controls")]);
        let mut chosen: Vec<(u64, (usize, usize))> =
            shifts.into_iter().zip(0..).map(|(shift, at)| (stream.bits(at), shift)).collect();
        chosen.sort_unstable();
        chosen.into_iter().take(count).map(|(_, (right, down))| self.moved(right, down)).collect()
    }

    /// Moved right and down; what leaves the picture comes back at the other side.
    fn moved(&self, right: usize, down: usize) -> Mask {
        let (height, width) = (self.height, self.width);
        Mask::of(height, width, |x, y| {
            let (from_x, from_y) = ((x + width - right) % width, (y + height - down) % height);
            self.pixels[from_y * width + from_x]
        })
    }

    fn is_elsewhere(&self, (right, down): (usize, usize)) -> bool {
        let moved = self.moved(right, down);
        let common = moved.pixels.iter().zip(&self.pixels).filter(|(a, b)| **a && **b).count();
        common as f64 <= MOST_COMMON * self.count() as f64
    }

    /// The shifts that leave no part of the region outside.
    fn inside_shifts(&self) -> Vec<(usize, usize)> {
        let Some([left, top, right, bottom]) = self.around() else { return vec![] };
        let columns = 0..=self.width - (right - left);
        let rows = 0..=self.height - (bottom - top);
        let place = |x: usize, y: usize| {
            ((x + self.width - left) % self.width, (y + self.height - top) % self.height)
        };
        let all = columns.flat_map(|x| rows.clone().map(move |y| place(x, y)));
        self.sparse(all.collect())
    }

    fn around_shifts(&self) -> Vec<(usize, usize)> {
        let all = (0..self.width).flat_map(|right| (0..self.height).map(move |down| (right, down)));
        self.sparse(all.collect())
    }

    /// Those that lead elsewhere, of at most some thousand that are looked at.
    fn sparse(&self, shifts: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
        const LOOKED_AT: usize = 1024;
        let step = shifts.len().div_ceil(LOOKED_AT).max(1);
        shifts.into_iter().step_by(step).filter(|&shift| self.is_elsewhere(shift)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corner_is_moved_inside_the_picture() {
        let corner = Mask::of(10, 10, |x, y| x < 3 && y >= 7);
        assert_eq!(corner.around(), Some([0, 7, 3, 10]));
        let shifted = corner.shifted(8, 0);
        assert_eq!(shifted.len(), 8);
        for mask in &shifted {
            assert_eq!(mask.count(), 9);
            let [left, top, right, bottom] = mask.around().unwrap();
            assert_eq!((right - left, bottom - top), (3, 3));
            let common = mask.pixels.iter().zip(&corner.pixels).filter(|(a, b)| **a && **b).count();
            assert!(common <= 2, "{common}");
        }
        assert_eq!(shifted, corner.shifted(8, 0));
        assert_ne!(shifted, corner.shifted(8, 1));
    }

    #[test]
    fn a_border_goes_around_and_the_whole_nowhere() {
        let border = Mask::of(20, 20, |x, y| x.min(y) < 2 || x.max(y) >= 18);
        let shifted = border.shifted(4, 0);
        assert_eq!(shifted.len(), 4);
        assert!(shifted.iter().all(|mask| mask.count() == border.count()));
        assert!(Mask::of(5, 5, |_, _| true).shifted(8, 0).is_empty());
        assert!(Mask::of(5, 5, |_, _| false).shifted(8, 0).is_empty());
    }
}
