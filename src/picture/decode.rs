//! Reading picture files: PNG, JPEG, WebP, BMP, TIFF and the first frame of a GIF.
//!
//! Stands at the start of the data's way for inputs: file -> **decoded picture** -> preprocess -> tensor.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Error, Result, bail, ensure};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

/// The largest picture that is decoded, in millions of pixels.
pub const LARGEST_MEGAPIXELS: u64 = 100;

/// What a decoder may allocate, in bytes: 100 megapixels of four 16-bit channels and room to work.
const LARGEST_ALLOCATION: u64 = 1 << 30;

/// Decodes the picture in `path`, turned upright as its EXIF orientation says.
///
/// The format is recognised by the content, not by the file name. Transparency is kept here and dropped by
/// preprocessing (the colour under it counts), as Pillow's `convert("RGB")` does.
///
/// # Errors
/// Names the file, and says whether it is missing, empty, no picture, truncated, damaged or too large.
pub fn decode(path: &Path) -> Result<DynamicImage> {
    decode_file(path).with_context(|| format!("cannot read the picture {}", path.display()))
}

fn decode_file(path: &Path) -> Result<DynamicImage> {
    let file = File::open(path)?;
    let facts = file.metadata()?;
    ensure!(!facts.is_dir(), "it is a directory");
    ensure!(!facts.is_file() || facts.len() > 0, "the file is empty");
    let mut reader = ImageReader::new(BufReader::new(file)).with_guessed_format()?;
    let Some(format) = reader.format() else {
        bail!("it is no picture of a known format: PNG, JPEG, WebP, BMP, TIFF or GIF");
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(LARGEST_ALLOCATION);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| explain(e, format))?;
    let (width, height) = decoder.dimensions();
    ensure!(
        u64::from(width) * u64::from(height) <= LARGEST_MEGAPIXELS * 1_000_000
            && decoder.total_bytes() <= LARGEST_ALLOCATION,
        "it has {width}x{height} pixels of {} bits, more than the limit of {LARGEST_MEGAPIXELS} megapixels or 1 GiB: \
         shrink it first",
        decoder.color_type().bits_per_pixel()
    );
    if format == ImageFormat::Jpeg {
        // The decoder fills the rest of a truncated file with gray and says nothing.
        ensure!(
            is_whole_jpeg(&fs::read(path)?),
            "the JPEG data is truncated: its end marker is missing"
        );
    }
    let orientation = decoder.orientation().map_err(|e| explain(e, format))?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|e| explain(e, format))?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn explain(error: ImageError, format: ImageFormat) -> Error {
    let name = format!("{format:?}").to_uppercase();
    let what = match error {
        ImageError::Unsupported(_) => format!("this kind of {name} is not supported"),
        _ => format!("the {name} data is damaged or truncated"),
    };
    Error::new(error).context(what)
}

