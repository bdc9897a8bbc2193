//! What lies beside an input: masks, boxes, segments, and other inputs for a mosaic.

use std::path::Path;

use anyhow::Result;

use super::mosaic::Mosaics;
use super::options::Truth;
use crate::metric::removal::Layered;
use crate::metric::{Beside, Mask, Mosaic, undefined};
use crate::truth::{Frame, mask, segments};

/// What lies beside an input.
pub(super) struct BesideInput<'a> {
    pub stem: &'a str,
    pub frame: Frame,
    pub truth: &'a Truth,
    pub mosaics: Option<&'a Mosaics>,
    pub layered: &'a Layered,
}

impl Beside for BesideInput<'_> {
    fn object(&self, class: usize) -> Result<Mask> {
        if let Some(folder) = &self.truth.masks {
            return mask(folder, self.stem, &self.frame);
        }
        match &self.truth.boxes {
            Some((_, boxes)) => boxes.object(self.stem, class, &self.frame),
            None => undefined("no masks or boxes are given"),
        }
    }

    fn objects(&self) -> Result<Vec<(usize, Mask)>> {
        match &self.truth.boxes {
            Some((_, boxes)) => boxes.objects(self.stem, &self.frame),
            None => undefined("no boxes are given"),
        }
    }

    fn segments(&self, folder: &Path) -> Result<Vec<i64>> {
        segments(folder, self.stem, &self.frame)
    }

    fn mosaic(&self, class: usize) -> Result<Mosaic> {
        match self.mosaics {
            Some(mosaics) => mosaics.make(self.layered, self.stem, class),
            None => undefined("the classes of the other pictures are not known"),
        }
    }
}
