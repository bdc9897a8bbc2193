//! The kernels of a program, built once, and the forward pass.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;

use super::gamma::GammaKernels;
use super::input_range::{InputRange, range_at, spread};
use super::program::{LinearStep, Program, Step};
use crate::linear::{Forward, LinearMap, Transposed, WeightPart};
use crate::network::{LayerId, Network};
use crate::rule::{Group, InputPart};
use crate::tensor::Tensor;

/// A program with its kernels.
pub(super) struct Engine {
    program: Program,
    /// `W x + b` of every linear layer.
    forward: Vec<Option<Forward>>,
    /// The divisions of every linear layer that has a rule.
    pub(super) divisions: Vec<Vec<Division>>,
    /// `Wᵀ` of every linear layer that passes the gradient.
    pub(super) gradients: Vec<Option<Arc<Transposed>>>,
    /// The kernels of every linear layer whose rule is gamma on both signs.
    pub(super) gammas: Vec<Option<GammaKernels>>,
    /// For each layer, the inputs that nobody reads after it.
    last_reads: Vec<Vec<LayerId>>,
}

/// The kernels of one layer.
#[derive(Default)]
struct LayerKernels {
    forward: Option<Forward>,
    divisions: Vec<Division>,
    gradient: Option<Arc<Transposed>>,
    gamma: Option<GammaKernels>,
}

/// A group of a rule, with kernels.
pub(super) struct Division {
    pub group: Group,
    /// Whether the denominator is the layer's output.
    pub divides_by_output: bool,
    /// The part of the denominator that is the same for every picture, bias included.
    pub constant: Option<Tensor>,
    /// The part of the bias that takes part.
    pub bias: Option<Tensor>,
    pub terms: Vec<TermKernels>,
}

/// The kernels of a term.
pub(super) struct TermKernels {
    pub input: InputPart,
    /// What is subtracted from the inputs: the lowest or highest values that they can have.
    pub offsets: Option<Vec<Tensor>>,
    /// Computes the term's part of the denominator; the first one adds the bias.
    pub forward: Option<Forward>,
    pub transposed: Arc<Transposed>,
}

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

    pub(super) fn value(&self, id: LayerId) -> Result<&Tensor> {
        self.values[id].as_ref().context("propagation reads a value that was not kept")
    }
}

impl Engine {
    pub fn new(program: Program, range: Option<&InputRange>) -> Result<Engine> {
        let count = program.network.layers.len();
        let mut engine = Engine {
            forward: Vec::with_capacity(count),
            divisions: Vec::with_capacity(count),
            gradients: Vec::with_capacity(count),
            gammas: Vec::with_capacity(count),
            last_reads: last_reads(&program.network),
            program,
        };
        let layers = (0..count).into_par_iter();
        let kernels: Vec<LayerKernels> = layers
            .map(|id| {
                let layer = &engine.program.network.layers[id];
                engine
                    .kernels(id, range)
                    .with_context(|| format!("compiling the {}", layer.describe()))
            })
            .collect::<Result<_>>()?;
        for kernels in kernels {
            engine.forward.push(kernels.forward);
            engine.divisions.push(kernels.divisions);
            engine.gradients.push(kernels.gradient);
            engine.gammas.push(kernels.gamma);
        }
        Ok(engine)
    }

    pub fn program(&self) -> &Program {
        &self.program
    }

    pub fn network(&self) -> &Network {
        &self.program.network
    }

    /// Keeps the value of a layer that propagation itself does not read.
    pub fn keep(&mut self, id: LayerId) {
        self.program.is_kept[id] = true;
    }

    fn kernels(&self, id: LayerId, range: Option<&InputRange>) -> Result<LayerKernels> {
        let mut kernels = LayerKernels::default();
        let Some(map) = self.program.network.layers[id].op.as_linear() else {
            return Ok(kernels);
        };
        kernels.forward = Some(map.forward(WeightPart::Plain, map.bias().cloned())?);
        match &self.program.steps[id] {
            Step::Linear(step) => kernels.divisions = self.divisions_of(id, step, map, range)?,
            Step::Gamma(step) => kernels.gamma = Some(GammaKernels::new(*step, map)?),
            Step::Gradient => {
                kernels.gradient = Some(Arc::new(map.transposed(WeightPart::Plain)?));
            }
            _ => {}
        }
        Ok(kernels)
    }

