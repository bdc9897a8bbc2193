//! Regions as they are written: `border:8%`, `corner:lower-left:20%`, `box:x,y,w,h`, `mask:FILE.png`, `all`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail, ensure};
use serde_json::Value;

use super::mask::Mask;
use crate::picture::decode;
use crate::suggest::nearest;

/// A part of the picture as the network sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Region {
    /// Everything.
    All,
    /// A frame, as wide as this share of the shorter side, 0 to 0.5.
    Border(f64),
    /// A square in a corner, with sides of this share of the shorter side, 0 to 1.
    Corner(Corner, f64),
    /// `[x, y, width, height]` in pixels of the network's input.
    Box([usize; 4]),
    /// What is bright in a picture, scaled to the size of the network's input.
    Mask(PathBuf),
    /// The region of a suspect that `spray` found: its number, from 1, and the file of lines.
    Suspect(usize, PathBuf),
}

/// A corner of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corner {
    UpperLeft,
    UpperRight,
    LowerLeft,
    LowerRight,
}

const CORNERS: [(&str, Corner); 4] = [
    ("upper-left", Corner::UpperLeft),
    ("upper-right", Corner::UpperRight),
    ("lower-left", Corner::LowerLeft),
    ("lower-right", Corner::LowerRight),
];

const WORDS: [&str; 6] = ["all", "border", "corner", "box", "mask", "suspect"];

impl FromStr for Corner {
    type Err = Error;

    fn from_str(text: &str) -> Result<Corner> {
        let found = CORNERS.into_iter().find(|(word, _)| *word == text);
        let words = CORNERS.map(|(word, _)| word).join(", ");
        Ok(found.with_context(|| format!("`{text}` is no corner: there are {words}"))?.1)
    }
}

impl Corner {
    /// The left and upper pixel of a rectangle in this corner.
    pub fn place(self, size: [usize; 2], of: [usize; 2]) -> [usize; 2] {
        let (right, bottom) = (of[1].saturating_sub(size[1]), of[0].saturating_sub(size[0]));
        match self {
            Corner::UpperLeft => [0, 0],
            Corner::UpperRight => [right, 0],
            Corner::LowerLeft => [0, bottom],
            Corner::LowerRight => [right, bottom],
        }
    }
}

impl FromStr for Region {
    type Err = Error;

    fn from_str(text: &str) -> Result<Region> {
        let (word, rest) = text.split_once(':').unwrap_or((text, ""));
        match word {
            "all" if rest.is_empty() => Ok(Region::All),
            "border" => {
                let share = share(rest).filter(|share| *share <= 0.5);
                Ok(Region::Border(share.with_context(|| {
                    format!("`{text}` is no region: write border:8%, above 0 % and at most 50 %")
                })?))
            }
            "corner" => {
                let (corner, size) = rest.split_once(':').unwrap_or((rest, ""));
                let share = share(size).with_context(|| {
                    format!("`{text}` is no region: write corner:lower-left:20%")
                })?;
                Ok(Region::Corner(corner.parse()?, share))
            }
            "box" => {
                let numbers: Option<Vec<usize>> =
                    rest.split(',').map(|number| number.trim().parse().ok()).collect();
                let numbers: Option<[usize; 4]> = numbers.and_then(|it| it.try_into().ok());
                let wrong = || {
                    format!(
                        "`{text}` is no region: write box:x,y,w,h in pixels of the network's input"
                    )
                };
                let sides = numbers.filter(|[_, _, width, height]| width * height > 0);
                Ok(Region::Box(sides.with_context(wrong)?))
            }
            "mask" if !rest.is_empty() => Ok(Region::Mask(rest.into())),
            "suspect" => {
                let (number, file) = rest.split_once('@').unwrap_or((rest, "spray.jsonl"));
                let number = number.parse().ok().filter(|number| *number > 0);
                let wrong =
                    || format!("`{text}` is no region: write suspect:N@spray.jsonl, N from 1");
                Ok(Region::Suspect(number.with_context(wrong)?, file.into()))
            }
            _ => {
                let hint = nearest(word, WORDS.into_iter())
                    .map_or(String::new(), |it| format!("; did you mean {it}?"));
                bail!(
                    "`{text}` is no region: there are all, border:8%, corner:lower-left:20%, box:x,y,w,h, \
                     mask:FILE.png and suspect:N@spray.jsonl{hint}"
                )
            }
        }
    }
}

