//! The third step of an input: its results become pictures, reports and files.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use onnxplain::heatmap::Scale;
use onnxplain::io::{
    Overwrite, PictureFormat, TOOL, is_array_file, write_bytes, write_npy_as, write_picture,
    write_png,
};
use onnxplain::{Array, Class, Explanation, Heatmap, Severity, Topic};

use super::attribute::{Attributed, Job};
use super::figure::{self, MOST_RESULTS, Shown};
use super::kinds::{Kind, Saved};
use super::report::{Report, ReportedInput, ReportedPreprocessing, ReportedTarget, Seconds, end};
use super::scales::{self, Scales};
use crate::cli::batch::inputs::InputFile;
use crate::cli::batch::recorded::Settings;
use crate::cli::batch::staging::{StagedFile, Staging};
use crate::cli::figure_parts::Drawn;
use crate::cli::ways::Way;

/// The results of one input, one per target.
#[derive(Debug, Default)]
pub struct Explained {
    pub reports: Vec<Report>,
    pub warnings: Vec<String>,
}

/// How many classes a prediction lists.
const LISTED_CLASSES: usize = 5;

/// The staged files of a result, by kind, without the figure, which shows all results.
type StagedFiles = BTreeMap<Saved, StagedFile>;

/// A result that waits for the others of its input.
struct Received {
    report: Report,
    way: usize,
    class: Class,
    against: Option<Class>,
    /// That of the only input.
    heatmap: Option<Heatmap>,
    staged: StagedFiles,
    /// The photo below it, for the figure.
    photo: Option<Drawn>,
}

