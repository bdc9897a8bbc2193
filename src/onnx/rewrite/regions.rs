//! `RoiAlign` of stored regions, by means: each bin is the mean of values between pixels on a regular grid, which is a
//! product with a stored matrix for the rows and one for the columns. tract has no such operator.

use tract_onnx::model::Onnx;
use tract_onnx::pb::ModelProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::asked::{Asked, Made, replace_each};
use super::graph::{MOST_STORED, attribute, node, numbers};

/// Writes out every such operator.
pub(super) fn write_out(model: &mut ModelProto, reader: &Onnx, input: (&str, &[usize])) {
    replace_each(model, reader, input, &["RoiAlign"], |asked| asked.aligned());
}

impl Asked<'_> {
    fn aligned(&self) -> Option<Made> {
        let &[1, _, height, width] = self.shape(0)?.as_slice() else { return None };
        let (regions, of) = (self.floats(1)?, self.numbers(2, DataType::Int64)?);
        let count = regions.len() / 4;
        if self.word("mode", "avg") != "avg" || count == 0 || of.iter().any(|&picture| picture != 0)
        {
            return None;
        }
        let scale = attribute(self.call, "spatial_scale").map_or(1.0, |scale| scale.f);
        // Version 10 has no such attribute, and no half pixel.
        let is_half = self.word("coordinate_transformation_mode", "half_pixel") == "half_pixel"
            && self.opset() >= 16;
        let samples = usize::try_from(self.whole("sampling_ratio", 0)).ok()?;
        let bins = |name| usize::try_from(self.whole(name, 1)).ok().filter(|&bins| bins > 0);
        let (rows, columns) = (bins("output_height")?, bins("output_width")?);
        let of = |region: &[f32], axis: usize| {
            Part::of([region[axis] * scale, region[axis + 2] * scale], is_half)
        };
        let work = |region: &[f32]| {
            of(region, 1).work(height, rows, samples) + of(region, 0).work(width, columns, samples)
        };
        let work: f64 = regions.chunks_exact(4).map(work).sum();
        if work.is_nan() || work > MOST_STORED as f64 {
            return None;
        }
        let (mut by_row, mut by_column) = (vec![], vec![]);
        for region in regions.chunks_exact(4) {
            by_row.extend(of(region, 1).weights(height, rows, samples).concat());
            let weights = of(region, 0).weights(width, columns, samples);
            by_column.extend(
                (0..width)
                    .flat_map(|at| weights.iter().map(move |bin| bin[at]).collect::<Vec<f32>>()),
            );
        }
        let pieces = ["by_row", "by_column", "rows"].map(|piece| self.named(piece));
        let [row_weights, column_weights, of_rows] = &pieces;
        let nodes = vec![
            node(of_rows, "MatMul", &[row_weights, self.given(0)?], of_rows),
            node(&self.call.name, "MatMul", &[of_rows, column_weights], self.output()?),
        ];
        let stored = vec![
            numbers(row_weights, &by_row, Some(&[count, 1, rows, height])),
            numbers(column_weights, &by_column, Some(&[count, 1, width, columns])),
        ];
        Some((nodes, stored))
    }

    fn opset(&self) -> i64 {
        super::opset(self.model)
    }
}

/// A part of an axis.
struct Part {
    begin: f32,
    length: f32,
}

impl Part {
    /// Between two places; without the half pixel, a part is at least one pixel long.
    fn of([begin, end]: [f32; 2], is_half: bool) -> Part {
        match is_half {
            true => Part { begin: begin - 0.5, length: end - begin },
            false => Part { begin, length: (end - begin).max(1.0) },
        }
    }

    /// The samples of a bin: as many as are asked for, or one for each pixel.
    fn samples(&self, bins: usize, asked: usize) -> usize {
        let pixels = self.length / bins as f32;
        if asked > 0 { asked } else { pixels.ceil().max(0.0) as usize }
    }

    /// How much there is to do for the weights.
    fn work(&self, pixels: usize, bins: usize, samples: usize) -> f64 {
        bins as f64 * (pixels as f64 + self.samples(bins, samples) as f64)
    }

    /// What every bin takes of every pixel of the axis.
    fn weights(&self, pixels: usize, bins: usize, samples: usize) -> Vec<Vec<f32>> {
        let bin = self.length / bins as f32;
        let samples = self.samples(bins, samples);
        let of_bin = |at: usize| {
            let mut weights = vec![0.0; pixels];
            for sample in 0..samples {
                let step = (sample as f32 + 0.5) * bin / samples as f32;
                let place = self.begin + at as f32 * bin + step;
                if place < -1.0 || place > pixels as f32 {
                    continue;
                }
                let place = place.clamp(0.0, pixels as f32 - 1.0);
                let (low, rest) = (place.floor() as usize, place - place.floor());
                weights[low] += (1.0 - rest) / samples as f32;
                weights[(low + 1).min(pixels - 1)] += rest / samples as f32;
            }
            weights
        };
        (0..bins).map(of_bin).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_means_of_what_they_cover() {
        let whole = Part::of([0.0, 4.0], true).weights(4, 2, 2);
        assert_eq!(whole, [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]);
        let beyond = Part::of([-8.0, -4.0], true).weights(4, 1, 1);
        assert_eq!(beyond, [[0.0; 4]]);
        let between = Part::of([0.5, 1.5], false).weights(4, 1, 1);
        assert_eq!(between, [[0.0, 1.0, 0.0, 0.0]]);
    }
}
