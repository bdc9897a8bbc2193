//! `onnxplain explain`: operands -> files -> model -> **batch** -> results.

mod archive;
mod attribute;
pub(crate) mod figure;
mod kinds;
mod options;
mod outputs;
mod prepare;
mod render;
pub(crate) mod report;
mod resume;
pub(crate) mod scales;
mod summary;
pub(in crate::cli) mod targets;
mod whole;
mod work;

use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use self::attribute::Job;
use self::kinds::Formats;
pub use self::options::{ExplainOptions, with_short_help};
use self::outputs::{Outputs, Wishes};
use self::prepare::prepare;
use self::report::Seconds;
use self::resume::Judge;
use self::work::Work;
use super::Status;
use super::batch::ending;
use super::batch::inputs::{Failed, InputFile, Inputs, LeftOut};
use super::batch::report_file::{self, ReportFile};
use super::batch::staging::Staging;
use super::console::Console;
use super::options::check_model_path;

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
        shard: options.input_options.shard,
    })?;
    outputs.keep(options.read_files(&inputs.files));
    if options.resume {
        outputs.read_archive();
    }
    let report = options.report(inputs.is_batch);
    if let Some(report) = report.as_deref().filter(|_| options.resume) {
        outputs.take_for_own(report_file::files(report));
    }
    if let Some(report) = report.as_deref().filter(|_| !options.resume) {
        report_file::refuse_existing(report, outputs.overwrite())?;
    }
    let files = refuse_before_work(inputs.files, &outputs);
    if !files.is_empty() && files.iter().all(Result::is_err) {
        return ending::report_failures(&files, console);
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
    let status = work.run(options.jobs(), console)?;
    job.outputs.pack(options.resume)?;
    Ok(status)
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
