//! An opened model.

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::canonized::Canonized;
use super::choice::recognised;
use super::context::{Context, InputContext};
use super::explainer::Explainer;
use super::explainer_options::ExplainerOptions;
use super::explanation::Explanation;
use super::input::Input;
use super::notice::Notice;
use super::options::SessionOptions;
use super::prediction::Prediction;
use super::source::Source;
use super::target::{Target, Targets};
use crate::composite::InputKnowledge;
use crate::error::{Error, Kind, Result};
use crate::network::{Family, Interval};
use crate::onnx::{Model, Part};
use crate::parallel::locked;
use crate::picture::{Labels, Preprocessing, Preprocessor};
use crate::tensor::{Tensor, Tensors};

/// An opened model, with all that is known about it: preprocessing, labels, range of the input.
///
/// It explains by itself as the architecture suggests; [`Session::explainer`] compiles it for other methods and
/// composites, as many as wanted. It can be shared between any number of threads.
///
/// ```
/// # fn main() -> Result<(), onnxplain::Error> {
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-models");
/// # let (model, picture) = (format!("{folder}/fashion_vgg.onnx"), format!("{folder}/photos/fashion/bag.png"));
/// let session = onnxplain::Session::open(&model)?;
/// let explanation = session.explain(&picture)?;
/// assert_eq!(explanation.class().label.as_deref(), Some("Bag"));
/// assert_eq!(explanation.relevance().shape(), [1, 28, 28]);
/// # Ok(())
/// # }
/// ```
pub struct Session {
    context: Arc<Context>,
    model: Model,
    notices: Vec<Notice>,
    guesses_preprocessing: bool,
    /// Explains by itself; compiled when it is asked for.
    default: Mutex<Option<Arc<Explainer>>>,
}

impl Session {
    pub(super) fn new(
        context: Arc<Context>,
        model: Model,
        notices: Vec<Notice>,
        guesses_preprocessing: bool,
    ) -> Session {
        Session { context, model, notices, guesses_preprocessing, default: Mutex::new(None) }
    }

    /// Opens a model, as the card beside it says; [`SessionOptions`] says more.
    ///
    /// # Errors
    /// [`Error::Model`], [`Error::Preprocessing`] or [`Error::Labels`].
    pub fn open(model: impl AsRef<Path>) -> Result<Session> {
        SessionOptions::new().open(model)
    }

    /// What was assumed about the model: one sentence each.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Whether nothing says how pictures are prepared, so that it was guessed.
    #[doc(hidden)]
    pub fn guesses_preprocessing(&self) -> bool {
        self.guesses_preprocessing
    }

    /// The shape of the model's input, the batch axis (1) included: of the first that is explained, where there are
    /// several.
    pub fn input_shape(&self) -> &[usize] {
        &self.context.inputs[0].model.shape
    }

