//! Operators that only move elements: reshape, transpose, slice, gather, pad, broadcast, split, tile.
//!
//! In all of them each output element is a copy of an input element, or a constant. Which one is found once, by running
//! the operator on the numbers 0, 1, 2, ...

use anyhow::{Result, ensure};

use super::activation::single;
use super::{GradientReads, Operator};
use crate::tensor::Tensor;

/// Copies input elements to output elements.
#[derive(Clone, Debug)]
pub struct Routing {
    /// The name of the ONNX operator.
    pub name: String,
    /// Shape of the input.
    pub input_shape: Vec<usize>,
    /// Shape of the output.
    pub output_shape: Vec<usize>,
    /// For each output element, the index of the input element that it copies, or [`Routing::CONSTANT`]. `None` if the
    /// order of the elements stays the same (a reshape).
    pub sources: Option<Vec<u32>>,
    /// The value of output elements that are not copies (padding).
    pub constant: f32,
}

impl Routing {
    /// The source of an output element that is not a copy.
    pub const CONSTANT: u32 = u32::MAX;

    /// A reshape: the order of the elements stays the same.
    pub fn reshape(name: &str, input_shape: &[usize], output_shape: &[usize]) -> Routing {
        Routing {
            name: name.to_string(),
            input_shape: input_shape.to_vec(),
            output_shape: output_shape.to_vec(),
            sources: None,
            constant: 0.0,
        }
    }

    /// A permutation of axes: the input axis `order[i]` becomes output axis `i`.
    pub fn transpose(name: &str, input_shape: &[usize], order: &[usize]) -> Routing {
        let output_shape: Vec<usize> = order.iter().map(|&axis| input_shape[axis]).collect();
        let stride = |axis: usize| input_shape[axis + 1..].iter().product::<usize>();
        let sources = order.iter().fold(vec![0u32], |sources, &axis| {
            let step = |&source: &u32| {
                (0..input_shape[axis]).map(move |at| source + (at * stride(axis)) as u32)
            };
            sources.iter().flat_map(step).collect()
        });
        Routing::from_sources(name, input_shape, &output_shape, sources)
    }

    /// A routing with this table of sources; if the table is 0, 1, 2, ..., it is a reshape.
    pub fn from_sources(
        name: &str,
        input_shape: &[usize],
        output_shape: &[usize],
        sources: Vec<u32>,
    ) -> Routing {
        let input_len: usize = input_shape.iter().product();
        let is_natural = sources.len() == input_len
            && sources.iter().enumerate().all(|(at, &source)| source as usize == at);
        let sources = (!is_natural).then_some(sources);
        Routing { sources, ..Routing::reshape(name, input_shape, output_shape) }
    }

    /// Whether the output is the input, in the same shape.
    pub fn is_identity(&self) -> bool {
        self.sources.is_none() && self.input_shape == self.output_shape
    }

    /// Whether some output elements are not copies.
    pub fn pads(&self) -> bool {
        self.sources.as_ref().is_some_and(|sources| sources.contains(&Routing::CONSTANT))
    }
}

impl Operator for Routing {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        let input = single(inputs)?;
        ensure!(
            input.shape() == self.input_shape,
            "{} expects a tensor of shape {:?} but got {:?}",
            self.name,
            self.input_shape,
            input.shape()
        );
        let Some(sources) = &self.sources else {
            return input.reshaped(&self.output_shape);
        };
        let mut output = Tensor::zeros(&self.output_shape)?;
        let from = input.data();
        for (to, &source) in output.data_mut().iter_mut().zip(sources) {
            *to = from.get(source as usize).copied().unwrap_or(self.constant);
        }
        Ok(output)
    }

    fn gradient(&self, _inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let Some(sources) = &self.sources else {
            return Ok(vec![relevance.reshaped(&self.input_shape)?]);
        };
        let mut input = Tensor::zeros(&self.input_shape)?;
        let to = input.data_mut();
        for (from, &source) in relevance.data().iter().zip(sources) {
            if let Some(to) = to.get_mut(source as usize) {
                *to += from;
            }
        }
        Ok(vec![input])
    }

    fn gradient_reads(&self) -> GradientReads {
        GradientReads::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposes_back_and_forth() {
        let routing = Routing::transpose("Transpose", &[2, 3], &[1, 0]);
        let input = Tensor::new(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let output = routing.forward(vec![input.clone()]).unwrap();
        assert_eq!(output.shape(), &[3, 2]);
        assert_eq!(output.data(), &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(routing.gradient(&[], output).unwrap()[0].data(), input.data());
    }

    #[test]
    fn relevance_of_copies_adds_up_and_padding_gets_lost() {
        let sources = vec![0, Routing::CONSTANT, 0];
        let mut routing = Routing::from_sources("Pad", &[2], &[3], sources);
        routing.constant = 7.0;
        let output = routing.forward(vec![Tensor::new(&[2], &[1.0, 2.0]).unwrap()]).unwrap();
        assert_eq!(output.data(), &[1.0, 7.0, 1.0]);
        let back = routing.gradient(&[], Tensor::new(&[3], &[1.0, 10.0, 100.0]).unwrap()).unwrap();
        assert_eq!(back[0].data(), &[101.0, 0.0]);
    }

    #[test]
    fn a_transpose_over_axes_of_length_one_is_a_reshape() {
        let routing = Routing::transpose("Transpose", &[1, 4, 1], &[2, 1, 0]);
        assert!(routing.sources.is_none());
        assert!(routing.is_identity());
    }
}