impl Received {
    fn write_report(&self) -> Result<()> {
        let Some(file) = self.staged.get(&Saved::of(Kind::Report)) else {
            return Ok(());
        };
        let text = serde_json::to_string_pretty(&self.report)? + "\n";
        file.fill(|path| write_bytes(path, text, Overwrite::Replace))
    }
}

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
        let mut warnings = vec![];
        let mut received: Vec<Received> = vec![];
        let mut figure = None;
        for attributed in results {
            let attributed = attributed?;
            if received.is_empty() {
                let of_file = |text: &String| format!("{}: {text}", file.path.display());
                warnings.extend(attributed.source.warnings.iter().map(of_file));
            }
            let one = self.receive(&attributed, staging, &mut figure, &mut warnings);
            received.push(one.with_context(named)?);
        }
        let heatmaps: Vec<_> = received.iter().map(|one| (one.way, one.heatmap.as_ref())).collect();
        let shared = scales::shared(self.scale, &heatmaps).with_context(named)?;
        let both = received.iter_mut().zip(shared);
        let drawn = both.map(|(one, scales)| {
            draw(one, scales, self.outputs.formats().overlays, figure.is_some())
        });
        let drawn = drawn.collect::<Result<Vec<_>>>().with_context(named)?;
        if let Some(file) = &figure {
            self.draw_figure(&mut received, drawn, file).with_context(named)?;
        }
        received.iter_mut().for_each(|one| one.report.seconds = one.report.seconds.finished());
        let reports = received.iter().map(|one| one.report.clone()).collect();
        for one in &received {
            one.write_report().with_context(named)?;
        }
        // The report is the last file that appears: where it is, everything is.
        let staged = received.into_iter().flat_map(|one| one.staged.into_values());
        for file in figure.into_iter().chain(staged) {
            let overwrite = self.outputs.overwrite_of(file.target());
            file.finish(overwrite).with_context(named)?;
        }
        Ok(Explained { reports, warnings })
    }

    /// Takes a result over: what is large is written, the rest is kept until all have come.
    fn receive(
        &self,
        attributed: &Attributed,
        staging: &Staging,
        figure: &mut Option<StagedFile>,
        warnings: &mut Vec<String>,
    ) -> Result<Received> {
        let Attributed { source, explanation, .. } = attributed;
        let class = explanation.class().index;
        let name = format!("{}, class {class}", source.file.path.display());
        let doubts = explanation.notices().iter().filter(|it| it.topic == Topic::Relevance);
        let doubts: Vec<String> = doubts.map(|notice| notice.text.clone()).collect();
        warnings.extend(doubts.iter().map(|text| format!("{name}: {text}")));

        let begin = Instant::now();
        let way = &self.ways[attributed.way];
        let paths = self.paths(source, class, attributed.way);
        let files = paths.iter();
        let files = files
            .map(|(&saved, path)| (self.outputs.word(saved), self.outputs.reported(saved, path)));
        let files = files.collect();
        let mut staged = StagedFiles::new();
        for (saved, path) in paths {
            match saved.kind {
                Kind::Figure if figure.is_some() => {}
                Kind::Figure => *figure = Some(staging.file(path)?),
                _ => {
                    staged.insert(saved, staging.file(path)?);
                }
            }
        }
        self.write_inputs(way, explanation, &staged)?;
        let is_drawn = figure.is_some()
            || [Kind::Heatmap, Kind::Overlay]
                .map(Saved::of)
                .iter()
                .any(|it| staged.contains_key(it));
        let heatmap = match is_drawn {
            true => Some(explanation.heatmap()?.rendered(way.rendering)),
            false => None,
        };
        let mut seconds = attributed.seconds;
        seconds.render = begin.elapsed().as_secs_f64();
        let doubts = [source.warnings.clone(), doubts].concat();
        let report = self.report(source.file, way, explanation, doubts, files, seconds);
        let (class, against) = (explanation.class().clone(), explanation.against().cloned());
        let (way, photo) = (attributed.way, None);
        Ok(Received { report, way, class, against, heatmap, staged, photo })
    }

    /// Writes the relevance of every input, and the pictures of each of several, which share no scale.
    fn write_inputs(
        &self,
        way: &Way,
        explanation: &Explanation,
        staged: &StagedFiles,
    ) -> Result<()> {
        let all: Vec<&Array> = explanation.inputs().map(|(_, relevance)| relevance).collect();
        for (saved, file) in staged {
            let place = saved.input.unwrap_or(0);
            if saved.kind == Kind::Relevance {
                let relevance = all.get(place).context("an input has no relevance")?;
                let (shape, values) = (relevance.shape(), relevance.values());
                let precision = self.outputs.formats().relevance.precision();
                file.fill(|path| write_npy_as(path, shape, values, precision, Overwrite::Replace))?;
            } else if saved.input.is_some() {
                let heatmap = explanation.heatmap_at(place)?.rendered(way.rendering);
                let overlays = self.outputs.formats().overlays;
                write_plain(&heatmap, saved.kind, file, overlays)?;
            }
        }
        Ok(())
    }

    /// Draws and writes the figure of an input; its time is that of the first result.
    fn draw_figure(
        &self,
        received: &mut [Received],
        drawn: Vec<Option<(Drawn, Scale)>>,
        file: &StagedFile,
    ) -> Result<()> {
        let begin = Instant::now();
        let results = received.iter().zip(drawn).take(MOST_RESULTS);
        let shown: Vec<Shown> = results
            .filter_map(|(one, drawn)| {
                let (drawn, scale) = drawn?;
                let Received { report, class, against, .. } = one;
                let (against, rendering) = (against.as_ref(), self.ways[one.way].rendering);
                Some(Shown { report, class, against, drawn, scale, rendering })
            })
            .collect();
        let photo = received.first().and_then(|one| one.photo.as_ref());
        let figure = figure::figure(&shown, photo, &self.assumed);
        let format = self.outputs.formats().figures;
        file.fill(|path| figure.write(path, format, Overwrite::Replace))?;
        if let Some(one) = received.first_mut() {
            one.report.seconds.render += begin.elapsed().as_secs_f64();
        }
        Ok(())
    }

    fn report(
        &self,
        file: &InputFile,
        way: &Way,
        explanation: &Explanation,
        doubts: Vec<String>,
        files: BTreeMap<String, String>,
        seconds: Seconds,
    ) -> Report {
        Report {
            input: file.path.display().to_string(),
            tool: TOOL,
            model: self.model.clone(),
            composite: way.explainer.composite().to_string(),
            method: way.explainer.method().name(),
            parameters: way.parameters(),
            canonization: way.explainer.canonization().to_vec(),
            explained: explanation.explained().word(),
            initial: way.explainer.initial(),
            prediction: explanation.prediction().strongest(LISTED_CLASSES),
            logits: self.has_all_logits.then(|| explanation.prediction().logits().to_vec()),
            target: ReportedTarget::new(explanation.class(), explanation.against()),
            positive: explanation.sign(),
            rendering: way.rendering.into(),
            inputs: ReportedInput::all(explanation),
            given: self.given.clone(),
            reduction: self.reduction.clone(),
            relevance: explanation.conservation(),
            end: end(&way.explainer, way.at.as_deref()),
            completeness: explanation.completeness(),
            adaptation: explanation.adaptation(),
            preprocessing: self.preprocessing(file),
            warnings: self.said_as(Severity::Warning).chain(doubts).collect(),
            notes: self.said_as(Severity::Note).collect(),
            files,
            seconds,
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// What was said about all inputs.
    fn said_as(&self, severity: Severity) -> impl Iterator<Item = String> {
        let said = self.said.iter().filter(move |notice| notice.severity == severity);
        said.map(|notice| notice.text.clone())
    }

    fn preprocessing(&self, file: &InputFile) -> ReportedPreprocessing {
        let is_picture = !is_array_file(&file.path) || self.is_named;
        match self.explainer().preprocessing().filter(|_| is_picture) {
            Some(steps) => ReportedPreprocessing::Steps(Box::new(steps.clone())),
            None => ReportedPreprocessing::None {},
        }
    }

    /// What the reports of an input must say for its results to be those of a way of this job.
    pub fn settings(&self, file: &InputFile, way: &Way) -> Result<Settings> {
        let method = way.explainer.method();
        let settings = [
            ("model", json!(self.model)),
            ("method", json!(method.name())),
            ("parameters", way.parameters()),
            ("composite", json!(way.explainer.composite())),
            ("given", optional(&self.given, self.given.is_empty())),
            ("reduction", json!(self.reduction)),
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

impl Way {
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
}

/// Draws and writes the pictures of a result; returns what a figure shows of it.
fn draw(
    one: &mut Received,
    shared: Option<Scales>,
    overlays: PictureFormat,
    has_figure: bool,
) -> Result<Option<(Drawn, Scale)>> {
    let begin = Instant::now();
    let Some(heatmap) = &one.heatmap else {
        return Ok(None);
    };
    if heatmap.is_plot() {
        for (saved, file) in &one.staged {
            write_plain(heatmap, saved.kind, file, overlays)?;
        }
        let drawn = match has_figure {
            true => Some((Drawn::plot(heatmap.overlay()?), heatmap.scale())),
            false => None,
        };
        one.report.seconds.render += begin.elapsed().as_secs_f64();
        return Ok(drawn);
    }
    let own_or_shared = shared.map_or_else(|| heatmap.scale(), |scales| scales.heatmap);
    if let Some(file) = one.staged.get(&Saved::of(Kind::Heatmap)) {
        let picture = heatmap.scaled_picture(own_or_shared)?;
        file.fill(|path| write_png(path, &picture, Overwrite::Replace))?;
    }
    let overlay_file = one.staged.get(&Saved::of(Kind::Overlay));
    let drawn = if overlay_file.is_some() || has_figure && heatmap.has_photo() {
        let overlay = heatmap.laid_over()?;
        let scale = shared.and_then(|scales| scales.overlay).unwrap_or_else(|| overlay.scale());
        let overlay = overlay.scaled(scale);
        let picture = Arc::new(overlay.unmarked());
        if let Some(file) = overlay_file {
            let marked = overlay.marked((*picture).clone());
            file.fill(|path| write_picture(path, &marked, overlays, Overwrite::Replace))?;
        }
        one.photo = Some(Drawn::new(overlay.photo(), overlay.frame()));
        let drawn = Drawn::new(&picture, overlay.frame()).pixelated(overlay.is_enlarged());
        Some((drawn, overlay.scale()))
    } else if has_figure {
        let picture = Arc::new(heatmap.scaled_picture(own_or_shared)?);
        Some((Drawn::new(&picture, None), own_or_shared))
    } else {
        None
    };
    one.report.seconds.render += begin.elapsed().as_secs_f64();
    Ok(drawn)
}

/// Draws and writes a heatmap or an overlay as it is, on a scale of its own.
fn write_plain(
    heatmap: &Heatmap,
    kind: Kind,
    file: &StagedFile,
    overlays: PictureFormat,
) -> Result<()> {
    match kind {
        Kind::Heatmap => {
            let picture = heatmap.picture()?;
            file.fill(|path| write_png(path, &picture, Overwrite::Replace))
        }
        Kind::Overlay => {
            let picture = heatmap.overlay()?;
            file.fill(|path| write_picture(path, &picture, overlays, Overwrite::Replace))
        }
        Kind::Figure | Kind::Relevance | Kind::Report => Ok(()),
    }
}

/// A value of a report that is left out where it is empty.
fn optional(value: &impl Serialize, is_empty: bool) -> Value {
    if is_empty { Value::Null } else { json!(value) }
}
