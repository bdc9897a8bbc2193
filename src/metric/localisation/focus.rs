//! Focus (Arias-Duart et al. 2022): of four pictures in a mosaic, two show the target's class and two show others; the share of
//! the positive relevance that lies in the two. From 0 to 1; 0.5 is chance, higher is better. No masks are needed, but the class
//! of every picture.

use anyhow::Result;

use super::truth::positive_share;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::{Metric, Needs};
use crate::metric::subject::Subject;

/// Tells the mosaic from other inputs of the same picture, for a control that is nothing but random.
const MOSAIC: u64 = u64::MAX;

/// Share of the positive relevance in a mosaic's quarters of the class.
pub struct Focus;

impl Metric for Focus {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "focus",
            category: Category::Localisation,
            direction: Direction::Higher,
            is_default: false,
            paper: "Arias-Duart et al. 2022",
            about: "share of the positive relevance in a mosaic's quarters of the class; 0.5 is chance",
        }
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    fn measure(&self, subject: &Subject, _conditions: &Conditions) -> Result<f64> {
        let picture = subject.picture();
        let mosaic = picture.beside().mosaic(picture.target())?;
        let map = subject.explain(&mosaic.input, picture.target(), MOSAIC)?;
        let (height, width) = (map.height(), map.width());
        let quarter = |pixel: usize| {
            let (row, column) = (pixel / width, pixel % width);
            2 * usize::from(row >= height / 2) + usize::from(column >= width / 2)
        };
        let inside: Vec<bool> =
            (0..height * width).map(|pixel| mosaic.is_of_class[quarter(pixel)]).collect();
        positive_share(&map, &inside)
    }
}
