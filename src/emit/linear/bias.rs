//! What is added to the sums of a linear map: a part of the layer's bias, and a number that keeps them from zero.

use crate::emit::graph::Graph;
use crate::emit::value::Value;
use crate::linear::{WeightPart, part_of_tensor};
use crate::tensor::Tensor;

use super::Part;

/// A part of a bias, and a number.
#[derive(Clone, Debug, Default)]
pub(in crate::emit) struct Bias {
    /// In a shape that broadcasts to the output that the network says.
    part: Option<Tensor>,
    /// Added to every output.
    shift: f32,
}

impl Bias {
    pub const NONE: Bias = Bias { part: None, shift: 0.0 };

    /// A part of the layer's bias, and a number.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn new(part: Option<(Part, &Tensor)>, shift: f32) -> anyhow::Result<Bias> {
        let part = match part {
            Some((part, bias)) if part == Part::PLAIN => Some(bias.clone()),
            Some((Part { part, factor }, bias)) => {
                let part = part_of_tensor(part, bias)?;
                Some(if factor == 1.0 { part } else { part.map(|number| factor * number)? })
            }
            None => None,
        };
        Ok(Bias { part, shift })
    }

    /// The layer's bias as it is.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn of_layer(bias: Option<&Tensor>) -> anyhow::Result<Bias> {
        Bias::new(bias.map(|bias| (WeightPart::Plain.into(), bias)), 0.0)
    }

    /// One number for each of so many channels, which are on the given axis of the output: a bias that a convolution or
    /// a dense layer takes. `None` if there is nothing to add.
    pub(super) fn per_channel(
        &self,
        channels: usize,
        is_channel_axis: impl Fn(&[usize]) -> bool,
    ) -> PerChannel {
        match &self.part {
            None if self.shift == 0.0 => PerChannel::Nothing,
            None => PerChannel::Numbers(vec![self.shift; channels]),
            Some(bias) if bias.len() == channels && is_channel_axis(bias.shape()) => {
                PerChannel::Numbers(bias.data().iter().map(|bias| bias + self.shift).collect())
            }
            Some(bias) if bias.len() == 1 => {
                PerChannel::Numbers(vec![bias.data()[0] + self.shift; channels])
            }
            Some(_) => PerChannel::Map,
        }
    }

    /// The sums with the bias.
    pub fn added(&self, graph: &mut Graph, sums: Value) -> Value {
        let sums = match &self.part {
            Some(bias) => graph.with_constant("Add", &sums, bias),
            None => sums,
        };
        graph.shifted(&sums, self.shift)
    }
}

/// How a bias can be added.
pub(super) enum PerChannel {
    Nothing,
    Numbers(Vec<f32>),
    /// It is no number per channel: [`Bias::added`] adds it.
    Map,
}
