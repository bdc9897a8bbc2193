//! Whether a JPEG file is whole, and of a kind that is read.
//!
//! The decoder fills in what is missing or damaged and says nothing, so that a picture becomes another one. Here the
//! file is walked before it is decoded: its segments, and the codes of the compressed data, but not the pixels.
//!
//! Source: ITU-T T.81, annexes B (segments) and F, G (codes).

mod bits;
mod blocks;
mod frame;
mod scan;

use std::collections::HashMap;

use anyhow::{Result, bail, ensure};

use self::bits::Codes;
use self::frame::Frame;
use self::scan::Scan;

/// The tables and the frame that the segments so far have given.
#[derive(Default)]
struct State {
    /// Huffman tables by class (0: DC, 1: AC) and number.
    codes: HashMap<(u8, u8), Codes>,
    frame: Option<Frame>,
    has_frame: bool,
    /// The number of units between two restart markers; 0 without.
    restart_interval: usize,
}

/// Walks a JPEG file. Returns what is damaged in it: the first such thing.
///
/// # Errors
/// When the file is truncated, or of a kind that is not read: lossless, arithmetic, 12 bits.
pub(super) fn check(bytes: &[u8]) -> Result<Option<String>> {
    let mut state = State::default();
    let mut damage = None;
    // The first two bytes are the start marker, which has no length.
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let Some((marker, behind)) = next_marker(rest) {
        if marker == END_OF_IMAGE {
            ensure!(state.has_frame, "the JPEG data is damaged: it holds no picture");
            return Ok(damage);
        }
        let Some(segment) = Segment::of(marker, behind) else {
            break;
        };
        rest = segment.behind;
        match marker {
            DEFINE_CODES => {
                let found = state.define_codes(segment.data);
                damage = damage.or(found);
            }
            RESTART_INTERVAL => {
                let [high, low] = [0, 1].map(|at| segment.data.get(at).copied().unwrap_or(0));
                state.restart_interval = usize::from(u16::from_be_bytes([high, low]));
            }
            0xC0..=0xCF => {
                refuse_unsupported(marker, segment.data)?;
                // A second frame belongs to a thumbnail or to a second picture.
                if !state.has_frame {
                    (state.frame, state.has_frame) = (Frame::parse(segment.data), true);
                }
            }
            START_OF_SCAN => {
                let found = state.check_scan(segment.data, rest);
                damage = damage.or(found);
            }
            _ => {}
        }
    }
    bail!("the JPEG data is truncated: its end marker is missing")
}

const DEFINE_CODES: u8 = 0xC4;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const RESTART_INTERVAL: u8 = 0xDD;

/// The next marker that is no restart marker, and what is behind it.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xD0..=0xD7 | 0xFF);
    let at = bytes.windows(2).position(is_marker)?;
    Some((bytes[at + 1], &bytes[at + 2..]))
}

/// What belongs to a marker.
struct Segment<'a> {
    data: &'a [u8],
    behind: &'a [u8],
}

impl<'a> Segment<'a> {
    fn of(marker: u8, behind: &'a [u8]) -> Option<Segment<'a>> {
        // TEM and SOI stand alone.
        if matches!(marker, 0x01 | 0xD8) {
            return Some(Segment { data: &[], behind });
        }
        let (&[high, low], _) = behind.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes([high, low])).max(2);
        let (segment, behind) = behind.split_at_checked(length)?;
        Some(Segment { data: &segment[2..], behind })
    }
}

fn refuse_unsupported(marker: u8, data: &[u8]) -> Result<()> {
    let kind = match marker {
        0xC0..=0xC2 => match data.first() {
            Some(8) | None => return Ok(()),
            Some(bits) => format!("with {bits} bits a sample"),
        },
        0xC3 => "without loss (lossless)".to_string(),
        0xC9 | 0xCA => "with arithmetic coding".to_string(),
        0xCB => "without loss (lossless), with arithmetic coding".to_string(),
        0xC5..=0xC7 | 0xCD..=0xCF => "in layers (hierarchical)".to_string(),
        // DAC is about arithmetic coding; C8 is reserved.
        _ => return Ok(()),
    };
    bail!(
        "JPEG pictures {kind} are not supported: convert it first, for example with `magick IN -depth 8 out.png`"
    )
}

