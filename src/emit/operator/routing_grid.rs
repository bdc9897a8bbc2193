//! Tables of sources that are a grid: `source = offset + Σ step · place` over axes of the output, which may have to be
//! split for it (nearest upsampling repeats every pixel: its axis is one of pixels and one of repetitions).

use crate::emit::graph::Graph;
use crate::emit::value::{Cut, Value};

/// An axis of the output: so many places, each so much further in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    count: usize,
    step: i64,
}

/// An axis of the input, of which every element from `start` on is read that an axis of the grid says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    length: usize,
    start: usize,
    count: usize,
    is_reversed: bool,
}

/// A move of elements along axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// The input as axes, outermost first.
    cells: Vec<Cell>,
    /// The axes of the output in their order: that of the input which they read, or `None` for a repetition.
    order: Vec<Option<usize>>,
    /// The lengths of the axes of the output.
    counts: Vec<usize>,
}

impl Grid {
    /// The grid of a table, for an output of that shape and an input of so many elements; `None` where it is none.
    pub fn of(sources: &[u32], shape: &[usize], length: usize) -> Option<Grid> {
        let axes = axes_of_table(sources, shape)?;
        let offset = *sources.first()? as usize;
        // The axes that move, the widest step first.
        let mut moving: Vec<usize> = (0..axes.len()).filter(|&axis| axes[axis].step != 0).collect();
        moving.sort_by_key(|&axis| std::cmp::Reverse(axes[axis].step.unsigned_abs()));
        // From the element with the lowest index on.
        let back: usize =
            axes.iter().map(|axis| reach(axis).filter(|_| axis.step < 0).unwrap_or(0)).sum();
        let mut rest = offset.checked_sub(back)?;
        let (mut cells, mut place_of) = (vec![], vec![None; axes.len()]);
        let mut outer = length;
        for &axis in &moving {
            let step = axes[axis].step.unsigned_abs() as usize;
            if !outer.is_multiple_of(step) {
                return None;
            }
            let (start, of_axis) = (rest / step, outer / step);
            rest %= step;
            if start + axes[axis].count > of_axis {
                return None;
            }
            place_of[axis] = Some(cells.len());
            cells.push(Cell {
                length: of_axis,
                start,
                count: axes[axis].count,
                is_reversed: axes[axis].step < 0,
            });
            outer = step;
        }
        // What is inside of the narrowest step: one element of it is read.
        if outer > 1 {
            cells.push(Cell { length: outer, start: rest, count: 1, is_reversed: false });
        } else if rest > 0 {
            return None;
        }
        Some(Grid { cells, order: place_of, counts: axes.iter().map(|axis| axis.count).collect() })
    }

    /// The copied elements of an input that is one line, as one line.
    pub fn copied(&self, graph: &mut Graph, line: &Value) -> Value {
        let lengths: Vec<usize> = self.cells.iter().map(|cell| cell.length).collect();
        let mut value = graph.reshaped(line, &lengths);
        for (axis, cell) in self.cells.iter().enumerate() {
            value = graph.slice(&value, cell.cut(axis));
        }
        let value = graph.transposed(&value, &self.input_order());
        let singles: Vec<usize> = self.singles();
        let value = graph.reshaped(&value, &singles);
        let value = graph.spread(&value, &self.counts);
        graph.reshaped(&value, &[self.counts.iter().product()])
    }

