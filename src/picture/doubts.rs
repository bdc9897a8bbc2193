//! What is doubtful about a picture that could be read: values of an unknown scale, hidden colours, further pages.

use anyhow::{Result, bail};
use image::{DynamicImage, ImageFormat};

/// Above this, values of a picture in floating point are no whites with a little too much light.
const BRIGHTEST: f32 = 2.0;

/// The part of a picture that may be see-through without a word, of 1.
const SEE_THROUGH: f64 = 0.01;

/// Values of 16 bits below this use less than an eighth of their range: those of 12 bits, perhaps.
const DIM: u16 = 1 << 13;

/// Brings a picture in floating point to 0..1. Says what it was taken for, where that is not certain.
///
/// # Errors
/// When its values are those of no picture.
pub(super) fn scale_floats(picture: &mut DynamicImage) -> Result<Option<String>> {
    let values: &mut [f32] = match picture {
        DynamicImage::ImageRgb32F(picture) => picture.as_mut(),
        DynamicImage::ImageRgba32F(picture) => picture.as_mut(),
        _ => return Ok(None),
    };
    if values.iter().any(|value| !value.is_finite()) {
        bail!("it holds values that are NaN or infinite");
    }
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    // Enlarging a picture makes values a little below 0.
    if low < -0.1 * high {
        bail!(
            "its values go down to {low}: a picture has values from 0; give an array as .npy instead"
        );
    }
    let white = match high {
        high if high <= BRIGHTEST => 1.0,
        high if high <= 255.0 => 255.0,
        high if (f32::from(DIM)..=65535.0).contains(&high) => 65535.0,
        _ => bail!("its values go up to {high}: a picture has values from 0 to 1, 255 or 65535"),
    };
    values.iter_mut().for_each(|value| *value /= white);
    let is_outside = low < 0.0 || high > white;
    let outside = if is_outside { ", what lies outside is cut off" } else { "" };
    let is_certain = white == 1.0 && !is_outside;
    Ok((!is_certain).then(|| {
        format!("its values, {low} to {high}, are taken for a picture of 0 to {white}{outside}")
    }))
}

/// What is doubtful about the pixels.
pub(super) fn about_pixels(picture: &DynamicImage) -> Option<String> {
    let brightest = match picture {
        DynamicImage::ImageLuma16(picture) => picture.iter().max(),
        DynamicImage::ImageRgb16(picture) => picture.iter().max(),
        DynamicImage::ImageLumaA16(picture) => picture.pixels().map(|it| &it.0[0]).max(),
        DynamicImage::ImageRgba16(picture) => picture.pixels().flat_map(|it| &it.0[..3]).max(),
        _ => None,
    };
    match brightest {
        Some(&most) if (1..DIM).contains(&most) => Some(format!(
            "its brightest value is {most} of 65535, so that it is almost black: scale it first if it has fewer than 16 bits"
        )),
        _ => about_transparency(picture),
    }
}

fn about_transparency(picture: &DynamicImage) -> Option<String> {
    let count = u64::from(picture.width()) * u64::from(picture.height());
    let hidden = match picture {
        DynamicImage::ImageRgba8(picture) => picture.pixels().filter(|it| it.0[3] < 128).count(),
        DynamicImage::ImageLumaA8(picture) => picture.pixels().filter(|it| it.0[1] < 128).count(),
        DynamicImage::ImageRgba16(picture) => {
            picture.pixels().filter(|it| it.0[3] < 1 << 15).count()
        }
        DynamicImage::ImageLumaA16(picture) => {
            picture.pixels().filter(|it| it.0[1] < 1 << 15).count()
        }
        _ => return None,
    };
    let part = hidden as f64 / count.max(1) as f64;
    (part > SEE_THROUGH).then(|| {
        format!(
            "{:.0} % of its pixels are transparent: the network sees the colours under them, which nobody else does",
            part * 100.0
        )
    })
}

/// Whether the file has further pictures, which are not read.
pub(super) fn about_further_pictures(bytes: &[u8], format: ImageFormat) -> Option<String> {
    let what = match format {
        ImageFormat::Tiff if has_second_page(bytes) == Some(true) => "page",
        ImageFormat::WebP if bytes.get(12..16) == Some(b"VP8X") && bytes.get(20)? & 2 != 0 => {
            "frame"
        }
        ImageFormat::Gif if has_second_frame(bytes) == Some(true) => "frame",
        ImageFormat::Png if png_chunk(bytes, b"acTL").is_some() => "frame",
        _ => return None,
    };
    Some(format!("it holds several {what}s, of which the first is explained"))
}

/// Whether the first directory of a TIFF names another.
fn has_second_page(bytes: &[u8]) -> Option<bool> {
    let is_little = bytes.starts_with(b"II");
    let number = |at: u64, length: usize| -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let digits = bytes.get(at..at.checked_add(length)?)?;
        let add = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
        Some(match is_little {
            true => digits.iter().rev().fold(0, add),
            false => digits.iter().fold(0, add),
        })
    };
    // BigTIFF has longer numbers.
    let next = match number(2, 2)? {
        43 => {
            let directory = number(8, 8)?;
            number(
                directory.checked_add(8)?.checked_add(number(directory, 8)?.checked_mul(20)?)?,
                8,
            )
        }
        _ => {
            let directory = number(4, 4)?;
            number(directory + 2 + number(directory, 2)? * 12, 4)
        }
    };
    Some(next? != 0)
}

