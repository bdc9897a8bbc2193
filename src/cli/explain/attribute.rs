//! The first two steps of an input: decode; forward and propagate. The third is to [`render`](super::render).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use indicatif::ProgressBar;

use onnxplain::{Class, Explainer, Explanation, Input, Notice, Rendering, Targets};

use super::inputs::InputFile;
use super::method::SampleWatch;
use super::outputs::{Canvas, Kind, Outputs};
use super::report::Seconds;

/// What every input needs, loaded once.
pub struct Job {
    pub explainer: Explainer,
    pub targets: Targets,
    pub outputs: Outputs,
    pub rendering: Rendering,
    pub model: String,
    /// The layer that propagation ends at, where it is not the input.
    pub at: Option<String>,
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

/// The relevance of an input for one target.
pub struct Attributed<'a> {
    pub(super) source: Arc<Source<'a>>,
    pub(super) explanation: Explanation,
    pub(super) seconds: Seconds,
}

impl Job {
    /// How long it took to get here.
    pub fn start_up(&self) -> Seconds {
        let start_up = self.explainer.start_up();
        Seconds {
            load: start_up.load.as_secs_f64(),
            canonize: start_up.canonize.as_secs_f64(),
            compile: start_up.compile.as_secs_f64(),
            ..Seconds::default()
        }
    }

    /// What there is to draw the relevance of an input on.
    pub fn canvas(&self, has_photo: bool) -> Canvas {
        Canvas {
            has_photo,
            is_picture: self.explainer.takes_pictures(),
            has_positions: self.explainer.has_positions(),
        }
    }

    /// Reads one input.
    ///
    /// # Errors
    /// Names the input.
    pub fn decode<'a>(&self, file: &'a InputFile) -> Result<Decoded<'a>> {
        let begin = Instant::now();
        let input = self.explainer.prepare(&file.path)?;
        let (kinds, obstacles) = self
            .outputs
            .kinds(self.canvas(input.picture().is_some()))
            .with_context(|| format!("cannot explain {}", file.path.display()))?;
        let warnings = input.notices().iter().map(|notice| notice.text.clone());
        let warnings = warnings.chain(obstacles.into_iter().map(String::from)).collect();
        let seconds = Seconds { decode: begin.elapsed().as_secs_f64(), ..self.start_up() };
        Ok(Decoded { input, source: Source { file, warnings, kinds, seconds } })
    }

    /// Computes the relevance for every target, as long as `emit` wants more.
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
        let watch = SampleWatch(self.samples.clone());
        let left = Cell::new(0);
        let begin = |_: &_, classes: &[Class]| {
            left.set(classes.len());
            self.samples.reset();
            classes.iter().try_for_each(|class| {
                self.outputs.refuse_existing(&self.paths(&source, class.index))
            })
        };
        let hand_out = |explanation: Explanation| {
            left.set(left.get() - 1);
            if left.get() > 0 {
                self.samples.reset();
            }
            let seconds = source.seconds_of(&explanation);
            emit(Attributed { source: Arc::clone(&source), explanation, seconds })
        };
        let explained = self.explainer.explain_each(input, &self.targets, &watch, begin, hand_out);
        explained.with_context(|| format!("cannot explain {}", source.file.path.display()))
    }

    pub(super) fn paths(&self, source: &Source, class: usize) -> BTreeMap<Kind, PathBuf> {
        self.outputs.paths(&source.file.stem, class, &source.kinds)
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
