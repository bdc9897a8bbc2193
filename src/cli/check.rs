//! `onnxplain check`: is the function unchanged by canonization, and is relevance conserved?

mod conservation;
mod function;
mod graph;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};

use onnxplain::explain::{Explainer, Initial, Target, initial_relevance};
use onnxplain::io::is_array_file;
use onnxplain::tensor::Tensors;
use onnxplain::{ExplainerOptions, Notice, Session, Severity, Source, Topic};

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
    let session = open(options, console)?;
    let given = given(options, &session, console)?;
    let checked = Checked::of(&session, options.options.explainer()?, given)?;
    match console.is_json() {
        true => console.print_json(&checked.to_json())?,
        false => console.print(checked.to_text())?,
    }
    Ok(if checked.is_good() { Status::Done } else { Status::Partly })
}

/// Both verdicts, with their numbers.
pub(crate) struct Checked {
    model: String,
    explainer: onnxplain::Explainer,
    /// How many were tried.
    inputs: usize,
    comparisons: Vec<Comparison>,
    conservation: WorstConservation,
}

impl Checked {
    /// Checks a model that was opened with its reference, on random inputs and on those given.
    pub(crate) fn of(
        session: &Session,
        options: ExplainerOptions,
        given: Vec<Tensors>,
    ) -> Result<Checked> {
        let mut inputs = random_inputs(session)?;
        inputs.extend(given);
        let canonized = session.canonized(options.threads(1).fallback_range(LOWEST, HIGHEST))?;
        let comparisons = function::compare(session.model(), &canonized.passes, &inputs)?;
        let explainer = session.compile(canonized)?;
        let conservation = WorstConservation::worst(explainer.engine(), &inputs)?;
        let model = session.path().display().to_string();
        Ok(Checked { model, explainer, inputs: inputs.len(), comparisons, conservation })
    }

    fn keeps_function(&self) -> bool {
        self.comparisons.iter().all(Comparison::is_good)
    }

    fn is_good(&self) -> bool {
        self.keeps_function() && self.conservation.is_good()
    }

    fn to_text(&self) -> String {
        let network = self.explainer.engine().network();
        let title = format!("relevance is conserved ({})", self.explainer.composite());
        [
            verdict("the function is unchanged", self.keeps_function()),
            function::table(&self.comparisons).render().trim_end().to_string(),
            verdict(&title, self.conservation.is_good()),
            self.conservation.to_text(network),
        ]
        .join("\n")
    }

    /// What `--json` prints.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "model": self.model,
            "composite": self.explainer.composite(),
            "inputs": self.inputs,
            "function": {
                "is_unchanged": self.keeps_function(),
                "limit": function::LIMIT,
                "comparisons": self.comparisons,
            },
            "conservation": self.conservation.to_json(self.explainer.engine().network()),
            "version": env!("CARGO_PKG_VERSION"),
        })
    }
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

fn random_inputs(session: &Session) -> Result<Vec<Tensors>> {
    let network = &session.model().network;
    let random = |seed: u64| {
        let inputs = network.inputs().iter().zip((seed..).step_by(RANDOM_INPUTS as usize));
        inputs.map(|(input, seed)| function::noise(&input.shape, seed)).collect::<Result<Tensors>>()
    };
    (0..RANDOM_INPUTS).map(random).collect()
}

/// The inputs that are given; says what is doubtful about them.
fn given(options: &CheckOptions, session: &Session, console: &mut Console) -> Result<Vec<Tensors>> {
    let mut all = vec![];
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
