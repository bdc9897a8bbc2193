//! One input on its whole way, in three steps: decode; forward and propagate; render and write.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use image::RgbImage;
use indicatif::ProgressBar;
use serde_json::json;

use onnxplain::canonize::PassReport;
use onnxplain::explain::{Initial, TargetClass};
use onnxplain::heatmap::{
    Heatmap, Layout, Overwrite, Placement, Positions, Rendering, heatmap_picture, overlay,
    write_bytes, write_npy, write_png,
};
use onnxplain::method::{Explanation, Point, PreparedMethod, Question};
use onnxplain::model::{InputShape, Labels, Output};
use onnxplain::tensor::Tensor;

use super::inputs::InputFile;
use super::method::SampleWatch;
use super::outputs::{Canvas, Kind, Outputs};
use super::recorded::Settings;
use super::report::{
    Prediction, Report, ReportedPreprocessing, ReportedTarget, Seconds, prediction, probabilities,
};
use super::staging::{StagedFile, Staging};
use super::targets::Targets;
use crate::cli::input::{InputReader, is_tensor};

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

/// The results of one input, one per target.
#[derive(Debug, Default)]
pub struct Explained {
    pub reports: Vec<Report>,
    pub warnings: Vec<String>,
}

/// An input that is read.
pub struct Decoded<'a> {
    tensor: Tensor,
    source: Source<'a>,
}

/// Where an input comes from: what drawing needs of it.
struct Source<'a> {
    file: &'a InputFile,
    photo: Option<(RgbImage, Placement)>,
    notes: Vec<String>,
    kinds: Vec<Kind>,
    seconds: Seconds,
}

/// A forward pass: what all targets of an input share.
struct Forward<'a> {
    source: Source<'a>,
    prediction: Vec<Prediction>,
}

/// The relevance of an input for one target.
pub struct Attributed<'a> {
    forward: Arc<Forward<'a>>,
    class: TargetClass,
    against: Option<TargetClass>,
    explanation: Explanation,
    seconds: Seconds,
}

