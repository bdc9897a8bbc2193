//! `onnxplain check`: is the function unchanged by canonization, and is relevance conserved?

mod conservation;
mod function;
mod graph;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use onnxplain::explain::{Explainer, Initial, Target, initial_relevance};
use onnxplain::io::is_array_file;
use onnxplain::tensor::Tensors;
use onnxplain::{Notice, Session, Severity, Source, Topic};

use self::conservation::WorstConservation;
use self::function::Comparison;
use super::Status;
use super::console::Console;
use super::options::{ModelOptions, PreprocessOptions, check_model_path};
use super::terminal::{BOLD, GREEN, RED};

const EXAMPLES: &str = "\
Examples:
  onnxplain check model.onnx                 on random inputs
  onnxplain check model.onnx photos/*.jpg    on pictures as well
  onnxplain check explainer.onnx --against model.onnx photos/*.jpg
                                             is a compiled graph what explain computes?
  onnxplain check bert.onnx --input input_ids=ids.npy --input attention_mask=mask.npy";

/// Random inputs that are always tried.
const RANDOM_INPUTS: u64 = 3;

/// Where random inputs lie: what z-box is told where nothing else is known.
const LOWEST: f32 = -2.0;
const HIGHEST: f32 = 2.0;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub struct CheckOptions {
    /// The model, an .onnx file
    model: PathBuf,
    /// Pictures or arrays to check on, besides random inputs
    inputs: Vec<PathBuf>,
    /// The first operand is a graph that `onnxplain compile` made of this model: compare both, by tract
    #[arg(long, value_name = "MODEL")]
    against: Option<PathBuf>,
    #[command(flatten)]
    options: ModelOptions,
    #[command(flatten)]
    preprocess: PreprocessOptions,
}

/// Prints the two verdicts; the status says whether both are good.
pub fn run(options: &CheckOptions, console: &mut Console) -> Result<Status> {
    if let Some(model) = &options.against {
        return graph::run(options, model, console);
    }
    check_model_path(&options.model)?;
    let explainer = options.options.explainer()?.threads(1).fallback_range(LOWEST, HIGHEST);
    let session = open(options, console)?;
    let inputs = inputs(options, &session, console)?;
    let canonized = session.canonized(explainer)?;
    let comparisons = function::compare(session.model(), &canonized.passes, &inputs)?;
    let explainer = session.compile(canonized)?;
    let network = explainer.engine().network();
    let conservation = WorstConservation::worst(explainer.engine(), &inputs)?;

    let keeps_function = comparisons.iter().all(Comparison::is_good);
    let is_good = keeps_function && conservation.is_good();
    if console.is_json() {
        console.print_json(&json!({
            "model": options.model.display().to_string(),
            "composite": explainer.composite(),
            "inputs": inputs.len(),
            "function": { "is_unchanged": keeps_function, "limit": function::LIMIT, "comparisons": comparisons },
            "conservation": conservation.to_json(network),
            "version": env!("CARGO_PKG_VERSION"),
        }))?;
    } else {
        console.print(verdict("the function is unchanged", keeps_function))?;
        console.print(function::table(&comparisons).render())?;
        let title = format!("relevance is conserved ({})", explainer.composite());
        console.print(verdict(&title, conservation.is_good()))?;
        console.print(conservation.to_text(network))?;
    }
    Ok(if is_good { Status::Done } else { Status::Partly })
}

fn verdict(claim: &str, holds: bool) -> String {
    let (style, word) = if holds { (GREEN, "yes") } else { (RED, "NO") };
    format!("{BOLD}{claim}:{BOLD:#} {style}{word}{style:#}")
}

/// Opens the model with what it is compared with; says what was assumed.
fn open(options: &CheckOptions, console: &mut Console) -> Result<Session> {
    let has_pictures = options.inputs.iter().any(|path| !is_array_file(path));
    let session = options.preprocess.session(&options.options);
    // Classes are told by their numbers.
    let mut session = session.without_labels().with_reference();
    if has_pictures {
        session = session.pictures(true);
    }
    let paths = options.inputs.iter().map(PathBuf::as_path);
    let session = session.shaped_by(paths).without_inputs().open(&options.model)?;
    let is_wanted = |notice: &&Notice| match notice.topic {
        Topic::Labels => false,
        Topic::Preprocessing => has_pictures || notice.severity == Severity::Warning,
        _ => true,
    };
    session.notices().iter().filter(is_wanted).for_each(|notice| console.notice(notice));
    Ok(session)
}

/// Random inputs, and those given; says what is doubtful about them.
fn inputs(
    options: &CheckOptions,
    session: &Session,
    console: &mut Console,
) -> Result<Vec<Tensors>> {
    let network = &session.model().network;
    let random = |seed: u64| {
        let inputs = network.inputs().iter().zip((seed..).step_by(RANDOM_INPUTS as usize));
        inputs.map(|(input, seed)| function::noise(&input.shape, seed)).collect::<Result<Tensors>>()
    };
    let mut all = (0..RANDOM_INPUTS).map(random).collect::<Result<Vec<_>>>()?;
    for path in &options.inputs {
        let input = session.prepare(path)?;
        for notice in input.notices().iter().filter(|it| it.severity > Severity::Detail) {
            console.warning(format_args!("{}: {notice}", path.display()));
        }
        all.push(session.network_inputs(input)?);
    }
    if options.inputs.is_empty() && !options.options.inputs.input.is_empty() {
        all.push(session.network_inputs(Source::Named(vec![]))?);
    }
    Ok(all)
}

/// What enters and leaves every layer where the highest logit of one input is explained.
fn conservation_of(
    explainer: &Explainer,
    inputs: &Tensors,
) -> Result<onnxplain::explain::Conservation> {
    let activations = explainer.forward(inputs)?;
    let logits = activations.logits()?;
    let class = Target::Top.classes(logits)?;
    let class = *class.first().context("the model has no output")?;
    let initial = initial_relevance(logits, class, None, Initial::Logit)?;
    Ok(explainer.propagate(activations, initial)?.conservation)
}
