//! Why does this image classifier say what it says? For any classifier stored as an ONNX file: relevance of every pixel
//! by layer-wise relevance propagation (LRP, Bach et al. 2015) and fourteen other methods, without Python and without a
//! framework.
//!
//! # In five lines
//!
//! ```
//! # fn main() -> Result<(), onnxplain::Error> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-models");
//! # let (model, picture) = (format!("{folder}/fashion_vgg.onnx"), format!("{folder}/photos/fashion/bag.png"));
//! # let out = tempfile::tempdir().unwrap();
//! # let (heatmap, overlay) = (out.path().join("heatmap.png"), out.path().join("overlay.png"));
//! let session = onnxplain::Session::open(&model)?;
//! let explanation = session.explain(&picture)?;
//! println!("{:?}: {:?}", explanation.class().label, explanation.conservation());
//! explanation.heatmap()?.save(heatmap)?;
//! explanation.heatmap()?.save_overlay(overlay)?;
//! # Ok(())
//! # }
//! ```
//!
//! # The way of the data
//!
//! ```text
//! SessionOptions ─ open ─▶ Session ─ explainer ─▶ Explainer ─ explain ─▶ Explanation ─ heatmap ─▶ Heatmap
//! model, card, labels      loaded once            compiled for one      prediction, relevance,    pictures
//!                                                 method, composite     what it adds up to
//! ```
//!
//! - A [`Session`] is an opened model with all that is known about it. How a picture becomes the network's input and what
//!   the classes are called is read from the card beside the model (`model.yaml`, or Hugging Face's and timm's JSON files),
//!   said by [`SessionOptions`], or guessed; [`Session::notices`] tells what was guessed.
//! - An [`Explainer`] is the model compiled for one [`Method`] and one [`Composite`] (which layer gets which rule of
//!   LRP), as [`ExplainerOptions`] say. One session compiles as many as are wanted.
//! - An [`Explanation`] has the relevance as an [`Array`] in the shape of the network's input, the [`Prediction`], where
//!   the relevance went ([`Sums`]), and draws a [`Heatmap`].
//!
//! What is explained is a path, a decoded picture or an array: a [`Source`].
//!
//! ```
//! use onnxplain::{Array, Composite, Method, Session, Target, Targets, Unwatched};
//!
//! # fn main() -> Result<(), onnxplain::Error> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-models/fashion_vgg.onnx");
//! let session = Session::open(path)?;
//! let picture = Array::new(&[1, 28, 28], &[0.5; 784])?;
//!
//! // Rules of your choice, and the two strongest classes against the third.
//! let lrp = session.explainer(Composite::named("epsilon-plus-flat")?)?;
//! let targets = Targets::new([Target::TopK(2)]).against("Sandal".parse()?);
//! for explanation in lrp.explain_targets(&picture, &targets, &Unwatched)? {
//!     assert_eq!(explanation.relevance().shape(), [1, 28, 28]);
//! }
//!
//! // Another method on the same model.
//! let gradient = session.explainer(Method::named("gradient")?)?;
//! assert!(gradient.explain_target(&picture, Target::Class(3))?.relevance().sum().is_finite());
//!
//! // Forward passes of many inputs.
//! let predictions = session.predict_batch(&[picture.clone(), picture])?;
//! assert_eq!(predictions[0].logits(), predictions[1].logits());
//! # Ok(())
//! # }
//! ```
//!
//! # Threads
//!
//! Sessions and explainers are `Sync`: share them between any number of threads. With [`ExplainerOptions::threads`] at 1
//! every thread explains an input of its own, best for many inputs; above 1 explanations use all these threads and take
//! turns, best for one input. Results are the same, bit by bit. A [`Watch`] counts the samples of slow methods and ends
//! them.
//!
//! # Methods and composites
//!
//! [`Method::named`] lists the methods, [`methods`] has their parameters; `docs/methods.md` compares them. [`Composite::auto`] takes
//! the preset that suits the architecture; [`Composite::presets`] names all, `docs/library.md` and the README say what
//! they are for.
//!
//! # Errors
//!
//! [`Error`] has a variant for each part of the work, and messages that say what to do next.
//!
//! # What stays
//!
//! The documented items follow semantic versioning: before 1.0 a new minor version may change them, a patch may not.
//! `image` 0.25 is part of them. Modules that are hidden from this documentation are the engine room: the command line and
//! the project's own tests use them, and any version may change them.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[doc(hidden)]
pub mod canonize;
pub mod comparison;
#[doc(hidden)]
pub mod composite;
#[doc(hidden)]
pub mod emit;
mod error;
pub mod evaluation;
#[doc(hidden)]
pub mod explain;
#[doc(hidden)]
pub mod figure;
pub mod finetune;
#[doc(hidden)]
pub mod heatmap;
#[doc(hidden)]
pub mod io;
#[doc(hidden)]
pub mod linear;
pub mod maximize;
#[doc(hidden)]
pub mod method;
#[doc(hidden)]
pub mod metric;
#[doc(hidden)]
pub mod network;
#[doc(hidden)]
pub mod onnx;
#[doc(hidden)]
pub mod operator;
#[doc(hidden)]
pub mod optimizer;
#[doc(hidden)]
pub mod page;
#[doc(hidden)]
pub mod parallel;
#[doc(hidden)]
pub mod picture;
mod plane;
#[doc(hidden)]
pub mod probe;
mod random;
#[doc(hidden)]
pub mod rule;
pub mod sanity;
pub mod search;
#[doc(hidden)]
pub mod session;
#[doc(hidden)]
pub mod spray;
#[doc(hidden)]
pub mod statistics;
#[doc(hidden)]
pub mod suggest;
pub mod summary;
#[doc(hidden)]
pub mod tensor;
mod truth;
mod yaml;

pub use error::{Cause, Error, Result};
pub use explain::Initial;
pub use heatmap::{Colormap, CropMark, Normalization, Rendering};
pub use image;
pub use method::{Sums, Unwatched, Watch};
pub use network::Quantity;
pub use onnx::Reduction;
pub use session::{Array, Class, Composite, Explainer, ExplainerOptions, Explanation, Heatmap};
pub use session::{ExplainerGraph, GraphDifference, GraphOptions, WrittenGraph};
pub use session::{Input, Method, Notice, Prediction, Session, SessionOptions, Severity, Source};
pub use session::{Sign, StartUp, Target, Targets, Timing, Topic};

/// Parameters of the attribution methods, with the defaults of their papers; and what some of them measure about
/// themselves.
pub mod methods {
    pub use crate::method::{Adaptation, Completeness, Fill, Objective, Quadrature, Scale};
    pub use crate::method::{FusionGrad, GradCam, IntegratedGradients, NoiseGrad, Occlusion, Rise};
    pub use crate::method::{SmoothGrad, SmoothTaylor};
}
