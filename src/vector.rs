//! Loops over numbers, compiled for the vectors of this processor.
//!
//! The program as a whole is compiled for the oldest x86-64, whose vectors hold four numbers. What is done here
//! runs with eight or sixteen where the processor has them; the results are the same.

use crate::blocked::LANES as CHANNELS;
use crate::microkernel::{Loop, vectorized};

/// Calls `function` for every number.
pub(crate) fn each(data: &mut [f32], function: impl Fn(&mut f32)) {
    struct Each<'a, F>(&'a mut [f32], F);
    impl<F: Fn(&mut f32)> Loop for Each<'_, F> {
        type Output = ();

        #[inline(always)]
        fn run(self) {
            self.0.iter_mut().for_each(self.1);
        }
    }
    vectorized(Each(data, function));
}

/// Calls `function` for every number and the one at its place in `others`.
pub(crate) fn each_with(data: &mut [f32], others: &[f32], function: impl Fn(&mut f32, f32)) {
    struct EachWith<'a, F>(&'a mut [f32], &'a [f32], F);
    impl<F: Fn(&mut f32, f32)> Loop for EachWith<'_, F> {
        type Output = ();

        #[inline(always)]
        fn run(self) {
            let EachWith(data, others, function) = self;
            data.iter_mut().zip(others).for_each(|(number, &other)| function(number, other));
        }
    }
    vectorized(EachWith(data, others, function));
}

/// Calls `function` for every number and the one of its lane, of which there are sixteen.
pub(crate) fn each_with_lanes(data: &mut [f32], lanes: &[f32], function: impl Fn(&mut f32, f32)) {
    struct EachWithLanes<'a, F>(&'a mut [f32], [f32; CHANNELS], F);
    impl<F: Fn(&mut f32, f32)> Loop for EachWithLanes<'_, F> {
        type Output = ();

        #[inline(always)]
        fn run(self) {
            let EachWithLanes(data, lanes, function) = self;
            for numbers in data.as_chunks_mut::<CHANNELS>().0 {
                numbers.iter_mut().zip(lanes).for_each(|(number, lane)| function(number, lane));
            }
        }
    }
    if let Ok(lanes) = lanes.try_into() {
        vectorized(EachWithLanes(data, lanes, function));
    }
}

/// The sums of what `terms` makes of every number.
pub(crate) fn sums<const TERMS: usize>(
    data: &[f32],
    terms: impl Fn(f32) -> [f32; TERMS],
) -> [f64; TERMS] {
    struct SumsOf<'a, F>(&'a [f32], F);
    impl<const TERMS: usize, F: Fn(f32) -> [f32; TERMS]> Loop for SumsOf<'_, F> {
        type Output = [f64; TERMS];

        #[inline(always)]
        fn run(self) -> [f64; TERMS] {
            let SumsOf(data, terms) = self;
            let mut sums = Sums::new();
            let (blocks, rest) = data.as_chunks::<BLOCK>();
            for block in blocks {
                sums.add(BLOCK, |at| terms(block[at]));
            }
            let block = padded(rest);
            sums.add(rest.len(), |at| terms(block[at]));
            sums.totals()
        }
    }
    vectorized(SumsOf(data, terms))
}

/// Replaces every number by the first result of `function`, of it and of those at its place in
/// `others`, and adds up the second ones. `others` are as long as `data`.
pub(crate) fn update<const N: usize, const TERMS: usize>(
    data: &mut [f32],
    others: [&[f32]; N],
    function: impl Fn(f32, [f32; N]) -> (f32, [f32; TERMS]),
) -> [f64; TERMS] {
    struct Update<'a, const N: usize, F>(&'a mut [f32], [&'a [f32]; N], F);
    impl<const N: usize, const TERMS: usize, F: Fn(f32, [f32; N]) -> (f32, [f32; TERMS])> Loop
        for Update<'_, N, F>
    {
        type Output = [f64; TERMS];

        #[inline(always)]
        fn run(self) -> [f64; TERMS] {
            let Update(data, others, function) = self;
            let mut sums = Sums::new();
            let (blocks, rest) = data.as_chunks_mut::<BLOCK>();
            let others = others.map(|other| other.as_chunks::<BLOCK>());
            for (index, block) in blocks.iter_mut().enumerate() {
                let others = others.map(|(blocks, _)| &blocks[index]);
                *block = sums.update(BLOCK, block, others, &function);
            }
            let others = others.map(|(_, rest)| padded(rest));
            let results = sums.update(rest.len(), &padded(rest), others.each_ref(), &function);
            rest.copy_from_slice(&results[..rest.len()]);
            sums.totals()
        }
    }
    vectorized(Update(data, others, function))
}

/// Independent partial sums: as many as fill the vectors.
const LANES: usize = 16;

/// Numbers that are added up in `f32`, few enough to round little; their sums are added up in `f64`.
///
/// All loops are over whole blocks: the compiler makes vectors of nothing that could end early.
const BLOCK: usize = 8 * LANES;

/// Fewer numbers than a block, with zeros behind them.
#[inline(always)]
fn padded(numbers: &[f32]) -> [f32; BLOCK] {
    let mut block = [0.0; BLOCK];
    block[..numbers.len()].copy_from_slice(numbers);
    block
}

struct Sums<const TERMS: usize> {
    lanes: [[f64; LANES]; TERMS],
}

impl<const TERMS: usize> Sums<TERMS> {
    fn new() -> Self {
        Sums { lanes: [[0.0; LANES]; TERMS] }
    }

    /// The first results of `function` for a block; adds the second ones of the first `count` numbers.
    #[inline(always)]
    fn update<const N: usize>(
        &mut self,
        count: usize,
        block: &[f32; BLOCK],
        others: [&[f32; BLOCK]; N],
        function: &impl Fn(f32, [f32; N]) -> (f32, [f32; TERMS]),
    ) -> [f32; BLOCK] {
        let mut results = [0.0; BLOCK];
        self.add(count, |at| {
            let (result, terms) = function(block[at], others.map(|other| other[at]));
            results[at] = result;
            terms
        });
        results
    }

    /// Adds the first `count` terms of a block.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Iterators over all terms at once do not become vectors.
    fn add(&mut self, count: usize, mut terms: impl FnMut(usize) -> [f32; TERMS]) {
        let mut block = [[0.0; BLOCK]; TERMS];
        for at in 0..BLOCK {
            let terms = terms(at);
            for term in 0..TERMS {
                block[term][at] = terms[term];
            }
        }
        for (totals, block) in self.lanes.iter_mut().zip(&mut block) {
            block[count..].fill(0.0);
            let mut sums = [0.0; LANES];
            for terms in block.as_chunks::<LANES>().0 {
                sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
            }
            totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += f64::from(sum));
        }
    }

    fn totals(&self) -> [f64; TERMS] {
        self.lanes.map(|lanes| lanes.iter().sum())
    }
}
