//! `onnxplain explain`: operands -> files -> model -> **batch** -> results.

mod attribute;
pub(super) mod batch;
mod figure;
pub(super) mod inputs;
mod method;
mod outputs;
mod prepare;
pub(super) mod recorded;
mod render;
mod report;
pub(super) mod report_file;
mod resume;
mod scales;
mod shard;
pub(super) mod staging;
mod summary;
mod targets;
mod ways;
pub(super) mod work;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Command, ValueEnum};

use onnxplain::figure::Format;
use onnxplain::io::PictureFormat;
use onnxplain::{Colormap, CropMark, Initial, Method, Normalization, Rendering, SessionOptions};

use self::attribute::Job;
use self::inputs::{Failed, InputFile, InputOptions, Inputs, LeftOut};
use self::method::MethodOptions;
use self::outputs::{Formats, Kind, Outputs, RelevanceFormat, Wishes};
use self::prepare::prepare;
use self::report::Seconds;
use self::report_file::ReportFile;
use self::resume::Judge;
use self::scales::ScaleWord;
use self::staging::Staging;
use self::ways::Asked;
use self::work::Work;
use super::Status;
use super::console::Console;
use super::options::{ModelOptions, PreprocessOptions, check_model_path};

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
    model: PathBuf,
    /// Pictures (PNG, JPEG, WebP, BMP, TIFF, GIF), arrays that are preprocessed already (.npy, .npz, .csv, .wav),
    /// folders, glob patterns, or - for a list of paths on standard input
    #[arg(required_unless_present_any = ["files_from", "input"], value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// The folder that files go to
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Files to write for each result, of figure, overlay, heatmap, relevance (.npy), report (.json)
    /// [default: figure,overlay,heatmap,report; of several inputs no figure]
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        value_enum,
        hide_possible_values = true
    )]
    save: Option<Vec<Kind>>,
    /// Format of figures: png, svg, or pdf, whose text stays text
    #[arg(long, value_name = "FORMAT", default_value = "png", value_parser = format_parser())]
    figure_format: Format,
    /// Format of overlays: png, jpeg (small), or webp (without loss)
    #[arg(long, value_name = "FORMAT", default_value = "png", value_parser = overlay_format_parser())]
    overlay_format: PictureFormat,
    /// Numbers of relevance files: float32, or float16 (half the size, three digits)
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
    relevance_format: RelevanceFormat,
    /// Logits in reports: top, those of the five strongest classes, or all, a list in the order of the classes
    #[arg(long, value_name = "top|all", value_enum, default_value_t, hide_possible_values = true)]
    logits: LogitsWord,
    /// Replace files that onnxplain wrote; those of others, and the inputs, stay [default: refuse]
    #[arg(long)]
    overwrite: bool,
    /// Go on with a batch that was killed or interrupted: skip what the report in DIR says is done, if its files are
    /// whole, and explain (and write) the others [default: refuse where there is a report]
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,
    /// Inputs at a time [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = jobs_parser())]
    jobs: Option<u64>,
    /// Threads inside one explanation; above 1, explanations take turns [default: 1 in a batch, the number of cores for
    /// one input]
    #[arg(long, value_name = "N", value_parser = jobs_parser())]
    threads: Option<u64>,

    #[command(flatten)]
    input_options: InputOptions,

    /// Classes to explain: top, top:K, a class index or a label; several give several heatmaps
    #[arg(
        long,
        value_name = "T[,T...]",
        default_value = "top",
        allow_negative_numbers = true,
        help_heading = "Target"
    )]
    target: Vec<String>,
    /// Explain the difference to this class: an index, a label, or top for the strongest other [default: none]
    #[arg(long, value_name = "T", allow_negative_numbers = true, help_heading = "Target")]
    against: Option<String>,
    /// Relevance put in at the target: its logit, or 1 (all methods but lrp) [default: logit]
    #[arg(long, value_enum, help_heading = "Target")]
    initial: Option<InitialWord>,
    /// The words of a text, one a line, for plots and reports of token ids [default: the ids]
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    tokens: Option<PathBuf>,
    /// Class names, one a line or JSON; none for no names [default: the card's, else the model file's]
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    labels: Option<PathBuf>,

    #[command(flatten)]
    method: MethodOptions,
    #[command(flatten)]
    model_options: ModelOptions,
    #[command(flatten)]
    preprocess: PreprocessOptions,

    /// Colours: coldnhot, seismic, bwr, rdbu for relevance of both signs; hot, gray, viridis, magma, inferno, cividis,
    /// turbo for its strength; or your own such as 00f,80:fff,f00, with positions from 00 to ff [default: coldnhot;
    /// viridis where only the strength is shown]
    #[arg(long, value_name = "NAME|COLOURS", help_heading = "Rendering")]
    colormap: Option<Colormap>,
    /// How relevance is scaled: symmetric about 0, absolute values, or unaligned, from the lowest to the highest
    /// [default: symmetric; absolute where the sign has no meaning, as with gradients; unaligned for rise]
    #[arg(long, value_name = "NAME", value_parser = normalization_parser(), help_heading = "Rendering")]
    normalize: Option<Normalization>,
    /// Opacity of the strongest colour in the overlay, 0 to 1 [default: 0.8; 0.6 where only the strength is shown]
    #[arg(long, value_name = "A", help_heading = "Rendering")]
    alpha: Option<f32>,
    /// Multiplies relevance before it is clipped: above 1 shows weak relevance
    #[arg(long, value_name = "L", default_value_t = 1.0, help_heading = "Rendering")]
    level: f32,
    /// Whether the results of an input share the scale of their colours [default: those of one method and composite do]
    #[arg(long, value_enum, help_heading = "Rendering")]
    scale: Option<ScaleWord>,
    /// How the part of the photo that the network sees is marked: by a frame, by dimming the rest, or not at all
    #[arg(long, value_name = "MARK", default_value = "frame", value_parser = crop_mark_parser(), help_heading = "Rendering")]
    crop_mark: CropMark,
    /// Longest side of overlays, in pixels [default: the photo's, at most 1600; at least 256 where it is below 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20000), help_heading = "Rendering")]
    overlay_size: Option<u32>,
}

