//! Before the first input: the model is opened, methods are compiled, the fill is decided; what was assumed is said.

use std::path::Path;

use anyhow::Result;

use onnxplain::Session;
use onnxplain::evaluation::{Earlier, EvaluationInput, EvaluationOptions, Evaluator, Settings};

use super::methods;
use super::options::{EvaluateOptions, FillWord};
use super::plan::Plan;
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::console::Console;
use crate::cli::explain::targets;
use crate::cli::truth_options::{judged_target, tell_fill};
use crate::cli::{given, settings_file};

/// Everything that is needed to judge inputs.
pub struct Prepared {
    pub evaluator: Evaluator,
}

impl Prepared {
    /// Opens the model and compiles the methods; `all` are the inputs of all processes.
    ///
    /// # Errors
    /// When the model cannot be read, or an option does not fit it.
    pub fn new(
        options: &EvaluateOptions,
        plan: &Plan,
        model: &Path,
        files: &[Result<InputFile, Failed>],
        all: &[EvaluationInput],
        console: &mut Console,
    ) -> Result<Prepared> {
        let evaluation = evaluation_options(options, plan)?;
        let session = given::session(
            options.labels.as_deref(),
            (&options.model_options, &options.preprocess),
            files,
        );
        let session = session.open(model)?;
        session.notices().iter().for_each(|notice| console.notice(notice));
        let notes = targets::notes(plan.target.as_deref(), &session);
        notes.iter().for_each(|notice| console.notice(notice));
        let earlier = match options.resume {
            true => settings_file::read(&options.output)?.map(|settings: Settings| settings.fill),
            false => None,
        };
        let evaluator = Evaluator::new(&session, evaluation, all, &Earlier { fill: earlier })?;
        tell(&evaluator, &session, console);
        Ok(Prepared { evaluator })
    }
}

/// Says what was decided.
fn tell(evaluator: &Evaluator, session: &Session, console: &mut Console) {
    let settings = evaluator.settings();
    tell_fill(&settings.fill, console);
    for label in evaluator.unknown_labels() {
        console.warning(format_args!(
            "the boxes are labelled \"{label}\", which is no class of the model: they count for every class"
        ));
    }
    let named = |names: Vec<&str>| names.join(", ");
    let methods = settings.methods.iter().map(|method| method.name.as_str()).collect();
    let metrics = settings.metrics.iter().map(|metric| metric.name.as_str()).collect();
    console.detail(format_args!("methods: {}", named(methods)));
    console.detail(format_args!("metrics: {}", named(metrics)));
    if session.input_range().is_none() {
        console.warning(
            "the lowest and highest value of the network's input are not known, so that metrics with noise on the \
             input are undefined: give --input-range LOW,HIGH",
        );
    }
}

fn evaluation_options(options: &EvaluateOptions, plan: &Plan) -> Result<EvaluationOptions> {
    let mut evaluation = EvaluationOptions::new()
        .conditions(plan.conditions.clone())
        .seed(plan.seed)
        .jobs(options.jobs())
        .target(judged_target(plan.target.as_deref().unwrap_or("top"))?);
    if let FillWord::This(fill) = plan.fill {
        evaluation = evaluation.fill(fill);
    }
    if !plan.has_controls {
        evaluation = evaluation.without_controls();
    }
    for method in &plan.methods {
        evaluation = evaluation.method(methods::judged(method, &options.model_options)?);
    }
    for metric in &plan.metrics {
        evaluation = evaluation.choose(metric.clone());
    }
    plan.truth.known_to(evaluation)
}
