//! When weights are packed: once, to be kept for inputs to come, or by everyone who reads them, for the moment.

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use crate::scratch::{self, Lent, Lines};
use crate::threads::for_each_heavy_chunk;

/// When weights are packed for the kernel that reads them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    /// Once, to be kept: for inputs to come.
    #[default]
    Kept,
    /// In every pass, a few filters at a time while they are read: a single pass needs no memory for them.
    PerPass,
}

/// The packed weights of a kernel, a part of them for each of its passes.
pub(super) struct Passes {
    source: Source,
    /// Numbers of a pass; the last one may have fewer.
    pass_len: usize,
}

/// Writes the numbers of a pass.
type Write = Box<dyn Fn(usize, &mut [f32]) + Send + Sync>;

enum Source {
    /// The numbers of all passes.
    Kept(Lines),
    /// How many there are, and what writes those of a pass.
    PerPass(usize, Write),
}

thread_local! {
    /// Room for the weights of a pass.
    static ROOM: Cell<Lines> = Cell::default();
}

impl Passes {
    /// `len` numbers in passes of `pass_len`. `write(pass, numbers)` packs those of a pass, which costs each of them
    /// `steps` times as much as a plain loop.
    pub fn new(
        packing: Packing,
        [len, pass_len]: [usize; 2],
        steps: usize,
        write: impl Fn(usize, &mut [f32]) + Send + Sync + 'static,
    ) -> Passes {
        let source = match packing {
            Packing::PerPass => Source::PerPass(len, Box::new(write)),
            Packing::Kept => {
                let mut lines = Lines::unwritten(len);
                for_each_heavy_chunk(lines.as_mut_slice(), pass_len, steps, write);
                Source::Kept(lines)
            }
        };
        Passes { source, pass_len }
    }

    /// The weights of a pass, if there is such a pass and they are kept.
    pub fn kept_pass(&self, pass: usize) -> Option<&[f32]> {
        match &self.source {
            Source::Kept(lines) => lines.as_slice().get(self.range(pass, lines.as_slice().len())),
            Source::PerPass(..) => None,
        }
    }

    /// Where the numbers of a pass lie among `all` numbers.
    fn range(&self, pass: usize, all: usize) -> Range<usize> {
        let start = pass * self.pass_len;
        start..all.min(start + self.pass_len)
    }

    /// The weights of a pass.
    pub fn pass(&self, pass: usize) -> Lent<'_> {
        match &self.source {
            Source::Kept(lines) => {
                let lines = lines.as_slice();
                Lent::Kept(&lines[self.range(pass, lines.len())])
            }
            Source::PerPass(all, write) => {
                let mut packed = scratch::take(&ROOM, self.range(pass, *all).len());
                write(pass, &mut packed);
                Lent::Made(packed)
            }
        }
    }
}

/// A kernel that is kept, or made for every run.
pub enum KernelSource<K: ?Sized, E> {
    /// Kept.
    Kept(Arc<K>),
    /// Made for every run.
    PerRun(Arc<dyn Fn() -> Result<Arc<K>, E> + Send + Sync>),
}

impl<K: ?Sized, E> KernelSource<K, E> {
    /// The kernel that `make` makes.
    ///
    /// # Errors
    /// Those of `make`, where the kernel is kept.
    pub fn new(
        packing: Packing,
        make: impl Fn() -> Result<Arc<K>, E> + Send + Sync + 'static,
    ) -> Result<KernelSource<K, E>, E> {
        Ok(match packing {
            Packing::Kept => KernelSource::Kept(make()?),
            Packing::PerPass => KernelSource::PerRun(Arc::new(make)),
        })
    }

    /// The kernel for a run.
    ///
    /// # Errors
    /// When it has to be made and the weight cannot be read any more.
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
