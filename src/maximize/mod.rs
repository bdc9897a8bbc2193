//! Activation Maximization (Erhan et al. 2009): pictures that an output of the network, the difference of two, or a
//! channel of any layer responds to most, made by gradient ascent on the input. Plain, or with NoiseGrad (Bykov et al.
//! 2022), where every step follows the mean gradient of noisy networks.
//!
//! ```text
//! parameters ─ parametrization ─▶ picture ─ transformation ─▶ view ─ canvas ─▶ input ─ networks ─▶ objective
//!     ▲          frequencies or            moved, scaled,          normalised                        │
//!     │          pixels, colour            turned                                                    │
//!     └─ Adam ◀──────────────── the transpose of each, and penalties on the picture ◀── gradient ◀──┘
//! ```
//!
//! The gradient is the interpreter's, by the method `gradient`: there is no second backward engine. Networks are compiled
//! once for all steps and pictures.
//!
//! ```
//! use onnxplain::maximize::{Goals, Maximizer, Settings, Task};
//! use onnxplain::{Session, Unwatched};
//!
//! # fn main() -> Result<(), onnxplain::Error> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-models/fashion_vgg.onnx");
//! # let folder = tempfile::tempdir().unwrap();
//! # let file = folder.path().join("bag.png");
//! let session = Session::open(path)?;
//! let goals = Goals::Classes { targets: vec!["Bag".parse()?], against: None };
//! let settings = Settings { steps: 256, ..Settings::default() };
//! let maximizer = Maximizer::new(&session, &goals, settings, (1, None))?;
//! let maximized = maximizer.maximize(Task { objective: 0, seed: 0 }, None, &Unwatched)?;
//! maximized.picture.save(&file).unwrap();
//! assert!(maximizer.measure(0, &file)?.probability > Some(0.99));
//! # Ok(())
//! # }
//! ```

mod canvas;
mod colour;
mod fourier;
mod maximizer;
mod measure;
mod networks;
mod objective;
mod parametrization;
mod penalty;
mod run;
mod settings;
#[cfg(test)]
mod tests;
mod transformation;

pub use maximizer::{Maximizer, Start};
pub use measure::{Fresh, Measured};
pub use objective::{ClassName, Goals, Objective};
pub use run::{Maximized, Task};
pub use settings::{Basis, Settings};
