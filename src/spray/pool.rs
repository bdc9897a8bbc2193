//! From a heatmap to a feature: relevance pooled to few cells, and divided by its strength.

/// What of the relevance counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// As it is.
    #[default]
    Signed,
    /// What speaks for the class.
    Positive,
    /// Its strength.
    Absolute,
}

impl Reading {
    /// Every reading.
    pub const ALL: [Reading; 3] = [Reading::Signed, Reading::Positive, Reading::Absolute];

    /// The word in options and files.
    pub fn word(self) -> &'static str {
        match self {
            Reading::Signed => "signed",
            Reading::Positive => "positive",
            Reading::Absolute => "absolute",
        }
    }

    fn of(self, value: f64) -> f64 {
        match self {
            Reading::Signed => value,
            Reading::Positive => value.max(0.0),
            Reading::Absolute => value.abs(),
        }
    }
}

/// The pooled relevance of a heatmap, cell by cell; absolute values sum to 1.
pub type Feature = Vec<f64>;

/// How maps of one size become features.
#[derive(Clone, Debug, PartialEq)]
pub struct Pooling {
    height: usize,
    width: usize,
    cells: usize,
}

/// With more cells a side, clusters would tell positions apart instead of cues.
const MOST_CELLS: usize = 20;

impl Pooling {
    /// Square cells for maps of a size: at most 20 a side, and at least two pixels each.
    pub fn of(height: usize, width: usize) -> Pooling {
        let cells = height.min(width).div_ceil(2).clamp(1, MOST_CELLS);
        Pooling { height, width, cells }
    }

    /// Cells a side.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// The size of the maps, `[height, width]`.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// The feature of a map `[H, W]`, row by row; `None` where it is zero or not finite.
    pub fn feature(&self, map: &[f64], reading: Reading) -> Option<Feature> {
        let Pooling { height, width, cells } = *self;
        let mut pooled = vec![0.0; cells * cells];
        for (row, y) in (0..height).zip(0..) {
            let columns = self.pooled_row(&map[row * width..(row + 1) * width], reading);
            for (cell, share) in shares(y, height, cells) {
                let sums = &mut pooled[cell * cells..(cell + 1) * cells];
                sums.iter_mut().zip(&columns).for_each(|(sum, value)| *sum += share * value);
            }
        }
        let strength: f64 = pooled.iter().map(|value| value.abs()).sum();
        let is_usable = strength.is_finite() && strength > 0.0;
        is_usable.then(|| pooled.into_iter().map(|value| value / strength).collect())
    }

    fn pooled_row(&self, row: &[f64], reading: Reading) -> Vec<f64> {
        let mut columns = vec![0.0; self.cells];
        for (x, value) in row.iter().enumerate() {
            for (cell, share) in shares(x, self.width, self.cells) {
                columns[cell] += share * reading.of(*value);
            }
        }
        columns
    }

    /// The pixels of a cell: `[left, top, right, bottom]`, the last two excluded, outwards where a cell cuts a pixel.
    pub fn cell_box(&self, cell: usize) -> [usize; 4] {
        let (row, column) = (cell / self.cells, cell % self.cells);
        let begin = |cell: usize, side: usize| cell * side / self.cells;
        let end = |cell: usize, side: usize| ((cell + 1) * side).div_ceil(self.cells);
        [
            begin(column, self.width),
            begin(row, self.height),
            end(column, self.width),
            end(row, self.height),
        ]
    }

    /// Whether two cells share a side.
    pub(super) fn are_neighbours(&self, a: usize, b: usize) -> bool {
        let place = |cell: usize| (cell / self.cells, cell % self.cells);
        let (a, b) = (place(a), place(b));
        a.0.abs_diff(b.0) + a.1.abs_diff(b.1) == 1
    }

    /// Whether a cell touches the edge of the map.
    pub fn is_outer(&self, cell: usize) -> bool {
        let (row, column) = (cell / self.cells, cell % self.cells);
        [row, column].iter().any(|place| *place == 0 || *place + 1 == self.cells)
    }
}

/// The cells that a pixel overlaps, each with the share of the pixel: of the whole interval from `place` to `place` + 1.
fn shares(place: usize, side: usize, cells: usize) -> impl Iterator<Item = (usize, f64)> {
    // In units of 1 / cells of a pixel, so that whole overlaps are exact.
    let (begin, end) = (place * cells, (place + 1) * cells);
    let last = (end - 1) / side;
    (begin / side..=last.min(cells - 1)).map(move |cell| {
        let overlap = end.min((cell + 1) * side) - begin.max(cell * side);
        (cell, overlap as f64 / cells as f64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cells_are_at_most_twenty_and_of_two_pixels() {
        let cells = |height, width| Pooling::of(height, width).cells();
        assert_eq!((cells(28, 28), cells(224, 224), cells(16, 300)), (14, 20, 8));
        assert_eq!((cells(1, 1), cells(3, 3)), (1, 2));
    }

    #[test]
    fn a_pixel_between_two_cells_is_divided() {
        let pooling = Pooling::of(3, 3);
        let mut map = [0.0; 9];
        map[4] = 4.0;
        map[0] = -4.0;
        let feature = pooling.feature(&map, Reading::Signed).unwrap();
        // -4 + 1 in the first of four cells, 1 in each of the others, over 6.
        assert_eq!(feature, [-0.5, 1.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0]);
        let positive = pooling.feature(&map, Reading::Positive).unwrap();
        assert_eq!(positive, [0.25; 4]);
        assert_eq!(pooling.cell_box(3), [1, 1, 3, 3]);
    }

    #[test]
    fn maps_without_relevance_have_no_feature() {
        let pooling = Pooling::of(2, 2);
        assert_eq!(pooling.feature(&[0.0; 4], Reading::Signed), None);
        assert_eq!(pooling.feature(&[1.0, f64::NAN, 0.0, 0.0], Reading::Signed), None);
        assert_eq!(pooling.feature(&[f64::INFINITY, 0.0, 0.0, 0.0], Reading::Absolute), None);
        assert_eq!(pooling.feature(&[-1.0; 4], Reading::Positive), None);
    }

    proptest! {
        #[test]
        fn pooling_keeps_sums(height in 1usize..50, width in 1usize..50, seed in any::<u64>()) {
            let value = |index: u64| crate::random::Stream::new(seed, &[]).uniform(index) as f64;
            let map: Vec<f64> = (0..(height * width) as u64).map(value).collect();
            let sum: f64 = map.iter().sum();
            let feature = Pooling::of(height, width).feature(&map, Reading::Signed);
            if sum > 0.0 {
                let total: f64 = feature.unwrap().iter().sum();
                prop_assert!((total - 1.0).abs() < 1e-9);
            }
            for side in [height, width] {
                let cells = Pooling::of(side, side).cells();
                for place in 0..side {
                    let total: f64 = shares(place, side, cells).map(|(_, share)| share).sum();
                    prop_assert!((total - 1.0).abs() < 1e-12, "{} of {}", total, side);
                }
            }
        }
    }
}
