//! Fully connected layers: ONNX `Gemm`, and `MatMul` with constant weights.

use std::cell::Cell;

use anyhow::{Result, ensure};

use super::product::{Matrices, RightOperand};
use super::{Forward, LinearMap, Signs, Transposed, Weight, WeightPart};
use crate::lanes::{LANES, Lanes, LanesLoop, Sixteen, filled_up, with_lanes};
use crate::parallel::{for_each_chunk, map_heavy_chunks, threads};
use crate::room::{self, Lines};
use crate::tensor::Tensor;

/// `y = W x + b` over the last axes: `[..., I]` to `[..., O]`, the same for every position of the leading ones.
#[derive(Clone, Debug)]
pub struct Dense {
    /// `[O, I]`.
    pub weight: Weight,
    /// Broadcasts to the output.
    pub bias: Option<Tensor>,
    /// Shape of the input; its trailing axes hold `I` elements.
    pub input_shape: Vec<usize>,
    /// Shape of the output; its trailing axes hold `O` elements.
    pub output_shape: Vec<usize>,
}

impl Dense {
    fn outputs(&self) -> usize {
        self.weight.shape()[0]
    }

    fn inputs(&self) -> usize {
        self.weight.shape()[1]
    }

    fn positions(&self) -> usize {
        self.input_shape.iter().product::<usize>() / self.inputs().max(1)
    }

    /// The bias, where [`Dense::unbiased`] can take it from the output: with a single position.
    pub(crate) fn separable_bias(&self) -> Option<&Tensor> {
        let bias = self.bias.as_ref()?;
        let is_one_an_output = bias.len() == self.outputs() && !self.weight.is_empty();
        (self.positions() == 1 && is_one_an_output).then_some(bias)
    }

    /// `W x` from `output = W x + bias`, which saves reading all weights again. Where the bias is so much larger that
    /// it took digits with it, the sum is made anew.
    ///
    /// # Errors
    /// When the weight cannot be read.
    pub(crate) fn unbiased(
        weight: &Weight,
        bias: &Tensor,
        input: &Tensor,
        output: &Tensor,
    ) -> Result<Tensor> {
        let mut unbiased = output.clone();
        unbiased.combine_broadcast(bias, |y, bias| *y -= bias)?;
        let correct = |row: usize, sums: &mut [f32]| {
            let is_exact = bias.data()[row].abs() <= LARGER * sums[0].abs();
            if !is_exact {
                sums[0] = row_product(weight, WeightPart::Plain, row, input.data())?;
            }
            Ok(())
        };
        let rows = map_heavy_chunks(unbiased.data_mut(), 1, input.len(), correct);
        rows.into_iter().collect::<Result<()>>()?;
        Ok(unbiased)
    }

    /// `part(W) x` or, with `is_transposed`, `part(W)ᵀ y` at every position.
    fn product(&self, part: WeightPart, is_transposed: bool) -> Result<Product> {
        let (outputs, inputs) = (self.outputs(), self.inputs());
        let from_len = if is_transposed { outputs } else { inputs };
        let positions = self.positions();
        if self.weight.is_empty() {
            return Ok(Box::new(|_, _| Ok(())));
        }
        if positions == 1 {
            // Used once a pass, the weights are not worth a packed copy: their part is taken while they are read.
            let weight = self.weight.clone();
            return Ok(Box::new(move |from, to| {
                ensure!(from.len() == from_len, "a dense layer met {} numbers", from.len());
                match is_transposed {
                    true => transposed_product(&weight, part, from, to),
                    false => plain_product(&weight, part, from, to),
                }
            }));
        }
        if positions < outputs.min(inputs) {
            return Ok(Box::new(product_with_large_weights(
                self.weight.clone(),
                part,
                is_transposed,
                positions,
            )));
        }
        let weight = part.of_tensor(&self.weight.load()?)?;
        let weight = Matrices::new(weight.data(), outputs, inputs)?;
        let weight = if is_transposed { weight } else { weight.transposed() };
        let weight = RightOperand::new(weight)?;
        Ok(Box::new(move |from, to| weight.multiply(Matrices::new(from, positions, from_len)?, to)))
    }
}

