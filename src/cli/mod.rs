//! The command line: one file per command, and what they share.
//!
//! Results go to standard output, everything else to standard error. `options` says what can be given, `console`
//! prints, `failure` shows errors. Models are opened and explained by the library's [`Session`](onnxplain::Session).
//!
//! The Python package compiles these files too: its wheel has the command, and its module uses what is `pub(crate)` here.

mod address;
mod arguments;
mod batch;
pub(crate) mod check;
mod compare;
mod compile;
mod completions;
mod console;
mod demo;
mod evaluate;
pub(crate) mod explain;
mod explained;
pub(crate) mod failure;
pub(crate) mod figure_parts;
mod file_names;
mod finetune;
mod gallery;
mod given;
pub(crate) mod inspect;
mod interrupt;
mod labelled;
mod man;
mod maximize;
mod method_options;
mod model_inputs;
mod options;
mod presets;
mod probe;
mod progress;
mod prune;
mod rendering_options;
mod reports;
mod sanity;
mod search;
mod select;
mod settings_file;
mod small_pictures;
mod spray;
mod stage;
mod table;
pub(crate) mod terminal;
mod truth_options;
mod ways;

use std::ffi::OsString;

use anyhow::Result;
use clap::{ArgAction, Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

use onnxplain_kernels::simd::Isa;

use self::console::Console;

/// How a command ended; the exit codes that scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// 0: all done.
    Done,
    /// 1: some inputs failed, or a check did not pass.
    Partly,
    /// 2: nothing could be done.
    Nothing,
    /// 130: stopped by Ctrl-C; what was finished is whole.
    Interrupted,
}

