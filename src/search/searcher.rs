//! A search, made ready: candidates, pictures, evaluators.

use anyhow::{Context, Result as Checked, anyhow, ensure};
use serde_json::json;

use super::found::SearchSettings;
use super::options::SearchOptions;
use super::screen::proxy;
use super::split::Split;
use crate::composite::{Candidate, Composite, NamedSpace, Space};
use crate::error::{Error, Kind, Result};
use crate::evaluation::{
    Earlier, EvaluationInput, EvaluationOptions, Evaluator, FillChoice, MetricChoice,
};
use crate::io::sha256;
use crate::metric::named;
use crate::random::word_of;
use crate::session::{ExplainerOptions, Session, cores};

/// Levels of curves in the race; those that confirm have the usual number.
const RACE_LEVELS: usize = 16;

/// Presets that any network can have.
const FIXED: [&str; 3] = ["epsilon-plus-flat", "epsilon-gamma-box", "gamma"];

/// A search, made ready.
pub struct Searcher<'a> {
    pub(super) session: &'a Session,
    pub(super) options: SearchOptions,
    pub(super) space: Space,
    pub(super) candidates: Vec<Candidate>,
    pub(super) split: Split,
    /// Objectives, the first of which decides.
    pub(super) objectives: Vec<String>,
    /// The composite that the winner is compared with.
    pub(super) default: Composite,
    pub(super) fixed: Vec<Composite>,
    /// Measures what screens, what races, what confirms.
    pub(super) evaluators: [Evaluator; 3],
    pub(super) settings: SearchSettings,
    pub(super) jobs: usize,
}

impl<'a> Searcher<'a> {
    /// Reads the space, divides the pictures and decides on the fill; `fill` is what an earlier run decided on.
    ///
    /// # Errors
    /// [`Error::Composite`] for values of the space that make no composite, [`Error::Input`] for fewer than two pictures or
    /// unknown metrics, and those of [`Evaluator::new`].
    pub fn new(
        session: &'a Session,
        options: SearchOptions,
        inputs: &[EvaluationInput],
        fill: Option<FillChoice>,
    ) -> Result<Searcher<'a>> {
        let seed = options.seed;
        let split = match options.confirming.clone() {
            Some(confirming) => Split::apart(inputs.to_vec(), confirming, seed),
            None => Split::of(inputs.to_vec(), options.split, seed),
        };
        check(&split).kind(Error::Input)?;
        let objectives = objectives(&options).kind(Error::Input)?;
        let space = match options.space.clone() {
            Some(space) => space,
            None => space_of(session)?,
        };
        let candidates = space.candidates().kind(Error::Composite)?;
        let default = session.canonized(options.explainer.clone())?.choice.composite;
        let fixed = FIXED.iter().filter(|name| **name != default.name);
        let fixed: Result<Vec<Composite>> =
            fixed.map(|name| Composite::find(name).kind(Error::Composite)).collect();
        let jobs = options.jobs.unwrap_or_else(cores);
        let evaluators = evaluators(session, &options, &objectives, &split, fill)?;
        let mut searcher = Searcher {
            settings: settings(session, &options, &space, &split, evaluators[2].settings())
                .kind(Error::Model)?,
            session,
            options,
            space,
            candidates,
            split,
            objectives,
            default,
            fixed: fixed?,
            evaluators,
            jobs,
        };
        searcher.complete_settings().kind(Error::Input)?;
        Ok(searcher)
    }

    /// How it is searched.
    pub fn settings(&self) -> &SearchSettings {
        &self.settings
    }

    /// The space.
    pub fn space(&self) -> &Space {
        &self.space
    }

    fn complete_settings(&mut self) -> Checked<()> {
        let settings = &mut self.settings;
        settings.default.clone_from(&self.default.name);
        let direction = |metric: &String| -> Checked<_> {
            Ok((metric.clone(), named(metric)?.info().direction))
        };
        settings.objectives = self.objectives.iter().map(direction).collect::<Checked<_>>()?;
        let texts: Vec<&str> = self.candidates.iter().map(Candidate::text).collect();
        settings.composites_hash = format!("{:016x}", word_of(&texts.concat()));
        settings.hash.clear();
        settings.hash = format!("{:016x}", word_of(&serde_json::to_string(settings)?));
        Ok(())
    }
}

