//! How heatmaps are drawn, as options.

use anyhow::Result;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use onnxplain::{Colormap, CropMark, Method, Normalization, Rendering};

/// How heatmaps are drawn.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Rendering")]
pub struct RenderingOptions {
    /// Colours: coldnhot, seismic, bwr, rdbu for relevance of both signs; hot, gray, viridis, magma, inferno, cividis,
    /// turbo for its strength; or your own such as 00f,80:fff,f00, with positions from 00 to ff [default: coldnhot;
    /// viridis where only the strength is shown]
    #[arg(long, value_name = "NAME|COLOURS")]
    colormap: Option<Colormap>,
    /// How relevance is scaled: symmetric about 0, absolute values, or unaligned, from the lowest to the highest
    /// [default: symmetric; absolute where the sign has no meaning, as with gradients; unaligned for rise]
    #[arg(long, value_name = "NAME", value_parser = normalization_parser())]
    normalize: Option<Normalization>,
    /// Opacity of the strongest colour in the overlay, 0 to 1 [default: 0.8; 0.6 where only the strength is shown]
    #[arg(long, value_name = "A")]
    alpha: Option<f32>,
    /// Multiplies relevance before it is clipped: above 1 shows weak relevance
    #[arg(long, value_name = "L", default_value_t = 1.0)]
    level: f32,
    /// How the part of the photo that the network sees is marked: by a frame, by dimming the rest, or not at all
    #[arg(long, value_name = "MARK", default_value = "frame", value_parser = crop_mark_parser())]
    crop_mark: CropMark,
    /// Longest side of overlays, in pixels [default: the photo's, at most 1600; at least 256 where it is below 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20000))]
    overlay_size: Option<u32>,
}

impl RenderingOptions {
    /// How the relevance of a method is drawn.
    ///
    /// # Errors
    /// When a number is out of range.
    pub fn rendering(&self, method: &Method) -> Result<Rendering> {
        let normalization = self.normalize.unwrap_or_else(|| method.normalization());
        let suited = Rendering::suited_to(normalization);
        let rendering = Rendering {
            colormap: self.colormap.unwrap_or(suited.colormap),
            normalization,
            alpha: self.alpha.unwrap_or(suited.alpha),
            level: self.level,
            crop_mark: self.crop_mark,
            overlay_size: self.overlay_size,
        };
        rendering.check()?;
        Ok(rendering)
    }
}

fn crop_mark_parser() -> impl TypedValueParser<Value = CropMark> {
    PossibleValuesParser::new(CropMark::ALL.map(CropMark::name))
        .try_map(|name| name.parse::<CropMark>())
}

fn normalization_parser() -> impl TypedValueParser<Value = Normalization> {
    PossibleValuesParser::new(Normalization::ALL.map(Normalization::name))
        .try_map(|name| name.parse::<Normalization>())
}
