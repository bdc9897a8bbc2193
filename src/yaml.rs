//! YAML of unknown origin: what is nested too deeply is refused before it is parsed.
//!
//! The parser takes time with the square of the depth of brackets: 23 s for 100 000 of them.

use serde::de::{DeserializeOwned, Error as _};

/// The deepest brackets that are parsed; composites and cards have five.
const DEEPEST: usize = 64;

/// The longest text that is parsed.
const LONGEST: usize = 1 << 20;

/// Reads a value from YAML.
///
/// # Errors
/// When the text is no YAML, not what is expected, too long, or nested too deeply.
pub(crate) fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, serde_yaml::Error> {
    if text.len() > LONGEST {
        let told =
            format!("the text is longer than {LONGEST} bytes, which no composite or model card is");
        return Err(serde_yaml::Error::custom(told));
    }
    if let Some(line) = line_of_depth(text) {
        let told = format!("line {line}: brackets are nested more than {DEEPEST} deep");
        return Err(serde_yaml::Error::custom(told));
    }
    serde_yaml::from_str(text)
}

/// The line at which brackets are nested too deeply. Those in comments and quotes do not count.
fn line_of_depth(text: &str) -> Option<usize> {
    let mut depth: usize = 0;
    let mut quote = None;
    for (index, line) in text.lines().enumerate() {
        let mut before = ' ';
        for letter in line.chars() {
            match (quote, letter) {
                (Some(end), _) if letter == end && before != '\\' => quote = None,
                (Some(_), _) => {}
                (None, '#') if before.is_whitespace() => break,
                // Inside a word an apostrophe is a letter.
                (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(letter),
                (None, '[' | '{') => depth += 1,
                (None, ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            before = letter;
        }
        if depth > DEEPEST {
            return Some(index + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_yaml::Value;

    #[test]
    fn deep_brackets_are_refused_at_once() {
        for open in ["[", "{", "{a: ", "[\n"] {
            let error = from_yaml::<Value>(&open.repeat(100_000)).unwrap_err().to_string();
            assert!(error.contains("more than 64 deep"), "{error}");
        }
        let told = from_yaml::<Value>(&" ".repeat(2 << 20)).unwrap_err().to_string();
        assert!(told.contains("longer than 1048576 bytes"), "{told}");
    }

    #[test]
    fn brackets_that_are_text_do_not_count() {
        let quoted =
            format!("about: \"{}\" # {}\nname: it's\nlist: [[1]]", "[".repeat(99), "{".repeat(99));
        from_yaml::<Value>(&quoted).unwrap();
        from_yaml::<Value>(&"- [1, {a: 2}]\n".repeat(200)).unwrap();
    }
}
