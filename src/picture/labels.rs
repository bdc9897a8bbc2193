//! The names of a network's classes.
//!
//! Stands beside the network: label file -> **labels** -> names in results, and classes for `--target`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

/// One name per class, in the order of the network's outputs.
///
/// A name may hold synonyms with commas between them, as ImageNet's do: `tabby, tabby cat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    names: Vec<String>,
}

/// The thousand classes of ImageNet (ILSVRC 2012), in the order of torchvision, timm and Keras.
const IMAGENET: &str = include_str!("../../sample-models/imagenet1k.txt");

/// How many candidates an error lists.
const LISTED: usize = 8;

impl Labels {
    /// Labels with these names.
    ///
    /// # Errors
    /// There are none, or one is empty.
    pub fn new(names: Vec<String>) -> Result<Self> {
        ensure!(!names.is_empty(), "there are no labels");
        if let Some(index) = names.iter().position(|name| name.trim().is_empty()) {
            bail!("the label of class {index} is empty: every class needs one");
        }
        Ok(Self { names })
    }

    /// The names of ImageNet's classes, in the usual order; for a network of 1001 outputs the first is `background`, as
    /// TensorFlow counts.
    #[must_use]
    pub fn imagenet(classes: usize) -> Self {
        let background = (classes == 1001).then_some("background");
        Self { names: background.into_iter().chain(IMAGENET.lines()).map(str::to_owned).collect() }
    }

    /// Reads a file with one label a line, or JSON: a list of names, a map from class index to name (Hugging Face's
    /// `id2label`, Keras' `{"0": ["n01440764", "tench"]}`), or a map from name to class index.
    ///
    /// Lines may begin with their own class index, or with WordNet's number (`n01440764 tench`), which is dropped when all of
    /// them do.
    ///
    /// # Errors
    /// Names the file, and what is wrong in it.
    pub fn read(path: &Path) -> Result<Self> {
        let labels = || {
            let bytes = fs::read(path)?;
            let text = String::from_utf8(bytes).ok().context("it is no UTF-8 text")?;
            let text = text.trim_start_matches('\u{feff}');
            let is_json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
            match serde_json::from_str(text) {
                Ok(value @ (Value::Object(_) | Value::Array(_))) => Self::from_json(&value),
                Err(error) if is_json => Err(error.into()),
                _ => Self::from_lines(text),
            }
        };
        labels().with_context(|| format!("cannot read the labels {}", path.display()))
    }

    fn from_lines(text: &str) -> Result<Self> {
        let lines: Vec<&str> = text.trim_end().lines().map(str::trim).collect();
        let numbered: Option<Vec<&str>> = lines
            .iter()
            .enumerate()
            .map(|(index, line)| {
                let name = line.strip_prefix(&index.to_string())?;
                let name = name.strip_prefix([':', ',', ' ', '\t'])?.trim();
                (!name.is_empty()).then_some(name)
            })
            .collect();
        let names = numbered.or_else(|| behind_word_net(&lines)).unwrap_or(lines);
        Self::new(names.into_iter().map(str::to_owned).collect())
    }

    /// Labels from the JSON forms that [`Labels::read`] tells of.
    pub(crate) fn from_json(value: &Value) -> Result<Self> {
        match value {
            Value::Array(list) => Self::new(list.iter().map(name_in).collect::<Result<_>>()?),
            Value::Object(map) if map.values().all(Value::is_u64) => {
                let pairs = map
                    .iter()
                    .map(|(name, index)| Ok((index.as_u64().unwrap_or_default(), name.clone())));
                Self::from_pairs(pairs.collect::<Result<_>>()?)
            }
            Value::Object(map) => Self::from_pairs(numbered_names(map)?),
            _ => bail!("labels are a list of names, or a map between class index and name"),
        }
    }

    fn from_pairs(mut pairs: Vec<(u64, String)>) -> Result<Self> {
        pairs.sort();
        for (expected, (index, name)) in (0..).zip(&pairs) {
            ensure!(
                *index == expected,
                "the class indices must run from 0 without gap or repetition, but \"{name}\" has {index} where \
                 {expected} was to come"
            );
        }
        Self::new(pairs.into_iter().map(|(_, name)| name).collect())
    }

