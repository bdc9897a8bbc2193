//! Controls: maps that know nothing of the network. A method that does not beat them says nothing about it.

use anyhow::Result;

use crate::metric::removal::Layered;
use crate::metric::{Explain, Explained, Map, Seeds};
use crate::picture::InputShape;
use crate::tensor::Tensor;

/// A map that knows nothing of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Even noise, drawn anew for every input and class.
    Random,
    /// The strength of edges (Sobel).
    Edges,
    /// A blob in the middle.
    Centre,
}

impl Control {
    /// All of them, in the order of the tables.
    pub const ALL: [Control; 3] = [Control::Random, Control::Edges, Control::Centre];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Control::Random => "random",
            Control::Edges => "edges",
            Control::Centre => "centre",
        }
    }
}

/// A control on one picture.
pub(super) struct ControlMaps {
    pub control: Control,
    pub shape: InputShape,
    pub seeds: Seeds,
}

impl Explain for ControlMaps {
    fn explain(&self, input: &Tensor, classes: &[usize], draw: u64) -> Result<Vec<Explained>> {
        let map = |&class: &usize| {
            let values = match self.control {
                Control::Random => self.noise(draw, class as u64),
                Control::Edges => edges_of(input, self.shape),
                Control::Centre => centre(self.shape.height, self.shape.width),
            };
            let map = Map::new(values, self.shape.height, self.shape.width)?;
            Ok(Explained { map, relative_error: None, output: None })
        };
        classes.iter().map(map).collect()
    }
}

impl ControlMaps {
    fn noise(&self, draw: u64, class: u64) -> Vec<f64> {
        let stream = self.seeds.stream("random", &[draw, class]);
        let pixels = (self.shape.height * self.shape.width) as u64;
        (0..pixels).map(|pixel| f64::from(stream.uniform(pixel))).collect()
    }
}

/// The strength of edges of a network's input, row by row.
pub(crate) fn edges_of(input: &Tensor, shape: InputShape) -> Vec<f64> {
    edges(&Layered::new(input.clone(), shape, None))
}

/// The length of Sobel's gradient of the mean over the channels; the picture goes on beyond its edge.
fn edges(picture: &Layered) -> Vec<f64> {
    let (height, width) = (picture.height(), picture.width());
    let mut grey = vec![0.0; height * width];
    for plane in picture.planes() {
        for (sum, &value) in grey.iter_mut().zip(plane) {
            *sum += f64::from(value) / picture.channels() as f64;
        }
    }
    let at = |row: usize, column: usize, down: isize, across: isize| {
        let row = row.saturating_add_signed(down).min(height - 1);
        grey[row * width + column.saturating_add_signed(across).min(width - 1)]
    };
    let gradient = |pixel: usize| {
        let (row, column) = (pixel / width, pixel % width);
        let at = |down, across| at(row, column, down, across);
        let across =
            at(-1, 1) + 2.0 * at(0, 1) + at(1, 1) - at(-1, -1) - 2.0 * at(0, -1) - at(1, -1);
        let down = at(1, -1) + 2.0 * at(1, 0) + at(1, 1) - at(-1, -1) - 2.0 * at(-1, 0) - at(-1, 1);
        (across * across + down * down).sqrt()
    };
    (0..height * width).map(gradient).collect()
}

/// A normal distribution in the middle, its deviation a quarter of the shorter side.
fn centre(height: usize, width: usize) -> Vec<f64> {
    let deviation = height.min(width) as f64 / 4.0;
    let distance =
        |place: usize, length: usize| (place as f64 - (length as f64 - 1.0) / 2.0) / deviation;
    let value = |pixel: usize| {
        let (down, across) = (distance(pixel / width, height), distance(pixel % width, width));
        libm::exp(-0.5 * (down * down + across * across))
    };
    (0..height * width).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Layout;

    #[test]
    fn edges_are_where_the_picture_changes() {
        let shape = InputShape { channels: 1, height: 3, width: 4, layout: Layout::Nchw };
        let step = [0.0, 0.0, 1.0, 1.0].repeat(3);
        let input = Tensor::new(&[1, 1, 3, 4], &step).unwrap();
        let found = edges(&Layered::new(input, shape, None));
        assert_eq!(found, [0.0, 4.0, 4.0, 0.0].repeat(3));
    }

    #[test]
    fn noise_is_another_one_for_each_class_and_draw() {
        let shape = InputShape { channels: 1, height: 9, width: 9, layout: Layout::Nchw };
        let seeds = Seeds::new(0, "cat");
        let random = ControlMaps { control: Control::Random, shape, seeds };
        let input = Tensor::zeros(&[1, 1, 9, 9]).unwrap();
        let maps = |classes: &[usize], draw| {
            let explained = random.explain(&input, classes, draw).unwrap();
            explained.into_iter().map(|it| it.map).collect::<Vec<_>>()
        };
        let both = maps(&[3, 5], 0);
        assert!(both[0] != both[1] && both[0] == maps(&[3], 0)[0] && both[0] != maps(&[3], 1)[0]);
        let blob = centre(9, 9);
        assert!(blob.iter().all(|value| *value <= blob[40]) && blob[40] == 1.0);
    }
}
