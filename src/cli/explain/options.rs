//! What can be given to `onnxplain explain`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Command, ValueEnum};

use onnxplain::figure::Format;
use onnxplain::io::PictureFormat;
use onnxplain::{Initial, Method, SessionOptions};

use super::kinds::{Kind, RelevanceFormat};
use super::scales::ScaleWord;
use crate::cli::batch::inputs::{Failed, InputFile, InputOptions};
use crate::cli::batch::report_file;
use crate::cli::method_options::MethodOptions;
use crate::cli::options::{ModelOptions, PreprocessOptions, at_a_time, cores, initial_parser};
use crate::cli::rendering_options::RenderingOptions;
use crate::cli::ways::{self, Asked};

const SHORT_EXAMPLES: &str = "\
Examples:
  onnxplain explain model.onnx cat.jpg
  onnxplain explain model.onnx cat.jpg --target \"tiger cat\" --against lynx
  onnxplain explain model.onnx photos/ -o out

These are the options that are needed most; `onnxplain explain --help` has all.";

const EXAMPLES: &str = "\
Examples:
  onnxplain explain model.onnx cat.jpg
      cat.figure.png to look at; cat.overlay.png, cat.heatmap.png, cat.json
  onnxplain explain model.onnx cat.jpg --target top:3
      the three strongest classes side by side
  onnxplain explain model.onnx cat.jpg --target lynx --against top
      why not what it says?
  onnxplain explain model.onnx cat.jpg --method lrp,saliency,grad-cam --target top:2
      three methods for two classes in one figure
  onnxplain explain model.onnx cat.jpg --composite epsilon-plus,gamma --save figure --figure-format pdf
      two presets side by side, for a paper
  onnxplain explain model.onnx photos/ -o out --save overlay
      every picture of a folder, its structure kept
  onnxplain explain model.onnx 'photos/**/*.jpg' --json | jq '.prediction[0].label'
  onnxplain explain model.onnx photos/ -o out --resume
      goes on where it was killed; out/report.jsonl has all results
  onnxplain explain model.onnx photos/ -o out --shard 2/8
      one of eight processes
  find photos -newer last -print0 | onnxplain explain model.onnx - -0 -o out
  onnxplain explain model.onnx x.npy --composite epsilon-plus --save relevance
  onnxplain explain model.onnx x.npy --input-range -2.1,2.6
      z-box needs the range of a tensor
  onnxplain explain audio.onnx siren.wav
      a signal: a line with its relevance as colour
  onnxplain explain bert.onnx ids.npy --input attention_mask=mask.npy --tokens words.txt
      a text: its words on the colour of their relevance
  onnxplain explain two.onnx --input scan=scan.png --input record=record.csv
      a heatmap for each of several inputs
  onnxplain explain segments.onnx street.jpg --reduce mean
      scores of all positions become one score a class
  onnxplain explain model.onnx cat.jpg --method integrated-gradients --steps 100
  onnxplain explain model.onnx cat.jpg --method noisegrad --base-method lrp
      LRP, averaged over noisy networks

Red speaks for the class, blue against it; docs/heatmaps.md tells more. A model card (YAML beside the model, same name) \
says how pictures are prepared and what the classes are called.";

/// The options that `-h` shows; `--help` shows all.
const SHORT: [&str; 16] = [
    "model",
    "inputs",
    "output",
    "save",
    "overwrite",
    "resume",
    "target",
    "against",
    "labels",
    "method",
    "composite",
    "preprocess",
    "colormap",
    "json",
    "quiet",
    "help",
];

/// Leaves all but the most needed options out of `-h`, so that it fits on a screen.
pub fn with_short_help(command: Command) -> Command {
    command.mut_args(|argument| match SHORT.contains(&argument.get_id().as_str()) {
        true => argument,
        false => argument.hide_short_help(true),
    })
}

