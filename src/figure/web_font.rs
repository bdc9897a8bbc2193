//! Fonts that an SVG carries, so that other scripts than Latin look the same for every viewer: small fonts whole, with what
//! joins their letters; of large ones the characters that are used (OpenType 1.9).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, anyhow};
use rustybuzz::Face;
use rustybuzz::ttf_parser::Tag;
use subsetter::GlyphRemapper;

use super::fonts::FontFile;

/// Larger fonts are divided. Those that join letters are smaller.
const WHOLE: usize = 256 * 1024;

/// A font file for these characters.
///
/// # Errors
/// When the font cannot be divided.
pub fn web_font(file: &FontFile, face: &Face, characters: &BTreeSet<char>) -> Result<Vec<u8>> {
    if file.data().len() <= WHOLE && file.index() == 0 {
        return Ok(file.data().to_vec());
    }
    let mut glyphs = GlyphRemapper::new();
    let numbered = characters.iter().filter_map(|character| {
        let glyph = face.glyph_index(*character)?;
        Some((u32::from(*character), u32::from(glyphs.remap(glyph.0))))
    });
    let numbered: Vec<(u32, u32)> = numbered.collect();
    let subset = subsetter::subset(file.data(), file.index(), &glyphs);
    let subset = subset.map_err(|error| anyhow!("a font cannot be embedded: {error}"))?;
    let mut tables = tables(&subset).context("a font cannot be embedded")?;
    tables.insert(*b"cmap", character_map(&numbered));
    // Without names of glyphs.
    tables.insert(*b"post", [&[0, 3, 0, 0][..], &[0; 28]].concat());
    if let Some(metrics) = face.raw_face().table(Tag::from_bytes(b"OS/2")) {
        tables.insert(*b"OS/2", metrics.to_vec());
    }
    Ok(font_file(&subset[..4], tables))
}

type Tables = BTreeMap<[u8; 4], Vec<u8>>;

/// The tables of a font file; `None` where it is damaged.
fn tables(file: &[u8]) -> Option<Tables> {
    let number =
        |at: usize| Some(u32::from_be_bytes(file.get(at..at + 4)?.try_into().ok()?) as usize);
    let count = usize::from(u16::from_be_bytes(file.get(4..6)?.try_into().ok()?));
    let table = |index: usize| {
        let record = 12 + 16 * index;
        let tag: [u8; 4] = file.get(record..record + 4)?.try_into().ok()?;
        let (start, length) = (number(record + 8)?, number(record + 12)?);
        Some((tag, file.get(start..start + length)?.to_vec()))
    };
    (0..count).map(table).collect()
}

/// The glyph of every character: a table of format 12, a group each.
fn character_map(glyphs: &[(u32, u32)]) -> Vec<u8> {
    let mut groups = vec![];
    for (character, glyph) in glyphs {
        [character, character, glyph].iter().for_each(|it| groups.extend(it.to_be_bytes()));
    }
    let mut map = vec![];
    // One table, for Windows and the whole of Unicode, behind this head.
    [0u16, 1, 3, 10].iter().for_each(|it| map.extend(it.to_be_bytes()));
    map.extend(12u32.to_be_bytes());
    [12u16, 0].iter().for_each(|it| map.extend(it.to_be_bytes()));
    let count = glyphs.len() as u32;
    [16 + 12 * count, 0, count].iter().for_each(|it| map.extend(it.to_be_bytes()));
    map.extend(groups);
    map
}

/// A font file of these tables.
fn font_file(version: &[u8], tables: Tables) -> Vec<u8> {
    let count = tables.len() as u16;
    let power = count.checked_ilog2().unwrap_or(0) as u16;
    let search = 16 << power;
    let mut head = version.to_vec();
    [count, search, power, 16 * count - search].iter().for_each(|it| head.extend(it.to_be_bytes()));
    let mut body = vec![];
    let start = head.len() + 16 * tables.len();
    let mut place_of_head = None;
    for (tag, mut table) in tables {
        let length = table.len() as u32;
        if tag == *b"head" && table.len() >= 12 {
            // The sum over the whole file comes here when the file is complete.
            table[8..12].fill(0);
            place_of_head = Some(start + body.len());
        }
        table.resize(table.len().next_multiple_of(4), 0);
        head.extend(tag);
        [sum(&table), (start + body.len()) as u32, length]
            .iter()
            .for_each(|it| head.extend(it.to_be_bytes()));
        body.extend(table);
    }
    let mut file = [head, body].concat();
    if let Some(place) = place_of_head {
        let adjustment = 0xB1B0_AFBA_u32.wrapping_sub(sum(&file));
        file[place + 8..place + 12].copy_from_slice(&adjustment.to_be_bytes());
    }
    file
}

/// The sum of the words of a table.
fn sum(table: &[u8]) -> u32 {
    let word = |bytes: &[u8]| {
        let mut word = [0; 4];
        word[..bytes.len()].copy_from_slice(bytes);
        u32::from_be_bytes(word)
    };
    table.chunks(4).map(word).fold(0, u32::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::super::fonts::Fonts;
    use super::*;

    #[test]
    fn a_divided_font_has_the_outlines_of_its_characters_and_no_others() {
        let text = "虎斑貓🐱";
        let fonts = Fonts::for_text(text);
        let characters: BTreeSet<char> = text.chars().collect();
        let mut found = 0;
        for file in fonts.files().iter().filter(|file| file.data().len() > WHOLE) {
            let whole = file.face().unwrap();
            let font = web_font(file, &whole, &characters).unwrap();
            assert!(font.len() < 60_000, "{}", font.len());
            // The whole file adds up to the number that its head promises.
            assert_eq!(sum(&font), 0xB1B0_AFBA);
            let face = Face::from_slice(&font, 0).unwrap();
            let outline = |face: &Face, character: char| {
                let glyph = face.glyph_index(character)?;
                Some((face.glyph_bounding_box(glyph), face.glyph_hor_advance(glyph)))
            };
            for character in text.chars() {
                assert_eq!(outline(&face, character), outline(&whole, character));
                found += usize::from(outline(&face, character).is_some());
            }
            assert_eq!(face.glyph_index('犬'), None);
            assert_eq!(face.units_per_em(), whole.units_per_em());
            assert_eq!(face.ascender(), whole.ascender());
        }
        assert_eq!(found, 4);
    }

    #[test]
    fn a_small_font_stays_whole() {
        let fonts = Fonts::for_text("قطة");
        let file = &fonts.files()[3];
        let font = web_font(file, &file.face().unwrap(), &BTreeSet::from(['ق'])).unwrap();
        assert_eq!(font, file.data());
    }
}
