//! Does a network use a region? Pictures are changed there, and its answers compared with those to the same change
//! elsewhere.
//!
//! ```text
//! picture as the network sees it ─▶ Scene, 0..255 ─ Edit inside a Mask ─▶ changed Scene ─▶ logits ─▶ Answer
//!                                        └─ the same edit inside shifted masks ─▶ control      │
//!                              answers of many pictures ─ statistics ─▶ Outcome ◀──────────────┘
//! ```

mod edit;
mod jpeg;
mod mask;
mod outcome;
mod region;
mod scene;

pub use edit::{Around, Edit};
pub use mask::Mask;
pub use outcome::{Answer, Outcome, adjusted, outcome};
pub use region::{Corner, Region};
pub use scene::{Lens, Scene};
