//! TIFFs that `image` does not read: grey pictures in floating point, and signed or long whole numbers.

use std::io::Cursor;

use anyhow::{Error, Result, bail};
use image::metadata::Orientation;
use image::{DynamicImage, Rgb32FImage};
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError, TiffResult};

use super::limits::{LARGEST_ALLOCATION, check_size};

/// Bytes of a pixel of three numbers in floating point, which the picture is kept in.
const PIXEL_BYTES: u64 = 12;

/// The first page and its orientation, in the numbers of the file; `None` for kinds that are not read here either.
///
/// # Errors
/// When the file is damaged or too large.
pub(super) fn decode(bytes: &[u8]) -> Result<Option<(DynamicImage, Orientation)>> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(LARGEST_ALLOCATION)?;
    let opened = Decoder::new(Cursor::new(bytes)).map(|decoder| decoder.with_limits(limits));
    match opened.and_then(|mut decoder| Ok((decoder.dimensions()?, decoder))) {
        Ok(((width, height), decoder)) => {
            check_size(width, height, PIXEL_BYTES * u64::from(width) * u64::from(height))?;
            pixels(decoder, width, height).or_else(told)
        }
        Err(error) => told(error),
    }
}

fn pixels(
    mut decoder: Decoder<Cursor<&[u8]>>,
    width: u32,
    height: u32,
) -> TiffResult<Option<(DynamicImage, Orientation)>> {
    let channels = match decoder.colortype()? {
        ColorType::Gray(_) => 1,
        ColorType::RGB(_) => 3,
        _ => return Ok(None),
    };
    let orientation = decoder.find_tag_unsigned::<u8>(Tag::Orientation)?;
    let orientation = orientation.and_then(Orientation::from_exif);
    let values = numbers(decoder.read_image()?);
    let values = match channels {
        1 => values.iter().flat_map(|&value| [value; 3]).collect(),
        _ => values,
    };
    // Channels that are stored one behind the other are too few here: the first alone is read.
    let picture = Rgb32FImage::from_raw(width, height, values);
    Ok(picture.map(|it| (it.into(), orientation.unwrap_or(Orientation::NoTransforms))))
}

/// The numbers of a picture, in the precision that it is kept in.
fn numbers(read: DecodingResult) -> Vec<f32> {
    match read {
        DecodingResult::U8(values) => values.into_iter().map(f32::from).collect(),
        DecodingResult::U16(values) => values.into_iter().map(f32::from).collect(),
        DecodingResult::U32(values) => values.into_iter().map(|value| value as f32).collect(),
        DecodingResult::U64(values) => values.into_iter().map(|value| value as f32).collect(),
        DecodingResult::I8(values) => values.into_iter().map(f32::from).collect(),
        DecodingResult::I16(values) => values.into_iter().map(f32::from).collect(),
        DecodingResult::I32(values) => values.into_iter().map(|value| value as f32).collect(),
        DecodingResult::I64(values) => values.into_iter().map(|value| value as f32).collect(),
        DecodingResult::F16(values) => values.into_iter().map(f32::from).collect(),
        DecodingResult::F32(values) => values,
        DecodingResult::F64(values) => values.into_iter().map(|value| value as f32).collect(),
    }
}

/// The error, or nothing where the kind of the file is not read.
fn told<T>(error: TiffError) -> Result<Option<T>> {
    match error {
        TiffError::UnsupportedError(_) => Ok(None),
        TiffError::LimitsExceeded => bail!("it needs more memory than 1 GiB: shrink it first"),
        error => Err(Error::new(error).context("the TIFF data is damaged or truncated")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::decode::decode_picture;
    use tiff::encoder::TiffEncoder;
    use tiff::encoder::colortype::{
        ColorType as Kind, Gray32, Gray32Float, Gray64Float, GrayI16, GrayI32, RGB64Float,
    };

    fn file<C: Kind>(values: &[C::Inner]) -> Vec<u8>
    where
        [C::Inner]: tiff::encoder::TiffValue,
    {
        let mut bytes = Cursor::new(vec![]);
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        encoder.write_image::<C>(2, 1, values).unwrap();
        bytes.into_inner()
    }

    fn read(bytes: &[u8]) -> (Vec<u8>, Vec<String>) {
        let read = decode_picture(bytes).unwrap();
        (read.picture.into_rgb8().into_raw(), read.doubts)
    }

    #[test]
    fn grey_pictures_of_all_kinds_of_numbers() {
        let grey = [51, 51, 51, 255, 255, 255];
        let (pixels, doubts) = read(&file::<Gray32Float>(&[0.2, 1.0]));
        assert_eq!((&pixels[..], doubts.len()), (&grey[..], 0));
        let (pixels, doubts) = read(&file::<RGB64Float>(&[0.2, 0.2, 0.2, 1.0, 1.0, 1.0]));
        assert_eq!((&pixels[..], doubts.len()), (&grey[..], 0));
        for bytes in [
            file::<Gray32Float>(&[51.0, 255.0]),
            file::<Gray64Float>(&[51.0, 255.0]),
            file::<Gray32>(&[51, 255]),
            file::<GrayI32>(&[51, 255]),
            file::<GrayI16>(&[51, 255]),
        ] {
            let (pixels, doubts) = read(&bytes);
            assert_eq!(pixels, grey);
            assert_eq!(doubts, ["its values, 51 to 255, are taken for a picture of 0 to 255"]);
        }
    }

    #[test]
    fn what_is_no_picture_is_told() {
        for (bytes, expected) in [
            (file::<GrayI16>(&[-1000, 400]), "its values go down to -1000"),
            (file::<Gray32>(&[0, u32::MAX]), "its values go up to 4294967300"),
            (file::<Gray32Float>(&[f32::NAN, 0.0]), "NaN or infinite"),
            (file::<Gray64Float>(&[0.0, 1e300]), "NaN or infinite"),
        ] {
            let error = format!("{:#}", decode_picture(&bytes).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
        let whole = file::<Gray32Float>(&[0.2, 1.0]);
        for kept in 9..whole.len() {
            let error = format!("{:#}", decode_picture(&whole[..kept]).unwrap_err());
            assert!(error.contains("TIFF"), "{kept}: {error}");
        }
    }
}
