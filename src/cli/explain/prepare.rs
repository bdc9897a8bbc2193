//! Before the first input: the model is opened and compiled; what was assumed is said.

use std::path::Path;

use anyhow::Result;
use indicatif::ProgressBar;

use onnxplain::session::{Described, is_array_file};
use onnxplain::{Explainer, ExplainerOptions, Rendering, Session, Severity, Topic};

use super::ExplainOptions;
use super::attribute::Job;
use super::inputs::{Failed, InputFile};
use super::outputs::Outputs;
use super::targets;
use super::ways::{Asked, Way};
use crate::cli::console::Console;

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
        let rendering = options.rendering(&way.method)?;
        Ok((rendering, explainer_options(options, way, &outputs, files)?))
    });
    let wanted = wanted.collect::<Result<Vec<_>>>()?;
    let session = open(described, options, &outputs, files)?;
    session.notices().iter().for_each(|notice| console.notice(notice));
    let assumed = assumptions(&session);
    let mut said = session.notices().to_vec();
    let targets = targets::parse(&options.target, options.against.as_deref(), &session)?;
    let at = || options.method.at.clone();
    let ways = compile(session, wanted, console)?;
    said.extend(ways.iter().flat_map(|(_, explainer)| explainer.notices().iter().cloned()));
    let ways =
        ways.into_iter().map(|(rendering, explainer)| Way { explainer, rendering, at: at() });
    Ok(Job {
        ways: ways.collect(),
        targets,
        outputs,
        scale: options.scale,
        model: options.model.display().to_string(),
        assumed,
        said,
        samples: ProgressBar::hidden(),
    })
}

/// Compiles the ways; says what was chosen for each.
fn compile(
    session: Session,
    mut wanted: Vec<(Rendering, ExplainerOptions)>,
    console: &mut Console,
) -> Result<Vec<(Rendering, Explainer)>> {
    let last = wanted.pop();
    let mut compiled = vec![];
    for (rendering, options) in wanted {
        let explainer = session.explainer(options)?;
        explainer.notices().iter().for_each(|notice| console.notice(notice));
        compiled.push((rendering, explainer));
    }
    // The last way takes the weights over.
    if let Some((rendering, options)) = last {
        let mut told = 0;
        let explainer = session.into_explainer_telling(options, |canonized| {
            canonized.notices.iter().for_each(|notice| console.notice(notice));
            told = canonized.notices.len();
        })?;
        explainer.notices().iter().skip(told).for_each(|notice| console.notice(notice));
        compiled.push((rendering, explainer));
    }
    Ok(compiled)
}

/// What a figure says about the model: how its output is read, and a guess about its pictures.
fn assumptions(session: &Session) -> Vec<String> {
    let is_told = |topic: Topic| match topic {
        Topic::Model => true,
        Topic::Preprocessing => session.guesses_preprocessing(),
        _ => false,
    };
    let notices = session.notices().iter();
    let told = notices.filter(|it| it.severity >= Severity::Note && is_told(it.topic));
    told.map(|notice| format!("{}.", capitalised(&notice.text))).collect()
}

fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
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
    way: Asked,
    outputs: &Outputs,
    files: &[Result<InputFile, Failed>],
) -> Result<ExplainerOptions> {
    let is_single = files.len() == 1 && !outputs.has_index();
    let takes_composite = way.method.takes_composite();
    let mut explainer = options.model_options.explainer_by(&way.composite)?.method(way.method);
    if let Some(initial) = options.initial().filter(|_| takes_composite) {
        explainer = explainer.initial(initial);
    }
    if let Some(layer) = &options.method.at {
        explainer = explainer.at(layer);
    }
    Ok(explainer.threads(options.threads(files.len())).single(is_single))
}
