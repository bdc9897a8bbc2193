//! First step of the data's way: from the bytes of a `.onnx` file to the layer graph.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tract_core::prelude::*;
use tract_hir::infer::{Factoid, InferenceFact};
use tract_onnx::model::Onnx;
use tract_onnx::pb::{ModelProto, NodeProto};

use super::culprit::{guarded, with_node};
use super::decode::{Decoded, Span, decode};
use super::external::ExternalData;
use super::input::ModelInput;
use super::inputs::{self, Files, Inputs};
use super::metadata::{Metadata, labels_in_metadata};
use super::names::make_visible;
use super::number_type::{make_float32, widen_bfloat16};
use super::options::LoadOptions;
use super::order::refuse_circles;
use super::repair::{bound_slices, repair};
use super::rewrite::{self, Chosen};
use super::typed::into_typed;
use super::validate::{Checked, Input, MemoryLimit, check_data, order, validate};
use super::weights::{Places, Weights};
use super::{channels, col2im, lp_pool, padding, recurrent, resize, running_sum, vector_product};
use crate::linear::Weight;
use crate::network::{Lowered, Network, Origins, lower};
use crate::picture::Labels;
use crate::tensor::Tensor as Array;

/// A loaded model.
#[derive(Clone, Debug)]
pub struct Model {
    /// Where it was read from.
    pub path: PathBuf,
    /// Its layers, as they are in the file.
    pub network: Network,
    /// Its inputs that are explained, in the network's order.
    pub inputs: Vec<ModelInput>,
    /// The names of its inputs that are held fixed.
    pub fixed: Vec<String>,
    /// The value of the file that is explained, or what follows on it.
    pub output_name: String,
    /// The file's other outputs.
    pub other_outputs: Vec<String>,
    /// What the file says about itself and about the pictures that it takes.
    pub metadata: Metadata,
    /// The names of the classes that the file holds.
    pub labels: Option<Labels>,
    /// Everything that was assumed, to be said aloud: one sentence each.
    pub notes: Vec<String>,
    /// tract's own graph of the same file: the reference that rewrites are checked against.
    reference: Option<TypedModel>,
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
            "the model's output \"{}\" holds no classes: its shape is {shape:?}, {what}; {way_out}reduce it to one \
             number a class (--reduce mean, max, or index:I,J,... for one position), or export the model with a head \
             that gives one",
            self.output_name
        )
    }

    /// Runs tract's own plan of the file, optimized where that succeeds, on a tensor for each input of the network:
    /// what the file computes, the function behind the logits included.
    ///
    /// # Errors
    /// When tract cannot run it, or the model was loaded [without](LoadOptions::is_without_reference) it.
    pub fn run_reference(&self, inputs: &(impl AsRef<[Array]> + ?Sized)) -> Result<Array> {
        let model = self.reference.clone().context("the model was loaded without its reference")?;
        let value = |(index, input): (usize, &Array)| {
            let number_type = model.input_fact(index)?.datum_type;
            anyhow::Ok(input.to_tract()?.cast_to_dt(number_type)?.into_owned().into_tvalue())
        };
        let inputs = inputs.as_ref().iter().enumerate().map(value).collect::<Result<_>>()?;
        // tract's optimizer does not get through every graph (the strided attention of a LeViT).
        let plan = match guarded(|| model.clone().into_optimized()) {
            Ok(optimized) => optimized.into_runnable()?,
            Err(_) => model.into_runnable()?,
        };
        let outputs = guarded(|| plan.run(inputs)).context("tract cannot run the model")?;
        let output = outputs.into_iter().next();
        Array::from_value(output.context("tract's plan has no output")?)
    }
}

