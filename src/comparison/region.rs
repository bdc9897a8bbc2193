//! The regions of an input whose share of the relevance is measured.

use std::path::{Path, PathBuf};

use anyhow::{Result as Checked, anyhow, ensure};

use crate::error::{Error, Kind, Result};
use crate::metric::{Mask, Undefined};
use crate::truth::{Boxes, Frame, mask};

/// The regions of inputs: folders of masks, and boxes, each by a name.
#[derive(Clone, Debug, Default)]
pub struct Regions {
    masks: Vec<(String, PathBuf)>,
    boxes: Option<(PathBuf, Boxes)>,
}

/// A region of an input, or why it has none of that name.
pub(super) type Region = (String, Checked<Mask>);

/// What boxes without a label are called.
const UNNAMED: &str = "box";

impl Regions {
    /// No regions.
    pub fn new() -> Regions {
        Regions::default()
    }

    /// A region by a mask for each input: `<stem>.png` or `<stem>.npy` in a folder, not 0 is inside, of the picture's size or the
    /// network's.
    ///
    /// # Errors
    /// [`Error::Input`] when there is no such folder, or another region has the name.
    pub fn masks(mut self, name: impl Into<String>, folder: impl Into<PathBuf>) -> Result<Regions> {
        let (name, folder) = (name.into(), folder.into());
        let check = || -> Checked<()> {
            ensure!(folder.is_dir(), "there is no folder {} with masks", folder.display());
            ensure!(
                self.names().all(|known| known != name),
                "two regions are called `{name}`: give one of them another name, --masks NAME={}",
                folder.display()
            );
            Ok(())
        };
        check().kind(Error::Input)?;
        self.masks.push((name, folder));
        Ok(self)
    }

    /// Regions by boxes, each called by its label: a table with the columns `input,label,x0,y0,x1,y1`, or COCO's JSON. The
    /// input `*` stands for every picture.
    ///
    /// # Errors
    /// [`Error::Input`] when the file cannot be read, or a label is the name of a mask.
    pub fn boxes(self, file: impl AsRef<Path>) -> Result<Regions> {
        let boxes = Boxes::read(file.as_ref()).kind(Error::Input)?;
        let regions = Regions { boxes: Some((file.as_ref().to_path_buf(), boxes)), ..self };
        let masks = regions.masks.iter().map(|(name, _)| name);
        let labels = regions.labels();
        match masks.into_iter().find(|name| labels.contains(name)) {
            Some(name) => {
                let error = anyhow!(
                    "both masks and boxes are called `{name}`: --masks NAME=DIR gives masks another name"
                );
                Err(Error::of(Error::Input, error))
            }
            None => Ok(regions),
        }
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.masks.is_empty() && self.boxes.is_none()
    }

    /// The names of all regions: masks in the order in which they were given, then labels of boxes.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.masks.iter().map(|(name, _)| name.clone()).chain(self.labels())
    }

    fn labels(&self) -> Vec<String> {
        self.boxes.iter().flat_map(|(_, boxes)| boxes.labels()).map(named).collect()
    }

    /// The folders of masks, by the names of their regions.
    pub(super) fn mask_folders(&self) -> Vec<(String, String)> {
        let masks = self.masks.iter();
        masks.map(|(name, folder)| (name.clone(), folder.display().to_string())).collect()
    }

    /// The file of boxes.
    pub(super) fn box_file(&self) -> Option<String> {
        self.boxes.as_ref().map(|(file, _)| file.display().to_string())
    }

    /// The regions of an input, as far as there are files for it.
    pub(super) fn of(&self, stem: &str, frame: &Frame) -> Vec<Region> {
        let masks =
            self.masks.iter().map(|(name, folder)| (name.clone(), mask(folder, stem, frame)));
        let boxes = self.boxes.iter().flat_map(|(_, boxes)| boxes.labelled(stem, frame));
        masks.chain(boxes.map(|(label, mask)| (named(label), mask))).collect()
    }
}

fn named(label: String) -> String {
    if label.is_empty() { UNNAMED.to_string() } else { label }
}

/// Why something is undefined; an error where it is something worse.
pub(super) fn reason(error: anyhow::Error) -> Checked<String> {
    match error.is::<Undefined>() {
        true => Ok(error.to_string()),
        false => Err(error),
    }
}
