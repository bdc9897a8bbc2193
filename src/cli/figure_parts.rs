//! The parts of figures: pictures of results, colour bars with the meaning of their ends, names and numbers.

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;

use onnxplain::figure::{ColorBar, FrameBox, Panel, Tick};
use onnxplain::heatmap::Scale;
use onnxplain::{Normalization, Rendering, Sign};

/// Larger panels are made smaller: a figure is looked at as a whole.
const LONGEST_SIDE: u32 = 1000;

/// Photos up to this size show their pixels.
const PIXELATED_SIDE: u32 = 128;

/// Colours of a colour bar.
const COLORS: usize = 65;

/// A picture of a result, or the photo.
#[derive(Clone, Debug)]
pub struct Drawn {
    picture: Arc<RgbImage>,
    frame: Option<FrameBox>,
    is_pixelated: bool,
    is_plot: bool,
}

impl Drawn {
    /// A picture, and the part of it to be framed (left, top, width, height, as shares).
    pub fn new(picture: &Arc<RgbImage>, frame: Option<[f32; 4]>) -> Drawn {
        let (width, height) = picture.dimensions();
        let longest = width.max(height);
        let picture = match longest > LONGEST_SIDE {
            true => {
                let scaled = |side: u32| (side * LONGEST_SIDE / longest).max(1);
                image::imageops::thumbnail(&**picture, scaled(width), scaled(height)).into()
            }
            false => Arc::clone(picture),
        };
        let frame = frame.map(|[left, top, width, height]| FrameBox { left, top, width, height });
        Drawn { picture, frame, is_pixelated: longest <= PIXELATED_SIDE, is_plot: false }
    }

    /// A plot, whose words are to be read.
    pub fn plot(picture: RgbImage) -> Drawn {
        Drawn { picture: picture.into(), frame: None, is_pixelated: false, is_plot: true }
    }

    /// Whether it needs the whole width of the page.
    pub fn is_plot(&self) -> bool {
        self.is_plot
    }

    /// The same, showing its pixels or not.
    pub fn pixelated(self, is_pixelated: bool) -> Drawn {
        Drawn { is_pixelated: self.is_pixelated || is_pixelated, ..self }
    }

    /// Whether a part of it is framed.
    pub fn is_framed(&self) -> bool {
        self.frame.is_some()
    }

    /// It as a panel of a figure.
    pub fn panel(&self, description: String) -> Panel {
        let Drawn { picture, frame, is_pixelated, is_plot } = self.clone();
        Panel { picture, is_pixelated, is_wide: is_plot, frame, description }
    }
}

/// The scale of a result, and what its ends mean.
#[derive(Clone, Copy, Debug)]
pub struct Meaning<'a> {
    pub scale: Scale,
    pub rendering: Rendering,
    /// The class that is explained, and its rival, by their names.
    pub class: &'a str,
    pub against: Option<&'a str>,
    /// What relevance above 0 speaks for.
    pub positive: Sign,
}

impl Meaning<'_> {
    /// The colour bar.
    pub fn bar(&self) -> ColorBar {
        let [low, high] = self.scale.ends();
        let [low_word, high_word] = self.words();
        let tick = |position: f32, prefix: &str| {
            let value = low + f64::from(position) * (high - low);
            Tick { position, text: format!("{prefix}{}", number(value)) }
        };
        let is_signed = self.rendering.normalization == Normalization::Symmetric;
        let lowest = if is_signed { "≤ " } else { "" };
        let ticks = match high > low {
            true => vec![tick(0.0, lowest), tick(0.5, ""), tick(1.0, "≥ ")],
            false => vec![tick(0.5, "")],
        };
        ColorBar { colors: self.rendering.colors(COLORS), ticks, low: low_word, high: high_word }
    }

    /// What the ends of the colour bar mean.
    fn words(&self) -> [String; 2] {
        let class = self.class;
        let mut words = match (self.rendering.normalization, self.against) {
            (Normalization::Symmetric, Some(other)) => {
                [format!("speaks for {other}"), format!("speaks for {class}")]
            }
            (Normalization::Symmetric, None) => {
                [format!("speaks against {class}"), format!("speaks for {class}")]
            }
            (Normalization::Absolute, _) => {
                return ["no influence", "strong influence"].map(String::from);
            }
            (Normalization::Unaligned, _) => {
                return ["least important", "most important"].map(String::from);
            }
        };
        match self.positive {
            Sign::For => {}
            Sign::Against => words.reverse(),
            Sign::Mixed => words = ["signs cannot be read", ""].map(String::from),
        }
        words
    }
}

/// The name of a file without its folders.
pub fn file_name(path: &str) -> String {
    Path::new(path).file_name().map_or(path.into(), |name| name.to_string_lossy().into_owned())
}

/// A probability.
pub fn percent(probability: f32) -> String {
    format!("{:.1} %", probability * 100.0)
}

/// Two decimals.
pub fn fixed(value: f32) -> String {
    format!("{value:.2}").replace('-', "−")
}

/// Two digits that count.
fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_string();
    }
    let text = if (1e-3..1e4).contains(&size) {
        let decimals = (1.0 - size.log10().floor()).max(0.0) as usize;
        format!("{value:.decimals$}")
    } else {
        let scientific = format!("{value:.1e}");
        let (digits, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        format!("{digits}·10{}", superscript(power))
    };
    text.replace('-', "−")
}

fn superscript(power: &str) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = |it: char| match it.to_digit(10) {
        Some(digit) => DIGITS[digit as usize],
        None => '⁻',
    };
    power.chars().map(raised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_two_digits_that_count() {
        let texts = [0.0, 0.01234, -0.5, 12.3, 1234.0, 1.26e-5, -3.0e7].map(number);
        assert_eq!(texts, ["0", "0.012", "−0.50", "12", "1234", "1.3·10⁻⁵", "−3.0·10⁷"]);
    }
}
