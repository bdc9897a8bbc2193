//! `onnxplain evaluate`: operands and plan -> model and methods -> **batch** -> a line for every input and method ->
//! summary.

mod dry_run;
mod methods;
mod names;
mod options;
mod pictures;
mod plan;
mod planned;
mod prepare;
mod resume;
mod settings_file;
mod summary;
mod work;

use std::path::Path;

use anyhow::{Context, Result, ensure};

use onnxplain::evaluation::EvaluationInput;
use onnxplain::io::Overwrite;

pub use self::options::EvaluateOptions;
use self::plan::Plan;
use self::prepare::Prepared;
use self::work::Work;
use super::console::Console;
use super::explain::inputs::{Failed, InputFile, Inputs};
use super::explain::report_file::{self, ReportFile};
use super::explain::staging::Staging;
use super::options::check_model_path;
use super::{Status, interrupt};

/// Evaluates every method on every input.
///
/// # Errors
/// When the options contradict each other, the model cannot be read, or a method does not fit it.
pub fn run(options: &EvaluateOptions, console: &mut Console) -> Result<Status> {
    let plan = Plan::of(options)?;
    let model = plan.model.as_deref().context("which model? Give it first, or in the plan")?;
    check_model_path(model)?;
    ensure!(
        !plan.inputs.is_empty() || options.input_options.files_from.is_some(),
        "which pictures? Give them behind the model, or in the plan"
    );
    let inputs = Inputs::expand(&plan.inputs, &options.input_options)?;
    inputs.notes.iter().for_each(|note| console.note(note));
    if let Some(text) = inputs.about_left_out() {
        console.warning(text);
    }
    // All processes of a job array decide by the same inputs.
    let all = match options.input_options.shard {
        None => named(&inputs.files),
        Some(_) => {
            let whole = options.input_options.of_all_shards();
            named(&Inputs::expand(&plan.inputs, &whole)?.files)
        }
    };
    if !inputs.files.is_empty() && inputs.files.iter().all(Result::is_err) {
        return work::report_failures(&inputs.files, console);
    }
    let report = report_file::path(&options.output, options.input_options.shard);
    if !options.is_dry_run && !options.resume {
        report_file::refuse_existing(&report, overwrite(options))?;
    }
    let prepared = Prepared::new(options, &plan, model, &inputs.files, &all, console)?;
    // Before the work, so that a wrong option does not end it.
    options.summary.options(prepared.evaluator.settings())?;
    if options.is_dry_run {
        return dry_run::run(&prepared, &inputs.files, options.jobs(), console);
    }
    interrupt::work_begins();
    let work = begin(options, &prepared, &inputs.files, &report, console)?;
    let status = work.run(options.jobs(), console)?;
    let settings = prepared.evaluator.settings();
    summary::run(&options.summary, &options.output, settings, &inputs.files, console)?;
    Ok(status)
}

fn overwrite(options: &EvaluateOptions) -> Overwrite {
    if options.overwrite { Overwrite::Replace } else { Overwrite::Refuse }
}

/// The inputs that are files, as an evaluation names them.
fn named(files: &[Result<InputFile, Failed>]) -> Vec<EvaluationInput> {
    files.iter().flatten().map(evaluation_input).collect()
}

/// An input as an evaluation names it.
fn evaluation_input(file: &InputFile) -> EvaluationInput {
    let parts = file.stem.components().map(|part| part.as_os_str().to_string_lossy());
    EvaluationInput::new(&file.path, parts.collect::<Vec<_>>().join("/"))
}

/// Opens the report, and finds out what is to be done.
fn begin<'a>(
    options: &'a EvaluateOptions,
    prepared: &'a Prepared,
    files: &'a [Result<InputFile, Failed>],
    report: &Path,
    console: &mut Console,
) -> Result<Work<'a>> {
    let settings = prepared.evaluator.settings();
    if !options.resume {
        let file = ReportFile::create(report, overwrite(options))?;
        settings_file::write(&options.output, settings)?;
        let is_done = vec![false; files.len()];
        return Ok(Work {
            prepared,
            output: &options.output,
            files,
            is_done,
            report: file,
            staging: Staging::of_report(report)?,
        });
    }
    settings_file::refuse_others(&options.output, settings)?;
    let mut judge = resume::Judge::new(settings, report, files);
    let (file, staging) = report_file::resume(report, |group, _| judge.judge(group))?;
    settings_file::write(&options.output, settings)?;
    judge.summary().iter().for_each(|note| console.note(note));
    Ok(Work {
        prepared,
        output: &options.output,
        files,
        is_done: judge.is_done,
        report: file,
        staging,
    })
}
