//! `onnxplain check`: is the function unchanged by canonization, and is relevance conserved?

mod conservation;
mod function;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use onnxplain::explain::{Explainer, Initial, Target, initial_relevance};
use onnxplain::network::Network;
use onnxplain::onnx::Model;
use onnxplain::parallel::Threads;
use onnxplain::tensor::Tensor;

use self::conservation::Conservation;
use self::function::Comparison;
use super::Status;
use super::console::{BOLD, Console, GREEN, RED};
use super::input::{InputReader, is_tensor};
use super::options::{ModelOptions, PreprocessOptions, channel_axis};
use super::setup::{self, Cards, Choice};

const EXAMPLES: &str = "\
Examples:
  onnxplain check model.onnx                 on random inputs
  onnxplain check model.onnx photos/*.jpg    on pictures as well";

/// Random inputs that are always tried.
const RANDOM_INPUTS: u64 = 3;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckOptions {
    /// The model, an .onnx file
    model: PathBuf,
    /// Pictures or .npy tensors to check on, besides random inputs
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    options: ModelOptions,
    #[command(flatten)]
    preprocess: PreprocessOptions,
}

/// Prints the two verdicts; the status says whether both are good.
pub fn run(options: &CheckOptions, console: &mut Console) -> Result<Status> {
    setup::check_model_path(&options.model)?;
    let cards = Cards::read(&options.model, options.preprocess.preprocess.as_deref(), console)?;
    let named = Choice::named(&options.options.composite)?;
    let tensor = options.inputs.iter().map(PathBuf::as_path).find(|path| is_tensor(path));
    let model = setup::load_model_with_reference(&options.model, &options.options, &cards, tensor)?;
    model.notes.iter().for_each(|note| console.note(note));
    let inputs = inputs(options, &cards, &model, console)?;
    let choice = named.map_or_else(|| Choice::auto(&model.network), Ok)?;
    let passes = options.options.passes(&choice.composite)?;

    let comparisons = function::compare(&model, &passes, &inputs)?;
    let (network, _) = setup::canonized(model.network.clone(), &passes)?;
    let explainer = explainer(network, &choice, options, &cards, &model)?;
    let conservation = Conservation::worst(&explainer, &inputs)?;

    let keeps_function = comparisons.iter().all(Comparison::is_good);
    let is_good = keeps_function && conservation.is_good();
    if console.is_json() {
        console.print_json(&json!({
            "model": options.model.display().to_string(),
            "composite": choice.composite.name,
            "inputs": inputs.len(),
            "function": { "is_unchanged": keeps_function, "limit": function::LIMIT, "comparisons": comparisons },
            "conservation": conservation.to_json(explainer.network()),
            "version": env!("CARGO_PKG_VERSION"),
        }))?;
    } else {
        console.print(verdict("the function is unchanged", keeps_function))?;
        console.print(function::table(&comparisons).render())?;
        let title = format!("relevance is conserved ({})", choice.composite.name);
        console.print(verdict(&title, conservation.is_good()))?;
        console.print(conservation.to_text(explainer.network()))?;
    }
    Ok(if is_good { Status::Done } else { Status::Partly })
}

fn verdict(claim: &str, holds: bool) -> String {
    let (style, word) = if holds { (GREEN, "yes") } else { (RED, "NO") };
    format!("{BOLD}{claim}:{BOLD:#} {style}{word}{style:#}")
}

/// Random inputs, and those given.
fn inputs(
    options: &CheckOptions,
    cards: &Cards,
    model: &Model,
    console: &mut Console,
) -> Result<Vec<Tensor>> {
    let mut inputs: Vec<Tensor> = (0..RANDOM_INPUTS)
        .map(|seed| function::noise(&model.input.shape, seed))
        .collect::<Result<_>>()?;
    let has_pictures = options.inputs.iter().any(|path| !is_tensor(path));
    let preprocessor = match has_pictures {
        true => {
            let fitted =
                setup::preprocessor(&model.input, cards, &options.preprocess, &options.options)?;
            fitted.1.iter().for_each(|note| console.note(note));
            Some(fitted.0)
        }
        false => None,
    };
    let reader = InputReader::new(&model.input, preprocessor);
    for path in &options.inputs {
        let input = reader.read(path, false)?;
        inputs.push(input.tensor.reshaped(&model.input.shape)?);
    }
    Ok(inputs)
}

/// The compiled network; random inputs lie between −2 and 2, which is what z-box is told where
/// nothing else is known.
fn explainer(
    network: Network,
    choice: &Choice,
    options: &CheckOptions,
    cards: &Cards,
    model: &Model,
) -> Result<Explainer> {
    let axis = channel_axis(model.input.picture);
    let given = options.preprocess.input_range.as_ref().map(|range| range.range(axis));
    let fitted = setup::preprocessor(&model.input, cards, &options.preprocess, &options.options);
    let range = given.unwrap_or_else(|| match fitted {
        Ok((preprocessor, _)) => {
            let (low, high) = preprocessor.input_range();
            onnxplain::explain::InputRange { low, high, channel_axis: axis }
        }
        Err(_) => {
            onnxplain::explain::InputRange { low: vec![-2.0], high: vec![2.0], channel_axis: axis }
        }
    });
    Explainer::new(network, &choice.composite, Some(&range), Threads::default())
        .with_context(|| format!("the composite {} cannot be used", choice.composite.name))
}

/// The books of explaining the highest logit of one input.
fn books(explainer: &Explainer, input: &Tensor) -> Result<onnxplain::explain::Books> {
    let activations = explainer.forward(input)?;
    let logits = activations.logits()?;
    let class = Target::Top.classes(logits)?;
    let class = *class.first().context("the model has no output")?;
    let initial = initial_relevance(logits, class, None, Initial::Logit)?;
    Ok(explainer.propagate(activations, initial)?.books)
}
