//! Composites: which layer gets which rule. The third step: load -> canonize -> **assign** -> ...
//!
//! A composite is a YAML file. Its entries are tried in order, and the first one that matches a layer gives it its rule. A
//! layer that needs a rule and matches no entry is an error; an entry that matches no layer is a warning.

mod assign;
mod kinds;
mod presets;
mod schema;

pub use assign::{Assignment, InputKnowledge, LayerRule};
pub use kinds::Kinds;
pub use presets::{PRESETS, Preset, auto_preset};
pub use schema::{Composite, DepthRange, Entry, When};
