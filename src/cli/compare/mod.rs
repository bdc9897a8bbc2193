//! `onnxplain compare`: operands -> models in every way -> **batch** -> a line and pictures for every input and variant ->
//! means, plots, page.

mod drawn;
mod figure;
mod names;
mod options;
mod pictures;
mod prepare;
mod results;
mod work;

use std::path::Path;

use anyhow::Result;

use onnxplain::io::Overwrite;

pub use self::options::CompareOptions;
use self::prepare::Prepared;
use self::work::Work;
use super::Status;
use super::batch::ending;
use super::batch::inputs::{Failed, InputFile};
use super::batch::report_file;
use super::batch::reported::{Place, Reported};
use super::batch::resume::Expected;
use super::console::Console;
use super::given::Given;

/// Compares all variants on every input.
///
/// # Errors
/// When the options contradict each other, or a model cannot be read.
pub fn run(options: &CompareOptions, console: &mut Console) -> Result<Status> {
    let (models, operands) = options.models_and_inputs()?;
    let Given { files, .. } = Given::expand(&operands, &options.input_options, console)?;
    if !files.is_empty() && files.iter().all(Result::is_err) {
        return ending::report_failures(&files, console);
    }
    let report = report_file::path(&options.output, options.input_options.shard);
    if !options.resume {
        report_file::refuse_existing(&report, overwrite(options))?;
    }
    let prepared = Prepared::new(options, &models, &files, console)?;
    let work = begin(options, &prepared, &files, &report, console)?;
    let status = work.run(options.jobs(), console)?;
    results::write(options, &prepared, &files, console)?;
    Ok(status)
}

fn overwrite(options: &CompareOptions) -> Overwrite {
    if options.overwrite { Overwrite::Replace } else { Overwrite::Refuse }
}

/// Opens the report, and finds out what is to be done.
fn begin<'a>(
    options: &'a CompareOptions,
    prepared: &'a Prepared,
    files: &'a [Result<InputFile, Failed>],
    report: &Path,
    console: &mut Console,
) -> Result<Work<'a>> {
    let settings = prepared.comparer.settings();
    let expected = Expected {
        settings: &settings.hash,
        field: "variant",
        names: settings.variants.iter().map(|variant| variant.name.as_str()).collect(),
    };
    let (output, is_resumed) = (&options.output, options.resume);
    let place = Place { output, report, is_resumed, overwrite: overwrite(options) };
    let batch = Reported::open(&place, settings, expected, files, console)?;
    let figures = (!options.has_no_figures).then_some(options.figure_format);
    Ok(Work { prepared, output, files, figures, batch })
}
