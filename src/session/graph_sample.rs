//! Inputs on which a graph is compared with the engine: as the graph takes them, and as the network does.

use anyhow::{Context as _, Result as Checked, ensure};

use super::explainer::Explainer;
use crate::emit::{InputContent, Picture, Spec};
use crate::error::{Kind, Result};
use crate::network::Network;
use crate::onnx::Numbers;
use crate::random::Stream;
use crate::tensor::{Tensor, Tensors};

/// One input for both.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// What the network reads.
    pub network: Tensors,
    /// What the graph is given, one for each of its inputs.
    pub given: Vec<Given>,
}

/// What an input of the graph is given for one picture.
#[derive(Clone, Debug)]
pub(super) enum Given {
    Floats(Tensor),
    /// In the shape of the graph's input, without the axis of the batch.
    Bytes(Vec<usize>, Vec<u8>),
}

/// Random numbers lie here where no range of the input is known.
const UNKNOWN_RANGE: [f32; 2] = [-2.0, 2.0];

impl Sample {
    /// Random numbers within the range of every input.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn random(explainer: &Explainer, spec: &Spec, seed: u64) -> Result<Sample> {
        let network = explainer.engine().network();
        let random = || {
            let inputs = spec.inputs.iter().zip(network.inputs()).enumerate();
            let drawn = inputs.map(|(place, (input, layer))| {
                let stream = Stream::new(seed, &[place as u64]);
                let count: usize = layer.shape.iter().product();
                match &input.content {
                    InputContent::Floats => {
                        let range = explainer.range_of(place);
                        let numbers = (0..count).map(|at| {
                            let [low, high] = range(at, &layer.shape);
                            low + (high - low) * stream.uniform(at as u64)
                        });
                        let tensor = Tensor::new(&layer.shape, &numbers.collect::<Vec<_>>())?;
                        Ok((tensor.clone(), Given::Floats(tensor)))
                    }
                    InputContent::Bytes | InputContent::Picture(_) => {
                        let bytes = (0..count).map(|at| stream.below(at as u64, 256) as u8);
                        of_bytes(&input.content, &layer.shape, bytes.collect())
                    }
                }
            });
            let (network, given): (Vec<Tensor>, Vec<Given>) =
                drawn.collect::<Checked<Vec<_>>>()?.into_iter().unzip();
            Ok(Sample { network: network.into(), given })
        };
        random().kind(crate::Error::Computation)
    }

    /// An input that was prepared for the network.
    ///
    /// # Errors
    /// When it is not made of bytes, and the graph takes those.
    pub fn of(network: &Network, spec: &Spec, tensors: Tensors) -> Result<Sample> {
        let given = || {
            let inputs = spec.inputs.iter().zip(network.inputs()).zip(tensors.iter());
            let given = inputs.map(|((input, layer), tensor)| match &input.content {
                InputContent::Floats => Ok((tensor.clone(), Given::Floats(tensor.clone()))),
                InputContent::Bytes => {
                    let bytes = tensor.data().iter().map(|&number| number.round() as u8).collect();
                    of_bytes(&input.content, &layer.shape, bytes)
                }
                InputContent::Picture(picture) => {
                    let bytes = bytes_of(picture, &layer.shape, tensor)?;
                    of_bytes(&input.content, &layer.shape, bytes)
                }
            });
            let (network, given): (Vec<Tensor>, Vec<Given>) =
                given.collect::<Checked<Vec<_>>>()?.into_iter().unzip();
            Ok(Sample { network: network.into(), given })
        };
        given().kind(crate::Error::Input)
    }
}

/// Several pictures as one input of the graph.
///
/// # Errors
/// When they have different shapes.
pub(super) fn batch(samples: &[Sample], input: usize) -> Checked<Numbers> {
    let parts: Vec<&Given> = samples.iter().filter_map(|sample| sample.given.get(input)).collect();
    let count = parts.len();
    match parts.first().context("there is no input")? {
        Given::Floats(first) => {
            let mut shape = first.shape().to_vec();
            match shape.first_mut() {
                Some(axis) if *axis == 1 => *axis = count,
                _ => shape.insert(0, count),
            }
            let numbers = parts.iter().flat_map(|part| match part {
                Given::Floats(tensor) => tensor.data().to_vec(),
                Given::Bytes(..) => vec![],
            });
            Ok(Numbers::Floats(Tensor::new(&shape, &numbers.collect::<Vec<_>>())?))
        }
        Given::Bytes(shape, _) => {
            let bytes = parts.iter().flat_map(|part| match part {
                Given::Bytes(_, bytes) => bytes.clone(),
                Given::Floats(_) => vec![],
            });
            let shape = std::iter::once(count).chain(shape.iter().copied()).collect();
            Ok(Numbers::Bytes(shape, bytes.collect()))
        }
    }
}

