//! Small pictures for the page: inside it where they are few, else in files beside it.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat};
use rayon::prelude::*;
use serde::Serialize;

use onnxplain::io::{Overwrite, base64, is_array_file, write_bytes};
use onnxplain::picture::decode;

use super::rows::{Entry, Shown};
use crate::cli::console::Console;

/// The longest side, in pixels.
const LONGEST_SIDE: u32 = 160;

/// Pictures up to this size show their pixels, so nothing of them may be lost.
const SMALL_SIDE: u32 = 64;

/// Of JPEG, of 100.
const QUALITY: u8 = 85;

/// More results than this would make the page too large: some 15 kB each.
const MOST_RESULTS_INSIDE: usize = 200;

/// Inputs between two drawings of the progress.
const INPUTS_AT_ONCE: usize = 32;

/// The thumbnails of an input.
#[derive(Debug, Default)]
pub struct EntryThumbnails {
    pub photo: Option<Thumbnail>,
    /// Of its results, in their order.
    pub results: Vec<ResultThumbnails>,
}

/// The thumbnails of a result.
#[derive(Debug, Default)]
pub struct ResultThumbnails {
    pub heatmap: Option<Thumbnail>,
    pub overlay: Option<Thumbnail>,
}

/// A small picture.
#[derive(Debug, Serialize)]
pub struct Thumbnail {
    /// An address: of a file beside the page, or the picture itself.
    source: String,
    width: u32,
    height: u32,
}

/// All thumbnails.
#[derive(Debug, Default)]
pub struct Thumbnails {
    pub entries: Vec<EntryThumbnails>,
    /// How many pictures could not be read.
    pub missing: usize,
    /// The first of them.
    pub example: String,
}

/// Where thumbnails go.
enum Place {
    InsidePage,
    /// A folder, and what it is called from the page.
    Beside(PathBuf, &'static str),
}

/// Makes the thumbnails of all inputs.
///
/// # Errors
/// When they cannot be written; pictures that cannot be read are left out.
pub fn make(folder: &Path, entries: &[Entry], console: &mut Console) -> Result<Thumbnails> {
    const FOLDER: &str = "gallery-thumbnails";
    let results: usize = entries.iter().map(|entry| entry.results.len().max(1)).sum();
    let place = match results {
        0..=MOST_RESULTS_INSIDE => Place::InsidePage,
        _ => Place::Beside(folder.join(FOLDER), FOLDER),
    };
    let mut all = Thumbnails::default();
    console.begin_progress(entries.len(), 0);
    for (chunk, begin) in entries.chunks(INPUTS_AT_ONCE).zip((0..).step_by(INPUTS_AT_ONCE)) {
        let numbered = chunk.par_iter().enumerate();
        let made = numbered.map(|(number, entry)| {
            let mut maker =
                Maker { folder, place: &place, number: begin + number, missing: vec![] };
            let made = maker.of_entry(entry)?;
            Ok((made, maker.missing))
        });
        for made in made.collect::<Result<Vec<_>>>()? {
            all.add(made);
            console.advance_progress(false);
        }
    }
    console.end_progress();
    Ok(all)
}

impl Thumbnails {
    fn add(&mut self, (entry, missing): (EntryThumbnails, Vec<PathBuf>)) {
        if let Some(example) = missing.first().filter(|_| self.missing == 0) {
            self.example = example.display().to_string();
        }
        self.missing += missing.len();
        self.entries.push(entry);
    }
}

/// Makes the thumbnails of an input.
struct Maker<'a> {
    folder: &'a Path,
    place: &'a Place,
    number: usize,
    /// The pictures that could not be read.
    missing: Vec<PathBuf>,
}

impl Maker<'_> {
    fn of_entry(&mut self, entry: &Entry) -> Result<EntryThumbnails> {
        let has_photo = entry.error.is_none() && !is_array_file(Path::new(&entry.input));
        let photo = match has_photo {
            true => self.of_picture(PathBuf::from(&entry.input), "photo")?,
            false => None,
        };
        let results = entry.results.iter().enumerate();
        let results = results.map(|(index, result)| self.of_result(index, result));
        Ok(EntryThumbnails { photo, results: results.collect::<Result<_>>()? })
    }

    fn of_result(&mut self, index: usize, result: &Shown) -> Result<ResultThumbnails> {
        let mut of = |kind: &str| match result.files.get(kind) {
            Some(name) => self.of_picture(self.folder.join(name), &format!("{index}.{kind}")),
            None => Ok(None),
        };
        Ok(ResultThumbnails { heatmap: of("heatmap")?, overlay: of("overlay")? })
    }

    fn of_picture(&mut self, path: PathBuf, name: &str) -> Result<Option<Thumbnail>> {
        match small(&path) {
            Ok(picture) => self.place.put(&picture, self.number, name).map(Some),
            Err(_) => {
                self.missing.push(path);
                Ok(None)
            }
        }
    }
}

fn small(path: &Path) -> Result<DynamicImage> {
    let picture = decode(path)?;
    let is_large = picture.width().max(picture.height()) > LONGEST_SIDE;
    let picture = if is_large { picture.thumbnail(LONGEST_SIDE, LONGEST_SIDE) } else { picture };
    Ok(picture.into_rgb8().into())
}

impl Place {
    fn put(&self, picture: &DynamicImage, number: usize, kind: &str) -> Result<Thumbnail> {
        let (width, height) = (picture.width(), picture.height());
        let is_small = width.max(height) <= SMALL_SIDE;
        let (bytes, media, extension) = match is_small {
            true => (png(picture)?, "image/png", "png"),
            false => (jpeg(picture)?, "image/jpeg", "jpg"),
        };
        let source = match self {
            Place::InsidePage => format!("data:{media};base64,{}", base64(&bytes)),
            Place::Beside(folder, address) => {
                let name = format!("{number:06}.{kind}.thumbnail.{extension}");
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot create the folder {}", folder.display()))?;
                write_bytes(&folder.join(&name), bytes, Overwrite::Replace)?;
                format!("{address}/{name}")
            }
        };
        Ok(Thumbnail { source, width, height })
    }
}

fn png(picture: &DynamicImage) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(vec![]);
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

fn jpeg(picture: &DynamicImage) -> Result<Vec<u8>> {
    let mut bytes = vec![];
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(picture)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pictures_lose_nothing_and_large_ones_shrink() {
        let put = |side: u32| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.png");
            image::RgbImage::new(side, side / 2).save(&path).unwrap();
            Place::InsidePage.put(&small(&path).unwrap(), 0, "photo").unwrap()
        };
        let (tiny, large) = (put(28), put(1000));
        assert!(tiny.source.starts_with("data:image/png;base64,iVBOR"), "{}", tiny.source);
        assert_eq!((tiny.width, tiny.height), (28, 14));
        assert!(large.source.starts_with("data:image/jpeg;base64,/9j/"), "{}", large.source);
        assert_eq!((large.width, large.height), (160, 80));
    }
}
