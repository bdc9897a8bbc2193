//! `--methods`, `--composites` and `--maps`: from words to methods.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use onnxplain::evaluation::JudgedMethod;
use onnxplain::{Composite, ExplainerOptions, Method};

use super::planned::PlannedMethod;
use crate::cli::options::ModelOptions;

/// A composite of LRP.
///
/// # Errors
/// When there is no such composite.
pub fn parse_composite(word: &str) -> Result<PlannedMethod> {
    PlannedMethod::of_method(Method::default(), Some(word.trim().to_string()))
}

/// `NAME=DIR`.
///
/// # Errors
/// When it has another form.
pub fn parse_maps(text: &str) -> Result<PlannedMethod> {
    match text.split_once('=') {
        Some((name, folder)) if !name.trim().is_empty() && !folder.is_empty() => {
            Ok(PlannedMethod::of_maps(name.trim(), PathBuf::from(folder)))
        }
        _ => bail!("--maps {text}: write NAME=DIR, such as captum=captum_maps/"),
    }
}

/// How a planned method explains, with the rules and rewrites that the options say.
///
/// # Errors
/// When there is no such composite.
pub fn explainer(planned: &PlannedMethod, options: &ModelOptions) -> Result<ExplainerOptions> {
    let mut explainer = options.explainer()?.method(planned.method.clone());
    if !planned.takes_composite() {
        explainer = explainer.composite(Composite::auto());
    }
    if let Some(composite) = &planned.composite {
        let composite = Composite::named(composite);
        explainer = explainer.composite(composite.context("a method of the list")?);
    }
    Ok(explainer)
}

/// A planned method, to be judged.
///
/// # Errors
/// When there is no such composite.
pub fn judged(planned: &PlannedMethod, options: &ModelOptions) -> Result<JudgedMethod> {
    let mut judged = match &planned.maps {
        Some(folder) => JudgedMethod::maps(planned.name.clone().unwrap_or_default(), folder),
        None => JudgedMethod::new(explainer(planned, options)?),
    };
    if let Some(name) = &planned.name {
        judged = judged.named(name);
    }
    if let Some(reading) = planned.reading {
        judged = judged.read(reading);
    }
    Ok(judged)
}
