//! Superpixels: simple linear iterative clustering (SLIC, Achanta et al. 2012).
//!
//! k-means in colour and place, each centre looking at its neighbourhood only; then stray pieces join a neighbour. With
//! the numbers that are usual for IROF: about 100 superpixels, compactness 10, the picture blurred with σ = 1.

use super::blur::blurred_plane;
use super::regions::Partition;

/// How many superpixels are asked for.
const SUPERPIXELS: usize = 100;
/// How much a place counts against a colour in CIELAB, both in their units per grid step.
const COMPACTNESS: f64 = 10.0;
/// Standard deviation of the blur before, in pixels.
const BLUR: f64 = 1.0;
/// Rounds of k-means; centres hardly move after ten.
const ROUNDS: usize = 10;
/// Pieces smaller than this share of a superpixel's area join a neighbour.
const SMALLEST: f64 = 0.5;

/// A centre of a superpixel.
#[derive(Clone, Copy, Default)]
struct Centre {
    row: f64,
    column: f64,
    colour: [f64; 3],
}

/// A picture of a size, its colours in CIELAB.
struct Colours {
    height: usize,
    width: usize,
    lab: Vec<[f64; 3]>,
}

/// The superpixels of a picture. `planes` are its one or three channels, row by row, from 0 to 1.
pub fn superpixels(planes: &[Vec<f32>], height: usize, width: usize) -> Partition {
    let planes: Vec<Vec<f32>> =
        planes.iter().map(|plane| blurred_plane(plane, height, width, BLUR)).collect();
    let lab = (0..height * width).map(|pixel| match &planes[..] {
        [red, green, blue] => lab([red[pixel], green[pixel], blue[pixel]]),
        planes => [100.0 * f64::from(planes[0][pixel]), 0.0, 0.0],
    });
    let colours = Colours { height, width, lab: lab.collect() };
    let step = ((height * width) as f64 / SUPERPIXELS as f64).sqrt().max(1.0);
    let labels = connected(&clustered(&colours, step), height, width, SMALLEST * step * step);
    // Numbers of regions, as many as there are pixels at most: there is nothing to refuse.
    Partition::of_labels(&labels).unwrap_or_else(|_| Partition::squares(height, width, 1))
}

/// k-means from a grid of centres `step` pixels apart.
fn clustered(colours: &Colours, step: f64) -> Vec<usize> {
    let Colours { height, width, lab } = colours;
    let along = |length: usize| ((length as f64 / step).round() as usize).max(1);
    let (down, across) = (along(*height), along(*width));
    let mut centres = vec![];
    for row in 0..down {
        for column in 0..across {
            let row = (row as f64 + 0.5) * *height as f64 / down as f64 - 0.5;
            let column = (column as f64 + 0.5) * *width as f64 / across as f64 - 0.5;
            let pixel = row.round() as usize * width + column.round() as usize;
            centres.push(Centre { row, column, colour: lab[pixel] });
        }
    }
    let mut labels = vec![0; height * width];
    for _ in 0..ROUNDS {
        assign(colours, &centres, step, &mut labels);
        move_centres(colours, &mut centres, &labels);
    }
    labels
}

/// Gives every pixel the nearest centre of those at most a step away in rows and columns.
fn assign(colours: &Colours, centres: &[Centre], step: f64, labels: &mut [usize]) {
    let Colours { height, width, lab } = colours;
    let mut nearest = vec![f64::INFINITY; height * width];
    let reach = |place: f64, length: usize| {
        let from = (place - 2.0 * step).max(0.0) as usize;
        from..((place + 2.0 * step) as usize + 1).min(length)
    };
    for (label, centre) in centres.iter().enumerate() {
        for row in reach(centre.row, *height) {
            for column in reach(centre.column, *width) {
                let pixel = row * width + column;
                let (down, across) = (row as f64 - centre.row, column as f64 - centre.column);
                let place = (down * down + across * across) / (step * step);
                let colour = (0..3).map(|axis| lab[pixel][axis] - centre.colour[axis]);
                let colour = colour.map(|difference| difference * difference).sum::<f64>();
                let distance = place + colour / (COMPACTNESS * COMPACTNESS);
                if distance < nearest[pixel] {
                    nearest[pixel] = distance;
                    labels[pixel] = label;
                }
            }
        }
    }
}

/// Moves every centre to the mean of its pixels; one without pixels stays.
fn move_centres(colours: &Colours, centres: &mut [Centre], labels: &[usize]) {
    let mut sums = vec![(Centre::default(), 0.0); centres.len()];
    for (pixel, &label) in labels.iter().enumerate() {
        let (sum, count) = &mut sums[label];
        sum.row += (pixel / colours.width) as f64;
        sum.column += (pixel % colours.width) as f64;
        (0..3).for_each(|axis| sum.colour[axis] += colours.lab[pixel][axis]);
        *count += 1.0;
    }
    for (centre, (sum, count)) in centres.iter_mut().zip(sums).filter(|(_, (_, n))| *n > 0.0) {
        *centre = Centre {
            row: sum.row / count,
            column: sum.column / count,
            colour: sum.colour.map(|colour| colour / count),
        };
    }
}

