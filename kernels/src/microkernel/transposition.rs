//! Rows that become columns, in vector registers: sums on their way to planes, weights on their way to
//! blocks of filters.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::Instructions;

/// The sums of neighbouring pixels, for each pixel the filters side by side.
#[derive(Clone, Copy)]
pub struct Sums<'a> {
    /// `[pixels, lanes]`.
    pub data: &'a [f32],
    pub lanes: usize,
}

impl Sums<'_> {
    /// Writes `sum + bias` to the planes of `[filters, plane_len]`, from `place` on in each of them.
    pub fn write(self, bias: &[f32], planes: &mut [f32], plane_len: usize, place: usize) {
        let (filters, pixels) = (planes.len() / plane_len, self.data.len().div_ceil(self.lanes));
        let in_blocks = if pixels < BLOCK { 0 } else { filters / BLOCK * BLOCK };
        for filter in (0..in_blocks).step_by(BLOCK) {
            for pixel in (0..pixels).step_by(BLOCK) {
                // The last block overlaps the one before, and writes the same there.
                let pixel = pixel.min(pixels - BLOCK);
                let at = filter * plane_len + place + pixel;
                // SAFETY: sums come from a microkernel, so the processor has at least AVX2.
                unsafe {
                    self.write_block(filter, pixel, &bias[filter..], &mut planes[at..], plane_len);
                }
            }
        }
        for filter in in_blocks..filters {
            let row = &mut planes[filter * plane_len + place..][..pixels];
            for (pixel, place) in row.iter_mut().enumerate() {
                *place = self.data[pixel * self.lanes + filter] + bias[filter];
            }
        }
    }

    /// Eight filters at eight pixels: pixels side by side become rows of filters.
    #[target_feature(enable = "avx2")]
    fn write_block(
        self,
        filter: usize,
        pixel: usize,
        bias: &[f32],
        planes: &mut [f32],
        plane_len: usize,
    ) {
        let bias = load(bias);
        let sums = &self.data[pixel * self.lanes + filter..];
        let rows = transposed([
            _mm256_add_ps(load(sums), bias),
            _mm256_add_ps(load(&sums[self.lanes..]), bias),
            _mm256_add_ps(load(&sums[2 * self.lanes..]), bias),
            _mm256_add_ps(load(&sums[3 * self.lanes..]), bias),
            _mm256_add_ps(load(&sums[4 * self.lanes..]), bias),
            _mm256_add_ps(load(&sums[5 * self.lanes..]), bias),
            _mm256_add_ps(load(&sums[6 * self.lanes..]), bias),
            _mm256_add_ps(load(&sums[7 * self.lanes..]), bias),
        ]);
        for (index, row) in rows.into_iter().enumerate() {
            let place = &mut planes[index * plane_len..][..BLOCK];
            // SAFETY: `place` has room for as many numbers as the vector.
            unsafe { _mm256_storeu_ps(place.as_mut_ptr(), row) };
        }
    }
}

impl Instructions {
    /// Puts rows and columns of eight by eight numbers in each other's places: rows of `from` lie
    /// `row_len` numbers from each other, and each column is written to its place in `to`, if it has one.
    pub fn transpose(
        self,
        from: &[f32],
        row_len: usize,
        to: &mut [f32],
        places: [Option<usize>; BLOCK],
    ) {
        // SAFETY: there is no such value on a processor without AVX2.
        unsafe { transpose(from, row_len, to, places) }
    }
}

#[target_feature(enable = "avx2")]
fn transpose(from: &[f32], row_len: usize, to: &mut [f32], places: [Option<usize>; BLOCK]) {
    let columns = transposed([
        load(from),
        load(&from[row_len..]),
        load(&from[2 * row_len..]),
        load(&from[3 * row_len..]),
        load(&from[4 * row_len..]),
        load(&from[5 * row_len..]),
        load(&from[6 * row_len..]),
        load(&from[7 * row_len..]),
    ]);
    for (column, place) in columns.into_iter().zip(places) {
        if let Some(place) = place {
            let place = &mut to[place..][..BLOCK];
            // SAFETY: `place` has room for as many numbers as the vector.
            unsafe { _mm256_storeu_ps(place.as_mut_ptr(), column) };
        }
    }
}

/// Numbers of a row and of a column that change places together.
pub const BLOCK: usize = 8;

#[target_feature(enable = "avx2")]
#[inline]
fn load(numbers: &[f32]) -> __m256 {
    let numbers = &numbers[..BLOCK];
    // SAFETY: `numbers` holds as many numbers as the vector.
    unsafe { _mm256_loadu_ps(numbers.as_ptr()) }
}

/// Rows become columns: first within pairs, then within fours, then within eights.
#[target_feature(enable = "avx2")]
#[inline]
fn transposed([a, b, c, d, e, f, g, h]: [__m256; BLOCK]) -> [__m256; BLOCK] {
    let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
    let (ef, gh) = (_mm256_unpacklo_ps(e, f), _mm256_unpacklo_ps(g, h));
    let (ab_high, cd_high) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
    let (ef_high, gh_high) = (_mm256_unpackhi_ps(e, f), _mm256_unpackhi_ps(g, h));
    // Low and high pairs of two vectors.
    const LOW: i32 = 0b01_00_01_00;
    const HIGH: i32 = 0b11_10_11_10;
    let (a, e) = (_mm256_shuffle_ps::<LOW>(ab, cd), _mm256_shuffle_ps::<LOW>(ef, gh));
    let (b, f) = (_mm256_shuffle_ps::<HIGH>(ab, cd), _mm256_shuffle_ps::<HIGH>(ef, gh));
    let (c, g) =
        (_mm256_shuffle_ps::<LOW>(ab_high, cd_high), _mm256_shuffle_ps::<LOW>(ef_high, gh_high));
    let (d, h) =
        (_mm256_shuffle_ps::<HIGH>(ab_high, cd_high), _mm256_shuffle_ps::<HIGH>(ef_high, gh_high));
    // Low and high halves of two vectors.
    const LOWER: i32 = 0x20;
    const UPPER: i32 = 0x31;
    [
        _mm256_permute2f128_ps::<LOWER>(a, e),
        _mm256_permute2f128_ps::<LOWER>(b, f),
        _mm256_permute2f128_ps::<LOWER>(c, g),
        _mm256_permute2f128_ps::<LOWER>(d, h),
        _mm256_permute2f128_ps::<UPPER>(a, e),
        _mm256_permute2f128_ps::<UPPER>(b, f),
        _mm256_permute2f128_ps::<UPPER>(c, g),
        _mm256_permute2f128_ps::<UPPER>(d, h),
    ]
}