/// What `--logits` can say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum LogitsWord {
    #[default]
    Top,
    All,
}

/// What `--initial` can say.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum InitialWord {
    Logit,
    One,
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

fn crop_mark_parser() -> impl TypedValueParser<Value = CropMark> {
    PossibleValuesParser::new(CropMark::ALL.map(CropMark::name))
        .try_map(|name| name.parse::<CropMark>())
}

fn normalization_parser() -> impl TypedValueParser<Value = Normalization> {
    PossibleValuesParser::new(Normalization::ALL.map(Normalization::name))
        .try_map(|name| name.parse::<Normalization>())
}

impl ExplainOptions {
    /// The ways to explain an input.
    fn asked(&self) -> Result<Vec<Asked>> {
        let methods = self.method.methods()?.into_iter().map(Method::of);
        let methods = methods.map(|method| (method.clone(), method.takes_composite()));
        let composites = ways::composites(&self.model_options.composite);
        ways::asked(methods.collect(), &composites, self.initial())
    }

    fn rendering(&self, method: &Method) -> Result<Rendering> {
        let normalization = self.normalize.unwrap_or_else(|| method.normalization());
        let suited = Rendering::suited_to(normalization);
        let rendering = Rendering {
            colormap: self.colormap.unwrap_or(suited.colormap),
            normalization,
            alpha: self.alpha.unwrap_or(suited.alpha),
            level: self.level,
            crop_mark: self.crop_mark,
            overlay_size: self.overlay_size,
        };
        rendering.check()?;
        Ok(rendering)
    }

    /// The report of a batch; a single file has its `.json` alone.
    fn report(&self, is_batch: bool) -> Option<PathBuf> {
        let is_wanted = is_batch || self.resume;
        is_wanted.then(|| report_file::path(&self.output, self.input_options.shard))
    }

