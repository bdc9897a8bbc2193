//! One input on its whole way: read, forward, propagate, render, write.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;

use onnxplain::canonize::PassReport;
use onnxplain::explain::{Initial, TargetClass};
use onnxplain::heatmap::{
    Heatmap, Layout, Rendering, heatmap_picture, overlay, write_bytes, write_npy, write_png,
};
use onnxplain::method::{Explanation, Point, PreparedMethod, Question};
use onnxplain::model::{InputShape, Labels, Output, Preprocessor};
use onnxplain::tensor::Tensor;

use super::inputs::InputFile;
use super::method::SampleWatch;
use super::outputs::{Kind, Outputs};
use super::report::{
    Prediction, Report, ReportedPreprocessing, ReportedTarget, Seconds, prediction, probabilities,
};
use super::targets::Targets;
use crate::cli::input::{Input, InputReader};
use crate::cli::interrupt::is_interrupted;

/// What every input needs, loaded once.
pub struct Job {
    pub prepared: PreparedMethod,
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
    /// Counts the samples of a single input.
    pub samples: ProgressBar,
}

/// The results of one input, one per target.
#[derive(Debug, Default)]
pub struct Explained {
    pub reports: Vec<Report>,
    pub warnings: Vec<String>,
}

/// A forward pass: what all targets of an input share.
struct Forward<'a> {
    file: &'a InputFile,
    input: Input,
    point: Point,
    prediction: Vec<Prediction>,
    kinds: Vec<Kind>,
    seconds: Seconds,
}

impl Job {
    /// Samples that the explanation of one class takes at most.
    pub fn sample_count(&self) -> usize {
        self.prepared.method().samples(self.picture).unwrap_or(1)
    }

    /// Explains one input and writes its files.
    ///
    /// # Errors
    /// Names the input.
    pub fn explain(&self, file: &InputFile) -> Result<Explained> {
        let forward = self.forward(file)?;
        let mut explained = Explained { reports: vec![], warnings: forward.input.notes.clone() };
        self.explain_targets(&forward, &mut explained)
            .with_context(|| format!("cannot explain {}", file.path.display()))?;
        Ok(explained)
    }

    fn forward<'a>(&self, file: &'a InputFile) -> Result<Forward<'a>> {
        let begin = Instant::now();
        let mut input = self.reader.read(&file.path, self.outputs.needs_photo())?;
        let named = || format!("cannot explain {}", file.path.display());
        let is_drawable = input.tensor.shape().len() == 4;
        let (kinds, obstacles) =
            self.outputs.kinds(input.photo.is_some(), is_drawable).with_context(named)?;
        input.notes.extend(obstacles.iter().map(|text| format!("{}: {text}", file.path.display())));
        let decode = begin.elapsed().as_secs_f64();

        let begin = Instant::now();
        let point = self.prepared.forward(input.tensor.clone()).with_context(named)?;
        let prediction = self.predict(point.activations.logits()?).with_context(named)?;
        let seconds =
            Seconds { decode, forward: begin.elapsed().as_secs_f64(), ..Seconds::default() };
        Ok(Forward { file, input, point, prediction, kinds, seconds })
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

    fn explain_targets(&self, forward: &Forward, explained: &mut Explained) -> Result<()> {
        let logits = forward.point.activations.logits()?;
        let classes = self.targets.classes(logits)?;
        let paths_of = |class: &TargetClass| {
            self.outputs.paths(&forward.file.stem, class.index, &forward.kinds)
        };
        for class in &classes {
            self.outputs.refuse_existing(&paths_of(class))?;
        }
        for class in classes {
            if is_interrupted() {
                break;
            }
            let against = self.targets.against(class, logits)?;
            let report = self.explain_class(
                forward,
                class,
                against,
                paths_of(&class),
                &mut explained.warnings,
            )?;
            explained.reports.push(report);
        }
        Ok(())
    }

    fn explain_class(
        &self,
        forward: &Forward,
        class: TargetClass,
        against: Option<TargetClass>,
        paths: BTreeMap<Kind, PathBuf>,
        warnings: &mut Vec<String>,
    ) -> Result<Report> {
        let begin = Instant::now();
        let against_index = against.map(|class| class.index);
        let question =
            Question { target: class.index, against: against_index, initial: self.initial };
        let watch = SampleWatch(self.samples.clone());
        let explanation = self.prepared.explain(&forward.point, question, &watch)?;
        let mut seconds = forward.seconds;
        seconds.propagate = begin.elapsed().as_secs_f64();

        let target = ReportedTarget::new(class, against, self.labels.as_ref());
        let name = format!("{}, class {}", forward.file.path.display(), class.index);
        warnings.extend(self.doubts(&explanation, &target).map(|doubt| format!("{name}: {doubt}")));

        let begin = Instant::now();
        self.write_pictures(forward, &explanation, &paths)?;
        seconds.render = begin.elapsed().as_secs_f64();
        let report = self.report(forward, &explanation, target, &paths, seconds.finished());
        if let Some(path) = paths.get(&Kind::Report) {
            let text = serde_json::to_string_pretty(&report)? + "\n";
            write_bytes(path, text, self.outputs.overwrite())?;
        }
        Ok(report)
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
        paths: &BTreeMap<Kind, PathBuf>,
    ) -> Result<()> {
        let overwrite = self.outputs.overwrite();
        let relevance = &explanation.relevance;
        if let Some(path) = paths.get(&Kind::Relevance) {
            write_npy(path, &relevance.shape()[1..], relevance.data(), overwrite)?;
        }
        if !paths.contains_key(&Kind::Heatmap) && !paths.contains_key(&Kind::Overlay) {
            return Ok(());
        }
        let heatmap = self.heatmap(relevance)?;
        if let Some(path) = paths.get(&Kind::Heatmap) {
            write_png(path, &heatmap_picture(&heatmap, &self.rendering)?, overwrite)?;
        }
        if let (Some(path), Some((photo, placement))) =
            (paths.get(&Kind::Overlay), &forward.input.photo)
        {
            let picture = overlay(photo, &heatmap, *placement, &self.rendering)?;
            write_png(path, &picture, overwrite)?;
        }
        Ok(())
    }

    fn heatmap(&self, relevance: &Tensor) -> Result<Heatmap> {
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
        paths: &BTreeMap<Kind, PathBuf>,
        seconds: Seconds,
    ) -> Report {
        let is_picture = !crate::cli::input::is_tensor(&forward.file.path);
        let preprocessor = self.reader.preprocessor().filter(|_| is_picture);
        let files = paths.iter().map(|(kind, path)| (kind.word(), path.display().to_string()));
        Report {
            input: forward.file.path.display().to_string(),
            model: self.model.clone(),
            composite: self.composite.clone(),
            method: self.prepared.method().name(),
            parameters: self.prepared.method().parameters(),
            canonization: self.canonization.clone(),
            prediction: forward.prediction.clone(),
            target,
            relevance: explanation.sums,
            completeness: explanation.completeness,
            adaptation: explanation.adaptation,
            preprocessing: reported(preprocessor),
            files: files.collect(),
            seconds,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

fn reported(preprocessor: Option<&Preprocessor>) -> ReportedPreprocessing {
    match preprocessor {
        Some(preprocessor) => ReportedPreprocessing::Steps(Box::new(preprocessor.steps().clone())),
        None => ReportedPreprocessing::None {},
    }
}
