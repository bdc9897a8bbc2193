//! First step of the data's way: from the bytes of a `.onnx` file to the layer graph.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tract_core::prelude::*;
use tract_hir::infer::{Factoid, InferenceFact, InferenceModelExt};
use tract_onnx::model::Onnx;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{ModelProto, TensorProto, ValueInfoProto};
use tract_onnx::pb::{tensor_shape_proto::dimension::Value as Dimension, type_proto};

use super::decode::{Decoded, Span, decode};
use super::metadata::labels_in_metadata;
use super::number_type::make_float32;
use super::repair::repair;
use super::rewrite::{self, Chosen};
use super::weights::{Places, Weights};
use super::{upsample, vector_product};
use crate::linear::Weight;
use crate::network::{Lowered, Network, Origins, lower};
use crate::picture::{InputShape, Labels, Layout};
use crate::tensor::Tensor as Array;

/// What can be said about a model that its file leaves open.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// `[height, width]` of the input that the user asks for; a model of another fixed size is refused.
    pub size: Option<[usize; 2]>,
    /// `[height, width]` that the model's card says, for a model that leaves them open.
    pub card_size: Option<[usize; 2]>,
    /// Where the channels are; default: read off the shape.
    pub layout: Option<Layout>,
    /// The output to explain; default: the first.
    pub output_name: Option<String>,
    /// ONNX operator types that may pass their gradient where no rule is known.
    pub allow_gradient: Vec<String>,
    /// Whether [`Model::run_reference`] is not needed. Otherwise tract's graph holds on to the weights, and
    /// canonization has to work on copies. Without it, large weights are read when they are needed.
    pub is_without_reference: bool,
}

/// Height and width of the input where neither the file nor the user says them.
pub const DEFAULT_SIZE: [usize; 2] = [224, 224];

/// A loaded model.
#[derive(Clone, Debug)]
pub struct Model {
    /// Where it was read from.
    pub path: PathBuf,
    /// Its layers, as they are in the file.
    pub network: Network,
    /// The shape of its input.
    pub input: ModelInput,
    /// The names of the classes that the file holds.
    pub labels: Option<Labels>,
    /// Everything that was assumed, to be said aloud: one sentence each.
    pub notes: Vec<String>,
    /// tract's own graph of the same file: the reference that rewrites are checked against.
    reference: Option<TypedModel>,
}

/// The input of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInput {
    /// The name in the file.
    pub name: String,
    /// The whole shape, the batch axis (1) included.
    pub shape: Vec<usize>,
    /// The input as a picture, where it can be one (rank 4; 1 or 3 channels).
    pub picture: Option<InputShape>,
    /// The lowest and highest value that it can have, where its number type says so: 0 and 255 for bytes.
    pub range: Option<[f32; 2]>,
}

impl Model {
    /// Reads a model and lowers it to layers.
    ///
    /// # Errors
    /// When the file is no ONNX model, is damaged, has inputs that are no picture or
    /// tensor of rank 2 to 5, or uses operators that are not known (all are named).
    pub fn load(path: &Path, options: &LoadOptions) -> Result<Model> {
        load(path, options).with_context(|| format!("cannot load the model {}", path.display()))
    }

    /// Runs tract's own optimized plan of the file on an input of [`ModelInput::shape`]:
    /// what the file computes, the function behind the logits included.
    ///
    /// # Errors
    /// When tract cannot run it, or the model was loaded [without](LoadOptions::is_without_reference) it.
    pub fn run_reference(&self, input: &Array) -> Result<Array> {
        let model = self.reference.clone().context("the model was loaded without its reference")?;
        let number_type = model.input_fact(0)?.datum_type;
        let input = input.as_tract().cast_to_dt(number_type)?.into_owned();
        let plan = model.into_optimized()?.into_runnable()?;
        Array::from_value(plan.run(tvec![input.into_tvalue()])?.remove(0))
    }
}

fn load(path: &Path, options: &LoadOptions) -> Result<Model> {
    let source = Source::read(path, options)?;
    let reference = source.typed(&reader())?;
    let network = source.network(source.lowered(&reference, &source.weights.left, None)?)?;
    let reference = (!options.is_without_reference).then_some(reference);
    let picture = picture_shape(&source.shape, options.layout);
    let range = source.range;
    let input = ModelInput { name: source.input_name, shape: source.shape, picture, range };
    let (labels, notes) = (source.labels, source.notes);
    Ok(Model { path: source.path, network, input, labels, notes, reference })
}

/// A decoded file, checked, and what was decided about it.
pub(super) struct Source {
    /// The file without its weights.
    pub proto: ModelProto,
    pub weights: Weights,
    origins: Origins,
    path: PathBuf,
    allow_gradient: Vec<String>,
    pub input_name: String,
    /// The shape of the input, the batch axis included.
    shape: Vec<usize>,
    /// What its number type says of its values.
    range: Option<[f32; 2]>,
    labels: Option<Labels>,
    notes: Vec<String>,
}