/// Whether a GIF goes on behind its first frame.
fn has_second_frame(bytes: &[u8]) -> Option<bool> {
    const HEADER: usize = 13;
    let colours = |packed: u8| if packed & 0x80 != 0 { 3 << ((packed & 7) + 1) } else { 0 };
    let mut at = HEADER + colours(*bytes.get(10)?);
    let mut frames = 0;
    loop {
        match bytes.get(at)? {
            b',' => {
                frames += 1;
                at += 10 + colours(*bytes.get(at + 9)?) + 1;
            }
            b'!' => at += 2,
            _ => return Some(frames > 1),
        }
        // Blocks of data, of which the last is empty.
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += length + 1;
            if length == 0 {
                break;
            }
        }
    }
}

/// The data of the first chunk of this type in a PNG, wherever it stands.
pub(super) fn png_chunk<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    const SIGNATURE: usize = 8;
    let mut rest = bytes.get(SIGNATURE..)?;
    loop {
        let (&[a, b, c, d, ref name @ ..], behind) = rest.split_first_chunk::<8>()?;
        let (data, behind) = behind.split_at_checked(u32::from_be_bytes([a, b, c, d]) as usize)?;
        if name == kind {
            return Some(data);
        }
        rest = behind.get(4..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::gif::GifEncoder;
    use image::{Frame, Rgb32FImage, Rgba, RgbaImage};

    fn floats(values: [f32; 3]) -> (Result<Option<String>>, [u8; 3]) {
        let mut picture: DynamicImage = Rgb32FImage::from_pixel(1, 1, image::Rgb(values)).into();
        let said = scale_floats(&mut picture);
        (said, picture.into_rgb8().get_pixel(0, 0).0)
    }

    #[test]
    fn floats_are_scaled_and_doubts_told() {
        let (said, pixel) = floats([0.0, 0.5, 1.0]);
        assert!(said.unwrap().is_none());
        assert_eq!(pixel, [0, 128, 255]);
        let (said, pixel) = floats([0.0, 128.0, 255.0]);
        assert!(said.unwrap().unwrap().contains("0 to 255"));
        assert_eq!(pixel, [0, 128, 255]);
        let (said, pixel) = floats([-0.1, 0.5, 1.2]);
        assert!(said.unwrap().unwrap().contains("cut off"));
        assert_eq!(pixel, [0, 128, 255]);
        assert!(floats([0.0, 128.0, 60000.0]).0.unwrap().unwrap().contains("65535"));
        let centred =
            [[-3.0, 0.0, 1.0], [-0.4, 0.0, 0.6], [-1000.0, 0.0, 400.0], [-1.0, -0.5, 0.0]];
        let unknown = [[0.0, f32::NAN, 1.0], [0.0, 1.0, 1e6], [0.0, 1.0, 4095.0]];
        for values in centred.into_iter().chain(unknown) {
            assert!(floats(values).0.is_err(), "{values:?}");
        }
    }

    #[test]
    fn hidden_colours_and_dark_pictures_are_told() {
        let clear: DynamicImage = RgbaImage::from_pixel(4, 4, Rgba([9, 9, 9, 0])).into();
        assert!(about_pixels(&clear).unwrap().starts_with("100 % of its pixels are transparent"));
        let opaque: DynamicImage = RgbaImage::from_pixel(4, 4, Rgba([9, 9, 9, 255])).into();
        assert_eq!(about_pixels(&opaque), None);
        let dark =
            DynamicImage::ImageLuma16(image::ImageBuffer::from_pixel(2, 2, image::Luma([4095])));
        assert!(about_pixels(&dark).unwrap().contains("4095 of 65535"));
        let bytes = Rgba([255_u16, 9, 0, u16::MAX]);
        let dark = DynamicImage::ImageRgba16(image::ImageBuffer::from_pixel(2, 2, bytes));
        assert!(about_pixels(&dark).unwrap().contains("255 of 65535"));
        let black =
            DynamicImage::ImageLuma16(image::ImageBuffer::from_pixel(2, 2, image::Luma([0])));
        assert_eq!(about_pixels(&black), None);
    }

    #[test]
    fn further_frames_are_told() {
        let gif = |count: usize| {
            let mut bytes = Vec::new();
            let frame = || Frame::new(RgbaImage::from_pixel(4, 4, Rgba([0, 200, 0, 255])));
            GifEncoder::new(&mut bytes).encode_frames((0..count).map(|_| frame())).unwrap();
            about_further_pictures(&bytes, ImageFormat::Gif)
        };
        assert_eq!(gif(1), None);
        assert!(gif(2).unwrap().contains("several frames"));
        // A directory without entries, at byte 8, and the address of the next.
        let tiff = |next: u8| {
            let bytes = [b'I', b'I', 42, 0, 8, 0, 0, 0, 0, 0, next, 0, 0, 0];
            about_further_pictures(&bytes, ImageFormat::Tiff)
        };
        assert_eq!(tiff(0), None);
        assert!(tiff(14).unwrap().contains("several pages"));
    }
}
