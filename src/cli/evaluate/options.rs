//! What can be given to `onnxplain evaluate`.

use std::path::PathBuf;

use clap::Args;

use onnxplain::evaluation::{Fill, Levels, Regions, Score};

use super::summary::SummaryArguments;
use crate::cli::batch::inputs::InputOptions;
use crate::cli::options::{ModelOptions, PreprocessOptions, at_a_time};
use crate::cli::truth_options::TruthOptions;

const EXAMPLES: &str = "\
Examples:
  onnxplain evaluate model.onnx photos/                           LRP and four other methods, and three controls
  onnxplain evaluate model.onnx photos/ --methods lrp,lrp:epsilon-plus-flat,saliency --metrics default,road
  onnxplain evaluate model.onnx photos/ --composites vgg,mine.yaml --masks masks/
  onnxplain evaluate model.onnx photos/ --maps captum=captum_maps/   maps made elsewhere, captum_maps/<stem>.npy
  onnxplain evaluate --plan plan.yaml --dry-run                   how long would it take?
  onnxplain evaluate model.onnx photos/ --resume                  goes on where it was killed
  onnxplain evaluate model.onnx photos/ --shard 2/8               one of eight processes

A plan has all of this as YAML:
  model: model.onnx
  inputs: photos/
  methods:
    - lrp
    - lrp: epsilon-plus-flat
    - { name: ig-black, method: integrated-gradients, steps: 50, baseline: black }
    - { name: theirs, maps: captum_maps/ }
  metrics: [default, road, { name: srg-pixels, metric: srg, regions: pixels, fill: linear }]
  settings: { fill: auto, levels: 32, seed: 0 }
  masks: masks/

DIR/report.jsonl gets a line for every input and method, DIR/settings.json how they were measured. Numbers depend on the
seed and on the names of the inputs, not on their order, on threads or on shards.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct EvaluateOptions {
    /// The model, an .onnx file [default: the plan's]
    #[arg(required_unless_present = "plan")]
    pub model: Option<PathBuf>,
    /// Pictures (PNG, JPEG, WebP, BMP, TIFF, GIF), .npy tensors that are preprocessed already, folders, glob patterns,
    /// or - for a list of paths on standard input [default: the plan's]
    #[arg(required_unless_present_any = ["files_from", "plan"], value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// The folder that files go to
    #[arg(short, long, value_name = "DIR", default_value = "evaluation")]
    pub output: PathBuf,
    /// Begin again where there is a report already [default: refuse]
    #[arg(long)]
    pub overwrite: bool,
    /// Go on with an evaluation that was killed or interrupted: skip what the report in DIR has already
    /// [default: refuse where there is a report]
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Print how many network runs and explanations it would be, and a time from a first measured one
    #[arg(long = "dry-run")]
    pub is_dry_run: bool,
    /// Inputs at a time [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    jobs: Option<u64>,
    /// All of this as YAML; options override it (see below)
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,

    #[command(flatten)]
    pub input_options: InputOptions,

    /// Methods to judge: METHOD, or METHOD:COMPOSITE for lrp and noise around it (docs/methods.md); parameters go into
    /// a plan [default: lrp,saliency,integrated-gradients,smoothgrad,grad-cam]
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Methods")]
    pub methods: Vec<String>,
    /// Presets or .yaml files to judge: short for lrp:COMPOSITE each
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Methods")]
    pub composites: Vec<String>,
    /// Maps that another tool made: DIR/<stem>.npy, [C,H,W] or [H,W]; may be given several times
    #[arg(long, value_name = "NAME=DIR", help_heading = "Methods")]
    pub maps: Vec<String>,
    /// Leave out the controls random (noise), edges (Sobel) and centre (a blob)
    #[arg(long = "no-controls", help_heading = "Methods")]
    pub has_no_controls: bool,

    /// Metrics: names, categories (faithfulness, localisation, robustness, complexity, randomisation, axioms), default
    /// or all [default: default, with localisation where --masks or --boxes are given]
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Metrics")]
    pub metrics: Vec<String>,
    /// What removed pixels are replaced by: blur, blur:SIGMA, linear (imputation), linear:NOISE, mean, zero, black,
    /// white, uniform (noise), or auto: blur, or mean where a blur leaves a part of the class (reported) [default:
    /// auto]
    #[arg(long, value_name = "F", value_parser = parse_fill, help_heading = "Metrics")]
    pub fill: Option<FillWord>,
    /// How the picture is divided: cells (14 a side), pixels, square:N, slic (superpixels) or labels:DIR (an integer
    /// .npy for each picture) [default: cells]
    #[arg(long, value_name = "R", help_heading = "Metrics")]
    pub regions: Option<Regions>,
    /// Points of a curve: a number, or all for one region after the other [default: 32]
    #[arg(long, value_name = "N", value_parser = parse_levels, help_heading = "Metrics")]
    pub levels: Option<Levels>,
    /// What curves show: probability or logit [default: probability]
    #[arg(long, value_name = "S", value_parser = parse_score, help_heading = "Metrics")]
    pub score: Option<Score>,
    /// Draws of the fill uniform [default: 5]
    #[arg(long, value_name = "N", value_parser = count(), help_heading = "Metrics")]
    pub draws: Option<u64>,
    /// Random subsets of faithfulness-correlation [default: 100]
    #[arg(long, value_name = "N", value_parser = count(), help_heading = "Metrics")]
    pub subsets: Option<u64>,
    /// Noise on the input for robustness, as a share of the range of its values [default: 0.05]
    #[arg(long, value_name = "R", help_heading = "Metrics")]
    pub radius: Option<f64>,
    /// Noisy inputs for robustness [default: 10]
    #[arg(long, value_name = "N", value_parser = count(), help_heading = "Metrics")]
    pub noise_draws: Option<u64>,
    /// Seed of all random numbers [default: 0]
    #[arg(long, value_name = "N", help_heading = "Metrics")]
    pub seed: Option<u64>,

    /// The class to explain: top, label (what --classes says), a class index or a label [default: top]
    #[arg(long, value_name = "T", help_heading = "Truth")]
    pub target: Option<String>,
    #[command(flatten)]
    pub truth: TruthOptions,
    /// Class names, one a line or JSON, or imagenet [default: the card's]
    #[arg(long, value_name = "FILE", help_heading = "Truth")]
    pub labels: Option<PathBuf>,

    #[command(flatten)]
    pub summary: SummaryArguments,
    #[command(flatten)]
    pub model_options: ModelOptions,
    #[command(flatten)]
    pub preprocess: PreprocessOptions,
}

impl EvaluateOptions {
    /// Inputs at a time.
    pub fn jobs(&self) -> usize {
        at_a_time(self.jobs)
    }
}

/// What `--fill` can say: a fill, or that the inputs decide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FillWord {
    Auto,
    This(Fill),
}

/// Reads `--fill`.
///
/// # Errors
/// When there is no such fill.
pub fn parse_fill(text: &str) -> anyhow::Result<FillWord> {
    match text {
        "auto" => Ok(FillWord::Auto),
        text => text.parse().map(FillWord::This),
    }
}

fn parse_levels(text: &str) -> anyhow::Result<Levels> {
    let value = match text.parse::<u64>() {
        Ok(number) => number.into(),
        Err(_) => serde_json::Value::from(text),
    };
    Ok(serde_json::from_value(value)?)
}

fn parse_score(text: &str) -> anyhow::Result<Score> {
    Ok(serde_json::from_value(text.into())?)
}

fn count() -> clap::builder::RangedU64ValueParser<u64> {
    clap::value_parser!(u64).range(1..=1_000_000)
}