impl Source {
    pub fn read(path: &Path, options: &LoadOptions) -> Result<Source> {
        let Decoded { mut proto, left, bytes } = decode(path)?;
        let mut spans = spans_by_name(&proto, left);
        let Chosen { labels, mut notes } =
            rewrite::choose_output(&mut proto, options.output_name.as_deref())?;
        refuse_foreign_data(&proto)?;
        let input = the_input(&proto)?;
        let shape = input_shape(input, options, &mut notes)?;
        let range = range_of_type(input);
        let input_name = input.name.clone();
        let reader = reader();
        guarded(|| rewrite::run(&mut proto, &reader, (&input_name, &shape)))?;
        proto.graph.iter_mut().for_each(|graph| make_float32(graph, &mut spans));
        repair(&mut proto);
        let origins = Origins::of(&proto);
        let labels = labels.and_then(|names| Labels::new(names).ok());
        let graph = proto.graph.as_mut().context("the model has no graph")?;
        rewrite::write_out(graph);
        let weights = guarded(|| {
            let places = Places { bytes: &bytes, spans: &spans, directory: directory(path)? };
            Weights::take(graph, &places, options.is_without_reference)
        })?;
        // The picture comes first, wherever the file has it.
        graph.input.sort_by_key(|input| input.name != input_name);
        Ok(Source {
            path: path.to_path_buf(),
            allow_gradient: options.allow_gradient.clone(),
            input_name,
            shape,
            range,
            labels: labels.or_else(|| labels_in_metadata(&proto)),
            notes,
            origins,
            proto,
            weights,
        })
    }

    /// tract's graph of the file.
    pub fn typed(&self, reader: &Onnx) -> Result<TypedModel> {
        guarded(|| self.typed_model(reader))
    }

    /// That graph lowered, its inputs behind the picture having the values `parameters`; `earlier` is the
    /// same with other ones.
    pub fn lowered(
        &self,
        typed: &TypedModel,
        parameters: &[Weight],
        earlier: Option<&Lowered>,
    ) -> Result<Lowered> {
        guarded(|| lower(typed, parameters, &self.origins, earlier))
    }

    /// The network that a graph was lowered to.
    pub fn network(&self, lowered: Lowered) -> Result<Network> {
        guarded(|| lowered.into_network(&self.allow_gradient))
    }

    fn typed_model(&self, reader: &Onnx) -> Result<TypedModel> {
        let parsed = reader.parse(&self.proto, Some(directory(&self.path)?))?;
        let mut model = self.weights.wire(parsed)?;
        let source = model.input_outlets()?.first().copied().context("the model has no input")?;
        let declared = model.outlet_fact(source)?.datum_type;
        let number_type = declared.concretize().unwrap_or(DatumType::F32);
        model.set_input_fact(0, InferenceFact::dt_shape(number_type, &self.shape))?;
        model.into_typed()
    }
}

/// The folder of a model, where its external data lies.
fn directory(model: &Path) -> Result<&str> {
    let directory = model.parent().unwrap_or(Path::new("."));
    directory.to_str().context("the model's folder has a name that is not UTF-8")
}

/// The ONNX reader: shapes stored in the file are ignored, because exporters leave wrong ones behind.
pub(super) fn reader() -> Onnx {
    let mut onnx = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
    onnx.op_register.insert("Upsample", upsample::build);
    onnx.op_register.insert("MatMul", vector_product::build);
    rewrite::register(&mut onnx);
    onnx
}

/// Where the numbers of each weight were left in the file.
fn spans_by_name(proto: &ModelProto, left: Vec<Option<Span>>) -> HashMap<String, Span> {
    let weights = proto.graph.iter().flat_map(|graph| &graph.initializer);
    weights.zip(left).filter_map(|(weight, span)| Some((weight.name.clone(), span?))).collect()
}

/// The only input that is not a stored weight.
fn the_input(proto: &ModelProto) -> Result<&ValueInfoProto> {
    let graph = proto.graph.as_ref().context("the model has no graph")?;
    let is_weight = |input: &&ValueInfoProto| {
        graph.initializer.iter().any(|weight: &TensorProto| weight.name == input.name)
    };
    let inputs: Vec<&ValueInfoProto> =
        graph.input.iter().filter(|input| !is_weight(input)).collect();
    match inputs.as_slice() {
        [input] => Ok(input),
        [] => bail!("the explained output depends on no input of the model"),
        _ => {
            let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
            bail!(
                "the model has {} inputs ({}); onnxplain explains models of one",
                inputs.len(),
                names.join(", ")
            )
        }
    }
}

