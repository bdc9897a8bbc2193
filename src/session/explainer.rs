//! A model, compiled for one method and composite: explains any number of inputs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::{cores, in_parallel};
use super::context::Context;
use super::explanation::{Asked, Explanation, Timing};
use super::frame::Frame;
use super::input::Input;
use super::method::Method;
use super::notice::Notice;
use super::passes::{Family, Passes, Run};
use super::prediction::{Class, Prediction};
use super::sign::Sign;
use super::source::Source;
use super::start_up::StartUp;
use super::target::{Target, Targets};
use super::turn::Turns;
use crate::canonize::{PassReport, PassSelection};
use crate::error::{Error, Kind, Result};
use crate::explain::{self, Initial, Prepack, TargetClass};
use crate::heatmap::Rendering;
use crate::method::{self, Cancelled, ForwardPass, PreparedMethod, TargetSpec};
use crate::method::{Unwatched, Watch};
use crate::network::Quantity;

/// A model with a method and a composite, compiled: explains any number of inputs, from any number of threads.
pub struct Explainer {
    pub(super) context: Arc<Context>,
    pub(super) method: Method,
    pub(super) prepared: PreparedMethod,
    pub(super) composite: String,
    pub(super) composite_text: String,
    pub(super) layer: Option<String>,
    pub(super) canonization: Vec<PassReport>,
    pub(super) initial: Initial,
    /// Whether the user asked for it; else it is the composite's.
    pub(super) is_initial_asked: bool,
    pub(super) frames: Vec<Frame>,
    pub(super) turns: Turns,
    pub(super) notices: Vec<Notice>,
    pub(super) start_up: StartUp,
    /// With whom it can share forward passes.
    pub(super) family: Family,
    pub(super) passes: PassSelection,
    pub(super) prepack: Prepack,
}

