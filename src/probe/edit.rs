//! How pictures are changed inside a region.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail, ensure};
use image::RgbaImage;

use super::jpeg::stored;
use super::mask::Mask;
use super::region::Corner;
use super::scene::{Scene, luma};
use crate::metric::removal::blurred_plane;
use crate::random::{Stream, word_of};
use crate::suggest::nearest;

/// A change of a picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Every value drawn evenly from 0 to 255.
    Noise,
    /// One colour.
    Fill([u8; 3]),
    /// The picture's mean colour.
    Mean,
    /// Blurred by a normal distribution, in pixels; by default the shorter side over 22.4.
    Blur(Option<f64>),
    /// The pixels of the region in another order.
    Shuffle,
    /// The region of another picture of the folder.
    Swap,
    /// The region of a picture of a list, drawn for each picture.
    Transplant(PathBuf),
    /// A picture, scaled to the box around the region; with a corner as it is, in that corner.
    Paste(PathBuf, Option<Corner>),
    /// Without colour.
    Gray,
    /// Mirrored inside the box around the region, left for right.
    Flip,
    /// As JPEG of a quality from 1 to 100 leaves it.
    Jpeg(u8),
    /// Without fine structure: a normal distribution on the spectrum, in cycles over the shorter side.
    Lowpass(f64),
}

/// What edits need besides the picture.
#[derive(Clone, Copy, Default)]
pub struct Around<'a> {
    /// Another picture of the folder.
    pub other: Option<&'a Scene>,
    /// The pictures of a list.
    pub donors: &'a [Scene],
    /// What is pasted.
    pub pasted: Option<&'a RgbaImage>,
    /// Of the random choices of this picture.
    pub seed: u64,
}

const WORDS: [&str; 12] = [
    "noise",
    "fill",
    "mean",
    "blur",
    "shuffle",
    "swap",
    "transplant",
    "paste",
    "gray",
    "flip",
    "jpeg",
    "lowpass",
];

impl FromStr for Edit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Edit> {
        let (word, rest) = text.split_once(':').unwrap_or((text, ""));
        let sigma = || {
            let sigma = rest.parse::<f64>().ok().filter(|sigma| sigma.is_finite() && *sigma > 0.0);
            sigma.with_context(|| format!("`{text}` is no edit: write {word}:3, a number above 0"))
        };
        let plain = |edit: Edit| {
            ensure!(rest.is_empty(), "`{text}` is no edit: {word} has no number");
            Ok(edit)
        };
        match word {
            "noise" => plain(Edit::Noise),
            "mean" => plain(Edit::Mean),
            "shuffle" => plain(Edit::Shuffle),
            "swap" => plain(Edit::Swap),
            "gray" => plain(Edit::Gray),
            "flip" => plain(Edit::Flip),
            "fill" => Ok(Edit::Fill(
                color(rest).with_context(|| format!("`{text}` is no edit: write fill:#87ceeb"))?,
            )),
            "blur" if rest.is_empty() => Ok(Edit::Blur(None)),
            "blur" => Ok(Edit::Blur(Some(sigma()?))),
            "lowpass" => Ok(Edit::Lowpass(sigma()?)),
            "jpeg" => {
                let quality = rest.parse().ok().filter(|quality| (1..=100).contains(quality));
                Ok(Edit::Jpeg(quality.with_context(|| {
                    format!("`{text}` is no edit: write jpeg:30, from 1 to 100")
                })?))
            }
            "transplant" if !rest.is_empty() => Ok(Edit::Transplant(rest.into())),
            "paste" if !rest.is_empty() => match rest.rsplit_once('@') {
                Some((file, corner)) => Ok(Edit::Paste(file.into(), Some(corner.parse()?))),
                None => Ok(Edit::Paste(rest.into(), None)),
            },
            _ => {
                let hint = nearest(word, WORDS.into_iter());
                let hint = hint.map_or(String::new(), |it| format!("; did you mean {it}?"));
                bail!(
                    "`{text}` is no edit: there are noise, fill:#rrggbb, mean, blur[:SIGMA], shuffle, swap, \
                     transplant:LIST, paste:FILE.png[@CORNER], gray, flip, jpeg:QUALITY and lowpass:SIGMA{hint}"
                )
            }
        }
    }
}

