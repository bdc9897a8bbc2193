//! An evaluation, made ready: judges any number of inputs, from any number of threads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result as Checked, anyhow};

use super::beside::BesideInput;
use super::chosen::Chosen;
use super::clock::{Clock, Spent};
use super::control::{Control, ControlMaps};
use super::engine::{Maps, Runs, Surroundings, output};
use super::foreign::ForeignMap;
use super::input::EvaluationInput;
use super::judge::judge;
use super::line::{JudgedMap, ReportLine, Target};
use super::mosaic::Mosaics;
use super::options::Truth;
use super::settings::{MethodSettings, Settings};
use crate::error::{Error, Kind, Result};
use crate::heatmap::{Normalization, Rendering};
use crate::method::Watch;
use crate::metric::removal::Layered;
use crate::metric::{Beside, Explain, Map, Network, Output, Picture, Reading, Seeds};
use crate::picture::InputShape;
use crate::session::{Explainer, Heatmap, Input, Predictor};
use crate::truth::Frame;

/// An evaluation, made ready: judges any number of inputs, from any number of threads.
pub struct Evaluator {
    pub(super) predictor: Arc<Predictor>,
    pub(super) methods: Vec<Method>,
    pub(super) metrics: Vec<Chosen>,
    pub(super) targets: Targets,
    pub(super) truth: Truth,
    pub(super) mosaics: Option<Mosaics>,
    pub(super) shape: InputShape,
    /// The lowest and highest value of every channel, where they are known.
    pub(super) range: Option<Vec<[f32; 2]>>,
    pub(super) settings: Settings,
    /// Threads for one input.
    pub(super) threads: usize,
    pub(super) clock: Clock,
}

/// A method, ready to explain.
pub(super) struct Method {
    pub settings: MethodSettings,
    pub source: Source,
}

/// Where the maps of a method come from.
pub(super) enum Source {
    Explained(Box<Explainer>),
    Folder(std::path::PathBuf),
    Control(Control),
}

/// Which class of an input is explained.
pub(super) enum Targets {
    Top,
    Class(usize),
    /// By the stem.
    Labelled(BTreeMap<String, usize>),
}

impl Evaluator {
    /// The settings, as `settings.json` has them.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The labels of boxes that are no class of the network: such boxes count for every class.
    pub fn unknown_labels(&self) -> Vec<&str> {
        self.truth.boxes.as_ref().map_or(vec![], |(_, boxes)| boxes.unknown_labels())
    }

    /// Runs and explanations until now, and how long they took.
    pub fn spent(&self) -> Spent {
        self.clock.spent()
    }

    /// The metrics of every method on an input: a line for each method, in the order of the settings.
    ///
    /// `watch` is told of every run of the network and every noisy explanation, and ends the work.
    ///
    /// # Errors
    /// [`Error::Input`] for an input, mask or map that cannot be used, [`Error::Method`] where a method cannot be applied,
    /// [`Error::Cancelled`].
    pub fn evaluate(&self, input: &EvaluationInput, watch: &dyn Watch) -> Result<Vec<ReportLine>> {
        let judged = self.evaluate_with_maps(input, watch)?;
        Ok(judged.into_iter().map(|(line, _)| line).collect())
    }

