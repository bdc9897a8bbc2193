//! Small pictures for the page: every input, and the map of every method on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use onnxplain::evaluation::{JudgedMap, Settings};
use onnxplain::summary::PagePictures;

use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::file_names::file_names;
use crate::cli::small_pictures::{address_in, with_suffix, write_map, write_photo};

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
    for (map, name) in maps.iter().zip(names(settings)) {
        write_map(&map_path(output, &file.stem, &name), map)?;
    }
    write_photo(&photo_path(output, &file.stem), &file.path)
}

/// The names of the methods as names of files.
fn names(settings: &Settings) -> Vec<String> {
    file_names(settings.methods.iter().map(|method| method.name.as_str()))
}

/// `FOLDER/<stem>.<method>.png`; a stem may hold folders and points.
fn map_path(output: &Path, stem: &Path, method: &str) -> PathBuf {
    with_suffix(&output.join(MAPS).join(stem), &format!(".{method}.png"))
}

fn photo_path(output: &Path, stem: &Path) -> PathBuf {
    with_suffix(&output.join(PHOTOS).join(stem), ".jpg")
}

/// The addresses of the small pictures that are there, by the name of their input in the report.
pub fn of_inputs(
    output: &Path,
    settings: &Settings,
    files: &[Result<InputFile, Failed>],
) -> BTreeMap<String, PagePictures> {
    let names = names(settings);
    let of = |file: &InputFile| {
        let there = |path: PathBuf| address_in(output, &path);
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
