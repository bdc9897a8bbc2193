//! Render, step 3: colour maps.

use std::fmt;
use std::str::FromStr;

use anyhow::anyhow;
use colorous::Gradient;
use image::Rgb;

use super::Normalization;
use super::own_colors::OwnColors;
use crate::error::{Error, Result};
use crate::suggest;

/// A colour map. The diverging ones show negative relevance in blue and positive in red.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colormap {
    /// Black middle; cyan and blue below, red, yellow and white above (zennit's default for LRP).
    #[default]
    ColdNHot,
    /// White middle; dark blue below, dark red above (matplotlib).
    Seismic,
    /// White middle; blue below, red above (matplotlib).
    Bwr,
    /// Near-white middle; muted blue below, muted red above (ColorBrewer's RdBu, reversed).
    RdBu,
    /// Black, red, yellow, white (matplotlib).
    Hot,
    /// Black to white.
    Gray,
    /// Violet, green, yellow; perceptually uniform (matplotlib).
    Viridis,
    /// Black, violet, pink, cream; perceptually uniform (matplotlib).
    Magma,
    /// Black, violet, orange, yellow; perceptually uniform (matplotlib).
    Inferno,
    /// Blue to yellow, made for colour-blind readers (Nuñez et al. 2018).
    Cividis,
    /// Rainbow from blue to red, smoother than jet (Google).
    Turbo,
    /// Colours of the user's own.
    Own(OwnColors),
}

/// Positions 0..=1 and the colours there; linear in between.
type Anchors = &'static [(f32, [f32; 3])];

// zennit's `coldnhot`: nodes at 0x00, 0x40, 0x80, and three evenly spaced ones up to 0xff.
const COLD_N_HOT: Anchors = &[
    (0.0, [0.0, 255.0, 255.0]),
    (0.25, [0.0, 0.0, 255.0]),
    (0.5, [0.0, 0.0, 0.0]),
    (2.0 / 3.0, [255.0, 0.0, 0.0]),
    (5.0 / 6.0, [255.0, 255.0, 0.0]),
    (1.0, [255.0, 255.0, 255.0]),
];

const SEISMIC: Anchors = &[
    (0.0, [0.0, 0.0, 76.5]),
    (0.25, [0.0, 0.0, 255.0]),
    (0.5, [255.0, 255.0, 255.0]),
    (0.75, [255.0, 0.0, 0.0]),
    (1.0, [127.5, 0.0, 0.0]),
];

const BWR: Anchors =
    &[(0.0, [0.0, 0.0, 255.0]), (0.5, [255.0, 255.0, 255.0]), (1.0, [255.0, 0.0, 0.0])];

const HOT: Anchors = &[
    (0.0, [10.608, 0.0, 0.0]),
    (0.365_079, [255.0, 0.0, 0.0]),
    (0.746_032, [255.0, 255.0, 0.0]),
    (1.0, [255.0, 255.0, 255.0]),
];

const GRAY: Anchors = &[(0.0, [0.0, 0.0, 0.0]), (1.0, [255.0, 255.0, 255.0])];

enum Source {
    Own(OwnColors),
    Linear(Anchors),
    Gradient(Gradient),
    Reversed(Gradient),
}

impl Colormap {
    /// Every colour map, in the order `--help` lists them.
    pub const ALL: [Self; 11] = [
        Self::ColdNHot,
        Self::Seismic,
        Self::Bwr,
        Self::RdBu,
        Self::Hot,
        Self::Gray,
        Self::Viridis,
        Self::Magma,
        Self::Inferno,
        Self::Cividis,
        Self::Turbo,
    ];