    /// Every file that the run reads.
    fn read_files<'a>(
        &'a self,
        files: &'a [Result<InputFile, Failed>],
    ) -> impl Iterator<Item = &'a Path> {
        let inputs = files.iter().flatten().map(|file| file.path.as_path());
        let names = [&self.model_options.composite].into_iter().chain(&self.preprocess.preprocess);
        let named = names.map(Path::new).filter(|path| path.is_file());
        let given = [&self.model].into_iter().chain(&self.labels).map(PathBuf::as_path);
        inputs.chain(named).chain(given)
    }

    fn jobs(&self) -> usize {
        self.jobs.map_or_else(cores, |jobs| jobs as usize)
    }

    /// The threads inside one explanation; in a batch the cores are busy with other inputs.
    fn threads(&self, inputs: usize) -> usize {
        let default = || if inputs == 1 { cores() } else { 1 };
        self.threads.map_or_else(default, |threads| threads as usize)
    }

    /// Whether all inputs are given by their names: a single input of several files.
    fn is_named(&self) -> bool {
        self.inputs.is_empty()
            && !self.input_options.has_list()
            && !self.model_options.inputs.input.is_empty()
    }

    /// What the model is opened with.
    fn session(&self) -> SessionOptions {
        let options = self.preprocess.session(&self.model_options);
        match &self.labels {
            Some(path) if path.as_os_str() == "none" && !path.exists() => options.without_labels(),
            Some(path) => options.labels_file(path),
            None => options,
        }
    }

    fn initial(&self) -> Option<Initial> {
        self.initial.map(|word| match word {
            InitialWord::Logit => Initial::Logit,
            InitialWord::One => Initial::One,
        })
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Explains every input.
pub fn run(options: &ExplainOptions, console: &mut Console) -> Result<Status> {
    let begin = Instant::now();
    let asked = options.asked()?;
    check_model_path(&options.model)?;
    let inputs = match options.is_named() {
        true => Inputs::named(&options.model_options.inputs.input[0].file),
        false => Inputs::expand(&options.inputs, &options.input_options)?,
    };
    inputs.notes.iter().for_each(|note| console.note(note));
    if let Some(text) = inputs.about_left_out() {
        console.warning(text);
    }
    let described = options.session().describe(&options.model)?;
    let names_several = targets::names_several(&options.target, described.labels());
    let mut outputs = Outputs::new(Wishes {
        folder: &options.output,
        save: options.save.as_deref(),
        formats: Formats {
            figures: options.figure_format,
            overlays: options.overlay_format,
            relevance: options.relevance_format,
        },
        is_batch: inputs.is_batch,
        has_index: names_several,
        ways: asked.iter().map(|way| way.infix.clone()).collect(),
        overwrite: options.overwrite || options.resume,
    })?;
    outputs.keep(options.read_files(&inputs.files));
    let report = options.report(inputs.is_batch);
    if let Some(report) = report.as_deref().filter(|_| options.resume) {
        outputs.take_for_own(report_file::files(report));
    }
    if let Some(report) = report.as_deref().filter(|_| !options.resume) {
        report_file::refuse_existing(report, outputs.overwrite())?;
    }
    let files = refuse_before_work(inputs.files, &outputs);
    if !files.is_empty() && files.iter().all(Result::is_err) {
        return work::report_failures(&files, console);
    }
    if files.is_empty() {
        return report_nothing(report.as_deref(), &outputs);
    }
    let mut job = prepare(options, asked, described, outputs, &files, console)?;
    let Seconds { load, canonize, compile, .. } = job.start_up();
    console.detail(format_args!(
        "ready after {:.3} s (load {load:.3}, canonize {canonize:.3}, compile {compile:.3})",
        begin.elapsed().as_secs_f64()
    ));
    if files.len() == 1 {
        job.samples = console.begin_samples(job.explainer().sample_count());
    }
    let work = begin_work(&job, &files, &inputs.left_out, report.as_deref(), options, console)?;
    work.run(options.jobs(), console)
}

/// A shard may be left without inputs; its report is empty then.
fn report_nothing(report: Option<&Path>, outputs: &Outputs) -> Result<Status> {
    if let Some(path) = report.filter(|path| !path.exists()) {
        ReportFile::create(path, outputs.overwrite())?;
    }
    Ok(Status::Done)
}

/// Opens the report, and finds out what is to be done.
fn begin_work<'a>(
    job: &'a Job,
    files: &'a [Result<InputFile, Failed>],
    left_out: &'a [LeftOut],
    report: Option<&Path>,
    options: &ExplainOptions,
    console: &mut Console,
) -> Result<Work<'a>> {
    let nothing_done = vec![false; files.len()];
    let Some(path) = report else {
        let staging = Staging::of_process(&options.output)?;
        return Ok(Work { job, files, left_out, is_done: nothing_done, report: None, staging });
    };
    if !options.resume {
        let report = Some(ReportFile::create(path, job.outputs.overwrite())?);
        let staging = Staging::of_report(path)?;
        return Ok(Work { job, files, left_out, is_done: nothing_done, report, staging });
    }
    let mut judge = Judge::new(job, path, files);
    let judged = report_file::resume(path, |group, is_last| judge.judge(group, is_last));
    let (report, staging) = judged?;
    judge.summary().iter().for_each(|note| console.note(note));
    Ok(Work { job, files, left_out, is_done: judge.is_done, report: Some(report), staging })
}

/// Inputs whose results exist fail before anything is computed.
fn refuse_before_work(
    files: Vec<Result<InputFile, Failed>>,
    outputs: &Outputs,
) -> Vec<Result<InputFile, Failed>> {
    let refuse = |file: InputFile| match outputs.check_before_work(&file.stem) {
        Ok(()) => Ok(file),
        Err(error) => {
            let input = file.path.display().to_string();
            let error = error.context(format!("cannot explain {input}"));
            Err(Failed { input, error })
        }
    };
    files.into_iter().map(|file| file.and_then(refuse)).collect()
}