impl Status {
    /// The exit code.
    fn code(self) -> u8 {
        match self {
            Status::Done => 0,
            Status::Partly => 1,
            Status::Nothing => 2,
            Status::Interrupted => 130,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  onnxplain demo                                     a first run that needs no files
  onnxplain explain model.onnx cat.jpg               why the model says what it says
  onnxplain explain model.onnx photos/ -o heatmaps   every picture of a folder
  onnxplain gallery heatmaps                         a page to look through them
  onnxplain spray heatmaps                           does it look at what it should not?
  onnxplain compare a.onnx b.onnx photos/            do two models look at the same?
  onnxplain evaluate model.onnx photos/              is the explanation any good?
  onnxplain sanity model.onnx photos/                does it change with the weights?
  onnxplain search model.onnx photos/                which rules explain this model best?
  onnxplain finetune model.onnx photos/ -o new.onnx  train it by rewards, or by the gradient
  onnxplain prune model.onnx photos/ -o small.onnx   set to zero what matters least
  onnxplain maximize model.onnx --target pug         what does it take for a pug?
  onnxplain inspect model.onnx                       its layers and their rules
  onnxplain check model.onnx                         is the explanation sound?
  onnxplain compile model.onnx -o explainer.onnx     the explainer as an ONNX graph
  onnxplain presets                                  the rules to choose from

`onnxplain COMMAND --help` tells more and shows more examples.

Exit codes: 0 all done; 1 some inputs failed; 2 nothing could be done; 130 interrupted.";

/// Explains the decisions of any image classifier stored as ONNX: heatmaps by layer-wise relevance propagation
#[derive(Debug, Parser)]
#[command(name = "onnxplain", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: GlobalOptions,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct GlobalOptions {
    /// Print JSON Lines on standard output, one object per result
    #[arg(long, global = true)]
    json: bool,
    /// No progress, notes or warnings on standard error; errors stay
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// More detail
    #[arg(short, long, global = true, action = ArgAction::SetTrue)]
    verbose: bool,
    /// Colours; auto means: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show which pixels speak for (red) and against (blue) a decision
    Explain(Box<explain::ExplainOptions>),
    /// Show the same pictures under several models, composites or methods: figures, and how alike the maps are
    Compare(Box<compare::CompareOptions>),
    /// Measure how good explanations are: metrics of any methods on any pictures, with controls
    Evaluate(Box<evaluate::EvaluateOptions>),
    /// Test whether explanations change when the network's weights become random, layer after layer
    Sanity(Box<sanity::SanityOptions>),
    /// Choose the rules that explain a model best: from a space of composites, by measuring, confirmed on other pictures
    Search(Box<search::SearchArguments>),
    /// Make a page of all results of a batch, to sort and filter in a browser
    Gallery(gallery::GalleryOptions),
    /// Find what a network should not look at: clusters of heatmaps that stand apart
    Spray(spray::SprayOptions),
    /// Test whether a region is used: change pictures there, and elsewhere as a control
    Probe(Box<probe::ProbeOptions>),
    /// Choose the pictures to label next, by heatmaps that are unlike those of labelled ones
    Select(select::SelectOptions),
    /// Train a model by rewards that go back by the rules of LRP (LFP), or by the gradient: the same file with other numbers
    Finetune(Box<finetune::FinetuneOptions>),
    /// Set the weights or filters of a model to zero that matter least
    Prune(Box<prune::PruneOptions>),
    /// Make pictures that a class, a contrast or a channel responds to most: gradient ascent on the input
    Maximize(Box<maximize::MaximizeOptions>),
    /// List the layers of a model and the rule each gets
    Inspect(inspect::InspectOptions),
    /// Verify that canonization keeps the function and that relevance is conserved
    Check(Box<check::CheckOptions>),
    /// Write the explainer as an ONNX graph of its own: for onnxruntime, TensorRT, browsers, services
    Compile(Box<compile::CompileOptions>),
    /// List the composites that come with onnxplain, or print one
    Presets(presets::PresetsOptions),
    /// Explain a small picture that comes with onnxplain: a first run that needs no files
    Demo(demo::DemoOptions),
    /// Print the completion script for a shell
    Completions(completions::CompletionsOptions),
    /// Print the manual page, in roff
    Man(man::ManOptions),
}

/// Runs a command line, the program's name first; returns the exit code.
pub fn run_words(words: &[OsString]) -> u8 {
    if let Err(error) = Isa::from_environment() {
        eprintln!("error: {error}");
        return Status::Nothing.code();
    }
    let parsed =
        arguments::parse(command_line(), words).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe (`--help | head`) is no reason to complain.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(Status::Nothing.code());
        }
    };
    failure::install_panic_hook(cli.global.verbose);
    interrupt::install();
    let mut console = Console::new(&cli.global);
    let outcome = failure::catching(|| run(cli.command, &mut console));
    match outcome {
        Ok(status) => status.code(),
        Err(error) => {
            console.error(&error);
            Status::Nothing.code()
        }
    }
}

/// All commands with their options.
fn command_line() -> clap::Command {
    let command = Cli::command().mut_subcommand("explain", explain::with_short_help);
    command.mut_subcommand("compile", compile::with_graph_input)
}

fn run(command: Command, console: &mut Console) -> Result<Status> {
    match command {
        Command::Explain(options) => explain::run(&options, console),
        Command::Compare(options) => compare::run(&options, console),
        Command::Evaluate(options) => evaluate::run(&options, console),
        Command::Sanity(options) => sanity::run(&options, console),
        Command::Search(options) => search::run(&options, console),
        Command::Gallery(options) => gallery::run(&options, console),
        Command::Spray(options) => spray::run(&options, console),
        Command::Probe(options) => probe::run(&options, console),
        Command::Select(options) => select::run(&options, console),
        Command::Finetune(options) => finetune::run(&options, console),
        Command::Prune(options) => prune::run(&options, console),
        Command::Maximize(options) => maximize::run(&options, console),
        Command::Inspect(options) => inspect::run(&options, console),
        Command::Check(options) => check::run(&options, console),
        Command::Compile(options) => compile::run(&options, console),
        Command::Presets(options) => presets::run(&options, console),
        Command::Demo(options) => demo::run(&options, console),
        Command::Completions(options) => completions::run(&options, console),
        Command::Man(options) => man::run(&options, console),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_are_consistent() {
        command_line().debug_assert();
    }
}
