//! RISE (Petsiuk et al. 2018, eq. 6): the mean of random masks, each weighted by the probability of
//! the class for the masked picture.
//!
//! A mask is a small grid of ones and zeros, enlarged bilinearly and moved by a random part of a
//! cell. As in the paper the score is a probability, not a logit, and what a mask hides becomes 0.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::attribute::{Attribute, Scale};
use super::context::{Context, ForwardPass};
use super::explanation::Explanation;
use super::option::{Domain, MethodOption, SAMPLES, SEED};
use crate::picture::InputShape;
use crate::plane::{enlarged, for_each_element, over_channels};
use crate::random::Stream;

/// RISE and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rise {
    /// Masks. The paper takes 4000 for VGG-16 and 8000 for ResNet-50.
    pub samples: usize,
    /// Cells of the grid along each side.
    pub cells: usize,
    /// The probability that a cell is visible.
    pub keep: f32,
    /// Seed of the masks.
    pub seed: u64,
}

impl Default for Rise {
    fn default() -> Self {
        Self { samples: 4000, cells: 7, keep: 0.5, seed: 0 }
    }
}

impl Rise {
    /// Mask number `sample`, row by row, from 0 (hidden) to 1 (visible).
    fn mask(&self, picture: InputShape, sample: usize) -> Vec<f32> {
        let stream = Stream::new(self.seed, &[sample as u64]);
        let grid: Vec<f32> = (0..self.cells * self.cells)
            .map(|cell| if stream.uniform(cell as u64 + 2) < self.keep { 1.0 } else { 0.0 })
            .collect();
        let cell = [picture.height.div_ceil(self.cells), picture.width.div_ceil(self.cells)];
        let size = cell.map(|cell| cell * (self.cells + 1));
        let whole = enlarged(&grid, &[self.cells; 2], &size);
        let [down, across] =
            [0, 1].map(|axis| (stream.uniform(axis as u64) * cell[axis] as f32) as usize);
        let rows = whole.chunks_exact(size[1]).skip(down).take(picture.height);
        rows.flat_map(|row| &row[across..across + picture.width]).copied().collect()
    }
}

/// Cells of the grid.
const CELLS: MethodOption = MethodOption {
    name: "cells",
    value_name: "N",
    help: "Cells along each side of a mask",
    domain: Domain::Count,
    absent: "",
};

/// The visible share.
const KEEP: MethodOption = MethodOption {
    name: "keep",
    value_name: "SHARE",
    help: "Share of the picture that a mask shows",
    domain: Domain::Share,
    absent: "",
};

impl Attribute for Rise {
    fn name(&self) -> &'static str {
        "rise"
    }

    fn about(&self) -> &'static str {
        "random masks weighted by the probability"
    }

    fn paper(&self) -> &'static str {
        "Petsiuk et al. 2018"
    }

    fn options(&self) -> &'static [MethodOption] {
        &[SAMPLES, CELLS, KEEP, SEED]
    }

    fn scale(&self) -> Scale {
        Scale::Relative
    }

    fn is_base(&self) -> bool {
        false
    }

    fn is_map(&self) -> bool {
        true
    }

    fn attribute(&self, context: &Context, pass: ForwardPass) -> Result<Explanation> {
        ensure!(self.samples > 0 && self.cells > 0, "RISE needs at least one mask of one cell");
        ensure!(
            self.keep > 0.0 && self.keep <= 1.0,
            "the share of the picture that a mask shows must lie between 0 and 1, not be {}",
            self.keep
        );
        let (picture, input) = context.picture(&pass)?;
        let longest = picture.height.max(picture.width);
        ensure!(
            self.cells <= longest,
            "a grid of {0} x {0} cells is finer than the picture of {1} x {2} pixels: --cells must be at most {longest}",
            self.cells,
            picture.height,
            picture.width
        );
        let seen = |sample: usize| {
            let mask = self.mask(picture, sample);
            let mut input = input.clone();
            for_each_element(&mut input, picture, |value, pixel, _| *value *= mask[pixel]);
            Ok((context.probability(&context.forward(input)?)?, mask))
        };
        let mut sums = vec![0.0f64; picture.height * picture.width];
        let take = |(probability, mask): (f32, Vec<f32>)| {
            for (sum, seen) in sums.iter_mut().zip(mask) {
                *sum += f64::from(probability * seen);
            }
            Ok(())
        };
        context.workers.in_order(self.samples, context.watch, seen, take)?;
        let share = 1.0 / (f64::from(self.keep) * self.samples as f64);
        let map: Vec<f32> = sums.into_iter().map(|sum| (sum * share) as f32).collect();
        let relevance = over_channels(&map, input.shape(), picture)?;
        Ok(Explanation::unconserved(relevance, context.initial(&pass)?.sum()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Layout;

    #[test]
    fn masks_show_the_share_they_should() {
        let picture = InputShape { channels: 3, height: 30, width: 45, layout: Layout::Nchw };
        let rise = Rise { keep: 0.3, ..Rise::default() };
        let masks: Vec<Vec<f32>> = (0..400).map(|sample| rise.mask(picture, sample)).collect();
        assert!(masks.iter().all(|mask| mask.len() == 30 * 45));
        let mean = |pixel: usize| masks.iter().map(|mask| mask[pixel]).sum::<f32>() / 400.0;
        for pixel in [0, 44, 15 * 45 + 22, 30 * 45 - 1] {
            // A cell's standard deviation is 0.46; four standard errors.
            assert!((mean(pixel) - 0.3).abs() < 0.092, "{} at {pixel}", mean(pixel));
        }
        assert_ne!(masks[0], masks[1]);
    }
}
