//! Which positions of the picture the elements of an inner layer belong to: maps of a convolution, or tokens of a
//! transformer.

use anyhow::{Context, Result};

use super::reduce::{Heatmap, Layout};

/// The most tokens before those of the patches: class, distillation and register tokens.
const MOST_LEADING_TOKENS: usize = 8;

/// The grid of positions that the value of an inner layer has on the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Positions {
    /// Elements at the beginning that belong to no position: those of the leading tokens.
    skipped: usize,
    shape: [usize; 3],
    layout: Layout,
}

impl Positions {
    /// Interprets a shape without its batch axis: `[C, H, W]`, `[H, W, C]`, `[H, W]`, or `[tokens, C]`, with a few leading
    /// tokens and then those of the patches, row by row. Axes of length one are ignored. `picture` is the height and width
    /// of the network's input.
    ///
    /// `None` for other shapes, or if height and width do not have the same ratio as those of the picture.
    pub fn of(shape: &[usize], picture: [usize; 2]) -> Option<Positions> {
        let axes: Vec<usize> = shape.iter().copied().filter(|&length| length != 1).collect();
        let at = |skipped, shape, layout| Some(Positions { skipped, shape, layout });
        match *axes.as_slice() {
            [channels, height, width] if fits(height, width, picture) => {
                at(0, [channels, height, width], Layout::ChannelsFirst)
            }
            [height, width, channels] if fits(height, width, picture) => {
                at(0, [height, width, channels], Layout::ChannelsLast)
            }
            [height, width] if fits(height, width, picture) => {
                at(0, [1, height, width], Layout::ChannelsFirst)
            }
            [tokens, channels] => (0..=MOST_LEADING_TOKENS.min(tokens)).find_map(|leading| {
                let [height, width] = grid(tokens - leading, picture)?;
                at(leading * channels, [height, width, channels], Layout::ChannelsLast)
            }),
            _ => None,
        }
    }

    /// The relevance of every position, summed over the channels.
    ///
    /// # Errors
    /// When there are fewer numbers than the shape has.
    pub fn heatmap(&self, relevance: &[f32]) -> Result<Heatmap> {
        let relevance = relevance.get(self.skipped..).context("the relevance has another shape")?;
        Heatmap::from_relevance(relevance, self.shape, self.layout)
    }
}

/// The rows and columns of a number of patches on a picture.
fn grid(patches: usize, [height, width]: [usize; 2]) -> Option<[usize; 2]> {
    let rows = (patches as f64 * height as f64 / width as f64).sqrt().round() as usize;
    let columns = patches / rows.max(1);
    let is_grid = patches > 1 && rows * columns == patches;
    (is_grid && fits(rows, columns, [height, width])).then_some([rows, columns])
}

/// Whether neighbouring positions have about the same distance on the picture in both directions, and about a whole number
/// of pixels. The rows of an attention matrix do not.
fn fits(rows: usize, columns: usize, [height, width]: [usize; 2]) -> bool {
    let distance = height as f64 / rows as f64;
    let expected = width as f64 / distance;
    let at_whole_distance = height as f64 / distance.round();
    (1..=height).contains(&rows)
        && (1..=width).contains(&columns)
        && (expected - columns as f64).abs() < 1.0
        && (at_whole_distance - rows as f64).abs() < 0.1 * at_whole_distance
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(shape: &[usize], picture: [usize; 2]) -> Option<(usize, usize)> {
        let positions = Positions::of(shape, picture)?;
        let heatmap = positions.heatmap(&vec![0.0; shape.iter().product()]).unwrap();
        Some((heatmap.height(), heatmap.width()))
    }

    #[test]
    fn maps_and_tokens_are_found() {
        assert_eq!(sides(&[768, 14, 14], [224, 224]), Some((14, 14)));
        assert_eq!(sides(&[56, 56, 96], [224, 224]), Some((56, 56)));
        assert_eq!(sides(&[197, 1, 768], [224, 224]), Some((14, 14)));
        assert_eq!(sides(&[198, 192], [224, 224]), Some((14, 14)));
        assert_eq!(sides(&[300, 64], [240, 320]), Some((15, 20)));
        assert_eq!(sides(&[8, 8, 10], [240, 320]), Some((8, 10)));
    }

    #[test]
    fn windows_heads_and_vectors_have_no_positions() {
        assert_eq!(sides(&[64, 3, 49, 49], [224, 224]), None);
        assert_eq!(sides(&[1000], [224, 224]), None);
        assert_eq!(sides(&[12, 197, 197], [224, 224]), None);
    }

    #[test]
    fn leading_tokens_are_left_out_and_channels_summed() {
        let positions = Positions::of(&[5, 2], [32, 32]).unwrap();
        let relevance = [9.0, 9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        assert_eq!(positions.heatmap(&relevance).unwrap().values(), [3.0, 7.0, 11.0, 15.0]);
    }
}
