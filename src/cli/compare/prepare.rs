//! Before the first input: models are opened and compiled in every way; what was assumed is said.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use onnxplain::comparison::{Comparer, Variant};
use onnxplain::{Method, Notice, Rendering, Session, Target};

use super::names;
use super::options::CompareOptions;
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::console::Console;
use crate::cli::explain::targets;
use crate::cli::given::session_of;
use crate::cli::ways::{self, Asked};

/// Everything that is needed to compare inputs.
pub struct Prepared {
    pub comparer: Comparer,
    /// How the maps of each variant are drawn.
    pub renderings: Vec<Rendering>,
    /// What variants are called by their model, and by the rest; `None` where all have that in common.
    pub titles: Vec<[Option<String>; 2]>,
}

/// A model to be opened.
struct Asking<'a> {
    model: &'a Path,
    name: &'a str,
    preprocess: Option<&'a str>,
}

impl Prepared {
    /// Opens the models and compiles them.
    ///
    /// # Errors
    /// When a model cannot be read, or an option does not fit one.
    pub fn new(
        options: &CompareOptions,
        models: &[PathBuf],
        files: &[Result<InputFile, Failed>],
        console: &mut Console,
    ) -> Result<Prepared> {
        let regions = options.regions()?;
        let target = one_target(&options.target)?;
        let methods = options.method.methods()?.into_iter().map(Method::of);
        let methods = methods.map(|method| (method.clone(), method.takes_composite()));
        let composites = ways::composites(&options.model_options.composite);
        let asked = ways::asked(methods.collect(), &composites, None)?;
        let names = names::of_models(models, &options.names)?;
        if let Some(order) = names::other_order(&names).filter(|_| options.are_checkpoints) {
            console.warning(format_args!(
                "the models are taken in the order in which they were given; by the numbers in their names it would be {}",
                order.join(", ")
            ));
        }
        let preprocessings = options.preprocess.several();
        let mut prepared = (vec![], vec![], vec![]);
        for (model, name) in models.iter().zip(&names) {
            for &preprocess in &preprocessings {
                let asking = Asking { model, name, preprocess };
                let opened = opened(options, &asking, (files, models.len() > 1), console)?;
                let notes = targets::notes([options.target.as_str()], &opened);
                notes.iter().for_each(|notice| console.notice(notice));
                let preprocessing = opened.preprocessing().ok();
                let explainers = compiled(options, opened, &asked, files.len(), console)
                    .with_context(|| format!("cannot use {}", model.display()))?;
                for (explainer, way) in explainers.into_iter().zip(&asked) {
                    let has_models = models.len() > 1;
                    let of_model = has_models.then_some(name.as_str());
                    let of_way = (asked.len() > 1).then(|| names::of_way(way, &asked));
                    let of_steps = preprocess.filter(|_| preprocessings.len() > 1);
                    let title = names::of_variant([of_model, of_steps, of_way.as_deref()], name);
                    let about = (name.clone(), model.display().to_string(), preprocessing.clone());
                    let variant = Variant::of(title, about, explainer).target(target.clone());
                    let variant = variant.with_context(|| format!("cannot use {name}"))?;
                    prepared.0.push(variant);
                    prepared.1.push(options.rendering.rendering(&way.method)?);
                    let rest: Vec<&str> = of_steps.into_iter().chain(of_way.as_deref()).collect();
                    let rest = (!rest.is_empty()).then(|| rest.join(", "));
                    prepared.2.push([of_model.map(str::to_string), rest]);
                }
            }
        }
        let (variants, renderings, titles) = prepared;
        ensure!(
            variants.len() > 1,
            "there is nothing to compare {} with: give another model, or several --composite a,b, --method a,b or \
             --preprocess a,b",
            names.join(", ")
        );
        let comparer = Comparer::new(variants, regions)?;
        if comparer.region_names().is_empty() {
            console.detail("no --masks and no --boxes: shares of regions are not measured");
        }
        Ok(Prepared { comparer, renderings, titles })
    }
}

fn one_target(word: &str) -> Result<Target> {
    let target: Target = word.parse().with_context(|| format!("--target {word}"))?;
    ensure!(
        !matches!(target, Target::TopK(_)),
        "--target {word}: one class is compared at a time: top, a class index or a label"
    );
    Ok(target)
}

/// Opens a model; says what was assumed, with its name where there are several.
fn opened(
    options: &CompareOptions,
    asking: &Asking,
    (files, has_models): (&[Result<InputFile, Failed>], bool),
    console: &mut Console,
) -> Result<Session> {
    let session = options.preprocess.session_by(&options.model_options, asking.preprocess);
    let session = session_of(session, &options.preprocess, options.labels.as_deref(), files);
    let session = session.open(asking.model)?;
    for notice in session.notices() {
        let text = match has_models {
            true => format!("{}: {}", asking.name, notice.text),
            false => notice.text.clone(),
        };
        console.notice(&Notice { text, ..notice.clone() });
    }
    Ok(session)
}

/// Compiles a model in every way.
fn compiled(
    options: &CompareOptions,
    session: Session,
    asked: &[Asked],
    inputs: usize,
    console: &mut Console,
) -> Result<Vec<onnxplain::Explainer>> {
    let wanted = asked.iter().map(|way| {
        let explainer = options.model_options.explainer_by(&way.composite)?;
        let explainer = explainer.method(way.method.clone()).threads(options.threads(inputs));
        Ok(match &options.method.at {
            Some(layer) => explainer.at(layer),
            None => explainer,
        })
    });
    let wanted = wanted.collect::<Result<Vec<_>>>()?;
    Ok(session.into_explainers_telling(wanted, |notice| console.notice(notice))?)
}
