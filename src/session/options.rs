//! What can be said about a model before it is opened, and what lies beside its file.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::cards::Cards;
use super::given::GivenSource;
use super::notice::Notice;
use super::source::Source;
use crate::error::{Error, Kind, Result};
use crate::io::{is_array_file, read_array};
use crate::onnx::{ExplainedInputs, GivenInput, LoadOptions, Reduction};
use crate::picture::{Labels, Layout, Overrides};
use crate::tensor::Tensor;

/// How a model is opened: everything that its file and the card beside it may leave open.
///
/// ```
/// # fn main() -> Result<(), onnxplain::Error> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-models/fashion_vgg.onnx");
/// let session = onnxplain::SessionOptions::new()
///     .preprocess("unit")
///     .labels(["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot"])
///     .open(path)?;
/// assert_eq!(session.class_count(), 10);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    pub(super) preprocess: Option<String>,
    pub(super) overrides: Overrides,
    pub(super) labels: Option<GivenLabels>,
    pub(super) load: LoadOptions,
    pub(super) given: Vec<GivenSource>,
    pub(super) range: Range,
    pub(super) pictures: Pictures,
    pub(super) drops_pictures: bool,
    has_reference: bool,
}

/// Labels that were given.
#[derive(Clone, Debug)]
pub(super) enum GivenLabels {
    File(PathBuf),
    /// Those of ImageNet.
    ImageNet,
    Names(Vec<String>),
    /// None, whatever the card and the file say.
    None,
}

/// How the lowest and highest value of the network's input are known.
#[derive(Clone, Debug, Default)]
pub(super) enum Range {
    /// By the preprocessing.
    #[default]
    OfPreprocessing,
    Unknown,
    Given {
        low: Vec<f32>,
        high: Vec<f32>,
    },
}

/// Whether pictures will be explained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pictures {
    /// If the model takes any.
    #[default]
    Perhaps,
    Yes,
    No,
}

impl SessionOptions {
    /// As the file and the card beside it say.
    pub fn new() -> SessionOptions {
        SessionOptions::default()
    }

    /// How pictures are prepared: `imagenet`, `tensorflow` and `keras` (−1..1), `unit` (0..1), `caffe`, `raw` (0..255), or the path
    /// of a model card (YAML, or Hugging Face's JSON). Default: the card beside the model, else a guess, which
    /// [`Session::notices`](crate::Session::notices) tells.
    pub fn preprocess(mut self, name: impl Into<String>) -> SessionOptions {
        self.preprocess = Some(name.into());
        self
    }

    /// Subtracted per channel after scaling; one number stands for all channels. Default: the card's.
    pub fn mean(mut self, mean: impl Into<Vec<f64>>) -> SessionOptions {
        self.overrides.mean = Some(mean.into());
        self
    }

    /// Divides per channel after that. Default: the card's.
    pub fn std(mut self, std: impl Into<Vec<f64>>) -> SessionOptions {
        self.overrides.std = Some(std.into());
        self
    }

    /// `[height, width]` of the input, for a model that leaves them open. Default: the card's, else 224.
    pub fn size(mut self, size: [usize; 2]) -> SessionOptions {
        self.load.size = Some(size);
        self.overrides.size = Some(size);
        self
    }

    /// Whether the channels are the input's last axis (NHWC) or the first behind the batch (NCHW). Default: read off
    /// the input's shape.
    pub fn channels_last(mut self, is_last: bool) -> SessionOptions {
        let layout = if is_last { Layout::Nhwc } else { Layout::Nchw };
        self.load.layout = Some(layout);
        self.overrides.layout = Some(layout);
        self
    }

    /// The output to explain, for a model that has several. Default: the first.
    pub fn output(mut self, name: impl Into<String>) -> SessionOptions {
        self.load.output_name = Some(name.into());
        self
    }

    /// The most bytes that a value of the network, together with what it is computed from, and all that is computed of
    /// constants may take; a model that asks for more is refused before the memory is. Default: three quarters of what
    /// this machine, or the control group of the process, has.
    pub fn max_memory(mut self, bytes: u64) -> SessionOptions {
        self.load.max_memory = Some(bytes);
        self
    }

