//! Products of a matrix with one vector (GEMV). Every weight is used once: they are memory-bound.

use std::array::from_fn;
use std::cell::Cell;

use std::convert::Infallible;

use crate::geometry::WeightPart;
use crate::output::Output;
use crate::scratch::{self, AlignedBuf};
use crate::simd::{F32x16, LANES, Simd, SimdLoop, dispatch, filled_up};
use crate::threads::threads;

/// Weights of a matrix, row by row: in memory, or to be read from elsewhere.
pub trait WeightSource: Sync {
    /// Why weights cannot be read.
    type Error: Send;
    /// Some of them.
    type View<'a>: WeightView<Error = Self::Error>
    where
        Self: 'a;

    /// The `len` weights from place `first` on.
    ///
    /// # Errors
    /// When they cannot be read.
    fn view(&self, first: usize, len: usize) -> Result<Self::View<'_>, Self::Error>;
}

/// Some neighbouring weights.
pub trait WeightView {
    /// Why weights cannot be read.
    type Error;

    /// The bytes of `len` weights from place `first` of the view on, if they are in memory; they need not be aligned.
    fn bytes(&self, first: usize, len: usize) -> Option<&[u8]>;

    /// Copies weights from place `first` of the view on.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&self, first: usize, weights: &mut [f32]) -> Result<(), Self::Error>;
}

/// Weights in memory.
#[derive(Clone, Copy, Debug)]
pub struct InMemory<'a>(pub &'a [f32]);

impl WeightSource for InMemory<'_> {
    type Error = Infallible;
    type View<'a>
        = InMemory<'a>
    where
        Self: 'a;

    fn view(&self, first: usize, len: usize) -> Result<InMemory<'_>, Infallible> {
        Ok(InMemory(&self.0[first..][..len]))
    }
}

impl WeightView for InMemory<'_> {
    type Error = Infallible;

    fn bytes(&self, first: usize, len: usize) -> Option<&[u8]> {
        Some(bytemuck::cast_slice(&self.0[first..][..len]))
    }

    fn read(&self, first: usize, weights: &mut [f32]) -> Result<(), Infallible> {
        weights.copy_from_slice(&self.0[first..][..weights.len()]);
        Ok(())
    }
}

/// The part of as many weights as `buffer` is long, from place `first` of a view on, as bytes: borrowed where they are
/// plain and in memory, otherwise written to the buffer.
fn part_of<'a, V: WeightView>(
    part: WeightPart,
    view: &'a V,
    first: usize,
    buffer: &'a mut [f32],
) -> Result<&'a [u8], V::Error> {
    match view.bytes(first, buffer.len()) {
        Some(bytes) if part == WeightPart::Plain => Ok(bytes),
        _ => {
            view.read(first, buffer)?;
            part.apply(buffer);
            Ok(bytemuck::cast_slice(buffer))
        }
    }
}

/// Weights that one thread multiplies at a time: mapping them from a file costs ten microseconds.
const PIECE: usize = 1 << 21;

/// Weights of a row that are read together: those of a few rows stay in the first cache.
const BLOCK: usize = 1024;

thread_local! {
    /// Scratch memory for parts of weights.
    static PARTS: Cell<AlignedBuf> = Cell::default();
}

/// `y = part(W) x` for one vector. A general matrix product would pack all of `W`, only to use it once. Writes all of
/// `output`.
///
/// # Errors
/// When the weights cannot be read.
pub fn product<W: WeightSource>(
    weight: &W,
    part: WeightPart,
    input: &[f32],
    output: Output<'_>,
) -> Result<(), W::Error> {
    let inputs = input.len();
    // A few pieces per thread, so that no thread waits long for the last one.
    let share = output.len().div_ceil(4 * threads());
    let at_once = (PIECE / inputs.max(1)).min(share).next_multiple_of(TOGETHER);
    let multiply = |index: usize, outputs: Output<'_>| {
        let weights = weight.view(index * at_once * inputs, outputs.len() * inputs)?;
        for (few, outputs) in outputs.chunks(TOGETHER).enumerate() {
            // Missing rows are replaced by the last one.
            let row = |at: usize| (few * TOGETHER + at.min(outputs.len() - 1)) * inputs;
            let sums = row_products(part, &weights, from_fn(row), input)?;
            outputs.write(sums);
        }
        Ok(())
    };
    output.map_chunks(at_once, inputs, multiply).into_iter().collect()
}

