//! Maps that were made elsewhere: any tool can be judged.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::io::{ArrayFile, read_array};
use crate::metric::{Explain, Explained, Map, Reading, undefined};
use crate::picture::{InputShape, Layout};
use crate::tensor::Tensor;
use crate::truth::with_suffix;

/// The map of one picture, from a folder.
pub(super) struct ForeignMap {
    map: Map,
    class: usize,
}

impl ForeignMap {
    /// Reads `FOLDER/<stem>.npy`, or what `explain` calls it, or the array `<stem>` of an `.npz` file: `[C, H, W]` in the shape of
    /// the network's input, or `[H, W]`.
    ///
    /// # Errors
    /// When there is no such file, it has another shape, or a number is not finite.
    pub fn read(
        folder: &Path,
        stem: &str,
        class: usize,
        shape: InputShape,
        reading: Reading,
    ) -> Result<ForeignMap> {
        let path = path_of(folder, stem);
        let read = || {
            let ArrayFile { shape: found, values, .. } = read_array(&path)?;
            let map = map(&found, &values, shape, reading)?;
            let wrong = map.values().iter().filter(|value| !value.is_finite()).count();
            ensure!(wrong == 0, "{wrong} of its values are NaN or infinite");
            Ok(map)
        };
        let map: Result<Map> = read();
        Ok(ForeignMap {
            map: map.with_context(|| format!("cannot use the map {}", path.display()))?,
            class,
        })
    }
}

/// Where the map of a picture is.
fn path_of(folder: &Path, stem: &str) -> PathBuf {
    if folder.is_file() {
        return PathBuf::from(format!("{}:{stem}", folder.display()));
    }
    let saved = with_suffix(folder, stem, ".relevance.npy");
    if saved.is_file() { saved } else { with_suffix(folder, stem, ".npy") }
}

fn map(found: &[usize], values: &[f32], shape: InputShape, reading: Reading) -> Result<Map> {
    let InputShape { channels, height, width, layout } = shape;
    let found = match found {
        [1, rest @ ..] if rest.len() >= 2 => rest,
        found => found,
    };
    let one = InputShape { channels: 1, layout: Layout::Nchw, ..shape };
    if found == [height, width] {
        return Map::of_relevance(values, one, reading);
    }
    let first = [channels, height, width];
    let last = [height, width, channels];
    // In the network's own layout where both would fit.
    let layouts = match layout {
        Layout::Nchw => [(first, Layout::Nchw), (last, Layout::Nhwc)],
        Layout::Nhwc => [(last, Layout::Nhwc), (first, Layout::Nchw)],
    };
    match layouts.into_iter().find(|(expected, _)| found == expected) {
        Some((_, layout)) => Map::of_relevance(values, InputShape { layout, ..shape }, reading),
        None => bail!(
            "it has the shape {found:?}, but the network's input is {first:?}: give [C, H, W] or [H, W]"
        ),
    }
}

impl Explain for ForeignMap {
    fn explain(&self, _input: &Tensor, classes: &[usize], draw: u64) -> Result<Vec<Explained>> {
        if draw != 0 || classes != [self.class] {
            return undefined(
                "maps that were made elsewhere cannot be made again for another input or class",
            );
        }
        Ok(vec![Explained { map: self.map.clone(), relative_error: None, output: None }])
    }

    fn explain_all(&self, _inputs: &[Tensor], _class: usize) -> Result<Vec<Explained>> {
        undefined("maps that were made elsewhere cannot be made again for another input")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{Overwrite, write_npy};

    #[test]
    fn maps_are_read_in_every_shape_and_refused_with_nan() {
        let folder = tempfile::tempdir().unwrap();
        let shape = InputShape { channels: 2, height: 1, width: 3, layout: Layout::Nchw };
        let read = |found: &[usize], values: &[f32]| {
            let path = folder.path().join("a.b.npy");
            write_npy(&path, found, values, Overwrite::Replace).unwrap();
            let map = ForeignMap::read(folder.path(), "a.b", 4, shape, Reading::Signed);
            map.map(|map| map.map.values().to_vec()).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(read(&[1, 3], &[1.0, 2.0, 3.0]).unwrap(), [1.0, 2.0, 3.0]);
        assert_eq!(
            read(&[2, 1, 3], &[1.0, 2.0, 3.0, 10.0, 20.0, 30.0]).unwrap(),
            [11.0, 22.0, 33.0]
        );
        assert_eq!(
            read(&[1, 1, 3, 2], &[1.0, 10.0, 2.0, 20.0, 3.0, 30.0]).unwrap(),
            [11.0, 22.0, 33.0]
        );
        assert!(read(&[3], &[0.0; 3]).unwrap_err().contains("[C, H, W] or [H, W]"));
        assert!(
            read(&[1, 3], &[0.0, f32::NAN, 1.0]).unwrap_err().contains("1 of its values are NaN")
        );
        let missing =
            ForeignMap::read(folder.path(), "b", 4, shape, Reading::Signed).err().unwrap();
        assert!(missing.to_string().contains("b.npy"));
        let map = ForeignMap::read(folder.path(), "a.b", 4, shape, Reading::Signed);
        assert!(map.is_err());
    }
}
