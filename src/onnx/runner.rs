//! Runs a file by tract as it is, on any number of pictures: explainers that were compiled to ONNX, for comparisons.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use tract_core::prelude::*;
use tract_hir::infer::InferenceFact;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::{ModelProto, ValueInfoProto, type_proto};

use super::culprit::guarded;
use super::typed::into_typed;
use super::validate::MemoryLimit;
use crate::tensor::Tensor as Array;

/// A file that is run as it is.
#[derive(Debug)]
pub struct GraphRunner {
    path: PathBuf,
    proto: ModelProto,
}

/// Numbers for an input of a graph: the axis of the batch first.
#[derive(Clone, Debug)]
pub enum Numbers {
    /// `float32`, `[N, ...]`.
    Floats(Array),
    /// `uint8`, in a shape.
    Bytes(Vec<usize>, Vec<u8>),
    /// `int64`, `[N]`.
    Classes(Vec<i64>),
}

/// An input of a graph as it is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredInput {
    /// Its name.
    pub name: String,
    /// Whether it takes bytes.
    pub takes_bytes: bool,
    /// The lengths of its axes behind that of the batch; 0 where one is open.
    pub axes: Vec<usize>,
}

impl GraphRunner {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is no ONNX file.
    pub fn load(path: &Path) -> Result<GraphRunner> {
        let proto = tract_onnx::onnx()
            .proto_model_for_path(path)
            .map_err(|error| anyhow!("{error:#}"))
            .with_context(|| format!("cannot read the graph {}", path.display()))?;
        ensure!(
            proto.graph.is_some(),
            "cannot read the graph {}: it is no ONNX file",
            path.display()
        );
        Ok(GraphRunner { path: path.to_path_buf(), proto })
    }

    /// What the file says about itself.
    pub fn metadata(&self) -> BTreeMap<&str, &str> {
        let entries = self.proto.metadata_props.iter();
        entries.map(|entry| (entry.key.as_str(), entry.value.as_str())).collect()
    }

    /// The inputs that the file declares.
    pub fn inputs(&self) -> Vec<DeclaredInput> {
        self.proto.graph.iter().flat_map(|graph| &graph.input).map(declared).collect()
    }

    /// The names of its outputs.
    pub fn outputs(&self) -> Vec<String> {
        let outputs = self.proto.graph.iter().flat_map(|graph| &graph.output);
        outputs.map(|output| output.name.clone()).collect()
    }

    /// The values of all outputs, by name.
    ///
    /// # Errors
    /// When an input is missing or has another shape, or tract cannot run the graph.
    pub fn run(&self, given: &[(&str, Numbers)]) -> Result<BTreeMap<String, Array>> {
        let run = || guarded(|| self.run_by_tract(given));
        run().with_context(|| format!("running the graph {} by tract", self.path.display()))
    }

    fn run_by_tract(&self, given: &[(&str, Numbers)]) -> Result<BTreeMap<String, Array>> {
        let reader =
            tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
        let mut model = reader.model_for_path(&self.path)?;
        let mut values = tvec![];
        for (place, input) in self.inputs().iter().enumerate() {
            let numbers = given.iter().find(|(name, _)| *name == input.name);
            let (_, numbers) =
                numbers.with_context(|| format!("the input \"{}\" is missing", input.name))?;
            fits(input, numbers)?;
            let tensor = match numbers {
                Numbers::Floats(array) => array.to_tract()?.as_ref().clone(),
                Numbers::Bytes(shape, bytes) => Tensor::from_shape(shape, bytes)?,
                Numbers::Classes(classes) => tensor1(classes),
            };
            let fact = InferenceFact::dt_shape(tensor.datum_type(), tensor.shape());
            model.set_input_fact(place, fact)?;
            values.push(tensor.into_tvalue());
        }
        let typed = into_typed(model, MemoryLimit::new(None))?;
        let plan = match guarded(|| typed.clone().into_optimized()) {
            Ok(optimized) => optimized.into_runnable()?,
            Err(_) => typed.into_runnable()?,
        };
        let outputs = plan.run(values)?;
        self.outputs()
            .into_iter()
            .zip(outputs)
            .map(|(name, value)| Ok((name, Array::from_value(value)?)))
            .collect()
    }
}

/// Fails where numbers are not as the graph declares its input.
fn fits(input: &DeclaredInput, numbers: &Numbers) -> Result<()> {
    let shape: &[usize] = match numbers {
        Numbers::Floats(array) => array.shape(),
        Numbers::Bytes(shape, _) => shape,
        Numbers::Classes(_) => &[0],
    };
    let given = shape.get(1..).unwrap_or_default();
    let is_as_declared = |(declared, given): (&usize, &usize)| *declared == 0 || declared == given;
    ensure!(
        given.len() == input.axes.len() && input.axes.iter().zip(given).all(is_as_declared),
        "its input \"{}\" is N × {:?}, but the model's is N × {given:?}: the graph was made of another model",
        input.name,
        input.axes
    );
    Ok(())
}

fn declared(input: &ValueInfoProto) -> DeclaredInput {
    let value = input.r#type.as_ref().and_then(|declared| declared.value.as_ref());
    let tensor = match value {
        Some(type_proto::Value::TensorType(tensor)) => Some(tensor),
        _ => None,
    };
    let shape = tensor.and_then(|tensor| tensor.shape.as_ref());
    let axes = shape.iter().flat_map(|shape| &shape.dim).skip(1);
    let length = |value: &Option<Dimension>| match value {
        Some(Dimension::DimValue(length)) => usize::try_from(*length).unwrap_or(0),
        _ => 0,
    };
    DeclaredInput {
        name: input.name.clone(),
        takes_bytes: tensor.is_some_and(|tensor| tensor.elem_type == DataType::Uint8 as i32),
        axes: axes.map(|axis| length(&axis.value)).collect(),
    }
}