/// The products of the rows that begin at some places of the weights with a vector, which is read once for all of them.
fn row_products<V: WeightView>(
    part: WeightPart,
    weights: &V,
    places: [usize; TOGETHER],
    input: &[f32],
) -> Result<[f32; TOGETHER], V::Error> {
    // Weights that are not in memory are read in whole rows.
    let block = if weights.bytes(0, 0).is_some() { BLOCK } else { input.len() };
    let block = block.clamp(1, input.len().max(1));
    let mut buffer = scratch::take(&PARTS, TOGETHER * block);
    let mut sums = [[[0.0; LANES]; SUMS]; TOGETHER];
    for (index, numbers) in input.chunks(block).enumerate() {
        let mut rows = [&[][..]; TOGETHER];
        let buffers = buffer.chunks_exact_mut(block);
        for ((row, place), buffer) in rows.iter_mut().zip(places).zip(buffers) {
            *row = part_of(part, weights, place + index * block, &mut buffer[..numbers.len()])?;
        }
        add_products(rows, numbers, &mut sums);
    }
    Ok(sums.map(|sums| sums.as_flattened().iter().sum()))
}

/// Rows that are multiplied together: memory delivers several streams faster than one, and the vector is read once for
/// all of them.
const TOGETHER: usize = 4;

/// Independent partial sums per row, to hide the latency of additions.
const SUMS: usize = 4;

/// The bytes of sixteen floats.
type Bytes = [u8; size_of::<F32x16>()];

/// Accumulates `row ⊙ numbers` in the partial sums of each row, vector by vector in turn; partial sums round less than
/// one sum.
fn add_products(rows: [&[u8]; TOGETHER], numbers: &[f32], sums: &mut [[F32x16; SUMS]; TOGETHER]) {
    struct AddProducts<'a>(
        [&'a [Bytes]; TOGETHER],
        &'a [F32x16],
        &'a mut [[F32x16; SUMS]; TOGETHER],
    );
    impl SimdLoop for AddProducts<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            let AddProducts(rows, numbers, sums) = self;
            let mut parts = [[simd.splat(0.0); SUMS]; TOGETHER];
            for (parts, sums) in parts.iter_mut().zip(&*sums) {
                for (part, sum) in parts.iter_mut().zip(sums) {
                    *part = simd.load(sum);
                }
            }
            let whole = numbers.len() / SUMS * SUMS;
            for first in (0..whole).step_by(SUMS) {
                for offset in 0..SUMS {
                    let number = simd.load(&numbers[first + offset]);
                    for (parts, row) in parts.iter_mut().zip(rows) {
                        let weights = simd.load(&bytemuck::cast(row[first + offset]));
                        parts[offset] = simd.add(parts[offset], simd.multiply(weights, number));
                    }
                }
            }
            for index in whole..numbers.len() {
                let number = simd.load(&numbers[index]);
                for (parts, row) in parts.iter_mut().zip(rows) {
                    let weights = simd.load(&bytemuck::cast(row[index]));
                    parts[0] = simd.add(parts[0], simd.multiply(weights, number));
                }
            }
            for (parts, sums) in parts.into_iter().zip(sums) {
                for (part, sum) in parts.into_iter().zip(sums) {
                    simd.store(part, sum);
                }
            }
        }
    }
    let (whole, last) = numbers.as_chunks();
    dispatch(AddProducts(rows.map(|row| row.as_chunks().0), whole, sums));
    if !last.is_empty() {
        let ends = rows.map(|row| {
            let mut end = [0; size_of::<F32x16>()];
            end[..size_of_val(last)].copy_from_slice(row.as_chunks::<{ size_of::<F32x16>() }>().1);
            end
        });
        dispatch(AddProducts(ends.each_ref().map(std::slice::from_ref), &[filled_up(last)], sums));
    }
}

/// Accumulates the products of factors and rows in `sums`, one row after the other.
fn add_multiples(factors: [f32; TOGETHER], rows: [&[u8]; TOGETHER], sums: &mut [f32]) {
    struct AddMultiples<'a>([f32; TOGETHER], [&'a [Bytes]; TOGETHER], &'a mut [F32x16]);
    impl SimdLoop for AddMultiples<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            let AddMultiples(factors, [a, b, c, d], sums) = self;
            let [fa, fb, fc, fd] = factors.map(|factor| simd.splat(factor));
            for index in 0..sums.len() {
                let mut sum = simd.load(&sums[index]);
                let weights = |row: &[Bytes]| bytemuck::cast(row[index]);
                sum = simd.add(sum, simd.multiply(fa, simd.load(&weights(a))));
                sum = simd.add(sum, simd.multiply(fb, simd.load(&weights(b))));
                sum = simd.add(sum, simd.multiply(fc, simd.load(&weights(c))));
                sum = simd.add(sum, simd.multiply(fd, simd.load(&weights(d))));
                simd.store(sum, &mut sums[index]);
            }
        }
    }
    let (whole, last_sums) = sums.as_chunks_mut();
    dispatch(AddMultiples(factors, rows.map(|row| row.as_chunks().0), whole));
    for (factor, row) in factors.into_iter().zip(rows) {
        let weights = row.as_chunks::<{ size_of::<F32x16>() }>().1.as_chunks().0;
        last_sums
            .iter_mut()
            .zip(weights)
            .for_each(|(sum, &weight)| *sum += factor * f32::from_ne_bytes(weight));
    }
}

