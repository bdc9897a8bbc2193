//! Poolings over sliding windows, and sums over all pixels.
//!
//! Every channel is summed tap by tap, in the order of a plain loop. Slices are as long as their images, so the number of
//! blocks follows from them.

mod argmax;

pub use self::argmax::{argmax, maxima, to_argmax};
use super::LANES;
use super::taps::Grid;
use crate::geometry::WindowAxis;
use crate::output::{Output, Vectors};
use crate::simd::{F32x16, Simd, SimdLoop, dispatch};

/// The sum of every window, times its weight. There is one weight per window of a plane. Writes all of `output`.
pub fn averages(window: &[WindowAxis; 2], weights: &[f32], input: &[f32], output: Output<'_>) {
    for_each_row(&Grid::forward(window), input, output, |reading, output| {
        let weights = &weights[reading.row * output.len()..][..output.len()];
        dispatch(Averages { reading, weights, output });
    });
}

/// The transposed map of [`averages`]. Writes all of `input`.
pub fn averages_transposed(
    window: &[WindowAxis; 2],
    weights: &[f32],
    output: &[f32],
    input: Output<'_>,
) {
    for_each_row(&Grid::transposed(window), output, input, |reading, input| {
        dispatch(Shares { reading, weights, input });
    });
}

/// The weighted sum of all pixels: `[C/16, pixels, 16]` to `[C/16, 16]`. Writes all of `output`.
pub fn sums(weight: f32, input: &[f32], output: Output<'_>) {
    let pixels = input.len() / output.len().max(1);
    let input = input.as_chunks().0;
    output.for_each_chunk(LANES, pixels, |block, output| {
        let mut totals = [0.0; LANES];
        dispatch(PixelSums { pixels: &input[block * pixels..][..pixels], totals: &mut totals });
        output.write(totals.map(|sum| weight * sum as f32));
    });
}

/// The transposed map of [`sums`]: `[C/16, 16]` to `[C/16, pixels, 16]`. Writes all of `input`.
pub fn spread(weight: f32, output: &[f32], input: Output<'_>) {
    let output = output.as_chunks::<LANES>().0;
    let block_len = input.len() / output.len().max(1);
    input.for_each_chunk(block_len, 1, |block, pixels| {
        dispatch(Repeat(output[block].map(|number| weight * number), pixels.vectors().0));
    });
}

/// Writes the same vector everywhere.
struct Repeat<'a>(F32x16, Vectors<'a>);

impl SimdLoop for Repeat<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Repeat(lanes, mut vectors) = self;
        let lanes = simd.load(&lanes);
        for _ in 0..vectors.len() {
            vectors.push(simd, lanes);
        }
        vectors.finish();
    }
}

/// Calls `work` for every row of every block that is written; it writes as many vectors as there are.
fn for_each_row(
    grid: &Grid,
    input: &[f32],
    output: Output<'_>,
    work: impl Fn(Reading, Vectors) + Sync + Send,
) {
    let input = input.as_chunks().0;
    let (rows, steps) = (grid.rows.len(), grid.most_taps());
    output.for_each_chunk(grid.columns.len() * LANES, steps, |index, output| {
        let (block, row) = (index / rows, index % rows);
        let plane = &input[block * grid.read_len()..][..grid.read_len()];
        work(Reading { grid, block, row, plane }, output.vectors().0);
    });
}

/// What one row of windows reads.
struct Reading<'a> {
    grid: &'a Grid,
    block: usize,
    row: usize,
    plane: &'a [F32x16],
}

struct Averages<'a> {
    reading: Reading<'a>,
    /// Those of the row.
    weights: &'a [f32],
    output: Vectors<'a>,
}

impl SimdLoop for Averages<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Averages { reading: Reading { grid, row, plane, .. }, weights, mut output } = self;
        let row = grid.rows[row];
        for (&column, &weight) in grid.columns.iter().zip(weights) {
            let mut sum = simd.splat(0.0);
            for y in 0..row.count {
                for x in 0..column.count {
                    let number = simd.load(&plane[grid.place(row, column, [y, x])]);
                    sum = simd.add(sum, number);
                }
            }
            output.push(simd, simd.multiply(sum, simd.splat(weight)));
        }
        output.finish();
    }
}