    /// The name of a class; none beyond the last one.
    #[must_use]
    pub fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
    }

    /// All names in the order of the network's outputs.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Checks that there is one label for each of the network's `classes` outputs.
    ///
    /// # Errors
    /// The numbers differ.
    pub fn check_count(&self, classes: usize) -> Result<()> {
        let count = self.names.len();
        if count == classes {
            return Ok(());
        }
        let hint = if count + 1 == classes {
            "; perhaps output 0 is a background class that the labels leave out: give it a first line"
        } else if count == classes + 1 {
            "; perhaps the labels begin with a background class that the network leaves out: drop that line"
        } else {
            ""
        };
        bail!("there are {count} labels, but the network has {classes} outputs{hint}")
    }

    /// The class a text means.
    ///
    /// Tried in this order, until one class or several answer: the exact name; the name, then one of its synonyms,
    /// without regard to case, `_`, `-` and `/`, which no folder can be called; a part of the name.
    ///
    /// # Errors
    /// Several classes answer (they are listed), or none does (the nearest are listed).
    pub fn find(&self, text: &str) -> Result<usize> {
        let wanted = normal(text);
        ensure!(!wanted.is_empty(), "an empty text is no class");
        let tests: [&dyn Fn(&str) -> bool; 4] = [
            &|name| name == text,
            &|name| normal(name) == wanted,
            &|name| synonyms(name).any(|synonym| synonym == wanted),
            &|name| normal(name).contains(&wanted),
        ];
        for test in tests {
            let found: Vec<usize> =
                (0..self.names.len()).filter(|&index| test(&self.names[index])).collect();
            match found[..] {
                [] => {}
                [index] => return Ok(index),
                _ => bail!(
                    "\"{text}\" fits {} classes: give the index or more of the name of {}",
                    found.len(),
                    self.listed(&found)
                ),
            }
        }
        bail!(
            "no class is called \"{text}\"; the nearest are {}",
            self.listed(&self.nearest(&wanted))
        )
    }

    fn nearest(&self, wanted: &str) -> Vec<usize> {
        let likeness = |index: usize| {
            synonyms(&self.names[index])
                .map(|synonym| strsim::jaro_winkler(&synonym, wanted))
                .fold(0.0, f64::max)
        };
        let mut ranked: Vec<(f64, usize)> =
            (0..self.names.len()).map(|index| (likeness(index), index)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked.iter().take(3).map(|&(_, index)| index).collect()
    }

    fn listed(&self, indices: &[usize]) -> String {
        let mut list: Vec<String> = indices
            .iter()
            .take(LISTED)
            .map(|&index| format!("{index} ({})", self.names[index]))
            .collect();
        let last = list.pop().unwrap_or_default();
        let mut text = list.join(", ");
        if !text.is_empty() {
            text.push_str(if indices.len() > LISTED { ", " } else { " or " });
        }
        text.push_str(&last);
        if indices.len() > LISTED {
            let _ = write!(text, " or {} more", indices.len() - LISTED);
        }
        text
    }
}

/// What stands behind WordNet's number in all lines.
fn behind_word_net<'a>(lines: &[&'a str]) -> Option<Vec<&'a str>> {
    let behind = |line: &&'a str| {
        let (number, name) = line.split_once([' ', '\t'])?;
        let digits = number.strip_prefix('n')?;
        let is_number = digits.len() == 8 && digits.bytes().all(|it| it.is_ascii_digit());
        is_number.then_some(name.trim())
    };
    lines.iter().map(behind).collect()
}

/// A text without regard to case and to how its words are joined.
fn normal(text: &str) -> String {
    text.trim().to_lowercase().replace(['_', '-', '/'], " ")
}

fn synonyms(name: &str) -> impl Iterator<Item = String> {
    name.split(',').map(normal)
}

fn numbered_names(map: &Map<String, Value>) -> Result<Vec<(u64, String)>> {
    map.iter()
        .map(|(key, value)| {
            let index = key.trim().parse().ok().with_context(|| {
                format!("\"{key}\" is no class index, and its value is none either")
            })?;
            Ok((index, name_in(value)?))
        })
        .collect()
}

