//! A page as SVG.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::Result;

use super::fonts::{BOLD, BOLD_FONT, FAMILY, Fonts, REGULAR};
use super::page::{Item, Page, Picture, Place, Text};
use super::typeset::Typesetter;
use super::web_font::web_font;
use crate::io::{base64, generator_mark, png_bytes};

/// The page as SVG: text as text, pictures and fonts inside.
///
/// # Errors
/// When a picture cannot be encoded, or a font cannot be divided.
pub fn file(page: &Page, setter: &Typesetter, fonts: &Fonts) -> Result<Vec<u8>> {
    let carried = carried(page, setter, fonts)?;
    let mut body = style(&carried);
    body.push_str("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
    for (index, item) in page.items.iter().enumerate() {
        match item {
            Item::Picture(picture) => body.push_str(&image(picture)?),
            Item::Text(it) => body.push_str(&text(it)),
            other => body.push_str(&shape(index, other)),
        }
    }
    Ok(document(page, &carried, &body).into_bytes())
}

/// A font for other scripts: its name, and its file.
type Carried = (String, Vec<u8>);

/// The fonts beside the Latin ones that the texts are set in, in the order in which they are asked for a character.
fn carried(page: &Page, setter: &Typesetter, fonts: &Fonts) -> Result<Vec<Carried>> {
    let mut used: BTreeMap<usize, BTreeSet<char>> = BTreeMap::new();
    let texts = page.items.iter().filter_map(|item| match item {
        Item::Text(text) => Some(text),
        _ => None,
    });
    for glyph in texts.flat_map(|text| &text.line.glyphs).filter(|glyph| glyph.font > BOLD_FONT) {
        used.entry(glyph.font).or_default().extend(glyph.text.chars());
    }
    let mut carried = vec![];
    for (font, characters) in used {
        if let (Some(file), Some(face)) = (fonts.files().get(font), setter.face(font)) {
            // Two figures in one page may carry other parts of a font.
            let all: String = characters.iter().collect();
            let name = format!("onnxplain {font} {:08x}", fingerprint(&all));
            carried.push((name, web_font(file, face, &characters)?));
        }
    }
    Ok(carried)
}

/// A short number for a text (FNV-1a).
fn fingerprint(text: &str) -> u32 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    text.bytes().fold(0x811c_9dc5, step)
}

fn document(page: &Page, carried: &[Carried], body: &str) -> String {
    let Page { width, height, title, .. } = page;
    let others: String = carried.iter().map(|(name, _)| format!(", '{name}'")).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"'{FAMILY}'{others}, 'DejaVu Sans', Arial, sans-serif\" \
         style=\"font-synthesis:none;font-variant-emoji:text\">\n\
         <!-- {} -->\n<title>{}</title>\n{body}</svg>\n",
        generator_mark(),
        escaped(title)
    )
}

/// The fonts that are carried along.
fn style(carried: &[Carried]) -> String {
    let face = |family: &str, font: &[u8], weight: u16| {
        format!(
            "@font-face{{font-family:'{family}';font-weight:{weight};src:url(data:font/ttf;base64,{})}}",
            base64(font)
        )
    };
    let others: String = carried.iter().map(|(name, font)| face(name, font, 400)).collect();
    let latin = [face(FAMILY, REGULAR, 400), face(FAMILY, BOLD, 700)].concat();
    format!("<style>{latin}{others}</style>\n")
}

fn image(picture: &Picture) -> Result<String> {
    let Picture { place: Place { x, y, width, height }, picture, is_pixelated, description } =
        picture;
    let rendering = if *is_pixelated { " style=\"image-rendering:pixelated\"" } else { "" };
    Ok(format!(
        "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\"{rendering} \
         href=\"data:image/png;base64,{}\"><title>{}</title></image>\n",
        base64(&png_bytes(picture)?),
        escaped(description)
    ))
}

fn text(text: &Text) -> String {
    let Text { x, y, style, line, color, anchor, text } = text;
    let weight = if style.is_bold { " font-weight=\"700\"" } else { "" };
    // A viewer may take other fonts than those that are carried along: the width stays.
    let length = match text.is_ascii() {
        true => String::new(),
        false => format!(" textLength=\"{:.2}\" lengthAdjust=\"spacingAndGlyphs\"", line.width),
    };
    format!(
        "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{}\"{weight} fill=\"{}\" text-anchor=\"{}\"{length}>{}</text>\n",
        style.size,
        hex(*color),
        anchor.word(),
        escaped(text)
    )
}

fn shape(index: usize, item: &Item) -> String {
    match item {
        Item::Gradient { place, colors } => gradient(index, *place, colors),
        Item::Outline { place: Place { x, y, width, height }, color, width: line } => format!(
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"none\" stroke=\"{}\" \
             stroke-width=\"{line}\"/>\n",
            hex(*color)
        ),
        Item::Tick { x, top, bottom } => format!(
            "<path d=\"M{x:.2} {top:.2}V{bottom:.2}\" stroke=\"#5a5a5a\" stroke-width=\"0.8\"/>\n"
        ),
        Item::Text(_) | Item::Picture(_) => String::new(),
    }
}

fn gradient(index: usize, place: Place, colors: &[[u8; 3]]) -> String {
    let last = colors.len().saturating_sub(1).max(1);
    let mut stops = String::new();
    for (position, color) in colors.iter().enumerate() {
        let offset = position as f32 / last as f32;
        let _ = write!(stops, "<stop offset=\"{offset:.4}\" stop-color=\"{}\"/>", hex(*color));
    }
    let Place { x, y, width, height } = place;
    format!(
        "<linearGradient id=\"bar{index}\">{stops}</linearGradient>\n\
         <rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"url(#bar{index})\"/>\n"
    )
}

fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Text between tags or quotation marks. Control characters have no place in XML.
fn escaped(text: &str) -> String {
    crate::page::escaped(&text.replace(|it: char| it.is_control(), " "))
}
