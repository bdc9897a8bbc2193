//! Before the first input: the model is opened and compiled; what was assumed is said.

use std::path::Path;

use anyhow::Result;
use indicatif::ProgressBar;

use onnxplain::session::{Described, is_array_file};
use onnxplain::{ExplainerOptions, Method, Session};

use super::ExplainOptions;
use super::attribute::Job;
use super::inputs::{Failed, InputFile};
use super::outputs::Outputs;
use super::targets;
use crate::cli::console::Console;

/// Opens the model and compiles its explanation; says what was assumed.
///
/// # Errors
/// When the model cannot be read, or an option does not fit it.
pub(super) fn prepare(
    options: &ExplainOptions,
    method: Method,
    described: Described,
    outputs: Outputs,
    files: &[Result<InputFile, Failed>],
    console: &mut Console,
) -> Result<Job> {
    let rendering = options.rendering(&method)?;
    let explainer = explainer_options(options, method, &outputs, files)?;
    let session = open(described, options, &outputs, files)?;
    session.notices().iter().for_each(|notice| console.notice(notice));
    let mut said = session.notices().to_vec();
    let targets = targets::parse(&options.target, options.against.as_deref(), &session)?;
    let mut told = 0;
    let explainer = session.into_explainer_telling(explainer, |canonized| {
        canonized.notices.iter().for_each(|notice| console.notice(notice));
        told = canonized.notices.len();
    })?;
    explainer.notices().iter().skip(told).for_each(|notice| console.notice(notice));
    said.extend_from_slice(explainer.notices());
    Ok(Job {
        explainer,
        targets,
        outputs,
        rendering,
        model: options.model.display().to_string(),
        at: options.method.at.clone(),
        said,
        samples: ProgressBar::hidden(),
    })
}

/// Opens the model, for pictures where some are among the inputs. How tensors were prepared is not known, and so not the
/// range of their values.
fn open(
    described: Described,
    options: &ExplainOptions,
    outputs: &Outputs,
    files: &[Result<InputFile, Failed>],
) -> Result<Session> {
    let paths = || files.iter().flatten().map(|file| file.path.as_path());
    let any = |is_wanted: fn(&Path) -> bool| paths().any(is_wanted);
    let has_pictures = any(|path| !is_array_file(path));
    let has_unknown_range = any(is_array_file) && options.preprocess.input_range.is_none();
    let described = described.with(|session| {
        let session = session.shaped_by(paths());
        let session = session.pictures(has_pictures).drop_pictures(!outputs.needs_photo());
        if has_unknown_range { session.unknown_input_range() } else { session }
    });
    Ok(described.open()?)
}

fn explainer_options(
    options: &ExplainOptions,
    method: Method,
    outputs: &Outputs,
    files: &[Result<InputFile, Failed>],
) -> Result<ExplainerOptions> {
    let is_single = files.len() == 1 && !outputs.has_index();
    let mut explainer = options.model_options.explainer()?.method(method);
    if let Some(initial) = options.initial() {
        explainer = explainer.initial(initial);
    }
    if let Some(layer) = &options.method.at {
        explainer = explainer.at(layer);
    }
    Ok(explainer.threads(options.threads(files.len())).single(is_single))
}
