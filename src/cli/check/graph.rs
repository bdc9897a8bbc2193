//! `onnxplain check explainer.onnx --against MODEL`: does a compiled graph compute what the engine computes?

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use onnxplain::io::is_array_file;
use onnxplain::session::{GRAPH_LIMIT, GraphFacts};
use onnxplain::{GraphDifference, Input, Severity, Topic};

use super::{CheckOptions, verdict};
use crate::cli::Status;
use crate::cli::compile::described;
use crate::cli::console::Console;
use crate::cli::options::check_model_path;

/// Random inputs that are always tried.
const RANDOM_INPUTS: usize = 3;

/// Runs the graph by tract beside the engine, and prints the differences.
pub fn run(options: &CheckOptions, model: &Path, console: &mut Console) -> Result<Status> {
    check_model_path(&options.model)?;
    ensure!(
        model.exists(),
        "there is no model {}: --against takes the .onnx file that the graph was made of",
        model.display()
    );
    ensure!(
        options.options.composite == "auto",
        "the graph says itself which composite it was made with: leave --composite out"
    );
    let facts = GraphFacts::read(&options.model)?;
    if !facts.is_of(model)? {
        console.warning(format_args!(
            "{} is not the file that the graph was made of: what differs may be the models",
            model.display()
        ));
    }
    let has_pictures = options.inputs.iter().any(|path| !is_array_file(path));
    let session = options.preprocess.session(&options.options).without_labels().without_inputs();
    let session = if has_pictures { session.pictures(true) } else { session };
    let session = facts.session_options(session)?.open(model)?;
    let is_wanted = |notice: &&onnxplain::Notice| match notice.topic {
        Topic::Labels => false,
        Topic::Preprocessing => has_pictures || notice.severity == Severity::Warning,
        _ => true,
    };
    session.notices().iter().filter(is_wanted).for_each(|notice| console.notice(notice));
    let explainer = session.explainer(facts.explainer_options()?.single(true))?;
    let inputs = options.inputs.iter().map(|path| {
        let input = session.prepare(path.as_path());
        input.with_context(|| format!("cannot compare on {}", path.display()))
    });
    let inputs = inputs.collect::<Result<Vec<Input>>>()?;
    let difference = explainer.compare_with_graph(&options.model, RANDOM_INPUTS, &inputs)?;
    print(&facts, &difference, options, console)?;
    Ok(if difference.is_good() { Status::Done } else { Status::Partly })
}

fn print(
    facts: &GraphFacts,
    difference: &GraphDifference,
    options: &CheckOptions,
    console: &mut Console,
) -> Result<()> {
    if console.is_json() {
        return console.print_json(&json!({
            "graph": options.model.display().to_string(),
            "composite": facts.describe(),
            "is_same": difference.is_good(),
            "limit": GRAPH_LIMIT,
            "difference": difference,
            "version": env!("CARGO_PKG_VERSION"),
        }));
    }
    let claim = format!("the graph computes what the engine computes ({})", facts.describe());
    console.print(verdict(&claim, difference.is_good()))?;
    console.print(format!("  {}", described(difference)))
}