/// Numbers connected pieces in the order of their first pixels; those of fewer than `smallest` pixels join the piece
/// that lies before their first pixel.
fn connected(labels: &[usize], height: usize, width: usize, smallest: f64) -> Vec<i64> {
    const NONE: i64 = -1;
    let mut pieces = vec![NONE; labels.len()];
    let mut next = 0;
    for start in 0..labels.len() {
        if pieces[start] != NONE {
            continue;
        }
        let before = [(start % width > 0).then(|| start - 1), start.checked_sub(width)];
        let before = before.into_iter().flatten().map(|pixel| pieces[pixel]).next();
        let mut piece = vec![start];
        pieces[start] = next;
        let mut index = 0;
        while let Some(&pixel) = piece.get(index) {
            index += 1;
            let (row, column) = (pixel / width, pixel % width);
            let neighbours = [
                (row > 0).then(|| pixel - width),
                (row + 1 < height).then(|| pixel + width),
                (column > 0).then(|| pixel - 1),
                (column + 1 < width).then(|| pixel + 1),
            ];
            for neighbour in neighbours.into_iter().flatten() {
                if pieces[neighbour] == NONE && labels[neighbour] == labels[start] {
                    pieces[neighbour] = next;
                    piece.push(neighbour);
                }
            }
        }
        match before {
            Some(other) if (piece.len() as f64) < smallest => {
                piece.into_iter().for_each(|pixel| pieces[pixel] = other);
            }
            _ => next += 1,
        }
    }
    pieces
}

/// A colour of sRGB, 0 to 1, in CIELAB with the white point D65.
fn lab(rgb: [f32; 3]) -> [f64; 3] {
    let linear = rgb.map(|value| {
        let value = f64::from(value.clamp(0.0, 1.0));
        if value > 0.04045 { libm::pow((value + 0.055) / 1.055, 2.4) } else { value / 12.92 }
    });
    const ROWS: [[f64; 3]; 3] = [
        [0.412_453, 0.357_58, 0.180_423],
        [0.212_671, 0.715_16, 0.072_169],
        [0.019_334, 0.119_193, 0.950_227],
    ];
    const WHITE: [f64; 3] = [0.950_47, 1.0, 1.088_83];
    let mut xyz = [0.0; 3];
    for (axis, value) in xyz.iter_mut().enumerate() {
        let sum: f64 = (0..3).map(|channel| ROWS[axis][channel] * linear[channel]).sum();
        let part = sum / WHITE[axis];
        *value = if part > 0.008_856 { libm::cbrt(part) } else { 7.787 * part + 16.0 / 116.0 };
    }
    let [x, y, z] = xyz;
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_cielab() {
        // By skimage.color.rgb2lab.
        for (rgb, expected) in [
            ([1.0, 1.0, 1.0], [100.0, 0.0, 0.0]),
            ([1.0, 0.0, 0.0], [53.2405, 80.0923, 67.2032]),
            ([0.2, 0.4, 0.6], [42.0109, -0.1489, -32.8471]),
        ] {
            for (found, expected) in lab(rgb).into_iter().zip(expected) {
                assert!((found - expected).abs() < 2e-2, "{rgb:?}: {found}, not {expected}");
            }
        }
    }

    #[test]
    fn superpixels_follow_edges_and_are_connected() {
        let (height, width) = (40, 60);
        // A bright half; the edge lies between two columns of centres.
        let plane: Vec<f32> =
            (0..height * width).map(|pixel| if pixel % width < 30 { 0.0 } else { 1.0 }).collect();
        let partition = superpixels(std::slice::from_ref(&plane), height, width);
        let count = partition.count();
        assert!((60..=130).contains(&count), "{count} superpixels");
        assert!(partition.sizes().iter().all(|&size| size >= 12), "{:?}", partition.sizes());
        let map =
            crate::metric::Map::new(plane.iter().map(|v| f64::from(*v)).collect(), height, width);
        let means = partition.means(&map.unwrap());
        let mixed = means.iter().filter(|mean| (0.2..0.8).contains(*mean)).count();
        assert!(mixed <= 2, "{means:?}");
    }

    #[test]
    fn stray_pieces_join_their_neighbour() {
        let labels = [0, 0, 0, 1, 0, 2, 2, 0, 0];
        assert_eq!(connected(&labels, 3, 3, 1.0), [0, 0, 0, 1, 0, 2, 3, 0, 0]);
        assert_eq!(connected(&labels, 3, 3, 2.0), [0; 9]);
    }
}
