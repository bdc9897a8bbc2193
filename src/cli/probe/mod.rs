//! `onnxplain probe`: pictures -> changed inside a region, and elsewhere -> answers -> outcomes with tests.

mod table;
mod work;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};
use clap::Args;

use onnxplain::io::{Overwrite, check, write_bytes};
use onnxplain::probe::{Edit, Outcome, Region, adjusted, outcome};
use onnxplain::{Session, SessionOptions, Target};

use self::work::{Probed, Work};
use super::batch::inputs::{Failed, InputFile, InputOptions, Inputs};
use super::console::Console;
use super::explain::targets;
use super::gallery::Truth;
use super::options::{ModelOptions, PreprocessOptions, check_model_path};
use super::stage::Stage;
use super::{Status, interrupt};

const EXAMPLES: &str = "\
Examples:
  onnxplain probe model.onnx photos/ --edit noise,fill:#87ceeb --region border:8% --target aeroplane
      does a border of another colour, or of noise, change the aeroplane's logit?
  onnxplain probe model.onnx --files-from out/suspects/01.Coat.txt --edit fill:#000000,mean --region suspect:1@out/spray.jsonl
      the region of a suspect that `spray` found
  onnxplain probe model.onnx photos/ --edit paste:logo.png@lower-left --region corner:lower-left:20% --target horse

Edits:   noise, fill:#rrggbb, mean, blur[:SIGMA], shuffle, swap, transplant:LIST, paste:FILE.png[@CORNER], gray, flip,
         jpeg:QUALITY, lowpass:SIGMA
Regions: all, border:8%, corner:lower-left:20%, box:x,y,w,h, mask:FILE.png, suspect:N@spray.jsonl

The control is the same edit elsewhere: give several edits at once, because an edit can look like the cue.
docs/spray.md says how to read the numbers.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ProbeOptions {
    /// The model, an .onnx file
    model: PathBuf,
    /// Pictures, folders, glob patterns, or - for a list of paths on standard input
    #[arg(required_unless_present = "files_from", value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// How pictures are changed inside the region; each edit is tested
    #[arg(long, required = true, value_name = "EDIT[,EDIT]", value_delimiter = ',')]
    edit: Vec<EditWord>,
    /// Where: a part of the picture as the network sees it, after it was resized and cropped
    #[arg(long, value_name = "REGION")]
    region: RegionWord,
    /// The class whose logit is watched: top, each picture's own, or a class, as an index or a label
    #[arg(long, value_name = "T", default_value = "top")]
    target: String,
    /// Pictures that are looked at together: folder, predicted, or a file of lines PATH,GROUP [default: all]
    #[arg(long, value_name = "folder|predicted|FILE")]
    groups: Option<String>,
    /// Other places where the same edit is made, as a control
    #[arg(long, value_name = "N", default_value_t = 8)]
    controls: usize,
    /// Seed of random edits and places
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The folder that probe.jsonl goes to [default: nothing is written]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Replace an earlier probe.jsonl [default: refuse]
    #[arg(long)]
    overwrite: bool,
    /// Pictures at a time [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Class names, one a line or JSON, or imagenet [default: the card's, else the model file's]
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    #[command(flatten)]
    input_options: InputOptions,
    #[command(flatten)]
    model_options: ModelOptions,
    #[command(flatten)]
    preprocess: PreprocessOptions,
}

/// An edit, read by clap.
#[derive(Clone, Debug)]
struct EditWord(Edit);

impl FromStr for EditWord {
    type Err = Error;

    fn from_str(text: &str) -> Result<EditWord> {
        text.parse().map(EditWord)
    }
}

/// A region, read by clap.
#[derive(Clone, Debug)]
struct RegionWord(Region);

impl FromStr for RegionWord {
    type Err = Error;

    fn from_str(text: &str) -> Result<RegionWord> {
        text.parse().map(RegionWord)
    }
}

/// What makes a group of pictures.
pub(super) enum Grouping {
    All,
    Predicted,
    Named(Truth),
}

/// An edit of a group, and what it does.
pub(super) struct Tested {
    pub edit: String,
    pub group: String,
    pub outcome: Outcome,
}

