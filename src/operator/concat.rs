//! Concatenation along an axis.

use anyhow::{Result, ensure};
use onnxplain_kernels::elementwise;

use super::{GradientReads, Operator};
use crate::parallel::{for_each_chunk, map_chunks};
use crate::tensor::{CHUNK, Tensor};

/// ONNX `Concat`.
#[derive(Clone, Debug)]
pub struct Concat {
    /// The axis along which the inputs follow each other.
    pub axis: usize,
    /// The inputs' shapes.
    pub input_shapes: Vec<Vec<usize>>,
}

impl Concat {
    /// The inputs one after the other: `write` is told the number of each position of the axis, and makes
    /// what stands there of what is read.
    ///
    /// # Errors
    /// When an input has another size.
    pub(crate) fn join(
        &self,
        inputs: &[Tensor],
        write: impl Fn(usize, &[f32], &mut [f32]) + Send + Sync,
    ) -> Result<Tensor> {
        let counts: Vec<usize> = self.input_shapes.iter().map(|shape| shape[self.axis]).collect();
        let mut shape = self.input_shapes[0].clone();
        shape[self.axis] = counts.iter().sum();
        let fits = |(input, shape): (&Tensor, &Vec<usize>)| input.shape() == shape.as_slice();
        let all_fit = inputs.iter().zip(&self.input_shapes).all(fits);
        ensure!(inputs.len() == counts.len() && all_fit, "a concat met inputs of another size");
        let len = shape[self.axis + 1..].iter().product();
        let mut output = Tensor::unwritten(&shape)?;
        for_each_chunk(output.data_mut(), len, |index, to| {
            let (row, position) = (index / shape[self.axis], index % shape[self.axis]);
            let mut at = position;
            for (input, &count) in inputs.iter().zip(&counts) {
                if at < count {
                    let from = &input.data()[(row * count + at) * len..][..len];
                    return write(position, from, to);
                }
                at -= count;
            }
        });
        Ok(output)
    }

    /// Adds to the relevance of every input, or writes it, what the inputs get of the output's. The sums
    /// are those of all relevance that an input has then, and of its absolute values.
    ///
    /// # Errors
    /// When the relevance, or what is added to, has another size.
    pub(crate) fn add_gradient(
        &self,
        relevance: &Tensor,
        before: Vec<Option<Tensor>>,
    ) -> Result<Vec<(Tensor, [f64; 2])>> {
        let lengths = self.block_lengths();
        let row = lengths.iter().sum::<usize>().max(1);
        let mut offset = 0;
        let mut parts = Vec::with_capacity(lengths.len());
        for ((shape, &length), before) in self.input_shapes.iter().zip(&lengths).zip(before) {
            let adds = before.is_some();
            let mut part = match before {
                Some(before) => before,
                None => Tensor::unwritten(shape)?,
            };
            let rows = part.len() / length.max(1);
            let fits = part.shape() == shape && rows * row == relevance.len();
            ensure!(fits, "a concat met relevance of another size");
            // A chunk lies in one row of the inputs.
            let chunk_len = if rows == 1 { CHUNK.min(length) } else { length };
            let sums = map_chunks(part.data_mut(), chunk_len, |index, chunk| {
                let at = index * chunk_len;
                let from = at / length * row + offset + at % length;
                let from = &relevance.data()[from..][..chunk.len()];
                match adds {
                    true => elementwise::each_with(chunk, from, |to, from| *to += from),
                    false => chunk.copy_from_slice(from),
                }
                elementwise::sums(chunk)
            });
            parts.push((part, elementwise::total(&sums)));
            offset += length;
        }
        Ok(parts)
    }

    /// For each input: elements that lie together in memory, from the axis inwards.
    fn block_lengths(&self) -> Vec<usize> {
        self.input_shapes.iter().map(|shape| shape[self.axis..].iter().product()).collect()
    }
}

impl Operator for Concat {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        self.join(&inputs, |_, from, to| to.copy_from_slice(from))
    }

    fn gradient(&self, _inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let before = self.input_shapes.iter().map(|_| None).collect();
        let parts = self.add_gradient(&relevance, before)?;
        Ok(parts.into_iter().map(|(part, _)| part).collect())
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
        let add = |position: usize, from: &[f32], to: &mut [f32]| {
            to[0] = from[0] + 10.0 * position as f32
        };
        let shifted = concat.join(&[a.clone(), b.clone()], add).unwrap();
        assert_eq!(shifted.data(), &[1.0, 13.0, 24.0, 2.0, 15.0, 26.0]);
        let parts = concat.gradient(&[], joined).unwrap();
        assert_eq!(parts[0].data(), a.data());
        assert_eq!(parts[1].data(), b.data());
        let relevance = Tensor::new(&[2, 3], &[1.0, -2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let parts = concat.add_gradient(&relevance, vec![None, Some(b)]).unwrap();
        assert_eq!(parts[0].0.data(), &[1.0, 4.0]);
        assert_eq!(parts[1].0.data(), &[1.0, 7.0, 10.0, 12.0]);
        assert_eq!([parts[0].1, parts[1].1], [[5.0, 5.0], [30.0, 30.0]]);
        assert!(concat.add_gradient(&a, vec![None, None]).is_err());
    }
}
