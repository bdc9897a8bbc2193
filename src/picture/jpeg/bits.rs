//! The compressed data as bits and as Huffman codes.

/// Codes up to this length are found in one step.
const SHORT: u32 = 9;

/// A table of Huffman codes (T.81, annex C).
#[derive(Clone)]
pub(super) struct Codes {
    /// For the next bits: length of the code and its value; length 0 where the code is longer.
    short: Vec<(u8, u8)>,
    /// For each length from 1: the first code behind those of this length, as if it had 16 bits.
    ends: [u32; 16],
    /// For each length: what is added to a code of it to get the place of its value.
    offsets: [i32; 16],
    values: Vec<u8>,
}

impl Codes {
    /// Reads a table; returns it and what is behind it. `None` where there are more codes than bits can tell apart.
    pub fn parse(data: &[u8]) -> Option<(Codes, &[u8])> {
        let (counts, behind) = data.split_first_chunk::<16>()?;
        let count = counts.iter().map(|&count| usize::from(count)).sum::<usize>();
        let (values, behind) = behind.split_at_checked(count)?;
        let mut codes = Codes {
            short: vec![(0, 0); 1 << SHORT],
            ends: [0; 16],
            offsets: [0; 16],
            values: values.to_vec(),
        };
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, &count) in (1..=16_u32).zip(counts) {
            codes.offsets[length as usize - 1] = place as i32 - code as i32;
            for _ in 0..count {
                if length <= SHORT {
                    let first = (code << (SHORT - length)) as usize;
                    let last = first + (1 << (SHORT - length));
                    let entry = (length as u8, values[place]);
                    codes.short.get_mut(first..last)?.fill(entry);
                }
                code += 1;
                place += 1;
            }
            if code > 1 << length {
                return None;
            }
            codes.ends[length as usize - 1] = code << (16 - length);
            code <<= 1;
        }
        Some((codes, behind))
    }
}

/// Why the bits cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The data ends at a marker before all units have come.
    Ended,
    /// No table has this code, or it means what cannot be.
    BadCode,
}

/// Reads bits up to the next marker; a zero byte behind 0xFF is not data.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    buffer: u64,
    /// Bits in the buffer.
    count: u32,
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8]) -> Bits<'a> {
        Bits { bytes, at: 0, buffer: 0, count: 0 }
    }

    fn fill(&mut self) {
        while self.count <= 48 {
            let Some(&byte) = self.bytes.get(self.at) else {
                return;
            };
            if byte == 0xFF {
                if self.bytes.get(self.at + 1) != Some(&0) {
                    return;
                }
                self.at += 1;
            }
            self.at += 1;
            self.buffer = self.buffer << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    /// The next `count` bits, up to 16; zeros behind the end.
    fn peek(&mut self, count: u32) -> u32 {
        if self.count < count {
            self.fill();
        }
        let bits = match self.count.checked_sub(count) {
            Some(behind) => self.buffer >> behind,
            None => self.buffer << (count - self.count),
        };
        (bits & ((1 << count) - 1)) as u32
    }

    fn skip(&mut self, count: u32) -> Result<(), Fault> {
        self.count = self.count.checked_sub(count).ok_or(Fault::Ended)?;
        Ok(())
    }

    /// A number of up to 16 bits.
    pub fn number(&mut self, count: u32) -> Result<u32, Fault> {
        if count == 0 {
            return Ok(0);
        }
        let number = self.peek(count);
        self.skip(count)?;
        Ok(number)
    }

    /// The value of the next code.
    pub fn code(&mut self, codes: &Codes) -> Result<u8, Fault> {
        let (length, value) = codes.short[self.peek(SHORT) as usize];
        if length > 0 {
            self.skip(u32::from(length))?;
            return Ok(value);
        }
        let next = self.peek(16);
        let found = (SHORT..16).find(|&shorter| next < codes.ends[shorter as usize]);
        let Some(shorter) = found else {
            return Err(if self.count < 16 { Fault::Ended } else { Fault::BadCode });
        };
        let length = shorter + 1;
        self.skip(length)?;
        let place = (next >> (16 - length)) as i32 + codes.offsets[shorter as usize];
        let value = usize::try_from(place).ok().and_then(|place| codes.values.get(place));
        value.copied().ok_or(Fault::BadCode)
    }

    /// Ends at the next marker: how many whole bytes were not needed, and what is there.
    pub fn finish(mut self) -> (usize, &'a [u8]) {
        let mut unused = (self.count / 8) as usize;
        self.count = 0;
        while self.at < self.bytes.len() {
            let before = self.at;
            self.fill();
            unused += (self.count / 8) as usize;
            self.count = 0;
            if self.at == before {
                break;
            }
        }
        (unused, &self.bytes[self.at..])
    }
}
