//! Reading picture files: PNG, JPEG, WebP, BMP, TIFF and the first frame of a GIF.
//!
//! Stands at the start of the data's way for inputs: file -> **decoded picture** -> preprocess -> tensor.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::content::{Content, LOOKED_AT, content, format};
use super::limits::{LARGEST_ALLOCATION, LARGEST_FILE, LARGEST_MEGAPIXELS, check_size};
use super::{doubts, jpeg, tiff};

/// A picture that was read.
#[derive(Clone, Debug)]
pub struct PictureFile {
    /// The picture.
    pub picture: DynamicImage,
    /// What is doubtful about it: a sentence each, without the name of the file.
    pub doubts: Vec<String>,
}

/// Decodes the picture in `path`, turned upright as its EXIF orientation says.
///
/// The format is recognised by the content, not by the file name. Transparency is kept here and dropped by
/// preprocessing (the colour under it counts), as Pillow's `convert("RGB")` does. A pipe is read to its end.
///
/// # Errors
/// Names the file, and says whether it is missing, empty, no picture, truncated, damaged or too large.
pub fn read_picture(path: &Path) -> Result<PictureFile> {
    let read = || {
        let bytes = bytes_of(path)?;
        decode_bytes(&bytes)
    };
    read().with_context(|| format!("cannot read the picture {}", path.display()))
}

/// Decodes the bytes of a picture file, as [`read_picture`] does.
///
/// # Errors
/// Says whether they are none of a picture, truncated, damaged or too large.
pub fn decode_picture(bytes: &[u8]) -> Result<PictureFile> {
    decode_bytes(bytes).context("cannot read the bytes of the picture")
}

/// As [`read_picture`], for those who do not ask for doubts.
///
/// # Errors
/// As [`read_picture`].
pub fn decode(path: &Path) -> Result<DynamicImage> {
    Ok(read_picture(path)?.picture)
}

/// The bytes of a picture of a format that is read.
fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let facts = file.metadata()?;
    ensure!(!facts.is_dir(), "it is a directory");
    let mut bytes = vec![];
    file.by_ref().take(LOOKED_AT).read_to_end(&mut bytes)?;
    ensure!(!bytes.is_empty(), "the file is empty");
    match content(&bytes) {
        Content::Picture => {}
        Content::OtherPicture(format) => bail!(format.advice(path)),
        Content::Unknown => {
            bail!("it is no picture of a known format: PNG, JPEG, WebP, BMP, TIFF or GIF")
        }
    }
    let rest = LARGEST_FILE - LOOKED_AT;
    file.take(rest + 1).read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 <= LARGEST_FILE, "the file has more than 1 GiB: shrink it first");
    Ok(bytes)
}

fn decode_bytes(bytes: &[u8]) -> Result<PictureFile> {
    let format = format(bytes).context("it is no picture of a known format")?;
    let mut doubts = vec![];
    if format == ImageFormat::Jpeg {
        doubts.extend(jpeg::check(bytes)?);
    }
    let (mut picture, orientation) = pixels(bytes, format)?;
    doubts.extend(doubts::scale_floats(&mut picture)?);
    picture.apply_orientation(late_orientation(bytes, format).unwrap_or(orientation));
    doubts.extend(doubts::about_pixels(&picture));
    doubts.extend(doubts::about_further_pictures(bytes, format));
    Ok(PictureFile { picture, doubts })
}

/// The picture as it is stored, and how it is turned upright.
fn pixels(bytes: &[u8], format: ImageFormat) -> Result<(DynamicImage, Orientation)> {
    let told = |error| explain(error, format);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(LARGEST_ALLOCATION);
    reader.limits(limits);
    let mut decoder = match reader.into_decoder() {
        Err(ImageError::Unsupported(_)) if format == ImageFormat::Tiff => {
            return tiff::decode(bytes)?.ok_or_else(|| not_supported(format));
        }
        decoder => decoder.map_err(told)?,
    };
    let (width, height) = decoder.dimensions();
    check_size(width, height, decoder.total_bytes())?;
    let orientation = decoder.orientation().map_err(told)?;
    Ok((DynamicImage::from_decoder(decoder).map_err(told)?, orientation))
}

/// The orientation of a PNG whose EXIF data may stand behind the pixels, where the decoder does not look.
fn late_orientation(bytes: &[u8], format: ImageFormat) -> Option<Orientation> {
    let exif = doubts::png_chunk(bytes, b"eXIf").filter(|_| format == ImageFormat::Png)?;
    Orientation::from_exif_chunk(exif)
}

fn explain(error: ImageError, format: ImageFormat) -> Error {
    let name = name_of(format);
    match error {
        ImageError::Unsupported(_) => not_supported(format),
        ImageError::Limits(_) => anyhow!(
            "it is larger than the limit of {LARGEST_MEGAPIXELS} megapixels or 1 GiB: shrink it first"
        ),
        _ => Error::new(error).context(format!("the {name} data is damaged or truncated")),
    }
}

fn not_supported(format: ImageFormat) -> Error {
    let name = name_of(format);
    anyhow!(
        "this kind of {name} is not supported: convert it first, for example with `magick IN -depth 8 out.png`"
    )
}

fn name_of(format: ImageFormat) -> String {
    format!("{format:?}").to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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
    fn orientation_behind_the_pixels_is_applied() {
        let png = encoded(ImageFormat::Png);
        let exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let chunk = [&b"eXIf"[..], exif].concat();
        // The checksum of PNG: that of zlib's crc32.
        let mut checksum = !0_u32;
        for byte in &chunk {
            checksum ^= u32::from(*byte);
            for _ in 0..8 {
                checksum = checksum >> 1 ^ if checksum & 1 == 1 { 0xEDB8_8320 } else { 0 };
            }
        }
        let end = png.len() - 12;
        let length = (exif.len() as u32).to_be_bytes();
        let checksum = (!checksum).to_be_bytes();
        let bytes = [&png[..end], &length, &chunk, &checksum, &png[end..]].concat();
        let picture = decode_bytes(&bytes).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (24, 40));
        assert!(picture.get_pixel(12, 2).0[0] > 240);
    }

    #[test]
    fn a_damaged_jpeg_is_read_with_a_warning() {
        let jpeg = encoded(ImageFormat::Jpeg);
        let end = jpeg.len() - 2;
        let longer = [&jpeg[..end], &[0x55; 9], &jpeg[end..]].concat();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        fs::write(&path, longer).unwrap();
        let PictureFile { doubts, .. } = read_picture(&path).unwrap();
        assert!(doubts[0].contains("9 bytes more than the pixels need"), "{doubts:?}");
        fs::write(&path, jpeg).unwrap();
        assert_eq!(read_picture(&path).unwrap().doubts, [""; 0]);
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
