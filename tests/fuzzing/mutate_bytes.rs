//! Mutations of any bytes: bits, numbers, cut and repeated pieces, words of a dictionary.

use super::dice::Dice;

/// The longest that bytes become.
const LONGEST: usize = 1 << 20;

/// Changes some bytes once or a few times; `words` are what the format is made of.
pub fn mutate(bytes: &mut Vec<u8>, words: &[Vec<u8>], dice: &mut Dice) {
    let count = 1 + dice.below(4);
    for _ in 0..count {
        once(bytes, words, dice);
    }
    bytes.truncate(LONGEST);
}

fn once(bytes: &mut Vec<u8>, words: &[Vec<u8>], dice: &mut Dice) {
    let place = dice.below(bytes.len());
    let length = dice.below(bytes.len().min(64)).min(bytes.len() - place.min(bytes.len()));
    match dice.below(9) {
        0 => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << dice.below(8);
            }
        }
        1 => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte = *dice.of(&[0, 1, 0x7f, 0x80, 0xff, b'0', b'-', b'"', b'\n', b' ']);
            }
        }
        2 => {
            bytes.drain(place..place + length);
        }
        3 => {
            let piece = bytes[place..place + length].to_vec();
            bytes.splice(place..place, piece);
        }
        4 => bytes.truncate(place),
        5 => {
            // A number of the binary formats.
            let number = dice.whole();
            let size = *dice.of(&[2, 4, 8]);
            let mut written = number.to_le_bytes()[..size].to_vec();
            if dice.one_in(2) {
                written.reverse();
            }
            for (byte, new) in bytes.iter_mut().skip(place).zip(written) {
                *byte = new;
            }
        }
        6 => {
            let number =
                if dice.one_in(3) { dice.real().to_string() } else { dice.whole().to_string() };
            replace_number(bytes, place, number.as_bytes());
        }
        _ if !words.is_empty() => {
            let word = dice.of(words);
            if dice.one_in(2) {
                bytes.splice(place..place, word.iter().copied());
            } else {
                let end = (place + word.len()).min(bytes.len());
                bytes.splice(place..end, word.iter().copied());
            }
        }
        _ => bytes.push(dice.bits() as u8),
    }
}

/// Writes a number in the place of the next one in a text.
fn replace_number(bytes: &mut Vec<u8>, place: usize, number: &[u8]) {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let Some(start) = bytes.iter().skip(place).position(is_digit).map(|found| place + found) else {
        return;
    };
    let length = bytes[start..].iter().take_while(|byte| is_digit(byte) || **byte == b'.').count();
    bytes.splice(start..start + length, number.iter().copied());
}
