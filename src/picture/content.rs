//! What a file is by its first bytes, whatever its name says.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use image::ImageFormat;

/// Bytes that are looked at.
pub(super) const LOOKED_AT: u64 = 512;

/// The formats that are read.
const READ: [ImageFormat; 6] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Tiff,
    ImageFormat::Gif,
];

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A picture of a format that is read.
    Picture,
    /// A picture that must be converted first.
    OtherPicture(OtherFormat),
    /// Something else.
    Unknown,
}

/// A format of pictures that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherFormat {
    /// Its name.
    pub name: &'static str,
    /// A command that converts it, with `IN` for the file.
    command: &'static str,
}

/// What marks a format: bytes at a place.
struct Mark {
    format: OtherFormat,
    at: usize,
    bytes: &'static [u8],
}

const HEIC: OtherFormat = OtherFormat { name: "HEIC", command: "heif-convert IN out.png" };
const AVIF: OtherFormat = OtherFormat { name: "AVIF", command: "avifdec IN out.png" };
const JPEG_XL: OtherFormat = OtherFormat { name: "JPEG XL", command: "djxl IN out.png" };
const JPEG_2000: OtherFormat =
    OtherFormat { name: "JPEG 2000", command: "opj_decompress -i IN -o out.png" };
const PDF: OtherFormat = OtherFormat { name: "PDF", command: "pdftoppm -png IN out" };
const DICOM: OtherFormat = OtherFormat { name: "DICOM", command: "dcm2img IN out.png" };
const SVG: OtherFormat = OtherFormat { name: "SVG", command: "rsvg-convert IN -o out.png" };

/// A format that ImageMagick converts.
const fn by_magick(name: &'static str) -> OtherFormat {
    OtherFormat { name, command: "magick IN out.png" }
}

const fn mark(format: OtherFormat, at: usize, bytes: &'static [u8]) -> Mark {
    Mark { format, at, bytes }
}

const MARKS: [Mark; 31] = [
    mark(AVIF, 4, b"ftypavif"),
    mark(AVIF, 4, b"ftypavis"),
    mark(HEIC, 4, b"ftyphei"),
    mark(HEIC, 4, b"ftyphev"),
    mark(HEIC, 4, b"ftypmif1"),
    mark(HEIC, 4, b"ftypmsf1"),
    mark(by_magick("CR3"), 4, b"ftypcrx "),
    mark(JPEG_XL, 0, b"\xFF\x0A"),
    mark(JPEG_XL, 4, b"JXL \r\n\x87\n"),
    mark(JPEG_2000, 4, b"jP  \r\n\x87\n"),
    mark(JPEG_2000, 0, b"\xFF\x4F\xFF\x51"),
    mark(by_magick("Photoshop"), 0, b"8BPS"),
    mark(by_magick("GIMP"), 0, b"gimp xcf"),
    mark(by_magick("icon"), 0, b"\0\0\x01\0"),
    mark(by_magick("OpenEXR"), 0, b"\x76\x2F\x31\x01"),
    mark(by_magick("Radiance HDR"), 0, b"#?RADIANCE"),
    mark(by_magick("PNM"), 0, b"P1\n"),
    mark(by_magick("PNM"), 0, b"P2\n"),
    mark(by_magick("PNM"), 0, b"P3\n"),
    mark(by_magick("PNM"), 0, b"P4\n"),
    mark(by_magick("PNM"), 0, b"P5\n"),
    mark(by_magick("PNM"), 0, b"P6\n"),
    mark(by_magick("PFM"), 0, b"Pf\n"),
    mark(by_magick("PFM"), 0, b"PF\n"),
    mark(by_magick("PAM"), 0, b"P7\n"),
    mark(by_magick("QOI"), 0, b"qoif"),
    mark(by_magick("DDS"), 0, b"DDS "),
    mark(by_magick("FITS"), 0, b"SIMPLE  ="),
    mark(by_magick("Fujifilm raw"), 0, b"FUJIFILMCCD-RAW"),
    mark(DICOM, 128, b"DICM"),
    mark(PDF, 0, b"%PDF-"),
];

/// What a file holds, by its first bytes.
///
/// # Errors
/// When it cannot be read.
pub fn content_of(path: &Path) -> io::Result<Content> {
    let mut start = vec![];
    File::open(path)?.take(LOOKED_AT).read_to_end(&mut start)?;
    Ok(content(&start))
}

/// What begins with these bytes.
pub(super) fn content(start: &[u8]) -> Content {
    if format(start).is_some() {
        return Content::Picture;
    }
    let is_here = |mark: &&Mark| start.get(mark.at..).is_some_and(|it| it.starts_with(mark.bytes));
    match MARKS.iter().find(is_here) {
        Some(mark) => Content::OtherPicture(mark.format),
        None if is_svg(start) => Content::OtherPicture(SVG),
        None => Content::Unknown,
    }
}

/// The format of a picture that is read. BigTIFF has a mark of its own.
pub(super) fn format(start: &[u8]) -> Option<ImageFormat> {
    const BIG_TIFF: [&[u8]; 2] = [b"II\x2B\0", b"MM\0\x2B"];
    if BIG_TIFF.iter().any(|mark| start.starts_with(mark)) {
        return Some(ImageFormat::Tiff);
    }
    image::guess_format(start).ok().filter(|format| READ.contains(format))
}

fn is_svg(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    text.trim_start_matches('\u{feff}').trim_start().starts_with('<') && text.contains("<svg")
}

impl OtherFormat {
    /// What to do with a file of this format.
    pub fn advice(self, path: &Path) -> String {
        let OtherFormat { name, command } = self;
        let command = command.replace("IN", &format!("'{}'", path.display()));
        format!("{name} pictures are not supported: convert it first, for example with `{command}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        for (start, expected) in [
            (&b"\0\0\0\x20ftypavif\0\0\0\0avif"[..], "AVIF"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "HEIC"),
            (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
            (b"<?xml version='1.0'?>\n<svg width='3'>", "SVG"),
            (b"P6\n3 3\n255\n", "PNM"),
        ] {
            let Content::OtherPicture(format) = content(start) else {
                panic!("{expected} is not known");
            };
            assert_eq!(format.name, expected);
        }
        assert_eq!(content(b"\x89PNG\r\n\x1a\n"), Content::Picture);
        for start in [&b""[..], b"just text", b"<html>", b"PK\x03\x04"] {
            assert_eq!(content(start), Content::Unknown, "{start:?}");
        }
        let advice = HEIC.advice(Path::new("my cat.heic"));
        assert!(advice.ends_with("`heif-convert 'my cat.heic' out.png`"), "{advice}");
    }
}
