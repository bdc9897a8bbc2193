//! Values that people may write in more than one way: one number or a list, a name or a mapping.
//!
//! serde has `untagged` for this, but its errors have neither the place in the file nor what stands there.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

/// A value with more than one spelling. What a type does not read is an error that says what was found.
pub trait Spelled<'de>: Sized {
    /// What can be written; messages say "expected ..." before it.
    const EXPECTED: &'static str;

    /// Reads a number.
    ///
    /// # Errors
    /// When the value is no number, or not this one.
    fn from_number<E: Error>(number: f64) -> Result<Self, E> {
        let found = match number as i64 {
            whole if whole as f64 == number => Unexpected::Signed(whole),
            _ => Unexpected::Float(number),
        };
        Err(E::invalid_type(found, &Self::EXPECTED))
    }

    /// Reads a whole number from 0 upwards.
    ///
    /// # Errors
    /// When the value is no such number, or not this one.
    fn from_whole<E: Error>(number: u64) -> Result<Self, E> {
        Self::from_number(number as f64)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// When the value is no text, or not this one.
    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        Err(E::invalid_type(Unexpected::Str(text), &Self::EXPECTED))
    }

    /// Reads a list.
    ///
    /// # Errors
    /// When the value is no list, or not this one.
    fn from_list<A: SeqAccess<'de>>(_: A) -> Result<Self, A::Error> {
        Err(A::Error::invalid_type(Unexpected::Seq, &Self::EXPECTED))
    }

    /// Reads a mapping.
    ///
    /// # Errors
    /// When the value is no mapping, or not this one.
    fn from_map<A: MapAccess<'de>>(_: A) -> Result<Self, A::Error> {
        Err(A::Error::invalid_type(Unexpected::Map, &Self::EXPECTED))
    }
}

/// Reads a value in any of its spellings.
///
/// # Errors
/// When it is written in none of them.
pub fn read<'de, T: Spelled<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Reader(PhantomData))
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: Spelled<'de>> Visitor<'de> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        T::from_number(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::from_whole(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        match u64::try_from(number) {
            Ok(number) => T::from_whole(number),
            Err(_) => T::from_number(number as f64),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::from_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_map(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Word(String);

    impl Spelled<'_> for Word {
        const EXPECTED: &'static str = "a word or a whole number";

        fn from_text<E: Error>(text: &str) -> Result<Word, E> {
            Ok(Word(text.to_string()))
        }

        fn from_whole<E: Error>(number: u64) -> Result<Word, E> {
            Ok(Word(number.to_string()))
        }
    }

    #[test]
    fn what_is_not_read_is_named() {
        let word = |yaml: &str| {
            read::<Word, _>(serde_yaml::Deserializer::from_str(yaml))
                .map_err(|error| error.to_string())
        };
        assert_eq!(word("cat").unwrap().0, "cat");
        assert_eq!(word("18446744073709551615").unwrap().0, "18446744073709551615");
        for (yaml, found) in [
            ("1.5", "floating point `1.5`"),
            ("-3", "integer `-3`"),
            ("2.0", "integer `2`"),
            ("[a]", "sequence"),
            ("a: 1", "map"),
            ("true", "boolean `true`"),
            ("~", "unit value"),
        ] {
            let told = word(yaml).unwrap_err();
            let expected = format!("invalid type: {found}, expected a word or a whole number");
            assert!(told.starts_with(&expected), "{told}");
        }
    }
}