/// A name, or the last of a list of names: Keras puts the WordNet number first.
fn name_in(value: &Value) -> Result<String> {
    let name = match value {
        Value::Array(list) => list.last().unwrap_or(value),
        value => value,
    };
    match name {
        Value::String(name) => Ok(name.trim().to_owned()),
        _ => bail!("{value} is no label: a name in quotes was expected"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &[&str]) -> Labels {
        Labels::new(names.iter().map(|name| (*name).to_owned()).collect()).unwrap()
    }

    fn read(name: &str, content: &str) -> Result<Labels> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        Labels::read(&path)
    }

    #[test]
    fn every_form_of_file_gives_the_same_labels() {
        let expected = labels(&["tench", "goldfish", "great white shark"]);
        for (name, content) in [
            ("a.txt", "tench\ngoldfish\r\n great white shark \n\n"),
            ("a.txt", "\u{feff}0 tench\n1: goldfish\n2,great white shark\n"),
            ("synset.txt", "n01440764 tench\nn01443537 goldfish\nn01484850\tgreat white shark\n"),
            ("a.json", r#"["tench", "goldfish", "great white shark"]"#),
            ("a.json", r#"{"2": "great white shark", "0": "tench", "1": "goldfish"}"#),
            ("a.txt", r#"{"tench": 0, "great white shark": 2, "goldfish": 1}"#),
            (
                "keras.json",
                r#"{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"], "2": ["n01484850", "great white shark"]}"#,
            ),
        ] {
            assert_eq!(read(name, content).unwrap(), expected, "{content}");
        }
    }

    #[test]
    fn digits_at_the_front_stay_unless_every_line_counts_up() {
        let read = read("a.txt", "0 zero\n1 one\n3 two\n").unwrap();
        assert_eq!(read.name(2), Some("3 two"));
        assert_eq!(read.name(3), None);
    }

    #[test]
    fn the_classes_of_image_net_are_built_in() {
        let labels = Labels::imagenet(1000);
        assert_eq!(labels.names().len(), 1000);
        assert_eq!((labels.name(0), labels.name(281)), (Some("tench"), Some("tabby")));
        assert_eq!(labels.name(999), Some("toilet tissue"));
        let with_background = Labels::imagenet(1001);
        assert_eq!(with_background.name(0), Some("background"));
        assert!(with_background.check_count(1001).is_ok());
        assert_eq!(with_background.name(282), Some("tabby"));
    }

    #[test]
    fn broken_files_say_what_is_wrong() {
        let message = |name, content| format!("{:#}", read(name, content).unwrap_err());
        assert!(message("a.txt", " \n").contains("there are no labels"));
        assert!(message("a.txt", "cat\n\ndog").contains("class 1 is empty"));
        assert!(message("a.json", "[\"cat\"").contains("line 1 column"));
        assert!(message("a.json", r#"{"0": "cat", "2": "dog"}"#).contains("\"dog\" has 2 where 1"));
        assert!(message("a.json", r#"{"cat": "dog"}"#).ends_with("its value is none either"));
        assert!(message("a.json", r#"["cat", 3]"#).contains("3 is no label"));
    }

    #[test]
    fn a_text_finds_its_class() {
        let labels = labels(&[
            "tench, Tinca tinca",
            "tiger_shark",
            "tiger cat",
            "tiger, Panthera tigris",
            "Egyptian cat",
            "n02085620-Chihuahua",
        ]);
        for (text, index) in [
            ("tench, Tinca tinca", 0),
            ("tinca TINCA", 0),
            ("Tiger Shark", 1),
            ("tiger", 3),
            ("egyptian", 4),
            ("chihuahua", 5),
        ] {
            assert_eq!(labels.find(text).unwrap(), index, "{text}");
        }
    }

    #[test]
    fn a_slash_may_be_written_as_folders_can_be_called() {
        let labels = labels(&["T-shirt/top", "Shirt"]);
        assert_eq!(labels.find("T-shirt-top").unwrap(), 0);
        assert_eq!(labels.find("t_shirt_top").unwrap(), 0);
    }

    #[test]
    fn an_ambiguous_text_lists_the_candidates() {
        let labels = labels(&["tiger cat", "Egyptian cat", "crane", "crane"]);
        assert_eq!(
            labels.find("cat").unwrap_err().to_string(),
            "\"cat\" fits 2 classes: give the index or more of the name of 0 (tiger cat) or 1 (Egyptian cat)"
        );
        assert!(labels.find("crane").unwrap_err().to_string().contains("2 (crane) or 3 (crane)"));
    }

    #[test]
    fn an_unknown_text_lists_the_nearest() {
        let labels = labels(&["goldfish", "tench, Tinca tinca", "hammerhead", "lynx"]);
        let message = labels.find("goldfihs").unwrap_err().to_string();
        assert!(
            message.starts_with("no class is called \"goldfihs\"; the nearest are 0 (goldfish)"),
            "{message}"
        );
        assert!(labels.find(" ").is_err());
    }

    #[test]
    fn a_long_list_of_candidates_is_cut() {
        let names: Vec<String> = (0..20).map(|index| format!("cat {index}")).collect();
        let message = Labels::new(names).unwrap().find("cat").unwrap_err().to_string();
        assert!(message.ends_with("7 (cat 7) or 12 more"), "{message}");
    }

    #[test]
    fn a_count_that_differs_is_an_error_with_a_hint() {
        let labels = labels(&["a", "b"]);
        assert!(labels.check_count(2).is_ok());
        assert!(labels.check_count(3).unwrap_err().to_string().contains("background"));
        assert!(
            labels
                .check_count(9)
                .unwrap_err()
                .to_string()
                .contains("2 labels, but the network has 9 outputs")
        );
    }
}
