//! Transposing in registers: sums on their way to planes, weights on their way to blocks of filters.

use std::array::from_fn;

use crate::simd::{Isa, SQUARE, Simd, SimdLoop};

/// The sums of neighbouring pixels, for each pixel the filters side by side.
#[derive(Clone, Copy)]
pub(crate) struct TileSums<'a> {
    /// `[pixels, width]`.
    pub data: &'a [f32],
    /// Filters of a pixel.
    pub width: usize,
}

impl TileSums<'_> {
    /// Writes `sum + bias` to the planes of `[filters, plane_len]`, from `place` on in each of them.
    pub fn write(self, isa: Isa, bias: &[f32], planes: &mut [f32], plane_len: usize, place: usize) {
        isa.run(WritePlanes { sums: self, bias, planes, plane_len, place });
    }
}

struct WritePlanes<'a> {
    sums: TileSums<'a>,
    bias: &'a [f32],
    planes: &'a mut [f32],
    plane_len: usize,
    place: usize,
}

impl SimdLoop for WritePlanes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let WritePlanes { sums: TileSums { data, width }, bias, planes, plane_len, place } = self;
        let (filters, pixels) = (planes.len() / plane_len, data.len().div_ceil(width));
        let in_squares = if pixels < SQUARE { 0 } else { filters / SQUARE * SQUARE };
        let places = from_fn(|filter| Some(filter * plane_len));
        for (filter, bias) in (0..in_squares).step_by(SQUARE).zip(bias.as_chunks().0) {
            for pixel in (0..pixels).step_by(SQUARE) {
                // The last square overlaps the one before, and writes the same there.
                let pixel = pixel.min(pixels - SQUARE);
                let from = &data[pixel * width + filter..];
                let to = &mut planes[filter * plane_len + place + pixel..];
                simd.transpose((from, width), Some(bias), to, places);
            }
        }
        for filter in in_squares..filters {
            let row = &mut planes[filter * plane_len + place..][..pixels];
            for (pixel, place) in row.iter_mut().enumerate() {
                *place = data[pixel * width + filter] + bias[filter];
            }
        }
    }
}

/// Transposes a square of [`SQUARE`] rows of `from`, which are `stride` floats apart: each column is written to its
/// place in `to`, if it has one.
pub(crate) fn transpose_square(
    isa: Isa,
    (from, stride): (&[f32], usize),
    to: &mut [f32],
    places: [Option<usize>; SQUARE],
) {
    isa.run(Square { from, stride, to, places });
}

struct Square<'a> {
    from: &'a [f32],
    stride: usize,
    to: &'a mut [f32],
    places: [Option<usize>; SQUARE],
}

impl SimdLoop for Square<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        simd.transpose((self.from, self.stride), None, self.to, self.places);
    }
}
