//! Fills: what removed pixels are replaced by.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail};
use serde::{Deserialize, Serialize};

use super::blur::blurred_plane;
use super::imputation::Equations;
use super::plane::Layered;
use crate::metric::seeds::Seeds;
use crate::tensor::Tensor;

/// Noise on imputed pixels, in the network's units: without it a network could tell them by their smoothness.
const IMPUTATION_NOISE: f64 = 0.01;

/// What removed pixels are replaced by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Fill {
    /// The picture, blurred with this standard deviation in pixels; `None`: the shorter side over 22.4.
    Blur(Option<f64>),
    /// Means of the neighbours (Rong et al. 2022), with normal noise of this standard deviation in network units.
    Linear(f64),
    /// The picture's mean, per channel.
    #[default]
    Mean,
    /// 0 in network units.
    Zero,
    /// The lowest network input.
    Black,
    /// The highest network input.
    White,
    /// Even noise over the range of the network's input; scores are averaged over draws.
    Uniform,
}

impl FromStr for Fill {
    type Err = Error;

    fn from_str(text: &str) -> Result<Fill> {
        let number = |word: &str| -> Result<Option<f64>> {
            let Some(number) = text.strip_prefix(word).and_then(|rest| rest.strip_prefix(':'))
            else {
                return Ok(None);
            };
            let read = number.parse::<f64>().ok().filter(|number| number.is_finite());
            read.map(Some).with_context(|| format!("`{text}` is no fill: `{number}` is no number"))
        };
        if let Some(sigma) = number("blur")? {
            if sigma <= 0.0 {
                bail!("`{text}` is no fill: the standard deviation of the blur must be above 0");
            }
            return Ok(Fill::Blur(Some(sigma)));
        }
        if let Some(noise) = number("linear")? {
            if noise < 0.0 {
                bail!("`{text}` is no fill: noise cannot be below 0");
            }
            return Ok(Fill::Linear(noise));
        }
        Ok(match text {
            "blur" => Fill::Blur(None),
            "linear" => Fill::Linear(IMPUTATION_NOISE),
            "mean" => Fill::Mean,
            "zero" => Fill::Zero,
            "black" => Fill::Black,
            "white" => Fill::White,
            "uniform" => Fill::Uniform,
            _ => bail!(
                "`{text}` is no fill; there are blur, blur:SIGMA, linear, linear:NOISE, mean, zero, black, white and \
                 uniform"
            ),
        })
    }
}

impl TryFrom<String> for Fill {
    type Error = Error;

    fn try_from(text: String) -> Result<Fill> {
        text.parse()
    }
}

impl From<Fill> for String {
    fn from(fill: Fill) -> String {
        fill.to_string()
    }
}

impl fmt::Display for Fill {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fill::Blur(None) => formatter.write_str("blur"),
            Fill::Blur(Some(sigma)) => write!(formatter, "blur:{sigma}"),
            Fill::Linear(noise) if *noise == IMPUTATION_NOISE => formatter.write_str("linear"),
            Fill::Linear(noise) => write!(formatter, "linear:{noise}"),
            Fill::Mean => formatter.write_str("mean"),
            Fill::Zero => formatter.write_str("zero"),
            Fill::Black => formatter.write_str("black"),
            Fill::White => formatter.write_str("white"),
            Fill::Uniform => formatter.write_str("uniform"),
        }
    }
}

impl Fill {
    /// Whether it is drawn, so that scores are averaged over draws.
    pub fn is_drawn(self) -> bool {
        self == Fill::Uniform
    }

    /// Whether it needs the lowest and highest value of the network's input.
    pub fn needs_range(self) -> bool {
        matches!(self, Fill::Black | Fill::White | Fill::Uniform)
    }
}

/// A picture with all that is needed to remove parts of it.
pub struct Removal {
    picture: Layered,
    content: Content,
}

/// What is put in the place of pixels.
enum Content {
    /// The same planes, whatever is removed; one list for each draw.
    Planes(Vec<Vec<Vec<f32>>>),
    /// Depends on what is removed.
    Imputed { noise: f64, seeds: Seeds },
}

impl Removal {
    /// Prepares a fill for a picture.
    ///
    /// # Errors
    /// When the fill needs the range of the network's input, and it is not known.
    pub fn new(fill: Fill, picture: &Layered, draws: usize, seeds: Seeds) -> Result<Removal> {
        let one = |planes: Vec<Vec<f32>>| Content::Planes(vec![planes]);
        let content = match fill {
            Fill::Blur(sigma) => {
                let side = picture.height().min(picture.width());
                let sigma = sigma.unwrap_or(side as f64 / 22.4);
                one(picture.each_plane(|_, plane| {
                    blurred_plane(plane, picture.height(), picture.width(), sigma)
                }))
            }
            Fill::Mean => one(picture.each_plane(|_, plane| {
                let sum: f64 = plane.iter().map(|&value| f64::from(value)).sum();
                vec![(sum / plane.len() as f64) as f32; plane.len()]
            })),
            Fill::Zero => one(picture.each_plane(|_, plane| vec![0.0; plane.len()])),
            Fill::Black => one(picture.filled(|range| range[0])?),
            Fill::White => one(picture.filled(|range| range[1])?),
            Fill::Uniform => {
                let draw = |draw| picture.noise(seeds.stream("fill", &[draw]));
                Content::Planes((0..draws.max(1) as u64).map(draw).collect::<Result<_>>()?)
            }
            Fill::Linear(noise) => Content::Imputed { noise, seeds },
        };
        Ok(Removal { picture: picture.clone(), content })
    }

    /// How many pictures stand for one removal.
    pub fn draws(&self) -> usize {
        match &self.content {
            Content::Planes(draws) => draws.len(),
            Content::Imputed { .. } => 1,
        }
    }

    /// The picture without some pixels, as the network's input.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn without(&self, is_missing: &[bool], draw: usize) -> Result<Tensor> {
        match &self.content {
            Content::Planes(draws) => {
                let planes = &draws[draw];
                self.picture.replaced(|channel, pixel, value| match is_missing[pixel] {
                    true => planes[channel][pixel],
                    false => value,
                })
            }
            Content::Imputed { noise, seeds } => self.imputed(is_missing, *noise, *seeds),
        }
    }

    fn imputed(&self, is_missing: &[bool], noise: f64, seeds: Seeds) -> Result<Tensor> {
        let (height, width) = (self.picture.height(), self.picture.width());
        let equations = Equations::new(is_missing, height, width);
        let count = is_missing.iter().filter(|is_missing| **is_missing).count();
        let mut normals = vec![0.0f32; self.picture.channels() * count];
        seeds.stream("imputation", &[]).normals(&mut normals, |value, normal| *value = normal);
        let mut planes = self.picture.each_plane(|channel, plane| {
            let noises = normals[channel * count..].iter();
            let values = equations.solve(plane).into_iter().zip(noises);
            values.map(|(value, normal)| (value + noise * f64::from(*normal)) as f32).collect()
        });
        // Values of missing pixels, in their order.
        planes.iter_mut().for_each(|values| values.reverse());
        self.picture.replaced(|channel, pixel, value| match is_missing[pixel] {
            true => planes[channel].pop().unwrap_or(value),
            false => value,
        })
    }
}
