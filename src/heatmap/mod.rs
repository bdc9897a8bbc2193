//! From relevance to pictures: the last step but one,
//! load -> canonize -> assign -> compile -> propagate -> **render** -> write.
//!
//! The module knows plain numbers and pictures only, nothing of networks. What is no picture is drawn by `plot`:
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
mod plot;
mod positions;
mod reduce;
mod render;
mod resample;

pub use colormap::{ColorTable, Colormap};
pub use crop::{CropMark, draw_frame};
pub use normalize::{Normalization, Scale};
pub use overlay::Layer;
pub use own_colors::OwnColors;
pub use plot::{Numbers, Signal, Volume, draw_bars, draw_signal, draw_strip, draw_volume};
pub use positions::Positions;
pub use reduce::{Heatmap, Layout};
pub use render::{Rendering, heatmap_picture, scaled_picture};
pub use resample::Placement;
