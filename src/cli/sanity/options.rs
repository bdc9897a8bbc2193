//! What can be given to `onnxplain sanity`.

use std::path::PathBuf;

use clap::Args;

use onnxplain::Target;
use onnxplain::sanity::{Initialisation, Order};

use crate::cli::batch::inputs::InputOptions;
use crate::cli::options::{ModelOptions, PreprocessOptions, SummaryFormat, at_a_time};

const EXAMPLES: &str = "\
Examples:
  onnxplain sanity model.onnx photos/                               LRP, gradient, gradient x input, guided backpropagation
  onnxplain sanity model.onnx photos/ --methods lrp,lrp:epsilon-plus-flat,grad-cam --steps 10
  onnxplain sanity model.onnx photos/ --order bottom-up --init keep-scale
  onnxplain sanity model.onnx photos/ --smprt 50                    maps averaged over 50 noisy inputs, too
  onnxplain sanity model.onnx photos/ --dry-run                     how long would it take?
  onnxplain sanity model.onnx photos/ --resume                      goes on where it was killed

The test can show that a method ignores the network's weights. It cannot show that a method is faithful, and it ranks no
methods: noise passes it best (docs/sanity.md).

DIR/report.jsonl gets a line for every input and step, DIR/settings.json how they were measured. Numbers depend on the seed
and on the names of the inputs, not on their order, on threads or on shards.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SanityOptions {
    /// The model, an .onnx file
    pub model: PathBuf,
    /// Pictures (PNG, JPEG, WebP, BMP, TIFF, GIF), .npy tensors that are preprocessed already, folders, glob patterns,
    /// or - for a list of paths on standard input
    #[arg(required_unless_present = "files_from", value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// The folder that files go to
    #[arg(short, long, value_name = "DIR", default_value = "sanity")]
    pub output: PathBuf,
    /// Begin again where there is a report already [default: refuse]
    #[arg(long)]
    pub overwrite: bool,
    /// Go on with a test that was killed or interrupted: skip what the report in DIR has already
    /// [default: refuse where there is a report]
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Print how many networks and explanations it would be, and a time from first measured ones
    #[arg(long = "dry-run")]
    pub is_dry_run: bool,
    /// Explanations at a time [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    jobs: Option<u64>,

    #[command(flatten)]
    pub input_options: InputOptions,

    /// Methods to test: METHOD, or METHOD:COMPOSITE for lrp and noise around it (docs/methods.md)
    /// [default: lrp,gradient,input-x-gradient,guided-backprop]
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Test")]
    pub methods: Vec<String>,
    /// Which layers become random: from the output down (top-down), from the input up (bottom-up), each by itself
    /// (independent)
    #[arg(long, value_name = "ORDER", default_value = "top-down", value_parser = parse::<Order>, help_heading = "Test")]
    pub order: Order,
    /// What numbers they get: their own, shuffled (permute); as torch resets (kaiming); normal, of variance 2/fan-in (he);
    /// the same, every layer rescaled to the mean and deviation of its trained output (keep-scale)
    #[arg(long, value_name = "INIT", default_value = "permute", value_parser = parse::<Initialisation>, help_heading = "Test")]
    pub init: Initialisation,
    /// So many steps at most, of several layers each [default: a step for every layer with weights]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000), help_heading = "Test")]
    steps: Option<u64>,
    /// Also compare maps averaged over N noisy inputs (Hedstroem et al. 2023, who take 50): N times the work
    /// [default: not]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000), help_heading = "Test")]
    smprt: Option<u64>,
    /// Leave out the controls noise, input x noise and edges
    #[arg(long = "no-controls", help_heading = "Test")]
    pub has_no_controls: bool,
    /// The class to explain in every step: top (of the trained network), a class index or a label
    #[arg(long, value_name = "T", default_value = "top", value_parser = parse_target, help_heading = "Test")]
    pub target: Target,
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Test")]
    pub seed: u64,
    /// How the summary is printed
    #[arg(long, value_enum, default_value_t, help_heading = "Test")]
    pub format: SummaryFormat,
    /// Class names, one a line or JSON, or imagenet [default: the card's]
    #[arg(long, value_name = "FILE", help_heading = "Test")]
    pub labels: Option<PathBuf>,

    #[command(flatten)]
    pub model_options: ModelOptions,
    #[command(flatten)]
    pub preprocess: PreprocessOptions,
}

impl SanityOptions {
    /// Explanations at a time.
    pub fn jobs(&self) -> usize {
        at_a_time(self.jobs)
    }

    /// The most steps.
    pub fn steps(&self) -> Option<usize> {
        self.steps.map(|count| count as usize)
    }

    /// Noisy inputs that maps are averaged over.
    pub fn smooth(&self) -> Option<usize> {
        self.smprt.map(|count| count as usize)
    }
}

fn parse<T: std::str::FromStr<Err = anyhow::Error>>(word: &str) -> anyhow::Result<T> {
    word.parse()
}

fn parse_target(word: &str) -> anyhow::Result<Target> {
    Ok(word.parse()?)
}
