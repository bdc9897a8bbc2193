//! How long it took until the first input could be explained.

use std::time::Duration;

/// How long it took until the first input could be explained.
#[derive(Clone, Copy, Debug, Default)]
pub struct StartUp {
    /// From the model file to layers.
    pub load: Duration,
    /// Rewriting the network.
    pub canonize: Duration,
    /// From rules to kernels.
    pub compile: Duration,
}
