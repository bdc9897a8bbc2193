//! Processors for which there is no microkernel: tract's kernels serve instead.

/// A set of vector instructions, of which there is none here.
#[derive(Clone, Copy)]
pub enum Instructions {}

/// The most numbers that one call of a microkernel writes.
pub const MOST_OUTPUTS: usize = 16;

/// Numbers of a row and of a column that change places together.
pub const BLOCK: usize = 8;

/// A loop that is compiled for every set of vector instructions.
pub trait Loop {
    type Output;

    /// Runs it.
    fn run(self) -> Self::Output;
}

/// Runs a loop.
pub fn vectorized<L: Loop>(work: L) -> L::Output {
    work.run()
}

/// Asks for nothing.
pub fn fetch(_: &[f32], _: usize) {}

/// Numbers that are asked for while others are multiplied: none.
#[derive(Clone, Copy)]
pub struct Ahead;

impl Ahead {
    pub fn share(_: &[f32], _: (usize, usize), _: usize) -> Ahead {
        Ahead
    }
}

/// What a microkernel reads.
#[derive(Clone, Copy)]
pub struct Operands<'a> {
    pub weights: &'a [f32],
    pub input: &'a [f32],
    pub offsets: &'a [u32],
    pub ahead: Option<Ahead>,
}

/// What the signs of values choose.
pub struct BySign<'a> {
    pub values: &'a [f32],
    pub weights_below: &'a [f32],
}

/// The sums of neighbouring pixels.
pub struct Sums<'a> {
    pub data: &'a [f32],
    pub lanes: usize,
}

impl Sums<'_> {
    pub fn write(self, _: &[f32], _: &mut [f32], _: usize, _: usize) {}
}

impl Instructions {
    pub fn detect() -> Option<Instructions> {
        None
    }

    pub fn all() -> Vec<Instructions> {
        vec![]
    }

    pub fn lanes(self) -> usize {
        match self {}
    }

    pub fn pixels(self) -> usize {
        match self {}
    }

    pub fn half_the_pixels(self) -> usize {
        match self {}
    }

    pub fn most_blocks(self) -> usize {
        match self {}
    }

    pub fn knows_stride(_: usize) -> bool {
        false
    }

    pub fn knows_stride_of_blocks(_: usize) -> bool {
        false
    }

    pub fn run(self, _: usize, _: usize, _: Operands, _: &mut [f32]) {
        match self {}
    }

    pub fn run_blocks(self, _: usize, _: (usize, usize), _: Operands, _: &mut [f32]) {
        match self {}
    }

    pub fn pixels_by_sign(self) -> usize {
        match self {}
    }

    pub fn run_by_sign(self, _: Operands, _: BySign, _: &mut [f32]) {
        match self {}
    }

    pub fn transpose(self, _: &[f32], _: usize, _: &mut [f32], _: [Option<usize>; BLOCK]) {
        match self {}
    }
}
