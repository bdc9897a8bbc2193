//! What exporters write into a file's metadata: who they are, and the names of the classes.

use serde_json::Value;
use tract_onnx::pb::ModelProto;

use crate::picture::Labels;

/// Under which keys names are found: Ultralytics' `names`, and what others call them.
const KEYS: [&str; 6] = ["names", "classes", "class_names", "labels", "id2label", "categories"];

/// The names of the classes, where the metadata holds them in a form that is understood.
pub(super) fn labels_in_metadata(model: &ModelProto) -> Option<Labels> {
    let of_key = |key: &&str| {
        let entry = model.metadata_props.iter().find(|entry| entry.key == **key)?;
        parse(&entry.value)
    };
    KEYS.iter().find_map(of_key)
}

/// What a file says about itself and about the pictures that it takes; empty where it says nothing.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// The program that wrote it. Ultralytics names itself as the author of what torch writes.
    pub producer: String,
    /// `Bgr8`, `Rgb8` or `Gray8`, as Azure Custom Vision and Windows ML write it (ONNX's image metadata).
    pub pixel_format: String,
    /// `NominalRange_0_255`, `Normalized_0_1` or `Normalized_1_1`.
    pub pixel_range: String,
}

impl Metadata {
    pub(super) fn of(model: &ModelProto) -> Metadata {
        let entry = |key: &str| {
            let mut found = model.metadata_props.iter().filter(|entry| entry.key == key);
            found.next().map_or(String::new(), |entry| entry.value.clone())
        };
        Metadata {
            producer: match entry("author").as_str() {
                author @ "Ultralytics" => author.to_string(),
                _ => model.producer_name.clone(),
            },
            pixel_format: entry("Image.BitmapPixelFormat"),
            pixel_range: entry("Image.NominalPixelRange"),
        }
    }
}

/// JSON, a Python list or dictionary (`{0: 'cat', 1: 'dog'}`), or a name a line.
fn parse(text: &str) -> Option<Labels> {
    let text = text.trim();
    if text.starts_with(['{', '[']) {
        let json =
            serde_json::from_str::<Value>(text).or_else(|_| serde_json::from_str(&as_json(text)));
        return Labels::from_json(&json.ok()?).ok();
    }
    let names: Vec<String> = text.lines().map(|name| name.trim().to_string()).collect();
    (names.len() > 1).then(|| Labels::new(names).ok()).flatten()
}

/// Python's notation as JSON: single quotes become double ones, keys that are numbers texts.
fn as_json(text: &str) -> String {
    let mut json = String::new();
    let mut quote = None;
    let mut digits = String::new();
    for character in text.chars() {
        match quote {
            Some(open) if character == open => {
                json.push('"');
                quote = None;
            }
            Some(_) if character == '"' => json.push_str("\\\""),
            Some(_) => json.push(character),
            None if character.is_ascii_digit() => digits.push(character),
            None => {
                match character {
                    ':' if !digits.is_empty() => json.push_str(&format!("\"{digits}\"")),
                    _ => json.push_str(&digits),
                }
                digits.clear();
                quote = matches!(character, '\'' | '"').then_some(character);
                json.push(if quote.is_some() { '"' } else { character });
            }
        }
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_every_notation() {
        for text in [
            "{0: 'cat', 1: \"dog's\"}",
            r#"["cat", "dog's"]"#,
            r#"{"0": "cat", "1": "dog's"}"#,
            "cat\ndog's",
        ] {
            let labels = parse(text).unwrap();
            assert_eq!(labels.names(), ["cat", "dog's"], "{text}");
        }
        assert!(parse("{'cat'").is_none() && parse("yolo").is_none());
    }
}
