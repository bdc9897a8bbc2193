//! `--shard I/N`: which of several processes explains an input.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};

/// One of several parts of all inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1 to `count`.
    number: u64,
    count: u64,
}

impl Shard {
    /// Whether an input is in this part. That depends on nothing but the name of its results, so every process comes
    /// to the same answer, even while files are added.
    pub fn contains(self, stem: &Path) -> bool {
        let hash = hash(&stem.to_string_lossy());
        // The low bits alone are mixed badly; folding helps, as the authors advise.
        (hash ^ hash >> 32) % self.count == self.number - 1
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Shard> {
        let (number, count) = text.split_once('/').context("write I/N, such as 1/4")?;
        let read = |text: &str| {
            text.trim().parse::<u64>().with_context(|| format!("`{text}` is no number"))
        };
        let shard = Shard { number: read(number)?, count: read(count)? };
        ensure!(
            (1..=shard.count).contains(&shard.number),
            "shards are counted from 1 to {}",
            shard.count
        );
        Ok(shard)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}-of-{}", self.number, self.count)
    }
}

/// FNV-1a (Fowler, Noll, Vo), 64 bits: the same on every machine and in every version.
fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn every_input_is_in_one_shard() {
        let shards: Vec<Shard> = (1..=3).map(|n| format!("{n}/3").parse().unwrap()).collect();
        let mut sizes = [0; 3];
        for number in 0..300 {
            let stem = format!("photos/{number:04}");
            let holders: Vec<usize> =
                (0..3).filter(|&shard| shards[shard].contains(Path::new(&stem))).collect();
            assert_eq!(holders.len(), 1);
            sizes[holders[0]] += 1;
        }
        assert!(sizes.iter().all(|size| (70..130).contains(size)), "{sizes:?}");
    }

    #[test]
    fn shards_are_counted_from_one() {
        assert_eq!("2/4".parse::<Shard>().unwrap().to_string(), "2-of-4");
        for text in ["0/4", "5/4", "1/0", "1", "a/2", "-1/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
