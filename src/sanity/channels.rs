//! How channels contribute to the logit above them, in the trained network and in a random one.
//!
//! Binder et al. 2023: random layers on top keep the scale of the activations below them. A channel that was very active
//! is multiplied by other weights, but stays among those that contribute most, so that a right explanation of the random
//! network is similar to that of the trained one.

use anyhow::{Context, Result, ensure};

use super::line::Channels;
use crate::explain::{End, Explainer, Initial, TargetClass, initial_relevance};
use crate::metric::{spearman, undefined};
use crate::network::{LayerId, Network};
use crate::onnx::WeightedLayer;
use crate::tensor::{Tensor, Tensors};

/// Fewer channels have no rank worth the name.
const FEWEST: usize = 10;

/// A network, compiled for gradients of the values that its weighted layers read.
pub(super) struct Gradients {
    engine: Explainer,
    /// For each weighted layer the value that it reads; `None` for the network's input, and where it is not found.
    values: Vec<Option<LayerId>>,
}

/// What the channels of a value give.
pub(super) struct Contributions {
    /// Σ|a| over the positions of each.
    activation: Vec<f64>,
    /// Σ|a·∂z/∂a|.
    contribution: Vec<f64>,
}

impl Gradients {
    /// Makes the values available that some of the layers read.
    pub fn new(mut engine: Explainer, layers: &[WeightedLayer], wanted: &[usize]) -> Gradients {
        let network = engine.network();
        let mut values = vec![None; layers.len()];
        for &layer in wanted {
            values[layer] = value_read(network, &layers[layer].name);
        }
        values.iter().flatten().for_each(|&value| engine.keep(value));
        Gradients { engine, values }
    }

    /// What the channels of the value give that a layer reads, to the logit of a class.
    ///
    /// # Errors
    /// Undefined where the layer reads the input; when the network cannot be run.
    pub fn contributions(
        &self,
        inputs: &Tensors,
        (index, layer): (usize, &WeightedLayer),
        class: usize,
    ) -> Result<Contributions> {
        let Some(value) = self.values[index] else {
            return undefined("the layer reads the input of the network");
        };
        let activations = self.engine.forward(inputs)?;
        let activation = self.engine.value(&activations, value)?;
        let logits = activations.logits()?.clone();
        let logit = logits.data().get(class).copied();
        let logit = logit.with_context(|| format!("the network has no class {class}"))?;
        let initial =
            initial_relevance(&logits, TargetClass { index: class, logit }, None, Initial::One)?;
        let propagated = self.engine.propagate_to(End::Layer(value), activations, initial)?;
        let gradient = propagated.relevance.first().context("there is no gradient")?;
        let axis = channel_axis(&layer.op_type, activation.shape().len());
        let mut product = activation.clone();
        product.combine([gradient], |value, [slope]| value * slope)?;
        Ok(Contributions {
            activation: sums_of_magnitudes(&activation, axis)?,
            contribution: sums_of_magnitudes(&product, axis)?,
        })
    }
}

/// The value that the weighted layer of a node reads.
fn value_read(network: &Network, node: &str) -> Option<LayerId> {
    let of_node = |id: &LayerId| network.layers[*id].name == node;
    let mut all = (0..network.layers.len()).filter(of_node);
    let weighted = all.clone().find(|&id| network.layers[id].kind().is_weighted());
    let layer = &network.layers[weighted.or_else(|| all.next())?];
    let value = *layer.inputs.first()?;
    (value >= network.input_count()).then_some(value)
}

/// Convolutions have their channels behind the batch axis, matrix products at the end.
fn channel_axis(op_type: &str, axes: usize) -> usize {
    match op_type {
        "Conv" | "ConvTranspose" => 1,
        _ => axes.saturating_sub(1),
    }
}

/// Σ|v| over everything but an axis.
fn sums_of_magnitudes(values: &Tensor, axis: usize) -> Result<Vec<f64>> {
    let shape = values.shape();
    ensure!(axis < shape.len(), "a value of the shape {shape:?} has no axis {axis}");
    let (length, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
    let mut sums = vec![0.0; length];
    for (index, value) in values.data().iter().enumerate() {
        sums[index / inner % length] += f64::from(value.abs());
    }
    Ok(sums)
}

/// Compares the contributions in a random network with those in the trained one.
///
/// # Errors
/// Undefined where there are few channels, or one of the lists is constant.
pub(super) fn compare(trained: &Contributions, random: &Contributions) -> Result<Channels> {
    let count = trained.activation.len();
    if count < FEWEST {
        return undefined(format!("the layer reads {count} channels, fewer than {FEWEST}"));
    }
    ensure!(count == random.activation.len(), "the random network has other channels");
    let tenth = (count as f64 / 10.0).round() as usize;
    let (active, contributing) =
        (largest(&trained.activation, tenth), largest(&random.contribution, tenth));
    let common = active.iter().filter(|channel| contributing.contains(channel)).count();
    Ok(Channels {
        count,
        rank: spearman(&trained.contribution, &random.contribution)?,
        activation_rank: spearman(&trained.activation, &random.contribution)?,
        active_tenth: common as f64 / tenth as f64,
    })
}

/// The places of the largest values; of equal ones the first.
fn largest(values: &[f64], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order.truncate(count);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_summed_over_positions() {
        let values: Vec<f32> = (0..12).map(|value| value as f32 - 6.0).collect();
        let tensor = Tensor::new(&[1, 2, 2, 3], &values).unwrap();
        assert_eq!(sums_of_magnitudes(&tensor, 1).unwrap(), [21.0, 15.0]);
        assert_eq!(sums_of_magnitudes(&tensor, 3).unwrap(), [12.0, 12.0, 12.0]);
        assert!(sums_of_magnitudes(&tensor, 4).is_err());
        assert_eq!((channel_axis("Conv", 4), channel_axis("MatMul", 3)), (1, 2));
    }

    #[test]
    fn the_most_active_tenth_by_hand() {
        let rising: Vec<f64> = (0..20).map(f64::from).collect();
        let contributions =
            |contribution: Vec<f64>| Contributions { activation: rising.clone(), contribution };
        let trained = contributions(rising.clone());
        let same = compare(&trained, &contributions(rising.clone())).unwrap();
        assert_eq!((same.rank, same.activation_rank, same.active_tenth), (1.0, 1.0, 1.0));
        // Of the two most active, one still contributes most.
        let mut moved = rising.clone();
        moved.swap(0, 19);
        let found = compare(&trained, &contributions(moved)).unwrap();
        assert_eq!(found.active_tenth, 0.5);
        assert!(found.rank < 0.6, "{}", found.rank);
        let few = Contributions { activation: vec![1.0; 3], contribution: vec![1.0; 3] };
        assert!(compare(&few, &few).is_err());
    }
}
