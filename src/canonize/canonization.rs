//! The canonization passes that a composite asks for.

use std::fmt;

use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserializer, SeqAccess, Unexpected, Visitor};

/// Which canonization passes run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Canonization {
    /// All.
    #[default]
    All,
    /// None.
    None,
    /// Those named.
    Only(Vec<String>),
}

impl<'de> Deserialize<'de> for Canonization {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Canonization, D::Error> {
        // By a visitor, whose errors have their place in the file.
        struct CanonizationVisitor;
        impl<'de> Visitor<'de> for CanonizationVisitor {
            type Value = Canonization;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("`all`, `none` or a list of passes")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Canonization, E> {
                match word {
                    "all" => Ok(Canonization::All),
                    "none" => Ok(Canonization::None),
                    _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Canonization, A::Error> {
                let passes = Vec::deserialize(SeqAccessDeserializer::new(list))?;
                Ok(Canonization::Only(passes))
            }
        }
        deserializer.deserialize_any(CanonizationVisitor)
    }
}
