//! Before the first input: the model is opened and compiled; what was assumed is said.

use std::path::Path;

use anyhow::{Context, Result};
use indicatif::ProgressBar;

use onnxplain::ExplainerOptions;
use onnxplain::io::is_array_file;
use onnxplain::session::Described;

use super::attribute::{Job, Reopen};
use super::figure;
use super::options::{ExplainOptions, LogitsWord};
use super::outputs::Outputs;
use super::targets;
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::console::Console;
use crate::cli::ways::{Asked, Way};

/// Opens the model and compiles its explanation; says what was assumed.
///
/// # Errors
/// When the model cannot be read, or an option does not fit it.
pub(super) fn prepare(
    options: &ExplainOptions,
    asked: Vec<Asked>,
    described: Described,
    outputs: Outputs,
    files: &[Result<InputFile, Failed>],
    console: &mut Console,
) -> Result<Job> {
    let wanted = asked.into_iter().map(|way| {
        let rendering = options.rendering.rendering(&way.method)?;
        Ok((rendering, explainer_options(options, way, &outputs, files)?))
    });
    let wanted = wanted.collect::<Result<Vec<_>>>()?;
    let described = describe(described, options, &outputs, files);
    let session = described.clone().open()?;
    session.notices().iter().for_each(|notice| console.notice(notice));
    let assumed = figure::assumptions(&session);
    let mut said = session.notices().to_vec();
    let targets = targets::parse(&options.target, options.against.as_deref(), &session)?;
    let words = options.target.iter().chain(&options.against).map(String::as_str);
    let notes = targets::notes(words, &session);
    notes.iter().for_each(|notice| console.notice(notice));
    said.extend(notes);
    let is_named = options.is_named();
    let mut reopen: Option<Reopen> = None;
    if session.is_made_for_input() && !is_named && files.len() > 1 {
        let all: Vec<ExplainerOptions> =
            wanted.iter().map(|(_, explainer)| explainer.clone()).collect();
        reopen = Some(Box::new(move |path| {
            let session = described.clone().with(|session| session.shaped_by([path])).open()?;
            Ok(session.into_explainers_telling(all.clone(), |_| ())?)
        }));
    }
    let at = || options.method.at.clone();
    let (renderings, wanted): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
    let explainers = session.into_explainers_telling(wanted, |notice| console.notice(notice))?;
    said.extend(explainers.iter().flat_map(|explainer| explainer.notices().iter().cloned()));
    let ways = explainers.into_iter().zip(renderings).map(|(explainer, rendering)| Way {
        explainer,
        rendering,
        at: at(),
    });
    let ways: Vec<Way> = ways.collect();
    let names: Vec<&str> = ways
        .iter()
        .take(1)
        .flat_map(|way| way.explainer.explained_values())
        .map(|it| it.0)
        .collect();
    let mut outputs = outputs;
    outputs.name_inputs(&names);
    let inputs = &options.model_options.inputs;
    let given = inputs.input.iter().map(|it| (it.name.clone(), it.file.display().to_string()));
    Ok(Job {
        given: given.collect(),
        reduction: inputs.reduction(),
        words: options.tokens.as_deref().map(read_words).transpose()?,
        reopen,
        is_named,
        ways,
        targets,
        outputs,
        has_all_logits: options.logits == LogitsWord::All,
        scale: options.scale,
        model: options.model.display().to_string(),
        assumed,
        said,
        samples: ProgressBar::hidden(),
    })
}

/// What the model is opened with: for pictures where some are among the inputs. How tensors were prepared is not known, and so not the
/// range of their values.
fn describe(
    described: Described,
    options: &ExplainOptions,
    outputs: &Outputs,
    files: &[Result<InputFile, Failed>],
) -> Described {
    let named = options.model_options.inputs.input.iter().map(|input| input.file.as_path());
    let paths = || files.iter().flatten().map(|file| file.path.as_path());
    let all: Vec<&Path> = paths().chain(named).collect();
    let any = |is_wanted: fn(&Path) -> bool| all.iter().any(|path| is_wanted(path));
    let has_pictures = any(|path| !is_array_file(path));
    let has_unknown_range = any(is_array_file) && options.preprocess.input_range.is_none();
    let is_shaped = !options.is_named() && !options.model_options.inputs.has_shape();
    described.with(|session| {
        let session = if is_shaped { session.shaped_by(paths()) } else { session };
        let session = session.pictures(has_pictures).drop_pictures(!outputs.needs_photo());
        if has_unknown_range { session.unknown_input_range() } else { session }
    })
}

/// Reads the words of a text, one a line.
fn read_words(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the words of {}", path.display()))?;
    Ok(text.lines().map(str::to_string).collect())
}

fn explainer_options(
    options: &ExplainOptions,
    way: Asked,
    outputs: &Outputs,
    files: &[Result<InputFile, Failed>],
) -> Result<ExplainerOptions> {
    let is_single = files.len() == 1 && !outputs.has_index();
    let takes_composite = way.method.takes_composite();
    let mut explainer = options.model_options.explainer_by(&way.composite)?.method(way.method);
    if let Some(initial) = options.initial.filter(|_| takes_composite) {
        explainer = explainer.initial(initial);
    }
    if let Some(layer) = &options.method.at {
        explainer = explainer.at(layer);
    }
    Ok(explainer.threads(options.threads(files.len())).single(is_single))
}
