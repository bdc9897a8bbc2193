//! Lines of text: cleaned, measured, wrapped and cut.

use super::fonts::is_invisible;
use super::typeset::{Style, Typesetter};

impl Typesetter<'_> {
    /// Text without line breaks and control characters, in which the number of a character stands for it where no font
    /// has it: a box would not say which one it was.
    pub fn cleaned(&self, text: &str) -> String {
        let mut cleaned = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                it if it.is_control() || it.is_whitespace() => cleaned.push(' '),
                it if is_skin_tone(it) && self.font_of(it, false).is_none() => {}
                it if is_invisible(it) || self.font_of(it, false).is_some() => cleaned.push(it),
                it => cleaned.push_str(&format!("[U+{:04X}]", u32::from(it))),
            }
        }
        cleaned.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// The width of a text.
    pub fn width(&self, text: &str, style: Style) -> f32 {
        self.line(text, style).width
    }

    /// Lines no wider than `width`, at most `most`; what does not fit is cut, and marked by an ellipsis.
    pub fn lines(&self, text: &str, style: Style, width: f32, most: usize) -> Vec<String> {
        let mut lines: Vec<String> = vec![];
        let mut line = String::new();
        for (piece, has_space) in self.pieces(text, style, width) {
            let space = if has_space && !line.is_empty() { " " } else { "" };
            let longer = format!("{line}{space}{piece}");
            if line.is_empty() || self.width(&longer, style) <= width {
                line = longer;
            } else if lines.len() + 1 < most {
                lines.push(std::mem::replace(&mut line, piece));
            } else {
                line = self.cut(&format!("{line} …"), style, width);
                break;
            }
        }
        lines.push(line);
        lines
    }

    /// Words, and parts of those that are wider than a line; whether a space stood before each.
    fn pieces(&self, text: &str, style: Style, width: f32) -> Vec<(String, bool)> {
        let cleaned = self.cleaned(text);
        let mut pieces = vec![];
        for word in cleaned.split(' ') {
            let mut has_space = true;
            if !word.contains(breaks_before) && self.width(word, style) <= width {
                pieces.push((word.to_string(), has_space));
                continue;
            }
            let mut piece = String::new();
            for character in word.chars() {
                let is_full = breaks_before(character) && !piece.is_empty()
                    || self.width(&format!("{piece}{character}"), style) > width;
                if is_full && !piece.is_empty() && !is_invisible(character) {
                    pieces.push((std::mem::take(&mut piece), has_space));
                    has_space = false;
                }
                piece.push(character);
            }
            pieces.push((piece, has_space));
        }
        pieces
    }

    /// The text without as much of its end as does not fit; the last character, an ellipsis, stays.
    fn cut(&self, text: &str, style: Style, width: f32) -> String {
        let mut kept: Vec<char> = text.chars().collect();
        while kept.len() > 1 && self.width(&kept.iter().collect::<String>(), style) > width {
            kept.remove(kept.len() - 2);
        }
        kept.into_iter().collect()
    }
}

/// Chinese and Japanese are broken between any two characters.
fn breaks_before(character: char) -> bool {
    matches!(character, '\u{2e80}'..='\u{2fff}' | '\u{3041}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

fn is_skin_tone(character: char) -> bool {
    matches!(character, '\u{1f3fb}'..='\u{1f3ff}')
}

#[cfg(test)]
mod tests {
    use super::super::fonts::Fonts;
    use super::*;

    const STYLE: Style = Style { size: 10.0, is_bold: false };

    fn with_fonts<T>(text: &str, check: impl FnOnce(&Typesetter) -> T) -> T {
        let fonts = Fonts::for_text(text);
        check(&Typesetter::new(&fonts))
    }

    #[test]
    fn text_is_wrapped_within_the_width_and_cut_at_the_end() {
        let text =
            "American Staffordshire terrier, Staffordshire terrier, American pit bull terrier";
        with_fonts(text, |setter| {
            let lines = setter.lines(text, STYLE, 120.0, 9);
            assert_eq!(lines.join(" "), text);
            let fits = |line: &String| setter.width(line, STYLE) <= 120.0;
            assert!(lines.len() > 2 && lines.iter().all(fits), "{lines:?}");
            let cut = setter.lines(text, STYLE, 120.0, 2);
            assert!(cut.len() == 2 && cut[1].ends_with('…'), "{cut:?}");
            assert!(cut.iter().all(fits), "{cut:?}");
        });
    }

    #[test]
    fn what_has_no_spaces_is_broken_too() {
        for text in ["x".repeat(100), "虎斑貓".repeat(20)] {
            with_fonts(&text, |setter| {
                let lines = setter.lines(&text, STYLE, 90.0, 100);
                assert_eq!(lines.concat(), text);
                let fits = |line: &String| setter.width(line, STYLE) <= 90.0;
                assert!(lines.iter().all(fits), "{lines:?}");
            });
        }
    }

    #[test]
    fn embedded_fonts_have_the_scripts_that_the_readme_names() {
        let text =
            "Кошка γάτα con mèo قطة חתול बिल्ली বিড়াল பூனை แมว კატა կատու 虎斑貓 猫は 고양이 🐱🚀";
        with_fonts("", |setter| assert_eq!(setter.cleaned(text), text));
    }

    #[test]
    fn a_character_that_no_font_has_is_shown_by_its_number() {
        with_fonts("", |setter| {
            assert_eq!(setter.cleaned("a\u{10fffd}\n\tb"), "a[U+10FFFD] b");
            assert_eq!(setter.cleaned("👍🏽"), "👍");
        });
    }
}
