//! What becomes of the sums of a kernel: written, activated, divided by, multiplied.

use super::{Finish, Image, LANES, Totals};
use crate::microkernel::{Loop, vectorized};
use crate::operator::Function;
use crate::rule::Stabilizer;
use crate::tensor::Tensor;

type Lanes = [f32; LANES];

/// What is added to sums, in blocks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Bias<'a> {
    /// Nothing.
    #[default]
    None,
    /// A number a channel.
    Channels(&'a [f32]),
    /// A number for every sum.
    Map(&'a [f32]),
}

impl<'a> Bias<'a> {
    /// A tensor that broadcasts to an image in blocks, or to none of its pixels.
    pub fn of(tensor: Option<&'a Tensor>, image: Image) -> Bias<'a> {
        match tensor {
            None => Bias::None,
            Some(tensor) if tensor.len() == image.len() => Bias::Map(tensor.data()),
            Some(tensor) => Bias::Channels(tensor.data()),
        }
    }

    /// The summands of the pixels of a block, from a place on.
    #[inline(always)]
    fn lanes(self, block: usize, at: usize) -> LanesOf<'a> {
        match self {
            Bias::None => LanesOf::Same([0.0; LANES]),
            Bias::Channels(numbers) => {
                let lanes = numbers[block * LANES..].first_chunk::<LANES>();
                LanesOf::Same(lanes.copied().unwrap_or_default())
            }
            Bias::Map(numbers) => LanesOf::Each(numbers[at..].as_chunks::<LANES>().0),
        }
    }
}

/// The summands of neighbouring pixels.
enum LanesOf<'a> {
    Same(Lanes),
    Each(&'a [Lanes]),
}

impl LanesOf<'_> {
    #[inline(always)]
    fn at(&self, pixel: usize) -> &Lanes {
        match self {
            LanesOf::Same(lanes) => lanes,
            LanesOf::Each(lanes) => &lanes[pixel],
        }
    }
}

/// `sums + bias`, through a function: a forward pass.
#[derive(Default)]
pub(crate) struct Forward<'a> {
    pub bias: Bias<'a>,
    /// A function of one signal, without a number per channel or with parameters in blocks.
    pub function: Option<&'a Function>,
}

impl Finish for Forward<'_> {
    fn finish(&self, block: usize, at: usize, sums: &[f32], output: &mut [f32], _: &mut Totals) {
        match self.bias {
            Bias::None => output.copy_from_slice(sums),
            _ => vectorized(AddBias { bias: self.bias.lanes(block, at), sums, output }),
        }
        if let Some(function) = self.function {
            function.apply_to_run(block, output);
        }
    }
}

/// Relevance `R`, which is what the output holds, over `z = sums + bias + before`: `R / stabilized(z)`.
///
/// The totals are the relevance that the stabilizer absorbs, and that the bias absorbs.
pub(crate) struct Quotient<'a> {
    pub stabilizer: Stabilizer,
    pub bias: Bias<'a>,
    /// What other terms contribute to the denominators.
    pub before: Option<&'a [f32]>,
}

impl Finish for Quotient<'_> {
    fn finish(
        &self,
        block: usize,
        at: usize,
        sums: &[f32],
        output: &mut [f32],
        totals: &mut Totals,
    ) {
        let bias = self.bias.lanes(block, at);
        let before = self.before.map(|before| &before[at..at + sums.len()]);
        let divide = Divide { stabilizer: self.stabilizer, bias, before, sums, output };
        totals.add_lanes(vectorized(divide));
    }
}

struct Divide<'a> {
    stabilizer: Stabilizer,
    bias: LanesOf<'a>,
    before: Option<&'a [f32]>,
    sums: &'a [f32],
    output: &'a mut [f32],
}

impl Loop for Divide<'_> {
    type Output = [Lanes; 2];

    #[inline(always)]
    fn run(self) -> [Lanes; 2] {
        let mut absorbed = [[0.0; LANES]; 2];
        let nothing = [0.0; LANES];
        let sums = self.sums.as_chunks::<LANES>().0;
        let before = self.before.map(|before| before.as_chunks::<LANES>().0);
        let pixels = self.output.as_chunks_mut::<LANES>().0.iter_mut().zip(sums);
        for (pixel, (quotients, sums)) in pixels.enumerate() {
            let before = before.map_or(&nothing, |before| &before[pixel]);
            let bias = self.bias.at(pixel);
            for lane in 0..LANES {
                let z = sums[lane] + bias[lane] + before[lane];
                let (quotient, by_stabilizer) = self.stabilizer.quotient(quotients[lane], z);
                quotients[lane] = quotient;
                absorbed[0][lane] += by_stabilizer;
                absorbed[1][lane] += quotient * bias[lane];
            }
        }
        absorbed
    }
}

/// `coefficient · x ⊙ sums`, written or added to what the output holds. The totals are the sums of
/// the results and of their absolute values.
pub(crate) struct Share<'a> {
    pub coefficient: f32,
    /// What the sums are multiplied with; `None`: 1.
    pub factors: Option<&'a [f32]>,
    /// Whether the output holds what other terms contributed.
    pub adds: bool,
}

impl Finish for Share<'_> {
    fn finish(&self, _: usize, at: usize, sums: &[f32], output: &mut [f32], totals: &mut Totals) {
        let factors = self.factors.map_or(&[][..], |factors| &factors[at..at + sums.len()]);
        let Share { coefficient, adds, .. } = *self;
        totals.add_lanes(match (factors.is_empty(), adds) {
            (false, false) => multiply(sums, factors, output, |s, x, _| coefficient * (s * x)),
            (false, true) => {
                multiply(sums, factors, output, |s, x, before| before + coefficient * (s * x))
            }
            (true, false) => multiply(sums, sums, output, |s, _, _| coefficient * s),
            (true, true) => multiply(sums, sums, output, |s, _, before| before + coefficient * s),
        });
    }
}

fn multiply(
    sums: &[f32],
    factors: &[f32],
    output: &mut [f32],
    function: impl Fn(f32, f32, f32) -> f32,
) -> [Lanes; 2] {
    struct Multiply<'a, F>(&'a [f32], &'a [f32], &'a mut [f32], F);
    impl<F: Fn(f32, f32, f32) -> f32> Loop for Multiply<'_, F> {
        type Output = [Lanes; 2];

        #[inline(always)]
        fn run(self) -> [Lanes; 2] {
            let Multiply(sums, factors, output, function) = self;
            let mut totals = [[0.0; LANES]; 2];
            let factors = factors.as_chunks::<LANES>().0;
            let pixels = sums.as_chunks::<LANES>().0.iter().zip(factors);
            for (output, (sums, factors)) in
                output.as_chunks_mut::<LANES>().0.iter_mut().zip(pixels)
            {
                for lane in 0..LANES {
                    let result = function(sums[lane], factors[lane], output[lane]);
                    output[lane] = result;
                    totals[0][lane] += result;
                    totals[1][lane] += result.abs();
                }
            }
            totals
        }
    }
    vectorized(Multiply(sums, factors, output, function))
}

struct AddBias<'a> {
    bias: LanesOf<'a>,
    sums: &'a [f32],
    output: &'a mut [f32],
}

impl Loop for AddBias<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let sums = self.sums.as_chunks::<LANES>().0;
        let pixels = self.output.as_chunks_mut::<LANES>().0.iter_mut().zip(sums);
        for (pixel, (output, sums)) in pixels.enumerate() {
            let bias = self.bias.at(pixel);
            for lane in 0..LANES {
                output[lane] = sums[lane] + bias[lane];
            }
        }
    }
}
