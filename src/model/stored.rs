//! The parameters as they are stored in a file, for methods that put noise on them.
//!
//! Reading the file and checking it is done once. A perturbed copy goes through tract's typing
//! and lowering anew, because parameters are combined there (BatchNormalization becomes a scale
//! and a shift): what comes out is what a file with these numbers in it would give.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use tract_onnx::pb::{GraphProto, NodeProto};

use super::LoadOptions;
use super::load::Source;
use crate::network::Network;
use crate::tensor::Tensor;

/// A model file whose stored parameters can be changed.
pub struct StoredModel {
    source: Source,
    /// The names of the stored tensors that the network was trained to have; their values are float32.
    parameters: Vec<String>,
}

impl StoredModel {
    /// Reads a model file.
    ///
    /// # Errors
    /// When it cannot be read, or stores no parameters.
    pub fn read(path: &Path, options: &LoadOptions) -> Result<StoredModel> {
        let read = || {
            let mut source = Source::read(path, options)?;
            let parameters = parameters(&mut source)?;
            ensure!(
                !parameters.is_empty(),
                "the file stores no weights that noise could be put on"
            );
            Ok(StoredModel { source, parameters })
        };
        read().with_context(|| format!("cannot read the parameters of {}", path.display()))
    }

    /// The network with every stored parameter changed by `change(name, values)`.
    ///
    /// The parameters are weights, biases, and the scale and shift of BatchNormalization. Its mean
    /// and variance are statistics of the data, not parameters; lone numbers and what shapes are
    /// made of are left alone too.
    ///
    /// # Errors
    /// When the file with these numbers cannot be lowered.
    pub fn network(&self, change: impl Fn(&str, &mut [f32])) -> Result<Network> {
        let mut weights = self.source.weights.clone();
        for name in &self.parameters {
            let values = weights.0.get_mut(name).context("a parameter is not stored")?;
            let mut changed = Tensor::from_shared_tract(Arc::clone(values))?;
            change(name.strip_suffix(".stored").unwrap_or(name), changed.data_mut());
            *values = Arc::clone(changed.as_tract());
        }
        Ok(self.source.lowered(&weights)?.1)
    }
}

/// Finds the parameters, and makes them float32.
fn parameters(source: &mut Source) -> Result<Vec<String>> {
    let graph = source.proto.graph.as_ref().context("the model has no graph")?;
    let lone: HashSet<&str> = (source.weights.0.iter())
        .filter(|(_, values)| values.len() == 1)
        .map(|(name, _)| name.as_str())
        .collect();
    let names = names_of_parameters(graph, &lone);
    let mut parameters = vec![];
    for (name, values) in &mut source.weights.0 {
        if names.contains(name.as_str()) {
            *values = Arc::clone(Tensor::from_shared_tract(Arc::clone(values))?.as_tract());
            parameters.push(name.clone());
        }
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
            let is_parameter = match is_elementwise(node) {
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
        "MatMul" | "Concat" => true,
        // Slots 3 and 4 are the mean and variance of the training data.
        "BatchNormalization" => matches!(slot, 1 | 2),
        "LayerNormalization" | "GroupNormalization" | "InstanceNormalization" | "PRelu" => slot > 0,
        _ => false,
    }
}

fn is_elementwise(node: &NodeProto) -> bool {
    matches!(node.op_type.as_str(), "Add" | "Sub" | "Mul" | "Div")
}

fn moves_only(node: &NodeProto) -> bool {
    ["Cast", "Expand", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"]
        .contains(&node.op_type.as_str())
}