    /// The one that suits how relevance is scaled: of two directions about zero, or of one, in which nothing is white.
    pub fn suited_to(normalization: Normalization) -> Colormap {
        match normalization {
            Normalization::Symmetric => Colormap::ColdNHot,
            Normalization::Absolute | Normalization::Unaligned => Colormap::Viridis,
        }
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own(_) => "own",
            Self::ColdNHot => "coldnhot",
            Self::Seismic => "seismic",
            Self::Bwr => "bwr",
            Self::RdBu => "rdbu",
            Self::Hot => "hot",
            Self::Gray => "gray",
            Self::Viridis => "viridis",
            Self::Magma => "magma",
            Self::Inferno => "inferno",
            Self::Cividis => "cividis",
            Self::Turbo => "turbo",
        }
    }

    /// Whether the map is diverging: its middle is neutral, and its two ends show the sign.
    pub fn is_diverging(self) -> bool {
        match self {
            Self::Own(colors) => colors.has_middle(),
            _ => matches!(self, Self::ColdNHot | Self::Seismic | Self::Bwr | Self::RdBu),
        }
    }

    /// A table of the colours at evenly spaced positions.
    pub fn table(self) -> ColorTable {
        let source = self.source();
        let colors = std::array::from_fn(|index| {
            let position = index as f32 / (ColorTable::LEN - 1) as f32;
            match &source {
                Source::Own(colors) => interpolate(&colors.anchors(), position),
                Source::Linear(anchors) => interpolate(anchors, position),
                Source::Gradient(gradient) => evaluate(gradient, position),
                Source::Reversed(gradient) => evaluate(gradient, 1.0 - position),
            }
        });
        ColorTable { colors }
    }

    fn source(self) -> Source {
        match self {
            Self::Own(colors) => Source::Own(colors),
            Self::ColdNHot => Source::Linear(COLD_N_HOT),
            Self::Seismic => Source::Linear(SEISMIC),
            Self::Bwr => Source::Linear(BWR),
            Self::Hot => Source::Linear(HOT),
            Self::Gray => Source::Linear(GRAY),
            Self::RdBu => Source::Reversed(colorous::RED_BLUE),
            Self::Viridis => Source::Gradient(colorous::VIRIDIS),
            Self::Magma => Source::Gradient(colorous::MAGMA),
            Self::Inferno => Source::Gradient(colorous::INFERNO),
            Self::Cividis => Source::Gradient(colorous::CIVIDIS),
            Self::Turbo => Source::Gradient(colorous::TURBO),
        }
    }
}

impl fmt::Display for Colormap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(colors) => colors.fmt(formatter),
            _ => formatter.write_str(self.name()),
        }
    }
}

impl FromStr for Colormap {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|known| known.name() == name) {
            Some(colormap) => Ok(colormap),
            None if name.contains(',') => {
                name.parse().map(Colormap::Own).map_err(|error| Error::of(Error::Rendering, error))
            }
            None => {
                let names = Self::ALL.map(Self::name);
                let meant = suggest::nearest(name, names.into_iter())
                    .map(|word| format!("; did you mean `{word}`?"));
                let error = anyhow!(
                    "no colour map is called `{name}`; there are {}, or colours such as 00f,80:fff,f00{}",
                    names.join(", "),
                    meant.unwrap_or_default()
                );
                Err(Error::of(Error::Rendering, error))
            }
        }
    }
}

/// The colours of a map at evenly spaced positions from 0 to 1.
#[derive(Clone, Debug)]
pub struct ColorTable {
    colors: [Rgb<u8>; ColorTable::LEN],
}

impl ColorTable {
    // Odd, so that the middle, which stands for zero relevance, has an entry.
    const LEN: usize = 257;

    /// The colour nearest to `position`, which is clipped to 0..=1.
    pub fn color(&self, position: f32) -> Rgb<u8> {
        let last = Self::LEN - 1;
        // Adding ½ rounds. The cast turns negative numbers and NaN into 0.
        let index = (position * last as f32 + 0.5) as usize;
        self.colors[index.min(last)]
    }
}

fn evaluate(gradient: &Gradient, position: f32) -> Rgb<u8> {
    Rgb(gradient.eval_continuous(f64::from(position)).into_array())
}