#[derive(Debug, Args)]
#[command(after_help = SHORT_EXAMPLES, after_long_help = EXAMPLES)]
pub struct ExplainOptions {
    /// The model, an .onnx file
    pub model: PathBuf,
    /// Pictures (PNG, JPEG, WebP, BMP, TIFF, GIF), arrays that are preprocessed already (.npy, .npz, .csv, .wav),
    /// folders, glob patterns, or - for a list of paths on standard input
    #[arg(required_unless_present_any = ["files_from", "input"], value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// The folder that files go to
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    /// Files to write for each result: figure, overlay, heatmap, relevance (.npy), report (.json)
    /// [default: figure,overlay,heatmap,report; of several inputs no figure]
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        value_enum,
        hide_possible_values = true
    )]
    pub save: Option<Vec<Kind>>,
    /// Format of figures: png, svg, or pdf, whose text stays text
    #[arg(long, value_name = "FORMAT", default_value = "png", value_parser = format_parser())]
    pub figure_format: Format,
    /// Format of overlays: png, jpeg (small), or webp (without loss)
    #[arg(long, value_name = "FORMAT", default_value = "png", value_parser = overlay_format_parser())]
    pub overlay_format: PictureFormat,
    /// Numbers of relevance: float32, float16 (half the size, three digits), or npz (float32, one file relevance.npz of
    /// the batch)
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
    pub relevance_format: RelevanceFormat,
    /// Logits in reports: top, those of the five strongest classes, or all, a list in the order of the classes
    #[arg(long, value_name = "top|all", value_enum, default_value_t, hide_possible_values = true)]
    pub logits: LogitsWord,
    /// Replace files that onnxplain wrote earlier, and nothing else: no inputs, no files of other programs [default:
    /// refuse]
    #[arg(long)]
    pub overwrite: bool,
    /// Go on with a batch that was killed or interrupted: skip what the report in DIR says is done, if its files are
    /// whole, and explain (and write) the others [default: refuse where there is a report]
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Inputs at a time [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = jobs_parser())]
    pub jobs: Option<u64>,
    /// Threads inside one explanation; above 1, explanations take turns [default: 1 in a batch, the number of cores for
    /// one input]
    #[arg(long, value_name = "N", value_parser = jobs_parser())]
    pub threads: Option<u64>,

    #[command(flatten)]
    pub input_options: InputOptions,

    /// Classes to explain: top, top:K, a class index or a label; several give several heatmaps
    #[arg(
        long,
        value_name = "T[,T...]",
        default_value = "top",
        allow_negative_numbers = true,
        help_heading = "Target"
    )]
    pub target: Vec<String>,
    /// Explain the difference to this class: an index, a label, or top for the strongest other [default: none]
    #[arg(long, value_name = "T", allow_negative_numbers = true, help_heading = "Target")]
    pub against: Option<String>,
    /// Put in the logit, centred (less the mean of all), or one [default: the composite's]
    #[arg(long, value_name = "I", value_parser = initial_parser(), help_heading = "Target")]
    pub initial: Option<Initial>,
    /// The words of a text, one a line, for plots and reports of token ids [default: the ids]
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    pub tokens: Option<PathBuf>,
    /// Class names, one a line or JSON; imagenet for its thousand names, none for numbers only [default: the card's,
    /// else the model file's, else those of labels.txt and the like beside it]
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    pub labels: Option<PathBuf>,

    #[command(flatten)]
    pub method: MethodOptions,
    #[command(flatten)]
    pub model_options: ModelOptions,
    #[command(flatten)]
    pub preprocess: PreprocessOptions,

    #[command(flatten)]
    pub rendering: RenderingOptions,
    /// Whether the results of an input share the scale of their colours [default: those of one method and composite do]
    #[arg(long, value_enum, help_heading = "Rendering")]
    pub scale: Option<ScaleWord>,
}

/// What `--logits` can say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogitsWord {
    #[default]
    Top,
    All,
}

fn jobs_parser() -> impl TypedValueParser<Value = u64> {
    const MOST: u64 = 1024;
    let is_possible = |number: &u64| (1..=MOST).contains(number);
    move |text: &str| {
        let number = text.parse().ok().filter(is_possible);
        number.ok_or_else(|| format!("must be a whole number from 1 to {MOST}"))
    }
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::extension))
        .try_map(|name| name.parse::<Format>())
}

fn overlay_format_parser() -> impl TypedValueParser<Value = PictureFormat> {
    PossibleValuesParser::new(PictureFormat::ALL.map(PictureFormat::name))
        .try_map(|name| name.parse::<PictureFormat>())
}

impl ExplainOptions {
    /// The ways to explain an input.
    pub fn asked(&self) -> Result<Vec<Asked>> {
        let methods = self.method.methods()?.into_iter().map(Method::of);
        let methods = methods.map(|method| (method.clone(), method.takes_composite()));
        let composites = ways::composites(&self.model_options.composite);
        ways::asked(methods.collect(), &composites, self.initial)
    }

    /// The report of a batch; a single file has its `.json` alone.
    pub fn report(&self, is_batch: bool) -> Option<PathBuf> {
        let is_wanted = is_batch || self.resume;
        is_wanted.then(|| report_file::path(&self.output, self.input_options.shard))
    }

    /// Every file that the run reads.
    pub fn read_files<'a>(
        &'a self,
        files: &'a [Result<InputFile, Failed>],
    ) -> impl Iterator<Item = &'a Path> {
        let inputs = files.iter().flatten().map(|file| file.path.as_path());
        let names = [&self.model_options.composite].into_iter().chain(&self.preprocess.preprocess);
        let named = names.map(Path::new).filter(|path| path.is_file());
        let given = [&self.model].into_iter().chain(&self.labels).map(PathBuf::as_path);
        inputs.chain(named).chain(given)
    }

    pub fn jobs(&self) -> usize {
        at_a_time(self.jobs)
    }

    /// The threads inside one explanation; in a batch the cores are busy with other inputs.
    pub fn threads(&self, inputs: usize) -> usize {
        let default = || if inputs == 1 { cores() } else { 1 };
        self.threads.map_or_else(default, |threads| threads as usize)
    }

    /// Whether all inputs are given by their names: a single input of several files.
    pub fn is_named(&self) -> bool {
        self.inputs.is_empty()
            && !self.input_options.has_list()
            && !self.model_options.inputs.input.is_empty()
    }

    /// What the model is opened with.
    pub fn session(&self) -> SessionOptions {
        let options = self.preprocess.session(&self.model_options);
        match &self.labels {
            Some(path) => options.labels_file(path),
            None => options,
        }
    }
}
