//! What can be given to `onnxplain maximize`.

use std::path::PathBuf;

use clap::Args;

use onnxplain::maximize::{Basis, Settings};

use crate::cli::options::{ModelOptions, PreprocessOptions};

const EXAMPLES: &str = "\
Examples:
  onnxplain maximize model.onnx --target pug,goldfish -o maximized       what does the network take for a pug, for a goldfish?
  onnxplain maximize model.onnx --target \"tabby, tabby cat\" --against lynx   what makes the difference of two classes?
  onnxplain maximize model.onnx --target pug --seeds 4                   four pictures, and a sheet of them
  onnxplain maximize model.onnx --target pug --noise-samples 10          NoiseGrad: what noisy networks have in common
  onnxplain maximize model.onnx --layer /3/Conv --channel 0,1,2          what do channels of a layer respond to?
  onnxplain maximize model.onnx --target pug --from cat.jpg --steps 64   what would make a pug of this picture?

DIR/report.json has what the network says about every saved picture, read back through the preprocessing, and all numbers
that made it. The same seed gives the same picture on any number of threads. docs/maximize.md says how to read the pictures.";

/// The defaults, which `--help` names.
fn defaults() -> Settings {
    Settings::default()
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct MaximizeOptions {
    /// The model, an .onnx file
    pub model: PathBuf,
    /// Classes whose logit is maximised, as indices or labels: a picture for each
    #[arg(long, value_name = "T[,T]", required_unless_present = "layer", conflicts_with = "layer")]
    pub target: Vec<String>,
    /// The class whose logit is taken away [default: none]
    #[arg(long, value_name = "T", conflicts_with = "layer")]
    pub against: Option<String>,
    /// A layer whose channels are maximised instead, as `onnxplain inspect` lists it
    #[arg(long, value_name = "NAME", requires = "channel")]
    pub layer: Option<String>,
    /// Its channels, counted from 0: a picture for the mean activation of each
    #[arg(long, value_name = "C[,C]", value_delimiter = ',', requires = "layer")]
    pub channel: Vec<usize>,
    /// The folder that files go to
    #[arg(short, long, value_name = "DIR", default_value = "maximized")]
    pub output: PathBuf,
    /// Replace what an earlier run wrote there; files of others stay [default: refuse]
    #[arg(long)]
    pub overwrite: bool,
    /// Threads [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    jobs: Option<u64>,
    /// Class names, one a line or JSON [default: the card's, else the model file's]
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,

    /// Steps of gradient ascent
    #[arg(long, value_name = "N", default_value_t = defaults().steps, help_heading = "Optimisation")]
    steps: usize,
    /// Learning rate of Adam
    #[arg(long, value_name = "ETA", default_value_t = defaults().learning_rate, help_heading = "Optimisation")]
    learning_rate: f32,
    /// What the numbers of a picture are: its frequencies, scaled as photographs have them (fourier), or its pixels
    #[arg(long, value_name = "WORD", default_value = "fourier", value_parser = parse_basis, help_heading = "Optimisation")]
    parameter: Basis,
    /// Begin with this picture [default: an almost even grey]
    #[arg(long, value_name = "PICTURE", help_heading = "Optimisation")]
    pub from: Option<PathBuf>,
    /// Seed of the start, of the random views and of noise on parameters
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Optimisation")]
    pub seed: u64,
    /// So many pictures of each target, with seeds N, N + 1, ...
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000), help_heading = "Optimisation")]
    seeds: u64,
    /// Follow the mean gradient of N noisy networks (NoiseGrad) [default: that of the network itself]
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Optimisation"
    )]
    noise_samples: usize,
    /// Noise on the stored parameters of noisy networks, as a share of each
    #[arg(long, value_name = "S", default_value_t = defaults().weight_noise, help_heading = "Optimisation")]
    weight_noise: f32,
    /// Also show finished pictures to N networks with fresh noise [default: none]
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Optimisation"
    )]
    fresh_networks: usize,

    /// The picture is moved by up to so many pixels in every step [default: a ninth of the input's shorter side]
    #[arg(long, value_name = "PIXELS", help_heading = "Random views and penalties")]
    jitter: Option<usize>,
    /// It is made larger or smaller by up to this share
    #[arg(long, value_name = "SHARE", default_value_t = defaults().scale, help_heading = "Random views and penalties")]
    scale: f32,
    /// It is turned by up to so many degrees
    #[arg(long, value_name = "DEGREES", default_value_t = defaults().rotate, help_heading = "Random views and penalties")]
    rotate: f32,
    /// Weight of the penalty on total variation
    #[arg(long, value_name = "W", default_value_t = defaults().total_variation, help_heading = "Random views and penalties")]
    total_variation: f32,
    /// Weight of the penalty on the squared distance from grey
    #[arg(long, value_name = "W", default_value_t = defaults().norm, help_heading = "Random views and penalties")]
    norm: f32,

    #[command(flatten)]
    pub model_options: ModelOptions,
    #[command(flatten)]
    pub preprocess: PreprocessOptions,
}

impl MaximizeOptions {
    /// The library's settings.
    pub fn settings(&self) -> Settings {
        Settings {
            basis: self.parameter,
            steps: self.steps,
            learning_rate: self.learning_rate,
            jitter: self.jitter,
            scale: self.scale,
            rotate: self.rotate,
            total_variation: self.total_variation,
            norm: self.norm,
            noise_samples: self.noise_samples,
            weight_noise: self.weight_noise,
            fresh_networks: self.fresh_networks,
            seed: self.seed,
        }
    }

    /// Seeds of the pictures of a target.
    pub fn seeds(&self) -> impl Iterator<Item = u64> + Clone {
        let first = self.seed;
        (0..self.seeds).map(move |place| first.wrapping_add(place))
    }

    /// Threads, where they are said.
    pub fn threads(&self) -> Option<usize> {
        self.jobs.map(|jobs| jobs as usize)
    }
}

fn parse_basis(word: &str) -> anyhow::Result<Basis> {
    word.parse()
}
