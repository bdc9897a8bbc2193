//! The third step of an input: its results become pictures, reports and files.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;

use onnxplain::explain::Initial;
use onnxplain::heatmap::{Heatmap, Layout, heatmap_picture, overlay};
use onnxplain::io::{Overwrite, write_bytes, write_npy, write_png};
use onnxplain::method::Explanation;
use onnxplain::tensor::Tensor;

use super::attribute::{Attributed, Forward, Job};
use super::inputs::InputFile;
use super::outputs::Kind;
use super::recorded::Settings;
use super::report::{Report, ReportedPreprocessing, ReportedTarget, Seconds};
use super::staging::{StagedFile, Staging};
use crate::cli::input::is_tensor;

/// The results of one input, one per target.
#[derive(Debug, Default)]
pub struct Explained {
    pub reports: Vec<Report>,
    pub warnings: Vec<String>,
}

/// The staged files of a result, by kind.
type StagedFiles = BTreeMap<Kind, StagedFile>;

impl Job {
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
                "the {} {} is negative, so relevance has the opposite sign: blue speaks for the class \
                 (--initial one keeps the sign)",
                self.explained,
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
            Some(onnxplain::picture::Layout::Nhwc) => Layout::ChannelsLast,
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
            explained: self.explained.word(),
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
