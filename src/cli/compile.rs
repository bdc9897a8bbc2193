//! `onnxplain compile`: the explainer as an ONNX graph of its own, which runs wherever ONNX runs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser};
use clap::{Args, Command};
use serde_json::{Value, json};

use onnxplain::emit::Output;
use onnxplain::io::Overwrite;
use onnxplain::session::output_named;
use onnxplain::{
    ExplainerGraph, GraphDifference, GraphOptions, Initial, Method, Session, Severity, Target,
    WrittenGraph,
};

use super::Status;
use super::console::Console;
use super::explain::targets;
use super::model_inputs::NamedFile;
use super::options::{
    ModelOptions, PreprocessOptions, check_is_not_model, check_model_path, initial_parser,
};
use super::terminal;

const EXAMPLES: &str = "\
Examples:
  onnxplain compile model.onnx -o explainer.onnx
      the model's own input and a class in, logits and relevance out
  onnxplain compile model.onnx --input picture --target top --outputs heatmap -o heatmap.onnx
      bytes of decoded pictures in, heatmaps out
  onnxplain compile model.onnx --composite epsilon-plus-flat --portable -o explainer.onnx
      for TensorRT
  onnxplain compile model.onnx --method gradient -o gradient.onnx
      its batches make SmoothGrad and Integrated Gradients
  onnxplain check explainer.onnx --against model.onnx photos/cat.jpg
      is it still what `onnxplain explain` computes?

docs/compile.md runs it from Python, C++, a web page, Ray, Spark and Triton.";

/// Random inputs on which the written file is compared with the engine.
const RANDOM_INPUTS: usize = 2;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub struct CompileOptions {
    /// The model, an .onnx file
    model: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the file if onnxplain wrote it [default: refuse]
    #[arg(long)]
    overwrite: bool,
    /// What the graph explains: input, an int64 for each picture of which -1 is the strongest class; or always the same
    /// class: top, an index or a label
    #[arg(long, value_name = "input|T", default_value = "input", help_heading = "Graph")]
    target: String,
    /// Explain the difference to this class: an index, a label, or top for the strongest other [default: none]
    #[arg(long, value_name = "T", help_heading = "Graph")]
    against: Option<String>,
    /// What the graph puts out, of logits, relevance, heatmap (relevance summed over the channels), absorbed (what
    /// biases and stabilizers took, one number a picture)
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "logits,relevance",
        value_parser = outputs_parser(),
        help_heading = "Graph"
    )]
    outputs: Vec<Output>,
    /// Use only operators that every runtime has (TensorRT): opset 13
    #[arg(long, help_heading = "Graph")]
    portable: bool,
    /// Weights and the network's values in 16 bits, relevance in 32: half the file
    #[arg(long, help_heading = "Graph")]
    float16: bool,
    /// Do not run the written file by tract and compare it with the engine
    #[arg(long, help_heading = "Graph")]
    no_check: bool,
    /// Attribution method, one of those that are one propagation
    #[arg(long, value_name = "NAME", default_value = "lrp", value_parser = methods_parser(), help_heading = "Methods")]
    method: String,
    /// Stop at this layer, whose relevance is put out; `onnxplain inspect` lists the layers [default: the input]
    #[arg(long, value_name = "LAYER", help_heading = "Methods")]
    at: Option<String>,
    /// Put in the logit, centred (less the mean of all), or one [default: the composite's]
    #[arg(long, value_name = "I", value_parser = initial_parser(), help_heading = "Methods")]
    initial: Option<Initial>,
    /// Class names for the file's metadata, one a line or JSON; imagenet, or none for no names [default: the card's]
    #[arg(long, value_name = "FILE", help_heading = "Graph")]
    labels: Option<PathBuf>,
    #[command(flatten)]
    model_options: ModelOptions,
    #[command(flatten)]
    preprocess: PreprocessOptions,
}

fn outputs_parser() -> impl TypedValueParser<Value = Output> {
    let names = PossibleValuesParser::new(Output::ALL.map(Output::name));
    names.try_map(|name| output_named(&name))
}

/// The methods that are one propagation.
const METHODS: [&str; 7] = [
    "lrp",
    "gradient",
    "input-x-gradient",
    "saliency",
    "guided-backprop",
    "deconvnet",
    "excitation-backprop",
];

/// All names, so that those that cannot be compiled are answered with the way out.
fn methods_parser() -> PossibleValuesParser {
    let others = Method::all().into_iter().map(|method| method.name());
    let values = others.map(|name| {
        let value = clap::builder::PossibleValue::new(name);
        value.hide(!METHODS.contains(&name))
    });
    PossibleValuesParser::new(values)
}

/// `--input` says here what the graph takes, too.
pub fn with_graph_input(command: Command) -> Command {
    command.mut_arg("input", |argument| {
        argument
            .value_name("tensor|picture|NAME=FILE")
            .value_parser(ValueParser::new(graph_input))
            .help(
                "What the graph takes: tensor, the model's own input; or picture, bytes [N, height, width, channels] of \
                 the network's size as decoded, which it scales and arranges itself [default: tensor]. NAME=FILE holds \
                 one of several inputs of the model fixed",
            )
    })
}

/// A word for what the graph takes has no name before it.
fn graph_input(text: &str) -> Result<NamedFile> {
    match text {
        "tensor" | "picture" => Ok(NamedFile { name: String::new(), file: text.into() }),
        _ => text
            .parse()
            .with_context(|| format!("\"{text}\" is neither tensor, picture nor NAME=FILE")),
    }
}