/// `#rrggbb`.
fn color(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    let [_, red, green, blue] = number.to_be_bytes();
    Some([red, green, blue])
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edit::Noise => write!(f, "noise"),
            Edit::Fill([red, green, blue]) => write!(f, "fill:#{red:02x}{green:02x}{blue:02x}"),
            Edit::Mean => write!(f, "mean"),
            Edit::Blur(None) => write!(f, "blur"),
            Edit::Blur(Some(sigma)) => write!(f, "blur:{sigma}"),
            Edit::Shuffle => write!(f, "shuffle"),
            Edit::Swap => write!(f, "swap"),
            Edit::Transplant(list) => write!(f, "transplant:{}", list.display()),
            Edit::Paste(file, _) => write!(f, "paste:{}", file.display()),
            Edit::Gray => write!(f, "gray"),
            Edit::Flip => write!(f, "flip"),
            Edit::Jpeg(quality) => write!(f, "jpeg:{quality}"),
            Edit::Lowpass(sigma) => write!(f, "lowpass:{sigma}"),
        }
    }
}

impl Edit {
    /// The picture, changed inside the mask.
    ///
    /// # Errors
    /// When what the edit needs is not there.
    pub fn apply(&self, scene: &Scene, mask: &Mask, around: Around) -> Result<Scene> {
        let mut changed = scene.clone();
        let stream = Stream::new(around.seed, &[word_of(&self.to_string())]);
        match self {
            Edit::Noise => put(&mut changed, mask, |plane, pixel| {
                (stream.bits((plane * mask.pixels.len() + pixel) as u64) >> 56) as u8
            }),
            Edit::Fill(color) => {
                let gray = luma(*color);
                let is_gray = scene.count() == 1;
                put(&mut changed, mask, |plane, _| if is_gray { gray } else { color[plane] });
            }
            Edit::Mean => {
                let means: Vec<u8> =
                    (0..scene.count()).map(|plane| mean(scene.plane(plane))).collect();
                put(&mut changed, mask, |plane, _| means[plane]);
            }
            Edit::Blur(sigma) => put_scene(
                &mut changed,
                mask,
                &blurred(scene, sigma.unwrap_or((shorter(scene) / 22.4).max(1.0))),
            ),
            Edit::Lowpass(sigma) => {
                // A normal distribution on the spectrum is one in the picture.
                let in_pixels = shorter(scene) / (std::f64::consts::TAU * sigma);
                put_scene(&mut changed, mask, &blurred(scene, in_pixels));
            }
            Edit::Jpeg(quality) => put_scene(&mut changed, mask, &stored(scene, *quality)?),
            Edit::Shuffle => shuffle(&mut changed, mask, stream),
            Edit::Gray => {
                let gray = Scene::of_picture(&scene.picture(), 1);
                put(&mut changed, mask, |_, pixel| gray.planes[pixel]);
            }
            Edit::Flip => flip(&mut changed, mask),
            Edit::Swap => {
                let other = around.other.context("swap needs another picture of the folder")?;
                put_scene(&mut changed, mask, other);
            }
            Edit::Transplant(list) => {
                ensure!(!around.donors.is_empty(), "the list {} is empty", list.display());
                put_scene(&mut changed, mask, &around.donors[stream.below(0, around.donors.len())]);
            }
            Edit::Paste(file, corner) => {
                let pasted =
                    around.pasted.with_context(|| format!("{} was not read", file.display()))?;
                paste(&mut changed, mask, pasted, *corner);
            }
        }
        Ok(changed)
    }
}

