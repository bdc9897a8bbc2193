//! The `kind` condition of an entry: one kind of layer, or a list.

use serde::de::value::{Error, StrDeserializer};
use serde::de::{self, Deserialize, Deserializer, SeqAccess};

use crate::network::Kind;
use crate::suggest::spelled::{self, Spelled};

/// One kind of layer, or several.
#[derive(Clone, Debug)]
pub struct Kinds(Vec<Kind>);

impl Kinds {
    /// Whether a kind is one of them.
    pub fn contains(&self, kind: Kind) -> bool {
        self.0.contains(&kind)
    }
}

/// The kind of that name; the error lists the names of all kinds.
fn kind<E: de::Error>(name: &str) -> Result<Kind, E> {
    let found = Kind::deserialize(StrDeserializer::<Error>::new(name));
    found.map_err(|error| E::custom(error.to_string().replace("unknown variant", "unknown kind")))
}

impl<'de> Deserialize<'de> for Kinds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Kinds, D::Error> {
        spelled::read(deserializer)
    }
}

impl<'de> Spelled<'de> for Kinds {
    const EXPECTED: &'static str = "a kind of layer, or a list of kinds";

    fn from_text<E: de::Error>(name: &str) -> Result<Kinds, E> {
        Ok(Kinds(vec![kind(name)?]))
    }

    fn from_list<A: SeqAccess<'de>>(mut names: A) -> Result<Kinds, A::Error> {
        let mut kinds = vec![];
        while let Some(name) = names.next_element::<String>()? {
            kinds.push(kind(&name)?);
        }
        Ok(Kinds(kinds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(yaml: &str) -> String {
        serde_yaml::from_str::<Kinds>(yaml).unwrap_err().to_string()
    }

    #[test]
    fn one_kind_or_a_list() {
        let kinds = |yaml: &str| serde_yaml::from_str::<Kinds>(yaml).unwrap().0;
        assert_eq!(kinds("dense"), [Kind::Dense]);
        assert_eq!(kinds("[max-pool, matmul]"), [Kind::MaxPool, Kind::Matmul]);
    }

    #[test]
    fn a_wrong_kind_is_told_all_of_them() {
        for yaml in ["convolutoin", "[dense, convolutoin]"] {
            let message = message(yaml);
            assert!(message.contains("unknown kind `convolutoin`"), "{message}");
            for kind in Kind::ALL {
                assert!(message.contains(&format!("`{}`", kind.word())), "{message}");
            }
        }
        assert!(message("3").contains("expected a kind of layer, or a list of kinds"));
    }
}
