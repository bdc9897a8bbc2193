//! Decorrelated colour: red, green and blue of photographs rise and fall together, so that a step in one of them is mostly
//! brightness. The parameters are along axes that are independent of each other instead (Olah et al. 2017).

/// From decorrelated to red, green and blue: the square root of the covariance of the colours of ImageNet, as the
/// implementation of Olah et al. ("lucid") has it, divided by the length of its longest column.
const MATRIX: [[f64; 3]; 3] = [[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]];

/// The way between decorrelated and ordinary colours of planes. Grey has one channel, and nothing to decorrelate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Colour {
    Grey,
    /// The matrix, its transpose, its inverse.
    Decorrelated([[[f32; 3]; 3]; 3]),
}

impl Colour {
    /// That of pictures of so many channels.
    pub fn of(channels: usize) -> Colour {
        if channels != 3 {
            return Colour::Grey;
        }
        let column = |axis: usize| MATRIX.iter().map(|row| row[axis] * row[axis]).sum::<f64>();
        let longest = (0..3).map(column).fold(0.0, f64::max).sqrt();
        let matrix = MATRIX.map(|row| row.map(|number| number / longest));
        let transposed = [0, 1, 2].map(|column| [0, 1, 2].map(|row: usize| matrix[row][column]));
        let single = |matrix: [[f64; 3]; 3]| matrix.map(|row| row.map(|number| number as f32));
        Colour::Decorrelated([matrix, transposed, inverse(&matrix)].map(single))
    }

    /// Ordinary colours of decorrelated ones, in place: planes behind each other.
    pub fn correlate(&self, planes: &mut [f32]) {
        self.apply(0, planes);
    }

    /// The transpose of [`Colour::correlate`]: gradients on their way back.
    pub fn transposed(&self, planes: &mut [f32]) {
        self.apply(1, planes);
    }

    /// The inverse of [`Colour::correlate`].
    pub fn decorrelate(&self, planes: &mut [f32]) {
        self.apply(2, planes);
    }

    fn apply(&self, which: usize, planes: &mut [f32]) {
        let Colour::Decorrelated(matrices) = self else { return };
        let [a, b, c] = matrices[which];
        let (first, rest) = planes.split_at_mut(planes.len() / 3);
        let (second, third) = rest.split_at_mut(rest.len() / 2);
        for ((x, y), z) in first.iter_mut().zip(second).zip(third) {
            let colour = [*x, *y, *z];
            let [red, green, blue] =
                [a, b, c].map(|row| row[0] * colour[0] + row[1] * colour[1] + row[2] * colour[2]);
            (*x, *y, *z) = (red, green, blue);
        }
    }
}

/// The inverse of a matrix that has one, by Cramer's rule.
fn inverse(matrix: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let minor = |row: usize, column: usize| {
        let (a, b) = ((row + 1) % 3, (row + 2) % 3);
        let (c, d) = ((column + 1) % 3, (column + 2) % 3);
        matrix[a][c] * matrix[b][d] - matrix[a][d] * matrix[b][c]
    };
    let determinant: f64 = (0..3).map(|column| matrix[0][column] * minor(0, column)).sum();
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| minor(column, row) / determinant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_axis_is_brightness() {
        let colour = Colour::of(3);
        let mut planes = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        colour.correlate(&mut planes);
        // 0.26 and 0.27 twice over √(0.26² + 2 · 0.27²), in the first pixel alone.
        let expected = [0.562_829, 0.0, 0.584_476, 0.0, 0.584_476, 0.0];
        for (value, expected) in planes.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-5, "{planes:?}");
        }
    }

    #[test]
    fn inverse_and_transpose_are_what_they_say() {
        let colour = Colour::of(3);
        let start = [0.3, -1.0, 0.5, 2.0, -0.7, 0.1];
        let mut planes = start;
        colour.correlate(&mut planes);
        let there = planes;
        colour.decorrelate(&mut planes);
        for (value, expected) in planes.iter().zip(start) {
            assert!((value - expected).abs() < 1e-5, "{planes:?}");
        }
        let gradient = [0.2f32, 0.4, -0.6, 0.8, 1.0, -1.2];
        let mut back = gradient;
        colour.transposed(&mut back);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        assert!((dot(&there, &gradient) - dot(&start, &back)).abs() < 1e-5);
        let mut grey = [1.0, 2.0];
        Colour::of(1).correlate(&mut grey);
        assert_eq!(grey, [1.0, 2.0]);
    }
}