/// The product at fewer positions than there are features, as in the blocks of a transformer: it is the
/// signal that is packed, since it is smaller, and the weights are read as they lie.
fn product_with_large_weights(
    weight: Weight,
    part: WeightPart,
    is_transposed: bool,
    positions: usize,
) -> impl Fn(&[f32], &mut [f32]) -> Result<()> + Send + Sync {
    move |from, to| {
        let weight = weight.load()?;
        let [outputs, inputs] = [weight.shape()[0], weight.shape()[1]];
        let weight = Matrices::new(weight.data(), outputs, inputs)?.part(part);
        let weight = if is_transposed { weight.transposed() } else { weight };
        let from_len = from.len() / positions;
        let signal = RightOperand::new(Matrices::new(from, positions, from_len)?.transposed())?;
        let mut columns = vec![0.0; to.len()];
        signal.multiply(weight, &mut columns)?;
        transpose(&columns, positions, to);
        Ok(())
    }
}

/// Rows and columns that are transposed together: they stay in the first cache.
const TILE: usize = 16;

/// Writes a matrix of the given number of columns, column by column, over `to`.
fn transpose(from: &[f32], columns: usize, to: &mut [f32]) {
    let rows = to.len() / columns.max(1);
    for_each_chunk(to, TILE * rows, |index, to| {
        let first = index * TILE;
        for start in (0..rows).step_by(TILE) {
            for (offset, to) in to.chunks_exact_mut(rows).enumerate() {
                let end = rows.min(start + TILE);
                for (row, to) in (start..end).zip(&mut to[start..end]) {
                    *to = from[row * columns + first + offset];
                }
            }
        }
    });
}

/// Writes the product with the first slice over the second.
type Product = Box<dyn Fn(&[f32], &mut [f32]) -> Result<()> + Send + Sync>;

impl LinearMap for Dense {
    fn forward(&self, part: WeightPart, bias: Option<Tensor>) -> Result<Forward> {
        let output_shape = self.output_shape.clone();
        let product = self.product(part, false)?;
        Ok(Box::new(move |tensors| {
            let mut output = Tensor::zeros(&output_shape)?;
            product(tensors[0].data(), output.data_mut())?;
            if let Some(bias) = &bias {
                output.combine_broadcast(bias, |to, from| *to += from)?;
            }
            Ok(output)
        }))
    }

    fn transposed(&self, part: WeightPart) -> Result<Transposed> {
        let input_shape = self.input_shape.clone();
        let product = self.product(part, true)?;
        Ok(Box::new(move |output| {
            let mut input = Tensor::zeros(&input_shape)?;
            product(output.data(), input.data_mut())?;
            Ok(vec![input])
        }))
    }

    fn weight_signs(&self) -> Signs {
        self.weight.signs()
    }

    fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    fn parameter_count(&self) -> usize {
        self.weight.len() + self.bias.as_ref().map_or(0, Tensor::len)
    }
}

/// Rows that one thread multiplies at a time.
const ROWS_AT_ONCE: usize = 16;

/// Weights whose part is taken together: they stay in the first cache.
const BLOCK: usize = 1024;

/// Weights of a row that are read together where they are stored: they stay in the second cache.
const STORED_BLOCK: usize = 1 << 15;

thread_local! {
    /// Room for weights that are read, or parts of them.
    static ROOM: Cell<Lines> = Cell::default();
}

/// How much larger than a sum a bias can be that is taken from both: a few times what the sum was rounded by.
const LARGER: f32 = 8.0;

/// `y = part(W) x` for one vector. A matrix product would first pack all of `W`, to use it once.
fn plain_product(
    weight: &Weight,
    part: WeightPart,
    input: &[f32],
    output: &mut [f32],
) -> Result<()> {
    let multiply = |index: usize, outputs: &mut [f32]| {
        outputs.iter_mut().enumerate().try_for_each(|(row, output)| {
            *output = row_product(weight, part, index * ROWS_AT_ONCE + row, input)?;
            Ok(())
        })
    };
    map_heavy_chunks(output, ROWS_AT_ONCE, input.len(), multiply).into_iter().collect()
}

/// The product of a row with a vector.
fn row_product(weight: &Weight, part: WeightPart, row: usize, input: &[f32]) -> Result<f32> {
    let block = if weight.stored().is_some() { STORED_BLOCK } else { BLOCK };
    let mut room = room::take(&ROOM, block.min(input.len()));
    let mut sums = [[0.0; LANES]; SUMS];
    for (index, numbers) in input.chunks(block).enumerate() {
        let start = row * input.len() + index * block;
        let weights = weight.part(part, start, &mut room[..numbers.len()])?;
        add_products(weights, numbers, &mut sums);
    }
    Ok(sums.as_flattened().iter().sum())
}