    /// What the copies hand back: one line in the input's order.
    pub fn handed_back(&self, graph: &mut Graph, line: &Value) -> Value {
        let value = graph.reshaped(line, &self.counts);
        let repeated: Vec<usize> =
            (0..self.order.len()).filter(|&axis| self.order[axis].is_none()).collect();
        let value = graph.summed(&value, &repeated);
        let order = self.input_order();
        let counts: Vec<usize> = order.iter().map(|&cell| self.cells[cell].count).collect();
        let value = graph.reshaped(&value, &counts);
        let mut back = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, &cell)| back[cell] = place);
        let mut value = graph.transposed(&value, &back);
        for (axis, cell) in self.cells.iter().enumerate() {
            if cell.is_reversed {
                let start = cell.count - 1;
                value = graph.slice(&value, Cut { axis, start, count: cell.count, step: -1 });
            }
        }
        let pads =
            self.cells.iter().map(|cell| [cell.start, cell.length - cell.start - cell.count]);
        let pads: Vec<[usize; 2]> = pads.collect();
        let value = graph.padded(&value, &pads, 0.0);
        let length = self.cells.iter().map(|cell| cell.length).product();
        graph.reshaped(&value, &[length])
    }

    /// The axes of the input in the order in which the output has them; those that no axis reads are last.
    fn input_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = self.order.iter().flatten().copied().collect();
        order.extend((0..self.cells.len()).filter(|cell| !self.order.contains(&Some(*cell))));
        order
    }

    /// The lengths of the axes of the output before anything is repeated.
    fn singles(&self) -> Vec<usize> {
        let single =
            |(count, order): (&usize, &Option<usize>)| if order.is_some() { *count } else { 1 };
        self.counts.iter().zip(&self.order).map(single).collect()
    }
}

impl Cell {
    fn cut(self, axis: usize) -> Cut {
        match self.is_reversed {
            true => Cut { axis, start: self.start + self.count - 1, count: self.count, step: -1 },
            false => Cut { axis, start: self.start, count: self.count, step: 1 },
        }
    }
}

/// How far an axis reaches from its first place to its last.
fn reach(axis: &Axis) -> Option<usize> {
    Some((axis.count - 1) * axis.step.unsigned_abs() as usize)
}

/// The axes of a table, outermost first; `None` where it is no grid.
fn axes_of_table(sources: &[u32], shape: &[usize]) -> Option<Vec<Axis>> {
    let mut axes = vec![];
    let mut strides = vec![1; shape.len()];
    for axis in (0..shape.len().saturating_sub(1)).rev() {
        strides[axis] = strides[axis + 1] * shape[axis + 1];
    }
    for (&length, &stride) in shape.iter().zip(&strides) {
        if length > 1 {
            let line: Vec<i64> = (0..length).map(|at| i64::from(sources[at * stride])).collect();
            axes.extend(axes_of_line(&line)?);
        }
    }
    // The table must be the sum of its axes everywhere.
    let mut expected = vec![i64::from(*sources.first()?)];
    for axis in &axes {
        expected = expected
            .iter()
            .flat_map(|&from| (0..axis.count).map(move |at| from + at as i64 * axis.step))
            .collect();
    }
    let agrees = expected.len() == sources.len()
        && expected.iter().zip(sources).all(|(&expected, &source)| expected == i64::from(source));
    agrees.then_some(axes)
}

/// One axis, or two that it has to be split into.
fn axes_of_line(line: &[i64]) -> Option<Vec<Axis>> {
    let steps: Vec<i64> = line.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let first = *steps.first()?;
    let same = steps.iter().take_while(|&&step| step == first).count();
    let inner = Axis { count: same + 1, step: first };
    if same == steps.len() {
        return Some(vec![inner]);
    }
    if !line.len().is_multiple_of(inner.count) {
        return None;
    }
    let outer: Vec<i64> = line.iter().step_by(inner.count).copied().collect();
    let mut axes = axes_of_line(&outer)?;
    axes.push(inner);
    Some(axes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_along_axes_are_grids() {
        let count = |sources: &[u32], shape: &[usize], length: usize| {
            Grid::of(sources, shape, length).map(|grid| grid.counts)
        };
        // A transpose of 2 × 3, a slice of 5, a reversal, a repetition of every element.
        assert_eq!(count(&[0, 3, 1, 4, 2, 5], &[3, 2], 6), Some(vec![3, 2]));
        assert_eq!(count(&[1, 2, 3], &[3], 5), Some(vec![3]));
        assert_eq!(count(&[3, 2, 1, 0], &[4], 4), Some(vec![4]));
        assert_eq!(count(&[0, 0, 1, 1, 2, 2], &[6], 3), Some(vec![3, 2]));
        // A permutation of no order.
        assert_eq!(count(&[2, 0, 1], &[3], 3), None);
        let slice = Grid::of(&[1, 2, 3], &[3], 5).unwrap();
        assert_eq!(slice.cells, [Cell { length: 5, start: 1, count: 3, is_reversed: false }]);
    }
}