fn check(split: &Split) -> Checked<()> {
    let (choosing, confirming) = (split.choosing.len(), split.confirming.len());
    ensure!(
        choosing >= 1 && confirming >= 1,
        "a search needs at least two pictures, some that choose and others that confirm: there are {choosing} that choose and {confirming} that confirm"
    );
    let both = split.choosing.iter().find(|input| {
        split.confirming.iter().any(|other| other.path == input.path || other.stem == input.stem)
    });
    match both {
        None => Ok(()),
        Some(input) => Err(anyhow!(
            "{} chooses and confirms: what confirms must be other pictures, of other names",
            input.path.display()
        )),
    }
}

fn objectives(options: &SearchOptions) -> Checked<Vec<String>> {
    let asked = match options.objectives.is_empty() {
        true => vec!["srg".to_string()],
        false => options.objectives.clone(),
    };
    let mut objectives: Vec<String> = vec![];
    for metric in &asked {
        let name = named(metric)?.info().name.to_string();
        ensure!(!objectives.contains(&name), "the objective {name} is named twice");
        objectives.push(name);
    }
    Ok(objectives)
}

/// The space of the architecture, whose composites start at the output as its preset does.
fn space_of(session: &Session) -> Result<Space> {
    let preset = session.canonized(ExplainerOptions::new())?.choice.composite;
    let space = NamedSpace::of_preset(&preset.name);
    let space =
        space.with_context(|| format!("there is no space for {}: give --space", preset.name));
    space.and_then(|space| space.starting_as(&preset)).kind(Error::Composite)
}

/// What screens, what races and what confirms.
fn evaluators(
    session: &Session,
    options: &SearchOptions,
    objectives: &[String],
    split: &Split,
    fill: Option<FillChoice>,
) -> Result<[Evaluator; 3]> {
    let mut names: Vec<&str> = objectives.iter().map(String::as_str).collect();
    for requirement in &options.requirements {
        if !names.contains(&requirement.metric.as_str()) {
            names.push(&requirement.metric);
        }
    }
    let mut screening: Vec<&str> = vec![];
    for name in names.iter().map(|name| proxy(name)) {
        if !screening.contains(&name) {
            screening.push(name);
        }
    }
    let jobs = options.jobs.unwrap_or_else(cores);
    let base = options.evaluation.clone().seed(options.seed).jobs(jobs).without_methods();
    let mut earlier = Earlier { fill };
    let mut build = |metrics: Vec<MetricChoice>, inputs: &[EvaluationInput]| {
        let options = metrics.into_iter().fold(base.clone(), EvaluationOptions::choose);
        let evaluator = Evaluator::new(session, options, inputs, &earlier)?;
        earlier.fill = Some(evaluator.settings().fill.clone());
        Ok(evaluator)
    };
    let word = |name: &str| MetricChoice::Word(name.to_string());
    let raced = |name: &str| match named(name) {
        Ok(metric) if metric.takes().contains(&"levels") => {
            let levels = json!({ "levels": RACE_LEVELS });
            let conditions = levels.as_object().cloned().unwrap_or_default();
            MetricChoice::Own { name: name.to_string(), metric: name.to_string(), conditions }
        }
        _ => word(name),
    };
    Ok([
        build(screening.iter().map(|name| word(name)).collect(), &split.choosing)?,
        build(names.iter().map(|name| raced(name)).collect(), &split.choosing)?,
        build(names.iter().map(|name| word(name)).collect(), &split.confirming)?,
    ])
}

/// All but what the candidates decide.
fn settings(
    session: &Session,
    options: &SearchOptions,
    space: &Space,
    split: &Split,
    evaluation: &crate::evaluation::Settings,
) -> Checked<SearchSettings> {
    let path = session.path();
    let open = || -> std::io::Result<String> { sha256(std::fs::File::open(path)?) };
    let hash = open().with_context(|| format!("cannot read {}", path.display()))?;
    let stems = |inputs: &[EvaluationInput]| inputs.iter().map(|it| it.stem.clone()).collect();
    let mut others = evaluation.others.clone();
    others.insert("metrics".to_string(), serde_json::to_value(&evaluation.metrics)?);
    Ok(SearchSettings {
        hash: String::new(),
        version: env!("CARGO_PKG_VERSION").to_string(),
        model: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        model_sha256: hash,
        space: space.name.clone(),
        composites: space.len(),
        composites_hash: String::new(),
        objectives: vec![],
        requirements: options.requirements.iter().map(ToString::to_string).collect(),
        budget: options.budget.to_string(),
        choosing: stems(&split.choosing),
        confirming: stems(&split.confirming),
        default: String::new(),
        fill: evaluation.fill.clone(),
        seed: options.seed,
        others,
    })
}
