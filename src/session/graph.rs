//! An explainer as an ONNX graph of its own: what is asked for, the file, and its comparison with the engine.

use std::path::Path;

use anyhow::{Context as _, Result as Checked, anyhow, bail, ensure};

use super::explainer::Explainer;
use super::graph_metadata::metadata;
use super::target::Target;
use crate::emit::{
    self, Dialect, EXTERNAL_FROM, Finish, GraphFile, GraphInput, InputContent, Output, Picture,
    Rival, Spec, emit,
};
use crate::error::{Error, Kind, Result};
use crate::io::{Overwrite, UNFINISHED};
use crate::onnx::Part;
use crate::picture::{Channels, Layout, Preprocessing};

/// What an explainer is compiled to: the inputs and outputs of the graph, and the operators it may use.
#[derive(Clone, Debug)]
pub struct GraphOptions {
    pub(super) takes_pictures: bool,
    pub(super) fixed: Option<Target>,
    pub(super) against: Option<Target>,
    pub(super) outputs: Vec<Output>,
    pub(super) is_portable: bool,
    pub(super) is_half: bool,
    pub(super) external_from: u64,
}

impl Default for GraphOptions {
    fn default() -> GraphOptions {
        GraphOptions {
            takes_pictures: false,
            fixed: None,
            against: None,
            outputs: vec![Output::Logits, Output::Relevance],
            is_portable: false,
            is_half: false,
            external_from: EXTERNAL_FROM,
        }
    }
}

impl GraphOptions {
    /// The model's own input and an input `target`; logits and relevance; opset 17.
    pub fn new() -> GraphOptions {
        GraphOptions::default()
    }

    /// Whether the graph takes decoded pictures, bytes `[N, height, width, channels]` of the network's size, and scales
    /// and arranges them itself. Default: the network's own input.
    pub fn pictures(mut self, takes_pictures: bool) -> GraphOptions {
        self.takes_pictures = takes_pictures;
        self
    }

    /// Always explains this class, or the strongest one: then there is no input `target`.
    pub fn target(mut self, target: Target) -> GraphOptions {
        self.fixed = Some(target);
        self
    }

    /// Explains the difference to this class; [`Target::Top`] stands for the strongest of the others.
    pub fn against(mut self, other: Target) -> GraphOptions {
        self.against = Some(other);
        self
    }

    /// What the graph puts out, in this order.
    pub fn outputs(mut self, outputs: impl IntoIterator<Item = Output>) -> GraphOptions {
        self.outputs = vec![];
        for output in outputs {
            if !self.outputs.contains(&output) {
                self.outputs.push(output);
            }
        }
        self
    }

    /// Whether only operators are used that every runtime has (TensorRT): opset 13. Default: no.
    pub fn portable(mut self, is_portable: bool) -> GraphOptions {
        self.is_portable = is_portable;
        self
    }

    /// Whether weights and the network's values take 16 bits, and relevance 32. Default: no, all take 32.
    pub fn half(mut self, is_half: bool) -> GraphOptions {
        self.is_half = is_half;
        self
    }

    /// From so many bytes of weights on they lie in a second file.
    #[doc(hidden)]
    pub fn external_from(mut self, bytes: u64) -> GraphOptions {
        self.external_from = bytes;
        self
    }
}

/// An explainer as a graph, not written yet.
pub struct ExplainerGraph {
    file: GraphFile,
    external_from: u64,
}

/// A graph that was written.
#[derive(Clone, Debug)]
pub struct WrittenGraph {
    /// Bytes of the file, or of both.
    pub bytes: u64,
    /// The name of the second file, which holds the weights, where there is one.
    pub external: Option<String>,
}

impl ExplainerGraph {
    /// How often each operator occurs.
    pub fn operators(&self) -> impl Iterator<Item = (&str, usize)> {
        self.file.operators().into_iter()
    }

    /// The number of nodes.
    pub fn node_count(&self) -> usize {
        self.file.node_count()
    }

    /// The version of ONNX's operator set.
    pub fn opset(&self) -> i64 {
        self.file.opset()
    }

    /// Writes the file, and a second one beside it where one cannot hold the weights. Nothing is left where that fails.
    ///
    /// # Errors
    /// [`Error::Io`] when a file exists already and must not be replaced, or cannot be written.
    pub fn save(&self, path: impl AsRef<Path>, replaces: bool) -> Result<WrittenGraph> {
        let overwrite = if replaces { Overwrite::Replace } else { Overwrite::Refuse };
        self.write(path.as_ref(), overwrite).kind(Error::Io)
    }

    fn write(&self, path: &Path, overwrite: Overwrite) -> Checked<WrittenGraph> {
        crate::io::check(path, overwrite)?;
        let name = path.file_name().context("the path has no file name")?;
        let folder =
            path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        let unfinished = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(folder)
            .with_context(|| format!("cannot write in {}", folder.display()))?;
        let written = self.file.write(&unfinished.path().join(name), self.external_from)?;
        if let Some(external) = &written.external {
            crate::io::check(&folder.join(external), overwrite)?;
            std::fs::rename(unfinished.path().join(external), folder.join(external))
                .context("cannot rename the finished file")?;
        }
        std::fs::rename(unfinished.path().join(name), path)
            .context("cannot rename the finished file")?;
        Ok(WrittenGraph { bytes: written.bytes, external: written.external })
    }
}

