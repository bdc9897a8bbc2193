//! What runs without Python's lock.

use anyhow::{Context, Result};
use onnxplain::{Error, Explainer, Explanation, Prediction, Targets, Watch};
use rayon::prelude::*;

use crate::given::Given;
use crate::watched::Interrupt;

/// All explanations of an input.
///
/// # Errors
/// That of the target, or of the input, which is named.
pub fn explain(
    explainer: &Explainer,
    given: &Given,
    tokens: Option<&[String]>,
    targets: &Targets,
    interrupt: &Interrupt,
) -> Result<Vec<Explanation>> {
    // Before the input's name stands in front of errors.
    let targets = explainer.resolve(targets)?;
    let named = || format!("cannot explain {}", given.name);
    let mut input = match explainer.prepare(given) {
        // The error of a file names it.
        Err(error) if given.is_file() => return Err(error.into()),
        prepared => prepared.with_context(named)?,
    };
    if let Some(words) = tokens {
        input = explainer.with_words(input, words)?;
    }
    match explainer.explain_targets(input, &targets, interrupt) {
        // Nobody asks what was interrupted.
        Err(Error::Cancelled) => Err(Error::Cancelled.into()),
        explained => explained.with_context(named),
    }
}

/// What the network says about an input.
///
/// # Errors
/// That of the input, which is named.
pub fn predict(explainer: &Explainer, given: &Given) -> Result<Prediction> {
    explainer.predict(given).with_context(|| format!("cannot predict {}", given.name))
}

/// `work` of every item on up to `threads` threads, in the order of the items; after Ctrl-C of none any more.
///
/// # Errors
/// When there are no threads to be had.
pub fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    interrupt: &Interrupt,
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<Result<R>>> {
    let one = |item: &T| match interrupt.is_cancelled() {
        true => Err(Error::Cancelled.into()),
        false => work(item),
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.min(items.len()).max(1));
    let pool = pool.build().context("cannot start the threads of a batch")?;
    Ok(pool.install(|| items.par_iter().with_max_len(1).map(one).collect()))
}
