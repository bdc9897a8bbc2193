//! Liveness: which values of the forward pass propagation reads, and until when each is needed.

use std::collections::HashMap;

use crate::explain::compile::Program;
use crate::explain::rules::{residual_sum, uses_split};
use crate::explain::step::{Denominator, Division, LinearStep, Step};
use crate::network::{LayerId, Network, Op};
use crate::operator::GradientReads;

/// Which values are kept in memory, and until when.
pub(in crate::explain) struct Liveness {
    /// Whether the value of a layer is kept after the forward pass.
    pub is_kept: Vec<bool>,
    /// For each layer, the values that the forward pass reads there for the last time.
    pub last_reads: Vec<Vec<LayerId>>,
    /// For each layer, the values that no step reads after its own: propagation goes from the last layer to the first.
    pub last_steps: Vec<Vec<LayerId>>,
}

impl Liveness {
    /// What the steps of a program read, `output_ids` being where the output of a layer is read.
    pub fn of(program: &Program, output_ids: &[LayerId]) -> Liveness {
        let count = program.steps.len();
        let mut is_kept = vec![false; count];
        let mut last_steps = Vec::with_capacity(count);
        for (id, &output_id) in output_ids.iter().enumerate() {
            let mut values = values_read(program, id, output_id);
            values.retain(|&value| !std::mem::replace(&mut is_kept[value], true));
            last_steps.push(values);
        }
        is_kept[program.network.output] = true;
        Liveness { is_kept, last_reads: last_reads(&program.network), last_steps }
    }
}

/// For each layer, the layer in whose value its step reads the output: itself, or a ReLU that is its only reader, where
/// relevance arrives at positive outputs only, which are the same behind it, so that only one of both is kept.
pub(super) fn output_ids(program: &Program) -> Vec<LayerId> {
    let consumers = program.network.consumers();
    let relu_behind = |id: LayerId| match consumers[id][..] {
        [reader] => is_relu(&program.network.layers[reader].op).then_some(reader),
        _ => None,
    };
    let output_id = |id: LayerId| match &program.steps[id] {
        Step::Split(step) if !step.has_negative_outputs => relu_behind(id).unwrap_or(id),
        _ => id,
    };
    (0..program.steps.len()).map(output_id).collect()
}

fn is_relu(op: &Op) -> bool {
    let Op::Activation(activation) = op else { return false };
    let function = &activation.function;
    function.clip_bounds() == Some((0.0, f32::INFINITY)) && !function.has_parameters()
}

/// The values that the step of a layer reads.
fn values_read(program: &Program, id: LayerId, output_id: LayerId) -> Vec<LayerId> {
    let layer = &program.network.layers[id];
    let (inputs, output) = match &program.steps[id] {
        Step::Linear(step) if residual_sum(&layer.op, step).is_some() => (true, false),
        Step::Linear(step) => (reads_inputs(step), reads_output(&layer.op, step)),
        Step::Split(_) | Step::Taylor(_) => (true, true),
        Step::Gradient | Step::GuidedBackprop => {
            let reads = layer.op.as_operator().map(|operator| operator.gradient_reads());
            (reads == Some(GradientReads::Inputs), reads == Some(GradientReads::Output))
        }
        Step::End | Step::Pass | Step::Share | Step::Deconvnet => (false, false),
    };
    let inputs = if inputs || program.cells[id].is_some() { &layer.inputs[..] } else { &[] };
    inputs.iter().copied().chain(output.then_some(output_id)).collect()
}

fn reads_inputs(step: &LinearStep) -> bool {
    step.groups().flat_map(|group| &group.terms).any(|term| !term.input.is_constant())
}

fn reads_output(op: &Op, step: &LinearStep) -> bool {
    let reads = |division: &Division| {
        division.group.gate.is_some()
            || division.denominator == Denominator::Output
            || uses_split(op, step, division)
    };
    step.divisions.iter().any(reads)
}

/// For each layer, the inputs of which it is the last reader.
fn last_reads(network: &Network) -> Vec<Vec<LayerId>> {
    let mut last_reader: HashMap<LayerId, LayerId> = HashMap::new();
    for (id, layer) in network.layers.iter().enumerate() {
        layer.inputs.iter().for_each(|&input| {
            last_reader.insert(input, id);
        });
    }
    let mut reads = vec![vec![]; network.layers.len()];
    for (input, reader) in last_reader {
        reads[reader].push(input);
    }
    reads
}
