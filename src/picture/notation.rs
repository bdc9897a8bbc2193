//! How numbers, sizes and words are written in YAML cards, in reports and on the command line.
//!
//! Readers are lenient where people abbreviate (one number for a square, a fraction such as 1/255), and their errors
//! keep the place in the file.

use anyhow::{Context, Result, bail};
use serde::de::{self, Deserializer, SeqAccess, value};
use serde::{Deserialize, Serialize};

use crate::suggest::spelled::{self, Spelled};

/// The word a unit variant is written as.
pub(super) fn word<T: Serialize>(variant: &T) -> String {
    serde_json::to_value(variant)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// Numbers with spaces between them.
pub(super) fn list(numbers: &[f64]) -> String {
    let words: Vec<String> = numbers.iter().map(f64::to_string).collect();
    words.join(" ")
}

/// Reads `224` or `240x320` (height x width) as [height, width].
///
/// # Errors
/// The text is neither.
pub fn parse_size(text: &str) -> Result<[usize; 2]> {
    let (height, width) = text.split_once('x').unwrap_or((text, text));
    let side = |text: &str| -> Result<usize> {
        text.trim().parse().with_context(|| {
            format!("\"{text}\" is no size in pixels: write 224, or 240x320 for height x width")
        })
    };
    Ok([side(height)?, side(width)?])
}

/// Reads numbers with commas between them, such as `0.485,0.456,0.406`; fractions such as `1/255` are allowed.
///
/// # Errors
/// Names the part that is no number.
pub fn parse_numbers(text: &str) -> Result<Vec<f64>> {
    text.split(',').map(parse_number).collect()
}

fn parse_number(text: &str) -> Result<f64> {
    let plain = |text: &str| text.trim().parse::<f64>().ok();
    let number = match text.split_once('/') {
        Some((top, bottom)) => plain(top).zip(plain(bottom)).map(|(t, b)| t / b),
        None => plain(text),
    };
    match number {
        Some(number) if number.is_finite() => Ok(number),
        _ => bail!("\"{text}\" is no number"),
    }
}

/// A number, or a fraction such as `1/255`.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        spelled::read(deserializer)
    }
}

impl Spelled<'_> for Number {
    const EXPECTED: &'static str = "a number or a fraction such as 1/255";

    fn from_number<E: de::Error>(number: f64) -> Result<Number, E> {
        Ok(Number(number))
    }

    fn from_text<E: de::Error>(text: &str) -> Result<Number, E> {
        parse_number(text).map(Number).map_err(E::custom)
    }
}

/// For fields that hold a [`Number`].
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Number::deserialize(deserializer).map(|number| number.0)
}

/// One number, or a list of them.
pub(super) struct Numbers(pub(super) Vec<f64>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        spelled::read(deserializer)
    }
}

impl<'de> Spelled<'de> for Numbers {
    const EXPECTED: &'static str = "a number or a list of numbers, one per channel";

    fn from_number<E: de::Error>(number: f64) -> Result<Numbers, E> {
        Ok(Numbers(vec![number]))
    }

    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Numbers, A::Error> {
        let mut numbers = Vec::new();
        while let Some(Number(number)) = list.next_element()? {
            numbers.push(number);
        }
        Ok(Numbers(numbers))
    }
}

/// For fields that hold [`Numbers`].
pub(super) fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    Numbers::deserialize(deserializer).map(|numbers| numbers.0)
}

/// A size in pixels: one number for a square, or [height, width].
#[derive(Serialize)]
pub(super) struct Size(pub(super) [usize; 2]);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        spelled::read(deserializer)
    }
}

impl<'de> Spelled<'de> for Size {
    const EXPECTED: &'static str = "a number of pixels or [height, width]";

    fn from_whole<E: de::Error>(side: u64) -> Result<Size, E> {
        let side = usize::try_from(side).map_err(E::custom)?;
        Ok(Size([side, side]))
    }

    fn from_list<A: SeqAccess<'de>>(list: A) -> Result<Size, A::Error> {
        <[usize; 2]>::deserialize(value::SeqAccessDeserializer::new(list)).map(Size)
    }
}

/// For fields that hold a size or nothing.
pub(super) fn optional_size<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<[usize; 2]>, D::Error> {
    Ok(Option::<Size>::deserialize(deserializer)?.map(|size| size.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_numbers_on_the_command_line() {
        assert_eq!(parse_size("224").unwrap(), [224, 224]);
        assert_eq!(parse_size("240x320").unwrap(), [240, 320]);
        assert!(parse_size("240x320x3").is_err());
        assert_eq!(parse_numbers("0.5, 1/4,-1").unwrap(), [0.5, 0.25, -1.0]);
        assert!(parse_numbers("0.5;0.5").is_err());
        assert!(parse_numbers("1/0").is_err());
    }
}
