//! Fully connected layers: ONNX `Gemm`, and `MatMul` with constant weights.

use std::array::from_fn;
use std::cell::Cell;

use anyhow::{Result, ensure};

use super::product::{Matrices, RightOperand};
use super::{Forward, LinearMap, Signs, Transposed, Weight, WeightPart};
use crate::lanes::{LANES, Lanes, LanesLoop, Sixteen, filled_up, with_lanes};
use crate::parallel::{for_each_chunk, for_each_heavy_chunk, map_heavy_chunks, threads};
use crate::room::{self, Lines};
use crate::tensor::{Tensor, View};

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
                let weights = weight.view(row * input.len(), input.len())?;
                let places = [0; TOGETHER];
                [sums[0], ..] = row_products(WeightPart::Plain, &weights, places, input.data())?;
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

/// Weights that one thread multiplies at a time: a mapping of them costs ten microseconds.
const PIECE: usize = 1 << 22;

/// Weights of a row whose part is taken together: those of a few rows stay in the first cache.
const BLOCK: usize = 1024;

thread_local! {
    /// Room for parts of weights.
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
    let inputs = input.len();
    // A few pieces for every thread, or the last one would make the others wait.
    let share = output.len().div_ceil(4 * threads());
    let at_once = (PIECE / inputs.max(1)).min(share).next_multiple_of(TOGETHER);
    let multiply = |index: usize, outputs: &mut [f32]| {
        let weights = weight.view(index * at_once * inputs, outputs.len() * inputs)?;
        for (few, outputs) in outputs.chunks_mut(TOGETHER).enumerate() {
            // Where rows are missing, the last one is there once more.
            let row = |at: usize| (few * TOGETHER + at.min(outputs.len() - 1)) * inputs;
            let sums = row_products(part, &weights, from_fn(row), input)?;
            outputs.iter_mut().zip(sums).for_each(|(output, sum)| *output = sum);
        }
        Ok(())
    };
    map_heavy_chunks(output, at_once, inputs, multiply).into_iter().collect()
}

/// The products of rows that begin at some places of the weights with a vector, which is read once for them.
fn row_products(
    part: WeightPart,
    weights: &View,
    places: [usize; TOGETHER],
    input: &[f32],
) -> Result<[f32; TOGETHER]> {
    // What is to be read is read a whole row at a time.
    let block = if weights.lying(0, 0).is_some() { BLOCK } else { input.len() };
    let block = block.clamp(1, input.len().max(1));
    let mut room = room::take(&ROOM, TOGETHER * block);
    let mut sums = [[[0.0; LANES]; SUMS]; TOGETHER];
    for (index, numbers) in input.chunks(block).enumerate() {
        let mut rows = [&[][..]; TOGETHER];
        let room = room.chunks_exact_mut(block);
        for ((row, place), room) in rows.iter_mut().zip(places).zip(room) {
            *row = part.of_view(weights, place + index * block, &mut room[..numbers.len()])?;
        }
        add_products(rows, numbers, &mut sums);
    }
    Ok(sums.map(|sums| sums.as_flattened().iter().sum()))
}

/// Rows that are multiplied together: memory hands out several rows at a time sooner than one, and vectors are read
/// once for them.
const TOGETHER: usize = 4;

/// Sums of sixteen numbers each that go on side by side: a sum waits for the one before it.
const SUMS: usize = 4;

/// The bytes of sixteen numbers.
type Bytes = [u8; size_of::<Sixteen>()];

/// Adds `row ⊙ numbers` to partial sums of each row, which round less than one; each vector to the next of them.
fn add_products(rows: [&[u8]; TOGETHER], numbers: &[f32], sums: &mut [[Sixteen; SUMS]; TOGETHER]) {
    struct AddProducts<'a>(
        [&'a [Bytes]; TOGETHER],
        &'a [Sixteen],
        &'a mut [[Sixteen; SUMS]; TOGETHER],
    );
    impl LanesLoop for AddProducts<'_> {
        #[inline(always)]
        fn run(self, lanes: impl Lanes) {
            let AddProducts(rows, numbers, sums) = self;
            let mut parts = [[lanes.splat(0.0); SUMS]; TOGETHER];
            for (parts, sums) in parts.iter_mut().zip(&*sums) {
                for (part, sum) in parts.iter_mut().zip(sums) {
                    *part = lanes.load(sum);
                }
            }
            let whole = numbers.len() / SUMS * SUMS;
            for first in (0..whole).step_by(SUMS) {
                for offset in 0..SUMS {
                    let number = lanes.load(&numbers[first + offset]);
                    for (parts, row) in parts.iter_mut().zip(rows) {
                        let weights = lanes.load(&bytemuck::cast(row[first + offset]));
                        parts[offset] = lanes.add(parts[offset], lanes.multiply(weights, number));
                    }
                }
            }
            for index in whole..numbers.len() {
                let number = lanes.load(&numbers[index]);
                for (parts, row) in parts.iter_mut().zip(rows) {
                    let weights = lanes.load(&bytemuck::cast(row[index]));
                    parts[0] = lanes.add(parts[0], lanes.multiply(weights, number));
                }
            }
            for (parts, sums) in parts.into_iter().zip(sums) {
                for (part, sum) in parts.into_iter().zip(sums) {
                    lanes.store(part, sum);
                }
            }
        }
    }
    let (whole, last) = numbers.as_chunks();
    with_lanes(AddProducts(rows.map(|row| row.as_chunks().0), whole, sums));
    if !last.is_empty() {
        let ends = rows.map(|row| {
            let mut end = [0; size_of::<Sixteen>()];
            end[..size_of_val(last)].copy_from_slice(row.as_chunks::<{ size_of::<Sixteen>() }>().1);
            end
        });
        with_lanes(AddProducts(
            ends.each_ref().map(std::slice::from_ref),
            &[filled_up(last)],
            sums,
        ));
    }
}

