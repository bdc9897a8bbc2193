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
    let text = without_mark(text);
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

/// The text without a byte order mark, which the parser takes for a letter that indents the first line.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Line and column, counted from 1.
pub(crate) type Place = (usize, usize);

/// What the parser says of a text as a whole, in own words and with the place that it means; `None` for everything else.
/// `place` is what the parser names: for a key that is there twice, where its mapping begins.
pub(crate) fn own_words(
    text: &str,
    message: &str,
    place: Option<Place>,
) -> Option<(Option<Place>, String)> {
    let text = without_mark(text);
    if message.contains("more than one document") {
        let told = "a second document begins here (`---`), but a file holds one";
        return Some((second_document(text), told.to_string()));
    }
    if message.contains("repetition limit exceeded") {
        let told = "aliases (`*name`) repeat too many values: write out what is meant";
        return Some((first_alias(text), told.to_string()));
    }
    let (path, rest) = message.split_once("duplicate entry with key ")?;
    let key = rest.split_once(" at line ").map_or(rest, |(key, _)| key).trim_matches('"');
    let second = place.and_then(|place| second_key(text, key, place)).or(place);
    Some((second, format!("{path}the key `{key}` is there twice")))
}

/// Where a line of three dashes ends what was written before.
fn second_document(text: &str) -> Option<Place> {
    let mut is_begun = false;
    for (index, line) in text.lines().enumerate() {
        let is_mark = line
            .strip_prefix("---")
            .is_some_and(|it| it.trim_start().len() < it.len() || it.is_empty());
        if is_mark && is_begun {
            return Some((index + 1, 1));
        }
        is_begun |= is_mark || !(line.trim().is_empty() || line.starts_with(['#', '%']));
    }
    None
}

fn first_alias(text: &str) -> Option<Place> {
    text.lines().enumerate().find_map(|(index, line)| {
        let is_alias = |&(at, _): &(usize, &str)| {
            let before = line[..at].chars().next_back();
            let behind = line[at + 1..].chars().next();
            before.is_none_or(|it| it.is_whitespace() || "[,{".contains(it))
                && behind.is_some_and(char::is_alphanumeric)
        };
        let (at, _) = line.match_indices('*').find(is_alias)?;
        Some((index + 1, line[..at].chars().count() + 1))
    })
}

/// The second place of a key in the mapping that begins at a place: of a block in its column, of `{ ... }` behind it.
fn second_key(text: &str, key: &str, (first, column): Place) -> Option<Place> {
    if key.is_empty() {
        return None;
    }
    let mut lines = text.lines().enumerate().skip(first.saturating_sub(1)).peekable();
    let (begin, opening) = lines.peek()?.1.char_indices().nth(column.saturating_sub(1))?;
    let is_flow = opening == '{';
    let mut is_first_seen = false;
    for (index, line) in lines {
        let is_first_line = index + 1 == first;
        let indent = line.len() - line.trim_start_matches(' ').len();
        let is_text = !line.trim().is_empty() && !line.trim_start().starts_with('#');
        if !is_flow && !is_first_line && is_text && indent + 1 < column {
            return None;
        }
        for (at, _) in line.match_indices(key) {
            let behind = line[at + key.len()..].trim_start_matches(['"', '\'']).trim_start();
            let before = line[..at].trim_end_matches(['"', '\'']);
            let is_here = match (is_flow, is_first_line) {
                (true, true) => before.len() > begin && before.ends_with([' ', ',', '{']),
                (true, false) => before.is_empty() || before.ends_with([' ', ',']),
                (false, true) => before.len() == begin,
                (false, false) => before.len() == indent && indent + 1 == column,
            };
            if behind.starts_with(':') && is_here {
                if is_first_seen {
                    return Some((index + 1, before.chars().count() + 1));
                }
                is_first_seen = true;
            }
        }
    }
    None
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
    fn what_the_parser_says_of_the_whole_has_a_place() {
        let told = |text: &str| {
            let error = from_yaml::<Value>(text).unwrap_err();
            let place = error.location().map(|at| (at.line(), at.column()));
            own_words(text, &error.to_string(), place).unwrap()
        };
        assert_eq!(told("# x\n---\na: 1\n--- # y\nb: 1\n").0, Some((4, 1)));
        for (text, place) in [
            ("name: x\nb: { name: 2 }\nname: y\n", (3, 1)),
            ("a:\n  - b: 1\n    c: 2\n    b: 3\n", (4, 5)),
            ("a: { first: 1, second: 2, first: 3 }\n", (1, 27)),
            ("\"a b\": 1\n'a b': 1\n", (2, 1)),
        ] {
            let (found, words) = told(text);
            assert_eq!(found, Some(place), "{text}");
            assert!(words.ends_with("is there twice"), "{words}");
        }
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_string();
        for number in 1..8 {
            let list = vec![format!("*a{}", number - 1); 9].join(", ");
            bomb.push_str(&format!("a{number}: &a{number} [{list}]\n"));
        }
        assert_eq!(told(&bomb).0, Some((2, 10)));
    }

    #[test]
    fn a_byte_order_mark_is_no_letter() {
        let text = "\u{feff}name: x\nrules:\n  - when: { kind: dense }\n    rule: epsilon\n";
        assert_eq!(from_yaml::<Value>(text).unwrap()["name"], "x");
    }

    #[test]
    fn brackets_that_are_text_do_not_count() {
        let quoted =
            format!("about: \"{}\" # {}\nname: it's\nlist: [[1]]", "[".repeat(99), "{".repeat(99));
        from_yaml::<Value>(&quoted).unwrap();
        from_yaml::<Value>(&"- [1, {a: 2}]\n".repeat(200)).unwrap();
    }
}