impl State {
    /// Takes over tables of codes. Says what is damaged in them.
    fn define_codes(&mut self, mut data: &[u8]) -> Option<String> {
        while let Some((&target, behind)) = data.split_first() {
            let Some((codes, behind)) = Codes::parse(behind) else {
                return Some(
                    "the JPEG data is damaged: a table of its codes makes no sense".into(),
                );
            };
            self.codes.insert((target >> 4, target & 15), codes);
            data = behind;
        }
        None
    }

    /// What is damaged in the compressed data behind the header of a scan.
    fn check_scan(&mut self, header: &[u8], data: &[u8]) -> Option<String> {
        let frame = self.frame.as_mut()?;
        let Some(scan) = Scan::parse(header, frame, &self.codes) else {
            return Some("the JPEG data is damaged: the header of a scan makes no sense".into());
        };
        scan.damage(frame, data, self.restart_interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageEncoder;
    use image::codecs::jpeg::JpegEncoder;

    fn encoded(side: u32) -> Vec<u8> {
        let mut bytes = vec![];
        let pixels: Vec<u8> =
            (0..side * side * 3).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let color = image::ExtendedColorType::Rgb8;
        JpegEncoder::new_with_quality(&mut bytes, 80)
            .write_image(&pixels, side, side, color)
            .unwrap();
        bytes
    }

    /// Where the compressed data of the only scan begins.
    fn data_at(bytes: &[u8]) -> usize {
        let scan = bytes.windows(2).position(|pair| pair == [0xFF, START_OF_SCAN]).unwrap();
        scan + 2 + usize::from(u16::from_be_bytes([bytes[scan + 2], bytes[scan + 3]]))
    }

    #[test]
    fn whole_files_have_no_damage() {
        for side in [1, 7, 8, 33, 100] {
            assert_eq!(check(&encoded(side)).unwrap(), None, "{side}");
        }
        let mut appended = encoded(20);
        appended.extend(b"appended by a camera");
        assert_eq!(check(&appended).unwrap(), None);
    }

    #[test]
    fn progressive_files_and_restart_markers_are_walked() {
        // Made by make_pictures.py, with libjpeg.
        let pictures = [
            &include_bytes!("../../../tests/pictures/progressive.jpg")[..],
            include_bytes!("../../../tests/pictures/restart.jpg"),
        ];
        for bytes in pictures {
            assert_eq!(check(bytes).unwrap(), None);
            let marker = bytes.windows(2).position(|pair| pair == [0xFF, 0xD1]).unwrap();
            let lost = [&bytes[..marker], &bytes[marker + 2..]].concat();
            assert!(check(&lost).unwrap().is_some());
            let mut other = bytes.to_vec();
            other[marker + 1] = 0xD5;
            let damage = check(&other).unwrap().unwrap();
            assert!(damage.contains("a restart marker is missing"), "{damage}");
        }
    }

    #[test]
    fn the_end_marker_of_a_thumbnail_does_not_count() {
        let jpeg = encoded(20);
        let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE1, 0, 8, 0xFF, 0xD8, 0xFF, 0xD9, 0, 0];
        bytes.extend(&jpeg[2..]);
        assert!(check(&bytes).is_ok());
        assert!(check(&bytes[..bytes.len() - 2]).unwrap_err().to_string().contains("truncated"));
        assert!(check(&[]).is_err());
    }

    #[test]
    fn lost_and_added_data_is_noticed() {
        let bytes = encoded(64);
        let begin = data_at(&bytes);
        let cut = [&bytes[..begin + 300], &bytes[begin + 900..]].concat();
        assert!(check(&cut).unwrap().is_some());
        let end = bytes.len() - 2;
        let longer = [&bytes[..end], &[0x55; 40], &bytes[end..]].concat();
        let damage = check(&longer).unwrap().unwrap();
        assert!(damage.contains("40 bytes more"), "{damage}");
        let zeroed = [&bytes[..begin + 300], &[0; 200], &bytes[begin + 500..]].concat();
        assert!(check(&zeroed).unwrap().is_some());
    }

    #[test]
    fn kinds_that_are_not_read_are_no_damage() {
        let jpeg = encoded(20);
        let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        let message = |at: usize, byte: u8| {
            let mut bytes = jpeg.clone();
            bytes[at] = byte;
            check(&bytes).unwrap_err().to_string()
        };
        assert!(message(frame + 1, 0xC3).contains("lossless"));
        assert!(message(frame + 1, 0xC9).contains("arithmetic"));
        assert!(message(frame + 4, 12).contains("with 12 bits a sample are not supported"));
    }
}
