//! Concatenation along an axis.

use anyhow::{Result, ensure};
use onnxplain_kernels::{Output, elementwise};

use super::{GradientReads, Operator};
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
    /// The inputs one after the other. `write` gets the index of each position of the axis and the numbers of the input
    /// there, and writes as many.
    ///
    /// # Errors
    /// When an input has another size.
    pub(crate) fn join(
        &self,
        inputs: &[Tensor],
        write: impl Fn(usize, &[f32], Output<'_>) + Send + Sync,
    ) -> Result<Tensor> {
        let counts: Vec<usize> = self.input_shapes.iter().map(|shape| shape[self.axis]).collect();
        let mut shape = self.input_shapes[0].clone();
        shape[self.axis] = counts.iter().sum();
        let fits = |(input, shape): (&Tensor, &Vec<usize>)| input.shape() == shape.as_slice();
        let all_fit = inputs.iter().zip(&self.input_shapes).all(fits);
        ensure!(inputs.len() == counts.len() && all_fit, "a concat got inputs of another size");
        let len = shape[self.axis + 1..].iter().product();
        Tensor::written_by(&shape, |output| {
            output.for_each_chunk(len, 1, |index, to| {
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
        })
    }

    /// Gives every input its part of the output's relevance: added to `before`, if there is any. Returns for each input
    /// its relevance, the sum of it, and the sum of its absolute values.
    ///
    /// # Errors
    /// When the relevance or `before` has another size.
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
            let rows = shape.iter().product::<usize>() / length.max(1);
            let fits = before.as_ref().is_none_or(|before| before.shape() == shape);
            ensure!(
                fits && rows * row == relevance.len(),
                "a concat got relevance of another size"
            );
            // A chunk is within one row of the input.
            let chunk_len = if rows == 1 { CHUNK.min(length) } else { length };
            let write = |index: usize, chunk: Output<'_>| {
                let at = index * chunk_len;
                let from = at / length * row + offset + at % length;
                let from = &relevance.data()[from..][..chunk.len()];
                elementwise::sums(match chunk.held() {
                    Ok(held) => {
                        elementwise::each_with(held, from, |to, from| *to += from);
                        held
                    }
                    Err(fresh) => fresh.copy(from),
                })
            };
            let write = |part: Output<'_>| part.map_chunks(chunk_len, 1, write);
            let (part, sums) = match before {
                Some(mut before) => {
                    let sums = write(before.data_mut().into());
                    (before, sums)
                }
                None => Tensor::written(shape, |part| Ok(write(part)))?,
            };
            parts.push((part, elementwise::total(&sums)));
            offset += length;
        }
        Ok(parts)
    }

    /// For each input, its contiguous elements: those of the axis and of all axes behind it.
    fn block_lengths(&self) -> Vec<usize> {
        self.input_shapes.iter().map(|shape| shape[self.axis..].iter().product()).collect()
    }
}

impl Operator for Concat {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        self.join(&inputs, |_, from, to| {
            to.copy(from);
        })
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
        let add = |position: usize, from: &[f32], to: Output<'_>| {
            to.fill(from[0] + 10.0 * position as f32);
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