/// The lowest and highest number of an input of bytes.
fn range_of_type(input: &ValueInfoProto) -> Option<[f32; 2]> {
    let value = input.r#type.as_ref().and_then(|declared| declared.value.as_ref());
    let Some(type_proto::Value::TensorType(tensor)) = value else { return None };
    match DataType::try_from(tensor.elem_type) {
        Ok(DataType::Uint8) => Some([0.0, 255.0]),
        Ok(DataType::Int8) => Some([-128.0, 127.0]),
        _ => None,
    }
}

/// The input's axes as the file gives them; `None` for a symbol.
fn declared_axes(input: &ValueInfoProto) -> Result<Vec<Option<usize>>> {
    let value = input.r#type.as_ref().and_then(|declared| declared.value.as_ref());
    let Some(type_proto::Value::TensorType(tensor)) = value else {
        bail!("the input \"{}\" is not a tensor", input.name)
    };
    let shape = tensor.shape.as_ref();
    let shape = shape.with_context(|| format!("the input \"{}\" has no shape", input.name))?;
    let axis = |value: &Option<Dimension>| match value {
        Some(Dimension::DimValue(length)) if *length > 0 => usize::try_from(*length).ok(),
        _ => None,
    };
    Ok(shape.dim.iter().map(|dimension| axis(&dimension.value)).collect())
}

fn input_shape(
    input: &ValueInfoProto,
    options: &LoadOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<usize>> {
    let axes = declared_axes(input)?;
    ensure!(
        (2..=5).contains(&axes.len()),
        "the input \"{}\" has rank {}: not a batch of pictures ([N, C, H, W] or [N, H, W, C])",
        input.name,
        axes.len()
    );
    if let Some(batch) = axes[0].filter(|&batch| batch != 1) {
        notes.push(format!("the model's batch of {batch} is explained one picture at a time"));
    }
    let layout = options.layout.unwrap_or_else(|| guess_layout(&axes));
    let is_picture = axes.len() == 4;
    let (channel, spatial) = match layout {
        Layout::Nchw => (1, [2, 3]),
        Layout::Nhwc => (3, [1, 2]),
    };
    let mut shape = vec![1];
    for (index, &length) in axes.iter().enumerate().skip(1) {
        let place = spatial.iter().position(|&axis| is_picture && axis == index);
        let length = match (length, place) {
            (Some(length), Some(place)) => {
                let wanted = options.size.map_or(length, |size| size[place]);
                ensure!(
                    wanted == length,
                    "the model's input size is fixed to {length}, not {wanted}; leave out --size"
                );
                length
            }
            (Some(length), None) => length,
            (None, Some(place)) => match options.size.or(options.card_size) {
                Some(size) => size[place],
                None => {
                    notes.push(format!(
                        "the model leaves its input {} open: assuming {} (--size sets it)",
                        ["height", "width"][place],
                        DEFAULT_SIZE[place]
                    ));
                    DEFAULT_SIZE[place]
                }
            },
            (None, None) if is_picture && index == channel => {
                notes.push("the model leaves its number of channels open: assuming 3".to_string());
                3
            }
            (None, None) => bail!("the input \"{}\" leaves its axis {index} open", input.name),
        };
        shape.push(length);
    }
    Ok(shape)
}

fn guess_layout(axes: &[Option<usize>]) -> Layout {
    let is_channels = |axis: Option<&Option<usize>>| matches!(axis, Some(Some(1 | 3)));
    match (is_channels(axes.get(1)), is_channels(axes.get(3))) {
        (false, true) => Layout::Nhwc,
        _ => Layout::Nchw,
    }
}

fn picture_shape(shape: &[usize], layout: Option<Layout>) -> Option<InputShape> {
    let axes: Vec<Option<usize>> = shape.iter().copied().map(Some).collect();
    let layout = layout.unwrap_or_else(|| guess_layout(&axes));
    let [_, a, b, c] = *shape else { return None };
    let (channels, height, width) = match layout {
        Layout::Nchw => (a, b, c),
        Layout::Nhwc => (c, a, b),
    };
    matches!(channels, 1 | 3).then_some(InputShape { channels, height, width, layout })
}

/// Weights in other files must lie in the model's own folder.
fn refuse_foreign_data(proto: &ModelProto) -> Result<()> {
    let weights = proto.graph.iter().flat_map(|graph| &graph.initializer);
    for weight in
        weights.filter(|weight| weight.data_location == Some(DataLocation::External as i32))
    {
        let location = weight.external_data.iter().find(|entry| entry.key == "location");
        let location = location.map_or("", |entry| entry.value.as_str());
        let components = Path::new(location).components();
        let leaves = components.into_iter().any(|component| {
            !matches!(component, std::path::Component::Normal(_) | std::path::Component::CurDir)
        });
        ensure!(
            !leaves,
            "the weight \"{}\" is stored at \"{location}\", outside the model's own folder; this is refused",
            weight.name
        );
    }
    Ok(())
}

/// Runs tract on a file that may be damaged in ways it does not expect: a panic becomes an error.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        bail!("the model's graph is inconsistent, or more than tract can read ({message})")
    })
}
