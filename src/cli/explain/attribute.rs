//! The first two steps of an input: decode; forward and propagate. The third is to [`render`](super::render).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use image::RgbImage;
use indicatif::ProgressBar;

use onnxplain::canonize::PassReport;
use onnxplain::explain::{Initial, TargetClass};
use onnxplain::heatmap::{Placement, Positions, Rendering};
use onnxplain::method::{Explanation, Point, PreparedMethod, Question};
use onnxplain::network::Quantity;
use onnxplain::picture::{InputShape, Labels, Output};
use onnxplain::tensor::Tensor;

use super::inputs::InputFile;
use super::method::SampleWatch;
use super::outputs::{Canvas, Kind, Outputs};
use super::report::{Prediction, Seconds, prediction, probabilities};
use super::targets::Targets;
use crate::cli::input::InputReader;

/// What every input needs, loaded once.
pub struct Job {
    pub prepared: PreparedMethod,
    /// How long it took to get here.
    pub start_up: Seconds,
    /// Where an explanation has several threads, all explanations share them and take turns: a thread that waits for
    /// the others would begin a second explanation inside the first, which tract's kernels cannot bear.
    pub turns: Option<Mutex<()>>,
    pub reader: InputReader,
    pub labels: Option<Labels>,
    pub output: Option<Output>,
    /// What the explained values mean.
    pub explained: Quantity,
    pub targets: Targets,
    pub initial: Initial,
    pub outputs: Outputs,
    pub rendering: Rendering,
    pub picture: Option<InputShape>,
    pub model: String,
    pub composite: String,
    pub canonization: Vec<PassReport>,
    /// The layer that propagation ends at, where it is not the input.
    pub at: Option<String>,
    /// Counts the samples of a single input.
    pub samples: ProgressBar,
}

/// An input that is read.
pub struct Decoded<'a> {
    tensor: Tensor,
    source: Source<'a>,
}

/// Where an input comes from: what drawing needs of it.
pub(super) struct Source<'a> {
    pub file: &'a InputFile,
    pub photo: Option<(RgbImage, Placement)>,
    pub notes: Vec<String>,
    kinds: Vec<Kind>,
    seconds: Seconds,
}

/// A forward pass: what all targets of an input share.
pub(super) struct Forward<'a> {
    pub source: Source<'a>,
    pub prediction: Vec<Prediction>,
}

/// The relevance of an input for one target.
pub struct Attributed<'a> {
    pub(super) forward: Arc<Forward<'a>>,
    pub(super) class: TargetClass,
    pub(super) against: Option<TargetClass>,
    pub(super) explanation: Explanation,
    pub(super) seconds: Seconds,
}

impl Job {
    /// Samples that the explanation of one class takes at most.
    pub fn sample_count(&self) -> usize {
        self.prepared.method().samples(self.picture).unwrap_or(1)
    }

    /// The shape of the relevance, without the batch axis: that of the input, or of a layer's value.
    pub fn relevance_shape(&self) -> &[usize] {
        let layers = &self.prepared.explainer().network().layers;
        &layers[self.prepared.end()].shape[1..]
    }

    /// What there is to draw the relevance of an input on.
    pub fn canvas(&self, has_photo: bool) -> Canvas {
        let is_picture = self.reader.is_drawable();
        Canvas {
            has_photo,
            is_picture,
            has_positions: self.at.is_none() || self.positions().is_some(),
        }
    }

    /// Where the relevance of an inner layer lies on the picture.
    pub(super) fn positions(&self) -> Option<Positions> {
        let picture = self.picture?;
        Positions::of(self.relevance_shape(), [picture.height, picture.width])
    }

    /// Reads one input.
    ///
    /// # Errors
    /// Names the input.
    pub fn decode<'a>(&self, file: &'a InputFile) -> Result<Decoded<'a>> {
        let begin = Instant::now();
        let input = self.reader.read(&file.path, self.outputs.needs_photo())?;
        let (kinds, obstacles) = self
            .outputs
            .kinds(self.canvas(input.photo.is_some()))
            .with_context(|| format!("cannot explain {}", file.path.display()))?;
        let mut notes = input.notes;
        notes.extend(obstacles.iter().map(|text| format!("{}: {text}", file.path.display())));
        let seconds = Seconds { decode: begin.elapsed().as_secs_f64(), ..self.start_up };
        let source = Source { file, photo: input.photo, notes, kinds, seconds };
        Ok(Decoded { tensor: input.tensor, source })
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
        let file = decoded.source.file;
        let named = || format!("cannot explain {}", file.path.display());
        let turns = self.turns.as_ref();
        let _turn = turns.map(|turns| turns.lock().unwrap_or_else(PoisonError::into_inner));
        let (forward, point) = self.forward(decoded).with_context(named)?;
        self.attribute_targets(&Arc::new(forward), point, emit).with_context(named)
    }

    fn forward<'a>(&self, decoded: Decoded<'a>) -> Result<(Forward<'a>, Point)> {
        let Decoded { tensor, mut source } = decoded;
        let begin = Instant::now();
        let point = self.prepared.forward(tensor)?;
        let prediction = self.predict(point.activations.logits()?)?;
        source.seconds.forward = begin.elapsed().as_secs_f64();
        Ok((Forward { source, prediction }, point))
    }

    fn predict(&self, logits: &Tensor) -> Result<Vec<Prediction>> {
        let is_finite = logits.data().iter().all(|logit| logit.is_finite());
        ensure!(
            is_finite,
            "the network's output is not finite: wrong preprocessing, or a damaged model"
        );
        let function = self.prepared.explainer().network().output_function.as_ref();
        let probabilities = probabilities(logits, function, self.output)?;
        prediction(logits, probabilities.data(), self.labels.as_ref())
    }

    fn attribute_targets<'a>(
        &self,
        forward: &Arc<Forward<'a>>,
        point: Point,
        emit: &mut dyn FnMut(Attributed<'a>) -> bool,
    ) -> Result<()> {
        let logits = point.activations.logits()?.clone();
        let classes = self.targets.classes(&logits)?;
        for class in &classes {
            self.outputs.refuse_existing(&self.paths(forward, *class))?;
        }
        // The last target may use the forward pass up.
        let points = std::iter::repeat_n(point, classes.len());
        for (class, point) in classes.into_iter().zip(points) {
            let against = self.targets.against(class, &logits)?;
            if !emit(self.attribute_class(forward, point, class, against)?) {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn paths(&self, forward: &Forward, class: TargetClass) -> BTreeMap<Kind, PathBuf> {
        self.outputs.paths(&forward.source.file.stem, class.index, &forward.source.kinds)
    }

    fn attribute_class<'a>(
        &self,
        forward: &Arc<Forward<'a>>,
        point: Point,
        class: TargetClass,
        against: Option<TargetClass>,
    ) -> Result<Attributed<'a>> {
        let begin = Instant::now();
        let against_index = against.map(|class| class.index);
        let question =
            Question { target: class.index, against: against_index, initial: self.initial };
        self.samples.reset();
        let watch = SampleWatch(self.samples.clone());
        let explanation = self.prepared.explain(point, question, &watch)?;
        let mut seconds = forward.source.seconds;
        seconds.propagate = begin.elapsed().as_secs_f64();
        Ok(Attributed { forward: Arc::clone(forward), class, against, explanation, seconds })
    }
}
