//! A map: one number for every pixel, as every metric sees the relevance of a method.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::picture::{InputShape, Layout};

/// How the channels of a map become one number a pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// Σ r.
    #[default]
    Signed,
    /// Σ |r|, for methods whose sign has no meaning.
    Magnitude,
}

impl Reading {
    /// The word in plans and reports.
    pub fn word(self) -> &'static str {
        match self {
            Reading::Signed => "signed",
            Reading::Magnitude => "magnitude",
        }
    }
}

/// One number for every pixel of the network's input, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    values: Vec<f64>,
    height: usize,
    width: usize,
}

impl Map {
    /// A map of these values, row by row.
    ///
    /// # Errors
    /// When there are more or fewer than pixels.
    pub fn new(values: Vec<f64>, height: usize, width: usize) -> Result<Map> {
        ensure!(
            values.len() == height * width && height * width > 0,
            "a map of {height} x {width} cannot hold {} values",
            values.len()
        );
        Ok(Map { values, height, width })
    }

    /// The map of relevance in the shape of a network's input, its channels read as `reading` says.
    ///
    /// # Errors
    /// When the relevance has another size than the input.
    pub fn of_relevance(relevance: &[f32], picture: InputShape, reading: Reading) -> Result<Map> {
        let pixels = picture.height * picture.width;
        ensure!(
            relevance.len() == pixels * picture.channels,
            "relevance of {} values does not fit an input of {picture}",
            relevance.len()
        );
        let mut values = vec![0.0; pixels];
        for (index, &value) in relevance.iter().enumerate() {
            let pixel = match picture.layout {
                Layout::Nchw => index % pixels,
                Layout::Nhwc => index / picture.channels,
            };
            let value = f64::from(value);
            values[pixel] += if reading == Reading::Magnitude { value.abs() } else { value };
        }
        Map::new(values, picture.height, picture.width)
    }

    /// The values row by row.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether every value is a number.
    pub fn is_finite(&self) -> bool {
        self.values.iter().all(|value| value.is_finite())
    }

    /// Whether every value is 0.
    pub fn is_zero(&self) -> bool {
        self.values.iter().all(|value| *value == 0.0)
    }

    /// √Σh².
    pub fn norm(&self) -> f64 {
        self.values.iter().map(|value| value * value).sum::<f64>().sqrt()
    }

    /// ‖other − self‖ of two maps of one size.
    pub fn distance(&self, other: &Map) -> f64 {
        let squares = self.values.iter().zip(&other.values).map(|(a, b)| (a - b) * (a - b));
        squares.sum::<f64>().sqrt()
    }

    /// −h.
    pub fn negated(&self) -> Map {
        let values = self.values.iter().map(|value| -value).collect();
        Map { values, height: self.height, width: self.width }
    }

    /// |h|.
    pub fn magnitudes(&self) -> Map {
        Map {
            values: self.values.iter().map(|value| value.abs()).collect(),
            height: self.height,
            width: self.width,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_read_signed_or_by_magnitude() {
        let picture = InputShape { channels: 2, height: 1, width: 2, layout: Layout::Nchw };
        let map = |layout, reading| {
            let picture = InputShape { layout, ..picture };
            Map::of_relevance(&[1.0, -2.0, -3.0, 4.0], picture, reading).unwrap().values
        };
        assert_eq!(map(Layout::Nchw, Reading::Signed), [-2.0, 2.0]);
        assert_eq!(map(Layout::Nchw, Reading::Magnitude), [4.0, 6.0]);
        assert_eq!(map(Layout::Nhwc, Reading::Signed), [-1.0, 1.0]);
        assert_eq!(map(Layout::Nhwc, Reading::Magnitude), [3.0, 7.0]);
        assert!(Map::of_relevance(&[1.0], picture, Reading::Signed).is_err());
    }

    #[test]
    fn nan_is_not_finite() {
        assert!(!Map::new(vec![0.0, f64::NAN], 1, 2).unwrap().is_finite());
        assert!(Map::new(vec![0.0, -0.0], 1, 2).unwrap().is_zero());
        assert!(Map::new(vec![0.0], 1, 2).is_err());
    }
}
