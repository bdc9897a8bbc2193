//! The first two steps of an input: decode; forward and propagate. The third is to [`render`](super::render).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use indicatif::ProgressBar;

use onnxplain::io::is_array_file;
use onnxplain::session::{Drawn, Passes};
use onnxplain::{Class, Explainer, Explanation, Input, Notice, Severity, Targets};

use super::kinds::{Canvas, Saved};
use super::outputs::Outputs;
use super::report::Seconds;
use super::scales::ScaleWord;
use crate::cli::batch::inputs::InputFile;
use crate::cli::method_options::SampleWatch;
use crate::cli::ways::Way;

/// What every input needs, loaded once.
pub struct Job {
    /// The ways to explain an input; one at least.
    pub ways: Vec<Way>,
    /// Opens the model for an input of another shape or of other token ids, where it can be.
    pub reopen: Option<Reopen>,
    /// Whether all inputs are given by their names, so that there is nothing to be read.
    pub is_named: bool,
    /// The files of inputs by their names.
    pub given: BTreeMap<String, String>,
    /// How the output becomes one score a class.
    pub reduction: Option<String>,
    /// The words of the tokens.
    pub words: Option<Vec<String>>,
    pub targets: Targets,
    pub outputs: Outputs,
    /// Whether reports have the logits of all classes.
    pub has_all_logits: bool,
    /// Which results of an input share the scale of their colours.
    pub scale: Option<ScaleWord>,
    pub model: String,
    /// What was assumed about the model and its input, for figures.
    pub assumed: Vec<String>,
    /// What was said before the first input; part of every report.
    pub said: Vec<Notice>,
    /// Counts the samples of a single input.
    pub samples: ProgressBar,
}

/// Compiles the model for the input of a file, in all ways.
pub type Reopen = Box<dyn Fn(&Path) -> Result<Vec<Explainer>> + Send + Sync>;

/// An input that is read.
pub struct Decoded<'a> {
    /// The model in all ways, where it was opened for this input.
    own: Option<Vec<Explainer>>,
    input: Input,
    source: Source<'a>,
}

/// Where an input comes from, and which files its results become.
pub(super) struct Source<'a> {
    pub file: &'a InputFile,
    /// What is doubtful about it: a sentence each.
    pub warnings: Vec<String>,
    saved: Vec<Saved>,
    seconds: Seconds,
}

/// The relevance of an input for one target, in one of the ways.
pub struct Attributed<'a> {
    pub(super) source: Arc<Source<'a>>,
    /// Which way to explain it is.
    pub(super) way: usize,
    pub(super) explanation: Explanation,
    pub(super) seconds: Seconds,
}

impl Job {
    /// The model, as the first way has it: what all ways have in common.
    pub fn explainer(&self) -> &Explainer {
        &self.ways[0].explainer
    }

    /// How long it took to get here.
    pub fn start_up(&self) -> Seconds {
        let all = || self.ways.iter().map(|way| way.explainer.start_up());
        Seconds {
            load: self.explainer().start_up().load.as_secs_f64(),
            canonize: all().map(|it| it.canonize.as_secs_f64()).sum(),
            compile: all().map(|it| it.compile.as_secs_f64()).sum(),
            ..Seconds::default()
        }
    }

    /// What there is to draw the relevance on, input by input.
    pub fn canvases(&self, has_photo: bool) -> Vec<Canvas> {
        let canvas = |drawn| match drawn {
            Drawn::Not => Canvas::Nothing,
            Drawn::OverValues => Canvas::Values,
            Drawn::OverPicture if has_photo => Canvas::Photo,
            Drawn::OverPicture => Canvas::Array,
        };
        self.explainer().drawn().map(canvas).collect()
    }

