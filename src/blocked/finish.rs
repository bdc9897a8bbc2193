//! What becomes of the sums of a kernel: written, activated, divided by, multiplied.

use super::{Finish, Image, LANES, Totals};
use crate::microkernel::{Loop, vectorized};
use crate::operator::{Function, Step, Unary};
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
    pub function: Option<&'a Pointwise>,
}

/// A function that is applied to sums, prepared.
pub(crate) enum Pointwise {
    /// Clips: ReLU, ReLU6.
    Clip { low: f32, high: f32 },
    /// One operation: SiLU, sigmoid.
    Unary(Unary),
    /// Operations one after the other, whose parameters are in blocks.
    Chain(Function),
}

impl Pointwise {
    /// The function, where it can be applied in place.
    pub fn new(function: &Function) -> Option<Pointwise> {
        if let Some((low, high)) = function.clip_bounds().filter(|_| !function.has_parameters()) {
            return Some(Pointwise::Clip { low, high });
        }
        if let Some(Step::Unary(operation, _)) = function.single_step() {
            return Some(Pointwise::Unary(*operation));
        }
        function.is_chain().then(|| Pointwise::Chain(function.clone()))
    }
}

impl Finish for Forward<'_> {
    fn finish(&self, block: usize, at: usize, sums: &[f32], output: &mut [f32], _: &mut Totals) {
        let (low, high) = match self.function {
            Some(Pointwise::Clip { low, high }) => (*low, *high),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        };
        let bias = self.bias.lanes(block, at);
        vectorized(ClippedSum { bias, low, high, sums, output });
        match self.function {
            Some(Pointwise::Unary(operation)) => operation.apply(output),
            Some(Pointwise::Chain(function)) => function.apply_to_run(block, output),
            Some(Pointwise::Clip { .. }) | None => {}
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

/// The gamma rule on both signs: with the sums `|W| |x|` and `σ` the sign of the output `y`, relevance `R`,
/// which is what the output holds, over `z = share · y + favour · σ (sums + |b|)`.
///
/// The totals are the relevance that the stabilizer absorbs, that of outputs of 0 included, which is
/// dropped, and the relevance that the bias absorbs.
pub(crate) struct GammaQuotient<'a> {
    pub stabilizer: Stabilizer,
    pub share: f32,
    pub favour: f32,
    /// The layer's output.
    pub y: &'a [f32],
    /// The layer's bias.
    pub bias: Bias<'a>,
    /// Whether the bias takes part: otherwise it is taken from `y`.
    pub with_bias: bool,
}

impl Finish for GammaQuotient<'_> {
    fn finish(
        &self,
        block: usize,
        at: usize,
        sums: &[f32],
        output: &mut [f32],
        totals: &mut Totals,
    ) {
        let y = &self.y[at..at + sums.len()];
        let bias = self.bias.lanes(block, at);
        totals.add_lanes(vectorized(GammaDivide { rule: self, y, bias, sums, output }));
    }
}

struct GammaDivide<'a> {
    rule: &'a GammaQuotient<'a>,
    y: &'a [f32],
    bias: LanesOf<'a>,
    sums: &'a [f32],
    output: &'a mut [f32],
}

impl Loop for GammaDivide<'_> {
    type Output = [Lanes; 2];

    #[inline(always)]
    fn run(self) -> [Lanes; 2] {
        let GammaQuotient { stabilizer, share, favour, with_bias, .. } = *self.rule;
        let mut absorbed = [[0.0; LANES]; 2];
        let pixels = self.sums.as_chunks::<LANES>().0.iter().zip(self.y.as_chunks::<LANES>().0);
        let outputs = self.output.as_chunks_mut::<LANES>().0.iter_mut();
        for (pixel, (output, (sums, y))) in outputs.zip(pixels).enumerate() {
            let bias = self.bias.at(pixel);
            for lane in 0..LANES {
                let (y, r) = (y[lane], output[lane]);
                let part = if with_bias { bias[lane] } else { 0.0 };
                let unbiased = y - (bias[lane] - part);
                let magnitude = (sums[lane] + part.abs()).copysign(y);
                let z = share * unbiased + favour * magnitude;
                let taken_up = if y == 0.0 { 0.0 } else { r };
                let (quotient, by_stabilizer) = stabilizer.quotient(taken_up, z);
                output[lane] = quotient;
                absorbed[0][lane] += by_stabilizer + (r - taken_up);
                absorbed[1][lane] += quotient * (share * part + favour * part.abs().copysign(y));
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

/// `min(max(sums + bias, low), high)`.
struct ClippedSum<'a> {
    bias: LanesOf<'a>,
    low: f32,
    high: f32,
    sums: &'a [f32],
    output: &'a mut [f32],
}

impl Loop for ClippedSum<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let sums = self.sums.as_chunks::<LANES>().0;
        let pixels = self.output.as_chunks_mut::<LANES>().0.iter_mut().zip(sums);
        for (pixel, (output, sums)) in pixels.enumerate() {
            let bias = self.bias.at(pixel);
            for lane in 0..LANES {
                let sum = sums[lane] + bias[lane];
                // Compared in this way, what is not a number stays what it is.
                let raised = if sum < self.low { self.low } else { sum };
                output[lane] = if raised > self.high { self.high } else { raised };
            }
        }
    }
}