/// Rows that are added up before they are added to the total, which rounds less than one running sum.
const ROWS: usize = 256;

/// `x = part(W)ᵀ y` for one vector; rows whose factor is 0, as behind a ReLU, are not read. Writes all of `input`.
///
/// # Errors
/// When the weights cannot be read.
pub fn transposed_product<W: WeightSource>(
    weight: &W,
    part: WeightPart,
    output: &[f32],
    input: Output<'_>,
) -> Result<(), W::Error> {
    let inputs = input.len();
    let blocks = output.len().div_ceil(ROWS);
    let (sums, results) = AlignedBuf::written(blocks * inputs, |sums| {
        sums.map_chunks(inputs, ROWS, |block, sums| {
            let sums = sums.fill(0.0);
            let factors = &output[block * ROWS..output.len().min((block + 1) * ROWS)];
            let weights = weight.view(block * ROWS * inputs, factors.len() * inputs)?;
            add_rows(part, &weights, factors, sums)
        })
    });
    results.into_iter().collect::<Result<(), W::Error>>()?;
    input.for_each_chunk(BLOCK, blocks, |index, input| {
        let input = input.fill(0.0);
        for sums in sums.chunks_exact(inputs) {
            let sums = &sums[index * BLOCK..];
            input.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
    });
    Ok(())
}

/// Accumulates `factor · row` in `sums` for all rows whose factor is not 0.
fn add_rows<V: WeightView>(
    part: WeightPart,
    weights: &V,
    factors: &[f32],
    sums: &mut [f32],
) -> Result<(), V::Error> {
    let inputs = sums.len();
    let mut buffer = scratch::take(&PARTS, TOGETHER * inputs);
    let rows = factors.iter().enumerate().filter(|(_, factor)| **factor != 0.0);
    let rows: Vec<(usize, f32)> = rows.map(|(row, &factor)| (row, factor)).collect();
    for few in rows.chunks(TOGETHER) {
        // Missing rows have the factor 0.
        let factors = from_fn(|place| few.get(place).map_or(0.0, |(_, factor)| *factor));
        let mut rows = [&[][..]; TOGETHER];
        let buffers = buffer.chunks_exact_mut(inputs);
        for (place, (bytes, buffer)) in rows.iter_mut().zip(buffers).enumerate() {
            let (row, _) = few[place.min(few.len() - 1)];
            *bytes = part_of(part, weights, row * inputs, buffer)?;
        }
        add_multiples(factors, rows, sums);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition() {
        let numbers = |count: usize, step: usize| -> Vec<f32> {
            (0..count).map(|n| ((n * step) % 13) as f32 / 4.0 - 1.5).collect()
        };
        let (inputs, outputs) = (BLOCK + 37, ROWS + 21);
        let weights = numbers(inputs * outputs, 5);
        let (x, y) = (numbers(inputs, 3), numbers(outputs, 7));
        for part in [WeightPart::Plain, WeightPart::Positive] {
            let weight = |row: usize, column: usize| part.of(weights[row * inputs + column]);
            // All products are multiples of 1/16 below 2²⁰: every order of summation gives the same.
            let dot = |row: usize| (0..inputs).map(|at| weight(row, at) * x[at]).sum::<f32>();
            let expected: Vec<f32> = (0..outputs).map(dot).collect();
            let source = InMemory(&weights);
            let run = |output: Output<'_>| product(&source, part, &x, output);
            let (output, Ok(())) = AlignedBuf::written(outputs, run);
            assert_eq!(*output, expected);
            let dot = |at: usize| (0..outputs).map(|row| weight(row, at) * y[row]).sum::<f32>();
            let expected: Vec<f32> = (0..inputs).map(dot).collect();
            let run = |input: Output<'_>| transposed_product(&source, part, &y, input);
            let (input, Ok(())) = AlignedBuf::written(inputs, run);
            assert_eq!(*input, expected);
        }
    }
}
