//! The perturbation curve and the area under it, AUPC (Samek et al. 2017; Goh et al. 2021, section IV-B):
//! how fast the output falls when the most relevant regions are replaced by noise.

use anyhow::{Result, ensure};

use crate::picture::InputShape;
use crate::plane::for_each_element;
use crate::random::Stream;
use crate::tensor::Tensor;

/// How a perturbation curve is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct PerturbationCurve {
    /// Side of a region; pixels. The paper's 15 for a picture of 224, in proportion for others.
    pub region: usize,
    /// Regions that are replaced one after the other, the most relevant first.
    pub steps: usize,
    /// Random replacements of each region: the mean score counts, and the one of median score stays.
    /// The paper draws 50.
    pub draws: usize,
    /// Seed of the noise.
    pub seed: u64,
}

impl PerturbationCurve {
    /// The paper's curve for a picture, but for fewer draws.
    pub fn of(picture: InputShape, seed: u64) -> PerturbationCurve {
        let side = picture.height.min(picture.width) as f32;
        let region = ((side * 15.0 / 224.0).round() as usize).max(1);
        PerturbationCurve { region, steps: 30, draws: 5, seed }
    }

    /// The scores after 0, 1, 2, ... replaced regions, divided by the magnitude of the first:
    /// begins with 1, or −1 where the score is negative. Shorter than `steps` + 1 where no regions are left.
    ///
    /// `map` is the relevance of every pixel, row by row; `range` the lowest and highest value
    /// that noise may have, for every element; `scores` runs the network on several inputs.
    ///
    /// # Errors
    /// When the shapes do not fit, or `scores` fails.
    pub fn measure(
        &self,
        input: &Tensor,
        map: &[f32],
        picture: InputShape,
        range: (&Tensor, &Tensor),
        scores: impl Fn(Vec<Tensor>) -> Result<Vec<f32>>,
    ) -> Result<Vec<f32>> {
        ensure!(
            map.len() == picture.height * picture.width && self.draws > 0,
            "a heatmap of {} values does not fit a picture of {} x {}",
            map.len(),
            picture.height,
            picture.width
        );
        let whole = scores(vec![input.clone()])?.first().copied().unwrap_or(0.0);
        let scale = whole.abs().max(f32::MIN_POSITIVE);
        let mut curve = vec![whole / scale];
        let mut current = input.clone();
        for (step, corner) in self.regions(map, picture).into_iter().enumerate() {
            let candidates: Vec<Tensor> = (0..self.draws)
                .map(|draw| self.replaced(&current, corner, picture, range, step, draw))
                .collect();
            let found = scores(candidates.clone())?;
            curve.push(found.iter().sum::<f32>() / found.len().max(1) as f32 / scale);
            if let Some(chosen) = median_place(&found) {
                current = candidates[chosen].clone();
            }
        }
        Ok(curve)
    }

    /// The upper left corners (row, column) of the most relevant regions, none overlapping another.
    fn regions(&self, map: &[f32], picture: InputShape) -> Vec<[usize; 2]> {
        let (height, width, side) = (picture.height, picture.width, self.region);
        if side > height || side > width {
            return vec![];
        }
        let sums = Sums::of(map, width);
        let corners =
            (0..=height - side).flat_map(|row| (0..=width - side).map(move |column| [row, column]));
        let mut ranked: Vec<(f64, [usize; 2])> =
            corners.map(|corner| (sums.window(corner, side), corner)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut chosen: Vec<[usize; 2]> = vec![];
        for (_, corner) in ranked {
            if chosen.len() == self.steps {
                break;
            }
            let overlaps =
                |other: &[usize; 2]| (0..2).all(|axis| corner[axis].abs_diff(other[axis]) < side);
            if !chosen.iter().any(overlaps) {
                chosen.push(corner);
            }
        }
        chosen
    }

    /// The input with even noise in place of a region.
    fn replaced(
        &self,
        input: &Tensor,
        corner: [usize; 2],
        picture: InputShape,
        range: (&Tensor, &Tensor),
        step: usize,
        draw: usize,
    ) -> Tensor {
        let stream = Stream::new(self.seed, &[step as u64, draw as u64]);
        let mut replaced = input.clone();
        let mut bounds = range.0.data().iter().zip(range.1.data());
        let mut counter = 0;
        for_each_element(&mut replaced, picture, |value, pixel, _| {
            let (low, high) = bounds.next().map_or((0.0, 0.0), |(&low, &high)| (low, high));
            let place = [pixel / picture.width, pixel % picture.width];
            let covers = (0..2)
                .all(|axis| (corner[axis]..corner[axis] + self.region).contains(&place[axis]));
            if covers {
                *value = low + (high - low) * stream.uniform(counter);
                counter += 1;
            }
        });
        replaced
    }
}

/// The area under a curve over 0..1, by the trapezoidal rule: 1 for a score that does not fall.
pub fn area_under_curve(curve: &[f32]) -> f32 {
    let steps = curve.len().saturating_sub(1).max(1) as f32;
    curve.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).sum::<f32>() / steps
}

