//! The model card: what a model file does not say about its input and output.
//!
//! Stands at the start of the data's way, beside loading: card file, or what lies beside the model, or a preset ->
//! **card** -> preprocessing steps and labels. A card always tells where it comes from, so that it can be said aloud.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};

use super::clues::{Clues, Guess};
use super::labels::Labels;
use super::preprocess::{PRESETS, Preprocessing};
use crate::suggest::nearest;
use crate::suggest::placed::{at_key, from_yaml};

/// What is known about a model besides its file; everything but the origin may be missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The names of the classes.
    pub labels: Option<Labels>,
    /// What is done to a picture.
    pub input: Option<Preprocessing>,
    /// What the network's outputs are.
    pub output: Option<Output>,
    /// Where the model comes from, its licence, its accuracy: free text.
    pub source: Option<String>,
    /// Where the card comes from, such as `model card cat.yaml`; for people.
    pub origin: String,
    /// What was assumed because the files do not say it; for people, one line each.
    pub notes: Vec<String>,
}

/// What the network's outputs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// Scores before a softmax.
    Logits,
    /// Scores after it.
    Probabilities,
}

/// A card as its YAML file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardFile {
    labels: Option<PathBuf>,
    input: Option<Preprocessing>,
    output: Option<Output>,
    source: Option<String>,
}

impl Card {
    /// Reads a YAML model card. The path of its labels starts at the card's own directory.
    ///
    /// # Errors
    /// Names the file, and for YAML that cannot be understood its line and column.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = || format!("cannot read the model card {}", path.display());
        let text = text_of(path).with_context(failed)?;
        let origin = path.display().to_string();
        let file: CardFile = from_yaml(&text, &origin)?;
        if let Some(input) = &file.input {
            let checked = input.validate().context("input");
            checked.map_err(|error| at_key(&text, &origin, &error))?;
        }
        let labels = file.labels.map(|labels| match beside(path, &labels)? {
            file if is_built_in(&labels) && !file.is_file() => Ok(Labels::imagenet(1000)),
            file => Labels::read(&file),
        });
        let labels = labels.transpose();
        let labels = labels.context("labels").map_err(|error| at_key(&text, &origin, &error))?;
        Ok(Self {
            labels,
            input: file.input,
            output: file.output,
            source: file.source,
            origin: format!("model card {}", path.display()),
            notes: Vec::new(),
        })
    }

    /// The guess for a model without a card, by what its file shows.
    #[must_use]
    pub fn guessed(clues: &Clues) -> Self {
        let Guess { input, name, why } = clues.guess();
        let beside = "no model card lies beside the model";
        let because = match why {
            Some(why) => format!("because {why}, and {beside}"),
            None => format!("because {beside}"),
        };
        Self::of_preset(input, format!("a guess: preset {name}, {because}"))
    }

    /// The preprocessing of a network whose input is of bytes: those of the picture, which the network prepares itself.
    pub fn of_bytes() -> Self {
        let input = Preprocessing::preset("raw").unwrap_or_default();
        Self::of_preset(input, "preset raw, because the network takes bytes".to_string())
    }

    pub(super) fn of_preset(input: Preprocessing, origin: String) -> Self {
        Self {
            labels: None,
            input: Some(input),
            output: None,
            source: None,
            origin,
            notes: Vec::new(),
        }
    }
}

/// Whether a name of labels is that of those that come with the program.
fn is_built_in(labels: &Path) -> bool {
    labels == Path::new("imagenet")
}

/// A file that people write.
pub(super) fn text_of(path: &Path) -> Result<String> {
    let bytes = fs::read(path)?;
    String::from_utf8(bytes).ok().context("it is no UTF-8 text")
}

