//! The picture of a result: the relevance over the photo.

use std::sync::Arc;

use anyhow::Result;
use image::RgbImage;

use onnxplain::heatmap::Scale;
use onnxplain::{Explanation, Rendering};

use crate::cli::figure_parts::Drawn;

/// The longest side of overlays where none is asked for: as many pixels as a panel of a figure shows.
const OVERLAY_SIDE: u32 = 640;

/// A result that is drawn.
pub struct Picture {
    pub picture: Arc<RgbImage>,
    /// It, with a frame around what the network saw.
    pub drawn: Drawn,
    pub scale: Scale,
    /// The photo below it, with its frame.
    pub photo: Option<Drawn>,
}

/// Draws the relevance over the photo; of arrays alone, or as a plot.
///
/// # Errors
/// When it cannot be drawn.
pub fn draw(explanation: &Explanation, rendering: Rendering) -> Result<Picture> {
    let overlay_size = rendering.overlay_size.or(Some(OVERLAY_SIDE));
    let heatmap = explanation.heatmap()?.rendered(Rendering { overlay_size, ..rendering });
    if heatmap.has_photo() {
        let overlay = heatmap.laid_over()?;
        let picture = Arc::new(overlay.unmarked());
        let drawn = Drawn::new(&picture, overlay.frame()).pixelated(overlay.is_enlarged());
        let photo = Some(Drawn::new(overlay.photo(), overlay.frame()));
        return Ok(Picture { picture, drawn, scale: overlay.scale(), photo });
    }
    let picture = if heatmap.is_plot() { heatmap.overlay()? } else { heatmap.picture()? };
    let picture = Arc::new(picture);
    Ok(Picture { drawn: Drawn::new(&picture, None), picture, scale: heatmap.scale(), photo: None })
}