impl Explainer {
    /// The forward passes on one input of these explainers, to be given to [`Explainer::explain_each_by`] of each.
    #[doc(hidden)]
    pub fn passes<'a>(explainers: impl IntoIterator<Item = &'a Explainer>) -> Passes {
        Passes::of(explainers.into_iter().map(|explainer| &explainer.family))
    }

    /// What was chosen: the composite and why, the method's parameters, the rewrites of the network.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// What the explained value of a class means.
    pub fn explained(&self) -> Quantity {
        self.context.explained()
    }

    /// The name of the composite that is used.
    pub fn composite(&self) -> &str {
        &self.composite
    }

    /// The method as tables name it: with its composite, where it takes one.
    #[doc(hidden)]
    pub fn title(&self) -> String {
        match self.method.takes_composite() {
            true => format!("{}:{}", self.method.name(), self.composite),
            false => self.method.name().to_string(),
        }
    }

    /// The YAML of the composite.
    #[doc(hidden)]
    pub fn composite_text(&self) -> &str {
        &self.composite_text
    }

    /// The layer that relevance stops at; `None`: at the inputs.
    pub(super) fn layer(&self) -> Option<&str> {
        self.layer.as_deref()
    }

    /// The relevance that is put in at the target.
    pub fn initial(&self) -> Initial {
        self.initial
    }

    /// How many samples the explanation of one class takes at most: what a progress bar counts to.
    pub fn sample_count(&self) -> usize {
        self.prepared.method().samples(self.context.picture()).unwrap_or(1)
    }

    /// How relevance is drawn by default: as suits the method.
    pub fn rendering(&self) -> Rendering {
        Rendering::suited_to(self.method.normalization())
    }

    /// How long it took to get here.
    pub fn start_up(&self) -> StartUp {
        self.start_up
    }

    /// As [`Session::prepare`](crate::Session::prepare).
    ///
    /// # Errors
    /// [`Error::Input`] or [`Error::Preprocessing`].
    pub fn prepare<'a>(&self, source: impl Into<Source<'a>>) -> Result<Input> {
        self.context.prepare(source.into())
    }

    /// As [`Session::resolve`](crate::Session::resolve).
    ///
    /// # Errors
    /// [`Error::Target`].
    pub fn resolve(&self, targets: &Targets) -> Result<Targets> {
        targets.resolved(|target| self.context.resolved(target))
    }

    /// Explains the strongest class.
    ///
    /// # Errors
    /// [`Error::Input`] and [`Error::Preprocessing`] for an input that cannot be used, [`Error::Method`] where the
    /// method cannot be applied to it, [`Error::Computation`] where the network's output is not finite.
    pub fn explain<'a>(&self, source: impl Into<Source<'a>>) -> Result<Explanation> {
        self.explain_target(source, Target::Top)
    }

    /// Explains one class.
    ///
    /// # Errors
    /// As [`Explainer::explain`], and [`Error::Target`] when there is no such class. Of several classes the first one
    /// is explained.
    pub fn explain_target<'a>(
        &self,
        source: impl Into<Source<'a>>,
        target: impl Into<Target>,
    ) -> Result<Explanation> {
        let mut first = None;
        let keep = |explanation| {
            first = Some(explanation);
            false
        };
        let targets = target.into().into();
        self.explain_each(source, &targets, &Unwatched, |_, _| Ok::<_, Error>(()), keep)?;
        first.ok_or_else(|| {
            Error::of(Error::Target, anyhow::anyhow!("there is no class to be explained"))
        })
    }

    /// Explains all targets of an input, after one run of the network.
    ///
    /// # Errors
    /// As [`Explainer::explain_target`], and [`Error::Cancelled`].
    pub fn explain_targets<'a>(
        &self,
        source: impl Into<Source<'a>>,
        targets: &Targets,
        watch: &dyn Watch,
    ) -> Result<Vec<Explanation>> {
        let mut all = vec![];
        let keep = |explanation| {
            all.push(explanation);
            true
        };
        self.explain_each(source, targets, watch, |_, _| Ok::<_, Error>(()), keep)?;
        Ok(all)
    }

    /// Explains all targets of many inputs: one after the other where an explanation has several threads, else as many
    /// at the same time as there are cores. Results come in the order of the inputs, an error in its input's place.
    ///
    /// Everything is kept until the last one is done; [`Explainer::explain_each`] hands out one at a time.
    pub fn explain_batch<S: Sync>(
        &self,
        sources: &[S],
        targets: &Targets,
        watch: &dyn Watch,
    ) -> Vec<Result<Vec<Explanation>>>
    where
        for<'a> &'a S: Into<Source<'a>>,
    {
        in_parallel(sources, self.jobs(), |source| match watch.is_cancelled() {
            true => Err(Error::Cancelled),
            false => self.explain_targets(source, targets, watch),
        })
    }

    /// Explains all targets of an input and hands out one at a time.
    ///
    /// `begin` sees the prediction and the classes before any is explained; `emit` takes an explanation and says
    /// whether it wants more. Where explanations take turns, neither may ask this explainer for another one, nor wait
    /// for a thread that does: it would wait for itself.
    ///
    /// # Errors
    /// As [`Explainer::explain_targets`], and that of `begin`.
    pub fn explain_each<'a, E: From<Error>>(
        &self,
        source: impl Into<Source<'a>>,
        targets: &Targets,
        watch: &dyn Watch,
        begin: impl FnOnce(&Prediction, &[Class]) -> Result<(), E>,
        emit: impl FnMut(Explanation) -> bool,
    ) -> Result<(), E> {
        let input = self.prepare(source)?;
        self.explain_each_by(&mut Explainer::passes([self]), &input, targets, watch, begin, emit)
    }

    /// The same, by forward passes that other explainers use too.
    ///
    /// # Errors
    /// As [`Explainer::explain_each`].
    #[doc(hidden)]
    pub fn explain_each_by<E: From<Error>>(
        &self,
        passes: &mut Passes,
        input: &Input,
        targets: &Targets,
        watch: &dyn Watch,
        begin: impl FnOnce(&Prediction, &[Class]) -> Result<(), E>,
        mut emit: impl FnMut(Explanation) -> bool,
    ) -> Result<(), E> {
        let targets = self.resolve(targets)?;
        let _turn = self.turns.take();
        let (pass, run) = passes.take(&self.family, || self.run(input))?;
        let classes = targets.classes(&run.logits)?;
        let found: Vec<Class> =
            classes.iter().filter_map(|class| run.prediction.class(class.index)).collect();
        begin(&run.prediction, &found)?;
        let drawing = self.drawing(input);
        // The last class may use the forward pass up.
        let passes = std::iter::repeat_n(pass, classes.len());
        for ((class, found), pass) in classes.into_iter().zip(found).zip(passes) {
            let rival = targets.rival(class, &run.logits)?;
            let (explanation, propagate) = self.propagate(pass, class, rival, watch)?;
            let against = rival.and_then(|rival| run.prediction.class(rival.index));
            let divides = explain::divides_by_output(self.engine().program());
            let asked = Asked {
                prediction: run.prediction.clone(),
                sign: Sign::of(self.initial, divides, &found, against.as_ref()),
                class: found,
                against,
                explained: self.context.explained_in(&run.prediction),
            };
            let timing = Timing { forward: run.elapsed, propagate };
            let relevance = self.relevance(&explanation)?;
            let (drawing, notices) = (drawing.clone(), input.notices.clone());
            if !emit(Explanation::new((explanation, relevance), asked, drawing, timing, notices)) {
                break;
            }
        }
        Ok(())
    }

    /// Runs the network.
    ///
    /// # Errors
    /// [`Error::Input`], [`Error::Preprocessing`] or [`Error::Computation`].
    pub fn predict<'a>(&self, source: impl Into<Source<'a>>) -> Result<Prediction> {
        let input = self.prepare(source)?;
        let _turn = self.turns.take();
        Ok(self.run(&input)?.1.prediction)
    }

    /// Runs the network on many inputs, at the same time as [`Explainer::explain_batch`] does. Predictions come in the
    /// order of the inputs.
    ///
    /// # Errors
    /// That of the first input that cannot be used.
    pub fn predict_batch<S: Sync>(&self, sources: &[S]) -> Result<Vec<Prediction>>
    where
        for<'a> &'a S: Into<Source<'a>>,
    {
        in_parallel(sources, self.jobs(), |source| self.predict(source)).into_iter().collect()
    }

    /// Inputs that are explained at the same time.
    fn jobs(&self) -> usize {
        if self.turns.are_taken() { 1 } else { cores() }
    }

    pub(super) fn run(&self, input: &Input) -> Result<(ForwardPass, Run)> {
        let inputs = self.context.network_inputs(input)?;
        let begin = Instant::now();
        let forward = || self.prepared.forward(inputs).kind(Error::Input);
        let pass = self.turns.run(forward)?;
        let logits = pass.activations.logits().kind(Error::Computation)?.clone();
        let prediction = self.context.prediction(&logits)?;
        Ok((pass, Run { logits, prediction, elapsed: begin.elapsed() }))
    }

    fn propagate(
        &self,
        pass: ForwardPass,
        class: TargetClass,
        rival: Option<TargetClass>,
        watch: &dyn Watch,
    ) -> Result<(method::Explanation, Duration)> {
        let begin = Instant::now();
        let target = TargetSpec {
            class: class.index,
            against: rival.map(|rival| rival.index),
            initial: self.initial,
        };
        let explained = self.turns.run(|| {
            self.prepared.explain(pass, target, watch).map_err(|error| {
                match error.is::<Cancelled>() {
                    true => Error::Cancelled,
                    false => Error::of(Error::Method, error),
                }
            })
        });
        Ok((explained?, begin.elapsed()))
    }

    /// The compiled network.
    #[doc(hidden)]
    pub fn engine(&self) -> &explain::Explainer {
        self.prepared.explainer()
    }

    /// What the rewrites of the network did.
    #[doc(hidden)]
    pub fn canonization(&self) -> &[PassReport] {
        &self.canonization
    }

    /// The steps of preprocessing.
    #[doc(hidden)]
    pub fn preprocessing(&self) -> Option<&crate::picture::Preprocessing> {
        let mut inputs = self.context.inputs.iter();
        let preprocessor = inputs.find_map(|input| input.preprocessor.as_ref().ok());
        preprocessor.map(crate::picture::Preprocessor::steps)
    }
}
