//! First step of the data's way: from the bytes of a `.onnx` file to the layer graph.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tract_core::prelude::*;
use tract_hir::infer::{Factoid, InferenceFact, InferenceModelExt};
use tract_onnx::model::Onnx;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{ModelProto, TensorProto, ValueInfoProto};
use tract_onnx::pb::{tensor_shape_proto::dimension::Value as Dimension, type_proto};

use super::bytes::Bytes;
use super::decode::{Decoded, Span, decode};
use super::metadata::labels_in_metadata;
use super::number_type::make_float32;
use super::repair::repair;
use super::rewrite::{self, Chosen};
use super::weights::{Places, Weights};
use super::{lp_pool, padding, recurrent, upsample, vector_product};
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
    /// The shape of the tensor that is to be explained, with or without the batch axis, for a model that leaves axes open.
    pub input_shape: Option<Vec<usize>>,
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
    /// The value of the file that is explained, or what follows on it.
    pub output_name: String,
    /// The file's other outputs.
    pub other_outputs: Vec<String>,
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
    /// When the file is no ONNX model, is damaged, leaves axes of its input open, or uses operators that are not known (all are named).
    pub fn load(path: &Path, options: &LoadOptions) -> Result<Model> {
        load(path, options).with_context(|| format!("cannot load the model {}", path.display()))
    }

    /// Checks that the output holds classes: numbers along one axis.
    ///
    /// # Errors
    /// Names the output and what it is instead: a map, detections, one vector per position.
    pub fn check_classes(&self) -> Result<()> {
        let shape = &self.network.layers[self.network.output].shape;
        let axes: Vec<usize> = shape.iter().copied().filter(|&length| length > 1).collect();
        let what = match (shape.len(), axes.as_slice()) {
            (_, [] | [_]) => return Ok(()),
            (4.., _) => "a value for every position of a map",
            (3, [_, 4..=7]) => "a row for every detection",
            (_, [_, _]) => "a vector for every position",
            _ => "a value for every position",
        };
        let way_out = match self.other_outputs.as_slice() {
            [] => String::new(),
            others => {
                format!("choose another output with --output-name ({}), or ", others.join(", "))
            }
        };
        bail!(
            "the model's output \"{}\" holds no classes: its shape is {shape:?}, {what}; {way_out}export the model \
             with a head that gives one number a class",
            self.output_name
        )
    }

    /// Runs tract's own optimized plan of the file on an input of [`ModelInput::shape`]:
    /// what the file computes, the function behind the logits included.
    ///
    /// # Errors
    /// When tract cannot run it, or the model was loaded [without](LoadOptions::is_without_reference) it.
    pub fn run_reference(&self, input: &Array) -> Result<Array> {
        let model = self.reference.clone().context("the model was loaded without its reference")?;
        let number_type = model.input_fact(0)?.datum_type;
        let input = input.to_tract()?.cast_to_dt(number_type)?.into_owned();
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
    let output = source.proto.graph.iter().flat_map(|graph| &graph.output).next();
    let output_name = output.map_or(String::new(), |output| output.name.clone());
    let other_outputs = source.other_outputs;
    Ok(Model {
        path: source.path,
        network,
        input,
        output_name,
        other_outputs,
        labels,
        notes,
        reference,
    })
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
    other_outputs: Vec<String>,
    notes: Vec<String>,
}

