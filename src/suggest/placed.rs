//! Errors in YAML and JSON that people write: `file:line:column: what; did you mean`, the form that editors jump to,
//! in words that need no knowledge of Rust.

use anyhow::{Error, Result, anyhow};
use serde::de::DeserializeOwned;

use super::explained;
use crate::yaml;

/// Reads YAML; `origin` names the text in errors.
///
/// # Errors
/// When the text is no YAML, or not what is expected: with line and column.
pub fn from_yaml<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T> {
    yaml::from_yaml(text).map_err(|error| {
        // What is no YAML is told first: it is read in passing, and a part of it may have made no sense before.
        let error = yaml::from_yaml::<serde_yaml::Value>(text).err().unwrap_or(error);
        let place = error.location().map(|at| (at.line(), at.column()));
        if let Some((place, told)) = yaml::own_words(text, &error.to_string(), place) {
            return placed(origin, place, &shortened(&told));
        }
        let (place, error) = match (place, deep_line(&error.to_string())) {
            (None, Some((line, told))) => (Some((line, 1)), told),
            (place, _) => (place, error.to_string()),
        };
        let line = place.and_then(|(line, _)| text.lines().nth(line.saturating_sub(1)));
        let message = without_place(&error, place);
        placed(origin, place, &shortened(&about_syntax(&message, line.unwrap_or_default())))
    })
}

/// The line that a message of [`yaml`] begins with, and the rest.
fn deep_line(message: &str) -> Option<(usize, String)> {
    let (line, told) = message.strip_prefix("line ")?.split_once(": ")?;
    Some((line.parse().ok()?, told.to_string()))
}

/// Reads JSON; `origin` names the text in errors.
///
/// # Errors
/// When the text is no JSON, or not what is expected: with line and column.
pub fn from_json<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let place = (error.line() > 0).then(|| (error.line(), error.column().max(1)));
        placed(origin, place, &shortened(&without_place(&error.to_string(), place)))
    })
}

/// The longest value that an error repeats.
const LONGEST: usize = 80;

/// The message with what it repeats from the text cut off where it is long.
fn shortened(message: &str) -> String {
    let in_quotes = |message: &str, quote: &str| {
        let parts = message.split(quote).enumerate();
        let parts = parts
            .map(|(index, part)| if index % 2 == 1 { cut(part, LONGEST) } else { part.into() });
        parts.collect::<Vec<String>>().join(quote)
    };
    let message = in_quotes(&in_quotes(message, "`"), "\"");
    // Keys stand without quotes, in the path to what is wrong.
    let words: Vec<String> = message.split(' ').map(|word| cut(word, 2 * LONGEST)).collect();
    words.join(" ")
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_string(),
    }
}

/// An error about what a text says, at the place of the first key that its message names; of several in a row
/// (`input: mean ...`), the last, which stands behind the others.
pub fn at_key(text: &str, origin: &str, error: &Error) -> Error {
    let message = format!("{error:#}");
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
    let words = message.split(|character| !is_part(character)).filter(|it| !it.is_empty());
    let mut before = (0, 0);
    let places = words.map(|word| {
        let place = place_of_key(text, word, before)?;
        before = place;
        Some(place)
    });
    let place = places.skip_while(Option::is_none).map_while(|place| place).last();
    placed(origin, place, &message)
}

/// Line and column, counted from 1, of the first key of that name behind a place.
fn place_of_key(text: &str, key: &str, before: (usize, usize)) -> Option<(usize, usize)> {
    text.lines().enumerate().find_map(|(number, line)| {
        let column = |at: usize| line[..at].chars().count() + 1;
        let places = line.match_indices(key).filter(|&(at, _)| (number + 1, column(at)) > before);
        let is_key = |&(at, _): &(usize, &str)| {
            let (before, behind) = (&line[..at], &line[at + key.len()..]);
            let behind = behind.trim_start_matches(['"', '\'']).trim_start();
            let starts = before.chars().next_back();
            let starts = starts.is_none_or(|it| it.is_whitespace() || "\"'{,".contains(it));
            starts && behind.starts_with(':')
        };
        let (at, _) = places.into_iter().find(is_key)?;
        Some((number + 1, column(at)))
    })
}

