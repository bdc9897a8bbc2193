//! A network on several inputs at once, layer by layer, so that a layer's values can be looked at, and changed, before
//! other layers read them.

use anyhow::{Context, Result};

use super::{LayerId, Network};
use crate::linear::WeightPart;
use crate::tensor::Tensor;

/// Computes tensors 0..count, on as many threads as it likes.
pub type ForAll<'a> =
    dyn Fn(usize, &(dyn Fn(usize) -> Result<Tensor> + Sync)) -> Result<Vec<Tensor>> + 'a;

impl Network {
    /// Runs the network on several inputs, each with a tensor for every input of the network. `see` is given the values of
    /// a layer for all of them, in their order, and may change them: what follows reads the changed ones.
    ///
    /// # Errors
    /// When there are other tensors than inputs, or that of `see`.
    pub fn evaluate_side_by_side(
        &self,
        inputs: &[Vec<Tensor>],
        for_all: &ForAll,
        mut see: impl FnMut(LayerId, &mut Vec<Tensor>) -> Result<()>,
    ) -> Result<()> {
        inputs.iter().try_for_each(|given| self.check_inputs(given))?;
        let consumers = self.consumers();
        let last_reader: Vec<LayerId> =
            consumers.iter().map(|readers| readers.iter().copied().max().unwrap_or(0)).collect();
        let mut values: Vec<Vec<Tensor>> = vec![vec![]; self.layers.len()];
        for (id, layer) in self.layers.iter().enumerate() {
            let mut of_layer = if id < self.input_count() {
                inputs.iter().map(|given| given[id].clone()).collect()
            } else {
                let map = layer.op.as_linear();
                let kernel = map.map(|map| map.forward(WeightPart::Plain, map.bias().cloned()));
                let kernel = kernel.transpose()?;
                let run = |number: usize| {
                    let inputs = layer.inputs.iter().map(|&id| values[id][number].clone());
                    let inputs: Vec<Tensor> = inputs.collect();
                    match &kernel {
                        Some(kernel) => kernel(&inputs),
                        None => layer.op.evaluate(inputs),
                    }
                };
                let running = || format!("running the {}", layer.describe());
                for_all(inputs.len(), &run).with_context(running)?
            };
            see(id, &mut of_layer)?;
            values[id] = of_layer;
            for &input in layer.inputs.iter().filter(|&&input| last_reader[input] == id) {
                values[input] = vec![];
            }
        }
        Ok(())
    }
}
