//! Composites: which layer gets which rule. Third step of the data's way: **assign**.
//!
//! A composite is a YAML file; its entries are tried in order and the first that
//! matches a layer gives it its rule. Nothing falls through: a layer that needs a
//! rule and matches no entry is an error, an entry that matches no layer a warning.

mod assign;
mod kinds;
mod presets;
mod schema;

pub use assign::{Assignment, InputKnowledge, LayerRule};
pub use kinds::Kinds;
pub use presets::{PRESETS, Preset, auto_preset};
pub use schema::{Composite, DepthRange, Entry, When};
