//! The forward pass: computes values in the order of the layers and drops those that nothing reads any more.

use anyhow::{Context, Result};
use onnxplain_kernels::nchwc::Epilogue;
use onnxplain_kernels::nchwc::epilogue::{self, Elementwise};
use onnxplain_kernels::simd::SumPair;

use crate::explain::plan::{ForwardKernel, Plan};
use crate::network::{LayerId, Op};
use crate::tensor::Tensor;

/// What a forward pass leaves for propagation.
#[derive(Clone, Debug)]
pub struct Activations {
    pub(super) values: Vec<Option<Tensor>>,
    output: LayerId,
}

impl Activations {
    /// The logits, in the output's shape.
    ///
    /// # Errors
    /// Never after a forward pass that succeeded.
    pub fn logits(&self) -> Result<&Tensor> {
        self.value(self.output)
    }

    fn value(&self, id: LayerId) -> Result<&Tensor> {
        self.values[id].as_ref().context("propagation reads a value that was not kept")
    }

    /// Where the values of layers lie in memory, as far as they are kept.
    #[cfg(test)]
    pub fn address(&self, id: LayerId) -> Option<*const f32> {
        self.values[id].as_ref().map(|value| value.data().as_ptr())
    }
}

/// The kept value of a layer, in blocks or row by row.
///
/// # Errors
/// When it was not kept.
pub(in crate::explain) fn value(
    plan: &Plan,
    activations: &Activations,
    id: LayerId,
    in_blocks: bool,
) -> Result<Tensor> {
    plan.convert(id, activations.value(id)?.clone(), in_blocks)
}

/// Runs the network; values that propagation does not read are dropped after their last use.
///
/// # Errors
/// When there are other tensors than inputs, or they have other shapes.
pub(in crate::explain) fn forward(plan: &Plan, inputs: &[Tensor]) -> Result<Activations> {
    let network = plan.network();
    network.check_inputs(inputs)?;
    let mut values: Vec<Option<Tensor>> = inputs.iter().cloned().map(Some).collect();
    values.resize(network.layers.len(), None);
    for (id, layer) in network.layers.iter().enumerate() {
        // An activation may have been computed with its signal.
        if values[id].is_none() {
            let (computed, value) = evaluate(plan, id, &mut values)
                .with_context(|| format!("running the {}", layer.describe()))?;
            values[computed] = Some(value);
        }
        for &done in &plan.liveness.last_reads[id] {
            if !plan.liveness.is_kept[done] {
                values[done] = None;
            }
        }
    }
    Ok(Activations { values, output: network.output })
}

/// The value of a layer, or of the activation behind it.
fn evaluate(plan: &Plan, id: LayerId, values: &mut [Option<Tensor>]) -> Result<(LayerId, Tensor)> {
    let is_kept = &plan.liveness.is_kept;
    let layer = &plan.network().layers[id];
    let in_blocks = match &plan.forward[id] {
        ForwardKernel::Blocks(kernel, _) => !kernel.reads_rows,
        _ => plan.is_in_blocks(id),
    };
    let read = |&of: &LayerId| {
        let is_last = plan.liveness.last_reads[id].contains(&of) && !is_kept[of];
        let occurs_once = layer.inputs.iter().filter(|&&input| input == of).count() == 1;
        let value = if is_last && occurs_once { values[of].take() } else { values[of].clone() };
        plan.convert(of, value.context("a value was dropped too early")?, in_blocks)
    };
    let inputs: Vec<Tensor> = layer.inputs.iter().map(read).collect::<Result<_>>()?;
    let activation = plan.activations[id].as_ref().filter(|_| !is_kept[id]);
    let (computed, function) = match activation {
        Some((activation, function)) => (*activation, Some(function as &dyn Elementwise)),
        None => (id, None),
    };
    let value = match (&plan.forward[id], plan.op(id), function) {
        (ForwardKernel::Blocks(kernel, bias), ..) => {
            kernel.forward(&inputs[0], bias.as_ref(), function)
        }
        (ForwardKernel::Tensors(kernel), ..) => kernel(&inputs),
        (ForwardKernel::Operator, Op::Concat(concat), Some(function)) => {
            let epilogue = epilogue::Forward { function: Some(function), ..Default::default() };
            concat.join(&inputs, |block, from, to| {
                epilogue.apply(block, block * to.len(), from, to, &mut SumPair::default());
            })
        }
        (ForwardKernel::Operator, op, _) => op.evaluate(inputs),
    };
    Ok((computed, value?))
}
