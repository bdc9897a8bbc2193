//! Small pictures for the page: every input, and the map of every method on it.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::Result;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, RgbImage};

use onnxplain::evaluation::{JudgedMap, Settings};
use onnxplain::heatmap::{Heatmap, Rendering, heatmap_picture};
use onnxplain::io::{Overwrite, write_bytes};
use onnxplain::picture::decode;
use onnxplain::session::is_array_file;
use onnxplain::summary::PagePictures;

use super::names::file_names;
use crate::cli::address::address;
use crate::cli::explain::inputs::{Failed, InputFile};

/// The longest side in pixels.
const LONGEST_SIDE: u32 = 160;

/// Of JPEG, of 100.
const QUALITY: u8 = 85;

const MAPS: &str = "maps";
const PHOTOS: &str = "photos";

/// Writes the small pictures of an input.
///
/// # Errors
/// When a file cannot be written. A photo that cannot be read again is left out.
pub fn write(
    output: &Path,
    file: &InputFile,
    settings: &Settings,
    maps: &[JudgedMap],
) -> Result<()> {
    for (map, name) in maps.iter().zip(file_names(settings)) {
        let values = map.values.clone();
        let heatmap = Heatmap::new(map.width, map.height, values)?;
        let picture = small(heatmap_picture(&heatmap, &Rendering::default())?.into());
        let mut bytes = Cursor::new(vec![]);
        picture.write_to(&mut bytes, ImageFormat::Png)?;
        write_bytes(&map_path(output, &file.stem, &name), bytes.into_inner(), Overwrite::Replace)?;
    }
    match photo(&file.path) {
        Some(picture) => {
            let mut bytes = vec![];
            JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&picture)?;
            write_bytes(&photo_path(output, &file.stem), bytes, Overwrite::Replace)
        }
        None => Ok(()),
    }
}

fn photo(path: &Path) -> Option<RgbImage> {
    let picture = if is_array_file(path) { None } else { decode(path).ok() };
    picture.map(|picture| small(picture).into_rgb8())
}

fn small(picture: DynamicImage) -> DynamicImage {
    let is_large = picture.width().max(picture.height()) > LONGEST_SIDE;
    if is_large { picture.thumbnail(LONGEST_SIDE, LONGEST_SIDE) } else { picture }
}

/// `FOLDER/<stem>.<method>.png`; a stem may hold folders and points.
fn map_path(output: &Path, stem: &Path, method: &str) -> PathBuf {
    with_suffix(&output.join(MAPS).join(stem), &format!(".{method}.png"))
}

fn photo_path(output: &Path, stem: &Path) -> PathBuf {
    with_suffix(&output.join(PHOTOS).join(stem), ".jpg")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    name.into()
}

/// The addresses of the small pictures that are there, by the name of their input in the report.
pub fn of_inputs(
    output: &Path,
    settings: &Settings,
    files: &[Result<InputFile, Failed>],
) -> BTreeMap<String, PagePictures> {
    let names = file_names(settings);
    let of = |file: &InputFile| {
        let there = |path: PathBuf| {
            path.is_file().then(|| address(path.strip_prefix(output).unwrap_or(&path)))
        };
        let map = |name: &String| there(map_path(output, &file.stem, name));
        let maps = settings.methods.iter().zip(&names);
        PagePictures {
            photo: there(photo_path(output, &file.stem)),
            maps: maps
                .filter_map(|(method, name)| Some((method.name.clone(), map(name)?)))
                .collect(),
        }
    };
    files.iter().flatten().map(|file| (file.path.display().to_string(), of(file))).collect()
}
