//! `onnxplain spray`: report and relevance -> features -> groups -> suspects -> a page, lists, masks, lines.

mod atlas;
mod confirm;
mod files;
mod groups;
mod lines;
mod names;
mod table;
mod virelay;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use onnxplain::SessionOptions;
use onnxplain::spray::Reading;

use self::confirm::Confirmation;
use self::files::Written;
use self::groups::{Found, Group, GroupBy, SortBy};
use super::Status;
use super::console::Console;
use super::explained::{Explained, Maps, read_maps, read_rows};
use super::stage::Stage;

const EXAMPLES: &str = "\
Examples:
  onnxplain explain model.onnx photos/ -o out --save relevance,overlay,report
  onnxplain spray out                      clusters of heatmaps that stand apart; open out/atlas.html
  onnxplain spray out --sort separation    wide cues first: a border, a colour
  onnxplain spray out --confirm            and is the region used? a test by changing pictures
  onnxplain spray out --virelay project    for ViRelAy, where explain was run with --logits all
  onnxplain spray out --by folder          pictures of a folder are compared with each other

docs/spray.md walks through an example.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SprayOptions {
    /// A folder that `explain --save relevance,overlay,report` wrote to
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The folder that atlas.html, spray.jsonl, embedding.csv and suspects/ go to [default: DIR]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Which heatmaps are compared with each other: those of one explained class, of one predicted class, of one folder,
    /// or all
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "target|predicted|folder|all"
    )]
    by: GroupBy,
    /// What of the relevance counts: signed, positive, or absolute
    #[arg(long, value_enum, default_value_t, hide_possible_values = true, value_name = "VALUE")]
    value: ReadingWord,
    /// What suspects are listed by: suspicion, compact cues first, or separation, wide cues such as borders too
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "suspicion|separation"
    )]
    sort: SortBy,
    /// Test whether the network uses the regions of suspects: put them into pictures of other classes
    #[arg(long)]
    confirm: bool,
    /// The model, for --confirm [default: the one that the report names]
    #[arg(long, value_name = "FILE", requires = "confirm")]
    model: Option<PathBuf>,
    /// How pictures were prepared, for --confirm, where explain was told: a name, or a model card [default: the card's]
    #[arg(long, value_name = "NAME|FILE", requires = "confirm")]
    preprocess: Option<String>,
    /// Write a project for the viewer ViRelAy into this folder; needs a report made with --logits all
    #[arg(long, value_name = "DIR")]
    virelay: Option<PathBuf>,
    /// How many suspects get lists, masks and a card on the page; spray.jsonl has all
    #[arg(long, value_name = "N", default_value_t = 20)]
    most: usize,
    /// Replace files of an earlier run [default: refuse]
    #[arg(long)]
    overwrite: bool,
    /// Threads [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

/// What `--value` can say.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ReadingWord {
    #[default]
    Signed,
    Positive,
    Absolute,
}

impl From<ReadingWord> for Reading {
    fn from(word: ReadingWord) -> Reading {
        match word {
            ReadingWord::Signed => Reading::Signed,
            ReadingWord::Positive => Reading::Positive,
            ReadingWord::Absolute => Reading::Absolute,
        }
    }
}

/// Everything that was found.
pub(super) struct Findings<'a> {
    pub explained: &'a Explained,
    pub maps: &'a Maps,
    pub groups: Vec<Group>,
    /// The first the most suspicious.
    pub found: Vec<Found>,
    pub reading: Reading,
    /// How many suspects get files.
    pub most: usize,
    /// Of the suspects that get files, where they were tested.
    pub confirmations: Vec<Confirmation>,
}

/// Finds suspects.
///
/// # Errors
/// When the report cannot be used, or files exist already.
pub fn run(options: &SprayOptions, console: &mut Console) -> Result<Status> {
    match options.jobs {
        None => find(options, console),
        Some(jobs) => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.into()).build();
            pool.context("cannot start the threads")?.install(|| find(options, console))
        }
    }
}

fn find(options: &SprayOptions, console: &mut Console) -> Result<Status> {
    let output = options.output.as_ref().unwrap_or(&options.folder);
    files::refuse_existing(output, options.overwrite)?;
    let explained = read_rows(&options.folder)?;
    let reading = options.value.into();
    let maps = read_maps(&explained, reading)?;
    let groups = groups::groups(&explained, &maps, options.by);
    let found = groups::ranked(&groups, options.sort);
    let most = options.most;
    let confirmations = vec![];
    let mut findings = Findings {
        explained: &explained,
        maps: &maps,
        groups,
        found,
        reading,
        most,
        confirmations,
    };
    tell_left_out(&findings, console);
    if options.confirm {
        let stage = stage(options, &findings, console)?;
        findings.confirmations = confirm::confirm(&findings, &stage)?;
    }
    if let Some(folder) = &options.virelay {
        virelay::write(folder, &findings, options.by, options.overwrite)?;
    }
    files::remove_old(output)?;
    let written = Written::write(output, &findings)?;
    table::print(&findings, &written, console)?;
    Ok(Status::Done)
}

/// Opens the model that the heatmaps are of.
fn stage(options: &SprayOptions, findings: &Findings, console: &mut Console) -> Result<Stage> {
    let way = &findings.explained.way;
    let model = options.model.clone().unwrap_or_else(|| PathBuf::from(&way.model));
    ensure!(
        model.is_file(),
        "there is no model {}: give it with --model FILE, or run --confirm in the folder that `explain` ran in",
        model.display()
    );
    let session = SessionOptions::new().pictures(true).drop_pictures(true);
    let session = match &options.preprocess {
        Some(name) => session.preprocess(name),
        None => session,
    };
    let session = session.open(&model)?;
    session.notices().iter().for_each(|notice| console.notice(notice));
    let stage = Stage::new(&session)?;
    ensure!(
        stage.is_prepared_as(&way.preprocessing),
        "the pictures of the report were prepared in another way than {} says: give --preprocess with a model card \
         whose `input` is the report's `preprocessing`",
        options.preprocess.as_deref().unwrap_or("the model's card")
    );
    Ok(stage)
}

/// What was not analysed.
fn tell_left_out(findings: &Findings, console: &mut Console) {
    if findings.explained.failed > 0 {
        console.note(format_args!(
            "{} inputs could not be explained, and are left out",
            findings.explained.failed
        ));
    }
    let left_out: usize = findings.groups.iter().map(|group| group.left_out).sum();
    if left_out > 0 {
        console.warning(format_args!(
            "{left_out} heatmaps are left out: their relevance is zero or not finite"
        ));
    }
    let small: Vec<&str> = findings
        .groups
        .iter()
        .filter(|group| group.analysis.is_none())
        .map(|group| group.name.as_str())
        .collect();
    if !small.is_empty() {
        console.note(format_args!(
            "{} of {} groups have fewer than {} heatmaps and are not analysed: {}",
            small.len(),
            findings.groups.len(),
            onnxplain::spray::LEAST_MEMBERS,
            shortened(&small)
        ));
    }
}

/// The first names of a list.
fn shortened(names: &[&str]) -> String {
    const MOST: usize = 5;
    let first = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