fn placed(origin: &str, place: Option<(usize, usize)>, message: &str) -> Error {
    let message = explained(&plain(message));
    match place {
        Some((line, column)) => anyhow!("{origin}:{line}:{column}: {message}"),
        None => anyhow!("{origin}: {message}"),
    }
}

/// The message without the place that is told before it.
fn without_place(message: &str, place: Option<(usize, usize)>) -> String {
    let Some((line, column)) = place else {
        return message.to_string();
    };
    message.replacen(&format!(" at line {line} column {column}"), "", 1)
}

/// What YAML's reader says about a line that it cannot take apart, in terms of what is written there.
fn about_syntax(message: &str, line: &str) -> String {
    if message.contains("mapping values are not allowed") {
        let written = line.trim().trim_start_matches("- ");
        let nested = written.split_once(": ").filter(|(_, value)| value.contains(':'));
        return match nested {
            Some((key, value)) => {
                format!("there is a second `:` in the line; write `{key}: {{ {value} }}`")
            }
            None => "there is a `:` where none can be: check the indentation".to_string(),
        };
    }
    if message.contains("cannot start any token") && line.contains('\t') {
        return "a tab cannot indent: use spaces".to_string();
    }
    if message.contains("did not find expected key") {
        return format!("{message}: check the indentation");
    }
    message.to_string()
}

/// What deserialization says, without the names of types.
fn plain(message: &str) -> String {
    let message = message
        .replace("unknown variant `", "unknown word `")
        .replace("EndOfStream", "the text ends too early")
        .replace("EOF while parsing", "the text ends within");
    for kind in ["invalid type: ", "invalid value: ", "invalid length "] {
        if let Some((before, rest)) = message.split_once(kind)
            && let Some((found, wanted)) = rest.rsplit_once(", expected ")
        {
            let found = if kind == "invalid length " { values(found) } else { thing(found) };
            return format!("{before}expected {}, not {found}", expectation(wanted));
        }
    }
    message
}

fn values(count: &str) -> String {
    if count == "1" { "1 value".to_string() } else { format!("{count} values") }
}

/// What was found.
fn thing(found: &str) -> String {
    // Of numbers that are too large for 64 bits, their type follows: "`9...9` as u128".
    let quoted = |text: &str| {
        let text = text.trim_start_matches('`');
        text.split_once('`').map_or(text, |(number, _)| number).to_string()
    };
    match found {
        "unit value" | "null" => "nothing".to_string(),
        "sequence" => "a list".to_string(),
        "map" => "a mapping (`key: value`)".to_string(),
        _ => match found.split_once(' ') {
            Some(("string", text)) => format!("the text {text}"),
            Some(("integer", number)) => format!("the number {}", quoted(number)),
            Some(("boolean", word)) => quoted(word),
            _ => match found.strip_prefix("floating point ") {
                Some(number) => format!("the number {}", quoted(number)),
                None => found.to_string(),
            },
        },
    }
}

