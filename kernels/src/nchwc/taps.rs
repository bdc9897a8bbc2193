//! Which taps of a sliding window read which places of a plane.

use crate::geometry::WindowAxis;

/// A sliding window over planes, in one of its directions.
pub(super) struct Grid {
    /// The taps of every row of a plane that is written.
    pub rows: Vec<Taps>,
    /// The taps of every column of a plane that is written.
    pub columns: Vec<Taps>,
    /// Height and width of a plane that is read.
    pub read: [usize; 2],
}

impl Grid {
    /// From pixels to windows: the layer's direction.
    pub fn forward(window: &[WindowAxis; 2]) -> Grid {
        let [rows, columns] = window
            .map(|axis| (0..axis.output).map(|position| Taps::forward(&axis, position)).collect());
        Grid { rows, columns, read: window.map(|axis| axis.input) }
    }

    /// From windows back to pixels.
    pub fn transposed(window: &[WindowAxis; 2]) -> Grid {
        let [rows, columns] = window.map(|axis| {
            (0..axis.input).map(|position| Taps::transposed(&axis, position)).collect()
        });
        Grid { rows, columns, read: window.map(|axis| axis.output) }
    }

    /// Pixels of a plane that is read.
    pub fn read_len(&self) -> usize {
        self.read.iter().product()
    }

    /// The most taps of a pixel that is written.
    pub fn most_taps(&self) -> usize {
        let most = |taps: &[Taps]| taps.iter().map(|taps| taps.count).max().unwrap_or(0);
        most(&self.rows) * most(&self.columns)
    }

    /// The first place that a pixel reads, if it reads any.
    #[inline(always)]
    pub fn first_place(&self, row: Taps, column: Taps) -> Option<usize> {
        (row.count > 0 && column.count > 0).then(|| row.source * self.read[1] + column.source)
    }

    /// The place that a pixel reads with its `y`-th tap along the column and its `x`-th along the row.
    #[inline(always)]
    pub fn place(&self, row: Taps, column: Taps, [y, x]: [usize; 2]) -> usize {
        (row.source + y * row.source_step) * self.read[1] + column.source + x * column.source_step
    }
}

/// The taps of a position along one axis, and the places that they read; both are evenly spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taps {
    pub count: usize,
    pub first: usize,
    pub step: usize,
    pub source: usize,
    pub source_step: usize,
}

impl Taps {
    fn of(pairs: impl Iterator<Item = (usize, usize)>) -> Taps {
        let pairs: Vec<_> = pairs.collect();
        let (first, source) = pairs.first().copied().unwrap_or_default();
        let (second, next) = pairs.get(1).copied().unwrap_or((first + 1, source + 1));
        let (step, source_step) = (second - first, next - source);
        Taps { count: pairs.len(), first, step, source, source_step }
    }

    /// The taps `k` of output `position` that read inside the input.
    pub fn forward(axis: &WindowAxis, position: usize) -> Taps {
        Taps::of((0..axis.kernel).filter_map(|tap| Some((tap, axis.source(position, tap)?))))
    }

    /// The taps `k` and outputs `o` that read input `position`: `o·stride + k·dilation = position + pad_before`. Taps are
    /// flipped, so that both ascend.
    pub fn transposed(axis: &WindowAxis, position: usize) -> Taps {
        Taps::of((0..axis.kernel).filter_map(|tap| {
            let reach = (axis.kernel - 1 - tap) * axis.dilation;
            let place = (position + axis.pad_before).checked_sub(reach)?;
            let source = place / axis.stride;
            (place.is_multiple_of(axis.stride) && source < axis.output).then_some((tap, source))
        }))
    }

    /// Whether another position has the same taps.
    fn are_those_of(self, other: Taps) -> bool {
        Taps { source: other.source, ..self } == other
    }
}

/// Evenly spaced positions with the same taps.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub first: usize,
    pub step: usize,
    pub count: usize,
    /// The taps of the first position.
    pub taps: Taps,
    /// Distance of what neighbouring positions read.
    pub stride: usize,
}

/// Joins the positions of an axis to runs: positions that are `step` apart read places that are `stride` apart.
pub(super) fn runs(positions: &[Taps], step: usize, stride: usize) -> Vec<Run> {
    let mut runs: Vec<Run> = vec![];
    for phase in 0..step.min(positions.len()) {
        let others = runs.len();
        for (first, &taps) in positions.iter().enumerate().skip(phase).step_by(step) {
            match runs[others..].last_mut() {
                Some(run) if run.taps.are_those_of(taps) => run.count += 1,
                _ => runs.push(Run { first, step, count: 1, taps, stride }),
            }
        }
    }
    runs
}