fn load(path: &Path, options: &LoadOptions) -> Result<Model> {
    let source = Source::read(path, options)?;
    let reference = source.typed(&reader())?;
    let network = source.network(source.lowered(&reference, &source.weights.left, None)?)?;
    let reference = (!options.is_without_reference).then_some(reference);
    let (labels, notes) = (source.labels, source.notes);
    let output = source.proto.graph.iter().flat_map(|graph| &graph.output).next();
    let output_name = output.map_or(String::new(), |output| output.name.clone());
    let (metadata, other_outputs) = (Metadata::of(&source.proto), source.other_outputs);
    Ok(Model {
        path: source.path,
        network,
        inputs: source.inputs.explained,
        fixed: source.inputs.fixed,
        output_name,
        other_outputs,
        metadata,
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
    pub inputs: Inputs,
    labels: Option<Labels>,
    other_outputs: Vec<String>,
    notes: Vec<String>,
    limit: MemoryLimit,
}

impl Source {
    pub fn read(path: &Path, options: &LoadOptions) -> Result<Source> {
        let Decoded { mut proto, left, bytes } = decode(path)?;
        make_visible(&mut proto);
        proto.graph.as_ref().map_or(Ok(()), refuse_circles)?;
        let mut spans = spans_by_name(&proto, left);
        check_data(&proto, &|name| spans.contains_key(name))?;
        widen_bfloat16(&mut proto);
        let unused = unused_operators(&proto, &options.allow_gradient);
        let Chosen { labels, mut notes, others } =
            rewrite::choose_output(&mut proto, options.output_name.as_deref())?;
        if let Some(graph) = &mut proto.graph {
            rewrite::set_apart(graph);
            bound_slices(graph);
            order(graph, &HashSet::new())?;
        }
        notes.extend(newer_operators(&proto));
        let mut external = ExternalData::beside(path);
        if let Some(graph) = &mut proto.graph {
            external.read_in_nodes(graph)?;
        }
        notes.extend(unused);
        let reader = reader();
        let limit = MemoryLimit::new(options.max_memory);
        let mut inputs = guarded(|| {
            let external = RefCell::new(&mut external);
            let files = Files { bytes: &bytes, spans: &spans, external, limit };
            inputs::settle(&mut proto, &files, &reader, options, &mut notes)
        })?;
        let (name, declared) = inputs.sources.first().cloned().unwrap_or_default();
        let is_open = inputs.explained.iter().any(|input| input.is_open);
        check(
            &proto,
            Input { name: &name, shape: &declared, is_open },
            (limit, Checked::OneElement),
        )?;
        let run = guarded(|| rewrite::run(&mut proto, &reader, (&name, &declared), &mut notes));
        let shape = run.map_err(|error| {
            with_node(error, &proto, |model| rewrite::shapes(model, &reader, (&name, &declared)))
        })?;
        if let Some(reduction) = &options.reduce {
            let (input, axis) = ((&*name, &*shape), options.class_axis);
            let reduced = guarded(|| rewrite::reduce(&mut proto, &reader, input, reduction, axis));
            notes.push(reduced?);
        }
        check(&proto, Input { name: &name, shape: &shape, is_open }, (limit, Checked::All))?;
        if shape != declared {
            inputs.take_batch_out(shape, options);
        }
        proto.graph.iter_mut().for_each(|graph| make_float32(graph, &mut spans));
        repair(&mut proto);
        let origins = Origins::of(&proto);
        let labels = labels.and_then(|names| {
            let dropped =
                |error| notes.push(format!("the class names in the file are not used: {error}"));
            Labels::new(names).map_err(dropped).ok()
        });
        rewrite::write_out(&mut proto);
        let graph = proto.graph.as_mut().context("the model has no graph")?;
        let weights = guarded(|| {
            let places = Places { bytes: &bytes, spans: &spans, external: &mut external };
            Weights::take(graph, places, options.is_without_reference)
        })?;
        // The network's inputs come first, wherever the file has them.
        graph.input.sort_by_key(|input| {
            let place = inputs.sources.iter().position(|(name, _)| *name == input.name);
            place.unwrap_or(usize::MAX)
        });
        Ok(Source {
            path: path.to_path_buf(),
            allow_gradient: options.allow_gradient.clone(),
            inputs,
            labels: labels.or_else(|| labels_in_metadata(&proto)),
            notes,
            origins,
            proto,
            other_outputs: others,
            weights,
            limit,
        })
    }

    /// tract's graph of the file.
    pub fn typed(&self, reader: &Onnx) -> Result<TypedModel> {
        let typed = guarded(|| self.typed_model(&self.proto, reader));
        typed
            .map_err(|error| with_node(error, &self.proto, |proto| self.typed_model(proto, reader)))
    }

    /// That graph lowered, its inputs behind the network's own having the values `parameters`; `earlier` is the
    /// same with other ones.
    pub fn lowered(
        &self,
        typed: &TypedModel,
        parameters: &[Weight],
        earlier: Option<&Lowered>,
    ) -> Result<Lowered> {
        let lowered = guarded(|| lower(typed, parameters, &self.origins, earlier));
        lowered.map_err(|error| {
            with_node(error, &self.proto, |proto| {
                lower(&self.typed_model(proto, &reader())?, parameters, &self.origins, None)
            })
        })
    }

    /// The network that a graph was lowered to.
    pub fn network(&self, lowered: Lowered) -> Result<Network> {
        guarded(|| lowered.into_network(&self.allow_gradient))
    }

    fn typed_model(&self, proto: &ModelProto, reader: &Onnx) -> Result<TypedModel> {
        let parsed = reader.parse(proto, None)?;
        let mut model = self.weights.wire(parsed)?;
        for (index, (_, shape)) in self.inputs.sources.iter().enumerate() {
            let source = model.input_outlets()?.get(index).copied();
            let source = source.context("the model lacks an input")?;
            let declared = model.outlet_fact(source)?.datum_type;
            let number_type = declared.concretize().unwrap_or(DatumType::F32);
            model.set_input_fact(index, InferenceFact::dt_shape(number_type, shape))?;
        }
        into_typed(model, self.limit)
    }
}

/// Checks every node of a file's graph.
fn check(proto: &ModelProto, input: Input, memory: (MemoryLimit, Checked)) -> Result<()> {
    let graph = proto.graph.as_ref().context("the model has no graph")?;
    let opset = rewrite::opset(proto);
    let is_standard = |node: &NodeProto| ["", "ai.onnx"].contains(&node.domain.as_str());
    ensure!(
        opset > 0 || !graph.node.iter().any(is_standard),
        "the file does not say which version of the standard operators it uses (opset_import), and they compute different \
         things from one version to the next: export it again"
    );
    validate(graph, opset, input, memory)
}

/// The ONNX reader: shapes stored in the file are ignored, because exporters leave wrong ones behind.
pub(super) fn reader() -> Onnx {
    let mut onnx = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
    onnx.op_register.insert("BatchNormalization", channels::build);
    onnx.op_register.insert("Col2Im", col2im::build);
    onnx.op_register.insert("Resize", resize::build);
    onnx.op_register.insert("Upsample", resize::build);
    onnx.op_register.insert("Pad", padding::build);
    onnx.op_register.insert("GlobalLpPool", lp_pool::global);
    onnx.op_register.insert("CumSum", running_sum::build);
    onnx.op_register.insert("LSTM", recurrent::lstm);
    onnx.op_register.insert("GRU", recurrent::gru);
    onnx.op_register.insert("RNN", recurrent::rnn);
    onnx.op_register.insert("MatMul", vector_product::build);
    rewrite::register(&mut onnx);
    onnx
}

/// The newest version of the standard operators that was compared with onnxruntime.
const NEWEST_OPSET: i64 = 26;

/// What is said about a file whose operators are newer than this program.
fn newer_operators(proto: &ModelProto) -> Option<String> {
    let opset = rewrite::opset(proto);
    (opset > NEWEST_OPSET).then(|| {
        format!(
            "the file uses version {opset} of the standard operators; {NEWEST_OPSET} is the newest that onnxplain knows, and \
             later ones may mean something else: compare the prediction with another runtime"
        )
    })
}

/// What is said about operators that are allowed and that the file does not have.
fn unused_operators(proto: &ModelProto, allowed: &[String]) -> Option<String> {
    let nodes = || {
        let functions = proto.functions.iter().flat_map(|function| &function.node);
        proto.graph.iter().flat_map(|graph| &graph.node).chain(functions)
    };
    let is_absent = |name: &&String| !nodes().any(|node| node.op_type.eq_ignore_ascii_case(name));
    let absent: Vec<&str> = allowed.iter().filter(is_absent).map(String::as_str).collect();
    (!absent.is_empty()).then(|| {
        format!("the model has no operator {}, whose gradient was allowed", absent.join(", "))
    })
}

/// Where the numbers of each weight were left in the file.
fn spans_by_name(proto: &ModelProto, left: Vec<Option<Span>>) -> HashMap<String, Span> {
    let weights = proto.graph.iter().flat_map(|graph| &graph.initializer);
    weights.zip(left).filter_map(|(weight, span)| Some((weight.name.clone(), span?))).collect()
}
