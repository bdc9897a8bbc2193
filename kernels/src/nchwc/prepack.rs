//! When weights are packed: once for all inputs, or on the fly in every pass that reads them.

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use crate::output::Output;
use crate::scratch::{self, AlignedBuf, MaybeOwned};

/// When weights are packed for the kernel that reads them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prepack {
    /// Once, and kept for all inputs.
    #[default]
    Once,
    /// In every pass, a few filters at a time while they are read: a single pass needs no memory for them.
    OnTheFly,
}

/// The packed weights of a kernel, one part for each of its passes.
pub(super) struct PackedWeights {
    source: Source,
    /// Floats of a pass; the last one may have fewer.
    pass_len: usize,
}

/// Packs the weights of a pass.
type Pack = Box<dyn Fn(usize, &mut [f32]) + Send + Sync>;

enum Source {
    /// The packed weights of all passes.
    Kept(AlignedBuf),
    /// The number of packed floats, and what packs those of a pass.
    OnTheFly(usize, Pack),
}

thread_local! {
    /// Scratch memory for the weights of a pass.
    static PACKED: Cell<AlignedBuf> = Cell::default();
}

impl PackedWeights {
    /// `len` floats in passes of `pass_len`. `pack(pass, packed)` writes every float of a pass, which costs each of them
    /// `steps` times as much as a plain loop.
    pub fn new(
        prepack: Prepack,
        [len, pass_len]: [usize; 2],
        steps: usize,
        pack: impl Fn(usize, &mut [f32]) + Send + Sync + 'static,
    ) -> PackedWeights {
        let source = match prepack {
            Prepack::OnTheFly => Source::OnTheFly(len, Box::new(pack)),
            Prepack::Once => {
                let pack = |packed: Output<'_>| {
                    packed.for_each_chunk(pass_len, steps, |pass, packed| {
                        pack(pass, packed.fill(0.0));
                    });
                };
                Source::Kept(AlignedBuf::written(len, pack).0)
            }
        };
        PackedWeights { source, pass_len }
    }

    /// The weights of a pass, if there is such a pass and they are kept.
    pub fn kept_pass(&self, pass: usize) -> Option<&[f32]> {
        match &self.source {
            Source::Kept(packed) => packed.get(self.range(pass, packed.len())),
            Source::OnTheFly(..) => None,
        }
    }

    /// Where the floats of a pass are among `all`.
    fn range(&self, pass: usize, all: usize) -> Range<usize> {
        let start = pass * self.pass_len;
        start..all.min(start + self.pass_len)
    }

    /// The weights of a pass.
    pub fn pass(&self, pass: usize) -> MaybeOwned<'_> {
        match &self.source {
            Source::Kept(packed) => MaybeOwned::Borrowed(&packed[self.range(pass, packed.len())]),
            Source::OnTheFly(all, pack) => {
                let mut packed = scratch::take(&PACKED, self.range(pass, *all).len());
                pack(pass, &mut packed);
                MaybeOwned::Owned(packed)
            }
        }
    }
}

/// A kernel that is kept, or made for every run.
pub enum KernelSource<K: ?Sized, E> {
    /// The kernel.
    Kept(Arc<K>),
    /// What makes the kernel.
    PerRun(Arc<dyn Fn() -> Result<Arc<K>, E> + Send + Sync>),
}

impl<K: ?Sized, E> KernelSource<K, E> {
    /// The kernel that `make` makes: now if its weights are packed once, otherwise in every run.
    ///
    /// # Errors
    /// Those of `make`, if the kernel is kept.
    pub fn new(
        prepack: Prepack,
        make: impl Fn() -> Result<Arc<K>, E> + Send + Sync + 'static,
    ) -> Result<KernelSource<K, E>, E> {
        Ok(match prepack {
            Prepack::Once => KernelSource::Kept(make()?),
            Prepack::OnTheFly => KernelSource::PerRun(Arc::new(make)),
        })
    }

    /// The kernel for a run.
    ///
    /// # Errors
    /// When it has to be made and the weights cannot be read any more.
    pub fn get(&self) -> Result<Arc<K>, E> {
        match self {
            KernelSource::Kept(kernel) => Ok(kernel.clone()),
            KernelSource::PerRun(make) => make(),
        }
    }
}

impl<K: ?Sized, E> Clone for KernelSource<K, E> {
    fn clone(&self) -> KernelSource<K, E> {
        match self {
            KernelSource::Kept(kernel) => KernelSource::Kept(kernel.clone()),
            KernelSource::PerRun(make) => KernelSource::PerRun(make.clone()),
        }
    }
}