/// A share: `8%` or `0.08`, above 0 and at most 1.
fn share(text: &str) -> Option<f64> {
    let number: f64 = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok()? / 100.0,
        None => text.trim().parse().ok()?,
    };
    (number > 0.0 && number <= 1.0).then_some(number)
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Region::All => write!(f, "all"),
            Region::Border(share) => write!(f, "border:{}%", 100.0 * share),
            Region::Corner(corner, share) => {
                let name = CORNERS.iter().find(|(_, it)| it == corner).map_or("", |it| it.0);
                write!(f, "corner:{name}:{}%", 100.0 * share)
            }
            Region::Box([x, y, width, height]) => write!(f, "box:{x},{y},{width},{height}"),
            Region::Mask(path) => write!(f, "mask:{}", path.display()),
            Region::Suspect(number, path) => write!(f, "suspect:{number}@{}", path.display()),
        }
    }
}

impl Region {
    /// The pixels of the region in a picture of `[height, width]`.
    ///
    /// # Errors
    /// When a file cannot be read, or the region has no pixel in such a picture.
    pub fn mask(&self, [height, width]: [usize; 2]) -> Result<Mask> {
        let shorter = height.min(width) as f64;
        let side = |share: f64| ((share * shorter).round() as usize).max(1);
        let mask = match self {
            Region::All => Mask::of(height, width, |_, _| true),
            Region::Border(share) => {
                let reach = side(*share);
                Mask::of(height, width, |x, y| {
                    x.min(y) < reach || x + reach >= width || y + reach >= height
                })
            }
            Region::Corner(corner, share) => {
                let side = side(*share);
                let [left, top] = corner.place([side, side], [height, width]);
                rectangle(height, width, [left, top, side, side])
            }
            Region::Box(sides) => {
                let [x, y, w, h] = *sides;
                ensure!(
                    x + w <= width && y + h <= height,
                    "{self} reaches beyond the network's input of {width} x {height} pixels"
                );
                rectangle(height, width, *sides)
            }
            Region::Mask(path) => of_picture(path, height, width)?,
            Region::Suspect(number, path) => {
                of_picture(&mask_of_suspect(*number, path)?, height, width)?
            }
        };
        ensure!(mask.count() > 0, "{self} has no pixel");
        Ok(mask)
    }
}

fn rectangle(height: usize, width: usize, [left, top, w, h]: [usize; 4]) -> Mask {
    Mask::of(height, width, |x, y| x >= left && x < left + w && y >= top && y < top + h)
}

/// What is bright in a picture.
fn of_picture(path: &Path, height: usize, width: usize) -> Result<Mask> {
    let picture = decode(path)?.into_luma8();
    let (from_width, from_height) = (picture.width() as usize, picture.height() as usize);
    Ok(Mask::of(height, width, |x, y| {
        let (x, y) = (x * from_width / width, y * from_height / height);
        picture.get_pixel(x as u32, y as u32).0[0] >= 128
    }))
}

/// The file of a suspect's mask, as the lines of `spray` name it.
fn mask_of_suspect(number: usize, path: &Path) -> Result<PathBuf> {
    let text = fs::read_to_string(path).with_context(|| {
        format!("cannot read {}: `onnxplain spray DIR` writes it", path.display())
    })?;
    let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let line = lines
        .find(|line| line["suspect"] == number)
        .with_context(|| format!("{} has no suspect {number}", path.display()))?;
    let mask = line["mask"].as_str().with_context(|| {
        format!("suspect {number} has no mask: `onnxplain spray DIR --most {number}` writes it")
    })?;
    Ok(path.parent().unwrap_or(Path::new("")).join(mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str, size: [usize; 2]) -> usize {
        text.parse::<Region>().unwrap().mask(size).unwrap().count()
    }

    #[test]
    fn regions_are_read_and_have_their_pixels() {
        assert_eq!(count("all", [4, 6]), 24);
        assert_eq!(count("border:10%", [20, 30]), 600 - 16 * 26);
        assert_eq!(count("corner:lower-left:0.2", [20, 30]), 16);
        assert_eq!(count("box:1,2,3,4", [20, 30]), 12);
        let corner: Region = "corner:upper-right:10%".parse().unwrap();
        assert_eq!(corner.mask([20, 30]).unwrap().around(), Some([28, 0, 30, 2]));
        for text in ["all", "border:8%", "corner:lower-left:20%", "box:1,2,3,4", "mask:a.png"] {
            assert_eq!(text.parse::<Region>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn wrong_regions_say_what_to_write() {
        let error = |text: &str| text.parse::<Region>().unwrap_err().to_string();
        assert!(error("bordr:8%").contains("did you mean border?"));
        assert!(error("border").contains("border:8%"));
        assert!(error("border:80%").contains("at most 50 %"));
        assert!(error("corner:left:20%").contains("lower-left"));
        assert!(error("box:1,2,3").contains("box:x,y,w,h"));
        assert!(error("box:1,2,0,4").contains("box:x,y,w,h"));
        assert!(error("suspect:0").contains("N from 1"));
        let beyond = "box:1,2,30,4".parse::<Region>().unwrap().mask([20, 30]).unwrap_err();
        assert!(beyond.to_string().contains("30 x 20 pixels"), "{beyond}");
    }
}
