//! Matrix products (GEMM), on the microkernel of the convolutions.
//!
//! Columns of the right operand are packed in panels as wide as the vectors of a tile, rows of the left operand in panels
//! as high as a tile. A tile of the product is summed in registers.

use crate::SizeError;
use crate::geometry::WeightPart;
use crate::microkernel::{MOST_SUMS, Operands, run_rows};
use crate::output::Output;
use crate::simd::{Isa, LANES};

/// Panels of rows that are multiplied with a panel of columns while it is in the second cache.
const PANELS_AT_ONCE: usize = 8;

/// Row-major matrices of one shape, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Matrices<'a> {
    data: &'a [f32],
    count: usize,
    rows: usize,
    columns: usize,
    /// Whether this is a transposed view.
    is_transposed: bool,
    /// Elementwise function that is applied when packing.
    part: WeightPart,
}

impl<'a> Matrices<'a> {
    /// Matrices of `rows` × `columns`, as many as `data` holds.
    ///
    /// # Errors
    /// When `data` ends within a matrix, or a matrix has no element.
    pub fn new(data: &'a [f32], rows: usize, columns: usize) -> Result<Matrices<'a>, SizeError> {
        let len = rows * columns;
        if len == 0 || !data.len().is_multiple_of(len) {
            let numbers = data.len();
            return Err(SizeError::new(format!(
                "{numbers} numbers are no matrices of {rows} × {columns}"
            )));
        }
        Ok(Matrices {
            data,
            count: data.len() / len,
            rows,
            columns,
            is_transposed: false,
            part: WeightPart::Plain,
        })
    }

    /// A transposed view; no element moves.
    pub fn transposed(self) -> Matrices<'a> {
        Matrices { is_transposed: !self.is_transposed, ..self }
    }

    /// A view of a part of every element, which is applied when packing.
    pub fn part(self, part: WeightPart) -> Matrices<'a> {
        Matrices { part, ..self }
    }

    /// Logical shape (rows, columns).
    fn shape(&self) -> (usize, usize) {
        if self.is_transposed { (self.columns, self.rows) } else { (self.rows, self.columns) }
    }

    /// One of the matrices; a single one is broadcast.
    fn get(&self, index: usize) -> Matrices<'a> {
        let index = if self.count == 1 { 0 } else { index };
        let len = self.rows * self.columns;
        Matrices { data: &self.data[index * len..][..len], count: 1, ..*self }
    }

    /// Packs rows `first..first + count` of the first matrix in column-major panels of `width` rows; missing rows of the
    /// last panel are 0.
    fn panels(&self, first: usize, count: usize, width: usize) -> Vec<f32> {
        let (_, columns) = self.shape();
        let mut panels = vec![0.0; count.div_ceil(width) * width * columns];
        for (index, panel) in panels.chunks_exact_mut(width * columns).enumerate() {
            let first = first + index * width;
            let count = count.saturating_sub(index * width).min(width);
            let places = panel.chunks_exact_mut(width).enumerate();
            if self.is_transposed {
                // The columns of the view are stored rows.
                places.for_each(|(column, places)| {
                    let from = &self.data[column * self.columns + first..][..count];
                    self.part.write(from, &mut places[..count]);
                });
            } else {
                let rows = &self.data[first * self.columns..];
                places.for_each(|(column, places)| {
                    let from = rows[column..].iter().step_by(self.columns);
                    places[..count].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                });
                self.part.apply(panel);
            }
        }
        panels
    }
}

/// The products `left · right`, one after the other; a single matrix on one side is broadcast. Writes all of `output`.
///
/// # Errors
/// When the shapes or numbers do not fit each other.
pub fn product(left: Matrices, right: Matrices, output: Output<'_>) -> Result<(), SizeError> {
    let ((rows, inner), (right_rows, columns)) = (left.shape(), right.shape());
    let count = left.count.max(right.count);
    let counts = [left.count, right.count];
    if inner != right_rows || counts.iter().any(|&of| of != 1 && of != count) {
        let [left, right] = counts;
        return Err(SizeError::new(format!(
            "{left} matrices of {rows} × {inner} cannot be multiplied with {right} of {right_rows} × {columns}"
        )));
    }
    if output.len() != count * rows * columns {
        let len = output.len();
        return Err(SizeError::new(format!(
            "{count} products of {rows} × {columns} do not have {len} elements"
        )));
    }
    if count == 1 {
        return RightOperand::new(right)?.multiply(left, output);
    }
    let failures = output.map_chunks(rows * columns, inner, |index, output| {
        RightOperand::new(right.get(index))?.multiply(left.get(index), output)
    });
    failures.into_iter().collect()
}

/// The right operand of matrix products, packed once.
pub struct RightOperand {
    rows: usize,
    columns: usize,
    isa: Isa,
    panels: Vec<f32>,
    offsets: Vec<u32>,
}