/// Sums of sixteen numbers each that go on side by side: a sum waits for the one before it.
const SUMS: usize = 4;

/// Adds `a ⊙ b` to partial sums, which round less than one; each vector to the next of them.
fn add_products(a: &[f32], b: &[f32], sums: &mut [Sixteen; SUMS]) {
    struct AddProducts<'a>(&'a [Sixteen], &'a [Sixteen], &'a mut [Sixteen; SUMS]);
    impl LanesLoop for AddProducts<'_> {
        #[inline(always)]
        fn run(self, lanes: impl Lanes) {
            let AddProducts(a, b, sums) = self;
            let mut parts = [lanes.splat(0.0); SUMS];
            for (part, sum) in parts.iter_mut().zip(&*sums) {
                *part = lanes.load(sum);
            }
            let whole = a.len() / SUMS * SUMS;
            for first in (0..whole).step_by(SUMS) {
                for (offset, part) in parts.iter_mut().enumerate() {
                    let (a, b) = (lanes.load(&a[first + offset]), lanes.load(&b[first + offset]));
                    *part = lanes.add(*part, lanes.multiply(a, b));
                }
            }
            for index in whole..a.len() {
                let product = lanes.multiply(lanes.load(&a[index]), lanes.load(&b[index]));
                parts[0] = lanes.add(parts[0], product);
            }
            for (part, sum) in parts.into_iter().zip(sums) {
                lanes.store(part, sum);
            }
        }
    }
    let ((a, last_a), (b, last_b)) = (a.as_chunks(), b.as_chunks());
    with_lanes(AddProducts(a, b, sums));
    if !last_a.is_empty() {
        with_lanes(AddProducts(&[filled_up(last_a)], &[filled_up(last_b)], sums));
    }
}

/// Rows that are added together: their sums are read and written once.
const TOGETHER: usize = 4;

/// Adds the products of factors and rows to as many sums, one row after the other.
fn add_multiples(factors: [f32; TOGETHER], rows: [&[f32]; TOGETHER], sums: &mut [f32]) {
    struct AddMultiples<'a>([f32; TOGETHER], [&'a [Sixteen]; TOGETHER], &'a mut [Sixteen]);
    impl LanesLoop for AddMultiples<'_> {
        #[inline(always)]
        fn run(self, lanes: impl Lanes) {
            let AddMultiples(factors, [a, b, c, d], sums) = self;
            let [fa, fb, fc, fd] = factors.map(|factor| lanes.splat(factor));
            for index in 0..sums.len() {
                let mut sum = lanes.load(&sums[index]);
                sum = lanes.add(sum, lanes.multiply(fa, lanes.load(&a[index])));
                sum = lanes.add(sum, lanes.multiply(fb, lanes.load(&b[index])));
                sum = lanes.add(sum, lanes.multiply(fc, lanes.load(&c[index])));
                sum = lanes.add(sum, lanes.multiply(fd, lanes.load(&d[index])));
                lanes.store(sum, &mut sums[index]);
            }
        }
    }
    let (whole, last_sums) = sums.as_chunks_mut();
    with_lanes(AddMultiples(factors, rows.map(|row| row.as_chunks().0), whole));
    let start = whole.len() * LANES;
    for (factor, row) in factors.into_iter().zip(rows) {
        last_sums.iter_mut().zip(&row[start..]).for_each(|(sum, weight)| *sum += factor * weight);
    }
}

/// Rows that are added up before they are added to the total, which rounds less than one sum.
const ROWS: usize = 256;

/// Columns that one thread sums at a time at most: their sums stay in the second cache.
const COLUMNS: usize = 1 << 15;

