//! The JSON files that come with models from Hugging Face and timm, read as model cards.
//!
//! Stands beside [`super::card`]: `preprocessor_config.json` and `config.json` -> preprocessing steps and labels.
//! What the files leave open is decided as the image processors of `transformers` decide it; notes tell of it.

mod processor;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::card::{Card, text_of};
use super::labels::Labels;
use super::preprocess::Preprocessing;
use super::timm::TimmConfig;
use crate::suggest::placed::{at_key, from_json};
use processor::Processor;

const PREPROCESSOR: &str = "preprocessor_config.json";
const CONFIG: &str = "config.json";

/// Keys by which the file of an image processor is known: no other file has one of them.
const PROCESSOR: [&str; 7] = [
    "image_processor_type",
    "do_resize",
    "do_center_crop",
    "crop_size",
    "do_rescale",
    "image_mean",
    "image_std",
];

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
        let card = from_files(&paths).map_err(|error| {
            let why = anyhow!(
                "the file is read because it lies beside the model: to go without it, name the preprocessing with \
                 --preprocess, or write a model card in YAML"
            );
            why.context(format!("{error:#}"))
        })?;
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
        let origin = path.display().to_string();
        let text = text_of(path).with_context(|| format!("cannot read {origin}"))?;
        let file = File { text: &text, origin: &origin };
        let Value::Object(map) = from_json(&text, &origin)? else {
            continue;
        };
        let before = (card.input.is_some(), card.labels.is_some());
        if card.input.is_none() {
            card.input = file.preprocessing(&map, &mut card.notes)?;
        }
        if card.labels.is_none() {
            card.labels = labels(&map).map_err(|error| at_key(&text, &origin, &error))?;
        }
        if before != (card.input.is_some(), card.labels.is_some()) {
            used.push(origin);
        }
    }
    card.origin = used.join(" and ");
    Ok((!used.is_empty()).then_some(card))
}

/// A file and its name. It is read once for what it holds and once more for a part of it, so that errors have a place.
struct File<'a> {
    text: &'a str,
    origin: &'a str,
}

impl File<'_> {
    fn preprocessing(
        &self,
        map: &Map<String, Value>,
        notes: &mut Vec<String>,
    ) -> Result<Option<Preprocessing>> {
        // timm's config.json, the processor that wraps timm in transformers, and timm's config.json before 2023.
        let is_object = |key: &str| map.get(key).is_some_and(Value::is_object);
        let steps = if is_object("pretrained_cfg") {
            from_json::<PretrainedCfg>(self.text, self.origin)?.pretrained_cfg.steps(notes)
        } else if is_object("data_config") {
            from_json::<DataConfig>(self.text, self.origin)?.data_config.steps(notes)
        } else if map.contains_key("architecture") && map.contains_key("input_size") {
            from_json::<TimmConfig>(self.text, self.origin)?.steps(notes)
        } else if PROCESSOR.iter().any(|key| map.contains_key(*key)) {
            from_json::<Processor>(self.text, self.origin)?.steps(notes)
        } else {
            return Ok(None);
        };
        let checked = steps.and_then(|steps| steps.validate().map(|()| steps));
        checked.map(Some).map_err(|error| at_key(self.text, self.origin, &error))
    }
}

/// timm's description where it is a part of the file.
#[derive(Deserialize)]
struct PretrainedCfg {
    pretrained_cfg: TimmConfig,
}

/// The same under its other name.
#[derive(Deserialize)]
struct DataConfig {
    data_config: TimmConfig,
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
    use std::fs;

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

        write(PREPROCESSOR, r#"{"image_processor_type": "ViTImageProcessor", "size": 96}"#);
        let card = discover(&model).unwrap().unwrap();
        assert_eq!(card.input.unwrap().size, Some([96, 96]));
        assert!(card.notes.iter().any(|note| note.contains("are not normalized")));

        write(PREPROCESSOR, r#"{"sampling_rate": 16000}"#);
        write(CONFIG, r#"{"anything": "else"}"#);
        assert_eq!(discover(&model).unwrap(), None);
        assert!(read(&root.path().join(CONFIG)).is_err());

        write(CONFIG, "{ broken");
        let message = format!("{:#}", discover(&model).unwrap_err());
        assert!(
            message.contains("config.json:1:3: ")
                && message.contains("--preprocess")
                && message.contains("YAML"),
            "{message}"
        );
    }

    #[test]
    fn errors_have_their_place() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(PREPROCESSOR);
        let message = |text: &str| {
            fs::write(&path, text).unwrap();
            let message = format!("{:#}", read(&path).unwrap_err());
            message.rsplit_once(PREPROCESSOR).unwrap().1.to_owned()
        };
        for (text, expected) in [
            ("{\n \"do_resize\": true,\n \"size\": {\"edge\": 3}}", ":3:"),
            ("{\n \"do_resize\": \"yes\"}", ":2:19: expected true or false, not the text \"yes\""),
            ("{\"do_resize\": true, \"size\": 3,\n \"resample\": 7}", ":2:3: resample 7 is not"),
            ("{\"id2label\": {\"0\": \"a\", \"2\": \"b\"}}", ":1:3: id2label: the class indices"),
            ("{\"pretrained_cfg\": {\n\"input_size\": 3}}", ":2:"),
        ] {
            let message = message(text);
            assert!(message.starts_with(expected), "{text}\n{message}");
            assert!(!message.contains("untagged") && !message.contains("struct"), "{message}");
        }
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
