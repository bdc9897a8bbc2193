//! The canonization passes that a composite asks for.

use serde::Deserialize;

/// Which canonization passes run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "CanonizationText")]
pub enum Canonization {
    /// All.
    #[default]
    All,
    /// None.
    None,
    /// Those named.
    Only(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`all`, `none` or a list of passes")]
enum CanonizationText {
    Word(CanonizationWord),
    Passes(Vec<String>),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CanonizationWord {
    All,
    None,
}

impl From<CanonizationText> for Canonization {
    fn from(text: CanonizationText) -> Canonization {
        match text {
            CanonizationText::Word(CanonizationWord::All) => Canonization::All,
            CanonizationText::Word(CanonizationWord::None) => Canonization::None,
            CanonizationText::Passes(passes) => Canonization::Only(passes),
        }
    }
}