impl Explainer {
    /// The explainer as an ONNX graph of its own: input and class in, logits and relevance out, for any number of inputs
    /// at once. It runs wherever ONNX runs, without this library.
    ///
    /// # Errors
    /// [`Error::Method`] where the method is more than one propagation, or a layer cannot be written (it is named);
    /// [`Error::Target`] where a class does not exist; [`Error::Preprocessing`] where pictures are asked for and the
    /// model takes none.
    pub fn graph(&self, options: &GraphOptions) -> Result<ExplainerGraph> {
        let spec = self.graph_spec(options)?;
        let file = emit(self.engine().program(), &spec).kind(Error::Method)?;
        Ok(ExplainerGraph { file, external_from: options.external_from })
    }

    /// What the graph is asked for.
    pub(super) fn graph_spec(&self, options: &GraphOptions) -> Result<Spec> {
        let finish = finish_of(self.method().name()).kind(Error::Method)?;
        let target = match &options.fixed {
            None => emit::Target::Input,
            Some(target) => match self.context.resolved(target)? {
                Target::Top => emit::Target::Top,
                Target::Class(class) => emit::Target::Class(class),
                other => return Err(no_single(&other)),
            },
        };
        let against = match &options.against {
            None => None,
            Some(other) => Some(match self.context.resolved(other)? {
                Target::Top => Rival::Top,
                Target::Class(class) => Rival::Class(class),
                other => return Err(no_single(&other)),
            }),
        };
        if let (emit::Target::Class(class), Some(Rival::Class(rival))) = (target, against)
            && class == rival
        {
            let error = anyhow!("--target and --against are the same class: their difference is 0");
            return Err(Error::of(Error::Target, error));
        }
        let inputs = self.graph_inputs(options)?;
        let end = self.prepared.end();
        let mut spec = Spec {
            inputs,
            target,
            against,
            initial: self.initial(),
            end,
            finish,
            outputs: options.outputs.clone(),
            dialect: Dialect {
                is_half: options.is_half,
                ..if options.is_portable { Dialect::PORTABLE } else { Dialect::STANDARD }
            },
            metadata: vec![],
        };
        spec.metadata = metadata(self, &spec)?;
        Ok(spec)
    }

    fn graph_inputs(&self, options: &GraphOptions) -> Result<Vec<GraphInput>> {
        let mut all = vec![];
        for input in &self.context.inputs {
            let model = &input.model;
            if !matches!(model.parts[..], [Part::Whole]) {
                let error = anyhow!(
                    "the model's input \"{}\" holds token ids, whose rows were looked up when it was opened: such models cannot be compiled",
                    model.name
                );
                return Err(Error::of(Error::Input, error));
            }
            let content = match (options.takes_pictures, model.range) {
                (true, _) => {
                    let preprocessor = input.preprocessor.clone()?;
                    InputContent::Picture(picture(preprocessor.steps()))
                }
                (false, Some([0.0, 255.0])) => InputContent::Bytes,
                (false, _) => InputContent::Floats,
            };
            let has_channels = model.picture.is_some() || model.shape.len() > 2;
            let axis = super::context::Context::channel_axis(model);
            let channel_axis = has_channels.then_some(axis);
            all.push(GraphInput { name: model.name.clone(), content, channel_axis });
        }
        Ok(all)
    }
}

/// How the bytes of a picture become the network's input.
pub(super) fn picture(steps: &Preprocessing) -> Picture {
    Picture {
        is_reversed: steps.channels == Some(Channels::Bgr),
        has_channels_first: steps.layout != Some(Layout::Nhwc),
        ..Picture::new(steps.scale, &steps.mean, &steps.std)
    }
}

fn no_single(target: &Target) -> Error {
    let error = anyhow!("a graph explains one class, not {target:?}: give a class, or `top`");
    Error::of(Error::Target, error)
}

/// What a method does with the relevance that arrives, where it is one propagation.
fn finish_of(method: &str) -> Checked<Finish> {
    Ok(match method {
        "lrp" | "gradient" | "guided-backprop" | "deconvnet" | "excitation-backprop" => {
            Finish::AsItIs
        }
        "saliency" => Finish::Magnitude,
        "input-x-gradient" => Finish::TimesInput,
        "smoothgrad" | "integrated-gradients" | "smoothtaylor" => bail!(
            "{method} averages gradients over many inputs, and needs no graph of its own: compile --method gradient, and \
             give it the noisy inputs, or the steps, as a batch (docs/compile.md)"
        ),
        _ => {
            bail!(
                "{method} is more than one propagation through the network, and so no graph of its own"
            )
        }
    })
}

/// Checks the names of outputs.
///
/// # Errors
/// When there is no such output.
pub fn output_named(name: &str) -> Result<Output> {
    let find = || {
        let known = Output::ALL.into_iter().find(|output| output.name() == name);
        let names = Output::ALL.map(Output::name).join(", ");
        let output =
            known.with_context(|| format!("there is no output `{name}`; there are {names}"))?;
        ensure!(!name.is_empty(), "an output needs a name");
        Ok(output)
    };
    find().kind(Error::Method)
}