    /// The same, with the map behind each line.
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`].
    pub fn evaluate_with_maps(
        &self,
        input: &EvaluationInput,
        watch: &dyn Watch,
    ) -> Result<Vec<(ReportLine, JudgedMap)>> {
        self.clock.input(self.threads, || self.lines(input, watch).kind(Error::Input))
    }

    /// A method's map of an input, as it is judged, to be drawn over the picture.
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`], and [`Error::Method`] where no method has that name.
    pub fn heatmap(
        &self,
        method: &str,
        input: &EvaluationInput,
        watch: &dyn Watch,
    ) -> Result<Heatmap> {
        let found = self.methods.iter().find(|known| known.settings.name == method);
        let found = found.with_context(|| format!("no method is called `{method}`"));
        let method = found.kind(Error::Method)?;
        let (map, prepared) = self.map(method, input, watch).kind(Error::Input)?;
        let normalization = match method.settings.reading {
            Reading::Magnitude => Normalization::Absolute,
            Reading::Signed => Normalization::Symmetric,
        };
        let rendering = Rendering { normalization, ..Rendering::default() };
        let values: Vec<f32> = map.values().iter().map(|&value| value as f32).collect();
        Heatmap::of_input(&prepared, &values, [map.height(), map.width()], rendering)
    }

    /// The map of the target, and the input that it is of.
    fn map(
        &self,
        method: &Method,
        input: &EvaluationInput,
        watch: &dyn Watch,
    ) -> Checked<(Map, Input)> {
        let surroundings = Surroundings { clock: &self.clock, threads: self.threads, watch };
        let network = Runs { predictor: &self.predictor, surroundings };
        let opened = self.open(input)?;
        let beside = opened.beside(self, &input.stem);
        let picture = opened.picture(self, &input.stem, &network, &beside);
        let maps = self.maps(method, input, &picture, surroundings)?;
        let explained = maps.explain(picture.input(), &[picture.target()], 0)?;
        let map = explained.into_iter().next().context("a method gave no map")?.map;
        Ok((map, opened.input.clone()))
    }

    fn lines(
        &self,
        input: &EvaluationInput,
        watch: &dyn Watch,
    ) -> Checked<Vec<(ReportLine, JudgedMap)>> {
        let surroundings = Surroundings { clock: &self.clock, threads: self.threads, watch };
        let network = Runs { predictor: &self.predictor, surroundings };
        let opened = self.open(input)?;
        let beside = opened.beside(self, &input.stem);
        let picture = opened.picture(self, &input.stem, &network, &beside);
        let line = |method: &Method| {
            let begin = Instant::now();
            let judged = self.maps(method, input, &picture, surroundings);
            let judged = judged.and_then(|maps| judge(&self.metrics, &picture, &*maps, begin));
            let judged = judged.map_err(|error| about(method, error))?;
            let map = JudgedMap::of(judged.map.context("a method gave no map")?);
            let line = ReportLine {
                input: input.path.display().to_string(),
                method: method.settings.name.clone(),
                reading: method.settings.reading,
                target: opened.target.clone(),
                metrics: judged.metrics,
                undefined: judged.undefined,
                curves: judged.curves,
                flips: judged.flips,
                settings: self.settings.hash.clone(),
                forwards: judged.runs,
                seconds: Some(judged.seconds),
            };
            Ok((line, map))
        };
        self.methods.iter().map(line).collect()
    }

    /// Reads an input and runs the network on it.
    pub(super) fn open(&self, input: &EvaluationInput) -> Checked<Opened> {
        let prepared = self.predictor.prepare(&input.path)?;
        let tensor = prepared.array().tensor().clone();
        let prediction = self.clock.run(|| self.predictor.predict(&tensor))?;
        let output = output(&prediction);
        let index = self.targets.of(input, output.top())?;
        let class = prediction.class(index);
        let class = class.with_context(|| format!("the network has no class {index}"))?;
        let target = Target { index, label: class.label, probability: output.probability(index) };
        let layered = Layered::new(tensor, self.shape, self.range.clone());
        let frame = Frame::of(&prepared, [self.shape.height, self.shape.width]);
        Ok(Opened { input: prepared, target, output, layered, frame })
    }

    /// The maps of a method on an input.
    pub(super) fn maps<'a>(
        &'a self,
        method: &'a Method,
        input: &EvaluationInput,
        picture: &Picture,
        surroundings: Surroundings<'a>,
    ) -> Checked<Box<dyn Explain + 'a>> {
        let (shape, reading) = (self.shape, method.settings.reading);
        Ok(match &method.source {
            Source::Explained(explainer) => {
                Box::new(Maps { explainer, reading, shape, surroundings })
            }
            Source::Folder(folder) => {
                let class = picture.target();
                Box::new(ForeignMap::read(folder, &input.stem, class, shape, reading)?)
            }
            Source::Control(control) => {
                Box::new(ControlMaps { control: *control, shape, seeds: picture.seeds() })
            }
        })
    }
}

/// An input that was read, and what the network says about it.
pub(super) struct Opened {
    input: Input,
    pub target: Target,
    pub output: Output,
    pub layered: Layered,
    frame: Frame,
}

impl Opened {
    /// What lies beside the input.
    pub fn beside<'a>(&'a self, evaluator: &'a Evaluator, stem: &'a str) -> BesideInput<'a> {
        BesideInput {
            stem,
            frame: self.frame,
            truth: &evaluator.truth,
            mosaics: evaluator.mosaics.as_ref(),
            layered: &self.layered,
        }
    }

    /// The input as metrics see it.
    pub fn picture<'a>(
        &self,
        evaluator: &Evaluator,
        stem: &str,
        network: &'a dyn Network,
        beside: &'a dyn Beside,
    ) -> Picture<'a> {
        let seeds = Seeds::new(evaluator.settings.seed, stem);
        let (layered, output) = (self.layered.clone(), self.output.clone());
        Picture::new(layered, seeds, self.target.index, output, network, beside)
    }
}

impl Targets {
    pub fn of(&self, input: &EvaluationInput, top: usize) -> Checked<usize> {
        match self {
            Targets::Top => Ok(top),
            Targets::Class(class) => Ok(*class),
            Targets::Labelled(classes) => classes.get(&input.stem).copied().with_context(|| {
                format!("--classes does not say which class {} shows", input.stem)
            }),
        }
    }
}

/// Says which method an error is about, unless nobody waits any more.
pub(super) fn about(method: &Method, error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref() {
        Some(Error::Cancelled) => anyhow!(Error::Cancelled),
        _ => error.context(format!("cannot judge {}", method.settings.name)),
    }
}
