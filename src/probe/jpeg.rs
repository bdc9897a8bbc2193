//! A picture as JPEG leaves it.

use std::io::Cursor;

use anyhow::Result;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, ImageReader};

use super::scene::Scene;

/// The scene after it was stored at a quality of 1 to 100.
pub(super) fn stored(scene: &Scene, quality: u8) -> Result<Scene> {
    let mut bytes = vec![];
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(&scene.picture())?;
    let read = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Jpeg).decode()?;
    Ok(Scene::of_picture(&read.into_rgb8(), scene.count()))
}
