//! From a session and options to an evaluator: methods are compiled, metrics chosen, the fill decided.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result as Checked, anyhow, bail, ensure};
use serde_json::{Map, Value, json};

use super::chosen::{Available, chosen};
use super::clock::Clock;
use super::control::Control;
use super::evaluator::{Evaluator, Method, Source, Targets};
use super::fill::{blur_leak, choose_fill};
use super::input::EvaluationInput;
use super::mosaic::Mosaics;
use super::options::{EvaluationOptions, JudgedMethod, JudgedTarget, MethodSource, Truth};
use super::settings::{FillChoice, MethodSettings, Settings};
use crate::error::{Error, Kind, Result};
use crate::metric::removal::Fill;
use crate::metric::{Conditions, Reading};
use crate::picture::InputShape;
use crate::random::word_of;
use crate::session::{self, ExplainerOptions, Predictor, Session, Target, cores, in_parallel};

/// The methods that are judged where none is named.
const METHODS: [&str; 5] = ["lrp", "saliency", "integrated-gradients", "smoothgrad", "grad-cam"];

/// The fill that an earlier run chose: `auto` takes it again, whatever the inputs are now.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    /// The fill, and the leak of `blur`.
    pub fill: Option<FillChoice>,
}

impl Evaluator {
    /// Compiles the methods, and decides on the fill by some of the inputs; `inputs` are all of them, also those that
    /// another process evaluates, so that all come to the same decision.
    ///
    /// # Errors
    /// [`Error::Method`] and [`Error::Composite`] where a method does not fit the network, [`Error::Input`] where it
    /// takes no pictures, a fill needs a range that is not known, or there are no such metrics, [`Error::Target`] where a
    /// class does not exist.
    pub fn new(
        session: &Session,
        options: EvaluationOptions,
        inputs: &[EvaluationInput],
        earlier: &Earlier,
    ) -> Result<Evaluator> {
        let predictor = Arc::new(Predictor::new(session)?);
        let methods = methods(session, &options)?;
        prepare(session, options, inputs, earlier, methods, predictor).kind(Error::Input)
    }
}

fn prepare(
    session: &Session,
    mut options: EvaluationOptions,
    inputs: &[EvaluationInput],
    earlier: &Earlier,
    methods: Vec<Method>,
    predictor: Arc<Predictor>,
) -> Checked<Evaluator> {
    let shape = session.model().inputs[0].picture.with_context(|| {
        format!(
            "metrics need an input that is a picture of 1 or 3 channels, not one of shape {:?}",
            session.input_shape()
        )
    })?;
    let range = range(session, shape)?;
    let targets = targets(session, &options, inputs)?;
    if let Some((_, boxes)) = &mut options.truth.boxes {
        boxes.resolve(|label| class_of(session, label).ok());
    }
    let jobs = options.jobs.unwrap_or_else(cores).min(inputs.len()).max(1);
    let mut evaluator = Evaluator {
        predictor,
        methods,
        metrics: vec![],
        targets,
        truth: options.truth.clone(),
        mosaics: None,
        shape,
        range,
        settings: settings(session, &options),
        threads: (cores() / jobs).max(1),
        clock: Clock::default(),
    };
    let fill = match options.fill {
        Some(fill) => FillChoice { asked: fill.to_string(), name: fill.to_string(), leak: None },
        None => match &earlier.fill {
            Some(fill) if fill.asked == "auto" => fill.clone(),
            _ => choose_fill(blur_leak(&evaluator, inputs, jobs)),
        },
    };
    let conditions = Conditions { fill: fill.name.parse()?, ..options.conditions.clone() };
    refuse_unknown_range(conditions.fill, &evaluator)?;
    conditions.check()?;
    let Truth { masks, boxes, .. } = &options.truth;
    let available =
        Available { objects: masks.is_some() || boxes.is_some(), boxes: boxes.is_some() };
    evaluator.metrics = chosen(&options.metrics, available, &conditions, shape)?;
    if evaluator.metrics.iter().any(|chosen| chosen.metric.info().name == "focus") {
        evaluator.mosaics = Some(mosaics(&evaluator, session, &options, inputs, jobs));
    }
    evaluator.settings.fill = fill;
    evaluator.settings.methods = evaluator.methods.iter().map(|it| it.settings.clone()).collect();
    evaluator.settings.metrics = evaluator.metrics.iter().map(|it| it.settings()).collect();
    evaluator.settings.sign()?;
    Ok(evaluator)
}