/// `x = part(W)ᵀ y` for one vector; rows whose factor is 0, as behind a ReLU, are not read.
fn transposed_product(
    weight: &Weight,
    part: WeightPart,
    output: &[f32],
    input: &mut [f32],
) -> Result<()> {
    let inputs = input.len();
    // Rows are read in pieces as long as can be, or memory could not keep up.
    let at_once = inputs.div_ceil(threads()).next_multiple_of(LANES).clamp(BLOCK, COLUMNS);
    let multiply = |index: usize, columns: &mut [f32]| {
        let len = columns.len();
        let mut room = room::take(&ROOM, TOGETHER * len);
        let mut sums = vec![0.0; len];
        columns.fill(0.0);
        for (block, factors) in output.chunks(ROWS).enumerate() {
            sums.fill(0.0);
            let rows = factors.iter().enumerate().filter(|(_, factor)| **factor != 0.0);
            let rows: Vec<(usize, f32)> = rows.map(|(row, &factor)| (row, factor)).collect();
            for few in rows.chunks(TOGETHER) {
                // Where rows are missing, the last one counts 0 times.
                let (mut multiples, mut room) =
                    ([(0.0, &[][..]); TOGETHER], room.chunks_exact_mut(len));
                for (place, (multiple, room)) in multiples.iter_mut().zip(&mut room).enumerate() {
                    let (row, factor) = few[place.min(few.len() - 1)];
                    let start = (block * ROWS + row) * inputs + index * at_once;
                    let factor = if place < few.len() { factor } else { 0.0 };
                    *multiple = (factor, weight.part(part, start, room)?);
                }
                add_multiples(multiples.map(|of| of.0), multiples.map(|of| of.1), &mut sums);
            }
            columns.iter_mut().zip(sums.iter()).for_each(|(column, sum)| *column += sum);
        }
        Ok(())
    };
    map_heavy_chunks(input, at_once, output.len(), multiply).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_vector_and_two_agree() {
        let numbers = |count: usize, step: usize| -> Vec<f32> {
            (0..count).map(|n| ((n * step) % 13) as f32 / 4.0 - 1.5).collect()
        };
        let (inputs, outputs) = (BLOCK + 37, ROWS + 21);
        let weight = Tensor::new(&[outputs, inputs], &numbers(inputs * outputs, 5)).unwrap();
        let map = |positions: usize| Dense {
            weight: weight.clone().into(),
            bias: None,
            input_shape: vec![positions, inputs],
            output_shape: vec![positions, outputs],
        };
        let twice = |values: Vec<f32>| [values.clone(), values].concat();
        let (x, y) = (numbers(inputs, 3), numbers(outputs, 7));
        let x2 = Tensor::new(&[2, inputs], &twice(x.clone())).unwrap();
        let y2 = Tensor::new(&[2, outputs], &twice(y.clone())).unwrap();
        let x1 = Tensor::new(&[1, inputs], &x).unwrap();
        let y1 = Tensor::new(&[1, outputs], &y).unwrap();
        let forward = |map: Dense, x| map.forward(WeightPart::Plain, None).unwrap()(&[x]).unwrap();
        let back =
            |map: Dense, y| map.transposed(WeightPart::Plain).unwrap()(&y).unwrap().remove(0);
        // All products are multiples of 1/16 below 2²⁰: every order of summation gives the same.
        assert_eq!(forward(map(1), x1).data(), &forward(map(2), x2).data()[..outputs]);
        assert_eq!(back(map(1), y1).data(), &back(map(2), y2).data()[..inputs]);
    }

    #[test]
    fn a_bias_is_taken_from_the_output_unless_it_took_digits_with_it() {
        // The second sum is 1/1024: beside a bias of 3e6 nothing is left of it.
        let weight = Weight::from(Tensor::new(&[2, 2], &[3.0, -1.0, 0.25, 0.125]).unwrap());
        let input = Tensor::new(&[1, 2], &[1.0 / 256.0, 0.0]).unwrap();
        for bias in [[0.5, 1.0 / 512.0], [0.5, 3e6]] {
            let bias = Tensor::new(&[1, 2], &bias).unwrap();
            let map = Dense {
                weight: weight.clone(),
                bias: Some(bias.clone()),
                input_shape: vec![1, 2],
                output_shape: vec![1, 2],
            };
            let forward = map.forward(WeightPart::Plain, Some(bias.clone())).unwrap();
            let output = forward(std::slice::from_ref(&input)).unwrap();
            assert!(map.separable_bias().is_some());
            let unbiased = Dense::unbiased(&weight, &bias, &input, &output).unwrap();
            assert_eq!(unbiased.data(), [3.0 / 256.0, 1.0 / 1024.0]);
        }
    }
}