    /// Reads an input, for the model that was opened or one that is opened for it.
    fn read(&self, file: &InputFile) -> Result<(Option<Vec<Explainer>>, Input)> {
        let source = || match self.is_named {
            true => onnxplain::Source::Named(vec![]),
            false => (&file.path).into(),
        };
        let (own, input) = match (self.explainer().prepare(source()), &self.reopen) {
            (Err(error), Some(reopen)) if is_array_file(&file.path) => {
                let opened = reopen(&file.path);
                let opened =
                    opened.with_context(|| format!("cannot explain {}", file.path.display()))?;
                let Some(explainer) = opened.first() else { return Err(error.into()) };
                let input = explainer.prepare(source())?;
                (Some(opened), input)
            }
            (input, _) => (None, input?),
        };
        let explainer = own.as_ref().and_then(|own| own.first()).unwrap_or(self.explainer());
        let input = match &self.words {
            Some(words) => explainer.with_words(input, words)?,
            None => input,
        };
        Ok((own, input))
    }

    /// Reads one input.
    ///
    /// # Errors
    /// Names the input.
    pub fn decode<'a>(&self, file: &'a InputFile) -> Result<Decoded<'a>> {
        let begin = Instant::now();
        let (own, input) = self.read(file)?;
        let (saved, obstacles) = self
            .outputs
            .saved(&self.canvases(input.picture().is_some()))
            .with_context(|| format!("cannot explain {}", file.path.display()))?;
        let told = input.notices().iter().filter(|notice| notice.severity > Severity::Detail);
        let warnings = told.map(|notice| notice.text.clone());
        let warnings = warnings.chain(obstacles.into_iter().map(String::from)).collect();
        let seconds = Seconds { decode: begin.elapsed().as_secs_f64(), ..self.start_up() };
        Ok(Decoded { own, input, source: Source { file, warnings, saved, seconds } })
    }

    /// Computes the relevance for every target in every way, as long as `emit` wants more.
    ///
    /// # Errors
    /// Names the input.
    pub fn attribute<'a>(
        &self,
        decoded: Decoded<'a>,
        emit: &mut dyn FnMut(Attributed<'a>) -> bool,
    ) -> Result<()> {
        let Decoded { own, input, source } = decoded;
        let source = Arc::new(source);
        let explainers: Vec<&Explainer> = match &own {
            Some(own) => own.iter().collect(),
            None => self.ways.iter().map(|way| &way.explainer).collect(),
        };
        // The network runs once for all ways that need it in the same form.
        let mut passes = Explainer::passes(explainers.iter().copied());
        for way in explainers.into_iter().enumerate() {
            let explained = self.attribute_in_a_way(way, &input, &source, (&mut passes, emit));
            let is_wanted = explained
                .with_context(|| format!("cannot explain {}", source.file.path.display()))?;
            if !is_wanted {
                break;
            }
        }
        Ok(())
    }

    /// The results of one way; whether more are wanted.
    fn attribute_in_a_way<'a>(
        &self,
        (way, explainer): (usize, &Explainer),
        input: &Input,
        source: &Arc<Source<'a>>,
        (passes, emit): (&mut Passes, &mut dyn FnMut(Attributed<'a>) -> bool),
    ) -> Result<bool> {
        let watch = SampleWatch(self.samples.clone());
        let (left, is_wanted) = (Cell::new(0), Cell::new(true));
        let begin = |_: &_, classes: &[Class]| {
            left.set(classes.len());
            self.samples.reset();
            self.samples.set_length(explainer.sample_count() as u64);
            classes.iter().try_for_each(|class| {
                self.outputs.refuse_existing(&self.paths(source, class.index, way))
            })
        };
        let hand_out = |explanation: Explanation| {
            left.set(left.get() - 1);
            if left.get() > 0 {
                self.samples.reset();
            }
            let seconds = source.seconds_of(&explanation);
            is_wanted.set(emit(Attributed {
                source: Arc::clone(source),
                way,
                explanation,
                seconds,
            }));
            is_wanted.get()
        };
        explainer.explain_each_by(passes, input, &self.targets, &watch, begin, hand_out)?;
        Ok(is_wanted.get())
    }

    pub(super) fn paths(
        &self,
        source: &Source,
        class: usize,
        way: usize,
    ) -> BTreeMap<Saved, PathBuf> {
        self.outputs.paths(&source.file.stem, class, way, &source.saved)
    }
}

impl Source<'_> {
    fn seconds_of(&self, explanation: &Explanation) -> Seconds {
        let timing = explanation.timing();
        Seconds {
            forward: timing.forward.as_secs_f64(),
            propagate: timing.propagate.as_secs_f64(),
            ..self.seconds
        }
    }
}
