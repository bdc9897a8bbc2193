//! The network that the rest of the crate works on: a list of layers in topological order.
//!
//! [`lower`](fn@lower) makes it from tract's typed graph, [`canonize`](crate::canonize) rewrites it,
//! [`composite`](crate::composite) matches on its kinds, [`explain`](crate::explain) compiles it.

mod cells;
mod family;
mod input_scaling;
mod interval;
mod kind;
mod lower;
mod normalization;
mod output;
mod output_function;
mod probe;
mod recognise;
mod shortened;
mod side_by_side;
mod signs;
mod unknown;
mod wiring;

use anyhow::{Context, Result, bail, ensure};

pub use family::Family;
pub use interval::Interval;
pub(crate) use interval::{Followed, follow};
pub use kind::{Kind, Op};
pub use lower::{Gated, Interpolation, Lowered, Origins, ROUND_STRAIGHT_THROUGH, lower};
pub(crate) use normalization::{Scope, join_normalizations};
pub use output_function::{OutputFunction, Quantity};
pub use side_by_side::ForAll;
pub use signs::SignBounds;
pub use unknown::Unknown;
pub(crate) use unknown::{UnknownOp, refuse};
pub(crate) use wiring::Wiring;

use crate::linear::{Forward, WeightPart};
use crate::suggest::nearest;
use crate::tensor::Tensor;

/// The index of a layer in [`Network::layers`]; it also stands for the value that the layer produces.
pub type LayerId = usize;

/// One layer: an operator, and where its inputs come from. It produces one value.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The name of the ONNX node it comes from.
    pub name: String,
    /// The operator type of that node, as ONNX spells it.
    pub op_type: String,
    /// What it computes.
    pub op: Op,
    /// The layers whose values are its inputs.
    pub inputs: Vec<LayerId>,
    /// Shape of the value it produces, the batch axis (of length one) included.
    pub shape: Vec<usize>,
    /// Why no relevance rule is known for it; `None` if there is a rule.
    pub unknown: Option<Unknown>,
}

impl Layer {
    /// The kind, which composites match on.
    pub fn kind(&self) -> Kind {
        self.op.kind()
    }

    /// The layer as an error message names it: `Conv node "features.0"`.
    pub fn describe(&self) -> String {
        format!("{} node \"{}\"", self.op_type, self.name)
    }
}

/// A directed acyclic graph of layers with one output, and with one input or several.
#[derive(Clone, Debug)]
pub struct Network {
    /// The layers; each reads only from earlier ones. The first ones are the inputs.
    pub layers: Vec<Layer>,
    /// The layer whose value is explained: the logits.
    pub output: LayerId,
    /// The function after the logits, which is not explained; or what the output is if it is not a logit.
    pub output_function: Option<OutputFunction>,
}

impl Network {
    /// Shape of the first input, mostly the only one, the batch axis included.
    pub fn input_shape(&self) -> &[usize] {
        &self.layers[0].shape
    }

    /// The number of inputs: so many layers at the beginning.
    pub fn input_count(&self) -> usize {
        self.layers.iter().take_while(|layer| matches!(layer.op, Op::Input)).count()
    }

    /// The layers that are inputs.
    pub fn inputs(&self) -> &[Layer] {
        &self.layers[..self.input_count()]
    }

    /// What the explained output means.
    pub fn explained(&self) -> Quantity {
        self.output_function.as_ref().map_or(Quantity::Logit, OutputFunction::explained)
    }

    /// Number of classes: elements of the output.
    pub fn class_count(&self) -> usize {
        self.layers[self.output].shape.iter().product()
    }

    /// The layer of an ONNX node. If several were made from it, the last one, whose value is that of the node.
    ///
    /// # Errors
    /// When there is none; canonization may have merged it into another.
    pub fn layer_named(&self, name: &str) -> Result<LayerId> {
        if let Some(id) = self.layers.iter().rposition(|layer| layer.name == name) {
            return Ok(id);
        }
        let names = self.layers.iter().map(|layer| layer.name.as_str());
        match nearest(name, names) {
            Some(similar) => {
                bail!("the network has no layer \"{name}\"; did you mean \"{similar}\"?")
            }
            None => bail!(
                "the network has no layer \"{name}\", or canonization merged it into another; \
                 `onnxplain inspect` lists the layers, with --no-canonize those of the file"
            ),
        }
    }

    /// The kind of each layer, by what it computes and not by how it was written: a pointwise convolution of a single
    /// position in the head is a dense layer.
    pub fn kinds(&self) -> Vec<Kind> {
        let positions = |id: LayerId| self.layers[id].shape.iter().skip(2).product::<usize>();
        let mut is_head = vec![true; self.layers.len()];
        for (id, layer) in self.layers.iter().enumerate().rev() {
            let is_single = is_head[id] && positions(id) <= 1;
            layer.inputs.iter().for_each(|&input| is_head[input] &= is_single);
        }
        let kind = |(id, layer): (LayerId, &Layer)| match &layer.op {
            Op::Convolution(convolution)
                if is_head[id] && convolution.is_pointwise() && positions(id) == 1 =>
            {
                Kind::Dense
            }
            op => op.kind(),
        };
        self.layers.iter().enumerate().map(kind).collect()
    }

    /// For each layer, the layers that read its value; a layer that reads it twice is listed twice.
    pub fn consumers(&self) -> Vec<Vec<LayerId>> {
        let mut consumers = vec![vec![]; self.layers.len()];
        for (id, layer) in self.layers.iter().enumerate() {
            for &input in &layer.inputs {
                consumers[input].push(id);
            }
        }
        consumers
    }

