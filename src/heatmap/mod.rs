//! From relevance to pictures: the last step but one,
//! load -> canonize -> assign -> compile -> propagate -> **render** -> write.
//!
//! The module only works on numbers and pictures, and does not depend on networks:
//!
//! ```text
//! relevance [C, H, W] ─ reduce ─▶ Heatmap [H, W] ─ normalize ─▶ 0..=1 ─ colormap ─▶ heatmap picture
//!                                       │
//!                       resample to the original picture ─ normalize ─ colormap ─ blend ─▶ overlay
//! ```

mod colormap;
mod crop;
mod normalize;
mod overlay;
mod own_colors;
mod positions;
mod reduce;
mod render;
mod resample;

pub use colormap::{ColorTable, Colormap};
pub use crop::{CropMark, draw_frame};
pub use normalize::{Normalization, Scale};
pub use overlay::Layer;
pub use own_colors::OwnColors;
pub use positions::Positions;
pub use reduce::{Heatmap, Layout};
pub use render::{Rendering, heatmap_picture, scaled_picture};
pub use resample::Placement;
