//! The first two steps of an input: decode; forward and propagate. The third is to [`render`](super::render).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use indicatif::ProgressBar;

use onnxplain::{Class, Explainer, Explanation, Input, Notice, Targets};

use super::inputs::InputFile;
use super::method::SampleWatch;
use super::outputs::{Canvas, Kind, Outputs};
use super::report::Seconds;
use super::scales::ScaleWord;
use super::ways::Way;

/// What every input needs, loaded once.
pub struct Job {
    /// The ways to explain an input; one at least.
    pub ways: Vec<Way>,
    pub targets: Targets,
    pub outputs: Outputs,
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

/// An input that is read.
pub struct Decoded<'a> {
    input: Input,
    source: Source<'a>,
}

/// Where an input comes from, and which files its results become.
pub(super) struct Source<'a> {
    pub file: &'a InputFile,
    /// What is doubtful about it: a sentence each.
    pub warnings: Vec<String>,
    kinds: Vec<Kind>,
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

    /// What there is to draw the relevance of an input on.
    pub fn canvas(&self, has_photo: bool) -> Canvas {
        Canvas {
            has_photo,
            is_picture: self.explainer().takes_pictures(),
            has_positions: self.explainer().has_positions(),
        }
    }

    /// Reads one input.
    ///
    /// # Errors
    /// Names the input.
    pub fn decode<'a>(&self, file: &'a InputFile) -> Result<Decoded<'a>> {
        let begin = Instant::now();
        let input = self.explainer().prepare(&file.path)?;
        let (kinds, obstacles) = self
            .outputs
            .kinds(self.canvas(input.picture().is_some()))
            .with_context(|| format!("cannot explain {}", file.path.display()))?;
        let warnings = input.notices().iter().map(|notice| notice.text.clone());
        let warnings = warnings.chain(obstacles.into_iter().map(String::from)).collect();
        let seconds = Seconds { decode: begin.elapsed().as_secs_f64(), ..self.start_up() };
        Ok(Decoded { input, source: Source { file, warnings, kinds, seconds } })
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
        let Decoded { input, source } = decoded;
        let source = Arc::new(source);
        for way in 0..self.ways.len() {
            let explained = self.attribute_in_a_way(way, &input, &source, emit);
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
        way: usize,
        input: &Input,
        source: &Arc<Source<'a>>,
        emit: &mut dyn FnMut(Attributed<'a>) -> bool,
    ) -> Result<bool> {
        let watch = SampleWatch(self.samples.clone());
        let (left, is_wanted) = (Cell::new(0), Cell::new(true));
        let explainer = &self.ways[way].explainer;
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
        explainer.explain_each(input, &self.targets, &watch, begin, hand_out)?;
        Ok(is_wanted.get())
    }

    pub(super) fn paths(
        &self,
        source: &Source,
        class: usize,
        way: usize,
    ) -> BTreeMap<Kind, PathBuf> {
        self.outputs.paths(&source.file.stem, class, way, &source.kinds)
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
