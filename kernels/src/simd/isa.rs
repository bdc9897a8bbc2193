//! Which instruction sets this processor has, and which one the kernels use.

use std::fmt;
use std::sync::OnceLock;

#[cfg(target_arch = "aarch64")]
use super::Neon;
#[cfg(target_arch = "x86_64")]
use super::{Avx2, Avx512};
use super::{Portable, SimdLoop};

/// The environment variable that forces an instruction set, for tests and measurements.
pub const VARIABLE: &str = "ONNXPLAIN_ISA";

/// An instruction set that this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// AVX-512F.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// NEON, which every 64-bit ARM processor has.
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
    /// What every processor has.
    Portable(Portable),
}

/// Evaluates `$body` with the vectors of an instruction set and the size of its register tiles: with `$simd` a
/// [`Simd`](super::Simd) and the constants `$pixels` and `$blocks`, which a tile of sums takes of them.
///
/// Sums of `$pixels` pixels by `$blocks` blocks of sixteen filters fill the registers up to what a microkernel needs
/// for weights and pixels: 28 of 32 registers of sixteen floats, 12 of 16 of eight, 24 of 32 of four.
macro_rules! with_tile {
    ($isa:expr, $simd:ident, $pixels:ident, $blocks:ident, $body:expr) => {
        match $isa {
            #[cfg(target_arch = "x86_64")]
            $crate::simd::Isa::Avx512($simd) => {
                #[allow(dead_code)]
                const $pixels: usize = 14;
                #[allow(dead_code)]
                const $blocks: usize = 2;
                $body
            }
            #[cfg(target_arch = "x86_64")]
            $crate::simd::Isa::Avx2($simd) => {
                #[allow(dead_code)]
                const $pixels: usize = 6;
                #[allow(dead_code)]
                const $blocks: usize = 1;
                $body
            }
            #[cfg(target_arch = "aarch64")]
            $crate::simd::Isa::Neon($simd) => {
                #[allow(dead_code)]
                const $pixels: usize = 6;
                #[allow(dead_code)]
                const $blocks: usize = 1;
                $body
            }
            $crate::simd::Isa::Portable($simd) => {
                #[allow(dead_code)]
                const $pixels: usize = 2;
                #[allow(dead_code)]
                const $blocks: usize = 1;
                $body
            }
        }
    };
}
pub(crate) use with_tile;

impl Isa {
    /// The instruction set that the kernels use: the one that [`VARIABLE`] names, if this processor has it, otherwise
    /// the best.
    #[inline]
    pub fn detect() -> Isa {
        static CHOSEN: OnceLock<Isa> = OnceLock::new();
        *CHOSEN.get_or_init(|| Isa::from_environment().unwrap_or_else(|_| Isa::best()))
    }

    /// The instruction set that [`VARIABLE`] names, or the best where it is not set.
    ///
    /// # Errors
    /// When it names none that this processor has.
    pub fn from_environment() -> Result<Isa, IsaError> {
        match std::env::var_os(VARIABLE) {
            None => Ok(Isa::best()),
            Some(name) => Isa::named(&name.to_string_lossy()),
        }
    }

    /// The instruction set of this name.
    ///
    /// # Errors
    /// When this processor has none of this name.
    pub fn named(name: &str) -> Result<Isa, IsaError> {
        let named = Isa::all().into_iter().find(|isa| isa.name() == name);
        named.ok_or_else(|| IsaError { name: name.to_owned() })
    }

    /// Its name: `avx512`, `avx2`, `neon` or `portable`.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Isa::Neon(_) => "neon",
            Isa::Portable(_) => "portable",
        }
    }

    /// Every instruction set of this processor, the best one first.
    pub fn all() -> Vec<Isa> {
        let mut all = vec![];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(Avx512::detect().map(Isa::Avx512));
            all.extend(Avx2::detect().map(Isa::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        all.push(Isa::Neon(Neon::detect()));
        all.push(Isa::Portable(Portable));
        all
    }

    fn best() -> Isa {
        Isa::all().first().copied().unwrap_or(Isa::Portable(Portable))
    }

    /// Neighbouring pixels whose sums are in registers together.
    pub fn pixels(self) -> usize {
        with_tile!(self, _simd, PIXELS, BLOCKS, PIXELS)
    }

    /// Blocks of sixteen filters whose sums are in registers together.
    pub fn blocks(self) -> usize {
        with_tile!(self, _simd, PIXELS, BLOCKS, BLOCKS)
    }

    /// Runs a loop with these instructions.
    #[inline]
    pub fn run<L: SimdLoop>(self, work: L) -> L::Output {
        with_tile!(self, simd, PIXELS, BLOCKS, super::Simd::run(simd, work))
    }
}

/// The name of an instruction set that this processor does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsaError {
    name: String,
}

impl fmt::Display for IsaError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let known: Vec<&str> = Isa::all().into_iter().map(Isa::name).collect();
        write!(
            formatter,
            "{VARIABLE}={}: the instruction sets of this processor are {}",
            self.name,
            known.join(", ")
        )
    }
}

impl std::error::Error for IsaError {}
