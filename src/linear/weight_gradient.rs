//! The gradient of weights: products of inputs with what stands at the outputs, summed over positions and inputs.
//!
//! For `y = W x`, it is the derivative of `Σ s ⊙ y` by `W`. What `s` is, nobody here knows.

use anyhow::{Result, bail, ensure};
use onnxplain_kernels::gemm::{Matrices, product};
use onnxplain_kernels::weight_gradient::{self, Order};

use super::{Convolution, Dense};
use crate::tensor::Tensor;

/// Rows of a dense layer that are collected before they are multiplied: the weights are written once for all of them.
const MOST_ROWS: usize = 2048;

/// The gradient of a layer's weights, summed over any number of inputs.
pub struct WeightGradient {
    shape: Vec<usize>,
    sums: Sums,
}

enum Sums {
    Convolution { kernel: Box<weight_gradient::WeightGradient>, is_transposed: bool },
    Dense(Rows),
}

/// What a dense layer reads and what stands at its outputs, row by row.
struct Rows {
    inputs: usize,
    outputs: usize,
    input: Vec<f32>,
    output: Vec<f32>,
    /// Of rows that were multiplied already.
    sums: Option<Vec<f32>>,
}

impl Convolution {
    /// Nothing yet, of this layer's weights.
    ///
    /// # Errors
    /// When its images are too large.
    pub fn weight_gradient(&self) -> Result<WeightGradient> {
        let shape = self.weight.shape().to_vec();
        ensure!(shape.len() >= 2, "a convolution's weight has no shape {shape:?}");
        let channels = [shape[0], shape[1] * self.groups];
        let kernel = weight_gradient::WeightGradient::new(channels, self.groups, &self.window)?;
        let kernel = Box::new(kernel);
        let is_transposed = self.is_transposed;
        Ok(WeightGradient { shape, sums: Sums::Convolution { kernel, is_transposed } })
    }
}

impl Dense {
    /// Nothing yet, of this layer's weights.
    ///
    /// # Errors
    /// When its weight is no matrix.
    pub fn weight_gradient(&self) -> Result<WeightGradient> {
        let shape = self.weight.shape().to_vec();
        let &[outputs, inputs] = &shape[..] else {
            bail!("a dense layer's weight has no shape {shape:?}");
        };
        let rows = Rows { inputs, outputs, input: vec![], output: vec![], sums: None };
        Ok(WeightGradient { shape, sums: Sums::Dense(rows) })
    }
}

impl WeightGradient {
    /// Adds what belongs to one input of the layer, and to what stands at its output.
    ///
    /// # Errors
    /// When they do not have the layer's sizes.
    pub fn add(&mut self, input: &Tensor, output: &Tensor) -> Result<()> {
        match &mut self.sums {
            Sums::Convolution { kernel, is_transposed } => {
                let (input, output) =
                    if *is_transposed { (output, input) } else { (input, output) };
                let batch = input.shape().first().copied().unwrap_or(1).max(1);
                let lengths = [input, output].map(|it| (it.len() / batch).max(1));
                let inputs = input.data().chunks_exact(lengths[0]);
                for (input, output) in inputs.zip(output.data().chunks_exact(lengths[1])) {
                    kernel.add(input, output)?;
                }
                Ok(())
            }
            Sums::Dense(rows) => rows.add(input.data(), output.data()),
        }
    }

    /// The same for a convolution without groups, the images of which lie in blocks of channels where that is said.
    ///
    /// # Errors
    /// When they do not have the layer's sizes, or it is another layer.
    pub(crate) fn add_images(
        &mut self,
        (input, input_in_blocks): (&Tensor, bool),
        (output, output_in_blocks): (&Tensor, bool),
    ) -> Result<()> {
        let order = |in_blocks: bool| if in_blocks { Order::Blocks } else { Order::Rows };
        match &mut self.sums {
            Sums::Convolution { kernel, is_transposed: false } => Ok(kernel.add_images(
                (input.data(), order(input_in_blocks)),
                (output.data(), order(output_in_blocks)),
            )?),
            _ => bail!("only a convolution has images in blocks"),
        }
    }

    /// Multiplies the images of a convolution that were collected, and frees their memory. Rows of a dense layer stay
    /// collected: they are multiplied faster together with those of other threads.
    pub fn settle(&mut self) {
        if let Sums::Convolution { kernel, .. } = &mut self.sums {
            kernel.settle();
        }
    }

    /// Adds the sums of another gradient of the same weights.
    ///
    /// # Errors
    /// When it is one of other weights.
    pub fn absorb(&mut self, other: WeightGradient) -> Result<()> {
        match (&mut self.sums, other.sums) {
            (Sums::Convolution { kernel, .. }, Sums::Convolution { kernel: other, .. }) => {
                Ok(kernel.absorb(*other)?)
            }
            (Sums::Dense(rows), Sums::Dense(other)) => rows.absorb(other),
            _ => bail!("a convolution and a dense layer have different weights"),
        }
    }

