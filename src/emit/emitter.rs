//! The walk through the program: values from the first layer on, relevance from the last one back.

use anyhow::{Context, Result, ensure};

use super::file::GraphFile;
use super::graph::Graph;
use super::inputs;
use super::linear::{Bias, LinearMap, Part};
use super::operator;
use super::outputs;
use super::spec::Spec;
use super::step::{StepLayer, over_cells, propagated};
use super::target::initial_relevance;
use super::value::{Value, axes_of};
use crate::explain::{Program, RelevanceSupport};
use crate::linear::Signs;
use crate::network::{Layer, LayerId, Op};
use crate::tensor::Tensor;

/// Writes a program as a graph.
///
/// # Errors
/// When a layer cannot be written: it is named, with the reason.
pub fn emit(program: &Program, spec: &Spec) -> Result<GraphFile> {
    let network = &program.network;
    ensure!(
        spec.inputs.len() == network.input_count(),
        "the network has {} inputs, but the graph {}",
        network.input_count(),
        spec.inputs.len()
    );
    let mut graph = Graph::new(spec.dialect);
    inputs::reserve(&mut graph, spec)?;
    let given = inputs::read(&mut graph, spec, network.inputs());
    let mut emitter = Emitter::new(program, graph);
    emitter.run_forward(given)?;
    let logits = emitter.value(network.output)?;
    let classes = network.class_count();
    emitter.graph.begin_relevance();
    emitter.graph.enter("target");
    let logits = emitter.graph.reshaped(&logits, &[classes]);
    let initial = initial_relevance(&mut emitter.graph, spec, &logits);
    let arrived = emitter.propagate(&initial, spec)?;
    outputs::write(
        emitter.graph,
        spec,
        network,
        outputs::Ends { logits, initial, arrived, values: emitter.values },
    )
}

struct Emitter<'a> {
    program: &'a Program,
    graph: Graph,
    /// The value of every layer.
    values: Vec<Option<Value>>,
    depends: Vec<bool>,
    consumers: Vec<Vec<LayerId>>,
    has_infinities: bool,
}

impl<'a> Emitter<'a> {
    fn new(program: &'a Program, graph: Graph) -> Emitter<'a> {
        let network = &program.network;
        Emitter {
            graph,
            values: vec![None; network.layers.len()],
            depends: network.depends_on_input(),
            consumers: network.consumers(),
            has_infinities: network.layers.iter().any(holds_infinity),
            program,
        }
    }

    fn layer(&self, id: LayerId) -> &'a Layer {
        &self.program.network.layers[id]
    }

    fn value(&self, id: LayerId) -> Result<Value> {
        self.values[id].clone().context("a value was not computed")
    }

    /// Writes the value of every layer. Those that do not change with the input are computed here.
    fn run_forward(&mut self, given: Vec<Value>) -> Result<()> {
        let count = given.len();
        for (id, value) in given.into_iter().enumerate() {
            self.values[id] = Some(value);
        }
        let mut constants: Vec<Option<Tensor>> = vec![None; self.values.len()];
        for id in count..self.values.len() {
            let layer = self.layer(id);
            self.graph.enter(&layer.name);
            let value = match self.depends[id] {
                true => self.forward(id),
                false => self.constant(id, &mut constants),
            };
            let value = value.with_context(|| format!("writing the {}", layer.describe()))?;
            self.values[id] = Some(value);
        }
        Ok(())
    }

    fn constant(&mut self, id: LayerId, constants: &mut [Option<Tensor>]) -> Result<Value> {
        let layer = self.layer(id);
        let inputs = layer.inputs.iter().map(|&input| constants[input].clone());
        let inputs = inputs.collect::<Option<Vec<_>>>().context("a constant was not computed")?;
        let value = layer.op.evaluate(inputs)?;
        let name = self.graph.constant(&value);
        constants[id] = Some(value);
        Ok(name)
    }

    fn forward(&mut self, id: LayerId) -> Result<Value> {
        let layer = self.layer(id);
        let inputs = self.inputs(layer)?;
        match layer.op.as_linear() {
            Some(map) => {
                let bias = Bias::of_layer(map.bias())?;
                let axes = input_axes(&inputs);
                let output = axes_of(&layer.shape);
                let map = LinearMap { op: &layer.op, inputs: &axes, output: &output };
                map.forward(&mut self.graph, &inputs, Part::PLAIN, &bias)
            }
            None => operator::forward(&mut self.graph, layer, &inputs),
        }
    }

    fn inputs(&self, layer: &Layer) -> Result<Vec<Value>> {
        layer.inputs.iter().map(|&input| self.value(input)).collect()
    }

