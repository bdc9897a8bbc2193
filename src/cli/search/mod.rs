//! `onnxplain search`: a space of composites and pictures -> **search** -> best.yaml, and why.

mod journal;
mod options;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use onnxplain::evaluation::{EvaluationInput, EvaluationOptions};
use onnxplain::io::{Overwrite, write_bytes};
use onnxplain::search::{Found, SearchOptions, SearchSettings, Searcher, page, text_table};

use self::journal::TrialsFile;
pub use self::options::SearchArguments;
use super::batch::inputs::{Failed, InputFile, InputOptions};
use super::console::Console;
use super::evaluate::FillWord;
use super::given::{self, Given, Interruption};
use super::options::check_model_path;
use super::truth_options::{judged_target, tell_fill};
use super::{Status, interrupt, settings_file};

/// Searches.
///
/// # Errors
/// When the options contradict each other, the model or the space cannot be read, or no picture can be measured.
pub fn run(options: &SearchArguments, console: &mut Console) -> Result<Status> {
    check_model_path(&options.model)?;
    ensure!(
        options.input_options.shard.is_none(),
        "a search is one process: --shard belongs to explain and evaluate"
    );
    let inputs = Given::expand(&options.inputs, &options.input_options, console)?;
    let confirming = Given::expand(&options.confirm, &InputOptions::default(), console)?;
    let files: Vec<&Result<InputFile, Failed>> =
        inputs.files.iter().chain(&confirming.files).collect();
    let failed = tell_failed(&files, console);
    let trials = options.output.join("trials.jsonl");
    ensure!(
        options.resume || options.overwrite || trials.symlink_metadata().is_err(),
        "{} exists already: give --resume to go on with it, --overwrite to begin again, or another --output",
        trials.display()
    );
    let search = search_options(options, confirming.all)?;
    let ways = (&options.model_options, &options.preprocess);
    let session = given::session(options.labels.as_deref(), ways, &inputs.files);
    let session = session.open(&options.model)?;
    session.notices().iter().for_each(|notice| console.notice(notice));
    let earlier = settings_file::read::<SearchSettings>(&options.output)?;
    let fill = earlier.filter(|_| options.resume).map(|settings| settings.fill);
    let searcher = Searcher::new(&session, search, &inputs.all, fill)?;
    tell(&searcher, console);
    if options.resume {
        settings_file::refuse_others(&options.output, searcher.settings())?;
    }
    fs::create_dir_all(&options.output)
        .with_context(|| format!("cannot create the folder {}", options.output.display()))?;
    interrupt::work_begins();
    let outcome = {
        let mut journal = match options.resume {
            true => TrialsFile::resume(&trials, console)?,
            false => TrialsFile::create(&trials, console)?,
        };
        settings_file::write(&options.output, searcher.settings())?;
        searcher.run(&mut journal, &Interruption)
    };
    console.end_progress();
    let found = match outcome {
        Err(onnxplain::Error::Cancelled) => {
            console.note("interrupted: --resume goes on with what was measured");
            return Ok(interrupt::or_interrupted(Status::Partly));
        }
        outcome => outcome?,
    };
    write(&options.output, &found)?;
    for (input, error) in &found.failures {
        let told = anyhow::Error::from(error.clone());
        console.error(&told.context(format!("cannot measure {}", input.path.display())));
    }
    print(&found, &options.output, console)?;
    let has_failed = failed + found.failures.len() > 0;
    Ok(if has_failed { Status::Partly } else { Status::Done })
}

/// Tells what could not be turned into files, and how many these are.
fn tell_failed(files: &[&Result<InputFile, Failed>], console: &mut Console) -> usize {
    let failed = files.iter().filter_map(|file| file.as_ref().err());
    let failed: Vec<&Failed> = failed.collect();
    for Failed { input, error } in &failed {
        console.error(&anyhow::anyhow!("{input}: {error:#}"));
    }
    failed.len()
}

fn search_options(
    options: &SearchArguments,
    confirming: Vec<EvaluationInput>,
) -> Result<SearchOptions> {
    let mut search = SearchOptions::new()
        .split(options.split)
        .seed(options.seed)
        .jobs(options.jobs())
        .budget(options.budget.unwrap_or_default())
        .explainer(options.model_options.explainer()?)
        .evaluation(evaluation_options(options)?);
    if let Some(space) = &options.space {
        search = search.space(space)?;
    }
    for metric in &options.objective {
        search = search.objective(metric.trim());
    }
    for requirement in &options.require {
        search = search.require(&requirement.to_string())?;
    }
    Ok(if options.confirm.is_empty() { search } else { search.confirm(confirming) })
}

fn evaluation_options(options: &SearchArguments) -> Result<EvaluationOptions> {
    let mut conditions = onnxplain::evaluation::Conditions::default();
    if let Some(regions) = &options.regions {
        conditions.regions = regions.clone();
    }
    let target = judged_target(&options.target)?;
    let mut evaluation = EvaluationOptions::new().conditions(conditions).target(target);
    if let Some(FillWord::This(fill)) = options.fill {
        evaluation = evaluation.fill(fill);
    }
    options.truth.known_to(evaluation)
}

/// Says what was decided.
fn tell(searcher: &Searcher, console: &mut Console) {
    let settings = searcher.settings();
    console.note(format_args!("space: {}, {} composites", settings.space, settings.composites));
    tell_fill(&settings.fill, console);
    let (choosing, confirming) = (settings.choosing.len(), settings.confirming.len());
    console.note(format_args!("pictures: {choosing} choose, {confirming} others confirm"));
    if choosing < 8 || confirming < 8 {
        console.warning(format_args!(
            "{choosing} pictures that choose and {confirming} that confirm say little: with 16 or more on either side differences can be told from chance"
        ));
    }
}

fn write(output: &Path, found: &Found) -> Result<()> {
    let file = |name: &str, text: &str| write_bytes(&output.join(name), text, Overwrite::Replace);
    file("best.yaml", &found.best)?;
    for (place, yaml) in found.others.iter().enumerate() {
        file(&format!("front-{}.yaml", place + 1), yaml)?;
    }
    file("search.json", &(serde_json::to_string_pretty(found)? + "\n"))?;
    file("search.html", &page(found))
}

fn print(found: &Found, output: &Path, console: &mut Console) -> Result<()> {
    if console.is_json() {
        found.confirmed.iter().try_for_each(|row| console.print_json(row))?;
    } else {
        console.print(text_table(found))?;
    }
    let cost = &found.cost;
    console.note(format_args!(
        "choosing took {} network runs and {} explanations, confirming {} and {}",
        cost.choosing.runs,
        cost.choosing.explanations,
        cost.confirming.runs,
        cost.confirming.explanations
    ));
    console.note(format_args!(
        "{} is the composite; open {} in a browser",
        output.join("best.yaml").display(),
        output.join("search.html").display()
    ));
    Ok(())
}
