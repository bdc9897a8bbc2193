//! Mosaics of four pictures (Arias-Duart et al. 2022): which other pictures, and where they are put.

use anyhow::Result;

use super::input::EvaluationInput;
use crate::metric::removal::Layered;
use crate::metric::{Mosaic, Seeds, undefined};
use crate::plane::enlarged;
use crate::random::word_of;
use crate::session::Predictor;
use crate::tensor::Tensor;

/// All inputs with the classes that they show. One that cannot be read has none.
pub(super) struct Mosaics {
    pub predictor: std::sync::Arc<Predictor>,
    pub inputs: Vec<(EvaluationInput, Option<usize>)>,
    pub seed: u64,
}

impl Mosaics {
    /// A mosaic of a picture of a class, another picture of it, and two of other classes; which ones and where depends on
    /// the names, not on the order of the inputs.
    ///
    /// # Errors
    /// Undefined where there are no such pictures.
    pub fn make(&self, picture: &Layered, stem: &str, class: usize) -> Result<Mosaic> {
        let seeds = Seeds::new(self.seed, stem);
        let mut others: Vec<(u64, &EvaluationInput, usize)> = self
            .inputs
            .iter()
            .filter(|(input, _)| input.stem != stem)
            .filter_map(|(input, class)| {
                let key = seeds.stream("mosaic", &[word_of(&input.stem)]).bits(0);
                Some((key, input, (*class)?))
            })
            .collect();
        others.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.stem.cmp(&b.1.stem)));
        let same = others.iter().find(|(_, _, other)| *other == class);
        let mut strangers = others.iter().filter(|(_, _, other)| *other != class);
        let (Some(same), Some(first), Some(second)) = (same, strangers.next(), strangers.next())
        else {
            return undefined(
                "a mosaic needs another picture of the class and two of other classes",
            );
        };
        let mut pictures = vec![picture.clone()];
        for (_, input, _) in [same, first, second] {
            let prepared = self.predictor.prepare(&input.path)?;
            let tensor = prepared.array().tensor().clone();
            pictures.push(Layered::new(tensor, picture.shape(), None));
        }
        let places = seeds.stream("mosaic", &[]);
        let mut order: Vec<usize> = (0..4).collect();
        order.sort_by_key(|&picture| places.bits(picture as u64));
        let is_of_class = [0, 1, 2, 3].map(|quarter| order[quarter] < 2);
        let quarters: Vec<&Layered> = order.iter().map(|&picture| &pictures[picture]).collect();
        Ok(Mosaic { input: composed(picture, &quarters)?, is_of_class })
    }
}

/// Four pictures in one of the size of each, made half as large.
fn composed(shape: &Layered, quarters: &[&Layered]) -> Result<Tensor> {
    let (height, width) = (shape.height(), shape.width());
    let middle = [height / 2, width / 2];
    let size = |quarter: usize| {
        let rows = if quarter < 2 { middle[0] } else { height - middle[0] };
        let columns = if quarter.is_multiple_of(2) { middle[1] } else { width - middle[1] };
        [rows, columns]
    };
    let shrunk: Vec<Vec<Vec<f32>>> = quarters
        .iter()
        .enumerate()
        .map(|(quarter, picture)| {
            picture.each_plane(|_, plane| enlarged(plane, &[height, width], &size(quarter)))
        })
        .collect();
    shape.replaced(|channel, pixel, _| {
        let (row, column) = (pixel / width, pixel % width);
        let quarter = 2 * usize::from(row >= middle[0]) + usize::from(column >= middle[1]);
        let row = row - if quarter < 2 { 0 } else { middle[0] };
        let column = column - if quarter.is_multiple_of(2) { 0 } else { middle[1] };
        shrunk[quarter][channel][row * size(quarter)[1] + column]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{InputShape, Layout};

    #[test]
    fn quarters_are_means_of_four_pixels() {
        let shape = InputShape { channels: 1, height: 4, width: 4, layout: Layout::Nchw };
        let even =
            |value: f32| Layered::new(Tensor::filled(&[1, 1, 4, 4], value).unwrap(), shape, None);
        let numbers: Vec<f32> = (0..16).map(|number| number as f32).collect();
        let picture = Layered::new(Tensor::new(&[1, 1, 4, 4], &numbers).unwrap(), shape, None);
        let others = [even(10.0), even(20.0), even(30.0)];
        let all = [&picture, &others[0], &others[1], &others[2]];
        let expected = [
            2.5, 4.5, 10.0, 10.0, 10.5, 12.5, 10.0, 10.0, 20.0, 20.0, 30.0, 30.0, 20.0, 20.0, 30.0,
            30.0,
        ];
        assert_eq!(composed(&picture, &all).unwrap().data(), expected);
    }
}