    /// Carries relevance back to where it ends; a value for each of those layers.
    fn propagate(&mut self, initial: &Value, spec: &Spec) -> Result<Vec<Value>> {
        let network = &self.program.network;
        let ends = spec.end.layers(network);
        let mut relevance: Vec<Option<Value>> = vec![None; network.layers.len()];
        let output = axes_of(&network.layers[network.output].shape);
        relevance[network.output] = Some(self.graph.reshaped(initial, &output));
        for id in (ends.end..network.layers.len()).rev() {
            let Some(arrived) = relevance[id].take() else { continue };
            let layer = self.layer(id);
            self.graph.enter(&format!("relevance/{}", layer.name));
            let parts = self
                .step(id, &arrived)
                .with_context(|| format!("writing the relevance of the {}", layer.describe()))?;
            for (&input, part) in layer.inputs.iter().zip(parts) {
                let Some(part) = part.filter(|_| self.is_followed(input)) else { continue };
                relevance[input] = Some(match relevance[input].take() {
                    Some(before) => self.graph.add(&before, &part),
                    None => part,
                });
            }
        }
        let mut arrived = vec![];
        for id in ends {
            arrived.push(match relevance[id].take() {
                Some(part) => part,
                None => {
                    let value = self.value(id)?;
                    self.graph.zeros_like(&value)
                }
            });
        }
        Ok(arrived)
    }

    /// Whether relevance is followed further from a layer: the input, or one with a step.
    fn is_followed(&self, id: LayerId) -> bool {
        matches!(self.layer(id).op, Op::Input) || !self.program.steps[id].is_end()
    }

    fn step(&mut self, id: LayerId, arrived: &Value) -> Result<Vec<Option<Value>>> {
        let layer = self.layer(id);
        let inputs = self.inputs(layer)?;
        let output_id = self.output_id(id);
        let output = self.value(output_id)?;
        let layer = StepLayer {
            layer,
            input_axes: &input_axes(&inputs),
            inputs: &inputs,
            output: &output,
            output_is_nonnegative: self.program.signs.is_nonnegative(output_id),
            output_axes: &axes_of(&layer.shape),
            support: self.program.support[id],
            input_signs: self.input_signs(layer),
            has_infinities: self.has_infinities,
        };
        let handed = propagated(&mut self.graph, &self.program.steps[id], layer, arrived)?;
        match (&self.program.cells[id], &handed[..]) {
            (Some(cells), [Some(part)]) => {
                Ok(vec![Some(over_cells(&mut self.graph, layer, cells, part)?)])
            }
            _ => Ok(handed),
        }
    }

    /// The layer in whose value a step reads the output: a ReLU that is the only reader, where relevance arrives at
    /// positive elements only, which are the same behind it. A stabilizer that is measured on all elements needs the
    /// negative ones too.
    fn output_id(&self, id: LayerId) -> LayerId {
        let is_positive = self.program.support[id] == RelevanceSupport::POSITIVE;
        let reads_positive = is_positive && !self.program.steps[id].measures_all_denominators();
        match self.consumers[id][..] {
            [reader] if reads_positive && is_relu(&self.layer(reader).op) => reader,
            _ => id,
        }
    }

    fn input_signs(&self, layer: &Layer) -> Signs {
        let signs = layer.inputs.iter().map(|&input| self.program.signs.signs(input));
        signs.fold(Signs { positive: false, negative: false }, |union, signs| Signs {
            positive: union.positive || signs.positive,
            negative: union.negative || signs.negative,
        })
    }
}

fn input_axes(inputs: &[Value]) -> Vec<Vec<usize>> {
    inputs.iter().map(|input| input.axes.clone()).collect()
}

fn is_relu(op: &Op) -> bool {
    let Op::Activation(activation) = op else { return false };
    let function = &activation.function;
    function.clip_bounds() == Some((0.0, f32::INFINITY)) && !function.has_parameters()
}

/// Whether a constant of a layer is infinite: then values behind it can be.
fn holds_infinity(layer: &Layer) -> bool {
    let is_infinite = |tensor: &Tensor| tensor.data().iter().any(|number| number.is_infinite());
    match &layer.op {
        Op::Constant(value) => is_infinite(value),
        Op::Routing(routing) => routing.constant.is_infinite(),
        Op::Affine(affine) => {
            affine.shift.as_ref().is_some_and(is_infinite)
                || affine.scale.as_ref().is_some_and(is_infinite)
        }
        op => op.as_linear().and_then(|map| map.bias()).is_some_and(is_infinite),
    }
}