struct Shares<'a> {
    reading: Reading<'a>,
    /// Those of the whole plane that is read.
    weights: &'a [f32],
    input: Vectors<'a>,
}

impl SimdLoop for Shares<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Shares { reading: Reading { grid, row, plane, .. }, weights, mut input } = self;
        let row = grid.rows[row];
        for &column in &grid.columns {
            let mut sum = simd.splat(0.0);
            for y in 0..row.count {
                for x in 0..column.count {
                    let place = grid.place(row, column, [y, x]);
                    let weight = simd.splat(weights[place]);
                    sum = simd.add(sum, simd.multiply(weight, simd.load(&plane[place])));
                }
            }
            input.push(simd, sum);
        }
        input.finish();
    }
}

/// Pixels that are added up in `f32`, few enough to round little; their sums are accumulated in `f64`.
const PIXELS: usize = 8;

struct PixelSums<'a> {
    pixels: &'a [F32x16],
    totals: &'a mut [f64; LANES],
}

impl SimdLoop for PixelSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for pixels in self.pixels.chunks(PIXELS) {
            let mut sum = simd.splat(0.0);
            for pixel in pixels {
                sum = simd.add(sum, simd.load(pixel));
            }
            simd.add_up(sum, self.totals);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Image;
    use super::super::tests::{images, numbers};
    use super::*;
    use crate::AlignedBuf;
    use crate::geometry::Window;
    use crate::reference::quarters;
    use crate::threads::Threads;

    const CHANNELS: usize = 35;

    fn geometries() -> Vec<[WindowAxis; 2]> {
        vec![
            [WindowAxis::fitting(12, 3, 2, 1, [1, 1]), WindowAxis::fitting(23, 3, 2, 1, [1, 1])],
            [WindowAxis::fitting(12, 2, 2, 1, [0, 0]), WindowAxis::fitting(10, 2, 2, 1, [0, 0])],
            [WindowAxis::fitting(9, 3, 1, 1, [1, 1]), WindowAxis::fitting(13, 3, 1, 1, [1, 1])],
            [WindowAxis::fitting(3, 5, 1, 1, [2, 2]), WindowAxis::fitting(2, 5, 1, 1, [3, 2])],
            [WindowAxis::fitting(17, 3, 3, 1, [1, 0]), WindowAxis::fitting(20, 4, 3, 1, [0, 2])],
            [WindowAxis::fitting(14, 3, 1, 2, [2, 2]), WindowAxis::fitting(11, 3, 2, 2, [2, 1])],
            [WindowAxis::fitting(7, 7, 1, 1, [0, 0]), WindowAxis::fitting(8, 8, 1, 1, [0, 0])],
        ]
    }

    /// Calls `visit` for every number and its place in `[C, H, W]`.
    fn for_each_number(image: Image, mut visit: impl FnMut(usize, usize)) {
        for channel in 0..image.channels {
            for pixel in 0..image.pixels() {
                let block = channel / LANES * image.block_len();
                visit(block + pixel * LANES + channel % LANES, channel * image.pixels() + pixel);
            }
        }
    }

    fn to_planes(image: Image, blocks: &[f32]) -> Vec<f32> {
        let mut planes = vec![0.0; image.channels * image.pixels()];
        for_each_number(image, |from, to| planes[to] = blocks[from]);
        planes
    }