/// The path of a file that a card names. A card may come from anywhere, and what it names ends up in reports: so the
/// file lies below the folder of the card, or of the file that a link to the card leads to.
fn beside(card: &Path, named: &Path) -> Result<PathBuf> {
    let folder = |card: &Path| card.parent().unwrap_or(Path::new("")).to_path_buf();
    let path = folder(card).join(named);
    // What is not there is told by the reader.
    let Ok(real) = path.canonicalize() else {
        return Ok(path);
    };
    let here = |folder: PathBuf| match folder.as_os_str().is_empty() {
        true => Path::new(".").canonicalize(),
        false => folder.canonicalize(),
    };
    let folders = [here(folder(card)), card.canonicalize().map(|card| folder(&card))];
    ensure!(
        folders.iter().flatten().any(|folder| real.starts_with(folder)),
        "{} lies outside the folder of the card, which is refused; if it is the right file, give it with --labels",
        named.display()
    );
    Ok(path)
}

pub(super) fn unknown_name(text: &str) -> Error {
    let near = nearest(text, PRESETS.iter().map(|(name, _)| *name))
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default();
    let names: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
    anyhow!(
        "\"{text}\" is neither a file nor one of the preprocessing presets {}{near}",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::preprocess::{Channels, Crop, Filter, Layout, Resize, Target};
    use tempfile::TempDir;

    fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        folder
    }

    fn error_in(card: &str) -> String {
        let folder = folder(&[("net.yaml", card)]);
        let error = Card::read(&folder.path().join("net.yaml")).unwrap_err();
        let message = format!("{error:#}");
        let (_, message) = message.split_once("net.yaml").unwrap();
        message.to_owned()
    }

    #[test]
    fn a_full_card_is_read() {
        let card = "
labels: names.txt
input: { layout: NHWC, channels: BGR, size: [160, 224], resize: { short-side: 256, filter: bicubic }, crop: none,
         scale: 0.00392156862, mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6] }
output: probabilities
source: trained at home
";
        let folder = folder(&[("net.yaml", card), ("names.txt", "cat\ndog\n")]);
        let card = Card::discover(&folder.path().join("net.onnx")).unwrap().unwrap();
        assert_eq!(card.labels.unwrap().names(), ["cat", "dog"]);
        assert_eq!(card.output, Some(Output::Probabilities));
        assert_eq!(card.source.as_deref(), Some("trained at home"));
        assert!(card.origin.starts_with("model card ") && card.origin.ends_with("net.yaml"));
        assert_eq!(
            card.input.unwrap(),
            Preprocessing {
                layout: Some(Layout::Nhwc),
                channels: Some(Channels::Bgr),
                size: Some([160, 224]),
                resize: Resize { target: Target::ShortSide(256), filter: Filter::Bicubic },
                crop: Crop::None,
                scale: 0.00392156862,
                mean: vec![0.1, 0.2, 0.3],
                std: vec![0.4, 0.5, 0.6],
            }
        );
    }

    #[test]
    fn what_a_card_leaves_out_is_as_in_unit() {
        let folder = folder(&[("net.yml", "input: { mean: 0.5 }")]);
        let card = Card::discover(&folder.path().join("net.onnx")).unwrap().unwrap();
        let expected = Preprocessing { mean: vec![0.5], ..Preprocessing::preset("unit").unwrap() };
        assert_eq!(card.input, Some(expected));
        assert_eq!(card.labels, None);
    }

    #[test]
    fn errors_point_into_the_card() {
        for (card, place, what) in [
            ("inptu: {}", ":1:1: ", "unknown field `inptu`, expected one of `labels`, `input`"),
            ("source: x\ninput:\n  sizes: 3", ":3:3: ", "unknown field `sizes`"),
            (
                "input:\n  resize: { short-edge: 3 }",
                ":2:",
                "unknown field `short-edge`, expected one of `short-side`",
            ),
            ("input:\n  resize: { short-side: 3, size: 4 }", ":2:", "only one of short-side"),
            ("input:\n  layout: NCWH", ":2:11: ", "unknown word `NCWH`, expected one of `NCHW`"),
            ("input:\n  mean: [0.1, grey]", ":2:", "\"grey\" is no number"),
            ("input:\n  size: [1, 2, 3]", ":2:", "expected"),
            ("input:\n  size: -4", ":2:9: ", "a number of pixels or [height, width]"),
            ("output: softmax", ":1:9: ", "unknown word `softmax`"),
            ("input: {", ":2:1: ", "did not find expected"),
        ] {
            let message = error_in(card);
            assert!(message.starts_with(place) && message.contains(what), "{card}\n{message}");
        }
        assert!(error_in("input: { std: 0 }").contains("std holds 0"));
        assert!(error_in("labels: missing.txt").contains("missing.txt"));
        assert!(error_in("input: { mean: [0.1, 0.2] }").starts_with(":1:10: input: mean has 2"));
        assert!(error_in("inptu: {}").ends_with("did you mean `input`?"));
    }

    #[test]
    fn a_card_may_name_the_labels_that_are_built_in() {
        let folder = folder(&[("net.yaml", "labels: imagenet")]);
        let card = Card::discover(&folder.path().join("net.onnx")).unwrap().unwrap();
        assert_eq!(card.labels.unwrap().name(281), Some("tabby"));
        // A file of that name is meant where there is one.
        std::fs::write(folder.path().join("imagenet"), "cat\ndog\n").unwrap();
        let card = Card::discover(&folder.path().join("net.onnx")).unwrap().unwrap();
        assert_eq!(card.labels.unwrap().names(), ["cat", "dog"]);
    }

    #[test]
    fn labels_lie_below_the_folder_of_the_card() {
        let folder = folder(&[("names.txt", "cat\ndog\n")]);
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let read = |labels: &str| {
            fs::write(inner.join("net.yaml"), format!("labels: {labels}\n")).unwrap();
            Card::read(&inner.join("net.yaml")).map_err(|error| format!("{error:#}"))
        };
        for labels in ["../names.txt", "/etc/hostname", "x/../../names.txt"] {
            fs::create_dir_all(inner.join("x")).unwrap();
            let message = read(labels).unwrap_err();
            assert!(message.contains("net.yaml:1:1: ") && message.contains("outside"), "{message}");
            assert!(message.contains("--labels"), "{message}");
        }
        fs::copy(folder.path().join("names.txt"), inner.join("x/names.txt")).unwrap();
        assert_eq!(read("x/names.txt").unwrap().labels.unwrap().names(), ["cat", "dog"]);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("../names.txt", inner.join("link.txt")).unwrap();
            assert!(read("link.txt").unwrap_err().contains("outside the folder of the card"));
        }
    }

    #[test]
    fn a_file_that_is_no_card_says_how_to_go_without() {
        let folder = folder(&[("net.yaml", "trainer: { epochs: 3 }")]);
        let error = Card::discover(&folder.path().join("net.onnx")).unwrap_err();
        let message = format!("{error:#}");
        assert!(message.contains("net.yaml:1:1: unknown field `trainer`"), "{message}");
        assert!(message.contains("rename it") && message.contains("--preprocess"), "{message}");
    }

    #[test]
    fn two_cards_are_an_error_and_none_is_none() {
        let folder = folder(&[("net.yaml", "{}"), ("net.yml", "{}")]);
        let error = Card::discover(&folder.path().join("net.onnx")).unwrap_err();
        assert!(error.to_string().contains("remove one"));
        assert_eq!(Card::discover(&folder.path().join("other.onnx")).unwrap(), None);
    }

    #[test]
    fn presets_and_files_by_name() {
        let folder = folder(&[("my.yaml", "source: mine")]);
        assert_eq!(Card::named("caffe").unwrap().input, Preprocessing::preset("caffe"));
        let path = folder.path().join("my.yaml");
        assert_eq!(Card::named(path.to_str().unwrap()).unwrap().source.as_deref(), Some("mine"));
        let message = Card::named("imagnet").unwrap_err().to_string();
        assert!(
            message.contains("did you mean `imagenet`?") && message.contains("tensorflow"),
            "{message}"
        );
        assert!(!Card::named("some/file.yaml").unwrap_err().to_string().contains("did you mean"));
    }

    #[test]
    fn a_guess_says_that_it_is_one() {
        let clues = Clues { producer: "pytorch".to_string(), ..Clues::default() };
        let card = Card::guessed(&clues);
        assert!(card.origin.starts_with("a guess: preset imagenet, because no model card"));
        let card = Card::guessed(&Clues { producer: "tf2onnx".to_string(), ..clues });
        assert!(card.origin.contains("preset keras, because tf2onnx wrote the file, and no model"));
    }
}