/// Sums of |relevance| over everything above and left of a pixel.
struct Sums {
    sums: Vec<f64>,
    stride: usize,
}

impl Sums {
    fn of(map: &[f32], width: usize) -> Sums {
        let stride = width + 1;
        let mut sums = vec![0.0; stride * (map.len() / width + 1)];
        for (row, values) in map.chunks_exact(width).enumerate() {
            let mut sum = 0.0;
            for (column, value) in values.iter().enumerate() {
                sum += f64::from(value.abs());
                sums[(row + 1) * stride + column + 1] = sums[row * stride + column + 1] + sum;
            }
        }
        Sums { sums, stride }
    }

    fn window(&self, [row, column]: [usize; 2], side: usize) -> f64 {
        let at = |row: usize, column: usize| self.sums[row * self.stride + column];
        at(row + side, column + side) - at(row, column + side) - at(row + side, column)
            + at(row, column)
    }
}

/// The place of the score nearest to the median.
fn median_place(scores: &[f32]) -> Option<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    order.get(order.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Layout;

    const PICTURE: InputShape =
        InputShape { channels: 1, height: 6, width: 6, layout: Layout::Nchw };

    fn curve(map: &[f32]) -> Vec<f32> {
        let input = Tensor::filled(&[1, 1, 6, 6], 5.0).unwrap();
        let (low, high) =
            (Tensor::zeros(&[1, 1, 6, 6]).unwrap(), Tensor::filled(&[1, 1, 6, 6], 1.0).unwrap());
        // The output is the mean of the upper left quarter.
        let score = |input: &Tensor| {
            let rows = input.data().chunks_exact(6).take(3);
            rows.flat_map(|row| &row[..3]).sum::<f32>() / 9.0
        };
        let measure = PerturbationCurve { region: 3, steps: 4, draws: 5, seed: 1 };
        measure
            .measure(&input, map, PICTURE, (&low, &high), |inputs| {
                Ok(inputs.iter().map(score).collect())
            })
            .unwrap()
    }

    #[test]
    fn the_right_heatmap_makes_the_output_fall_first() {
        let quarter = |row: usize, column: usize| -> Vec<f32> {
            (0..36)
                .map(|at| if (at / 6) / 3 == row && (at % 6) / 3 == column { -1.0 } else { 0.01 })
                .collect()
        };
        let right = curve(&quarter(0, 0));
        let wrong = curve(&quarter(1, 1));
        assert_eq!((right.len(), right[0], wrong[1]), (5, 1.0, 1.0));
        // The first step is a mean over draws; one of them stays, and the others do not touch it.
        assert!(right[1] < 0.2 && right[2] < 0.2 && right[2] == right[4], "{right:?}");
        assert!(area_under_curve(&right) < area_under_curve(&wrong));
    }

    #[test]
    fn areas_are_means_of_the_curve() {
        assert_eq!(area_under_curve(&[1.0, 1.0, 1.0]), 1.0);
        assert_eq!(area_under_curve(&[1.0, 0.0]), 0.5);
        assert_eq!(area_under_curve(&[1.0]), 0.0);
        assert_eq!(median_place(&[3.0, 1.0, 2.0]), Some(2));
    }
}