impl RightOperand {
    /// Packs the first of `matrices`.
    ///
    /// # Errors
    /// When its rows do not fit in 32 bits.
    pub fn new(matrix: Matrices) -> Result<RightOperand, SizeError> {
        let (rows, columns) = matrix.shape();
        let isa = Isa::detect();
        let offset = |row: usize| u32::try_from(row * isa.pixels());
        let offsets = (0..rows).map(offset).collect::<Result<_, _>>();
        Ok(RightOperand {
            rows,
            columns,
            isa,
            panels: matrix.transposed().panels(0, columns, panel_width(isa)),
            offsets: offsets
                .map_err(|_| SizeError::new(format!("a matrix of {rows} rows is too large")))?,
        })
    }

    /// `left · self`, row by row. Writes all of `output`.
    ///
    /// # Errors
    /// When the shapes do not fit each other.
    pub fn multiply(&self, left: Matrices, output: Output<'_>) -> Result<(), SizeError> {
        let (rows, inner) = left.shape();
        if inner != self.rows || output.len() != rows * self.columns {
            let (rows_too, columns) = (self.rows, self.columns);
            return Err(SizeError::new(format!(
                "a matrix of {rows} × {inner} cannot be multiplied with one of {rows_too} × {columns}"
            )));
        }
        let pixels = self.isa.pixels();
        let rows_at_once = PANELS_AT_ONCE * pixels;
        let len = rows_at_once * self.columns;
        output.for_each_chunk(len, inner, |index, output| {
            // The products of a panel of columns are a part of every row.
            let output = output.fill(0.0);
            let count = output.len() / self.columns;
            let left = left.panels(index * rows_at_once, count, pixels);
            self.multiply_panels(&left, output);
        });
        Ok(())
    }

    fn multiply_panels(&self, left: &[f32], output: &mut [f32]) {
        let RightOperand { isa, panels: right, offsets, .. } = self;
        let isa = *isa;
        let (pixels, width) = (isa.pixels(), panel_width(isa));
        let mut sums = [0.0; MOST_SUMS];
        for (weights, first) in
            right.chunks_exact(width * self.rows).zip((0..self.columns).step_by(width))
        {
            let count = width.min(self.columns - first);
            for (input, output) in
                left.chunks_exact(pixels * self.rows).zip(output.chunks_mut(pixels * self.columns))
            {
                let operands = Operands { weights, input, offsets, prefetch: None };
                run_rows(isa, isa.blocks(), 1, operands, &mut sums);
                let rows = output.chunks_exact_mut(self.columns);
                for (row, sums) in rows.zip(sums.chunks_exact(width)) {
                    row[first..][..count].copy_from_slice(&sums[..count]);
                }
            }
        }
    }
}

/// Columns of a panel: as many as a tile has filters.
fn panel_width(isa: Isa) -> usize {
    isa.blocks() * LANES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AlignedBuf;

    fn numbers(count: usize, step: usize) -> Vec<f32> {
        (0..count).map(|n| ((n * step) % 17) as f32 / 4.0 - 2.0).collect()
    }

    /// Against the definition; all products are multiples of 1/16, so every order of summation gives the same.
    fn check(left: Matrices, right: Matrices, count: usize) {
        let ((rows, inner), (_, columns)) = (left.shape(), right.shape());
        let len = count * rows * columns;
        let (output, done) = AlignedBuf::written(len, |output| product(left, right, output));
        done.unwrap();
        for index in 0..count {
            let element = |matrix: Matrices, row: usize, column: usize| {
                let place = match matrix.is_transposed {
                    false => row * matrix.columns + column,
                    true => column * matrix.columns + row,
                };
                matrix.part.of(matrix.data[place])
            };
            let (left, right) = (left.get(index), right.get(index));
            for row in 0..rows {
                for column in 0..columns {
                    let expected: f32 =
                        (0..inner).map(|k| element(left, row, k) * element(right, k, column)).sum();
                    assert_eq!(output[(index * rows + row) * columns + column], expected);
                }
            }
        }
    }

    #[test]
    fn products_of_every_orientation() {
        for (rows, inner, columns) in [(1, 1, 1), (14, 300, 32), (31, 7, 45), (240, 9, 3)] {
            let (a, b) = (numbers(rows * inner, 5), numbers(inner * columns, 7));
            let left = Matrices::new(&a, rows, inner).unwrap();
            let right = Matrices::new(&b, inner, columns).unwrap();
            check(left, right, 1);
            check(left, Matrices::new(&b, columns, inner).unwrap().transposed(), 1);
            check(Matrices::new(&a, inner, rows).unwrap().transposed(), right, 1);
        }
    }

    #[test]
    fn stacks_of_matrices() {
        let (a, b) = (numbers(3 * 4 * 5, 3), numbers(3 * 5 * 6, 11));
        let (left, right) = (Matrices::new(&a, 4, 5).unwrap(), Matrices::new(&b, 5, 6).unwrap());
        check(left, right, 3);
        check(left, right.get(1), 3);
        let mut output = vec![0.0; 72];
        assert!(product(left, right.transposed(), Output::from(&mut output[..])).is_err());
        assert!(product(left, right, Output::from(&mut output[1..])).is_err());
        assert!(Matrices::new(&a, 7, 1).is_err());
    }
}