    /// The sums in the shape of the weight; begins again.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn take(&mut self) -> Result<Tensor> {
        let mut sums = Tensor::zeros(&self.shape)?;
        match &mut self.sums {
            Sums::Convolution { kernel, .. } => kernel.take(sums.data_mut())?,
            Sums::Dense(rows) => {
                rows.multiply()?;
                if let Some(found) = rows.sums.take() {
                    sums.data_mut().copy_from_slice(&found);
                }
            }
        }
        Ok(sums)
    }
}

impl Rows {
    fn add(&mut self, input: &[f32], output: &[f32]) -> Result<()> {
        let (inputs, outputs) = (self.inputs.max(1), self.outputs.max(1));
        let is_whole = input.len().is_multiple_of(inputs) && output.len().is_multiple_of(outputs);
        ensure!(
            is_whole && input.len() / inputs == output.len() / outputs,
            "{} inputs and {} outputs are no rows of a dense layer of {inputs} and {outputs}",
            input.len(),
            output.len()
        );
        self.input.extend_from_slice(input);
        self.output.extend_from_slice(output);
        if self.input.len() / inputs >= MOST_ROWS { self.multiply() } else { Ok(()) }
    }

    fn absorb(&mut self, other: Rows) -> Result<()> {
        if let Some(more) = other.sums {
            self.add_sums(more);
        }
        self.add(&other.input, &other.output)
    }

    fn add_sums(&mut self, more: Vec<f32>) {
        match &mut self.sums {
            Some(sums) => sums.iter_mut().zip(&more).for_each(|(sum, more)| *sum += more),
            None => self.sums = Some(more),
        }
    }

    fn multiply(&mut self) -> Result<()> {
        let rows = self.input.len() / self.inputs.max(1);
        if rows == 0 || self.inputs * self.outputs == 0 {
            return Ok(());
        }
        let mut products = vec![0.0; self.inputs * self.outputs];
        let left = Matrices::new(&self.output, rows, self.outputs)?.transposed();
        let right = Matrices::new(&self.input, rows, self.inputs)?;
        product(left, right, products.as_mut_slice().into())?;
        self.add_sums(products);
        self.input.clear();
        self.output.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::{LinearMap, Window, WindowAxis};

    fn tensor(shape: &[usize], step: usize) -> Tensor {
        let len = shape.iter().product::<usize>();
        let numbers: Vec<f32> = (0..len).map(|n| ((n * step) % 11) as f32 / 4.0 - 1.0).collect();
        Tensor::new(shape, &numbers).unwrap()
    }

    /// `⟨G, V⟩ = ⟨s, V x⟩` for every `V`, because the layer is linear in its weights.
    fn check(
        fresh: impl Fn() -> WeightGradient,
        with_weight: impl Fn(Tensor) -> Box<dyn LinearMap>,
        [input, output]: [&[usize]; 2],
    ) {
        let (x, s) = (tensor(input, 3), tensor(output, 5));
        let mut gradient = fresh();
        gradient.add(&x, &s).unwrap();
        let found = gradient.take().unwrap();
        // That of two parts, the first of which is settled, is the same.
        let mut parts = [fresh(), fresh()];
        parts.iter_mut().for_each(|part| part.add(&x, &s).unwrap());
        let [mut whole, other] = parts;
        whole.settle();
        whole.absorb(other).unwrap();
        let twice = found.map(|sum| 2.0 * sum).unwrap();
        assert_eq!(whole.take().unwrap().data(), twice.data());
        for step in [2, 7, 9] {
            let weight = tensor(found.shape(), step);
            let inner = |a: &Tensor, b: &Tensor| -> f64 {
                a.data().iter().zip(b.data()).map(|(a, b)| f64::from(a * b)).sum()
            };
            let map = with_weight(weight.clone());
            let y = map.forward(super::super::WeightPart::Plain, None).unwrap()(
                std::slice::from_ref(&x),
            )
            .unwrap();
            let (left, right) = (inner(&found, &weight), inner(&s, &y));
            assert!((left - right).abs() <= 1e-5 * right.abs().max(1.0), "{left} {right}");
        }
    }

    #[test]
    fn gradients_are_adjoint_to_the_weights() {
        let axis = WindowAxis::fitting(6, 3, 2, 1, [1, 1]);
        let window = Window { axes: vec![axis, axis] };
        let convolution = |weight: Tensor| Convolution::new(weight, None, 1, window.clone());
        let gradient = || convolution(tensor(&[4, 5, 3, 3], 1)).weight_gradient().unwrap();
        check(gradient, |weight| Box::new(convolution(weight)), [&[1, 5, 6, 6], &[1, 4, 3, 3]]);
        let transposed = |weight: Tensor| Convolution {
            is_transposed: true,
            ..Convolution::new(weight, None, 1, window.clone())
        };
        let gradient = || transposed(tensor(&[4, 5, 3, 3], 1)).weight_gradient().unwrap();
        check(gradient, |weight| Box::new(transposed(weight)), [&[1, 4, 3, 3], &[1, 5, 6, 6]]);
        let dense = |weight: Tensor| Dense {
            weight: weight.into(),
            bias: None,
            input_shape: vec![1, 3, 7],
            output_shape: vec![1, 3, 2],
        };
        let gradient = || dense(tensor(&[2, 7], 1)).weight_gradient().unwrap();
        check(gradient, |weight| Box::new(dense(weight)), [&[1, 3, 7], &[1, 3, 2]]);
    }
}