fn interpolate(anchors: &[(f32, [f32; 3])], position: f32) -> Rgb<u8> {
    let mut color = [0.0; 3];
    for pair in anchors.windows(2) {
        let ((start, from), (end, to)) = (pair[0], pair[1]);
        if position >= start {
            let share = ((position - start) / (end - start)).min(1.0);
            color = std::array::from_fn(|channel| {
                from[channel] + share * (to[channel] - from[channel])
            });
        }
    }
    Rgb(color.map(|value: f32| value.round() as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn color(colormap: Colormap, position: f32) -> [u8; 3] {
        colormap.table().color(position).0
    }

    #[test]
    fn coldnhot_has_the_colours_zennit_gives() {
        // Read from zennit's palette at indices 0, 64, 96, 128, 170, 212 and 255 of 255.
        assert_eq!(color(Colormap::ColdNHot, 0.0), [0, 255, 255]);
        assert_eq!(color(Colormap::ColdNHot, 0.25), [0, 0, 255]);
        assert_eq!(color(Colormap::ColdNHot, 0.375), [0, 0, 128]);
        assert_eq!(color(Colormap::ColdNHot, 0.5), [0, 0, 0]);
        assert_eq!(color(Colormap::ColdNHot, 1.0), [255, 255, 255]);
        let close = |position, expected: [u8; 3]| {
            let color = color(Colormap::ColdNHot, position);
            let difference = color.iter().zip(expected).map(|(a, b)| a.abs_diff(b));
            assert!(difference.max().unwrap() <= 4, "{color:?} at {position}");
        };
        close(170.0 / 255.0, [255, 0, 0]);
        close(212.0 / 255.0, [255, 255, 0]);
        close(224.0 / 255.0, [255, 255, 71]);
    }

    #[test]
    fn linear_maps_have_matplotlibs_colours() {
        assert_eq!(color(Colormap::Seismic, 0.0), [0, 0, 77]);
        assert_eq!(color(Colormap::Seismic, 0.5), [255, 255, 255]);
        assert_eq!(color(Colormap::Seismic, 1.0), [128, 0, 0]);
        assert_eq!(color(Colormap::Bwr, 0.25), [128, 128, 255]);
        assert_eq!(color(Colormap::Bwr, 0.75), [255, 128, 128]);
        assert_eq!(color(Colormap::Hot, 0.0), [11, 0, 0]);
        assert_eq!(color(Colormap::Hot, 0.5), [255, 90, 0]);
        assert_eq!(color(Colormap::Hot, 1.0), [255, 255, 255]);
        assert_eq!(color(Colormap::Gray, 0.25), [64, 64, 64]);
    }

    #[test]
    fn listed_maps_have_their_known_ends() {
        assert_eq!(color(Colormap::Viridis, 0.0), [68, 1, 84]);
        assert_eq!(color(Colormap::Viridis, 1.0), [253, 231, 37]);
        assert_eq!(color(Colormap::Magma, 0.0), [0, 0, 4]);
        assert_eq!(color(Colormap::Inferno, 1.0), [252, 255, 164]);
        let [red, _, blue] = color(Colormap::RdBu, 1.0);
        assert!(red > 90 && blue < 40, "positive relevance is red");
    }

    #[test]
    fn colours_of_ones_own_lie_where_they_are_said_to() {
        let own: Colormap = "00f,40:fff,f00".parse().unwrap();
        assert_eq!(color(own, 0.0), [0, 0, 255]);
        assert_eq!(color(own, 64.0 / 255.0), [254, 254, 255]);
        assert_eq!(color(own, 1.0), [255, 0, 0]);
        assert_eq!(own.to_string(), "00:0000ff,40:ffffff,ff:ff0000");
        assert!(!own.is_diverging());
        assert!("00f,80:fff,f00".parse::<Colormap>().unwrap().is_diverging());
        assert!("00f,xyz".parse::<Colormap>().is_err());
    }

    #[test]
    fn diverging_maps_have_a_gray_middle_blue_below_and_red_above() {
        for colormap in Colormap::ALL.into_iter().filter(|map| map.is_diverging()) {
            let middle = color(colormap, 0.5);
            let spread = middle.iter().max().unwrap() - middle.iter().min().unwrap();
            assert!(spread <= 4, "{colormap}: {middle:?}");
            let [red, _, blue] = color(colormap, 0.3);
            assert!(blue > red, "{colormap}");
            let [red, _, blue] = color(colormap, 0.7);
            assert!(red > blue, "{colormap}");
        }
    }

    #[test]
    fn positions_outside_the_range_get_the_ends() {
        assert_eq!(color(Colormap::Bwr, -1.0), [0, 0, 255]);
        assert_eq!(color(Colormap::Bwr, 7.0), [255, 0, 0]);
        assert_eq!(color(Colormap::Bwr, f32::NAN), [0, 0, 255]);
    }

    #[test]
    fn names_parse_and_a_wrong_one_lists_them() {
        for colormap in Colormap::ALL {
            assert_eq!(colormap.to_string().parse::<Colormap>().unwrap(), colormap);
        }
        let error = "jet".parse::<Colormap>().unwrap_err().to_string();
        assert_eq!(
            error,
            "no colour map is called `jet`; there are coldnhot, seismic, bwr, rdbu, hot, gray, \
             viridis, magma, inferno, cividis, turbo, or colours such as 00f,80:fff,f00"
        );
    }
}
