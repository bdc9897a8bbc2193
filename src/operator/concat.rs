//! Concatenation along an axis.

use anyhow::{Result, ensure};

use super::{GradientReads, Operator};
use crate::tensor::Tensor;

/// ONNX `Concat`.
#[derive(Clone, Debug)]
pub struct Concat {
    /// The axis along which the inputs follow each other.
    pub axis: usize,
    /// The inputs' shapes.
    pub input_shapes: Vec<Vec<usize>>,
}

impl Concat {
    /// For each input: elements that lie together in memory, from the axis inwards.
    fn block_lengths(&self) -> Vec<usize> {
        self.input_shapes.iter().map(|shape| shape[self.axis..].iter().product()).collect()
    }
}

impl Operator for Concat {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        ensure!(inputs.len() == self.input_shapes.len(), "a concat lost an input");
        let mut shape = self.input_shapes[0].clone();
        shape[self.axis] = self.input_shapes.iter().map(|shape| shape[self.axis]).sum();
        let mut output = Tensor::unwritten(&shape)?;
        let lengths = self.block_lengths();
        let row = lengths.iter().sum::<usize>().max(1);
        for (number, to) in output.data_mut().chunks_exact_mut(row).enumerate() {
            let mut offset = 0;
            for (input, &length) in inputs.iter().zip(&lengths) {
                let from = &input.data()[number * length..][..length];
                to[offset..offset + length].copy_from_slice(from);
                offset += length;
            }
        }
        Ok(output)
    }

    fn gradient(&self, _inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let lengths = self.block_lengths();
        let row = lengths.iter().sum::<usize>().max(1);
        let mut offset = 0;
        let part = |(shape, &length): (&Vec<usize>, &usize)| {
            let mut part = Tensor::unwritten(shape)?;
            let rows = relevance.data().chunks_exact(row);
            for (to, from) in part.data_mut().chunks_exact_mut(length.max(1)).zip(rows) {
                to.copy_from_slice(&from[offset..offset + length]);
            }
            offset += length;
            Ok(part)
        };
        self.input_shapes.iter().zip(&lengths).map(part).collect()
    }

    fn gradient_reads(&self) -> GradientReads {
        GradientReads::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_and_takes_apart_along_an_inner_axis() {
        let concat = Concat { axis: 1, input_shapes: vec![vec![2, 1], vec![2, 2]] };
        let a = Tensor::new(&[2, 1], &[1.0, 2.0]).unwrap();
        let b = Tensor::new(&[2, 2], &[3.0, 4.0, 5.0, 6.0]).unwrap();
        let joined = concat.forward(vec![a.clone(), b.clone()]).unwrap();
        assert_eq!(joined.shape(), &[2, 3]);
        assert_eq!(joined.data(), &[1.0, 3.0, 4.0, 2.0, 5.0, 6.0]);
        let parts = concat.gradient(&[], joined).unwrap();
        assert_eq!(parts[0].data(), a.data());
        assert_eq!(parts[1].data(), b.data());
    }
}
