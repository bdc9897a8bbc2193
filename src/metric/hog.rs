//! Histograms of oriented gradients (Dalal, Triggs 2005), as Adebayo et al. 2018 compare maps by them.

use super::map::Map;

/// Directions of a half turn.
const DIRECTIONS: usize = 9;

/// Cells on each side of a block.
const BLOCK: usize = 3;

/// Cells on each side of a map: of 16 pixels at 224 x 224.
const CELLS: f64 = 14.0;

/// The largest share that a direction has of a block (Lowe's clipping).
const CLIP: f64 = 0.2;

/// Keeps blocks without gradient finite.
const STABILIZER: f64 = 1e-5;

/// The histograms of all blocks behind each other: square cells whose side is a fourteenth of the map's shorter side, nine
/// directions, blocks of 3 x 3 cells that overlap, each normalized to length 1, clipped, and normalized again. Empty where
/// the map has fewer than 3 x 3 cells.
pub fn oriented_gradients(map: &Map) -> Vec<f64> {
    let side = (map.height().min(map.width()) as f64 / CELLS).round().max(1.0) as usize;
    let (rows, columns) = (map.height() / side, map.width() / side);
    let histograms = histograms(map, side, rows, columns);
    let mut all = vec![];
    for row in 0..(rows + 1).saturating_sub(BLOCK) {
        for column in 0..(columns + 1).saturating_sub(BLOCK) {
            let cells = (row..row + BLOCK)
                .flat_map(|row| (column..column + BLOCK).map(move |column| row * columns + column));
            let block: Vec<f64> = cells.flat_map(|cell| histograms[cell]).collect();
            all.extend(normalized(&block));
        }
    }
    all
}

/// The mean length of the gradient in every direction, for each cell.
fn histograms(map: &Map, side: usize, rows: usize, columns: usize) -> Vec<[f64; DIRECTIONS]> {
    let mut histograms = vec![[0.0; DIRECTIONS]; rows * columns];
    let at = |row: usize, column: usize| map.values()[row * map.width() + column];
    // Half the difference of both neighbours would be the slope; the factor goes away with normalization. At the edge
    // there is none.
    let difference = |place: usize, length: usize, at: &dyn Fn(usize) -> f64| match place {
        0 => 0.0,
        place if place + 1 == length => 0.0,
        place => at(place + 1) - at(place - 1),
    };
    for row in 0..rows * side {
        for column in 0..columns * side {
            let down = difference(row, map.height(), &|row| at(row, column));
            let across = difference(column, map.width(), &|column| at(row, column));
            let angle = libm::atan2(down, across).to_degrees().rem_euclid(180.0);
            let direction = (angle / (180.0 / DIRECTIONS as f64)) as usize % DIRECTIONS;
            histograms[row / side * columns + column / side][direction] +=
                libm::hypot(down, across);
        }
    }
    let pixels = (side * side) as f64;
    histograms.iter_mut().flatten().for_each(|sum| *sum /= pixels);
    histograms
}

fn normalized(block: &[f64]) -> Vec<f64> {
    let unit = |block: &[f64]| -> Vec<f64> {
        let squares = block.iter().map(|value| value * value).sum::<f64>();
        let length = (squares + STABILIZER * STABILIZER).sqrt();
        block.iter().map(|value| value / length).collect()
    };
    let clipped: Vec<f64> = unit(block).into_iter().map(|value| value.min(CLIP)).collect();
    unit(&clipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What scikit-image 0.25 says: `skimage.feature.hog(map, 9, (2, 2), (3, 3))` of a map of 28 x 28, as
    /// `tests/oracle/make_sanity_goldens.py` prints it.
    #[test]
    fn a_map_of_stripes_has_their_direction() {
        let stripes = (0..28 * 28).map(|pixel| ((pixel % 28) as f64 * 0.9).sin()).collect();
        let found = oriented_gradients(&Map::new(stripes, 28, 28).unwrap());
        assert_eq!(found.len(), 12 * 12 * 9 * 9);
        // All change is across: direction 0 has everything, the same share in each of the nine cells but at the edge.
        let inner = &found[5 * 81..6 * 81];
        for (index, value) in inner.iter().enumerate() {
            assert_eq!(*value > 0.0, index % DIRECTIONS == 0, "{index}: {value}");
        }
        let length = inner.iter().map(|value| value * value).sum::<f64>();
        assert!((length - 1.0).abs() < 1e-6, "{length}");
    }

    #[test]
    fn small_maps_have_none_and_flat_ones_are_0() {
        assert!(oriented_gradients(&Map::new(vec![1.0; 4], 2, 2).unwrap()).is_empty());
        let flat = oriented_gradients(&Map::new(vec![1.0; 28 * 28], 28, 28).unwrap());
        assert!(!flat.is_empty() && flat.iter().all(|value| *value == 0.0));
    }
}
