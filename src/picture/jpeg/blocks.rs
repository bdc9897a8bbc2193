//! The codes of one block of 8x8 coefficients, in each of the kinds of scans.

use super::bits::{Bits, Codes, Fault};

/// The most bits of a coefficient of a picture of 8 bits.
const MOST_BITS: u8 = 11;

/// Which coefficients a scan codes, and which of their bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Band {
    pub first: u32,
    pub last: u32,
    /// Whether earlier scans have coded the higher bits.
    pub is_refined: bool,
}

/// Walks through the codes of blocks.
pub(super) struct Blocks<'a> {
    pub band: Band,
    pub dc: Option<&'a Codes>,
    pub ac: Option<&'a Codes>,
    /// How many blocks to come have no more coefficients in the band.
    pub run: u32,
}

impl Blocks<'_> {
    /// Walks through one block; `nonzero` has a bit for each coefficient that is not 0.
    pub fn skip(&mut self, bits: &mut Bits, nonzero: &mut u64) -> Result<(), Fault> {
        let Band { first, last, is_refined } = self.band;
        if first == 0 {
            match (is_refined, self.dc) {
                (true, _) => bits.number(1).map(drop)?,
                (false, Some(codes)) => skip_difference(bits, codes)?,
                (false, None) => return Err(Fault::BadCode),
            }
        }
        let Some(codes) = self.ac.filter(|_| last > 0) else {
            return Ok(());
        };
        match is_refined {
            true => self.refine(bits, codes, nonzero),
            false => self.code(bits, codes, nonzero),
        }
    }

    /// T.81, figures F.13 and G.3.
    fn code(&mut self, bits: &mut Bits, codes: &Codes, nonzero: &mut u64) -> Result<(), Fault> {
        if self.run > 0 {
            self.run -= 1;
            return Ok(());
        }
        let mut at = self.band.first.max(1);
        while at <= self.band.last {
            let code = bits.code(codes)?;
            let (zeros, size) = (u32::from(code >> 4), code & 15);
            match (zeros, size) {
                (15, 0) => at += 16,
                // Runs of blocks are for scans of a band.
                (_, 0) if self.band.first == 0 => return Ok(()),
                (_, 0) => {
                    self.run = (1 << zeros) - 1 + bits.number(zeros)?;
                    return Ok(());
                }
                _ => {
                    at += zeros;
                    if at > self.band.last || size > MOST_BITS {
                        return Err(Fault::BadCode);
                    }
                    bits.number(u32::from(size))?;
                    *nonzero |= 1 << at;
                    at += 1;
                }
            }
        }
        Ok(())
    }

    /// T.81, figure G.7.
    fn refine(&mut self, bits: &mut Bits, codes: &Codes, nonzero: &mut u64) -> Result<(), Fault> {
        let mut at = self.band.first;
        while self.run == 0 && at <= self.band.last {
            let code = bits.code(codes)?;
            let (mut zeros, size) = (u32::from(code >> 4), code & 15);
            match size {
                0 if zeros < 15 => {
                    self.run = (1 << zeros) + bits.number(zeros)?;
                    break;
                }
                0 => {}
                1 => bits.number(1).map(drop)?,
                _ => return Err(Fault::BadCode),
            }
            while at <= self.band.last {
                if *nonzero & 1 << at != 0 {
                    bits.number(1)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                at += 1;
            }
            if size == 1 {
                if at > self.band.last {
                    return Err(Fault::BadCode);
                }
                *nonzero |= 1 << at;
            }
            at += 1;
        }
        if self.run > 0 {
            let rest = (at..=self.band.last).filter(|at| *nonzero & 1 << at != 0).count();
            (0..rest).try_for_each(|_| bits.number(1).map(drop))?;
            self.run -= 1;
        }
        Ok(())
    }
}

fn skip_difference(bits: &mut Bits, codes: &Codes) -> Result<(), Fault> {
    let size = bits.code(codes)?;
    // Differences of two coefficients.
    if size > MOST_BITS + 1 {
        return Err(Fault::BadCode);
    }
    bits.number(u32::from(size)).map(drop)
}
