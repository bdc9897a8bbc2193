//! `onnxplain sanity`: operands -> model and methods -> **random networks**, step after step -> a line for every input and
//! step -> summary.

mod dry_run;
mod options;
mod pictures;
mod prepare;
mod resume;
mod summary;
mod work;

use anyhow::Result;

use onnxplain::io::Overwrite;
use onnxplain::sanity::SanityTest;

pub use self::options::SanityOptions;
use self::resume::Judge;
use self::work::Work;
use super::batch::ending::report_failures;
use super::batch::inputs::{Failed, InputFile};
use super::batch::report_file::{self, ReportFile};
use super::batch::staging::Staging;
use super::console::Console;
use super::given::Given;
use super::options::check_model_path;
use super::{Status, interrupt, settings_file};

/// Tests every method on every input.
///
/// # Errors
/// When the options contradict each other, the model cannot be read, or a method does not fit it.
pub fn run(options: &SanityOptions, console: &mut Console) -> Result<Status> {
    check_model_path(&options.model)?;
    let Given { files, all } = Given::expand(&options.inputs, &options.input_options, console)?;
    if !files.is_empty() && files.iter().all(Result::is_err) {
        return report_failures(&files, console);
    }
    let report = report_file::path(&options.output, options.input_options.shard);
    if !options.is_dry_run && !options.resume {
        report_file::refuse_existing(&report, overwrite(options))?;
    }
    let test = prepare::prepare(options, &files, &all, console)?;
    if options.is_dry_run {
        return dry_run::run(&test, &files, options.jobs(), console);
    }
    interrupt::work_begins();
    let work = begin(options, &test, &files, &report, console)?;
    let status = work.run(console)?;
    summary::run(options, test.settings(), &files, console)?;
    Ok(status)
}

fn overwrite(options: &SanityOptions) -> Overwrite {
    if options.overwrite { Overwrite::Replace } else { Overwrite::Refuse }
}

/// Opens the report, and finds out what is to be done.
fn begin<'a>(
    options: &'a SanityOptions,
    test: &'a SanityTest,
    files: &'a [Result<InputFile, Failed>],
    report: &std::path::Path,
    console: &mut Console,
) -> Result<Work<'a>> {
    let settings = test.settings();
    let mut judge = Judge::new(settings, report, files);
    let (report, staging) = if options.resume {
        settings_file::refuse_others(&options.output, settings)?;
        let resumed =
            report_file::resume_by(report, resume::is_together, |group, _| judge.judge(group))?;
        judge.summary().iter().for_each(|note| console.note(note));
        resumed
    } else {
        (ReportFile::create(report, overwrite(options))?, Staging::of_report(report)?)
    };
    settings_file::write(&options.output, settings)?;
    let is_done = judge.is_done;
    Ok(Work { test, output: &options.output, files, is_done, report, staging })
}