/// Bytes in the order of the graph's input, and what the network makes of them.
fn of_bytes(content: &InputContent, shape: &[usize], bytes: Vec<u8>) -> Checked<(Tensor, Given)> {
    let InputContent::Picture(picture) = content else {
        let numbers: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte)).collect();
        let axes = if shape.first() == Some(&1) { &shape[1..] } else { shape };
        return Ok((Tensor::new(shape, &numbers)?, Given::Bytes(axes.to_vec(), bytes)));
    };
    let order = Order::of(picture, shape)?;
    let mut numbers = vec![0.0; bytes.len()];
    for (at, &byte) in bytes.iter().enumerate() {
        let (place, channel) = order.of_network(at);
        numbers[place] = f32::from(byte) * picture.factors[channel] + picture.summands[channel];
    }
    Ok((Tensor::new(shape, &numbers)?, Given::Bytes(order.axes(), bytes)))
}

/// The bytes that a network's input was made of.
fn bytes_of(picture: &Picture, shape: &[usize], tensor: &Tensor) -> Checked<Vec<u8>> {
    let order = Order::of(picture, shape)?;
    let byte = |at: usize| {
        let (place, channel) = order.of_network(at);
        let number = tensor.data()[place] - picture.summands[channel];
        let byte = number / picture.factors[channel];
        ensure!(
            (-0.5..255.5).contains(&byte),
            "the input is not made of bytes, which the graph takes: {byte}"
        );
        Ok(byte.round() as u8)
    };
    (0..tensor.len()).map(byte).collect()
}

/// Relevance of a picture, as the graph puts it out, in the order of the network.
///
/// # Errors
/// When the network takes no pictures.
pub(super) fn as_in_network(
    content: &InputContent,
    shape: &[usize],
    numbers: &[f32],
) -> Checked<Vec<f32>> {
    let InputContent::Picture(picture) = content else { return Ok(numbers.to_vec()) };
    let order = Order::of(picture, shape)?;
    let mut arranged = vec![0.0; numbers.len()];
    for (at, &number) in numbers.iter().enumerate() {
        arranged[order.of_network(at).0] = number;
    }
    Ok(arranged)
}

/// Where the bytes of a picture are in the network's input.
struct Order {
    height: usize,
    width: usize,
    channels: usize,
    is_reversed: bool,
    has_channels_first: bool,
}

impl Order {
    fn of(picture: &Picture, shape: &[usize]) -> Checked<Order> {
        let (is_reversed, has_channels_first) = (picture.is_reversed, picture.has_channels_first);
        match (has_channels_first, shape) {
            (true, &[1, channels, height, width]) | (false, &[1, height, width, channels]) => {
                Ok(Order { height, width, channels, is_reversed, has_channels_first })
            }
            _ => anyhow::bail!("the network's input {shape:?} is no picture"),
        }
    }

    fn axes(&self) -> Vec<usize> {
        vec![self.height, self.width, self.channels]
    }

    /// The place in the network's input, and the channel there.
    fn of_network(&self, at: usize) -> (usize, usize) {
        let (pixel, channel) = (at / self.channels, at % self.channels);
        let channel = if self.is_reversed { self.channels - 1 - channel } else { channel };
        match self.has_channels_first {
            true => (channel * self.height * self.width + pixel, channel),
            false => (pixel * self.channels + channel, channel),
        }
    }
}

impl Explainer {
    /// The lowest and highest value of every element of an input.
    fn range_of(&self, place: usize) -> impl Fn(usize, &[usize]) -> [f32; 2] + use<> {
        let range = self.context.inputs.get(place).and_then(|input| input.range.clone());
        move |at, shape| {
            let Some(range) = &range else { return UNKNOWN_RANGE };
            let inner: usize =
                shape.get(range.channel_axis + 1..).unwrap_or_default().iter().product();
            let channels = shape.get(range.channel_axis).copied().unwrap_or(1);
            let channel = at / inner.max(1) % channels.max(1);
            let end = |ends: &[f32]| ends.get(channel).or(ends.first()).copied();
            match (end(&range.low), end(&range.high)) {
                (Some(low), Some(high)) => [low, high],
                _ => UNKNOWN_RANGE,
            }
        }
    }
}
