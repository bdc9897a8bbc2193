//! Which values of the forward pass propagation reads, and until when.

use super::program::{LinearStep, Program, Step};
use crate::linear::LinearMap;
use crate::network::{LayerId, Network, Op};
use crate::operator::GradientReads;
use crate::rule::Group;

/// Whether propagation reads the value of each layer.
pub(super) fn kept_values(network: &Network, steps: &[Step]) -> Vec<bool> {
    let mut is_kept = vec![false; steps.len()];
    is_kept[network.output] = true;
    for id in 0..steps.len() {
        read_values(network, steps, id).into_iter().for_each(|read| is_kept[read] = true);
    }
    is_kept
}

impl Program {
    /// Whether the step of a layer reads what its operator notes of the inputs.
    pub(super) fn reads_note(&self, id: LayerId) -> bool {
        gradient_reads(&self.network, &self.steps, id) == Some(GradientReads::Note)
    }

    /// For each layer, the values that no step reads after its own; propagation goes from the last layer to the first.
    pub(super) fn last_steps(&self) -> Vec<Vec<LayerId>> {
        let mut is_read = vec![false; self.steps.len()];
        let last_read_at = |id: LayerId| {
            let mut values = read_values(&self.network, &self.steps, id);
            values.retain(|&value| !std::mem::replace(&mut is_read[value], true));
            values
        };
        (0..self.steps.len()).map(last_read_at).collect()
    }
}

/// What the gradient of a layer's operator reads, where the layer's step takes it.
fn gradient_reads(network: &Network, steps: &[Step], id: LayerId) -> Option<GradientReads> {
    let is_gradient = matches!(steps[id], Step::Gradient | Step::GuidedBackprop);
    let operator = network.layers[id].op.as_operator().filter(|_| is_gradient)?;
    Some(operator.gradient_reads())
}

/// The values that the step of a layer reads.
fn read_values(network: &Network, steps: &[Step], id: LayerId) -> Vec<LayerId> {
    let layer = &network.layers[id];
    let mut others = None;
    let (inputs, output) = match (&steps[id], layer.op.as_linear()) {
        (Step::Linear(linear), Some(map)) => {
            (linear.reads_inputs(), linear.reads_output(&layer.op, map))
        }
        (Step::Gamma(step), ..) => {
            others = Some(step.output);
            (true, false)
        }
        (Step::Expansion(_), ..) => (true, true),
        (Step::Residual(_), ..) => (true, false),
        _ => {
            let reads = gradient_reads(network, steps, id);
            (reads == Some(GradientReads::Inputs), reads == Some(GradientReads::Output))
        }
    };
    let inputs = if inputs { &layer.inputs[..] } else { &[] };
    inputs.iter().copied().chain(output.then_some(id)).chain(others).collect()
}

impl LinearStep {
    fn reads_inputs(&self) -> bool {
        self.groups.iter().flat_map(|group| &group.terms).any(|term| !term.input.is_constant())
    }

    fn reads_output(&self, op: &Op, map: &dyn LinearMap) -> bool {
        let reads = |group: &Group| {
            let is_gated = group.gate.is_some();
            let divides =
                Self::divides_by_output(group, map) || self.contributions(group, op).is_some();
            is_gated || divides
        };
        self.groups.iter().any(reads)
    }
}
