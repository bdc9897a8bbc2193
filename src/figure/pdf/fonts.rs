//! The fonts of a PDF: the glyphs that are used of each, with the text that they stand for (ISO 32000-1, 9.7 and 9.10).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, anyhow};
use rustybuzz::ttf_parser::{Face, GlyphId, Tag, name_id};
use subsetter::GlyphRemapper;

use super::super::fonts::Fonts;
use super::super::page::Text;
use super::super::typeset::Typesetter;
use super::objects::{Number, Objects, text_string};

/// The fonts of a page, named `F0`, `F1`, ... in the order in which they are met.
pub struct UsedFonts<'a> {
    setter: &'a Typesetter<'a>,
    fonts: &'a Fonts,
    used: Vec<UsedFont>,
}

struct UsedFont {
    /// Its place among all.
    font: usize,
    glyphs: GlyphRemapper,
    /// By the number in the embedded font.
    texts: BTreeMap<u16, String>,
}

impl UsedFonts<'_> {
    pub fn new<'a>(setter: &'a Typesetter<'a>, fonts: &'a Fonts) -> UsedFonts<'a> {
        UsedFonts { setter, fonts, used: vec![] }
    }

    /// The operators that write a text, glyph by glyph.
    pub fn text(&mut self, text: &Text) -> String {
        let mut operators = "BT\n".to_string();
        for glyph in &text.line.glyphs {
            let index = self.index_of(glyph.font);
            let used = &mut self.used[index];
            let number = used.glyphs.remap(glyph.number);
            used.texts.entry(number).or_insert_with(|| glyph.text.clone());
            let (x, y, size) = (text.left() + glyph.x, text.y - glyph.y, text.style.size);
            // Text runs upwards, the page downwards.
            let _ = writeln!(
                operators,
                "/F{index} {size} Tf 1 0 0 -1 {x:.3} {y:.3} Tm <{number:04X}> Tj"
            );
        }
        operators + "ET\n"
    }

    fn index_of(&mut self, font: usize) -> usize {
        self.used.iter().position(|used| used.font == font).unwrap_or_else(|| {
            let (glyphs, texts) = (GlyphRemapper::new(), BTreeMap::new());
            self.used.push(UsedFont { font, glyphs, texts });
            self.used.len() - 1
        })
    }

    /// Writes the fonts.
    ///
    /// # Errors
    /// When a font cannot be divided.
    pub fn embed(&self, objects: &mut Objects) -> Result<Vec<Number>> {
        self.used.iter().map(|used| self.embed_one(used, objects)).collect()
    }

    fn embed_one(&self, used: &UsedFont, objects: &mut Objects) -> Result<Number> {
        let file = &self.fonts.files()[used.font];
        let face = self.setter.face(used.font).context("a font is damaged")?;
        let subset = subsetter::subset(file.data(), file.index(), &used.glyphs);
        let subset = subset.map_err(|error| anyhow!("a font cannot be embedded: {error}"))?;
        let tables = Face::parse(&subset, 0).context("a font cannot be embedded")?;
        // The outlines are cubic, in a table of their own, or quadratic, in the file.
        let cubic = tables.raw_face().table(Tag::from_bytes(b"CFF "));
        let [font, cid_font, descriptor, map, data] = [(); 5].map(|()| objects.reserve());
        let name = format!("{}+{}", prefix(used.font), font_name(face));

        objects.put(
            font,
            &format!(
                "<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H \
                 /DescendantFonts [{cid_font}] /ToUnicode {map} >>"
            ),
        );
        let thousand = |units: f32| 1000.0 * units / face.units_per_em() as f32;
        let mut advances = String::new();
        for glyph in used.glyphs.remapped_gids() {
            let advance = face.glyph_hor_advance(GlyphId(glyph)).unwrap_or(0);
            let _ = write!(advances, "{:.1} ", thousand(f32::from(advance)));
        }
        let kind = if cubic.is_some() { "CIDFontType0" } else { "CIDFontType2" };
        let numbering = if cubic.is_some() { "" } else { "/CIDToGIDMap /Identity" };
        objects.put(
            cid_font,
            &format!(
                "<< /Type /Font /Subtype /{kind} /BaseFont /{name} /CIDSystemInfo << /Registry (Adobe) /Ordering \
                 (Identity) /Supplement 0 >> /FontDescriptor {descriptor} {numbering} /W [0 [{advances}]] >>"
            ),
        );
        let bounds = face.global_bounding_box();
        let [left, bottom, right, top] = [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max]
            .map(|units| thousand(f32::from(units)));
        let [ascent, descent] =
            [face.ascender(), face.descender()].map(|units| thousand(f32::from(units)));
        let entry = if cubic.is_some() { "FontFile3" } else { "FontFile2" };
        objects.put(
            descriptor,
            &format!(
                "<< /Type /FontDescriptor /FontName /{name} /Flags 4 /FontBBox [{left} {bottom} {right} {top}] \
                 /ItalicAngle 0 /Ascent {ascent} /Descent {descent} /CapHeight {ascent} /StemV 95 /{entry} {data} >>"
            ),
        );
        objects.put_stream(map, "", used.unicode().as_bytes())?;
        match cubic {
            Some(table) => objects.put_stream(data, "/Subtype /CIDFontType0C", table)?,
            None => objects.put_stream(data, &format!("/Length1 {}", subset.len()), &subset)?,
        }
        Ok(font)
    }
}

impl UsedFont {
    /// The text that every glyph stands for, to be searched and copied.
    fn unicode(&self) -> String {
        let mut map = String::from(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) \
             /Ordering (UCS) /Supplement 0 >> def\n/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n\
             1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n",
        );
        let told: Vec<(&u16, &String)> =
            self.texts.iter().filter(|(_, text)| !text.is_empty()).collect();
        // A hundred lines are the most that a block may have.
        for block in told.chunks(100) {
            let _ = writeln!(map, "{} beginbfchar", block.len());
            for (glyph, text) in block {
                let _ =
                    writeln!(map, "<{glyph:04X}> {}", text_string(text).replacen("FEFF", "", 1));
            }
            map.push_str("endbfchar\n");
        }
        map + "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    }
}

/// The name of a font, of characters that need no escape.
fn font_name(face: &Face) -> String {
    let mut names =
        face.names().into_iter().filter(|name| name.name_id == name_id::POST_SCRIPT_NAME);
    let name = names.find_map(|name| name.to_string()).unwrap_or_default();
    let plain: String =
        name.chars().filter(|it| it.is_ascii_alphanumeric() || *it == '-').collect();
    if plain.is_empty() { "Font".to_string() } else { plain }
}

/// Six letters that differ from font to font, by which a part of a font is told from the whole.
fn prefix(font: usize) -> String {
    let digits = format!("{:06}", font % 1_000_000);
    digits.bytes().map(|digit| char::from(b'A' + (digit - b'0'))).collect()
}