    /// Gives an input of the model: of several, or one that is held fixed. An explanation may give others in its place,
    /// but not of one that is held fixed, which becomes a part of the network.
    pub fn input<'a>(
        mut self,
        name: impl Into<String>,
        source: impl Into<Source<'a>>,
    ) -> SessionOptions {
        let (name, source) = (name.into(), source.into());
        self.given.retain(|given| given.name != name);
        self.given.extend(GivenSource::new(name, source));
        self
    }

    /// The inputs that are explained, of several; the others are held fixed, and must be given with
    /// [`SessionOptions::input`]. Default: those of floating point numbers, of bytes, and of token ids.
    pub fn explain_inputs<T: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = T>,
    ) -> SessionOptions {
        let names = names.into_iter().map(T::into).collect();
        self.load.explained = ExplainedInputs::Named(names);
        self
    }

    /// Explains all inputs.
    pub fn explain_all_inputs(mut self) -> SessionOptions {
        self.load.explained = ExplainedInputs::All;
        self
    }

    /// The shape of the input, with or without the batch axis, for a model that leaves axes open. Default: that of the
    /// first array that is explained, where the command line knows it.
    pub fn shape(mut self, shape: impl Into<Vec<usize>>) -> SessionOptions {
        self.load.inputs.push(GivenInput::of_shape(None, shape.into()));
        self
    }

    /// The shape of one of several inputs.
    pub fn shape_of(
        mut self,
        name: impl Into<String>,
        shape: impl Into<Vec<usize>>,
    ) -> SessionOptions {
        self.load.inputs.push(GivenInput::of_shape(Some(name.into()), shape.into()));
        self
    }

    /// Makes one score a class of an output that has one for every position: a map, a sequence, a hidden state.
    pub fn reduce(mut self, reduction: Reduction) -> SessionOptions {
        self.load.reduce = Some(reduction);
        self
    }

    /// The axis of such an output that holds the classes, counted with the batch axis. Default: the last of a sequence,
    /// the second of a map, or the last where the channels of the input are its last axis.
    pub fn class_axis(mut self, axis: usize) -> SessionOptions {
        self.load.class_axis = Some(axis);
        self
    }

    /// Opens a model without its inputs, to look at it: ids are 0, what is held fixed is 1.
    #[doc(hidden)]
    pub fn without_inputs(mut self) -> SessionOptions {
        self.load.fills_in = true;
        self
    }

    /// Operators of ONNX that no rule is known for and that may pass their gradient. Default: none; such an operator
    /// is an error.
    pub fn allow_gradient<T: Into<String>>(
        mut self,
        operators: impl IntoIterator<Item = T>,
    ) -> SessionOptions {
        self.load.allow_gradient = operators.into_iter().map(T::into).collect();
        self
    }

    /// The names of the classes, in the order of the outputs. Default: the card's.
    pub fn labels<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> SessionOptions {
        self.labels = Some(GivenLabels::Names(names.into_iter().map(T::into).collect()));
        self
    }

    /// A file with the names of the classes: one a line, or JSON. Where no file is called so, `imagenet` are the thousand
    /// names of ImageNet, and `none` no names. Default: the card's.
    pub fn labels_file(mut self, path: impl Into<PathBuf>) -> SessionOptions {
        let path = path.into();
        self.labels = Some(match path.to_str() {
            Some("imagenet") if !path.exists() => GivenLabels::ImageNet,
            Some("none") if !path.exists() => GivenLabels::None,
            _ => GivenLabels::File(path),
        });
        self
    }

    /// No names of classes, whatever the card and the model's file say.
    pub fn without_labels(mut self) -> SessionOptions {
        self.labels = Some(GivenLabels::None);
        self
    }

    /// The lowest and the highest value of the network's input, one number or one per channel, for the z-box rule and
    /// for baselines. Default: what the preprocessing gives.
    pub fn input_range(
        mut self,
        low: impl Into<Vec<f32>>,
        high: impl Into<Vec<f32>>,
    ) -> SessionOptions {
        self.range = Range::Given { low: low.into(), high: high.into() };
        self
    }

    /// Leaves the range of the input unknown: a layer that would get the z-box rule gets the next one that matches, and
    /// a notice says so. For arrays that were prepared in another way than pictures are.
    pub fn unknown_input_range(mut self) -> SessionOptions {
        self.range = Range::Unknown;
        self
    }

    /// Whether pictures will be explained: with `true` a preprocessing that does not fit the model is an error at once,
    /// with `false` there is no preprocessing. Default: preprocessing that does not fit is an error with the first
    /// picture.
    pub fn pictures(mut self, are_explained: bool) -> SessionOptions {
        self.pictures = if are_explained { Pictures::Yes } else { Pictures::No };
        self
    }

    /// Does not keep pictures until their explanation is drawn: saves memory, but there are no overlays.
    pub fn drop_pictures(mut self, are_dropped: bool) -> SessionOptions {
        self.drops_pictures = are_dropped;
        self
    }

    /// Single steps of preprocessing.
    #[doc(hidden)]
    pub fn overrides(mut self, overrides: Overrides) -> SessionOptions {
        self.load.size = overrides.size;
        self.load.layout = overrides.layout;
        self.overrides = overrides;
        self
    }

    /// The inputs that will be explained: a model that leaves its shape open takes that of the first array.
    #[doc(hidden)]
    pub fn shaped_by<'a>(mut self, inputs: impl IntoIterator<Item = &'a Path>) -> SessionOptions {
        let array = inputs.into_iter().find(|path| is_array_file(path));
        self.load.inputs.extend(array.and_then(|path| {
            let file = read_array(path).ok()?;
            let values = Tensor::new(&file.shape, &file.values).ok();
            Some(GivenInput { name: None, shape: file.shape, values, is_table: file.is_table })
        }));
        self
    }

    /// What an input is where an explanation does not say.
    pub(super) fn given(&self, name: &str) -> Option<&GivenSource> {
        self.given.iter().find(|given| given.name == name)
    }

    /// Keeps tract's graph of the file, to compare with; costs memory.
    #[doc(hidden)]
    pub fn with_reference(mut self) -> SessionOptions {
        self.has_reference = true;
        self
    }

    /// Reads what lies beside the model, but not the model.
    #[doc(hidden)]
    pub fn describe(self, model: impl AsRef<Path>) -> Result<Described> {
        let path = model.as_ref().to_path_buf();
        let mut notices = vec![];
        let cards = Cards::read(&path, self.preprocess.as_deref(), &mut notices)?;
        let given = self.labels.as_ref().map(GivenLabels::read).transpose()?.flatten();
        Ok(Described { path, options: self, cards, given, notices })
    }
}

