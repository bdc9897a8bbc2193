//! Which random numbers an input gets: by the name of the input, not by its place in a list.

use crate::random::{Stream, word_of};

/// The random streams of an input.
#[derive(Clone, Copy, Debug)]
pub struct Seeds {
    seed: u64,
    stem: u64,
}

impl Seeds {
    /// The streams of an input that is called `stem`: its path below the folder of inputs, without extension.
    pub fn new(seed: u64, stem: &str) -> Seeds {
        Seeds { seed, stem: word_of(stem) }
    }

    /// The stream for a purpose; `numbers` tell several of one purpose apart.
    pub(crate) fn stream(self, purpose: &str, numbers: &[u64]) -> Stream {
        let mut words = vec![word_of(purpose), self.stem];
        words.extend(numbers);
        Stream::new(self.seed, &words)
    }
}
