//! Masks and segments: numbers for every pixel, of the picture's size or of the network's.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::frame::{Frame, is_visible};
use crate::io::read_npy;
use crate::metric::{Mask, undefined};
use crate::picture::decode;

/// Numbers for the pixels of a plane.
struct Plane {
    size: [usize; 2],
    values: Vec<f32>,
}

impl Plane {
    /// Reads a `.npy` of two axes.
    fn of_array(path: &Path) -> Result<Plane> {
        let (shape, values) = read_npy(path)?;
        let axes: Vec<usize> = shape.iter().copied().skip_while(|&axis| axis == 1).collect();
        let size = match (shape.as_slice(), axes.as_slice()) {
            (&[height, width], _) | (_, &[height, width]) => [height, width],
            _ => bail!("it has the shape {shape:?}, where [height, width] was expected"),
        };
        Ok(Plane { size, values })
    }

    /// Reads a picture: not 0 is inside; with colours, where any is not 0.
    fn of_picture(path: &Path) -> Result<Plane> {
        let picture = decode(path)?;
        let size = [picture.height() as usize, picture.width() as usize];
        let colours = picture.to_rgb16();
        let values = colours.pixels().map(|pixel| f32::from(u8::from(pixel.0 != [0; 3])));
        Ok(Plane { size, values: values.collect() })
    }

    /// What the network sees of it.
    fn seen(&self, frame: &Frame) -> Result<Vec<f32>> {
        if self.size == frame.picture {
            return Ok(frame.nearest(&self.values));
        }
        ensure!(
            self.size == frame.network,
            "it has {} x {} pixels (height x width), but the picture has {} x {} and the network takes {} x {}",
            self.size[0],
            self.size[1],
            frame.picture[0],
            frame.picture[1],
            frame.network[0],
            frame.network[1]
        );
        Ok(self.values.clone())
    }
}

/// `FOLDER/<stem><suffix>`; a stem may hold folders and points.
pub(crate) fn with_suffix(folder: &Path, stem: &str, suffix: &str) -> PathBuf {
    folder.join(format!("{stem}{suffix}"))
}

/// The mask of a picture, `FOLDER/<stem>.png` or `.npy`.
///
/// # Errors
/// When it cannot be read or has another size; undefined where there is none, or the object is mostly cropped away.
pub(crate) fn mask(folder: &Path, stem: &str, frame: &Frame) -> Result<Mask> {
    let (picture, array) = (with_suffix(folder, stem, ".png"), with_suffix(folder, stem, ".npy"));
    let (path, read): (_, fn(&Path) -> Result<Plane>) = match (picture.exists(), array.exists()) {
        (true, _) => (picture, Plane::of_picture),
        (_, true) => (array, Plane::of_array),
        _ => return undefined(format!("there is no mask {} or .npy", picture.display())),
    };
    let named = || format!("cannot use the mask {}", path.display());
    let plane = read(&path).with_context(named)?;
    let is_inside =
        |values: &[f32]| values.iter().map(|value| *value != 0.0).collect::<Vec<bool>>();
    let seen = is_inside(&plane.seen(frame).with_context(named)?);
    if plane.size == frame.picture && !is_visible(frame.areas_of_mask(&is_inside(&plane.values))) {
        return undefined("less than half of the object is inside the crop");
    }
    Mask::new(seen, frame.network[0], frame.network[1])
}

/// The segments of a picture, `FOLDER/<stem>.npy`.
///
/// # Errors
/// When there is no such file, it has another size, or a number is not whole.
pub(crate) fn segments(folder: &Path, stem: &str, frame: &Frame) -> Result<Vec<i64>> {
    let path = with_suffix(folder, stem, ".npy");
    let read = || {
        let values = Plane::of_array(&path)?.seen(frame)?;
        let whole = |value: &f32| match value.fract() == 0.0 {
            true => Ok(*value as i64),
            false => bail!("it holds {value}, where whole numbers of regions were expected"),
        };
        values.iter().map(whole).collect()
    };
    let segments: Result<Vec<i64>> = read();
    segments.with_context(|| format!("cannot use the regions {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{Overwrite, write_npy, write_png};
    use crate::metric::Undefined;
    use image::{Rgb, RgbImage};

    #[test]
    fn masks_are_read_seen_and_refused() {
        let folder = tempfile::tempdir().unwrap();
        let frame = Frame::whole([2, 3]);
        let path = |name: &str| folder.path().join(name);
        let write = |name: &str, shape: &[usize], values: &[f32]| {
            write_npy(&path(name), shape, values, Overwrite::Replace).unwrap();
        };
        let mut picture = RgbImage::new(3, 2);
        picture.put_pixel(1, 0, Rgb([0, 0, 1]));
        write_png(&path("a.png"), &picture, Overwrite::Replace).unwrap();
        write("b.npy", &[1, 2, 3], &[0.0, 1.0, 0.0, 0.0, 0.0, 2.0]);
        write("c.npy", &[3, 2], &[1.0; 6]);
        let of = |stem: &str| mask(folder.path(), stem, &frame);
        assert_eq!(of("a").unwrap().inside(), [false, true, false, false, false, false]);
        assert_eq!(of("b").unwrap().area(), 2);
        let error = format!("{:#}", of("c").unwrap_err());
        assert!(error.contains("c.npy") && error.contains("it has 3 x 2 pixels"), "{error}");
        assert!(of("d").unwrap_err().is::<Undefined>());
        assert_eq!(segments(folder.path(), "b", &frame).unwrap(), [0, 1, 0, 0, 0, 2]);
        write("e.npy", &[2, 3], &[0.5; 6]);
        assert!(format!("{:#}", segments(folder.path(), "e", &frame).unwrap_err()).contains("0.5"));
        assert!(segments(folder.path(), "f", &frame).is_err());
    }
}