impl Source {
    pub fn read(path: &Path, options: &LoadOptions) -> Result<Source> {
        let Decoded { mut proto, left, bytes } = decode(path)?;
        let mut spans = spans_by_name(&proto, left);
        let Chosen { labels, mut notes, others } =
            rewrite::choose_output(&mut proto, options.output_name.as_deref())?;
        refuse_foreign_data(&proto, directory(path)?)?;
        let input = the_input(&proto)?;
        let shape = input_shape(input, options, &mut notes)?;
        let range = range_of_type(input);
        let input_name = input.name.clone();
        let reader = reader();
        let shape =
            guarded(|| rewrite::run(&mut proto, &reader, (&input_name, &shape), &mut notes))?;
        proto.graph.iter_mut().for_each(|graph| make_float32(graph, &mut spans));
        repair(&mut proto);
        let origins = Origins::of(&proto);
        let labels = labels.and_then(|names| Labels::new(names).ok());
        guarded(|| {
            rewrite::write_out(&mut proto, &reader, (&input_name, &shape));
            Ok(())
        })?;
        let graph = proto.graph.as_mut().context("the model has no graph")?;
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
            other_outputs: others,
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
    onnx.op_register.insert("Pad", padding::build);
    onnx.op_register.insert("GlobalLpPool", lp_pool::global);
    onnx.op_register.insert("LSTM", recurrent::lstm);
    onnx.op_register.insert("GRU", recurrent::gru);
    onnx.op_register.insert("RNN", recurrent::rnn);
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
        [] => bail!("the model's output does not depend on its input"),
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

/// The input's axes as the file gives them, `None` for a symbol; `None` where it gives none.
fn declared_axes(input: &ValueInfoProto) -> Result<Option<Vec<Option<usize>>>> {
    let value = input.r#type.as_ref().and_then(|declared| declared.value.as_ref());
    let Some(type_proto::Value::TensorType(tensor)) = value else {
        bail!("the input \"{}\" is not a tensor", input.name)
    };
    let Some(shape) = &tensor.shape else { return Ok(None) };
    let axis = |value: &Option<Dimension>| match value {
        Some(Dimension::DimValue(length)) if *length > 0 => usize::try_from(*length).ok(),
        _ => None,
    };
    Ok(Some(shape.dim.iter().map(|dimension| axis(&dimension.value)).collect()))
}

/// The shape that the input is declared with, its open axes filled in; an open batch axis is one.
fn input_shape(
    input: &ValueInfoProto,
    options: &LoadOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<usize>> {
    let Some(axes) = declared_axes(input)? else {
        let told =
            || format!("the input \"{}\" leaves its shape open: give a .npy tensor", input.name);
        return options.input_shape.clone().with_context(told);
    };
    let given = given_axes(&axes, options.input_shape.as_deref());
    // Of three axes, the first may be the channels.
    let layout = options.layout.unwrap_or_else(|| guess_layout(&axes));
    let (channel, spatial) = match layout {
        Layout::Nchw => (1, [2, 3]),
        Layout::Nhwc => (3, [1, 2]),
    };
    let is_picture = axes.len() == 4;
    let mut shape = vec![];
    for (index, &length) in axes.iter().enumerate() {
        let place = spatial.iter().position(|&axis| is_picture && axis == index);
        let open = given.as_ref().map(|given| given[index]).filter(|_| length.is_none());
        let length = match (length.or(open), place) {
            (Some(length), Some(place)) => {
                let wanted = options.size.map_or(length, |size| size[place]);
                ensure!(
                    wanted == length,
                    "the model's input size is fixed to {length}, not {wanted}; leave out --size"
                );
                length
            }
            (Some(length), None) => length,
            (None, _) if index == 0 => 1,
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
            (None, None) => bail!(
                "the input \"{}\" leaves its axis {index} open; it is that of the .npy tensor that is explained",
                input.name
            ),
        };
        shape.push(length);
    }
    Ok(shape)
}

/// The axes of the tensor that is to be explained, as the model's are counted; it may lack the batch axis.
fn given_axes(axes: &[Option<usize>], given: Option<&[usize]>) -> Option<Vec<usize>> {
    let given = given?;
    let given = match given.len() + 1 == axes.len() {
        true => std::iter::once(1).chain(given.iter().copied()).collect(),
        false => given.to_vec(),
    };
    let fits = |(axis, &length): (&Option<usize>, &usize)| axis.is_none_or(|axis| axis == length);
    // The batch is taken one at a time.
    let fit = axes.len() == given.len() && axes.iter().zip(&given).skip(1).all(fits);
    fit.then(|| std::iter::once(1).chain(given.into_iter().skip(1)).collect())
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

/// Weights in other files must lie in the model's own folder, and be there.
fn refuse_foreign_data(proto: &ModelProto, directory: &str) -> Result<()> {
    let mut known = HashSet::new();
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
        if known.insert(location) {
            let opened = Bytes::open(&Path::new(directory).join(location));
            let data = opened.with_context(|| {
                format!(
                    "the model's weights lie in the file \"{location}\" beside it, which cannot be read: copy it along"
                )
            })?;
            if let Some(what) = data.stands_for_another() {
                bail!(
                    "the file \"{location}\" beside the model does not hold its weights: it is {what}"
                );
            }
        }
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