/// Writes the graph, compares it with the engine, and says what it is.
pub fn run(options: &CompileOptions, console: &mut Console) -> Result<Status> {
    check_model_path(&options.model)?;
    check_is_not_model(&options.model, &options.output)?;
    let overwrite = Overwrite::own_if(options.overwrite);
    onnxplain::io::check(&options.output, overwrite)?;
    let session = open(options, console)?;
    let explainer = session.explainer(explainer_options(options)?)?;
    explainer.notices().iter().for_each(|notice| console.notice(notice));
    let words = std::iter::once(&options.target).chain(&options.against).map(String::as_str);
    targets::notes(words, &session).iter().for_each(|notice| console.notice(notice));
    let graph = explainer.graph(&graph_options(options, &session)?)?;
    let written = graph.save(&options.output, options.overwrite)?;
    let difference = match options.no_check {
        true => None,
        false => Some(explainer.compare_with_graph(&options.output, RANDOM_INPUTS, &[])?),
    };
    let is_off = difference.as_ref().is_some_and(|it| !it.is_good()) && !options.float16;
    let result = Compiled { options, graph: &graph, written: &written, difference };
    match console.is_json() {
        true => console.print_json(&result.to_json())?,
        false => console.print(result.to_text())?,
    }
    // Half precision has fewer digits than what is compared.
    match is_off {
        true => {
            console.warning(
                "the graph computes something else than the engine (see the differences above): please report it with \
                 the model",
            );
            Ok(Status::Partly)
        }
        false => Ok(Status::Done),
    }
}

fn takes_pictures(options: &CompileOptions) -> bool {
    let words = options.model_options.inputs.input.iter();
    let mut words = words.filter(|input| input.name.is_empty());
    words.next_back().is_some_and(|word| word.file == Path::new("picture"))
}

fn open(options: &CompileOptions, console: &mut Console) -> Result<Session> {
    let mut session = options.preprocess.session(&options.model_options).without_inputs();
    if takes_pictures(options) {
        session = session.pictures(true);
    }
    session = match &options.labels {
        Some(file) => session.labels_file(file),
        None => session,
    };
    let session = session.open(&options.model)?;
    // Classes may be told by their numbers.
    let notices = session.notices().iter();
    let is_said = |it: &&onnxplain::Notice| {
        it.topic != onnxplain::Topic::Labels || it.severity == Severity::Warning
    };
    notices.filter(is_said).for_each(|notice| console.notice(notice));
    Ok(session)
}

fn explainer_options(options: &CompileOptions) -> Result<onnxplain::ExplainerOptions> {
    let mut explainer = options.model_options.explainer()?.method(Method::named(&options.method)?);
    if let Some(initial) = options.initial {
        explainer = explainer.initial(initial);
    }
    if let Some(layer) = &options.at {
        explainer = explainer.at(layer);
    }
    // The comparison explains two inputs, one after the other.
    Ok(explainer.single(true))
}

fn graph_options(options: &CompileOptions, session: &Session) -> Result<GraphOptions> {
    let resolve = |option: &str, word: &str| {
        let target = word.parse::<Target>().and_then(|target| session.resolve_one(&target));
        target.with_context(|| format!("{option} {word}"))
    };
    let mut graph = GraphOptions::new()
        .pictures(takes_pictures(options))
        .outputs(options.outputs.iter().copied())
        .portable(options.portable)
        .half(options.float16);
    if options.target != "input" {
        graph = graph.target(resolve("--target", &options.target)?);
    }
    if let Some(word) = &options.against {
        graph = graph.against(resolve("--against", word)?);
    }
    Ok(graph)
}

/// What was written.
struct Compiled<'a> {
    options: &'a CompileOptions,
    graph: &'a ExplainerGraph,
    written: &'a WrittenGraph,
    difference: Option<GraphDifference>,
}

impl Compiled<'_> {
    fn to_text(&self) -> String {
        let path = terminal::name(&self.options.output.display().to_string());
        let size = self.written.bytes as f64 / 1e6;
        let beside = match &self.written.external {
            Some(name) => format!(", most of them in {}", terminal::name(name)),
            None => String::new(),
        };
        let mut operators: Vec<(&str, usize)> = self.graph.operators().collect();
        operators.sort_by_key(|&(name, count)| (std::cmp::Reverse(count), name));
        let operators: Vec<String> =
            operators.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let mut lines = vec![
            format!("{path}: {size:.1} MB{beside}"),
            format!("  nodes       {}, opset {}", self.graph.node_count(), self.graph.opset()),
            format!("  operators   {}", operators.join(", ")),
        ];
        lines.push(match &self.difference {
            Some(difference) => format!("  difference  {}", described(difference)),
            None => "  difference  not compared (--no-check)".to_string(),
        });
        lines.join("\n")
    }

    fn to_json(&self) -> Value {
        let operators =
            self.graph.operators().map(|(name, count)| (name.to_string(), json!(count)));
        json!({
            "file": self.options.output.display().to_string(),
            "bytes": self.written.bytes,
            "external": self.written.external,
            "nodes": self.graph.node_count(),
            "operators": operators.collect::<serde_json::Map<_, _>>(),
            "opset": self.graph.opset(),
            "difference": self.difference,
            "version": env!("CARGO_PKG_VERSION"),
        })
    }
}

/// How far graph and engine differ, in words.
pub fn described(difference: &GraphDifference) -> String {
    format!(
        "{:.1e} of the largest relevance ({:.1e} where the input's last bits move), {:.1e} of the largest logit, {:.1e} \
         between a batch and a single picture (tract against the engine, {} inputs)",
        difference.relevance,
        difference.rounding,
        difference.logits,
        difference.batch,
        difference.inputs
    )
}
