//! What the file of a graph says about itself, so that it can be told, and compared with its model, later.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result as Checked};

use super::explainer::Explainer;
use crate::emit::{InputContent, Rival, Spec, Target};
use crate::error::{Error, Kind, Result};
use crate::io::sha256;

/// Keys of the metadata.
pub(super) mod keys {
    pub const VERSION: &str = "onnxplain.version";
    pub const METHOD: &str = "onnxplain.method";
    pub const COMPOSITE: &str = "onnxplain.composite";
    pub const YAML: &str = "onnxplain.composite.yaml";
    pub const MODEL: &str = "onnxplain.model";
    pub const SHA256: &str = "onnxplain.model.sha256";
    pub const INITIAL: &str = "onnxplain.initial";
    pub const INPUT: &str = "onnxplain.input";
    pub const TARGET: &str = "onnxplain.target";
    pub const AGAINST: &str = "onnxplain.against";
    pub const LAYER: &str = "onnxplain.at";
    pub const PREPROCESSING: &str = "onnxplain.preprocessing";
    pub const INPUT_RANGE: &str = "onnxplain.input_range";
    pub const LABELS: &str = "onnxplain.labels";
    pub const CANONIZATION: &str = "onnxplain.canonization";
    pub const ALLOWED: &str = "onnxplain.allow_gradient";
    pub const OUTPUT: &str = "onnxplain.output";
}

/// The SHA-256 of a model's file.
pub(super) fn hash_of(path: &Path) -> Checked<String> {
    let hash = || sha256(File::open(path)?);
    hash().with_context(|| format!("cannot read {}", path.display()))
}

/// Keys and values for a graph of this explainer.
pub(super) fn metadata(explainer: &Explainer, spec: &Spec) -> Result<Vec<(String, String)>> {
    let context = &explainer.context;
    let path = &context.file.path;
    let mut entries: Vec<(String, String)> = vec![];
    let mut add = |key: &str, value: String| entries.push((key.to_string(), value));
    add(keys::VERSION, env!("CARGO_PKG_VERSION").to_string());
    add(keys::METHOD, explainer.method().name().to_string());
    add(keys::COMPOSITE, explainer.composite().to_string());
    add(keys::YAML, explainer.composite_text().to_string());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    add(keys::MODEL, name.unwrap_or_default());
    add(keys::SHA256, hash_of(path).kind(Error::Model)?);
    add(keys::INITIAL, spec.initial.word().to_string());
    let takes_pictures = matches!(spec.inputs[0].content, InputContent::Picture(_));
    add(keys::INPUT, if takes_pictures { "picture" } else { "tensor" }.to_string());
    let target = match spec.target {
        Target::Input => "input".to_string(),
        Target::Top => "top".to_string(),
        Target::Class(class) => class.to_string(),
    };
    add(keys::TARGET, target);
    if let Some(rival) = spec.against {
        let rival = match rival {
            Rival::Top => "top".to_string(),
            Rival::Class(class) => class.to_string(),
        };
        add(keys::AGAINST, rival);
    }
    if let Some(layer) = explainer.layer() {
        add(keys::LAYER, layer.to_string());
    }
    let input = &context.inputs[0];
    if let Ok(preprocessor) = &input.preprocessor {
        add(keys::PREPROCESSING, preprocessor.steps().to_string());
    }
    if let Some(range) = &input.range {
        let ends = [&range.low, &range.high]
            .map(|ends| ends.iter().map(ToString::to_string).collect::<Vec<_>>().join(";"));
        add(keys::INPUT_RANGE, ends.join(","));
    }
    if let Some(labels) = &context.labels {
        add(keys::LABELS, labels.names().join("\n"));
    }
    let passes = explainer.canonization().iter().map(|report| report.pass).collect::<Vec<_>>();
    add(keys::CANONIZATION, passes.join(","));
    if !context.file.options.allow_gradient.is_empty() {
        add(keys::ALLOWED, context.file.options.allow_gradient.join(","));
    }
    if let Some(output) = &context.file.options.output_name {
        add(keys::OUTPUT, output.clone());
    }
    Ok(entries)
}
