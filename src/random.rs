//! Random numbers by counting: number k of a stream is a hash of the stream's key and of k.
//!
//! Nothing is carried from one number to the next, so a sample has the same noise whichever
//! thread draws it, and on every machine. The hash is SplitMix64 (Steele et al. 2014); normal
//! numbers come in pairs by Box and Muller (1958).

/// 2⁶⁴ divided by the golden ratio, as SplitMix64 counts.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A stream of random numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    key: u64,
}

impl Stream {
    /// The stream of a seed and of what tells it from the seed's other streams.
    pub fn new(seed: u64, words: &[u64]) -> Stream {
        let start = hash(seed.wrapping_add(GOLDEN));
        // Multiplied, so that a seed and a word are not exchangeable.
        let append =
            |key: u64, word: &u64| hash(key.wrapping_mul(GOLDEN) ^ hash(word.wrapping_add(GOLDEN)));
        Stream { key: words.iter().fold(start, append) }
    }

    /// A seed for streams of its own.
    pub fn seed(self) -> u64 {
        self.key
    }

    /// Number `counter`, of 64 bits.
    pub fn bits(self, counter: u64) -> u64 {
        hash(self.key.wrapping_add(counter.wrapping_add(1).wrapping_mul(GOLDEN)))
    }

    /// Number `counter`, evenly from 0 to 1, 1 excluded.
    pub fn uniform(self, counter: u64) -> f32 {
        unit(self.bits(counter) >> 40)
    }

    /// Number `counter`, evenly from 0 to `end`, which is excluded and at least 1.
    pub fn below(self, counter: u64, end: usize) -> usize {
        ((u128::from(self.bits(counter)) * end as u128) >> 64) as usize
    }

    /// Puts values into another order: Fisher and Yates' shuffle.
    pub fn shuffle<T>(self, values: &mut [T]) {
        for (counter, last) in (0..).zip((1..values.len()).rev()) {
            values.swap(last, self.below(counter, last + 1));
        }
    }

    /// Calls `use_normal(value, number)` for every value, numbers from the normal distribution N(0, 1).
    pub fn normals(self, values: &mut [f32], use_normal: impl Fn(&mut f32, f32)) {
        for (counter, pair) in values.chunks_mut(2).enumerate() {
            let bits = self.bits(counter as u64);
            // From 2⁻²⁵ to 1, so that the logarithm is finite.
            let radius_part = ((bits >> 40) as f32 + 0.5) * (1.0 / (1 << 24) as f32);
            let radius = libm::sqrtf(-2.0 * libm::logf(radius_part));
            let angle = std::f32::consts::TAU * unit((bits >> 16) & 0xFF_FFFF);
            let (sine, cosine) = libm::sincosf(angle);
            for (value, part) in pair.iter_mut().zip([cosine, sine]) {
                use_normal(value, radius * part);
            }
        }
    }
}

/// A number of 24 bits, between 0 and 1.
fn unit(bits: u64) -> f32 {
    bits as f32 * (1.0 / (1 << 24) as f32)
}

/// A word for a name: FNV-1a.
pub(crate) fn word_of(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// The mixing function of SplitMix64.
fn hash(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normals(seed: u64, count: usize) -> Vec<f32> {
        let mut values = vec![0.0; count];
        Stream::new(seed, &[3]).normals(&mut values, |value, normal| *value = normal);
        values
    }

    #[test]
    fn the_hash_is_split_mix_64() {
        // The first output of the reference implementation for the seed 1234567.
        assert_eq!(hash(1_234_567_u64.wrapping_add(GOLDEN)), 6_457_827_717_110_365_317);
    }

    #[test]
    fn moments_are_those_of_the_normal_distribution() {
        let count = 200_000;
        let values = normals(0, count);
        let moment = |power: i32| {
            values.iter().map(|value| f64::from(*value).powi(power)).sum::<f64>() / count as f64
        };
        // Standard errors: 1/√n, √2/√n, √15/√n, √96/√n.
        let error = 4.0 / (count as f64).sqrt();
        assert!(moment(1).abs() < error, "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < 1.42 * error, "variance {}", moment(2));
        assert!(moment(3).abs() < 3.88 * error, "third moment {}", moment(3));
        assert!((moment(4) - 3.0).abs() < 9.8 * error, "fourth moment {}", moment(4));
        let neighbours: f64 =
            values.windows(2).map(|pair| f64::from(pair[0]) * f64::from(pair[1])).sum();
        assert!((neighbours / count as f64).abs() < error);
    }

    #[test]
    fn streams_differ_and_repeat() {
        assert_eq!(normals(7, 5), normals(7, 5));
        assert_eq!(normals(7, 5)[..4], normals(7, 4)[..]);
        assert_ne!(normals(7, 5), normals(8, 5));
        let uniform = |words: &[u64]| Stream::new(0, words).uniform(9);
        assert!(uniform(&[1, 2]) != uniform(&[2, 1]) && uniform(&[1]) != uniform(&[1, 0]));
        let mut keys: Vec<u64> =
            (0..900).map(|index| Stream::new(index / 30, &[index % 30]).key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 900);
        assert!((0..1000).all(|k| (0.0..1.0).contains(&Stream::new(0, &[k]).uniform(k))));
    }
}