impl GivenLabels {
    fn read(&self) -> Result<Option<Labels>> {
        match self {
            GivenLabels::File(path) => Labels::read(path).map(Some),
            GivenLabels::ImageNet => Ok(Some(Labels::imagenet(1000))),
            GivenLabels::Names(names) => Labels::new(names.clone()).map(Some),
            GivenLabels::None => Ok(None),
        }
        .kind(Error::Labels)
    }

    fn describe(&self) -> String {
        match self {
            GivenLabels::File(path) => format!("the labels {}", path.display()),
            GivenLabels::ImageNet => "ImageNet's labels".to_string(),
            GivenLabels::Names(_) | GivenLabels::None => "the given labels".to_string(),
        }
    }
}

/// A model of which everything but the file itself was read.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Described {
    pub(super) path: PathBuf,
    pub(super) options: SessionOptions,
    pub(super) cards: Cards,
    given: Option<Labels>,
    pub(super) notices: Vec<Notice>,
}

impl Described {
    /// The names of the classes: those given, else the card's.
    pub fn labels(&self) -> Option<&[String]> {
        self.known_labels().map(Labels::names)
    }

    fn known_labels(&self) -> Option<&Labels> {
        match self.options.labels {
            Some(_) => self.given.as_ref(),
            None => self.cards.labels().map(|(labels, _)| labels),
        }
    }

    /// Whether no names are wanted, not even those in the model's file.
    pub(super) fn is_without_labels(&self) -> bool {
        matches!(self.options.labels, Some(GivenLabels::None))
    }

    /// The same with other options, but for those that say what lies beside the model.
    pub fn with(self, change: impl FnOnce(SessionOptions) -> SessionOptions) -> Described {
        Described { options: change(self.options), ..self }
    }

    /// What the file is read with; the card fills in what it leaves open.
    pub(super) fn load_options(&self) -> Result<LoadOptions> {
        let mut load = LoadOptions {
            card_size: self.cards.size(),
            is_without_reference: !self.options.has_reference,
            ..self.options.load.clone()
        };
        for given in &self.options.given {
            load.inputs.extend(given.array()?);
        }
        Ok(load)
    }

    /// The labels for so many classes.
    pub(super) fn checked_labels(&self, classes: usize) -> Result<Option<Labels>> {
        if matches!(self.options.labels, Some(GivenLabels::ImageNet)) && classes == 1001 {
            return Ok(Some(Labels::imagenet(classes)));
        }
        let Some(labels) = self.known_labels() else { return Ok(None) };
        labels.check_count(classes).map_err(|error| {
            let origin = match (&self.options.labels, self.cards.labels()) {
                (None, Some((_, card))) => format!("the labels of {}", card.origin),
                (given, _) => {
                    given.as_ref().map_or_else(|| "the labels".to_string(), GivenLabels::describe)
                }
            };
            let text = format!(
                "{origin} do not fit the model: give the right ones with --labels FILE, or --labels none to go \
                 without names"
            );
            Error::of(Error::Labels, error.context(text))
        })?;
        Ok(Some(labels.clone()))
    }

    /// The range that was given, checked.
    pub(super) fn given_range(&self) -> Result<Option<(Vec<f32>, Vec<f32>)>> {
        let Range::Given { low, high } = &self.options.range else { return Ok(None) };
        let has_order = low.iter().zip(high).all(|(low, high)| low < high);
        let checked = match (low.len() == high.len(), has_order) {
            (true, true) => Ok((low.clone(), high.clone())),
            (true, false) => Err(anyhow!("the lowest value must be below the highest")),
            (false, _) => Err(anyhow!(
                "the lowest value is given for {} channels, the highest for {}",
                low.len(),
                high.len()
            )),
        };
        checked.kind(Error::Input).map(Some)
    }
}
