//! The JSON files that come with models from Hugging Face and timm, read as model cards.
//!
//! Stands beside [`super::card`]: `preprocessor_config.json` and `config.json` -> preprocessing steps and labels.
//! What the files leave open is decided as the image processors of `transformers` decide it; notes tell of it.

mod processor;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::card::Card;
use super::labels::Labels;
use super::preprocess::Preprocessing;
use super::timm::TimmConfig;
use processor::Processor;

const PREPROCESSOR: &str = "preprocessor_config.json";
const CONFIG: &str = "config.json";

/// Looks for the files beside a model, and one directory up from a directory named `onnx`, where exporters put models.
///
/// # Errors
/// A file is there, and describes an image classifier, but cannot be understood.
pub(super) fn discover(model: &Path) -> Result<Option<Card>> {
    let beside = model.parent().unwrap_or(Path::new(""));
    let above = beside.ends_with("onnx").then(|| beside.parent()).flatten();
    for directory in [Some(beside), above].into_iter().flatten() {
        let paths: Vec<PathBuf> = [PREPROCESSOR, CONFIG]
            .iter()
            .map(|name| directory.join(name))
            .filter(|path| path.is_file())
            .collect();
        let card = from_files(&paths)
            .context("write a model card in YAML beside the model to go without this file")?;
        if card.is_some() {
            return Ok(card);
        }
    }
    Ok(None)
}

/// Reads one such file.
///
/// # Errors
/// The file cannot be read, or tells nothing about pictures and classes.
pub(super) fn read(path: &Path) -> Result<Card> {
    from_files(&[path.to_owned()])?.with_context(|| {
        format!(
            "{} tells neither preprocessing nor labels in the way of Hugging Face or timm",
            path.display()
        )
    })
}

/// One card from several files; what an earlier file says goes before what a later one says.
fn from_files(paths: &[PathBuf]) -> Result<Option<Card>> {
    let mut card = Card {
        labels: None,
        input: None,
        output: None,
        source: None,
        origin: String::new(),
        notes: Vec::new(),
    };
    let mut used = Vec::new();
    for path in paths {
        let failed = || format!("cannot use {}", path.display());
        let text = fs::read_to_string(path).with_context(failed)?;
        let value: Value = serde_json::from_str(&text).with_context(failed)?;
        let Some(map) = value.as_object() else {
            continue;
        };
        let before = (card.input.is_some(), card.labels.is_some());
        if card.input.is_none() {
            card.input = preprocessing(map, &mut card.notes).with_context(failed)?;
        }
        if card.labels.is_none() {
            card.labels = labels(map).with_context(failed)?;
        }
        if before != (card.input.is_some(), card.labels.is_some()) {
            used.push(path.display().to_string());
        }
    }
    card.origin = used.join(" and ");
    Ok((!used.is_empty()).then_some(card))
}

fn preprocessing(
    file: &Map<String, Value>,
    notes: &mut Vec<String>,
) -> Result<Option<Preprocessing>> {
    // timm's config.json, the processor that wraps timm in transformers, and timm's config.json before 2023.
    let timm = file
        .get("pretrained_cfg")
        .or_else(|| file.get("data_config"))
        .filter(|config| config.is_object());
    let steps = if let Some(config) = timm {
        TimmConfig::deserialize(config)?.steps(notes)?
    } else if file.contains_key("architecture") && file.contains_key("input_size") {
        TimmConfig::deserialize(file)?.steps(notes)?
    } else if ["do_resize", "do_rescale", "image_mean"].iter().any(|key| file.contains_key(*key)) {
        Processor::deserialize(file)?.steps(notes)?
    } else {
        return Ok(None);
    };
    steps.validate()?;
    Ok(Some(steps))
}

fn labels(file: &Map<String, Value>) -> Result<Option<Labels>> {
    if let Some(names) = file.get("id2label").filter(|names| !names.is_null()) {
        return Labels::from_json(names).context("id2label").map(Some);
    }
    let inner = file.get("pretrained_cfg").and_then(Value::as_object);
    let get = |key: &str| file.get(key).or_else(|| inner.and_then(|map| map.get(key)));
    let Some(names) = get("label_names").filter(|names| !names.is_null()) else {
        return Ok(None);
    };
    let labels = Labels::from_json(names).context("label_names")?;
    let Some(descriptions) = get("label_descriptions").and_then(Value::as_object) else {
        return Ok(Some(labels));
    };
    let described = labels.names().iter().map(|name| {
        let description = descriptions.get(name).and_then(Value::as_str);
        description.unwrap_or(name).to_owned()
    });
    Labels::new(described.collect()).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::preprocess::Target;

    #[test]
    fn files_beside_the_model_and_above_an_onnx_directory() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(root.path().join(name), text).unwrap();
        fs::create_dir(root.path().join("onnx")).unwrap();
        write(PREPROCESSOR, r#"{"do_resize": true, "size": 224, "resample": 3}"#);
        write(CONFIG, r#"{"id2label": {"1": "dog", "0": "cat"}}"#);
        let model = root.path().join("onnx").join("model.onnx");
        let card = discover(&model).unwrap().unwrap();
        assert_eq!(card.labels.unwrap().names(), ["cat", "dog"]);
        assert_eq!(card.input.unwrap().size, Some([224, 224]));
        assert!(card.origin.contains(PREPROCESSOR) && card.origin.contains(CONFIG));

        write(PREPROCESSOR, r#"{"sampling_rate": 16000}"#);
        write(CONFIG, r#"{"anything": "else"}"#);
        assert_eq!(discover(&model).unwrap(), None);
        assert!(read(&root.path().join(CONFIG)).is_err());

        write(CONFIG, "{ broken");
        let message = format!("{:#}", discover(&model).unwrap_err());
        assert!(
            message.contains("config.json")
                && message.contains("line 1")
                && message.contains("YAML"),
            "{message}"
        );
    }

    #[test]
    fn timm_with_described_labels() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(CONFIG);
        let text = r#"{"architecture": "resnet50", "num_classes": 2, "label_names": ["n01440764", "n01443537"],
            "label_descriptions": {"n01440764": "tench, Tinca tinca"}, "pretrained_cfg": {"input_size": [3, 160, 160],
            "interpolation": "bicubic", "crop_pct": 0.95, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}"#;
        fs::write(&path, text).unwrap();
        let card = read(&path).unwrap();
        assert_eq!(card.labels.unwrap().names(), ["tench, Tinca tinca", "n01443537"]);
        let input = card.input.unwrap();
        assert_eq!(input.resize.target, Target::CropFraction(0.95));
        assert_eq!(input.size, Some([160, 160]));
    }
}