    /// The names and shapes of the inputs that are explained; [`SessionOptions::explain_inputs`] chooses them.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.context.inputs.iter().map(|input| (&*input.model.name, &*input.model.shape))
    }

    /// The names of the inputs that are held fixed.
    pub fn fixed_inputs(&self) -> &[String] {
        &self.context.fixed
    }

    /// The number of classes: of the numbers that the network puts out.
    pub fn class_count(&self) -> usize {
        self.context.classes
    }

    /// The names of the classes, where they are known.
    pub fn labels(&self) -> Option<&[String]> {
        self.context.labels.as_deref().map(Labels::names)
    }

    /// The steps from a picture to the network's input, in a line. [`Session::notices`] says where they come from.
    ///
    /// # Errors
    /// [`Error::Preprocessing`] where the model takes no pictures, or the preprocessing does not fit it.
    pub fn preprocessing(&self) -> Result<String> {
        match &self.context.inputs[0].preprocessor {
            Ok(preprocessor) => Ok(preprocessor.steps().to_string()),
            Err(error) => Err(error.clone()),
        }
    }

    /// The steps from a picture to the (first) input, every one filled in.
    ///
    /// # Errors
    /// As [`Session::preprocessing`].
    #[doc(hidden)]
    pub fn steps(&self) -> Result<&Preprocessing> {
        let preprocessor = self.context.inputs[0].preprocessor.as_ref();
        preprocessor.map(Preprocessor::steps).map_err(Clone::clone)
    }

    /// The lowest and the highest value of the (first) input, one number or one per channel, where they are known.
    pub fn input_range(&self) -> Option<(&[f32], &[f32])> {
        self.context.inputs[0].range.as_ref().map(|range| (&*range.low, &*range.high))
    }

    /// Reads a picture or an array and makes it the network's input, to be used several times or by another thread.
    ///
    /// # Errors
    /// [`Error::Input`] when it cannot be read or does not fit the model, [`Error::Preprocessing`] where the model takes
    /// no pictures.
    pub fn prepare<'a>(&self, source: impl Into<Source<'a>>) -> Result<Input> {
        self.context.prepare(source.into())
    }

    /// Whether the network was made for the first input that is explained: of other ids, or of another shape where the
    /// file leaves it open, the model must be opened anew.
    #[doc(hidden)]
    pub fn is_made_for_input(&self) -> bool {
        let mut inputs = self.context.inputs.iter().map(|input| &input.model);
        inputs.any(|input| input.is_open || input.given.is_some())
    }

    /// What the network reads of an input, a tensor for each of its inputs.
    ///
    /// # Errors
    /// As [`Session::prepare`].
    #[doc(hidden)]
    pub fn network_inputs<'a>(&self, source: impl Into<Source<'a>>) -> Result<Tensors> {
        let context = &self.context;
        context.network_inputs(&context.prepare(source.into())?)
    }

    /// The targets with the classes that their labels mean, checked.
    ///
    /// # Errors
    /// [`Error::Target`] when a class does not exist, a label fits none or several, or a class is compared with itself.
    pub fn resolve(&self, targets: &Targets) -> Result<Targets> {
        targets.resolved(|target| self.context.resolved(target))
    }

    /// One target with the class that its label means, checked.
    ///
    /// # Errors
    /// [`Error::Target`] when the class does not exist, or a label fits none or several.
    #[doc(hidden)]
    pub fn resolve_one(&self, target: &Target) -> Result<Target> {
        self.context.resolved(target)
    }

    /// What should be said about a target as it was given: that its number is the name of another class.
    #[doc(hidden)]
    pub fn note_about(&self, target: &Target) -> Option<Notice> {
        target.note(self.context.labels.as_deref())
    }

    /// Compiles the model for a method and a composite: [`ExplainerOptions`], a [`Method`](crate::Method) or a
    /// [`Composite`](crate::Composite).
    ///
    /// # Errors
    /// [`Error::Composite`] where the composite does not fit the network, [`Error::Method`] where the method does not.
    pub fn explainer(&self, options: impl Into<ExplainerOptions>) -> Result<Explainer> {
        self.model.check_classes().kind(Error::Model)?;
        self.compile(self.canonized(options.into())?)
    }

    /// As [`Session::explainer`], for a session that is not needed any more: weights that are repacked do not stay in
    /// memory twice.
    ///
    /// # Errors
    /// As [`Session::explainer`].
    pub fn into_explainer(self, options: impl Into<ExplainerOptions>) -> Result<Explainer> {
        let Session { context, model, .. } = self;
        model.check_classes().kind(Error::Model)?;
        Explainer::new(context, Canonized::new(model.network, options.into())?, &[])
    }

    /// Compiles the model for several methods and composites. Those that need the network in the same form share what its
    /// forward pass runs by.
    ///
    /// # Errors
    /// As [`Session::explainer`].
    pub fn explainers(
        &self,
        all: impl IntoIterator<Item = ExplainerOptions>,
    ) -> Result<Vec<Explainer>> {
        self.model.check_classes().kind(Error::Model)?;
        let mut compiled = vec![];
        for options in all {
            let canonized = self.canonized(options)?;
            compiled.push(Explainer::new(Arc::clone(&self.context), canonized, &compiled)?);
        }
        Explainer::share_passes(&mut compiled)?;
        Ok(compiled)
    }

    /// As [`Session::explainers`], for a session that is not needed any more; `see` is told what was chosen for each before
    /// it is compiled, and what else there is to say about it after.
    ///
    /// # Errors
    /// As [`Session::explainer`].
    #[doc(hidden)]
    pub fn into_explainers_telling(
        self,
        all: Vec<ExplainerOptions>,
        mut see: impl FnMut(&Notice),
    ) -> Result<Vec<Explainer>> {
        let Session { context, model, .. } = self;
        model.check_classes().kind(Error::Model)?;
        let mut compiled: Vec<Explainer> = vec![];
        let count = all.len();
        // The last one takes the weights over.
        let networks = std::iter::repeat_n(model.network, count);
        for (options, network) in all.into_iter().zip(networks) {
            let canonized = Canonized::new(network, options)?;
            let told = canonized.notices.len();
            canonized.notices.iter().for_each(&mut see);
            let explainer = Explainer::new(Arc::clone(&context), canonized, &compiled)?;
            explainer.notices().iter().skip(told).for_each(&mut see);
            compiled.push(explainer);
        }
        Explainer::share_passes(&mut compiled)?;
        Ok(compiled)
    }

    /// Explains the strongest class by LRP, with the composite that suits the architecture, on all cores.
    ///
    /// # Errors
    /// As [`Session::explainer`] and [`Explainer::explain`].
    pub fn explain<'a>(&self, source: impl Into<Source<'a>>) -> Result<Explanation> {
        self.default_explainer()?.explain(source)
    }

    /// Runs the network.
    ///
    /// # Errors
    /// As [`Session::explainer`] and [`Explainer::predict`].
    pub fn predict<'a>(&self, source: impl Into<Source<'a>>) -> Result<Prediction> {
        self.default_explainer()?.predict(source)
    }

    /// Runs the network on many inputs.
    ///
    /// # Errors
    /// As [`Session::explainer`] and [`Explainer::predict_batch`].
    pub fn predict_batch<S: Sync>(&self, sources: &[S]) -> Result<Vec<Prediction>>
    where
        for<'a> &'a S: Into<Source<'a>>,
    {
        self.default_explainer()?.predict_batch(sources)
    }

    fn default_explainer(&self) -> Result<Arc<Explainer>> {
        let mut default = locked(&self.default);
        if let Some(explainer) = &*default {
            return Ok(Arc::clone(explainer));
        }
        let explainer = Arc::new(self.explainer(ExplainerOptions::new())?);
        Ok(Arc::clone(default.insert(explainer)))
    }

    /// The network with the composite that is used on it, rewritten, but not compiled.
    ///
    /// # Errors
    /// [`Error::Composite`] or [`Error::Method`].
    #[doc(hidden)]
    pub fn canonized(&self, options: ExplainerOptions) -> Result<Canonized> {
        Canonized::new(self.model.network.clone(), options)
    }

    /// Compiles what [`Session::canonized`] gave.
    ///
    /// # Errors
    /// As [`Session::explainer`].
    #[doc(hidden)]
    pub fn compile(&self, canonized: Canonized) -> Result<Explainer> {
        Explainer::new(Arc::clone(&self.context), canonized, &[])
    }

    /// The architecture family, which decides what composite is taken by default.
    ///
    /// # Errors
    /// [`Error::Model`] when a rewrite meets shapes that contradict each other.
    #[doc(hidden)]
    pub fn family(&self) -> Result<Family> {
        Ok(Family::of(&recognised(&self.model.network)?))
    }

    /// What will be known of the input where relevance is computed, for tables of rules: for a picture something that
    /// preprocessing could give, for an array nothing but what its type says.
    ///
    /// # Errors
    /// [`Error::Model`] when the memory cannot be had.
    #[doc(hidden)]
    pub fn knowledge(&self) -> Result<InputKnowledge> {
        let mut known = vec![];
        for InputContext { model, .. } in &self.context.inputs {
            for part in &model.parts {
                let is_known = model.picture.is_some() || model.range.is_some();
                if !is_known || !matches!(part, Part::Whole) {
                    known.push(None);
                    continue;
                }
                let [low, high] = model.range.unwrap_or([-3.0, 3.0]);
                let filled = |end| Tensor::filled(&model.shape, end).kind(Error::Model);
                known.push(Some(Interval { low: filled(low)?, high: filled(high)? }));
            }
        }
        Ok(InputKnowledge::Within(known))
    }

    /// What every explanation of the model needs to know about it.
    pub(super) fn context(&self) -> Arc<Context> {
        Arc::clone(&self.context)
    }

    /// The path of the model file.
    #[doc(hidden)]
    pub fn path(&self) -> &Path {
        &self.context.file.path
    }

    /// The model as it was loaded.
    #[doc(hidden)]
    pub fn model(&self) -> &Model {
        &self.model
    }
}
