//! The parameters as they are stored in a file, for methods that put noise on them.
//!
//! Reading the file and checking it is done once. A perturbed copy goes through tract's typing
//! and lowering anew, because parameters are combined there (BatchNormalization becomes a scale
//! and a shift): what comes out is what a file with these numbers in it would give.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};
use tract_onnx::{data_resolver, tensor::load_tensor};

use super::LoadOptions;
use super::load::Source;
use crate::network::Network;
use crate::tensor::Tensor;

/// A model file whose stored parameters can be changed.
pub struct StoredModel {
    /// The file, its parameters taken out.
    source: Source,
    parameters: Vec<Parameter>,
}

/// A stored tensor that the network was trained to have.
struct Parameter {
    /// Its place among the stored tensors.
    place: usize,
    name: String,
    values: Tensor,
}

impl StoredModel {
    /// Reads a model file.
    ///
    /// # Errors
    /// When it cannot be read, or stores no parameters.
    pub fn read(path: &Path, options: &LoadOptions) -> Result<StoredModel> {
        let read = || {
            let mut source = Source::read(path, options)?;
            let parameters = take_parameters(&mut source)?;
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
        let mut proto = self.source.proto.clone();
        let graph = proto.graph.as_mut().context("the model has no graph")?;
        for parameter in &self.parameters {
            let mut values = parameter.values.data().to_vec();
            change(&parameter.name, &mut values);
            let mut bytes = vec![0; 4 * values.len()];
            for (bytes, value) in bytes.chunks_exact_mut(4).zip(values) {
                bytes.copy_from_slice(&value.to_le_bytes());
            }
            graph.initializer[parameter.place].raw_data = bytes;
        }
        Ok(self.source.lowered(&proto)?.1)
    }
}

/// Takes the parameters out of the file; what is left of them is declared float32.
fn take_parameters(source: &mut Source) -> Result<Vec<Parameter>> {
    let directory = source.directory()?.to_string();
    let graph = source.proto.graph.as_mut().context("the model has no graph")?;
    let names: HashSet<String> =
        names_of_parameters(graph).into_iter().map(str::to_string).collect();
    let mut parameters = vec![];
    for (place, stored) in graph.initializer.iter_mut().enumerate() {
        if !is_float(stored) || !names.contains(&stored.name) {
            continue;
        }
        let values = load_tensor(&*data_resolver::default(), stored, Some(&directory))?;
        let name = stored.name.strip_suffix(".stored").unwrap_or(&stored.name).to_string();
        parameters.push(Parameter { place, name, values: Tensor::from_tract(values)? });
        *stored = TensorProto {
            name: std::mem::take(&mut stored.name),
            dims: std::mem::take(&mut stored.dims),
            data_type: DataType::Float as i32,
            ..TensorProto::default()
        };
    }
    Ok(parameters)
}

fn is_float(stored: &TensorProto) -> bool {
    [DataType::Float, DataType::Float16, DataType::Bfloat16, DataType::Double]
        .map(|number_type| number_type as i32)
        .contains(&stored.data_type)
}

/// The values that reach an operator as its parameter, directly or through what only moves numbers.
fn names_of_parameters(graph: &GraphProto) -> HashSet<&str> {
    let is_lone_number = |name: &str| {
        let stored = graph.initializer.iter().find(|stored| stored.name == name);
        stored.is_some_and(|stored| stored.dims.iter().product::<i64>() == 1)
    };
    let mut names: HashSet<&str> = HashSet::new();
    for node in graph.node.iter().rev() {
        let is_forwarded = moves_only(node)
            && node.output.first().is_some_and(|output| names.contains(output.as_str()));
        for (slot, input) in node.input.iter().enumerate() {
            let is_parameter = match is_elementwise(node) {
                true => !is_lone_number(input),
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