    fn divisions_of(
        &self,
        id: LayerId,
        step: &LinearStep,
        map: &dyn LinearMap,
        range: Option<&InputRange>,
    ) -> Result<Vec<Division>> {
        let mut shared = SharedTransposed { map, kernels: vec![] };
        let build = |group: &Group| {
            let divides_by_output = LinearStep::divides_by_output(group, map);
            let bias = match (group.bias, map.bias()) {
                (Some(part), Some(bias)) => Some(part.of_tensor(bias)?),
                _ => None,
            };
            let mut division = Division {
                group: group.clone(),
                divides_by_output,
                constant: None,
                bias: bias.clone(),
                terms: vec![],
            };
            let mut pending_bias = bias.filter(|_| !divides_by_output);
            for term in &group.terms {
                let offsets = self.offsets(id, term.input, step, range)?;
                let transposed = shared.get(term.weight)?;
                let forward = if term.input.is_constant() {
                    let inputs = self.ones(id)?;
                    let part = map.forward(term.weight, None)?(&inputs)?;
                    add(&mut division.constant, part)?;
                    None
                } else if divides_by_output {
                    None
                } else {
                    Some(map.forward(term.weight, pending_bias.take())?)
                };
                let kernels = TermKernels { input: term.input, offsets, forward, transposed };
                division.terms.push(kernels);
            }
            if let Some(bias) = pending_bias {
                let shape = &self.program.network.layers[id].shape;
                let mut constant = match division.constant.take() {
                    Some(constant) => constant,
                    None => Tensor::zeros(shape)?,
                };
                constant.combine_broadcast(&bias, |to, from| *to += from)?;
                division.constant = Some(constant);
            }
            Ok(division)
        };
        step.groups.iter().map(build).collect()
    }

    /// A layer's inputs with 1 in place of every value.
    fn ones(&self, id: LayerId) -> Result<Vec<Tensor>> {
        let layers = &self.program.network.layers;
        layers[id].inputs.iter().map(|&input| Tensor::filled(&layers[input].shape, 1.0)).collect()
    }

    /// The lowest or highest values of a layer's inputs, where a part of the input is relative to them.
    fn offsets(
        &self,
        id: LayerId,
        part: InputPart,
        step: &LinearStep,
        range: Option<&InputRange>,
    ) -> Result<Option<Vec<Tensor>>> {
        let network = &self.program.network;
        let offset = |&input: &LayerId| {
            let shape = &network.layers[input].shape;
            match (part, &step.range) {
                (InputPart::AboveLow, Some((low, _))) => spread(low, shape, 1),
                (_, Some((_, high))) => spread(high, shape, 1),
                (InputPart::AboveLow, None) => range_at(network, input, range).map(|[low, _]| low),
                (_, None) => range_at(network, input, range).map(|[_, high]| high),
            }
        };
        match part {
            InputPart::AboveLow | InputPart::BelowHigh => {
                network.layers[id].inputs.iter().map(offset).collect::<Result<_>>().map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Runs the network; values that propagation does not read are dropped after their last use.
    pub fn forward(&self, input: &Tensor) -> Result<Activations> {
        let network = &self.program.network;
        ensure!(
            input.shape() == network.input_shape(),
            "the input has the shape {:?}, but the network expects {:?}",
            input.shape(),
            network.input_shape()
        );
        let mut values: Vec<Option<Tensor>> = vec![None; network.layers.len()];
        for (id, layer) in network.layers.iter().enumerate() {
            let read = |&of: &LayerId| {
                let is_last = self.last_reads[id].contains(&of) && !self.program.is_kept[of];
                let occurs_once = layer.inputs.iter().filter(|&&input| input == of).count() == 1;
                let value =
                    if is_last && occurs_once { values[of].take() } else { values[of].clone() };
                value.context("a value was dropped too early")
            };
            let inputs: Vec<Tensor> = layer.inputs.iter().map(read).collect::<Result<_>>()?;
            let value = match &self.forward[id] {
                Some(kernel) => kernel(&inputs),
                None => layer.op.evaluate(input, inputs),
            };
            values[id] = Some(value.with_context(|| format!("running the {}", layer.describe()))?);
            for &done in &self.last_reads[id] {
                if !self.program.is_kept[done] {
                    values[done] = None;
                }
            }
        }
        Ok(Activations { values, output: network.output })
    }
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

/// The transposed kernels of one map: one per part of the weights, shared between groups.
struct SharedTransposed<'a> {
    map: &'a dyn LinearMap,
    kernels: Vec<(WeightPart, Arc<Transposed>)>,
}

impl SharedTransposed<'_> {
    fn get(&mut self, part: WeightPart) -> Result<Arc<Transposed>> {
        if let Some((_, kernel)) = self.kernels.iter().find(|(known, _)| *known == part) {
            return Ok(kernel.clone());
        }
        let kernel = Arc::new(self.map.transposed(part)?);
        self.kernels.push((part, kernel.clone()));
        Ok(kernel)
    }
}

/// `sum += part`, starting the sum where there is none.
pub(super) fn add(sum: &mut Option<Tensor>, part: Tensor) -> Result<()> {
    match sum {
        Some(sum) => sum.add_assign(&part),
        None => {
            *sum = Some(part);
            Ok(())
        }
    }
}