/// Puts values at the pixels of the mask, by plane and pixel.
fn put(scene: &mut Scene, mask: &Mask, value: impl Fn(usize, usize) -> u8) {
    let pixels = mask.pixels.len();
    for (index, byte) in scene.planes.iter_mut().enumerate() {
        let (plane, pixel) = (index / pixels, index % pixels);
        if mask.pixels[pixel] {
            *byte = value(plane, pixel);
        }
    }
}

fn put_scene(scene: &mut Scene, mask: &Mask, other: &Scene) {
    put(scene, mask, |plane, pixel| other.plane(plane)[pixel]);
}

fn mean(plane: &[u8]) -> u8 {
    let sum: u64 = plane.iter().map(|byte| u64::from(*byte)).sum();
    (sum as f64 / plane.len().max(1) as f64).round() as u8
}

fn shorter(scene: &Scene) -> f64 {
    scene.height.min(scene.width) as f64
}

fn blurred(scene: &Scene, sigma: f64) -> Scene {
    let plane = |plane: usize| {
        let values: Vec<f32> = scene.plane(plane).iter().map(|byte| f32::from(*byte)).collect();
        let blurred = blurred_plane(&values, scene.height, scene.width, sigma);
        blurred.into_iter().map(|value| value.round().clamp(0.0, 255.0) as u8)
    };
    Scene { planes: (0..scene.count()).flat_map(plane).collect(), ..*scene }
}

/// Puts the pixels of the mask into another order (Fisher and Yates), their colours kept.
fn shuffle(scene: &mut Scene, mask: &Mask, stream: Stream) {
    let inside: Vec<usize> = (0..mask.pixels.len()).filter(|&pixel| mask.pixels[pixel]).collect();
    let mut order = inside.clone();
    for place in (1..order.len()).rev() {
        order.swap(place, stream.below(place as u64, place + 1));
    }
    let before = scene.clone();
    let (pixels, count) = (mask.pixels.len(), scene.count());
    for (to, from) in inside.into_iter().zip(order) {
        for plane in 0..count {
            scene.planes[plane * pixels + to] = before.plane(plane)[from];
        }
    }
}

/// Mirrors the box around the mask; only pixels of the mask change.
fn flip(scene: &mut Scene, mask: &Mask) {
    let Some([left, _, right, _]) = mask.around() else { return };
    let before = scene.clone();
    put(scene, mask, |plane, pixel| {
        let (x, y) = (pixel % mask.width, pixel / mask.width);
        before.plane(plane)[y * mask.width + left + right - 1 - x]
    });
}

