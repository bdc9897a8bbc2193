//! Where an object is.

use anyhow::{Result, ensure};

/// The pixels of the network's input that belong to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    inside: Vec<bool>,
    width: usize,
    area: usize,
}

impl Mask {
    /// A mask, row by row.
    ///
    /// # Errors
    /// When there are more or fewer values than pixels.
    pub fn new(inside: Vec<bool>, height: usize, width: usize) -> Result<Mask> {
        ensure!(
            inside.len() == height * width,
            "a mask of {height} x {width} cannot hold {} values",
            inside.len()
        );
        let area = inside.iter().filter(|inside| **inside).count();
        Ok(Mask { inside, width, area })
    }

    /// Whether each pixel belongs to the object, row by row.
    pub fn inside(&self) -> &[bool] {
        &self.inside
    }

    /// The number of pixels of the object.
    pub fn area(&self) -> usize {
        self.area
    }

    /// Whether a pixel of the object is at most `distance` away from a pixel.
    pub fn is_near(&self, pixel: usize, distance: usize) -> bool {
        if self.inside[pixel] {
            return true;
        }
        let (row, column) = (pixel / self.width, pixel % self.width);
        let height = self.inside.len() / self.width;
        let rows = row.saturating_sub(distance)..(row + distance + 1).min(height);
        let columns = column.saturating_sub(distance)..(column + distance + 1).min(self.width);
        let is_close = |y: usize, x: usize| {
            let (down, across) = (y.abs_diff(row), x.abs_diff(column));
            down * down + across * across <= distance * distance
        };
        rows.flat_map(|y| columns.clone().map(move |x| (y, x)))
            .any(|(y, x)| self.inside[y * self.width + x] && is_close(y, x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_a_circle() {
        let mut inside = vec![false; 25];
        inside[12] = true;
        let mask = Mask::new(inside, 5, 5).unwrap();
        assert_eq!(mask.area(), 1);
        assert!(mask.is_near(12, 0) && !mask.is_near(11, 0));
        assert!(mask.is_near(11, 1) && !mask.is_near(6, 1) && mask.is_near(6, 2));
        assert!(!mask.is_near(0, 2) && mask.is_near(0, 3));
        assert!(Mask::new(vec![true], 1, 2).is_err());
    }
}