/// The lowest and highest value of every channel, where they are known.
fn range(session: &Session, shape: InputShape) -> Checked<Option<Vec<[f32; 2]>>> {
    let Some((low, high)) = session.input_range() else { return Ok(None) };
    let fits = |ends: &[f32]| ends.len() == 1 || ends.len() == shape.channels;
    ensure!(
        fits(low) && fits(high),
        "the input range has {} numbers, but the input has {} channels",
        low.len(),
        shape.channels
    );
    let of = |ends: &[f32], channel: usize| ends[channel % ends.len()];
    Ok(Some((0..shape.channels).map(|channel| [of(low, channel), of(high, channel)]).collect()))
}

fn refuse_unknown_range(fill: Fill, evaluator: &Evaluator) -> Checked<()> {
    ensure!(
        !fill.needs_range() || evaluator.range.is_some(),
        "the fill {fill} needs the lowest and highest value of the network's input: give --input-range LOW,HIGH"
    );
    Ok(())
}

/// The class that a label or an index means.
fn class_of(session: &Session, label: &str) -> Checked<usize> {
    match session.resolve_one(&label.parse()?)? {
        Target::Class(class) => Ok(class),
        _ => bail!("`{label}` is no class"),
    }
}

fn targets(
    session: &Session,
    options: &EvaluationOptions,
    inputs: &[EvaluationInput],
) -> Checked<Targets> {
    match &options.target {
        JudgedTarget::Top => Ok(Targets::Top),
        JudgedTarget::Class(target) => match session.resolve_one(target)? {
            Target::Class(class) => Ok(Targets::Class(class)),
            Target::Top => Ok(Targets::Top),
            _ => bail!(
                "one class is judged at a time: the target is top, label, a class index or a label"
            ),
        },
        JudgedTarget::Label => {
            let classes = options.truth.classes.as_ref();
            let (_, classes) = classes
                .context("the target `label` needs the class of every picture: give --classes")?;
            let mut labelled = BTreeMap::new();
            for input in inputs {
                if let Some(label) = classes.of(&input.path, &input.stem) {
                    let class = class_of(session, &label);
                    let class =
                        class.with_context(|| format!("the class of {}", input.path.display()))?;
                    labelled.insert(input.stem.clone(), class);
                }
            }
            Ok(Targets::Labelled(labelled))
        }
    }
}

/// What all reports must have in common; methods, metrics and the fill are filled in later.
fn settings(session: &Session, options: &EvaluationOptions) -> Settings {
    let EvaluationOptions { conditions, truth, target, .. } = options;
    let target = match target {
        JudgedTarget::Top => json!("top"),
        JudgedTarget::Label => json!("label"),
        JudgedTarget::Class(target) => json!(format!("{target:?}")),
    };
    let names = ["regions", "levels", "score", "draws", "subsets", "radius", "noise-draws"];
    let mut others: Map<String, Value> = conditions.named(&names);
    let path = |path: &std::path::Path| json!(path.display().to_string());
    let entries = [
        ("target", target),
        ("masks", json!(truth.masks.as_deref().map(path))),
        ("boxes", json!(truth.boxes.as_ref().map(|(file, _)| path(file)))),
        ("classes", json!(truth.classes.as_ref().map(|(text, _)| text))),
        ("preprocessing", json!(session.preprocessing().ok())),
        ("input_range", json!(session.input_range())),
    ];
    others.extend(entries.map(|(name, value)| (name.to_string(), value)));
    Settings {
        hash: String::new(),
        version: env!("CARGO_PKG_VERSION").to_string(),
        model: session.path().display().to_string(),
        classes: session.class_count(),
        seed: options.seed,
        fill: FillChoice { asked: String::new(), name: String::new(), leak: None },
        methods: vec![],
        metrics: vec![],
        others,
    }
}

impl Settings {
    /// Computes the hash of everything else.
    fn sign(&mut self) -> Checked<()> {
        self.hash.clear();
        self.hash = format!("{:016x}", word_of(&serde_json::to_string(self)?));
        Ok(())
    }
}