/// Lays a picture over the scene, by its opacity.
fn paste(scene: &mut Scene, mask: &Mask, pasted: &RgbaImage, corner: Option<Corner>) {
    let own = [pasted.height() as usize, pasted.width() as usize];
    let (place, size) = match (corner, mask.around()) {
        (Some(corner), _) => (corner.place(own, [scene.height, scene.width]), own),
        (None, Some([left, top, right, bottom])) => ([left, top], [bottom - top, right - left]),
        (None, None) => return,
    };
    let before = scene.clone();
    let is_gray = scene.count() == 1;
    let pixel_at = |pixel: usize| {
        let (x, y) = (pixel % mask.width, pixel / mask.width);
        let (x, y) = (x.checked_sub(place[0])?, y.checked_sub(place[1])?);
        let is_inside = x < size[1] && y < size[0] && (corner.is_some() || mask.pixels[pixel]);
        let (x, y) = (x * own[1] / size[1].max(1), y * own[0] / size[0].max(1));
        is_inside.then(|| pasted.get_pixel(x as u32, y as u32).0)
    };
    let everywhere = Mask::of(scene.height, scene.width, |_, _| true);
    put(scene, &everywhere, |plane, pixel| {
        let below = before.plane(plane)[pixel];
        let Some([red, green, blue, opacity]) = pixel_at(pixel) else { return below };
        let color = [red, green, blue];
        let above = if is_gray { luma(color) } else { color[plane] };
        let (above, below, opacity) = (u32::from(above), u32::from(below), u32::from(opacity));
        ((above * opacity + below * (255 - opacity) + 127) / 255) as u8
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(planes: usize) -> Scene {
        let (height, width) = (6, 8);
        let planes = (0..planes * height * width).map(|index| (index * 37 % 256) as u8).collect();
        Scene { height, width, planes }
    }

    fn mask() -> Mask {
        Mask::of(6, 8, |x, y| x < 3 && y >= 4)
    }

    fn edited(text: &str, planes: usize) -> Scene {
        let other = Scene { planes: vec![9; planes * 48], ..scene(planes) };
        let pasted = RgbaImage::from_pixel(2, 2, image::Rgba([255, 0, 0, 255]));
        let donors = [other.clone()];
        let around =
            Around { other: Some(&other), donors: &donors, pasted: Some(&pasted), seed: 5 };
        text.parse::<Edit>().unwrap().apply(&scene(planes), &mask(), around).unwrap()
    }

    #[test]
    fn every_edit_changes_the_region_and_nothing_else() {
        let all = [
            "noise",
            "fill:#87ceeb",
            "mean",
            "blur",
            "blur:1.5",
            "shuffle",
            "swap",
            "transplant:x",
            "paste:x",
            "flip",
            "jpeg:5",
            "lowpass:1",
            "gray",
        ];
        for planes in [1, 3] {
            let before = scene(planes);
            for text in all.iter().filter(|text| planes == 3 || **text != "gray") {
                let after = edited(text, planes);
                let changed: Vec<usize> =
                    (0..48 * planes).filter(|&at| before.planes[at] != after.planes[at]).collect();
                assert!(!changed.is_empty(), "{text} changes nothing");
                assert!(changed.iter().all(|at| mask().pixels[at % 48]), "{text} changes more");
                assert_eq!(edited(text, planes), after, "{text} is not repeated");
            }
        }
        assert_eq!(edited("gray", 1), scene(1));
    }

    #[test]
    fn colours_and_orders_are_as_written() {
        let filled = edited("fill:#0a0b0c", 3);
        assert_eq!([0, 1, 2].map(|plane: usize| filled.plane(plane)[32]), [10, 11, 12]);
        let sorted = |scene: &Scene| {
            let mut bytes: Vec<u8> =
                (0..48).filter(|&at| mask().pixels[at]).map(|at| scene.plane(0)[at]).collect();
            bytes.sort_unstable();
            bytes
        };
        assert_eq!(sorted(&edited("shuffle", 3)), sorted(&scene(3)));
        let flipped = edited("flip", 1);
        assert_eq!(
            flipped.plane(0)[32..35],
            [scene(1).planes[34], scene(1).planes[33], scene(1).planes[32]]
        );
        let pasted = edited("paste:x@upper-right", 3);
        assert_eq!(
            (pasted.plane(0)[7], pasted.plane(1)[6], pasted.plane(0)[5]),
            (255, 0, scene(3).planes[5])
        );
    }

    #[test]
    fn edits_are_read_and_written() {
        for text in [
            "noise",
            "fill:#87ceeb",
            "mean",
            "blur:2.5",
            "jpeg:30",
            "lowpass:4",
            "transplant:a.txt",
        ] {
            assert_eq!(text.parse::<Edit>().unwrap().to_string(), text);
        }
        let error = |text: &str| text.parse::<Edit>().unwrap_err().to_string();
        assert!(error("nois").contains("did you mean noise?"));
        assert!(error("fill:87ceeb").contains("fill:#87ceeb"));
        assert!(error("jpeg:0").contains("from 1 to 100"));
        assert!(error("blur:-1").contains("above 0"));
        assert!(error("blur:nan").contains("above 0"));
        assert!(error("mean:3").contains("no number"));
        assert!(error("paste:a.png@middle").contains("no corner"));
    }
}
