//! Linear imputation (Rong et al. 2022): every missing pixel is the weighted mean of its neighbours, so that what is left
//! of the picture does not tell the shape of what was removed.
//!
//! The weights are 1/6 for direct neighbours and 1/12 for diagonal ones; neighbours outside the picture are left out. That
//! is a sparse system of linear equations, symmetric and positive definite as soon as one pixel is known. Conjugate
//! gradients solve it, from a guess that a pyramid of means makes.

/// Steps of a neighbour, row and column, with its weight.
const NEIGHBOURS: [(isize, isize, f64); 8] = [
    (-1, 0, 1.0 / 6.0),
    (1, 0, 1.0 / 6.0),
    (0, -1, 1.0 / 6.0),
    (0, 1, 1.0 / 6.0),
    (-1, -1, 1.0 / 12.0),
    (-1, 1, 1.0 / 12.0),
    (1, -1, 1.0 / 12.0),
    (1, 1, 1.0 / 12.0),
];

/// The residual that ends the iteration, relative to that of the value 0.
const TOLERANCE: f64 = 1e-8;

/// The equations of the missing pixels of one picture.
pub struct Equations {
    size: [usize; 2],
    /// The missing pixels in order.
    missing: Vec<usize>,
    /// For each, the sum of the weights of its neighbours.
    diagonal: Vec<f64>,
    /// For each, its missing neighbours by their places in `missing`, with their weights.
    links: Vec<(u32, f64)>,
    /// Where the links of each begin; one more at the end.
    starts: Vec<usize>,
    /// For each, its known neighbours: its own place, the pixel, the weight.
    known: Vec<(u32, usize, f64)>,
    is_missing: Vec<bool>,
}

impl Equations {
    /// The equations where these pixels are missing.
    pub fn new(is_missing: &[bool], height: usize, width: usize) -> Equations {
        let missing: Vec<usize> =
            (0..is_missing.len()).filter(|&pixel| is_missing[pixel]).collect();
        let mut places = vec![0; is_missing.len()];
        missing.iter().enumerate().for_each(|(place, &pixel)| places[pixel] = place as u32);
        let (mut diagonal, mut links, mut known) = (vec![], vec![], vec![]);
        let mut starts = vec![0];
        for (place, &pixel) in missing.iter().enumerate() {
            let mut sum = 0.0;
            for (neighbour, weight) in neighbours(pixel, height, width) {
                sum += weight;
                match is_missing[neighbour] {
                    true => links.push((places[neighbour], weight)),
                    false => known.push((place as u32, neighbour, weight)),
                }
            }
            diagonal.push(sum);
            starts.push(links.len());
        }
        let size = [height, width];
        Equations { size, missing, diagonal, links, starts, known, is_missing: is_missing.to_vec() }
    }

    /// The missing pixels of a channel, in their order. Where nothing is known, all get the channel's mean.
    pub fn solve(&self, plane: &[f32]) -> Vec<f64> {
        let count = self.missing.len();
        if self.known.is_empty() {
            let sum: f64 = plane.iter().map(|&value| f64::from(value)).sum();
            return vec![sum / plane.len().max(1) as f64; count];
        }
        let mut right = vec![0.0; count];
        for &(place, pixel, weight) in &self.known {
            right[place as usize] += weight * f64::from(plane[pixel]);
        }
        let guess = guess(plane, &self.is_missing, self.size);
        let mut solution: Vec<f64> = self.missing.iter().map(|&pixel| guess[pixel]).collect();
        self.iterate(&right, &mut solution);
        solution
    }

    /// Conjugate gradients, scaled by the diagonal.
    fn iterate(&self, right: &[f64], solution: &mut [f64]) {
        let count = right.len();
        let mut product = vec![0.0; count];
        self.multiply(solution, &mut product);
        let mut residual: Vec<f64> = right.iter().zip(&product).map(|(b, ax)| b - ax).collect();
        let scaled = |residual: &[f64]| -> Vec<f64> {
            residual.iter().zip(&self.diagonal).map(|(value, scale)| value / scale).collect()
        };
        let mut preconditioned = scaled(&residual);
        let mut direction = preconditioned.clone();
        let mut current = dot(&residual, &preconditioned);
        let enough = TOLERANCE * TOLERANCE * dot(right, &scaled(right));
        // In exact arithmetic as many rounds as there are unknowns are enough.
        for _ in 0..count {
            if current <= enough {
                break;
            }
            self.multiply(&direction, &mut product);
            let step = current / dot(&direction, &product);
            for index in 0..count {
                solution[index] += step * direction[index];
                residual[index] -= step * product[index];
                preconditioned[index] = residual[index] / self.diagonal[index];
            }
            let next = dot(&residual, &preconditioned);
            let share = next / current;
            for (direction, value) in direction.iter_mut().zip(&preconditioned) {
                *direction = value + share * *direction;
            }
            current = next;
        }
    }

