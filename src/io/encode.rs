//! Pictures as the bytes of a file.

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Error, Result};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use super::write::{Overwrite, write_bytes, write_png};

/// The kind of file that a picture is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PictureFormat {
    /// Without loss.
    #[default]
    Png,
    /// Small, with loss.
    Jpeg,
    /// Without loss, smaller than PNG and slower.
    Webp,
}

impl PictureFormat {
    /// Every format, in the order `--help` lists them.
    pub const ALL: [Self; 3] = [Self::Png, Self::Jpeg, Self::Webp];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
        }
    }

    /// The ending of the file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            other => other.name(),
        }
    }
}

impl FromStr for PictureFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<PictureFormat> {
        Self::ALL.into_iter().find(|format| format.name() == name).with_context(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("a picture cannot be written as `{name}`; there are {names}")
        })
    }
}

/// Of JPEG, of 100.
const QUALITY: u8 = 90;

/// Writes a picture. It says that onnxplain wrote it.
///
/// # Errors
/// As [`write_bytes`].
pub fn write_picture(
    path: &Path,
    picture: &RgbImage,
    format: PictureFormat,
    overwrite: Overwrite,
) -> Result<()> {
    match format {
        PictureFormat::Png => write_png(path, picture, overwrite),
        PictureFormat::Jpeg => write_bytes(path, jpeg_bytes(picture)?, overwrite),
        PictureFormat::Webp => write_bytes(path, webp_bytes(picture)?, overwrite),
    }
}

/// What tells our files from those of others: `--overwrite` replaces no others.
pub fn generator_mark() -> String {
    format!("<meta name=\"generator\" content=\"onnxplain {}\">", env!("CARGO_PKG_VERSION"))
}

/// The mark is a comment, the first segment of the file.
fn jpeg_bytes(picture: &RgbImage) -> Result<Vec<u8>> {
    const COMMENT: [u8; 2] = [0xff, 0xfe];
    let mut encoded = vec![];
    JpegEncoder::new_with_quality(&mut encoded, QUALITY).encode_image(picture)?;
    let (start, rest) = encoded.split_at_checked(2).context("the picture cannot be encoded")?;
    let mark = generator_mark();
    let length = u16::try_from(mark.len() + 2)?;
    Ok([start, &COMMENT, &length.to_be_bytes(), mark.as_bytes(), rest].concat())
}

/// The mark is a chunk of its own, behind the head of an extended file (RFC 9649, 2.7): readers skip what they do not
/// know.
fn webp_bytes(picture: &RgbImage) -> Result<Vec<u8>> {
    const HEAD: usize = 12;
    let mut encoded = vec![];
    let (width, height) = picture.dimensions();
    let encoder = WebPEncoder::new_lossless(&mut encoded);
    encoder.write_image(picture.as_raw(), width, height, ExtendedColorType::Rgb8)?;
    let pixels = encoded.get(HEAD..).context("the picture cannot be encoded")?;
    let chunk = |name: &[u8; 4], data: &[u8]| -> Result<Vec<u8>> {
        let length = u32::try_from(data.len())?.to_le_bytes();
        let padding: &[u8] = if data.len() % 2 == 1 { &[0] } else { &[] };
        Ok([name, &length[..], data, padding].concat())
    };
    let side = |length: u32| length.saturating_sub(1).to_le_bytes();
    let [[a, b, c, _], [d, e, f, _]] = [width, height].map(side);
    let head = chunk(b"VP8X", &[0, 0, 0, 0, a, b, c, d, e, f])?;
    let own = chunk(b"ONXP", generator_mark().as_bytes())?;
    let body = [&b"WEBP"[..], &head, &own, pixels].concat();
    let length = u32::try_from(body.len())?.to_le_bytes();
    Ok([&b"RIFF"[..], &length, &body].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_reads_back_and_says_who_wrote_it() {
        let folder = tempfile::tempdir().unwrap();
        let picture = RgbImage::from_fn(37, 21, |x, y| image::Rgb([x as u8 * 6, y as u8 * 12, 7]));
        for format in PictureFormat::ALL {
            assert_eq!(format.name().parse::<PictureFormat>().unwrap(), format);
            let path = folder.path().join("a").with_extension(format.extension());
            write_picture(&path, &picture, format, Overwrite::Refuse).unwrap();
            let read = image::open(&path).unwrap().into_rgb8();
            let worst =
                read.as_raw().iter().zip(picture.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
            let allowed = if format == PictureFormat::Jpeg { 40 } else { 0 };
            assert!(read.dimensions() == (37, 21) && worst.unwrap() <= allowed, "{worst:?}");
            let start = std::fs::read(&path).unwrap();
            let start = String::from_utf8_lossy(&start[..200]).into_owned();
            assert!(format == PictureFormat::Png || start.contains(&generator_mark()), "{start}");
        }
        assert!("gif".parse::<PictureFormat>().is_err());
    }
}