    /// Runs it with one thread and with two.
    fn run(len: usize, work: impl Fn(Output<'_>) + Sync) -> Vec<f32> {
        let (one, ()) = AlignedBuf::written(len, &work);
        let (two, ()) = Threads::new(2).unwrap().run(|| AlignedBuf::written(len, &work));
        assert_eq!(bits(&one), bits(&two));
        one.to_vec()
    }

    fn bits(numbers: &[f32]) -> Vec<u32> {
        // Zeros are equal whatever their sign.
        numbers.iter().map(|number| (number + 0.0).to_bits()).collect()
    }

    #[test]
    fn maxima_and_argmax_are_those_of_planes() {
        for (window, with_nan) in geometries().into_iter().flat_map(|w| [(w, false), (w, true)]) {
            let (from, to) = images(CHANNELS, &window);
            // Few different numbers, so that many are equal.
            let mut input = numbers(from.len(), 2);
            input.iter_mut().for_each(|number| *number = (*number * 2.0).round());
            if with_nan {
                input.iter_mut().step_by(17).for_each(|number| *number = f32::NAN);
                input.iter_mut().skip(3).step_by(5).for_each(|number| *number = f32::NEG_INFINITY);
            }
            let relevance = quarters(to.len(), 3);
            let forward = run(to.len(), |largest| maxima(&window, &input, largest));
            let won = run(to.len(), |won| argmax(&window, &input, won));
            let back = run(from.len(), |result| to_argmax(&window, &won, &relevance, result));

            let planes = to_planes(from, &input);
            let relevance = to_planes(to, &relevance);
            let taps = Window { axes: window.to_vec() };
            let mut largest = vec![f32::NEG_INFINITY; CHANNELS * to.pixels()];
            // The first pixel wins whatever it is, and then every larger one.
            let mut first: Vec<Option<usize>> = vec![None; largest.len()];
            for channel in 0..CHANNELS {
                taps.for_each_tap(|o, i| {
                    let (o, i) = (channel * to.pixels() + o, channel * from.pixels() + i);
                    let is_larger = first[o].is_none_or(|best| planes[i] > planes[best]);
                    first[o] = if is_larger { Some(i) } else { first[o] };
                    let number = planes[i];
                    largest[o] =
                        if number.is_nan() || number > largest[o] { number } else { largest[o] };
                });
            }
            let mut expected = vec![0.0; CHANNELS * from.pixels()];
            for (winner, relevance) in first.iter().zip(&relevance) {
                expected[winner.unwrap()] += relevance;
            }
            assert_eq!(bits(&to_planes(from, &back)), bits(&expected));
            assert_eq!(bits(&to_planes(to, &forward)), bits(&largest));
        }
    }

    #[test]
    fn averages_are_those_of_planes() {
        for window in geometries() {
            let (from, to) = images(CHANNELS, &window);
            let weights = numbers(to.pixels(), 7);
            let (input, output) = (numbers(from.len(), 2), numbers(to.len(), 3));
            let forward = run(to.len(), |sums| averages(&window, &weights, &input, sums));
            let back =
                run(from.len(), |sums| averages_transposed(&window, &weights, &output, sums));
            let (planes, outputs) = (to_planes(from, &input), to_planes(to, &output));
            let mut expected = vec![0.0; CHANNELS * to.pixels()];
            let mut expected_back = vec![0.0; CHANNELS * from.pixels()];
            let taps = Window { axes: window.to_vec() };
            for channel in 0..CHANNELS {
                taps.for_each_tap(|o, i| {
                    let (to, from) = (channel * to.pixels() + o, channel * from.pixels() + i);
                    expected[to] += planes[from];
                    expected_back[from] += weights[o] * outputs[to];
                });
            }
            for (at, sum) in expected.iter_mut().enumerate() {
                *sum *= weights[at % to.pixels()];
            }
            assert_eq!(to_planes(to, &forward), expected);
            assert_eq!(to_planes(from, &back), expected_back);
        }
    }

    #[test]
    fn sums_are_accurate_and_spread_back() {
        let image = Image { channels: CHANNELS, height: 41, width: 30 };
        let input: Vec<f32> = numbers(image.len(), 1).iter().map(|number| number + 1e3).collect();
        let totals = run(image.blocks() * LANES, |totals| sums(0.5, &input, totals));
        for (at, total) in totals.iter().enumerate() {
            let block = &input[at / LANES * image.block_len()..][..image.block_len()];
            let channel = block.iter().skip(at % LANES).step_by(LANES);
            let expected = 0.5 * channel.map(|&number| f64::from(number)).sum::<f64>();
            assert!((f64::from(*total) / expected - 1.0).abs() < 1e-7, "{total} {expected}");
        }
        let shares = run(image.len(), |shares| spread(0.25, &totals, shares));
        for (at, share) in shares.iter().enumerate() {
            let block = at / image.block_len();
            assert_eq!(*share, 0.25 * totals[block * LANES + at % LANES]);
        }
    }
}
