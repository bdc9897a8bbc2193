//! From a line of text to glyphs: which font, which glyphs, where.
//!
//! The line is divided into runs of one direction (Unicode's bidirectional algorithm), these into runs of one font, and
//! each is shaped: letters are joined, accents are put in their places.

use rustybuzz::{Direction, Face, UnicodeBuffer, shape};
use unicode_bidi::{BidiInfo, Level};

use super::fonts::{BOLD_FONT, FontFile, Fonts, can_draw, is_invisible};

/// How a text is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    pub size: f32,
    pub is_bold: bool,
}

/// A glyph, in the unit of the page, from the left end of the line's base line.
#[derive(Clone, Debug, PartialEq)]
pub struct Glyph {
    /// The place of its font.
    pub font: usize,
    /// Its number there.
    pub number: u16,
    pub x: f32,
    /// Upwards.
    pub y: f32,
    /// The text that it stands for; empty for a part of what another one stands for.
    pub text: String,
}

/// A line of glyphs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    pub glyphs: Vec<Glyph>,
    pub width: f32,
}

/// The fonts, read.
pub struct Typesetter<'a> {
    faces: Vec<Option<Face<'a>>>,
}

impl<'a> Typesetter<'a> {
    /// Reads the fonts.
    pub fn new(fonts: &'a Fonts) -> Typesetter<'a> {
        Typesetter { faces: fonts.files().iter().map(FontFile::face).collect() }
    }

    /// A font.
    pub fn face(&self, font: usize) -> Option<&Face<'a>> {
        self.faces.get(font)?.as_ref()
    }

    /// The font that a character is set in.
    pub fn font_of(&self, character: char, is_bold: bool) -> Option<usize> {
        let has = |font: &usize| self.face(*font).is_some_and(|face| can_draw(face, character));
        let bold = is_bold.then_some(BOLD_FONT);
        bold.into_iter().chain(0..self.faces.len()).find(has)
    }

    /// Sets a line.
    pub fn line(&self, text: &str, style: Style) -> Line {
        let mut line = Line::default();
        let info = BidiInfo::new(text, Some(Level::ltr()));
        for paragraph in &info.paragraphs {
            let (levels, runs) = info.visual_runs(paragraph, paragraph.range.clone());
            for run in runs {
                let is_leftwards = levels.get(run.start).is_some_and(Level::is_rtl);
                self.add_run(&mut line, &text[run], is_leftwards, style);
            }
        }
        line
    }

    /// Adds text of one direction.
    fn add_run(&self, line: &mut Line, text: &str, is_leftwards: bool, style: Style) {
        let mut parts = self.parts(text, style.is_bold);
        if is_leftwards {
            parts.reverse();
        }
        for (font, part) in parts {
            let Some(face) = self.face(font) else { continue };
            let mut buffer = UnicodeBuffer::new();
            buffer.push_str(part);
            buffer.guess_segment_properties();
            buffer.set_direction(match is_leftwards {
                true => Direction::RightToLeft,
                false => Direction::LeftToRight,
            });
            let unit = style.size / face.units_per_em() as f32;
            let shaped = shape(face, &[], buffer);
            let clusters: Vec<usize> =
                shaped.glyph_infos().iter().map(|glyph| glyph.cluster as usize).collect();
            let glyphs = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
            for (index, (glyph, position)) in glyphs.enumerate() {
                line.glyphs.push(Glyph {
                    font,
                    number: u16::try_from(glyph.glyph_id).unwrap_or(0),
                    x: line.width + unit * position.x_offset as f32,
                    y: unit * position.y_offset as f32,
                    text: cluster_text(part, &clusters, index).to_string(),
                });
                line.width += unit * position.x_advance as f32;
            }
        }
    }

    /// Divides text into parts of one font each.
    fn parts<'b>(&self, text: &'b str, is_bold: bool) -> Vec<(usize, &'b str)> {
        let mut parts: Vec<(usize, usize)> = vec![];
        for (start, character) in text.char_indices() {
            let last = parts.last().map(|part| part.0);
            // What has no shape of its own belongs to what stands before it; accents too, where the font has them.
            let has = |font: &usize| self.face(*font).is_some_and(|face| can_draw(face, character));
            let is_mark = matches!(character, '\u{300}'..='\u{36f}');
            let stays = |font: &usize| is_invisible(character) || is_mark && has(font);
            let font = last.filter(stays).or_else(|| self.font_of(character, is_bold));
            let font = font.or(last).unwrap_or(0);
            if last != Some(font) {
                parts.push((font, start));
            }
        }
        let ends = parts.iter().skip(1).map(|part| part.1).chain([text.len()]);
        parts.iter().zip(ends).map(|((font, start), end)| (*font, &text[*start..end])).collect()
    }
}

/// The text of a glyph: that of its cluster for the first glyph of one, nothing for the others.
fn cluster_text<'a>(text: &'a str, clusters: &[usize], index: usize) -> &'a str {
    let start = clusters[index];
    if index > 0 && clusters[index - 1] == start {
        return "";
    }
    let end = clusters.iter().copied().filter(|other| *other > start).min().unwrap_or(text.len());
    &text[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style { size: 10.0, is_bold: false };

    fn line(text: &str) -> Line {
        let fonts = Fonts::for_text(text);
        Typesetter::new(&fonts).line(text, STYLE)
    }

    #[test]
    fn glyphs_stand_for_all_of_the_text() {
        for text in ["tabby", "fi fl", "قطة", "חתול 12", "बिल्ली", "虎斑貓 🐱", "e\u{301}a"]
        {
            let line = line(text);
            let mut told: Vec<char> = line.glyphs.iter().flat_map(|it| it.text.chars()).collect();
            let mut all: Vec<char> = text.chars().collect();
            told.sort_unstable();
            all.sort_unstable();
            assert_eq!(told, all, "{text}");
            assert!(line.width > 10.0 && line.glyphs.iter().all(|it| it.number > 0), "{text}");
        }
    }

    #[test]
    fn right_to_left_text_runs_leftwards_and_numbers_do_not() {
        let texts = |text: &str| -> Vec<String> {
            line(text)
                .glyphs
                .into_iter()
                .map(|glyph| glyph.text)
                .filter(|it| !it.is_empty())
                .collect()
        };
        assert_eq!(texts("אבג").concat(), "גבא");
        assert_eq!(texts("a אב 12 c").concat(), "a 12 בא c");
    }

    #[test]
    fn bold_text_has_the_bold_font_where_it_has_the_character() {
        let fonts = Fonts::for_text("aγ");
        let line = Typesetter::new(&fonts).line("aγ", Style { size: 10.0, is_bold: true });
        assert_eq!(line.glyphs.iter().map(|glyph| glyph.font).collect::<Vec<_>>(), [1, 2]);
    }
}
