//! Text as a terminal may show it: our own styles, and nothing that a name out of a file could make a terminal do.
//!
//! Names of nodes, labels and paths come from strangers, and may hold escape sequences: colours, moves of the cursor,
//! new window titles. All text goes through [`shown`] on its way to a terminal. Our own styles stand in it as
//! noncharacters of Unicode, which become escape sequences there; whatever else controls a terminal is written out.

use std::fmt;

use anstyle::AnsiColor;

/// A style: `{BOLD}text{BOLD:#}`.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    mark: char,
    style: anstyle::Style,
}

/// Names and headings.
pub const BOLD: Style = Style { mark: '\u{fdd1}', style: anstyle::Style::new().bold() };
/// What can be skipped when reading.
pub const DIM: Style = Style { mark: '\u{fdd2}', style: anstyle::Style::new().dimmed() };
/// What went well; bars.
pub const GREEN: Style = Style { mark: '\u{fdd3}', style: AnsiColor::Green.on_default() };
/// Warnings.
pub const YELLOW: Style = Style { mark: '\u{fdd4}', style: AnsiColor::Yellow.on_default().bold() };
/// Errors, and what did not pass.
pub const RED: Style = Style { mark: '\u{fdd5}', style: AnsiColor::Red.on_default().bold() };

const STYLES: [Style; 5] = [BOLD, DIM, GREEN, YELLOW, RED];

/// Where a style ends.
const END: char = '\u{fdd0}';

impl fmt::Display for Style {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        use fmt::Write;
        formatter.write_char(if formatter.alternate() { END } else { self.mark })
    }
}

/// The text with our styles as escape sequences, and everything else that controls a terminal written out, as `\u{1b}`.
/// Lines and tabs stay.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character == END {
            shown.push_str(&anstyle::Reset.render().to_string());
        } else if let Some(style) = STYLES.iter().find(|style| style.mark == character) {
            shown.push_str(&style.style.render().to_string());
        } else if is_control(character) && !matches!(character, '\n' | '\t') {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// A name in a table or a line: nothing in it ends the line, or is wider than it looks.
pub fn name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for character in text.chars() {
        match is_control(character) {
            true => name.extend(character.escape_default()),
            false => name.push(character),
        }
    }
    name
}

/// JSON as a terminal may show it: the same object, with escapes for the controls that JSON allows as they are.
pub fn shown_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        match is_control(character) {
            // They are all below 2^16, where an escape of JSON is one number.
            true => shown.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => shown.push(character),
        }
    }
    shown
}

/// Control characters, and those that turn the direction of text around, so that a name looks like another.
fn is_control(character: char) -> bool {
    let turns = matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_styles_become_escape_sequences_and_those_of_others_text() {
        let text = shown(&format!("{BOLD}a{BOLD:#} \u{1b}[31mb\u{9b}2J\r\n\u{202e}c\td"));
        assert_eq!(text, "\u{1b}[1ma\u{1b}[0m \\u{1b}[31mb\\u{9b}2J\\u{d}\n\\u{202e}c\td");
        assert_eq!(shown("Ä 猫 🐈 ×"), "Ä 猫 🐈 ×");
    }

    #[test]
    fn a_name_stays_in_its_line() {
        assert_eq!(name("a\nb\u{1b}c\td"), "a\\nb\\u{1b}c\\td");
        assert_eq!(name("layer4.conv2 ä"), "layer4.conv2 ä");
    }

    #[test]
    fn escaped_json_is_the_same_object() {
        let object = serde_json::json!({ "a\u{9b}": "\u{1b}\u{7f}\u{202e}\n" });
        let text = shown_json(&object.to_string());
        assert!(text.is_ascii() && !text.contains('\u{7f}'), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), object);
    }
}
