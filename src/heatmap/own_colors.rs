//! Colour maps of the user's own: colours, with positions where they are not evenly spaced.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail, ensure};

/// More colours than this are not needed.
const MOST: usize = 16;

/// The position of the middle, where a map of two directions has its neutral colour.
const MIDDLE: u8 = 0x80;

/// Colours at positions from 0 to 255, which rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnColors {
    count: usize,
    stops: [(u8, [u8; 3]); MOST],
}

impl OwnColors {
    fn stops(&self) -> &[(u8, [u8; 3])] {
        &self.stops[..self.count]
    }

    /// The colours at positions from 0 to 1.
    pub(super) fn anchors(&self) -> Vec<(f32, [f32; 3])> {
        let position = |stop: u8| match stop {
            // Where zero lies: the middle of 255 steps has no whole number.
            MIDDLE => 0.5,
            stop => f32::from(stop) / 255.0,
        };
        self.stops().iter().map(|(stop, color)| (position(*stop), color.map(f32::from))).collect()
    }

    /// Whether there is a colour for the middle.
    pub(super) fn has_middle(&self) -> bool {
        self.stops().iter().any(|(stop, _)| *stop == MIDDLE)
    }
}

impl fmt::Display for OwnColors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stop = |(position, [red, green, blue]): &(u8, [u8; 3])| {
            format!("{position:02x}:{red:02x}{green:02x}{blue:02x}")
        };
        formatter.write_str(&self.stops().iter().map(stop).collect::<Vec<_>>().join(","))
    }
}

/// Reads `00f,80:fff,f00`: colours of three or six hexadecimal digits; before a colour its position from `00` to `ff`
/// and a colon. Those without one are spread evenly between their neighbours.
impl FromStr for OwnColors {
    type Err = Error;

    fn from_str(text: &str) -> Result<OwnColors> {
        let read = |part: &str| match part.trim().split_once(':') {
            Some((position, color)) => Ok((Some(byte(position)?), read_color(color)?)),
            None => Ok((None, read_color(part.trim())?)),
        };
        let mut stops = text.split(',').map(read).collect::<Result<Vec<_>>>()?;
        ensure!((2..=MOST).contains(&stops.len()), "a colour map has 2 to {MOST} colours");
        let last = stops.len() - 1;
        stops[0].0.get_or_insert(0);
        stops[last].0.get_or_insert(255);
        let known: Vec<usize> = (0..=last).filter(|index| stops[*index].0.is_some()).collect();
        for pair in known.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let [low, high] = [from, to].map(|index| stops[index].0.unwrap_or(0));
            ensure!(low < high, "the positions {low:02x} and {high:02x} do not rise");
            for (step, stop) in stops[from + 1..to].iter_mut().enumerate() {
                let share = (step + 1) as f32 / (to - from) as f32;
                let position = f32::from(low) + share * f32::from(high - low);
                stop.0 = Some(position.round() as u8);
            }
        }
        let mut colors = OwnColors { count: stops.len(), stops: [(0, [0; 3]); MOST] };
        for (to, (position, color)) in colors.stops.iter_mut().zip(stops) {
            *to = (position.unwrap_or(0), color);
        }
        Ok(colors)
    }
}

fn byte(digits: &str) -> Result<u8> {
    let is_number = digits.len() == 2 && digits.bytes().all(|it| it.is_ascii_hexdigit());
    ensure!(is_number, "`{digits}` is no position: write two hexadecimal digits, 00 to ff");
    Ok(u8::from_str_radix(digits, 16)?)
}

fn read_color(digits: &str) -> Result<[u8; 3]> {
    let wrong =
        || format!("`{digits}` is no colour: write three or six hexadecimal digits, such as f80");
    let values: Option<Vec<u8>> =
        digits.chars().map(|it| it.to_digit(16).and_then(|it| u8::try_from(it).ok())).collect();
    match values.with_context(wrong)?[..] {
        [red, green, blue] => Ok([red, green, blue].map(|it| 17 * it)),
        [a, b, c, d, e, f] => Ok([16 * a + b, 16 * c + d, 16 * e + f]),
        _ => bail!(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String> {
        text.parse::<OwnColors>().map(|colors| colors.to_string())
    }

    #[test]
    fn positions_are_read_or_spread_evenly() {
        assert_eq!(read("000,fff").unwrap(), "00:000000,ff:ffffff");
        assert_eq!(read("000, f00 ,fff").unwrap(), "00:000000,80:ff0000,ff:ffffff");
        assert_eq!(
            read("0ff,00f,80:000,f00,ff0,fff").unwrap(),
            "00:00ffff,40:0000ff,80:000000,aa:ff0000,d5:ffff00,ff:ffffff"
        );
        let again = read("123456,20:abc,fff").unwrap();
        assert_eq!(read(&again).unwrap(), again);
    }

    #[test]
    fn what_is_no_colour_map_is_told() {
        for (text, word) in [
            ("fff", "2 to 16"),
            ("fff,ggg", "no colour"),
            ("fff,ffff", "no colour"),
            ("fff,8:000,fff", "no position"),
            ("fff,+1:000,fff", "no position"),
            ("fff,80:000,20:fff,000", "do not rise"),
            ("80:fff,000,80:fff", "do not rise"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