/// What was expected: our own types say it in words, those of Rust by their names.
fn expectation(wanted: &str) -> String {
    let first = wanted.split(' ').next().unwrap_or_default();
    match (wanted, first) {
        (_, "usize" | "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64") => {
            "a whole number".to_string()
        }
        (_, "f32" | "f64") => "a number".to_string(),
        ("any YAML value" | "any valid JSON value", _) => {
            "a number of at most 19 digits".to_string()
        }
        ("a boolean", _) | (_, "bool") => "true or false".to_string(),
        ("a string" | "path string", _) => "a text".to_string(),
        ("a sequence", _) => "a list".to_string(),
        ("a map", _) | (_, "struct") => "a mapping (`key: value`)".to_string(),
        ("variant identifier" | "string or map", _) | (_, "enum") => "a word".to_string(),
        _ => match wanted.strip_prefix("an array of length ") {
            Some(count) => format!("a list of {count}"),
            None => wanted.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Settings {
        size: usize,
        range: Option<[f32; 2]>,
        is_on: Option<bool>,
    }

    fn yaml(text: &str) -> String {
        from_yaml::<Settings>(text, "my.yaml").unwrap_err().to_string()
    }

    fn json(text: &str) -> String {
        from_json::<Settings>(text, "my.json").unwrap_err().to_string()
    }

    #[test]
    fn every_error_has_its_place_and_plain_words() {
        for (text, expected) in [
            ("size: big", "my.yaml:1:7: size: expected a whole number, not the text \"big\""),
            ("size: 1.5", "my.yaml:1:7: size: expected a whole number, not the number 1.5"),
            ("size: 1\nrange: [1]", "my.yaml:2:8: range: expected a list of 2, not 1 value"),
            ("size: 1\nis_on: 3", "my.yaml:2:8: is_on: expected true or false, not the number 3"),
            ("- 1", "my.yaml:1:1: expected a mapping (`key: value`), not a list"),
            (
                "siez: 1",
                "unknown field `siez`, expected one of `size`, `range`, `is_on`; did you mean `size`?",
            ),
            ("size: a: 1", "write `size: { a: 1 }`"),
            ("size:\n\t- 1", "a tab cannot indent: use spaces"),
        ] {
            let message = yaml(text);
            assert!(message.starts_with("my.yaml:") && message.contains(expected), "{message}");
        }
        assert_eq!(
            json("{\n  \"size\": \"1\"}"),
            "my.json:2:13: expected a whole number, not the text \"1\""
        );
        assert!(json("{ \"size\": 1").starts_with("my.json:1:11: the text ends within an object"));
    }

    #[test]
    fn what_is_repeated_is_short() {
        let long = "a".repeat(100_000);
        for text in
            [format!("size: {long}"), format!("{}: 1", &long[..900]), format!("size: \"{long} b\"")]
        {
            let message = yaml(&text);
            assert!(message.len() < 400 && message.contains("aaa…"), "{message}");
        }
        let message = yaml("size: 99999999999999999999");
        assert!(
            message.contains("a number of at most 19 digits, not the number 99999999999999999999")
        );
        assert!(!message.contains("u128"), "{message}");
        assert_eq!(yaml("size: 1\nsize: 2"), "my.yaml:2:1: the key `size` is there twice");
        assert!(yaml("size: 1\n---\nsize: 2").starts_with("my.yaml:2:1: a second document"));
    }

    #[test]
    fn what_a_text_means_has_the_place_of_its_key() {
        let text = "{\n  \"do_resize\": true,\n  \"resample\": 5\n}";
        let error = at_key(text, "a.json", &anyhow!("resample 5 is not supported"));
        assert_eq!(error.to_string(), "a.json:3:4: resample 5 is not supported");
        let error = at_key("std: 0\n", "a.yaml", &anyhow!("std holds 0").context("input"));
        assert_eq!(error.to_string(), "a.yaml:1:1: input: std holds 0");
        let error =
            at_key("input:\n  std: 0\n", "a.yaml", &anyhow!("std holds 0").context("input"));
        assert_eq!(error.to_string(), "a.yaml:2:3: input: std holds 0");
        let text = "resize: { size: 1 }\ninput: { size: 0 }\n";
        let error = at_key(text, "a.yaml", &anyhow!("size is 0").context("input"));
        assert_eq!(error.to_string(), "a.yaml:2:10: input: size is 0");
        let error = at_key("{}", "a.json", &anyhow!("size is missing"));
        assert_eq!(error.to_string(), "a.json: size is missing");
    }
}
