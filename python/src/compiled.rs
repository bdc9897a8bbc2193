//! Models compiled for the ways of explaining that were asked for last.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use onnxplain::canonize::PassReport;
use onnxplain::picture::Preprocessing;
use onnxplain::{Explainer, Initial, Method, Notice, Rendering, Session, StartUp};
use serde_json::{Value, json};

use crate::cli::explain::figure::assumptions;
use crate::cli::explain::report::end;
use crate::way::Way;

/// So many are kept: each holds the weights in the order of its kernels.
const MOST: usize = 4;

/// A model compiled for one way.
pub struct Compiled {
    pub explainer: Explainer,
    pub origin: Arc<Origin>,
}

/// Where explanations come from: what figures and reports say about all of them.
pub struct Origin {
    pub model: String,
    pub method: Method,
    pub parameters: Value,
    pub composite: String,
    pub canonization: Vec<PassReport>,
    pub explained: &'static str,
    /// What was put in at the output.
    pub initial: Initial,
    pub preprocessing: Option<Preprocessing>,
    pub rendering: Rendering,
    pub start_up: StartUp,
    /// What relevance ends at, in words.
    pub end: String,
    /// What was said about the model, and when it was compiled.
    pub said: Vec<Notice>,
    /// What was assumed, for figures.
    pub assumed: Vec<String>,
}

/// Those that are kept, the last one first.
#[derive(Default)]
pub struct Cache(Mutex<Vec<Kept>>);

struct Kept {
    key: String,
    threads: usize,
    compiled: Arc<Compiled>,
}

impl Cache {
    /// The model compiled for a way and so many threads in an explanation, and whether it is new.
    pub fn get(
        &self,
        session: &Session,
        way: &Way,
        threads: usize,
    ) -> Result<(Arc<Compiled>, bool)> {
        let key = way.key();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|it| it.key == key && it.threads == threads);
        if let Some(place) = place {
            let found = kept.remove(place);
            let compiled = Arc::clone(&found.compiled);
            kept.insert(0, found);
            return Ok((compiled, false));
        }
        // Before the new one takes memory.
        kept.truncate(MOST - 1);
        let compiled = Arc::new(Compiled::new(session, way, threads)?);
        kept.insert(0, Kept { key, threads, compiled: Arc::clone(&compiled) });
        Ok((compiled, true))
    }
}

impl Compiled {
    fn new(session: &Session, way: &Way, threads: usize) -> Result<Compiled> {
        let explainer = session.explainer(way.options.clone().threads(threads))?;
        let notices = session.notices().iter().chain(explainer.notices());
        let origin = Origin {
            model: session.path().display().to_string(),
            method: way.method.clone(),
            parameters: parameters(way),
            composite: explainer.composite().to_string(),
            canonization: explainer.canonization().to_vec(),
            explained: explainer.explained().word(),
            initial: explainer.initial(),
            preprocessing: explainer.preprocessing().cloned(),
            rendering: explainer.rendering(),
            start_up: explainer.start_up(),
            end: end(&explainer, way.at.as_deref()),
            said: notices.cloned().collect(),
            assumed: assumptions(session),
        };
        Ok(Compiled { explainer, origin: Arc::new(origin) })
    }
}

/// The method's parameters, and the layer that relevance stops at, as reports have them.
fn parameters(way: &Way) -> Value {
    let parameters = way.method.parameters();
    let Some(layer) = &way.at else { return parameters };
    let mut parameters = parameters.as_object().cloned().unwrap_or_default();
    parameters.insert("at".to_string(), json!(layer));
    parameters.into()
}
