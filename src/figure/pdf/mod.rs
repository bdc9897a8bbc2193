//! A page as PDF: text as text in embedded fonts, pictures as pictures (ISO 32000-1).

mod fonts;
mod objects;

use std::fmt::Write as _;

use anyhow::Result;

use self::fonts::UsedFonts;
use self::objects::{Number, Objects, text_string};
use super::fonts::Fonts;
use super::page::{Item, Page, Picture, Place};
use super::typeset::Typesetter;
use crate::io::generator_mark;

/// Points per unit of a page.
const POINTS: f32 = 0.75;

/// The page as PDF.
///
/// # Errors
/// When a font cannot be embedded.
pub fn file(page: &Page, setter: &Typesetter, fonts: &Fonts) -> Result<Vec<u8>> {
    let mut used = UsedFonts::new(setter, fonts);
    let mut file =
        File { objects: Objects::new(&generator_mark()), pictures: vec![], shadings: vec![] };
    // Down the page and in its unit, as everywhere here.
    let mut content = format!("{POINTS} 0 0 -{POINTS} 0 {} cm\n", POINTS * page.height);
    for item in &page.items {
        match item {
            Item::Picture(picture) => content.push_str(&file.picture(picture)?),
            Item::Gradient { place, colors } => content.push_str(&file.gradient(*place, colors)?),
            Item::Outline { place: Place { x, y, width: w, height: h }, color, width } => {
                let color = rgb(*color);
                let _ = writeln!(content, "{color} RG {width} w {x} {y} {w} {h} re S");
            }
            Item::Tick { x, top, bottom } => {
                let color = rgb([90; 3]);
                let _ = writeln!(content, "{color} RG 0.8 w {x} {top} m {x} {bottom} l S");
            }
            Item::Text(text) => {
                let _ = writeln!(content, "{} rg", rgb(text.color));
                content.push_str(&used.text(text));
            }
        }
    }
    file.finish(page, &content, &used)
}

/// A colour, as the operators of colours take it.
fn rgb(color: [u8; 3]) -> String {
    let [red, green, blue] = color.map(|value| f32::from(value) / 255.0);
    format!("{red:.4} {green:.4} {blue:.4}")
}

/// The objects of a file.
struct File {
    objects: Objects,
    pictures: Vec<Number>,
    shadings: Vec<Number>,
}

impl File {
    /// Embeds a picture; returns the operators that draw it.
    fn picture(&mut self, picture: &Picture) -> Result<String> {
        let Picture { place: Place { x, y, width, height }, picture, is_pixelated, .. } = picture;
        let number = self.objects.reserve();
        let (columns, rows) = picture.dimensions();
        let entries = format!(
            "/Type /XObject /Subtype /Image /Width {columns} /Height {rows} /ColorSpace /DeviceRGB \
             /BitsPerComponent 8 /Interpolate {}",
            !is_pixelated
        );
        self.objects.put_stream(number, &entries, picture.as_raw())?;
        self.pictures.push(number);
        // A picture fills the unit square, upwards.
        let name = self.pictures.len() - 1;
        Ok(format!("q {width} 0 0 -{height} {x} {} cm /P{name} Do Q\n", y + height))
    }

    /// Embeds colours from left to right; returns the operators that draw them.
    fn gradient(&mut self, place: Place, colors: &[[u8; 3]]) -> Result<String> {
        let Place { x, y, width, height } = place;
        let [function, number] = [(); 2].map(|()| self.objects.reserve());
        let entries = format!(
            "/FunctionType 0 /Domain [0 1] /Range [0 1 0 1 0 1] /Size [{}] /BitsPerSample 8",
            colors.len()
        );
        self.objects.put_stream(function, &entries, &colors.concat())?;
        let shading = format!(
            "<< /ShadingType 2 /ColorSpace /DeviceRGB /Coords [{x} {y} {} {y}] /Function {function} >>",
            x + width
        );
        self.objects.put(number, &shading);
        self.shadings.push(number);
        let name = self.shadings.len() - 1;
        Ok(format!("q {x} {y} {width} {height} re W n /S{name} sh Q\n"))
    }

    fn finish(mut self, page: &Page, content: &str, used: &UsedFonts) -> Result<Vec<u8>> {
        let [catalog, pages, sheet, stream, info] = [(); 5].map(|()| self.objects.reserve());
        let fonts = used.embed(&mut self.objects)?;
        let named = |letter: char, numbers: &[Number]| -> String {
            let numbers = numbers.iter().enumerate();
            numbers.map(|(index, number)| format!("/{letter}{index} {number} ")).collect()
        };
        let resources = format!(
            "<< /Font << {}>> /XObject << {}>> /Shading << {}>> >>",
            named('F', &fonts),
            named('P', &self.pictures),
            named('S', &self.shadings)
        );
        let [width, height] = [page.width, page.height].map(|side| POINTS * side);
        let objects = &mut self.objects;
        objects.put(catalog, &format!("<< /Type /Catalog /Pages {pages} >>"));
        objects.put(pages, &format!("<< /Type /Pages /Kids [{sheet}] /Count 1 >>"));
        objects.put(
            sheet,
            &format!(
                "<< /Type /Page /Parent {pages} /MediaBox [0 0 {width} {height}] /Contents {stream} \
                 /Resources {resources} >>"
            ),
        );
        objects.put_stream(stream, "", content.as_bytes())?;
        let title = text_string(&page.title);
        objects.put(info, &format!("<< /Title {title} /Producer (onnxplain) >>"));
        Ok(self.objects.finish(catalog, info))
    }
}