/// Adds the products of factors and rows to as many sums, one row after the other.
fn add_multiples(factors: [f32; TOGETHER], rows: [&[u8]; TOGETHER], sums: &mut [f32]) {
    struct AddMultiples<'a>([f32; TOGETHER], [&'a [Bytes]; TOGETHER], &'a mut [Sixteen]);
    impl LanesLoop for AddMultiples<'_> {
        #[inline(always)]
        fn run(self, lanes: impl Lanes) {
            let AddMultiples(factors, [a, b, c, d], sums) = self;
            let [fa, fb, fc, fd] = factors.map(|factor| lanes.splat(factor));
            for index in 0..sums.len() {
                let mut sum = lanes.load(&sums[index]);
                let weights = |row: &[Bytes]| bytemuck::cast(row[index]);
                sum = lanes.add(sum, lanes.multiply(fa, lanes.load(&weights(a))));
                sum = lanes.add(sum, lanes.multiply(fb, lanes.load(&weights(b))));
                sum = lanes.add(sum, lanes.multiply(fc, lanes.load(&weights(c))));
                sum = lanes.add(sum, lanes.multiply(fd, lanes.load(&weights(d))));
                lanes.store(sum, &mut sums[index]);
            }
        }
    }
    let (whole, last_sums) = sums.as_chunks_mut();
    with_lanes(AddMultiples(factors, rows.map(|row| row.as_chunks().0), whole));
    for (factor, row) in factors.into_iter().zip(rows) {
        let weights = row.as_chunks::<{ size_of::<Sixteen>() }>().1.as_chunks().0;
        last_sums
            .iter_mut()
            .zip(weights)
            .for_each(|(sum, &weight)| *sum += factor * f32::from_ne_bytes(weight));
    }
}

/// Rows that are added up before they are added to the total, which rounds less than one sum.
const ROWS: usize = 256;

/// `x = part(W)ᵀ y` for one vector; rows whose factor is 0, as behind a ReLU, are not read.
fn transposed_product(
    weight: &Weight,
    part: WeightPart,
    output: &[f32],
    input: &mut [f32],
) -> Result<()> {
    let inputs = input.len();
    let blocks = output.len().div_ceil(ROWS);
    let mut sums = Tensor::zeros(&[blocks, inputs])?;
    map_heavy_chunks(sums.data_mut(), inputs, ROWS, |block, sums| {
        let factors = &output[block * ROWS..output.len().min((block + 1) * ROWS)];
        add_rows(part, &weight.view(block * ROWS * inputs, factors.len() * inputs)?, factors, sums)
    })
    .into_iter()
    .collect::<Result<()>>()?;
    input.fill(0.0);
    for_each_heavy_chunk(input, BLOCK, blocks, |index, input| {
        for sums in sums.data().chunks_exact(inputs) {
            let sums = &sums[index * BLOCK..];
            input.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
    });
    Ok(())
}

/// Adds the multiples of all rows of the weights whose factor is not 0 to sums.
fn add_rows(part: WeightPart, weights: &View, factors: &[f32], sums: &mut [f32]) -> Result<()> {
    let inputs = sums.len();
    let mut room = room::take(&ROOM, TOGETHER * inputs);
    let rows = factors.iter().enumerate().filter(|(_, factor)| **factor != 0.0);
    let rows: Vec<(usize, f32)> = rows.map(|(row, &factor)| (row, factor)).collect();
    for few in rows.chunks(TOGETHER) {
        // Where rows are missing, the last one counts 0 times.
        let factors = from_fn(|place| few.get(place).map_or(0.0, |(_, factor)| *factor));
        let mut rows = [&[][..]; TOGETHER];
        let room = room.chunks_exact_mut(inputs);
        for (place, (bytes, room)) in rows.iter_mut().zip(room).enumerate() {
            let (row, _) = few[place.min(few.len() - 1)];
            *bytes = part.of_view(weights, row * inputs, room)?;
        }
        add_multiples(factors, rows, sums);
    }
    Ok(())
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
