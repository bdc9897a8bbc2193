//! What can be given to `onnxplain compare`.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use onnxplain::comparison::Regions;
use onnxplain::figure::Format;

use crate::cli::batch::inputs::InputOptions;
use crate::cli::method_options::MethodOptions;
use crate::cli::options::{ModelOptions, PreprocessOptions, at_a_time, cores};
use crate::cli::rendering_options::RenderingOptions;

const EXAMPLES: &str = "\
Examples:
  onnxplain compare vgg.onnx resnet.onnx photos/
      two models on every picture: figures, how alike their maps are, a page
  onnxplain compare model.onnx photos/ --composite epsilon-plus,gamma,epsilon-alpha2-beta1-flat
      three presets
  onnxplain compare model.onnx photos/ --method lrp,saliency,grad-cam --masks masks/
      three methods, and how much of the relevance lies on the object
  onnxplain compare caffenet.onnx googlenet.onnx vgg16.onnx adience.onnx faces/ --target female \\
      --preprocess caffe,imagenet --boxes parts.csv
      four architectures under two preprocessings; parts.csv has the lines of eyes, mouth, hair
  onnxplain compare epoch-*.onnx frames/ --checkpoints --boxes objects.csv
      states of one network, in order: how its focus moves from paddle to ball to tunnel

Boxes are lines of input,label,x0,y0,x1,y1 in pixels of the picture; the input * stands for every picture. \
docs/compare.md has a whole example.

Files in DIR: index.html, a page to look through; report.jsonl, a line for each input and variant; overview.json, \
regions.csv and similarity.csv, means over inputs; regions.svg (evolution.svg with --checkpoints); STEM.figure.png for each \
input.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompareOptions {
    /// Models (.onnx files), in order, and the inputs to compare them on: pictures, arrays that are preprocessed
    /// already (.npy, .npz, .csv, .wav), folders, glob patterns, or - for a list of paths on standard input
    #[arg(required = true, value_name = "MODEL|INPUT")]
    pub operands: Vec<PathBuf>,
    /// The folder that files go to
    #[arg(short, long, value_name = "DIR", default_value = "comparison")]
    pub output: PathBuf,
    /// Begin again where there is a report already [default: refuse]
    #[arg(long)]
    pub overwrite: bool,
    /// Go on with a comparison that was killed or interrupted: skip what the report in DIR has already
    /// [default: refuse where there is a report]
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Inputs at a time [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    jobs: Option<u64>,
    /// What the models are called, in their order [default: their files' names]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub names: Vec<String>,
    /// The models are states of one network, in this order: the shares of regions are drawn as lines
    #[arg(long = "checkpoints")]
    pub are_checkpoints: bool,
    /// Format of figures: png, svg, or pdf, whose text stays text
    #[arg(long, value_name = "FORMAT", default_value = "png", value_parser = format_parser())]
    pub figure_format: Format,
    /// Write no figure for each input
    #[arg(long = "no-figures")]
    pub has_no_figures: bool,

    #[command(flatten)]
    pub input_options: InputOptions,

    /// The class to explain: top (what each model says itself), a class index, or a label, which each model looks up
    /// among its own
    #[arg(
        long,
        value_name = "T",
        default_value = "top",
        allow_negative_numbers = true,
        help_heading = "Target"
    )]
    pub target: String,
    /// Class names of all models, one a line or JSON, or imagenet [default: the card's, else the model file's]
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    pub labels: Option<PathBuf>,

    /// Where a region is: DIR/<stem>.png or .npy for each input, where pixels other than 0 are inside, of the picture's
    /// size or the network's; may be given several times, each with a name
    #[arg(long, value_name = "[NAME=]DIR", help_heading = "Regions")]
    masks: Vec<String>,
    /// Boxes around regions: CSV with the columns input,label,x0,y0,x1,y1 in pixels of the picture, or COCO's JSON;
    /// each label is a region
    #[arg(long, value_name = "FILE", help_heading = "Regions")]
    boxes: Option<PathBuf>,

    #[command(flatten)]
    pub method: MethodOptions,
    #[command(flatten)]
    pub model_options: ModelOptions,
    #[command(flatten)]
    pub preprocess: PreprocessOptions,
    #[command(flatten)]
    pub rendering: RenderingOptions,
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::extension))
        .try_map(|name| name.parse::<Format>())
}

/// What a mask is called that was given no name.
const UNNAMED: &str = "mask";

impl CompareOptions {
    /// The operands: models, and inputs.
    ///
    /// # Errors
    /// When one kind is missing, or a model's file does not exist.
    pub fn models_and_inputs(&self) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
        let is_model = |path: &PathBuf| {
            path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"))
        };
        let (models, inputs): (Vec<_>, Vec<_>) = self.operands.iter().cloned().partition(is_model);
        ensure!(!models.is_empty(), "which models? Give .onnx files before the inputs");
        ensure!(
            !inputs.is_empty() || self.input_options.has_list(),
            "which inputs? Give pictures, arrays or folders behind the models"
        );
        for model in &models {
            ensure!(model.exists(), "there is no model {}", model.display());
        }
        Ok((models, inputs))
    }

    /// The regions whose shares are measured.
    ///
    /// # Errors
    /// When a folder or a file cannot be used.
    pub fn regions(&self) -> Result<Regions> {
        let mut regions = Regions::new();
        for text in &self.masks {
            let (name, folder) = text.split_once('=').unwrap_or((UNNAMED, text));
            ensure!(
                !name.trim().is_empty() && !folder.is_empty(),
                "--masks {text}: write DIR, or NAME=DIR such as eyes=eyes/"
            );
            regions = regions.masks(name.trim(), folder)?;
        }
        match &self.boxes {
            Some(file) => Ok(regions.boxes(file)?),
            None => Ok(regions),
        }
    }

    /// Inputs at a time.
    pub fn jobs(&self) -> usize {
        at_a_time(self.jobs)
    }

    /// The threads inside one explanation; with several inputs the cores are busy with others.
    pub fn threads(&self, inputs: usize) -> usize {
        if inputs == 1 { cores() } else { 1 }
    }
}
