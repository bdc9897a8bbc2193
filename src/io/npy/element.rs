//! Number formats of `.npy` files.

use anyhow::{Result, bail};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Float,
    Signed,
    Unsigned,
}

/// The format of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Element {
    kind: Kind,
    /// Bytes per number, 1 to 8.
    pub(super) size: usize,
    big_endian: bool,
}

impl Element {
    /// Parses NumPy's array-protocol type string, such as `<f4`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (big_endian, name) = match text.split_at_checked(1) {
            Some((">", name)) => (true, name),
            Some(("<" | "|" | "=", name)) => {
                (cfg!(target_endian = "big") && text.starts_with('='), name)
            }
            _ => (false, text),
        };
        let (kind, size) = match name {
            "f2" => (Kind::Float, 2),
            "f4" => (Kind::Float, 4),
            "f8" => (Kind::Float, 8),
            "i1" => (Kind::Signed, 1),
            "i2" => (Kind::Signed, 2),
            "i4" => (Kind::Signed, 4),
            "i8" => (Kind::Signed, 8),
            "b1" | "u1" => (Kind::Unsigned, 1),
            "u2" => (Kind::Unsigned, 2),
            "u4" => (Kind::Unsigned, 4),
            "u8" => (Kind::Unsigned, 8),
            _ => bail!(
                "elements of type `{text}` are not real numbers; \
                 save the array with `.astype('float32')`"
            ),
        };
        Ok(Self { kind, size, big_endian })
    }

    /// The number in `bytes`, which has `self.size` bytes.
    pub(super) fn decode(self, bytes: &[u8]) -> f32 {
        let push = |bits: u64, byte: &u8| bits << 8 | u64::from(*byte);
        let bits = if self.big_endian {
            bytes.iter().fold(0, push)
        } else {
            bytes.iter().rev().fold(0, push)
        };
        match (self.kind, self.size) {
            (Kind::Float, 2) => f32_from_half(bits as u16),
            (Kind::Float, 4) => f32::from_bits(bits as u32),
            (Kind::Float, _) => f64::from_bits(bits) as f32,
            (Kind::Unsigned, _) => bits as f32,
            (Kind::Signed, size) => {
                let unused = 64 - 8 * size as u32;
                (((bits << unused) as i64) >> unused) as f32
            }
        }
    }
}

/// The nearest IEEE 754 half-precision number; of two equally near ones the even one.
pub(super) fn half_from_f32(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = f32::from_bits(bits & 0x7fff_ffff);
    if magnitude.is_nan() {
        return sign | 0x7e00;
    }
    // Between 65504 and the next number that there would be.
    if magnitude >= 65520.0 {
        return sign | 0x7c00;
    }
    // Numbers have steps of 2⁻²⁴ below 2⁻¹⁴, and 1024 steps in every octave above.
    let exponent = ((magnitude.to_bits() >> 23) as i32 - 127).max(-14);
    let steps = f64::from(magnitude) * f64::from(10 - exponent).exp2();
    let steps = steps.round_ties_even() as i32;
    sign | ((exponent + 14) * 1024 + steps) as u16
}

/// Converts an IEEE 754 half-precision number.
fn f32_from_half(bits: u16) -> f32 {
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f32::from(bits & 0x3ff) / 1024.0;
    let magnitude = match exponent {
        0 => fraction * 2.0_f32.powi(-14),
        0x1f if fraction == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        _ => (1.0 + fraction) * 2.0_f32.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    #[test]
    fn halves_become_themselves_and_others_the_nearest() {
        for bits in 0..=u16::MAX {
            let value = super::f32_from_half(bits);
            if !value.is_nan() {
                assert_eq!(super::half_from_f32(value), bits, "{value}");
            }
        }
        let half = |value: f32| super::f32_from_half(super::half_from_f32(value));
        // Half way between 1 and the next number, 1 + 2⁻¹⁰, and a little above.
        assert_eq!((half(1.000_488_3), half(1.000_489)), (1.0, 1.000_976_6));
        assert_eq!((half(2e-8), half(4e-8), half(-65519.0)), (0.0, 5.960_464_5e-8, -65504.0));
        assert_eq!(half(65520.0), f32::INFINITY);
        assert!(half(f32::NAN).is_nan());
    }

    use super::*;

    fn number(element: &str, bytes: &[u8]) -> f32 {
        let element = Element::parse(element).unwrap();
        assert_eq!(element.size, bytes.len());
        element.decode(bytes)
    }

    #[test]
    fn every_type_of_number_is_read_in_both_byte_orders() {
        assert_eq!(number("<f4", &[0, 0, 0xc0, 0xbf]), -1.5);
        assert_eq!(number(">f4", &[0xbf, 0xc0, 0, 0]), -1.5);
        assert_eq!(number("<f8", &0.1_f64.to_le_bytes()), 0.1);
        assert_eq!(number(">f8", &0.1_f64.to_be_bytes()), 0.1);
        assert_eq!(number("=f4", &0.1_f32.to_ne_bytes()), 0.1);
        assert_eq!(number("|u1", &[255]), 255.0);
        assert_eq!(number("|b1", &[1]), 1.0);
        assert_eq!(number("|i1", &[0xff]), -1.0);
        assert_eq!(number("|i1", &[0x80]), -128.0);
        assert_eq!(number("<u2", &[0x01, 0x02]), 513.0);
        assert_eq!(number(">u2", &[0x01, 0x02]), 258.0);
        assert_eq!(number("<i2", &[0xfe, 0xff]), -2.0);
        assert_eq!(number("<u4", &[0xff; 4]), 4_294_967_295.0);
        assert_eq!(number(">i4", &[0xff, 0xff, 0xff, 0xfd]), -3.0);
        assert_eq!(number("<i8", &(-4_i64).to_le_bytes()), -4.0);
        assert_eq!(number("<u8", &[0xff; 8]), 1.844_674_4e19);
    }

    #[test]
    fn half_precision_is_widened_exactly() {
        let half = |bits: u16| number("<f2", &bits.to_le_bytes());
        assert_eq!(half(0x3c00), 1.0);
        assert_eq!(half(0xc500), -5.0);
        assert_eq!(half(0x7bff), 65504.0);
        assert_eq!(half(0x0001), 2.0_f32.powi(-24));
        assert_eq!(half(0x3555), 0.333_251_95);
        assert_eq!(half(0xfc00), f32::NEG_INFINITY);
        assert!(half(0x7e00).is_nan());
        assert!(half(0x8000).is_sign_negative());
    }

    #[test]
    fn what_is_not_a_real_number_is_an_error() {
        for element in ["|O", "<c8", "<U3", "|S7", "<M8[ns]", "<f16", "é", ""] {
            let message = Element::parse(element).unwrap_err().to_string();
            assert!(message.contains("astype('float32')"), "{message}");
        }
    }
}
