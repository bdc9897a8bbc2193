//! What is maximised: an output of the network, the difference of two, or the mean of a channel of any layer.

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use crate::network::Layer;
use crate::session::Target;
use crate::tensor::Tensor;

/// What is asked for: a picture for each target or channel.
#[derive(Clone, Debug)]
pub enum Goals {
    /// Outputs of the network.
    Classes {
        /// Classes, as indices or labels.
        targets: Vec<Target>,
        /// The class whose output is taken away.
        against: Option<Target>,
    },
    /// The mean activation of channels of a layer.
    Channels {
        /// The layer, as `onnxplain inspect` lists it.
        layer: String,
        /// Channels, counted from 0.
        channels: Vec<usize>,
    },
}

impl Goals {
    /// How many pictures of one seed there are.
    pub fn count(&self) -> usize {
        match self {
            Goals::Classes { targets, .. } => targets.len(),
            Goals::Channels { channels, .. } => channels.len(),
        }
    }

    /// The layer that is looked at; `None`: the output.
    pub(super) fn layer(&self) -> Option<&str> {
        match self {
            Goals::Classes { .. } => None,
            Goals::Channels { layer, .. } => Some(layer),
        }
    }
}

/// What one picture maximises.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Objective {
    /// The output of a class, less that of another one where there is one.
    Class {
        /// The class.
        class: ClassName,
        /// The class whose output is taken away.
        #[serde(skip_serializing_if = "Option::is_none")]
        against: Option<ClassName>,
    },
    /// The mean activation of a channel.
    Channel {
        /// The name of the layer's node.
        layer: String,
        /// The channel, counted from 0.
        channel: usize,
    },
}

/// A class and what it is called.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassName {
    /// Its place in the output.
    pub index: usize,
    /// Its name, where it is known.
    pub label: Option<String>,
}

impl ClassName {
    /// The class as people read it.
    pub fn describe(&self) -> String {
        match &self.label {
            Some(label) => format!("{} ({label})", self.index),
            None => format!("class {}", self.index),
        }
    }
}

impl Objective {
    /// The objective as people read it.
    pub fn describe(&self) -> String {
        match self {
            Objective::Class { class, against: None } => class.describe(),
            Objective::Class { class, against: Some(other) } => {
                format!("{} against {}", class.describe(), other.describe())
            }
            Objective::Channel { layer, channel } => format!("channel {channel} of {layer}"),
        }
    }

    /// The value of the objective, of the output that it looks at, and its gradient there.
    ///
    /// # Errors
    /// When the output has no such class or channel.
    pub(super) fn value_and_gradient(&self, output: &Tensor) -> Result<(f64, Tensor)> {
        let mut gradient = Tensor::zeros(output.shape())?;
        let mut value = 0.0;
        let mut add = |place: usize, weight: f32| {
            let number = output.data().get(place);
            let number = number.with_context(|| format!("the network has no class {place}"))?;
            value += f64::from(weight) * f64::from(*number);
            gradient.data_mut()[place] += weight;
            Ok::<(), anyhow::Error>(())
        };
        match self {
            Objective::Class { class, against } => {
                add(class.index, 1.0)?;
                against.iter().try_for_each(|other| add(other.index, -1.0))?;
            }
            Objective::Channel { channel, .. } => {
                let channels = Channels::of(output.shape())?;
                let places = channels.places(*channel);
                let weight = 1.0 / places.len() as f32;
                places.into_iter().try_for_each(|place| add(place, weight))?;
            }
        }
        Ok((value, gradient))
    }
}

/// Where the channels of a value lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Channels {
    pub count: usize,
    /// Numbers between one channel and the next, and all numbers.
    inner: usize,
    all: usize,
}

impl Channels {
    /// Those of a value of this shape, the batch axis included: behind the batch axis of maps [1, C, ...] and of vectors
    /// [1, C]; last in sequences [1, tokens, C].
    ///
    /// # Errors
    /// When it has none.
    pub fn of(shape: &[usize]) -> Result<Channels> {
        let axis = match shape.len() {
            0 | 1 => bail!("a value of the shape {shape:?} has no channels"),
            3 => 2,
            _ => 1,
        };
        let (count, all) = (shape[axis], shape.iter().product());
        ensure!(count > 0 && all > 0, "a value of the shape {shape:?} has no channels");
        Ok(Channels { count, inner: shape[axis + 1..].iter().product(), all })
    }

    /// Those of a layer, of which `channel` is asked for.
    ///
    /// # Errors
    /// When it has no channels, or no such one.
    pub fn checked(layer: &Layer, channel: usize) -> Result<Channels> {
        let channels = Channels::of(&layer.shape)
            .with_context(|| format!("the {} cannot be maximised", layer.describe()))?;
        ensure!(
            channel < channels.count,
            "there is no channel {channel}: the {} has {} channels, 0 to {}",
            layer.describe(),
            channels.count,
            channels.count - 1
        );
        Ok(channels)
    }

    fn places(self, channel: usize) -> Vec<usize> {
        (0..self.all).filter(|place| place / self.inner % self.count == channel).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(index: usize) -> ClassName {
        ClassName { index, label: None }
    }

    #[test]
    fn values_and_gradients_by_hand() {
        let logits = Tensor::new(&[1, 3], &[0.5, 3.0, 2.0]).unwrap();
        let one = Objective::Class { class: class(1), against: None };
        let (value, gradient) = one.value_and_gradient(&logits).unwrap();
        assert_eq!((value, gradient.data()), (3.0, &[0.0, 1.0, 0.0][..]));
        let two = Objective::Class { class: class(1), against: Some(class(0)) };
        let (value, gradient) = two.value_and_gradient(&logits).unwrap();
        assert_eq!((value, gradient.data()), (2.5, &[-1.0, 1.0, 0.0][..]));
        let maps = Tensor::new(&[1, 2, 1, 2], &[1.0, 2.0, 5.0, 8.0]).unwrap();
        let channel = Objective::Channel { layer: "conv".to_string(), channel: 1 };
        let (value, gradient) = channel.value_and_gradient(&maps).unwrap();
        assert_eq!((value, gradient.data()), (6.5, &[0.0, 0.0, 0.5, 0.5][..]));
        let tokens = maps.reshaped(&[1, 2, 2]).unwrap();
        let (value, gradient) = channel.value_and_gradient(&tokens).unwrap();
        assert_eq!((value, gradient.data()), (5.0, &[0.0, 0.5, 0.0, 0.5][..]));
        let missing = Objective::Class { class: class(3), against: None };
        assert!(missing.value_and_gradient(&logits).is_err());
    }

    #[test]
    fn what_has_no_channels_is_told() {
        assert!(Channels::of(&[7]).is_err() && Channels::of(&[1, 0, 3]).is_err());
        assert_eq!(Channels::of(&[1, 4, 7, 7]).unwrap().count, 4);
        assert_eq!(Channels::of(&[1, 50, 64]).unwrap().count, 64);
        assert_eq!(Channels::of(&[1, 10]).unwrap().count, 10);
    }

    #[test]
    fn objectives_are_named() {
        let pug = ClassName { index: 254, label: Some("pug".to_string()) };
        let objective = Objective::Class { class: pug, against: Some(class(3)) };
        assert_eq!(objective.describe(), "254 (pug) against class 3");
        let channel = Objective::Channel { layer: "/4/Conv".to_string(), channel: 7 };
        assert_eq!(channel.describe(), "channel 7 of /4/Conv");
        let text = serde_json::to_string(&channel).unwrap();
        assert_eq!(text, r#"{"kind":"channel","layer":"/4/Conv","channel":7}"#);
    }
}
