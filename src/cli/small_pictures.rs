//! Small pictures for pages: inputs, and maps of them.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::Result;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, RgbImage};

use onnxplain::evaluation::JudgedMap;
use onnxplain::heatmap::{Heatmap, Rendering, heatmap_picture};
use onnxplain::io::{Overwrite, write_bytes};
use onnxplain::picture::decode;
use onnxplain::session::is_array_file;

use super::address::address;

/// The longest side in pixels.
const LONGEST_SIDE: u32 = 160;

/// Of JPEG, of 100.
const QUALITY: u8 = 85;

/// Draws a map as a PNG.
///
/// # Errors
/// When the file cannot be written.
pub fn write_map(path: &Path, map: &JudgedMap) -> Result<()> {
    let heatmap = Heatmap::new(map.width, map.height, map.values.clone())?;
    let picture = small(heatmap_picture(&heatmap, &Rendering::default())?.into());
    let mut bytes = Cursor::new(vec![]);
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    write_bytes(path, bytes.into_inner(), Overwrite::Replace)
}

/// Writes an input as a JPEG. One that is no picture, or cannot be read again, is left out.
///
/// # Errors
/// When the file cannot be written.
pub fn write_photo(path: &Path, input: &Path) -> Result<()> {
    match photo(input) {
        Some(picture) => write_jpeg(path, &picture),
        None => Ok(()),
    }
}

/// Writes a picture as a JPEG.
///
/// # Errors
/// When the file cannot be written.
pub fn write_jpeg(path: &Path, picture: &RgbImage) -> Result<()> {
    let mut bytes = vec![];
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(picture)?;
    write_bytes(path, bytes, Overwrite::Replace)
}

fn photo(path: &Path) -> Option<RgbImage> {
    let picture = if is_array_file(path) { None } else { decode(path).ok() };
    picture.map(|picture| small(picture).into_rgb8())
}

/// A picture no larger than pages show it.
pub fn small(picture: DynamicImage) -> DynamicImage {
    let is_large = picture.width().max(picture.height()) > LONGEST_SIDE;
    if is_large { picture.thumbnail(LONGEST_SIDE, LONGEST_SIDE) } else { picture }
}

/// A path with something behind it; a stem may hold folders and points.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    name.into()
}

/// The address of a file of an output folder, as its page has it; `None` where there is no such file.
pub fn address_in(output: &Path, path: &Path) -> Option<String> {
    path.is_file().then(|| address(path.strip_prefix(output).unwrap_or(path)))
}