/// Probes a region.
///
/// # Errors
/// When an option cannot be read, the model takes no pictures, or none of them can be read.
pub fn run(options: &ProbeOptions, console: &mut Console) -> Result<Status> {
    check_model_path(&options.model)?;
    let lines = options.output.as_ref().map(|output| output.join("probe.jsonl"));
    let overwrite = Overwrite::own_if(options.overwrite);
    lines.iter().try_for_each(|lines| check(lines, overwrite))?;
    let grouping = grouping(options.groups.as_deref())?;
    let inputs = Inputs::expand(&options.inputs, &options.input_options)?;
    inputs.notes.iter().for_each(|note| console.note(note));
    let (files, failed) = sorted_out(inputs.files);
    failed.iter().for_each(|failed| console.error(&failed.error));
    ensure!(!files.is_empty(), "there are no pictures to probe");
    let session = session(options).open(&options.model)?;
    session.notices().iter().for_each(|notice| console.notice(notice));
    let notes = targets::notes([options.target.as_str()], &session);
    notes.iter().for_each(|notice| console.notice(notice));
    let target = target(&options.target, &session)?;
    let stage = Stage::new(&session)?;
    let mask = options.region.0.mask(stage.size())?;
    let controls = mask.shifted(options.controls, options.seed);
    if controls.is_empty() && options.controls > 0 {
        console.warning(format_args!(
            "there is no other place for {}: no control is subtracted, so that any effect of the edit counts",
            options.region.0
        ));
    }
    let edits: Vec<Edit> = options.edit.iter().map(|word| word.0.clone()).collect();
    let work = Work::new(&stage, &edits, &mask, &controls, target, options.seed, &files)?;
    interrupt::work_begins();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.jobs.map_or(0, usize::from))
        .build()
        .context("cannot start the threads")?;
    let probed = pool.install(|| work.run(&files));
    let (probed, errors) = separated(probed);
    errors.iter().for_each(|error| console.error(error));
    ensure!(!probed.is_empty(), "no picture could be probed");
    let tested = tested(&edits, &probed, &grouping, &session);
    if let Some(lines) = &lines {
        write_bytes(lines, table::lines(options, &tested)?, overwrite)?;
    }
    table::print(options, &tested, console)?;
    let has_failed = errors.len() + failed.len() > 0;
    Ok(interrupt::or_interrupted(if has_failed { Status::Partly } else { Status::Done }))
}

fn sorted_out(files: Vec<Result<InputFile, Failed>>) -> (Vec<PathBuf>, Vec<Failed>) {
    let (mut paths, mut failed) = (vec![], vec![]);
    for file in files {
        match file {
            Ok(file) => paths.push(file.path),
            Err(error) => failed.push(error),
        }
    }
    (paths, failed)
}

fn separated(results: Vec<Result<Probed>>) -> (Vec<Probed>, Vec<Error>) {
    let (mut probed, mut errors) = (vec![], vec![]);
    for result in results {
        match result {
            Ok(one) => probed.push(one),
            Err(error) => errors.push(error),
        }
    }
    (probed, errors)
}

fn session(options: &ProbeOptions) -> SessionOptions {
    let session = options.preprocess.session(&options.model_options);
    let session = session.pictures(true).drop_pictures(true);
    match &options.labels {
        Some(path) => session.labels_file(path),
        None => session,
    }
}

/// The class that is watched; `None` for each picture's own.
fn target(word: &str, session: &Session) -> Result<Option<usize>> {
    match session.resolve_one(&word.parse::<Target>()?)? {
        Target::Top => Ok(None),
        Target::Class(class) => Ok(Some(class)),
        other => anyhow::bail!("--target {word}: give top or one class, not {other:?}"),
    }
}

fn grouping(word: Option<&str>) -> Result<Grouping> {
    Ok(match word {
        None => Grouping::All,
        Some("predicted") => Grouping::Predicted,
        Some(word) => Grouping::Named(word.parse()?),
    })
}

impl Grouping {
    fn of(&self, probed: &Probed, session: &Session) -> String {
        match self {
            Grouping::All => "all".to_string(),
            Grouping::Predicted => {
                let label = session.labels().and_then(|labels| labels.get(probed.top));
                label.cloned().unwrap_or_else(|| format!("class {}", probed.top))
            }
            Grouping::Named(truth) => {
                let name = truth.of(&probed.path.display().to_string());
                name.unwrap_or_else(|| "(no group)".to_string())
            }
        }
    }
}

/// The outcome of every edit in every group, with p-values adjusted for all of them.
fn tested(
    edits: &[Edit],
    probed: &[Probed],
    grouping: &Grouping,
    session: &Session,
) -> Vec<Tested> {
    let named: Vec<(String, &Probed)> =
        probed.iter().map(|one| (grouping.of(one, session), one)).collect();
    let mut groups: Vec<&String> = named.iter().map(|(name, _)| name).collect();
    groups.sort();
    groups.dedup();
    let (mut keys, mut outcomes) = (vec![], vec![]);
    for group in groups {
        for (place, edit) in edits.iter().enumerate() {
            let members = named.iter().filter(|(name, _)| name == group);
            let answers: Vec<_> = members.map(|(_, one)| one.answers[place].clone()).collect();
            if let Some(outcome) = outcome(&answers) {
                keys.push((edit.to_string(), group.clone()));
                outcomes.push(outcome);
            }
        }
    }
    let pairs = keys.into_iter().zip(adjusted(outcomes));
    pairs.map(|((edit, group), outcome)| Tested { edit, group, outcome }).collect()
}

/// The folder of a picture.
fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}
