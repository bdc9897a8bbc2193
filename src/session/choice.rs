//! Which composite is used, and why.

use crate::canonize::{PassSelection, canonize};
use crate::composite::{self, Assignment, Preset, auto_preset};
use crate::error::{Error, Kind, Result};
use crate::network::Network;

use super::notice::{Notice, Topic};

/// A composite, and why it was chosen.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The rules.
    pub composite: composite::Composite,
    /// Where the architecture decided: what spoke for it.
    pub reason: Option<&'static str>,
    /// Whether it comes with the library, so that entries that match no layer are to be expected.
    pub(super) is_preset: bool,
}

impl Choice {
    /// A preset.
    pub(super) fn preset(name: &str) -> Result<Choice> {
        let composite = composite::Composite::find(name).kind(Error::Composite)?;
        Ok(Choice { composite, reason: None, is_preset: true })
    }

    /// The name of a preset, or the path of a `.yaml` file.
    pub(super) fn named(name: &str) -> Result<Choice> {
        let composite = composite::Composite::find(name).kind(Error::Composite)?;
        Ok(Choice { composite, reason: None, is_preset: Preset::find(name).is_some() })
    }

    /// The preset that suits the architecture of a network, as it is in its file or canonized.
    pub(super) fn automatic(network: &Network) -> Result<Choice> {
        let (name, reason) = auto_preset(&recognised(network)?);
        Ok(Choice { reason: Some(reason), ..Choice::preset(name)? })
    }

    /// The choice as people read it.
    pub fn describe(&self) -> String {
        match self.reason {
            Some(reason) => format!("{} (auto: {reason})", self.composite.name),
            None => self.composite.name.clone(),
        }
    }

    /// Says which layers got another rule than the first that matches, and which entries matched no layer: aloud for
    /// a composite of the user's own.
    pub fn unused(&self, assignment: &Assignment) -> Vec<Notice> {
        let notice = match self.is_preset {
            true => Notice::detail,
            false => Notice::warning,
        };
        let replaced = assignment.replaced.iter();
        let replaced = replaced.map(|text| Notice::warning(Topic::Composite, text.as_str()));
        let unused = assignment.warnings.iter().map(|text| notice(Topic::Composite, text.as_str()));
        replaced.chain(unused).collect()
    }
}

/// The network as its family is told by: an activation or a normalization that an exporter wrote as several nodes
/// would look like gates and sums.
pub(super) fn recognised(network: &Network) -> Result<Network> {
    let mut network = network.clone();
    let passes = PassSelection::only(&["layer-normalizations", "activations", "gates"]);
    let canonized = passes.and_then(|passes| canonize(&mut network, &passes));
    canonized.kind(Error::Model)?;
    Ok(network)
}
