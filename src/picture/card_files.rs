//! Finding the model card: beside the model, or by the name that the user gave.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, ensure};

use super::card::{Card, unknown_name};
use super::huggingface;
use super::preprocess::Preprocessing;

impl Card {
    /// Looks beside a model for its card: `STEM.yaml` or `STEM.yml`, else the JSON files that come with models from
    /// Hugging Face and timm. None if there is nothing.
    ///
    /// # Errors
    /// A card is there but cannot be read, or two of them are.
    pub fn discover(model: &Path) -> Result<Option<Self>> {
        let found: Vec<PathBuf> = ["yaml", "yml"]
            .iter()
            .map(|extension| model.with_extension(extension))
            .filter(|path| path.is_file())
            .collect();
        ensure!(
            found.len() < 2,
            "both {} and {} lie beside the model: remove one, or name one with --preprocess",
            found[0].display(),
            found[1].display()
        );
        match found.first() {
            Some(path) => Self::read(path).map(Some).map_err(|error| {
                let why = anyhow!(
                    "{} is taken for the model's card, because it lies beside the model and has its name: to go \
                     without it, rename it, or name the preprocessing with --preprocess",
                    path.display()
                );
                why.context(format!("{error:#}"))
            }),
            None => huggingface::discover(model),
        }
    }

    /// The card that `--preprocess` names: a preset, a YAML card, or a `.json` file as Hugging Face and timm write it.
    ///
    /// # Errors
    /// There is neither such a preset nor such a file, or the file cannot be read.
    pub fn named(text: &str) -> Result<Self> {
        if let Some(input) = Preprocessing::preset(text) {
            return Ok(Self::of_preset(input, format!("preset {text}")));
        }
        let path = Path::new(text);
        if !path.is_file() {
            return Err(unknown_name(text));
        }
        if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json")) {
            return huggingface::read(path);
        }
        Self::read(path)
    }
}
