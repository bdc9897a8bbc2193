//! A page as SVG.

use std::fmt::Write as _;

use anyhow::Result;

use super::fonts::{BOLD, FAMILY, REGULAR};
use super::page::{Item, Page, Picture, Place, Text};
use crate::io::{base64, generator_mark, png_bytes};

/// The page as SVG: text as text, pictures and the Latin fonts inside.
///
/// # Errors
/// When a picture cannot be encoded.
pub fn file(page: &Page) -> Result<Vec<u8>> {
    let mut body = style();
    body.push_str("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
    for (index, item) in page.items.iter().enumerate() {
        match item {
            Item::Picture(picture) => body.push_str(&image(picture)?),
            Item::Text(it) => body.push_str(&text(it)),
            other => body.push_str(&shape(index, other)),
        }
    }
    Ok(document(page, &body).into_bytes())
}

fn document(page: &Page, body: &str) -> String {
    let Page { width, height, title, .. } = page;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"'{FAMILY}', 'DejaVu Sans', Arial, sans-serif\">\n\
         <!-- {} -->\n<title>{}</title>\n{body}</svg>\n",
        generator_mark(),
        escaped(title)
    )
}

/// The fonts that are carried along.
fn style() -> String {
    let face = |font: &[u8], weight: u16| {
        format!(
            "@font-face{{font-family:'{FAMILY}';font-weight:{weight};src:url(data:font/ttf;base64,{})}}",
            base64(font)
        )
    };
    format!("<style>{}{}</style>\n", face(REGULAR, 400), face(BOLD, 700))
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
    // The viewer may have another font than ours for other scripts: the width stays.
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
    let text = text.replace(|it: char| it.is_control(), " ");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