/// Whether the segments of a JPEG file lead to its end marker.
///
/// Segments carry their length and are stepped over, so that the end marker of an embedded thumbnail does not count;
/// the compressed data after a scan's header is searched for the next marker: 0xFF and anything but 0 or a restart.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    const END_OF_IMAGE: u8 = 0xD9;
    // The first two bytes are the start marker, which has no length.
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let Some(at) = rest
        .windows(2)
        .position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xD0..=0xD7 | 0xFF))
    {
        if rest[at + 1] == END_OF_IMAGE {
            return true;
        }
        let Some(&[high, low]) = rest.get(at + 2..at + 4) else {
            return false;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        rest = rest.get(at + 2 + length..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::gif::GifEncoder;
    use image::codecs::jpeg::JpegEncoder;
    use image::{Frame, ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage};

    const FORMATS: [ImageFormat; 6] = [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::WebP,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
        ImageFormat::Gif,
    ];

    fn decode_bytes(bytes: &[u8]) -> Result<DynamicImage> {
        let folder = tempfile::tempdir().unwrap();
        // The name lies about the format on purpose.
        let path = folder.path().join("photo.bmp");
        fs::write(&path, bytes).unwrap();
        decode(&path)
    }

    fn message(bytes: &[u8]) -> String {
        format!("{:#}", decode_bytes(bytes).unwrap_err())
    }

    /// 40x24 pixels, red on the left and blue on the right.
    fn two_halves() -> DynamicImage {
        RgbImage::from_fn(40, 24, |x, _| if x < 20 { Rgb([250, 0, 0]) } else { Rgb([0, 0, 250]) })
            .into()
    }

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        two_halves().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_format_is_recognised_by_its_content() {
        for format in FORMATS {
            let picture = decode_bytes(&encoded(format)).unwrap().to_rgb8();
            assert_eq!(picture.dimensions(), (40, 24), "{format:?}");
            let [red, green, blue] = picture.get_pixel(2, 2).0;
            assert!(red > 240 && green < 10 && blue < 10, "{format:?}: {red} {green} {blue}");
        }
    }

    #[test]
    fn truncated_files_are_refused() {
        for format in FORMATS {
            let bytes = encoded(format);
            for kept in [bytes.len() / 2, bytes.len() * 9 / 10] {
                let message = message(&bytes[..kept]);
                assert!(
                    message.contains("photo.bmp") && message.contains("truncated"),
                    "{message}"
                );
            }
        }
    }

    #[test]
    fn orientation_is_applied() {
        let mut exif =
            b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        let jpeg = encoded(ImageFormat::Jpeg);
        let mut bytes = jpeg[..2].to_vec();
        bytes.extend([0xFF, 0xE1, 0, exif.len() as u8 + 2]);
        bytes.append(&mut exif);
        bytes.extend(&jpeg[2..]);
        let picture = decode_bytes(&bytes).unwrap().to_rgb8();
        // Value 6: turned by 90 degrees clockwise, so that the left half is on top.
        assert_eq!(picture.dimensions(), (24, 40));
        assert!(picture.get_pixel(12, 2).0[0] > 240);
        assert!(picture.get_pixel(12, 38).0[2] > 240);
    }

    #[test]
    fn the_end_marker_of_a_thumbnail_does_not_count() {
        let jpeg = encoded(ImageFormat::Jpeg);
        let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE1, 0, 8, 0xFF, 0xD8, 0xFF, 0xD9, 0, 0];
        bytes.extend(&jpeg[2..]);
        assert!(is_whole_jpeg(&bytes));
        assert!(!is_whole_jpeg(&bytes[..bytes.len() - 2]));
        bytes.extend(b"appended by a camera");
        assert!(is_whole_jpeg(&bytes));
        assert!(!is_whole_jpeg(&[]));
    }

    #[test]
    fn the_first_frame_of_an_animation_is_taken() {
        let mut bytes = Vec::new();
        let frame = |colour| Frame::new(RgbaImage::from_pixel(4, 4, Rgba(colour)));
        GifEncoder::new(&mut bytes)
            .encode_frames([frame([0, 200, 0, 255]), frame([200, 0, 0, 255])])
            .unwrap();
        let picture = decode_bytes(&bytes).unwrap().to_rgb8();
        assert_eq!(picture.get_pixel(1, 1).0, [0, 200, 0]);
    }

    #[test]
    fn gray_jpeg_stays_gray() {
        let mut bytes = Vec::new();
        JpegEncoder::new(&mut bytes)
            .write_image(&[90; 64], 8, 8, image::ExtendedColorType::L8)
            .unwrap();
        assert_eq!(decode_bytes(&bytes).unwrap().to_luma8().get_pixel(3, 3).0, [90]);
    }

    #[test]
    fn a_huge_picture_is_refused_before_it_is_decoded() {
        // The header of a PNG of 30000x30000 gray pixels, and the begin of its data.
        let header = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x75\x30\0\0\x75\x30\x08\0\0\0\0\x43\x4c\xa7\x66\0\0\0\x02IDAT\x78\x9c";
        let message = message(header);
        assert!(message.contains("30000x30000") && message.contains("100 megapixels"), "{message}");
    }

    #[test]
    fn what_is_no_picture_says_so() {
        assert!(message(b"").contains("the file is empty"));
        assert!(
            message(b"just text, long enough to sniff").contains("no picture of a known format")
        );
        assert!(message(b"x").contains("no picture of a known format"));
        assert!(message(b"\0\0\0\x20ftypavif\0\0\0\0avif").contains("not supported"));
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &Path| format!("{:#}", decode(path).unwrap_err());
        assert!(error(folder.path()).contains("it is a directory"));
        let missing = error(&folder.path().join("missing.png"));
        assert!(missing.contains("missing.png") && missing.contains("No such file"), "{missing}");
    }
}
