//! Processors for which there is no microkernel: tract's kernels serve instead.

/// A set of vector instructions, of which there is none here.
#[derive(Clone, Copy)]
pub(super) enum Instructions {}

/// The most numbers that one call of a microkernel writes.
pub(super) const MOST_OUTPUTS: usize = 0;

/// What a microkernel reads.
pub(super) struct Operands<'a> {
    pub weights: &'a [f32],
    pub input: &'a [f32],
    pub offsets: &'a [u32],
}

/// The sums of neighbouring pixels.
pub(super) struct Sums<'a> {
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

    pub fn lanes(self) -> usize {
        match self {}
    }

    pub fn pixels(self) -> usize {
        match self {}
    }

    pub fn knows_stride(_: usize) -> bool {
        false
    }

    pub fn run(self, _: usize, _: usize, _: Operands, _: &mut [f32]) {
        match self {}
    }
}
