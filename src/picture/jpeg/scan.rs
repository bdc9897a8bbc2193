//! A scan: the compressed data of some components, cut into intervals by restart markers.

use std::collections::HashMap;

use super::bits::{Bits, Codes, Fault};
use super::blocks::{Band, Blocks};
use super::frame::Frame;

/// What the header of a scan says.
pub(super) struct Scan<'a> {
    /// The numbers of its components in the frame, with their tables.
    components: Vec<(usize, Option<&'a Codes>, Option<&'a Codes>)>,
    band: Band,
}

/// Where and how a scan is damaged.
struct Damage {
    /// The part of its units before, 0 to 1.
    place: f64,
    what: String,
}

impl<'a> Scan<'a> {
    /// Reads the header; `None` where it makes no sense.
    pub fn parse(
        header: &[u8],
        frame: &Frame,
        codes: &'a HashMap<(u8, u8), Codes>,
    ) -> Option<Scan<'a>> {
        let (&count, rest) = header.split_first()?;
        let (pairs, rest) = rest.split_at_checked(2 * usize::from(count))?;
        let &[first, last, approximation, ..] = rest else {
            return None;
        };
        let (pairs, _) = pairs.as_chunks::<2>();
        let component = |[id, tables]: &[u8; 2]| {
            let number = frame.components.iter().position(|component| component.id == *id)?;
            Some((number, codes.get(&(0, tables >> 4)), codes.get(&(1, tables & 15))))
        };
        let components = pairs.iter().map(component).collect::<Option<Vec<_>>>()?;
        let (first, last) = (u32::from(first), u32::from(last));
        let is_refined = approximation >> 4 > 0;
        let band = Band { first, last, is_refined };
        // A sequential scan has all coefficients; of a progressive one, the first is alone.
        let is_band = (first, last) == (0, 63) || (first == 0) == (last == 0);
        let is_usable = !components.is_empty() && first <= last && last < 64 && is_band;
        is_usable.then_some(Scan { components, band })
    }

    /// Whether the tables of all components are there; frames of films leave them out.
    fn has_tables(&self) -> bool {
        let Band { first, last, is_refined } = self.band;
        self.components.iter().all(|(_, dc, ac)| {
            (first > 0 || is_refined || dc.is_some()) && (last == 0 || ac.is_some())
        })
    }

    /// The first thing that is damaged in the data of the scan, in words.
    pub fn damage(&self, frame: &mut Frame, data: &[u8], interval: usize) -> Option<String> {
        if !self.has_tables() {
            return None;
        }
        let found = self.walk(frame, data, interval).err()?;
        let is_whole = self.band.last == 63 && self.band.first == 0;
        let whole = if is_whole { "the picture" } else { "a scan" };
        let place = match found.place {
            place if place < 1.0 => {
                format!("after {:.0} % of {whole}: the pixels from there on", place * 100.0)
            }
            _ => format!("at the end of {whole}: its pixels"),
        };
        Some(format!("the JPEG data is damaged ({}) {place} may be wrong", found.what))
    }

    fn walk(&self, frame: &mut Frame, data: &[u8], interval: usize) -> Result<(), Damage> {
        let [across, down] = self.units(frame);
        let count = across * down;
        let interval = if interval == 0 { count } else { interval };
        let mut rest = data;
        for (number, begin) in (0..count).step_by(interval).enumerate() {
            let at = |unit: usize, what: String| Damage { place: unit as f64 / count as f64, what };
            if number > 0 {
                rest = behind_restart(rest, number - 1).map_err(|what| at(begin, what))?;
            }
            let mut bits = Bits::new(rest);
            let mut run = vec![0; self.components.len()];
            for unit in begin..(begin + interval).min(count) {
                let place = [unit % across, unit / across];
                let walked = self.walk_unit(frame, place, &mut bits, &mut run);
                walked.map_err(|fault| at(unit, words(fault).to_string()))?;
            }
            let (unused, behind) = bits.finish();
            if unused > 0 {
                let end = (begin + interval).min(count);
                return Err(at(end, format!("there are {unused} bytes more than the pixels need")));
            }
            rest = behind;
        }
        Ok(())
    }

    /// The units of the scan, across and down: blocks, where it has one component.
    fn units(&self, frame: &Frame) -> [usize; 2] {
        match self.components[..] {
            [(number, ..)] => frame.components[number].blocks,
            _ => frame.units(),
        }
    }

    fn walk_unit(
        &self,
        frame: &mut Frame,
        [x, y]: [usize; 2],
        bits: &mut Bits,
        runs: &mut [u32],
    ) -> Result<(), Fault> {
        let is_alone = self.components.len() == 1;
        for (&(number, dc, ac), run) in self.components.iter().zip(runs) {
            let component = &mut frame.components[number];
            let [wide, high] = if is_alone { [1, 1] } else { component.sampling };
            let mut blocks = Blocks { band: self.band, dc, ac, run: *run };
            for down in 0..high {
                for across in 0..wide {
                    let place = (y * high + down) * component.stride + x * wide + across;
                    let nonzero = component.nonzero.get_mut(place).ok_or(Fault::BadCode)?;
                    blocks.skip(bits, nonzero)?;
                }
            }
            *run = blocks.run;
        }
        Ok(())
    }
}

fn words(fault: Fault) -> &'static str {
    match fault {
        Fault::Ended => "the data ends too early",
        Fault::BadCode => "it holds a code that means nothing",
    }
}

/// What is behind the restart marker of this number, which must be next; bytes of 0xFF may fill the gap.
fn behind_restart(data: &[u8], number: usize) -> Result<&[u8], String> {
    let expected = 0xD0 + (number % 8) as u8;
    let fill = data.iter().take_while(|&&byte| byte == 0xFF).count();
    match data.get(fill) {
        Some(&marker) if fill > 0 && marker == expected => Ok(&data[fill + 1..]),
        Some(0xD0..=0xD7) if fill > 0 => Err("a restart marker is missing".to_string()),
        _ => Err("the data ends at another marker than a restart".to_string()),
    }
}
