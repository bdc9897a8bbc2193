//! From relevance to pictures and files: the last two steps of the data's way,
//! load -> canonize -> assign -> compile -> propagate -> **render -> write**.
//!
//! The module knows plain numbers and pictures only, nothing of networks:
//!
//! ```text
//! relevance [C, H, W] ─ reduce ─▶ Heatmap [H, W] ─ normalize ─▶ 0..=1 ─ colormap ─▶ heatmap picture ─┐
//!                                       │                                                            ├─ write
//!                       resample to the original picture ─ normalize ─ colormap ─ blend ─▶ overlay ──┘
//! ```

mod colormap;
mod normalize;
mod npy;
mod overlay;
mod positions;
mod reduce;
mod render;
mod resample;
mod write;

pub use colormap::{ColorTable, Colormap};
pub use normalize::{Normalization, Scale};
pub use npy::{read_npy, write_npy};
pub use overlay::overlay;
pub use positions::Positions;
pub use reduce::{Heatmap, Layout};
pub use render::{Rendering, heatmap_picture};
pub use resample::Placement;
pub use write::{Overwrite, write_bytes, write_png};
