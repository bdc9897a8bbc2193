//! Regions: the parts of a picture that are removed one after the other.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Error, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::metric::map::Map;

/// How a picture is divided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Regions {
    /// Squares of a fourteenth of the shorter side.
    #[default]
    Cells,
    /// Every pixel alone.
    Pixels,
    /// Squares of this side, in pixels.
    Square(usize),
    /// About a hundred superpixels (SLIC, Achanta et al. 2012).
    Slic,
    /// What an integer `.npy` for each picture says, in this folder.
    Labels(PathBuf),
}

impl FromStr for Regions {
    type Err = Error;

    fn from_str(text: &str) -> Result<Regions> {
        let (word, argument) = match text.split_once(':') {
            Some((word, argument)) => (word, Some(argument)),
            None => (text, None),
        };
        Ok(match (word, argument) {
            ("cells", None) => Regions::Cells,
            ("pixels", None) => Regions::Pixels,
            ("slic", None) => Regions::Slic,
            ("square", Some(side)) => match side.parse() {
                Ok(side) if side > 0 => Regions::Square(side),
                _ => bail!(
                    "`{text}` are no regions: after `square:` comes the side in pixels, such as square:9"
                ),
            },
            ("labels", Some(folder)) if !folder.is_empty() => Regions::Labels(folder.into()),
            _ => bail!(
                "`{text}` are no regions; there are cells, pixels, square:N, slic and labels:DIR"
            ),
        })
    }
}

impl TryFrom<String> for Regions {
    type Error = Error;

    fn try_from(text: String) -> Result<Regions> {
        text.parse()
    }
}

impl From<Regions> for String {
    fn from(regions: Regions) -> String {
        regions.to_string()
    }
}

impl fmt::Display for Regions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Regions::Cells => formatter.write_str("cells"),
            Regions::Pixels => formatter.write_str("pixels"),
            Regions::Square(side) => write!(formatter, "square:{side}"),
            Regions::Slic => formatter.write_str("slic"),
            Regions::Labels(folder) => write!(formatter, "labels:{}", folder.display()),
        }
    }
}

/// The side of a cell: a fourteenth of the shorter side, so that a square picture has 196.
pub fn cell_side(height: usize, width: usize) -> usize {
    scaled_side(1.0, 14.0, height, width)
}

/// round(`side` · min(height, width) / `of`), at least 1: a side that was given for pictures of `of` pixels.
pub fn scaled_side(side: f64, of: f64, height: usize, width: usize) -> usize {
    ((side * height.min(width) as f64 / of).round() as usize).max(1)
}

/// A picture divided into regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    region_of: Vec<u32>,
    /// The number of pixels of every region.
    sizes: Vec<usize>,
}

impl Partition {
    /// Squares from the upper left; the last row and column are smaller where the side does not divide the picture's.
    pub fn squares(height: usize, width: usize, side: usize) -> Partition {
        let across = width.div_ceil(side);
        let region = |pixel: usize| (pixel / width / side * across + pixel % width / side) as u32;
        Partition::of((0..height * width).map(region).collect())
    }

    /// Regions in the order of their numbers, whichever these are.
    pub fn of_labels(labels: &[i64]) -> Result<Partition> {
        let mut numbers = labels.to_vec();
        numbers.sort_unstable();
        numbers.dedup();
        ensure!(numbers.len() <= u32::MAX as usize, "there are too many regions");
        let region = |label| numbers.partition_point(|number| number < label) as u32;
        Ok(Partition::of(labels.iter().map(region).collect()))
    }

    fn of(region_of: Vec<u32>) -> Partition {
        let count = region_of.iter().max().map_or(0, |&last| last as usize + 1);
        let mut sizes = vec![0; count];
        region_of.iter().for_each(|&region| sizes[region as usize] += 1);
        Partition { region_of, sizes }
    }

    /// The number of regions.
    pub fn count(&self) -> usize {
        self.sizes.len()
    }

    /// The number of pixels of every region.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The number of pixels.
    pub fn pixels(&self) -> usize {
        self.region_of.len()
    }

    /// The sum of a map over every region.
    pub fn sums(&self, map: &Map) -> Vec<f64> {
        let mut sums = vec![0.0; self.count()];
        for (&region, value) in self.region_of.iter().zip(map.values()) {
            sums[region as usize] += value;
        }
        sums
    }

    /// The mean of a map over every region.
    pub fn means(&self, map: &Map) -> Vec<f64> {
        let sums = self.sums(map);
        sums.into_iter().zip(&self.sizes).map(|(sum, &size)| sum / size as f64).collect()
    }

    /// For every pixel, whether it is in one of these regions.
    pub fn pixels_of(&self, regions: impl IntoIterator<Item = usize>) -> Vec<bool> {
        let mut is_chosen = vec![false; self.count()];
        regions.into_iter().for_each(|region| is_chosen[region] = true);
        self.region_of.iter().map(|&region| is_chosen[region as usize]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_fourteen_a_side_and_smaller_at_the_edge() {
        assert_eq!([cell_side(224, 224), cell_side(28, 28), cell_side(299, 320)], [16, 2, 21]);
        assert_eq!(cell_side(5, 5), 1);
        let partition = Partition::squares(3, 5, 2);
        assert_eq!(partition.region_of, [0, 0, 1, 1, 2, 0, 0, 1, 1, 2, 3, 3, 4, 4, 5]);
        assert_eq!(partition.sizes, [4, 4, 2, 2, 2, 1]);
        assert_eq!(Partition::squares(224, 224, 16).count(), 196);
    }

    #[test]
    fn regions_are_summed_averaged_and_marked() {
        let partition = Partition::of_labels(&[7, -3, 7, 40]).unwrap();
        assert_eq!((partition.count(), partition.sizes()), (3, &[1, 2, 1][..]));
        let map = Map::new(vec![1.0, 2.0, 4.0, 8.0], 2, 2).unwrap();
        assert_eq!(partition.sums(&map), [2.0, 5.0, 8.0]);
        assert_eq!(partition.means(&map), [2.0, 2.5, 8.0]);
        assert_eq!(partition.pixels_of([1]), [true, false, true, false]);
    }

    #[test]
    fn words_are_read_and_written() {
        for word in ["cells", "pixels", "square:9", "slic", "labels:some/dir"] {
            assert_eq!(word.parse::<Regions>().unwrap().to_string(), word);
        }
        for word in ["cell", "square", "square:0", "square:x", "labels:", "pixels:2"] {
            let error = word.parse::<Regions>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{word}` are no regions")), "{error}");
        }
    }
}
