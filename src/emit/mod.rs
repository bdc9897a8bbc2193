//! A compiled program as an ONNX graph of its own: picture and class in, logits and relevance out.
//!
//! ```text
//! Program ─ forward ─▶ values ─ target ─▶ initial relevance ─ steps, in reverse ─▶ relevance ─ outputs ─▶ GraphFile
//! ```
//!
//! It reads what the program says of steps, terms and operators, and knows neither the names of rules nor kernels. One
//! file for every family of operators says how its value, its transpose and its gradient are written in ONNX; all
//! matches are exhaustive, so that a new operator or step does not compile before that is decided.

mod emitter;
mod file;
mod graph;
mod half;
mod initializer;
mod inputs;
mod linear;
mod operator;
mod outputs;
mod spec;
mod step;
mod target;
mod value;

pub use emitter::emit;
pub use file::{EXTERNAL_FROM, GraphFile, Written};
pub use graph::Dialect;
pub use spec::{Finish, GraphInput, InputContent, Output, Picture, Rival, Spec, TARGET, Target};
