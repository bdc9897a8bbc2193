//! Composites: which layer gets which rule. The third step: load -> canonize -> **assign** -> ...
//!
//! A composite is a YAML file. Its entries are tried in order, and the first one that matches a layer gives it its rule. A
//! layer that needs a rule and matches no entry is an error; an entry that matches no layer is a warning.
//!
//! A [`Space`] is a composite with `$names` for values that are to be chosen: many composites in one file.

mod assign;
mod kinds;
mod presets;
mod problems;
mod schema;
mod space;
mod spaces;

pub use assign::{Assignment, InputKnowledge, LayerRule};
pub use kinds::Kinds;
pub use presets::{PRESETS, Preset, auto_preset};
pub use schema::{Composite, DepthRange, Entry, When};
pub use space::{Candidate, Parameter, Parameters, Space};
pub use spaces::{NamedSpace, SPACES};
