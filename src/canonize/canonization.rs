//! The canonization passes that a composite asks for.

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Unexpected};

use super::find;
use crate::suggest::spelled::{self, Spelled};

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
        spelled::read(deserializer)
    }
}

impl<'de> Spelled<'de> for Canonization {
    const EXPECTED: &'static str = "`all`, `none` or a list of passes";

    fn from_text<E: de::Error>(word: &str) -> Result<Canonization, E> {
        match word {
            "all" => Ok(Canonization::All),
            "none" => Ok(Canonization::None),
            _ => Err(E::invalid_value(Unexpected::Str(word), &Self::EXPECTED)),
        }
    }

    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Canonization, A::Error> {
        let mut passes = vec![];
        while let Some(PassName(name)) = list.next_element()? {
            passes.push(name);
        }
        Ok(Canonization::Only(passes))
    }
}

/// The name of a pass that there is.
struct PassName(String);

impl<'de> Deserialize<'de> for PassName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PassName, D::Error> {
        spelled::read(deserializer)
    }
}

impl Spelled<'_> for PassName {
    const EXPECTED: &'static str = "the name of a pass";

    fn from_text<E: de::Error>(name: &str) -> Result<PassName, E> {
        find(name).map(|pass| PassName(pass.name.to_string())).map_err(E::custom)
    }
}
