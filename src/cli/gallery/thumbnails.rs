//! Small pictures for the page: inside it where they are few, else in files beside it.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat};
use rayon::prelude::*;
use serde::Serialize;

use onnxplain::io::{Overwrite, write_bytes};
use onnxplain::picture::decode;
use onnxplain::session::is_array_file;

use super::rows::Row;
use crate::cli::console::Console;

/// The longest side, in pixels.
const LONGEST_SIDE: u32 = 160;

/// Pictures up to this size show their pixels, so nothing of them may be lost.
const SMALL_SIDE: u32 = 64;

/// Of JPEG, of 100.
const QUALITY: u8 = 85;

/// More rows than this would make the page too large: some 15 kB each.
const MOST_ROWS_INSIDE: usize = 200;

/// Rows between two drawings of the progress.
const ROWS_AT_ONCE: usize = 32;

/// The thumbnails of a row.
#[derive(Debug, Default)]
pub struct RowThumbnails {
    pub photo: Option<Thumbnail>,
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
    pub rows: Vec<RowThumbnails>,
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

/// Makes the thumbnails of all rows.
///
/// # Errors
/// When they cannot be written; pictures that cannot be read are left out.
pub fn make(folder: &Path, rows: &[Row], console: &mut Console) -> Result<Thumbnails> {
    const FOLDER: &str = "gallery-thumbnails";
    let place = match rows.len() {
        0..=MOST_ROWS_INSIDE => Place::InsidePage,
        _ => Place::Beside(folder.join(FOLDER), FOLDER),
    };
    let mut all = Thumbnails::default();
    console.begin_progress(rows.len(), 0);
    for (chunk, begin) in rows.chunks(ROWS_AT_ONCE).zip((0..).step_by(ROWS_AT_ONCE)) {
        let numbered = chunk.par_iter().enumerate();
        let made = numbered.map(|(number, row)| of_row(folder, row, begin + number, &place));
        for made in made.collect::<Result<Vec<_>>>()? {
            all.add(made);
            console.advance_progress(false);
        }
    }
    console.end_progress();
    Ok(all)
}

impl Thumbnails {
    fn add(&mut self, (row, missing): (RowThumbnails, Vec<PathBuf>)) {
        if let Some(example) = missing.first().filter(|_| self.missing == 0) {
            self.example = example.display().to_string();
        }
        self.missing += missing.len();
        self.rows.push(row);
    }
}

/// The thumbnails of a row, and the pictures that could not be read.
fn of_row(
    folder: &Path,
    row: &Row,
    number: usize,
    place: &Place,
) -> Result<(RowThumbnails, Vec<PathBuf>)> {
    let mut missing = vec![];
    let mut of = |kind: &str, path: Option<PathBuf>| match path.map(|path| (small(&path), path)) {
        Some((Ok(picture), _)) => place.put(&picture, number, kind).map(Some),
        Some((Err(_), path)) => {
            missing.push(path);
            Ok(None)
        }
        None => Ok(None),
    };
    let has_photo = row.error.is_none() && !is_array_file(Path::new(&row.input));
    let written = |kind: &str| row.files.get(kind).map(|name| folder.join(name));
    let thumbnails = RowThumbnails {
        photo: of("photo", has_photo.then(|| PathBuf::from(&row.input)))?,
        heatmap: of("heatmap", written("heatmap"))?,
        overlay: of("overlay", written("overlay"))?,
    };
    Ok((thumbnails, missing))
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

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |bytes: &[u8]| {
        let byte = |at: usize| u32::from(bytes.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let letter = move |at: usize| char::from(ALPHABET[(bits >> (18 - 6 * at)) as usize & 63]);
        let count = bytes.len() + 1;
        (0..4).map(move |at| if at < count { letter(at) } else { '=' })
    };
    bytes.chunks(3).flat_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        let of = |text: &str| base64(text.as_bytes());
        assert_eq!(["", "f", "fo", "foo"].map(of), ["", "Zg==", "Zm8=", "Zm9v"]);
        assert_eq!(of("foobar"), "Zm9vYmFy");
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

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
