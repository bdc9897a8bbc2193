//! The parameters as they are stored in a file, for methods that put noise on them.
//!
//! Parameters become inputs of tract's graph, so that the graph is the same whatever their numbers
//! are: it is read and typed once, and lowered once where they play no part. To change the parameters is
//! to lower the rest with other numbers: what comes out is, to the last bit, what a file with these
//! numbers in it gives.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use tract_core::prelude::TypedModel;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto};

use super::load::{Source, reader};
use super::weighted_layers::{WeightedLayer, is_batch_normalization, moves_only, weighted_layers};
use super::weights::declared;
use super::{LoadOptions, batch_normalization};
use crate::linear::Weight;
use crate::network::{Lowered, Network};
use crate::tensor::Tensor;

/// A model file whose stored parameters can be changed.
pub struct ParametricModel {
    source: Source,
    /// tract's graph, whose inputs behind the network's own are the parameters.
    graph: TypedModel,
    /// What it becomes with the parameters as they are stored.
    unchanged: Lowered,
    parameters: Vec<Parameter>,
    layers: Vec<WeightedLayer>,
}

/// A stored tensor that the network was trained to have.
struct Parameter {
    /// Its name in the file.
    name: String,
    /// The name of its value in the repaired graph.
    value: String,
    values: Tensor,
}

impl ParametricModel {
    /// Reads a model file.
    ///
    /// # Errors
    /// When it cannot be read, or stores no parameters.
    pub fn read(path: &Path, options: &LoadOptions) -> Result<ParametricModel> {
        let read = || {
            let mut source = Source::read(path, options)?;
            let parameters = make_inputs(&mut source)?;
            let layers = layers_of(&source, &parameters)?;
            ensure!(
                !parameters.is_empty(),
                "the file stores no weights that noise could be put on"
            );
            let mut reader = reader();
            reader.op_register.insert("BatchNormalization", batch_normalization::build);
            let graph = source.typed(&reader)?;
            let unchanged = source.lowered(&graph, &tensors(&parameters, |_, _| {}), None)?;
            Ok(ParametricModel { source, graph, unchanged, parameters, layers })
        };
        read().with_context(|| format!("cannot read the parameters of {}", path.display()))
    }

    /// The layers with weights, in the order of the file's nodes, with the parameters that belong to each.
    pub fn layers(&self) -> &[WeightedLayer] {
        &self.layers
    }

    /// The parameters with their names in the file, as they are stored.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.parameters.iter().map(|parameter| (parameter.name.as_str(), &parameter.values))
    }

    /// The network with every stored parameter changed by `change(name, values)`.
    ///
    /// The parameters are weights, biases, and the scale and shift of BatchNormalization. Its mean
    /// and variance are statistics of the data, not parameters; lone numbers and what shapes are
    /// made of are left alone too.
    ///
    /// # Errors
    /// When the graph with these numbers cannot be lowered.
    pub fn network(&self, change: impl Fn(&str, &mut [f32])) -> Result<Network> {
        let changed = tensors(&self.parameters, change);
        self.source.network(self.source.lowered(&self.graph, &changed, Some(&self.unchanged))?)
    }
}

/// The name that a weight has in the file, where it was widened to another number type.
fn name_in_file(name: &str) -> &str {
    name.strip_suffix(".stored").unwrap_or(name)
}

/// The weighted layers of a file, with the names that its parameters have there.
fn layers_of(source: &Source, parameters: &[Parameter]) -> Result<Vec<WeightedLayer>> {
    let graph = source.proto.graph.as_ref().context("the model has no graph")?;
    let shapes: HashMap<&str, &[usize]> =
        parameters.iter().map(|it| (it.value.as_str(), it.values.shape())).collect();
    let mut layers = weighted_layers(graph, &shapes);
    for parameter in layers.iter_mut().flat_map(|layer| &mut layer.parameters) {
        parameter.name = name_in_file(&parameter.name).to_string();
    }
    Ok(layers)
}

/// The values of parameters, changed by `change(name, values)`.
fn tensors(parameters: &[Parameter], change: impl Fn(&str, &mut [f32])) -> Vec<Weight> {
    let changed = |parameter: &Parameter| {
        let mut values = parameter.values.clone();
        change(&parameter.name, values.data_mut());
        values.into()
    };
    parameters.iter().map(changed).collect()
}

/// Takes the parameters from the weights of the file, and declares them as inputs behind the network's own.
fn make_inputs(source: &mut Source) -> Result<Vec<Parameter>> {
    let graph = source.proto.graph.as_mut().context("the model has no graph")?;
    let lone: HashSet<&str> = (source.weights.read.iter())
        .filter(|(_, values)| values.len() == 1)
        .map(|(name, _)| name.as_str())
        .collect();
    let names: HashSet<String> =
        names_of_parameters(graph, &lone).into_iter().map(str::to_string).collect();
    // An input that is held fixed is none.
    let fixed = &source.inputs.fixed;
    let names: HashSet<String> = names.into_iter().filter(|name| !fixed.contains(name)).collect();
    let (taken, kept): (BTreeMap<_, _>, _) = std::mem::take(&mut source.weights.read)
        .into_iter()
        .partition(|(name, _)| names.contains(name));
    source.weights.read = kept;
    graph.input.retain(|input| !taken.contains_key(&input.name));
    let mut parameters = vec![];
    for (name, values) in taken {
        graph.input.push(declared(&name, DataType::Float as i32, Some(values.shape())));
        let values = Tensor::from_shared_tract(values)?;
        parameters.push(Parameter { name: name_in_file(&name).to_string(), value: name, values });
    }
    Ok(parameters)
}

/// The values that reach an operator as its parameter, directly or through what only moves numbers; `lone` are
/// the names of lone numbers.
fn names_of_parameters<'a>(graph: &'a GraphProto, lone: &HashSet<&str>) -> HashSet<&'a str> {
    let mut names: HashSet<&str> = HashSet::new();
    for node in graph.node.iter().rev() {
        let is_forwarded = moves_only(node)
            && node.output.first().is_some_and(|output| names.contains(output.as_str()));
        for (slot, input) in node.input.iter().enumerate() {
            let is_parameter = match combines(node) {
                true => !lone.contains(input.as_str()),
                false => takes_parameter(node, slot),
            };
            if is_parameter || (is_forwarded && slot == 0) {
                names.insert(input);
            }
        }
    }
    names
}

fn takes_parameter(node: &NodeProto, slot: usize) -> bool {
    match node.op_type.as_str() {
        "Conv" | "ConvTranspose" | "Gemm" => slot > 0,
        "MatMul" => true,
        // Slots 3 and 4 are the mean and variance of the training data.
        _ if is_batch_normalization(node) => matches!(slot, 1 | 2),
        "LayerNormalization" | "GroupNormalization" | "InstanceNormalization" | "PRelu" => slot > 0,
        _ => false,
    }
}

fn combines(node: &NodeProto) -> bool {
    matches!(node.op_type.as_str(), "Add" | "Sub" | "Mul" | "Div" | "Concat")
}
