//! What can be given to `onnxplain search`.

use std::path::PathBuf;

use clap::Args;

use onnxplain::evaluation::Regions;
use onnxplain::search::{Budget, Requirement};

use crate::cli::batch::inputs::InputOptions;
use crate::cli::evaluate::{FillWord, parse_fill};
use crate::cli::options::{ModelOptions, PreprocessOptions, at_a_time};
use crate::cli::truth_options::TruthOptions;

const EXAMPLES: &str = "\
Examples:
  onnxplain search model.onnx photos/                            the space of the architecture, chosen by srg
  onnxplain search model.onnx photos/ --space mine.yaml --confirm others/
  onnxplain search model.onnx photos/ --objective srg,sparseness --require \"mass-gain>=1.2\" --masks masks/
  onnxplain search model.onnx photos/ --budget 30min             choose for at most half an hour, then confirm
  onnxplain search model.onnx photos/ --resume                   goes on where it was killed
  onnxplain explain model.onnx cat.jpg --composite search/best.yaml

A space is a composite with $names in the place of values, and the values:
  name: thirds
  parameters:
    low: [z-plus, { gamma: 1 }, { gamma: 0.25 }]
    high: [0, 0.05, 0.25]
  rules:
    - when: { kind: convolution, depth: [0, 0.33] }
      rule: $low
    - when: { kind: convolution }
      rule: { gamma: { gamma: $high } }
    ...
`onnxplain presets spaces` lists those that come with onnxplain; `onnxplain presets show spaces/resnet` prints one.

DIR/best.yaml is the composite that was found, DIR/search.html shows why, DIR/trials.jsonl has every measurement, and
DIR/search.json the result. What is found depends on the seed and the names of the inputs, not on their order or on
threads; with a budget in minutes also on the machine.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SearchArguments {
    /// The model, an .onnx file
    pub model: PathBuf,
    /// Pictures (PNG, JPEG, WebP, BMP, TIFF, GIF), .npy tensors that are preprocessed already, folders, glob patterns,
    /// or - for a list of paths on standard input
    #[arg(required_unless_present = "files_from", value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// The folder that files go to
    #[arg(short, long, value_name = "DIR", default_value = "search")]
    pub output: PathBuf,
    /// Begin again where there is a search already [default: refuse]
    #[arg(long)]
    pub overwrite: bool,
    /// Go on with a search that was killed or interrupted [default: refuse where there is one]
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Inputs at a time [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    jobs: Option<u64>,

    #[command(flatten)]
    pub input_options: InputOptions,

    /// The composites to choose from: a space that comes with onnxplain, or a .yaml file [default: by the architecture]
    #[arg(long, value_name = "NAME|FILE", help_heading = "Search")]
    pub space: Option<String>,
    /// The metrics of evaluate that decide. With several, the winner is the best in the first of them, among the
    /// composites that no other beats in all
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "srg",
        help_heading = "Search"
    )]
    pub objective: Vec<String>,
    /// A bound that the mean of a metric must keep, such as "mass-gain>=1.2"; may be given several times
    #[arg(long, value_name = "METRIC>=N", help_heading = "Search")]
    pub require: Vec<Requirement>,
    /// The share of the pictures that chooses, drawn by their names; the others confirm
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share, help_heading = "Search")]
    pub split: f64,
    /// Pictures that confirm: a file, folder or pattern; may be given several times [default: a part of the inputs]
    #[arg(long, value_name = "INPUT", conflicts_with = "split", help_heading = "Search")]
    pub confirm: Vec<PathBuf>,
    /// How much choosing may cost: runs of the network and explanations together, or minutes (30min); confirming comes
    /// on top [default: as much as it takes]
    #[arg(long, value_name = "N|Nmin", help_heading = "Search")]
    pub budget: Option<Budget>,
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Search")]
    pub seed: u64,

    /// What removed pixels are replaced by, as in evaluate [default: auto]
    #[arg(long, value_name = "F", value_parser = parse_fill, help_heading = "Metrics")]
    pub fill: Option<FillWord>,
    /// How the picture is divided, as in evaluate [default: cells]
    #[arg(long, value_name = "R", help_heading = "Metrics")]
    pub regions: Option<Regions>,
    /// The class to explain: top, label (what --classes says), a class index or a label
    #[arg(long, value_name = "T", default_value = "top", help_heading = "Truth")]
    pub target: String,
    #[command(flatten)]
    pub truth: TruthOptions,
    /// Class names, one a line or JSON, or imagenet [default: the card's]
    #[arg(long, value_name = "FILE", help_heading = "Truth")]
    pub labels: Option<PathBuf>,

    /// Its --composite is what the winner is compared with
    #[command(flatten)]
    pub model_options: ModelOptions,
    #[command(flatten)]
    pub preprocess: PreprocessOptions,
}

impl SearchArguments {
    /// Inputs at a time.
    pub fn jobs(&self) -> usize {
        at_a_time(self.jobs)
    }
}

fn share(text: &str) -> anyhow::Result<f64> {
    let value: f64 = text.parse()?;
    anyhow::ensure!(value > 0.0 && value < 1.0, "a share lies between 0 and 1, such as 0.5");
    Ok(value)
}
