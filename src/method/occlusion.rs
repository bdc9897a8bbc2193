//! Occlusion (Zeiler and Fergus 2014, section 4.2): what the output loses when a patch is covered.
//!
//! Every pixel gets the mean loss over the patches that cover it. Patches at the right and lower
//! edge are cut off there, so that every pixel is covered.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::attribute::Attribute;
use super::context::{Context, ForwardPass};
use super::explanation::Explanation;
use super::input_info::Fill;
use super::option::{Domain, MethodOption};
use crate::picture::InputShape;
use crate::plane::{for_each_element, over_channels};

/// Occlusion and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Occlusion {
    /// Height and width of the patch; pixels. An eighth of the shorter side where none is given.
    pub patch: Option<[usize; 2]>,
    /// Steps down and across; pixels. Half a patch where none is given.
    pub stride: Option<[usize; 2]>,
    /// What the patch is covered with.
    pub fill: Fill,
}

impl Default for Occlusion {
    fn default() -> Self {
        Self { patch: None, stride: None, fill: Fill::Mean }
    }
}

/// The patches on a picture.
pub(super) struct Patches {
    patch: [usize; 2],
    stride: [usize; 2],
    /// Patches down and across.
    counts: [usize; 2],
    picture: InputShape,
}

impl Occlusion {
    pub(super) fn patches(&self, picture: InputShape) -> Result<Patches> {
        let size = [picture.height, picture.width];
        let side = size[0].min(size[1]).div_ceil(8);
        let patch = self.patch.unwrap_or([side; 2]);
        let stride = self.stride.unwrap_or(patch.map(|side| side.div_ceil(2)));
        for axis in 0..2 {
            ensure!(
                (1..=size[axis]).contains(&patch[axis]),
                "a patch of {} x {} does not fit a picture of {} x {}",
                patch[0],
                patch[1],
                size[0],
                size[1]
            );
            ensure!(
                (1..=patch[axis]).contains(&stride[axis]),
                "a stride of {} x {} leaves gaps between patches of {} x {}",
                stride[0],
                stride[1],
                patch[0],
                patch[1]
            );
        }
        let counts = [0, 1].map(|axis| (size[axis] - patch[axis]).div_ceil(stride[axis]) + 1);
        Ok(Patches { patch, stride, counts, picture })
    }
}

impl Patches {
    pub fn count(&self) -> usize {
        self.counts[0] * self.counts[1]
    }

    /// Whether patch `index` covers a pixel.
    fn covers(&self, index: usize, pixel: usize) -> bool {
        let place = [pixel / self.picture.width, pixel % self.picture.width];
        let corner =
            [index / self.counts[1] * self.stride[0], index % self.counts[1] * self.stride[1]];
        (0..2).all(|axis| (corner[axis]..corner[axis] + self.patch[axis]).contains(&place[axis]))
    }
}

/// The patch.
const PATCH: MethodOption = MethodOption {
    name: "patch",
    value_name: "SIZE",
    help: "The patch, 28 or 28x40 (height x width), pixels",
    domain: Domain::Size,
    absent: "an eighth of the shorter side",
};

/// Steps of the patch.
const STRIDE: MethodOption = MethodOption {
    name: "stride",
    value_name: "SIZE",
    help: "Steps of the patch, pixels",
    domain: Domain::Size,
    absent: "half a patch",
};

/// What the patch is covered with.
const FILL: MethodOption = MethodOption {
    name: "fill",
    value_name: "NAME",
    help: "What the patch is covered with: 0 in the network's units, black, or the input's mean",
    domain: Domain::Word(|| Fill::ALL.map(Fill::word).to_vec()),
    absent: "",
};

impl Attribute for Occlusion {
    fn name(&self) -> &'static str {
        "occlusion"
    }

    fn about(&self) -> &'static str {
        "what the output loses when a patch is covered"
    }

    fn paper(&self) -> &'static str {
        "Zeiler, Fergus 2014"
    }

    fn options(&self) -> &'static [MethodOption] {
        &[PATCH, STRIDE, FILL]
    }

    fn is_base(&self) -> bool {
        false
    }

    fn is_map(&self) -> bool {
        true
    }

    fn samples(&self, picture: Option<InputShape>) -> Option<usize> {
        let patches = picture.and_then(|picture| self.patches(picture).ok());
        Some(patches.map_or(1, |patches| patches.count()))
    }

    fn attribute(&self, context: &Context, pass: ForwardPass) -> Result<Explanation> {
        let (picture, input) = context.picture(&pass)?;
        let patches = self.patches(picture)?;
        let cover = self.fill.tensor(input, &context.infos[0])?;
        let whole = context.score(&pass)?;
        let loss = |index: usize| {
            let mut input = input.clone();
            let mut covered = cover.data().iter();
            for_each_element(&mut input, picture, |value, pixel, _| {
                let cover = covered.next().copied().unwrap_or(0.0);
                if patches.covers(index, pixel) {
                    *value = cover;
                }
            });
            Ok(whole - context.score(&context.forward(input)?)?)
        };
        let mut sums = vec![(0.0f64, 0u32); picture.height * picture.width];
        let mut index = 0;
        let take = |loss: f32| {
            for (pixel, (sum, count)) in sums.iter_mut().enumerate() {
                if patches.covers(index, pixel) {
                    *sum += f64::from(loss);
                    *count += 1;
                }
            }
            index += 1;
            Ok(())
        };
        context.workers.in_order(patches.count(), context.watch, loss, take)?;
        let map: Vec<f32> =
            sums.into_iter().map(|(sum, count)| (sum / f64::from(count.max(1))) as f32).collect();
        let relevance = over_channels(&map, input.shape(), picture)?;
        Ok(Explanation::unconserved(relevance, context.initial(&pass)?.sum()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Layout;

    #[test]
    fn patches_cover_everything_and_are_cut_off_at_the_edge() {
        let picture = InputShape { channels: 1, height: 5, width: 4, layout: Layout::Nchw };
        let occlusion = Occlusion { patch: Some([2, 3]), stride: Some([2, 3]), fill: Fill::Zero };
        let patches = occlusion.patches(picture).unwrap();
        assert_eq!((patches.counts, patches.count()), ([3, 2], 6));
        for pixel in 0..20 {
            assert_eq!((0..6).filter(|&index| patches.covers(index, pixel)).count(), 1);
        }
        let too_large = Occlusion { patch: Some([6, 1]), ..occlusion.clone() };
        assert!(too_large.patches(picture).is_err());
        let gaps = Occlusion { stride: Some([3, 1]), ..occlusion };
        assert!(gaps.patches(picture).err().unwrap().to_string().contains("gaps"));
    }
}
