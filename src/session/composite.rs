//! The composite that a user asks for: one that suits the architecture, a preset, or a file.

use std::str::FromStr;

use crate::composite::{self, PRESETS};
use crate::error::{Error, Kind, Result};
use crate::network::Network;

use super::choice::Choice;

/// Which layer gets which rule of relevance propagation.
///
/// The presets are described in `docs/reference/presets.md`; [`Composite::parse`] reads one of your own.
#[derive(Clone, Debug, Default)]
pub struct Composite(
    /// `None`: what suits the architecture.
    Option<Choice>,
);

impl Composite {
    /// The preset that suits the architecture: the default. [`Explainer::composite`](crate::Explainer::composite) says
    /// which it is.
    pub fn auto() -> Composite {
        Composite(None)
    }

    /// `auto`, the name of a preset, or the path of a `.yaml` file.
    ///
    /// # Errors
    /// [`Error::Composite`] when there is neither such a preset nor such a file, or the file is invalid (file, line and
    /// column are named).
    pub fn named(name: &str) -> Result<Composite> {
        match name {
            "auto" => Ok(Composite::auto()),
            name => Ok(Composite(Some(Choice::named(name)?))),
        }
    }

    /// Reads a composite from YAML text.
    ///
    /// # Errors
    /// [`Error::Composite`] names the line and column.
    pub fn parse(yaml: &str) -> Result<Composite> {
        let composite =
            composite::Composite::parse(yaml, "the composite").kind(Error::Composite)?;
        Ok(Composite(Some(Choice { composite, reason: None, is_preset: false })))
    }

    /// The names of all presets.
    pub fn presets() -> impl Iterator<Item = &'static str> {
        PRESETS.iter().map(|preset| preset.name)
    }

    /// Its name; `auto` as long as no network decides.
    pub fn name(&self) -> &str {
        self.0.as_ref().map_or("auto", |choice| &choice.composite.name)
    }

    /// What it is for, and where it comes from; empty for `auto`.
    pub fn about(&self) -> &str {
        self.0.as_ref().map_or("", |choice| &choice.composite.about)
    }

    /// Whether the architecture decides.
    pub fn is_auto(&self) -> bool {
        self.0.is_none()
    }

    /// What is taken for a network.
    pub(super) fn choose(&self, network: &Network) -> Result<Choice> {
        match &self.0 {
            Some(choice) => Ok(choice.clone()),
            None => Choice::automatic(network),
        }
    }
}

/// As [`Composite::named`].
impl FromStr for Composite {
    type Err = Error;

    fn from_str(name: &str) -> Result<Composite> {
        Composite::named(name)
    }
}
