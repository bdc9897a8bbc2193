//! The third step of an input: its results become pictures, reports and files.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;

use onnxplain::io::{Overwrite, TOOL, write_bytes, write_npy, write_png};
use onnxplain::session::is_array_file;
use onnxplain::{Explanation, Severity, Topic};

use super::attribute::{Attributed, Job};
use super::inputs::InputFile;
use super::outputs::Kind;
use super::recorded::Settings;
use super::report::{Report, ReportedPreprocessing, ReportedTarget, Seconds};
use super::staging::{StagedFile, Staging};

/// The results of one input, one per target.
#[derive(Debug, Default)]
pub struct Explained {
    pub reports: Vec<Report>,
    pub warnings: Vec<String>,
}

/// How many classes a prediction lists.
const LISTED_CLASSES: usize = 5;

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
                let of_file = |text: &String| format!("{}: {text}", file.path.display());
                explained.warnings.extend(attributed.source.warnings.iter().map(of_file));
            }
            let (report, files) = self
                .render_class(&attributed, staging, &mut explained.warnings)
                .with_context(named)?;
            explained.reports.push(report);
            staged.extend(files.into_values());
        }
        for file in staged {
            let overwrite = self.outputs.overwrite_of(file.target());
            file.finish(overwrite).with_context(named)?;
        }
        Ok(explained)
    }

    fn render_class(
        &self,
        attributed: &Attributed,
        staging: &Staging,
        warnings: &mut Vec<String>,
    ) -> Result<(Report, StagedFiles)> {
        let Attributed { source, explanation, .. } = attributed;
        let class = explanation.class().index;
        let name = format!("{}, class {class}", source.file.path.display());
        let doubts = explanation.notices().iter().filter(|it| it.topic == Topic::Relevance);
        let doubts: Vec<String> = doubts.map(|notice| notice.text.clone()).collect();
        warnings.extend(doubts.iter().map(|text| format!("{name}: {text}")));

        let begin = Instant::now();
        let staged = self.paths(source, class).into_iter();
        let staged = staged.map(|(kind, path)| Ok((kind, staging.file(path)?)));
        let staged = staged.collect::<Result<StagedFiles>>()?;
        self.write_pictures(explanation, &staged)?;
        let mut seconds = attributed.seconds;
        seconds.render = begin.elapsed().as_secs_f64();
        let doubts = [source.warnings.clone(), doubts].concat();
        let report = self.report(source.file, explanation, doubts, &staged, seconds.finished());
        if let Some(file) = staged.get(&Kind::Report) {
            let text = serde_json::to_string_pretty(&report)? + "\n";
            file.fill(|path| write_bytes(path, text, Overwrite::Replace))?;
        }
        Ok((report, staged))
    }

    fn write_pictures(&self, explanation: &Explanation, staged: &StagedFiles) -> Result<()> {
        const OURS: Overwrite = Overwrite::Replace;
        if let Some(file) = staged.get(&Kind::Relevance) {
            let relevance = explanation.relevance();
            file.fill(|path| write_npy(path, relevance.shape(), relevance.values(), OURS))?;
        }
        if !staged.contains_key(&Kind::Heatmap) && !staged.contains_key(&Kind::Overlay) {
            return Ok(());
        }
        let heatmap = explanation.heatmap()?.rendered(self.rendering);
        if let Some(file) = staged.get(&Kind::Heatmap) {
            let picture = heatmap.picture()?;
            file.fill(|path| write_png(path, &picture, OURS))?;
        }
        if let Some(file) = staged.get(&Kind::Overlay) {
            let picture = heatmap.overlay()?;
            file.fill(|path| write_png(path, &picture, OURS))?;
        }
        Ok(())
    }

    fn report(
        &self,
        file: &InputFile,
        explanation: &Explanation,
        doubts: Vec<String>,
        staged: &StagedFiles,
        seconds: Seconds,
    ) -> Report {
        let files = staged.iter().map(|(kind, file)| (kind.word(), file.name()));
        Report {
            input: file.path.display().to_string(),
            tool: TOOL,
            model: self.model.clone(),
            composite: self.explainer.composite().to_string(),
            method: self.explainer.method().name(),
            parameters: self.parameters(),
            canonization: self.explainer.canonization().to_vec(),
            explained: self.explainer.explained().word(),
            prediction: explanation.prediction().strongest(LISTED_CLASSES),
            target: ReportedTarget::new(explanation.class(), explanation.against()),
            relevance: explanation.conservation(),
            completeness: explanation.completeness(),
            adaptation: explanation.adaptation(),
            preprocessing: self.preprocessing(file),
            warnings: self.said_as(Severity::Warning).chain(doubts).collect(),
            notes: self.said_as(Severity::Note).collect(),
            files: files.collect(),
            seconds,
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// What was said about all inputs.
    fn said_as(&self, severity: Severity) -> impl Iterator<Item = String> {
        let said = self.said.iter().filter(move |notice| notice.severity == severity);
        said.map(|notice| notice.text.clone())
    }

    /// The method's parameters, and the layer that propagation ends at.
    fn parameters(&self) -> serde_json::Value {
        let parameters = self.explainer.method().parameters();
        let Some(at) = &self.at else {
            return parameters;
        };
        let mut parameters = parameters.as_object().cloned().unwrap_or_default();
        parameters.insert("at".to_string(), json!(at));
        parameters.into()
    }

    fn preprocessing(&self, file: &InputFile) -> ReportedPreprocessing {
        match self.explainer.preprocessing().filter(|_| !is_array_file(&file.path)) {
            Some(steps) => ReportedPreprocessing::Steps(Box::new(steps.clone())),
            None => ReportedPreprocessing::None {},
        }
    }

    /// What the reports of an input must say for its results to be those of this job.
    pub fn settings(&self, file: &InputFile) -> Result<Settings> {
        let method = self.explainer.method();
        let settings = [
            ("model", json!(self.model)),
            ("method", json!(method.name())),
            ("parameters", self.parameters()),
            ("composite", json!(self.explainer.composite())),
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