/// The staged files of a result, by kind.
type StagedFiles = BTreeMap<Kind, StagedFile>;

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
    fn positions(&self) -> Option<Positions> {
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
        self.attribute_targets(&Arc::new(forward), &point, emit).with_context(named)
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
        point: &Point,
        emit: &mut dyn FnMut(Attributed<'a>) -> bool,
    ) -> Result<()> {
        let logits = point.activations.logits()?;
        let classes = self.targets.classes(logits)?;
        for class in &classes {
            self.outputs.refuse_existing(&self.paths(forward, *class))?;
        }
        for class in classes {
            let against = self.targets.against(class, logits)?;
            if !emit(self.attribute_class(forward, point, class, against)?) {
                break;
            }
        }
        Ok(())
    }

    fn paths(&self, forward: &Forward, class: TargetClass) -> BTreeMap<Kind, PathBuf> {
        self.outputs.paths(&forward.source.file.stem, class.index, &forward.source.kinds)
    }

    fn attribute_class<'a>(
        &self,
        forward: &Arc<Forward<'a>>,
        point: &Point,
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

    /// Draws and writes all results of an input. Its files appear when all are complete.
    ///
    /// # Errors
    /// That of the input, if there is one among the results; otherwise names the input.
    pub fn render(
        &self,
        file: &InputFile,
        staging: &Staging,
        results: &mut dyn Iterator<Item = Result<Attributed>>,
    ) -> Result<Explained> {
        let named = || format!("cannot explain {}", file.path.display());
        let mut explained = Explained::default();
        let mut staged = vec![];
        for attributed in results {
            let attributed = attributed?;
            if explained.reports.is_empty() {
                explained.warnings.extend(attributed.forward.source.notes.iter().cloned());
            }
            let (report, files) = self
                .render_class(&attributed, staging, &mut explained.warnings)
                .with_context(named)?;
            explained.reports.push(report);
            staged.extend(files.into_values());
        }
        for file in staged {
            file.finish(self.outputs.overwrite()).with_context(named)?;
        }
        Ok(explained)
    }

    fn render_class(
        &self,
        attributed: &Attributed,
        staging: &Staging,
        warnings: &mut Vec<String>,
    ) -> Result<(Report, StagedFiles)> {
        let Attributed { forward, class, against, explanation, .. } = attributed;
        let target = ReportedTarget::new(*class, *against, self.labels.as_ref());
        let name = format!("{}, class {}", forward.source.file.path.display(), class.index);
        warnings.extend(self.doubts(explanation, &target).map(|doubt| format!("{name}: {doubt}")));

        let begin = Instant::now();
        let staged = self.paths(forward, *class).into_iter();
        let staged = staged.map(|(kind, path)| Ok((kind, staging.file(path)?)));
        let staged = staged.collect::<Result<StagedFiles>>()?;
        self.write_pictures(forward, explanation, &staged)?;
        let mut seconds = attributed.seconds;
        seconds.render = begin.elapsed().as_secs_f64();
        let report = self.report(forward, explanation, target, &staged, seconds.finished());
        if let Some(file) = staged.get(&Kind::Report) {
            let text = serde_json::to_string_pretty(&report)? + "\n";
            file.fill(|path| write_bytes(path, text, Overwrite::Replace))?;
        }
        Ok((report, staged))
    }

    /// What may make the result look like something that it is not.
    fn doubts(
        &self,
        explanation: &Explanation,
        target: &ReportedTarget,
    ) -> impl Iterator<Item = String> {
        let data = explanation.relevance.data();
        let wrong = data.iter().filter(|value| !value.is_finite()).count();
        let is_zero = data.iter().all(|value| *value == 0.0);
        let is_turned = self.initial == Initial::Logit
            && target.logit < 0.0
            && target.against.is_none()
            && explanation.sums.is_conserving;
        let not_finite = (wrong > 0).then(|| {
            format!("the relevance of {wrong} values is not finite and drawn as 0; try a larger stabilizer")
        });
        let zero = is_zero.then(|| "the relevance is 0 everywhere".to_string());
        let turned = is_turned.then(|| {
            format!(
                "the logit {} is negative, so relevance has the opposite sign: blue speaks for the class \
                 (--initial one keeps the sign)",
                target.logit
            )
        });
        not_finite.into_iter().chain(zero).chain(turned)
    }

    fn write_pictures(
        &self,
        forward: &Forward,
        explanation: &Explanation,
        staged: &StagedFiles,
    ) -> Result<()> {
        const OURS: Overwrite = Overwrite::Replace;
        let relevance = &explanation.relevance;
        if let Some(file) = staged.get(&Kind::Relevance) {
            let shape = &relevance.shape()[1..];
            file.fill(|path| write_npy(path, shape, relevance.data(), OURS))?;
        }
        if !staged.contains_key(&Kind::Heatmap) && !staged.contains_key(&Kind::Overlay) {
            return Ok(());
        }
        let heatmap = self.heatmap(relevance)?;
        if let Some(file) = staged.get(&Kind::Heatmap) {
            let picture = heatmap_picture(&heatmap, &self.rendering)?;
            file.fill(|path| write_png(path, &picture, OURS))?;
        }
        if let (Some(file), Some((photo, placement))) =
            (staged.get(&Kind::Overlay), &forward.source.photo)
        {
            let picture = overlay(photo, &heatmap, *placement, &self.rendering)?;
            file.fill(|path| write_png(path, &picture, OURS))?;
        }
        Ok(())
    }

    fn heatmap(&self, relevance: &Tensor) -> Result<Heatmap> {
        if let (Some(_), Some(picture)) = (&self.at, self.picture) {
            let positions = self.positions().context("the layer has no positions")?;
            return positions.heatmap(relevance.data())?.enlarged(picture.width, picture.height);
        }
        let layout = match self.picture.map(|picture| picture.layout) {
            Some(onnxplain::model::Layout::Nhwc) => Layout::ChannelsLast,
            _ => Layout::ChannelsFirst,
        };
        let shape: [usize; 3] = relevance.shape()[1..].try_into().context("no picture's shape")?;
        Heatmap::from_relevance(relevance.data(), shape, layout)
    }

    fn report(
        &self,
        forward: &Forward,
        explanation: &Explanation,
        target: ReportedTarget,
        staged: &StagedFiles,
        seconds: Seconds,
    ) -> Report {
        let file = forward.source.file;
        let method = self.prepared.method();
        let files = staged.iter().map(|(kind, file)| (kind.word(), file.name()));
        Report {
            input: file.path.display().to_string(),
            model: self.model.clone(),
            composite: self.composite.clone(),
            method: method.name(),
            parameters: self.parameters(),
            canonization: self.canonization.clone(),
            prediction: forward.prediction.clone(),
            target,
            relevance: explanation.sums,
            completeness: explanation.completeness,
            adaptation: explanation.adaptation,
            preprocessing: self.preprocessing(file),
            files: files.collect(),
            seconds,
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// The method's parameters, and the layer that propagation ends at.
    fn parameters(&self) -> serde_json::Value {
        let parameters = self.prepared.method().parameters();
        let Some(at) = &self.at else {
            return parameters;
        };
        let mut parameters = parameters.as_object().cloned().unwrap_or_default();
        parameters.insert("at".to_string(), json!(at));
        parameters.into()
    }

    fn preprocessing(&self, file: &InputFile) -> ReportedPreprocessing {
        match self.reader.preprocessor().filter(|_| !is_tensor(&file.path)) {
            Some(preprocessor) => {
                ReportedPreprocessing::Steps(Box::new(preprocessor.steps().clone()))
            }
            None => ReportedPreprocessing::None {},
        }
    }

    /// What the reports of an input must say for its results to be those of this job.
    pub fn settings(&self, file: &InputFile) -> Result<Settings> {
        let method = self.prepared.method();
        let settings = [
            ("model", json!(self.model)),
            ("method", json!(method.name())),
            ("parameters", self.parameters()),
            ("composite", json!(self.composite)),
            ("preprocessing", json!(self.preprocessing(file))),
            ("version", json!(env!("CARGO_PKG_VERSION"))),
        ];
        // Through text, so that numbers are rounded as those of a report are.
        let rounded = |(name, value): (_, serde_json::Value)| {
            Ok((name, serde_json::from_str(&value.to_string())?))
        };
        settings.into_iter().map(rounded).collect()
    }
}