/// The methods, compiled, and the controls behind them.
fn methods(session: &Session, options: &EvaluationOptions) -> Result<Vec<Method>> {
    let default = || -> Result<Vec<JudgedMethod>> {
        METHODS.iter().map(|name| Ok(session::Method::named(name)?.into())).collect()
    };
    let asked = match (options.has_methods, options.methods.is_empty()) {
        (false, _) => vec![],
        (true, true) => default()?,
        (true, false) => options.methods.clone(),
    };
    let mut methods =
        asked.iter().map(|method| compiled(session, method)).collect::<Result<Vec<_>>>()?;
    if options.has_controls {
        methods.extend(Control::ALL.map(control));
    }
    for (index, method) in methods.iter().enumerate() {
        let name = &method.settings.name;
        if methods[..index].iter().any(|other| other.settings.name == *name) {
            let error = anyhow!("two methods are called `{name}`: give one of them another name");
            return Err(Error::of(Error::Method, error));
        }
    }
    Ok(methods)
}

fn control(control: Control) -> Method {
    let settings = MethodSettings {
        name: control.name().to_string(),
        method: "control".to_string(),
        composite: None,
        parameters: Value::Null,
        reading: Reading::Signed,
        is_control: true,
    };
    Method { settings, source: Source::Control(control) }
}

/// Whether maps are in one file.
fn is_archive(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|extension| extension == "npz")
}

fn compiled(session: &Session, judged: &JudgedMethod) -> Result<Method> {
    match &judged.source {
        MethodSource::Maps(folder) => {
            let name = judged.name.clone().unwrap_or_default();
            let error = match (folder.is_dir() || is_archive(folder), name.is_empty()) {
                (true, false) => None,
                (_, true) => Some(anyhow!("maps that were made elsewhere need a name: NAME=DIR")),
                _ => {
                    Some(anyhow!("there is no folder {} with the maps of {name}", folder.display()))
                }
            };
            if let Some(error) = error {
                return Err(Error::of(Error::Input, error));
            }
            let settings = MethodSettings {
                name,
                method: "maps".to_string(),
                composite: None,
                parameters: json!({ "folder": folder.display().to_string() }),
                reading: judged.reading.unwrap_or_default(),
                is_control: false,
            };
            Ok(Method { settings, source: Source::Folder(folder.clone()) })
        }
        MethodSource::Explained(options) => explained(session, judged, options),
    }
}

fn explained(
    session: &Session,
    judged: &JudgedMethod,
    options: &ExplainerOptions,
) -> Result<Method> {
    // Inputs share the cores; an explanation has one thread.
    let explainer = session.explainer(options.clone().threads(1))?;
    let method = explainer.method();
    let composite = method.takes_composite().then(|| explainer.composite().to_string());
    let settings = MethodSettings {
        name: judged.name.clone().unwrap_or_else(|| explainer.title()),
        method: method.name().to_string(),
        parameters: method.parameters(),
        reading: judged.reading.unwrap_or_else(|| method.reading()),
        is_control: false,
        composite,
    };
    Ok(Method { settings, source: Source::Explained(Box::new(explainer)) })
}

/// The classes of all inputs: as they are said, else as the network says.
fn mosaics(
    evaluator: &Evaluator,
    session: &Session,
    options: &EvaluationOptions,
    inputs: &[EvaluationInput],
    jobs: usize,
) -> Mosaics {
    let classes = options.truth.classes.as_ref().map(|(_, classes)| classes);
    let class = |input: &EvaluationInput| -> Checked<usize> {
        if let Some(classes) = classes {
            let label = classes.of(&input.path, &input.stem);
            return class_of(session, &label.context("its class is not said")?);
        }
        let prepared = evaluator.predictor.prepare(&input.path)?;
        let prediction = evaluator.predictor.predict(prepared.array().tensor())?;
        Ok(prediction.top().context("the network has no classes")?.index)
    };
    let known = in_parallel(inputs, jobs, |input| (input.clone(), class(input).ok()));
    let predictor = Arc::clone(&evaluator.predictor);
    Mosaics { predictor, inputs: known, seed: options.seed }
}