    /// The left side of the equations.
    fn multiply(&self, values: &[f64], product: &mut [f64]) {
        for (place, result) in product.iter_mut().enumerate() {
            let links = &self.links[self.starts[place]..self.starts[place + 1]];
            let sum: f64 =
                links.iter().map(|&(other, weight)| weight * values[other as usize]).sum();
            *result = self.diagonal[place] * values[place] - sum;
        }
    }
}

fn neighbours(pixel: usize, height: usize, width: usize) -> impl Iterator<Item = (usize, f64)> {
    let (row, column) = (pixel / width, pixel % width);
    NEIGHBOURS.into_iter().filter_map(move |(down, across, weight)| {
        let row = row.checked_add_signed(down).filter(|&row| row < height)?;
        let column = column.checked_add_signed(across).filter(|&column| column < width)?;
        Some((row * width + column, weight))
    })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The channel with its missing pixels filled by the means of ever larger squares: the first square that holds a known
/// pixel decides.
fn guess(plane: &[f32], is_missing: &[bool], size: [usize; 2]) -> Vec<f64> {
    let known = plane.iter().zip(is_missing);
    let level: Vec<(f64, f64)> = known
        .map(|(&value, &is_missing)| if is_missing { (0.0, 0.0) } else { (f64::from(value), 1.0) })
        .collect();
    let mut levels = vec![(level, size)];
    while let Some((level, [height, width])) = levels.last().filter(|(_, size)| *size != [1, 1]) {
        let halved = [height.div_ceil(2), width.div_ceil(2)];
        let mut next = vec![(0.0, 0.0); halved[0] * halved[1]];
        for (index, (sum, count)) in level.iter().enumerate() {
            let cell = &mut next[index / width / 2 * halved[1] + index % width / 2];
            *cell = (cell.0 + sum, cell.1 + count);
        }
        levels.push((next, halved));
    }
    let mut coarse: Vec<f64> = vec![];
    let mut coarse_width = 1;
    for (level, [_, width]) in levels.into_iter().rev() {
        let value = |(index, (sum, count)): (usize, (f64, f64))| match count > 0.0 {
            true => sum / count,
            false => {
                let place = index / width / 2 * coarse_width + index % width / 2;
                coarse.get(place).copied().unwrap_or(0.0)
            }
        };
        coarse = level.into_iter().enumerate().map(value).collect();
        coarse_width = width;
    }
    coarse
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(plane: &[f32], is_missing: &[bool], height: usize, width: usize) -> Vec<f64> {
        let mut all: Vec<f64> = plane.iter().map(|&value| f64::from(value)).collect();
        let equations = Equations::new(is_missing, height, width);
        let solution = equations.solve(plane);
        equations.missing.iter().zip(solution).for_each(|(&pixel, value)| all[pixel] = value);
        all
    }

    #[test]
    fn every_missing_pixel_is_the_mean_of_its_neighbours() {
        let (height, width) = (37, 23);
        let plane: Vec<f32> =
            (0..height * width).map(|pixel| ((pixel * 7919) % 101) as f32 / 50.0 - 1.0).collect();
        // A hole, and every third pixel.
        let is_missing: Vec<bool> = (0..height * width)
            .map(|pixel| pixel % 3 == 0 || (pixel / width < 20 && pixel % width > 4))
            .collect();
        let all = filled(&plane, &is_missing, height, width);
        for pixel in (0..all.len()).filter(|&pixel| is_missing[pixel]) {
            let (mut sum, mut weights) = (0.0, 0.0);
            for (neighbour, weight) in neighbours(pixel, height, width) {
                sum += weight * all[neighbour];
                weights += weight;
            }
            assert!((all[pixel] - sum / weights).abs() < 1e-6, "{pixel}");
        }
        let is_kept =
            |(pixel, value): (usize, &f64)| is_missing[pixel] || *value == f64::from(plane[pixel]);
        assert!(all.iter().enumerate().all(is_kept));
    }

    #[test]
    fn a_single_pixel_by_hand_and_nothing_known() {
        let plane = [1.0, 2.0, 3.0, 4.0, 99.0, 6.0, 7.0, 8.0, 9.0];
        let mut is_missing = [false; 9];
        is_missing[4] = true;
        // (2 + 4 + 6 + 8) / 6 + (1 + 3 + 7 + 9) / 12.
        assert!((filled(&plane, &is_missing, 3, 3)[4] - 5.0).abs() < 1e-12);
        let mut corner = [false; 9];
        corner[0] = true;
        // (2 + 4) / 6 + 99 / 12, over 5 / 12.
        assert!((filled(&plane, &corner, 3, 3)[0] - 22.2).abs() < 1e-9);
        let mean = plane.iter().sum::<f32>() / 9.0;
        assert!(
            filled(&plane, &[true; 9], 3, 3).iter().all(|v| (v - f64::from(mean)).abs() < 1e-6)
        );
    }
}
