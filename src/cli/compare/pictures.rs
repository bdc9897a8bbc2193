//! The pictures of an input: its figure with all variants, and small ones for the page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use onnxplain::comparison::{Compared, ComparedPictures, VariantSettings};
use onnxplain::figure::Format;
use onnxplain::io::Overwrite;

use super::drawn::draw;
use super::figure::{Shown, figure};
use super::prepare::Prepared;
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::file_names::file_names;
use crate::cli::small_pictures::{address_in, small, with_suffix, write_jpeg, write_photo};

const MAPS: &str = "maps";
const PHOTOS: &str = "photos";

/// Writes the pictures of an input.
///
/// # Errors
/// When the relevance cannot be drawn, or a file cannot be written.
pub fn write(
    output: &Path,
    file: &InputFile,
    (prepared, compared): (&Prepared, &[Compared]),
    figures: Option<Format>,
) -> Result<()> {
    let mut pictures = vec![];
    for (one, rendering) in compared.iter().zip(&prepared.renderings) {
        pictures.push(draw(&one.explanation, *rendering)?);
    }
    if let Some(format) = figures {
        let all = compared.iter().zip(&pictures).zip(&prepared.titles).zip(&prepared.renderings);
        let shown: Vec<Shown> = all
            .map(|(((compared, picture), title), rendering)| Shown {
                compared,
                picture,
                title,
                rendering: *rendering,
            })
            .collect();
        let figure = figure(&shown, file, prepared);
        figure.write(&figure_path(output, &file.stem, format), format, Overwrite::Replace)?;
    }
    let names = names_of(&prepared.comparer.settings().variants);
    for (picture, name) in pictures.iter().zip(names) {
        let picture = small((*picture.picture).clone().into()).into_rgb8();
        write_jpeg(&map_path(output, &file.stem, &name), &picture)?;
    }
    write_photo(&photo_path(output, &file.stem), &file.path)
}

/// `DIR/<stem>.figure.png`.
fn figure_path(output: &Path, stem: &Path, format: Format) -> PathBuf {
    with_suffix(&output.join(stem), &format!(".figure.{}", format.extension()))
}

/// `maps/<stem>.<variant>.jpg`; a stem may hold folders and points.
fn map_path(output: &Path, stem: &Path, variant: &str) -> PathBuf {
    with_suffix(&output.join(MAPS).join(stem), &format!(".{variant}.jpg"))
}

fn photo_path(output: &Path, stem: &Path) -> PathBuf {
    with_suffix(&output.join(PHOTOS).join(stem), ".jpg")
}

fn names_of(variants: &[VariantSettings]) -> Vec<String> {
    file_names(variants.iter().map(|variant| variant.name.as_str()))
}

/// The addresses of the pictures that are there, by the name of their input in the report.
pub fn of_inputs(
    output: &Path,
    variants: &[VariantSettings],
    files: &[Result<InputFile, Failed>],
    format: Format,
) -> BTreeMap<String, ComparedPictures> {
    let names = names_of(variants);
    let of = |file: &InputFile| {
        let map = |name: &String| address_in(output, &map_path(output, &file.stem, name));
        let maps = variants.iter().zip(&names);
        ComparedPictures {
            photo: address_in(output, &photo_path(output, &file.stem)),
            figure: address_in(output, &figure_path(output, &file.stem, format)),
            maps: maps
                .filter_map(|(variant, name)| Some((variant.name.clone(), map(name)?)))
                .collect(),
        }
    };
    files.iter().flatten().map(|file| (file.path.display().to_string(), of(file))).collect()
}