    /// Drops layers that nothing reads and renumbers the rest. The inputs stay.
    pub fn prune(&mut self) {
        let mut is_used = vec![false; self.layers.len()];
        is_used[..self.input_count()].fill(true);
        is_used[self.output] = true;
        for id in (0..self.layers.len()).rev() {
            if is_used[id] {
                self.layers[id].inputs.iter().for_each(|&input| is_used[input] = true);
            }
        }
        let mut place = vec![0; self.layers.len()];
        let mut count = 0;
        for (id, &used) in is_used.iter().enumerate() {
            place[id] = count;
            count += usize::from(used);
        }
        let mut used = is_used.iter();
        self.layers.retain(|_| used.next().copied().unwrap_or(false));
        for layer in &mut self.layers {
            layer.inputs.iter_mut().for_each(|input| *input = place[*input]);
        }
        self.output = place[self.output];
    }

    /// The first layers with weights on every path from the input.
    pub fn first_layers(&self) -> Vec<LayerId> {
        let depends = self.depends_on_input();
        let mut is_behind = vec![false; self.layers.len()];
        let mut first = vec![];
        for (id, layer) in self.layers.iter().enumerate() {
            let behind = layer.inputs.iter().any(|&input| is_behind[input]);
            let is_weighted = layer.kind().is_weighted();
            if is_weighted && !behind && depends[id] {
                first.push(id);
            }
            is_behind[id] = behind || is_weighted;
        }
        first
    }

    /// The last layers with weights on every path to the output.
    pub fn last_layers(&self) -> Vec<LayerId> {
        let consumers = self.consumers();
        let mut is_before = vec![false; self.layers.len()];
        let mut last = vec![];
        for (id, layer) in self.layers.iter().enumerate().rev() {
            let before = consumers[id].iter().any(|&consumer| is_before[consumer]);
            if layer.kind().is_weighted() && !before {
                last.push(id);
            }
            is_before[id] = before || layer.kind().is_weighted();
        }
        last.reverse();
        last
    }

    /// For each layer, whether its value depends on the inputs.
    pub fn depends_on_input(&self) -> Vec<bool> {
        let mut depends: Vec<bool> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let depends_on = |&input: &LayerId| depends[input];
            depends.push(matches!(layer.op, Op::Input) || layer.inputs.iter().any(depends_on));
        }
        depends
    }

    /// Runs the network layer by layer, on a tensor for each of its inputs. This is for checks; it is not fast.
    ///
    /// # Errors
    /// When there are other tensors than inputs, or they have other shapes.
    pub fn evaluate(&self, inputs: &(impl AsRef<[Tensor]> + ?Sized)) -> Result<Tensor> {
        self.evaluator()?(inputs.as_ref())
    }

    /// Runs the network layer by layer, any number of times.
    ///
    /// # Errors
    /// When a kernel cannot be built.
    pub fn evaluator(&self) -> Result<impl Fn(&[Tensor]) -> Result<Tensor>> {
        let kernel = |layer: &Layer| {
            let map = layer.op.as_linear();
            map.map(|map| map.forward(WeightPart::Plain, map.bias().cloned())).transpose()
        };
        let kernels: Vec<Option<Forward>> =
            self.layers.iter().map(kernel).collect::<Result<_>>()?;
        Ok(move |given: &[Tensor]| {
            self.check_inputs(given)?;
            let mut values = given.to_vec();
            for (layer, kernel) in self.layers.iter().zip(&kernels).skip(given.len()) {
                let inputs: Vec<Tensor> =
                    layer.inputs.iter().map(|&id| values[id].clone()).collect();
                let value = match kernel {
                    Some(kernel) => kernel(&inputs),
                    None => layer.op.evaluate(inputs),
                };
                values.push(value.with_context(|| format!("running the {}", layer.describe()))?);
            }
            Ok(values.swap_remove(self.output))
        })
    }

    /// Checks that there is a tensor for each input, of its shape.
    ///
    /// # Errors
    /// Names the shapes that were expected.
    pub fn check_inputs(&self, given: &[Tensor]) -> Result<()> {
        let inputs = self.inputs();
        ensure!(
            given.len() == inputs.len(),
            "the network has {} inputs, but {} tensors are given",
            inputs.len(),
            given.len()
        );
        for (tensor, input) in given.iter().zip(inputs) {
            ensure!(
                tensor.shape() == input.shape,
                "the input has the shape {:?}, but the network expects {:?}",
                tensor.shape(),
                input.shape
            );
        }
        Ok(())
    }

    /// Makes the value of a layer, by the name of its ONNX node, the output, and drops what lies behind it.
    ///
    /// # Errors
    /// When there is no such layer, or its value does not depend on the input.
    pub fn end_at(&mut self, name: &str) -> Result<()> {
        let id = self.layer_named(name)?;
        let layer = &self.layers[id];
        ensure!(
            !matches!(layer.op, Op::Input) && self.depends_on_input()[id],
            "the value of the {} does not come of the input: name a layer behind it",
            layer.describe()
        );
        self.output = id;
        self.output_function = None;
        self.prune();
        Ok(())
    }

    /// The number of stored parameters.
    pub fn parameter_count(&self) -> usize {
        self.layers.iter().map(|layer| layer.op.parameter_count()).sum()
    }
}
