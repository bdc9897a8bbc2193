//! Before the first input: the model is loaded, canonized and compiled.

use std::sync::Mutex;
use std::time::Instant;

use anyhow::Result;
use indicatif::ProgressBar;

use onnxplain::canonize::{PassReport, PassSelection};
use onnxplain::explain::{Initial, InputRange, Prepack};
use onnxplain::method::{InputInfo, Method, PreparedMethod, Setup};
use onnxplain::network::{Network, Quantity};
use onnxplain::onnx::{Model, ModelInput};
use onnxplain::picture::Preprocessor;

use super::ExplainOptions;
use super::attribute::Job;
use super::described::described;
use super::inputs::{Failed, InputFile};
use super::outputs::Outputs;
use super::report::{Seconds, explained};
use super::targets::Targets;
use crate::cli::console::Console;
use crate::cli::input::{InputReader, is_tensor};
use crate::cli::options::channel_axis;
use crate::cli::setup::{self, Cards, Choice};

/// Loads the model and compiles its explanation; says what was assumed.
///
/// # Errors
/// When the model cannot be read, or an option does not fit it.
pub(super) fn prepare(
    options: &ExplainOptions,
    method: Method,
    cards: &Cards,
    outputs: Outputs,
    files: &[Result<InputFile, Failed>],
    console: &mut Console,
) -> Result<Job> {
    let rendering = options.rendering(&method)?;
    let named = Choice::named(method.preset().unwrap_or(&options.model_options.composite))?;
    let mut start_up = Seconds::default();
    let model = load(options, cards, &mut start_up, console)?;
    let (input, classes) = (model.input.clone(), model.network.class_count());
    let explained = explained(model.network.output_function.as_ref(), cards.output());
    if explained != Quantity::Logit {
        console.note(format_args!(
            "the network's output is a {explained}, which is explained as it is"
        ));
    }
    let labels = setup::labels(options.labels.as_deref(), cards, classes, console)?
        .or_else(|| model.labels.clone().filter(|labels| labels.check_count(classes).is_ok()));
    let targets =
        Targets::parse(&options.target, options.against.as_deref(), labels.as_ref(), classes)?;
    let (preprocessor, range) = preprocessing(&input, cards, files, options, console)?;
    let choice = named.map_or_else(|| Choice::auto(&model.network), Ok)?;
    tell_choice(&choice, &method, console);
    let passes = match method.needs_layers_as_stored() {
        true => PassSelection::none(),
        false => options.model_options.passes(&choice.composite)?,
    };
    let (network, canonization) = canonize(model.network, &passes, &mut start_up, console)?;
    let stored = match method.perturbs_parameters() {
        true => Some(setup::stored_model(&options.model, &options.model_options, cards)?),
        false => None,
    };
    let initial = match method.innermost() {
        Method::Lrp => options.initial().unwrap_or(Initial::Logit),
        _ => Initial::One,
    };
    let threads = options.threads(files.len());
    let is_single = files.len() == 1 && !outputs.has_index();
    let setup = Setup {
        network,
        composite: choice.composite.clone(),
        passes,
        info: InputInfo { picture: input.picture, range },
        at: options.method.at.clone(),
        stored,
        threads,
        prepack: if is_single { Prepack::OnTheFly } else { Prepack::Once },
    };
    let begin = Instant::now();
    let prepared = PreparedMethod::new(method, setup)?;
    start_up.compile = begin.elapsed().as_secs_f64();
    choice.tell_unused(prepared.explainer().assignment(), console);
    Ok(Job {
        prepared,
        start_up,
        turns: (threads > 1).then(|| Mutex::new(())),
        reader: InputReader::new(&input, preprocessor),
        labels,
        output: cards.output(),
        explained,
        targets,
        initial,
        outputs,
        rendering,
        picture: input.picture,
        at: options.method.at.clone(),
        model: options.model.display().to_string(),
        composite: choice.composite.name,
        canonization,
        samples: ProgressBar::hidden(),
    })
}

fn load(
    options: &ExplainOptions,
    cards: &Cards,
    start_up: &mut Seconds,
    console: &mut Console,
) -> Result<Model> {
    let begin = Instant::now();
    let model = setup::load_model(&options.model, &options.model_options, cards)?;
    start_up.load = begin.elapsed().as_secs_f64();
    model.notes.iter().for_each(|note| console.note(note));
    Ok(model)
}

fn tell_choice(choice: &Choice, method: &Method, console: &mut Console) {
    console.note(format_args!("composite: {}", choice.describe()));
    if *method != Method::Lrp {
        let line = described(method.name(), &method.parameters());
        console.note(format_args!("method: {line}"));
    }
}

fn canonize(
    network: Network,
    passes: &PassSelection,
    start_up: &mut Seconds,
    console: &mut Console,
) -> Result<(Network, Vec<PassReport>)> {
    let begin = Instant::now();
    let canonized = setup::canonized(network, passes)?;
    start_up.canonize = begin.elapsed().as_secs_f64();
    for report in &canonized.1 {
        console.detail(format_args!("canonization: {}: {}", report.pass, report.nodes.join(", ")));
    }
    Ok(canonized)
}

/// How pictures among the inputs are prepared, and the range of the network's input: what was given, else what
/// preprocessing gives; unknown for tensors.
fn preprocessing(
    input: &ModelInput,
    cards: &Cards,
    files: &[Result<InputFile, Failed>],
    options: &ExplainOptions,
    console: &mut Console,
) -> Result<(Option<Preprocessor>, Option<InputRange>)> {
    let is_there =
        |wanted: bool| files.iter().flatten().any(|file| is_tensor(&file.path) == wanted);
    let (has_pictures, has_tensors) = (is_there(false), is_there(true));
    let mut preprocessor = None;
    if has_pictures {
        let (found, notes) =
            setup::preprocessor(input, cards, &options.preprocess, &options.model_options)?;
        notes.iter().for_each(|note| console.note(note));
        preprocessor = Some(found);
    }
    let channel_axis = channel_axis(input.picture);
    let of_pictures = |preprocessor: &Preprocessor| {
        let (low, high) = preprocessor.input_range();
        InputRange { low, high, channel_axis }
    };
    let range = match &options.preprocess.input_range {
        Some(range) => Some(range.range(channel_axis)),
        None => match input.range {
            Some([low, high]) => {
                Some(InputRange { low: vec![low], high: vec![high], channel_axis })
            }
            None => preprocessor.as_ref().filter(|_| !has_tensors).map(of_pictures),
        },
    };
    Ok((preprocessor, range))
}
