//! `onnxplain evaluate`: operands and plan -> model and methods -> **batch** -> a line for every input and method ->
//! summary.

mod dry_run;
pub(super) mod methods;
mod options;
mod pictures;
mod plan;
pub(super) mod planned;
mod prepare;
mod summary;
mod work;

use std::path::Path;

use anyhow::{Context, Result, ensure};

use onnxplain::io::Overwrite;

pub use self::options::{EvaluateOptions, FillWord, parse_fill};
use self::plan::Plan;
use self::prepare::Prepared;
use self::work::Work;
use super::batch::ending;
use super::batch::inputs::{Failed, InputFile};
use super::batch::report_file;
use super::batch::reported::{Place, Reported};
use super::batch::resume::Expected;
use super::console::Console;
use super::given::Given;
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
    let Given { files, all } = Given::expand(&plan.inputs, &options.input_options, console)?;
    if !files.is_empty() && files.iter().all(Result::is_err) {
        return ending::report_failures(&files, console);
    }
    let report = report_file::path(&options.output, options.input_options.shard);
    if !options.is_dry_run && !options.resume {
        report_file::refuse_existing(&report, overwrite(options))?;
    }
    let prepared = Prepared::new(options, &plan, model, &files, &all, console)?;
    // Before the work, so that a wrong option does not end it.
    options.summary.options(prepared.evaluator.settings())?;
    if options.is_dry_run {
        return dry_run::run(&prepared, &files, options.jobs(), console);
    }
    interrupt::work_begins();
    let work = begin(options, &prepared, &files, &report, console)?;
    let status = work.run(options.jobs(), console)?;
    let settings = prepared.evaluator.settings();
    summary::run(&options.summary, &options.output, settings, &files, console)?;
    Ok(status)
}

fn overwrite(options: &EvaluateOptions) -> Overwrite {
    if options.overwrite { Overwrite::Replace } else { Overwrite::Refuse }
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
    let expected = Expected {
        settings: &settings.hash,
        field: "method",
        names: settings.methods.iter().map(|method| method.name.as_str()).collect(),
    };
    let (output, is_resumed) = (&options.output, options.resume);
    let place = Place { output, report, is_resumed, overwrite: overwrite(options) };
    let batch = Reported::open(&place, settings, expected, files, console)?;
    Ok(Work { prepared, output, files, batch })
}
