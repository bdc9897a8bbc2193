//! A text: its words one after the other, each on the colour of its relevance.

use anyhow::Result;
use image::RgbImage;

use super::page::{Area, LINE, clipped, fill, width_of, write};
use super::{Colors, Numbers, Rendering, contrast, mixed, page, written};

/// The width of the page.
const WIDTH: usize = 960;
const MARGIN: usize = 12;
/// Space at both sides of a word.
const PADDING: usize = 5;
/// Space between words and between lines.
const GAP: usize = 4;
/// The most characters of a word.
const WORD: usize = 40;

/// Where a word stands.
struct Placed {
    text: String,
    area: Area,
}

/// Draws words as a text in lines; `has_numbers` writes the relevance below each.
///
/// # Errors
/// When there are not as many words as numbers, or the rendering has a number out of range.
pub fn draw_strip(numbers: Numbers, has_numbers: bool, rendering: &Rendering) -> Result<RgbImage> {
    let relevance = numbers.relevance;
    numbers.check(relevance.len())?;
    let colors = Colors::of(relevance, rendering)?;
    let text = |place: usize| match (numbers.names, numbers.values) {
        (None, Some(values)) => format!("{}", values[place]),
        _ => numbers.name(place),
    };
    let words: Vec<String> =
        (0..relevance.len()).map(|place| clipped(&text(place), WORD)).collect();
    let height = if has_numbers { 2 * LINE + 6 } else { LINE + 6 };
    let mut placed: Vec<Placed> = vec![];
    let (mut x, mut y) = (MARGIN, MARGIN);
    for (word, &value) in words.iter().zip(relevance) {
        let below = if has_numbers { written(value).chars().count() } else { 0 };
        let width = width_of(word.chars().count().max(below).max(1)) + 2 * PADDING;
        if x > MARGIN && x + width > WIDTH - MARGIN {
            (x, y) = (MARGIN, y + height + GAP);
        }
        let area = Area { x, y, width, height };
        placed.push(Placed { text: word.clone(), area });
        x += width + GAP;
    }
    let paper = mixed(colors.neutral(), colors.ink(), 0.12);
    let mut page = page(WIDTH, y + height + MARGIN, paper)?;
    for (Placed { text, area }, &value) in placed.iter().zip(relevance) {
        let color = colors.of_relevance(value);
        fill(&mut page, *area, color);
        let ink = contrast(color);
        write(&mut page, (area.x + PADDING, area.y + 3), text, ink);
        if has_numbers {
            write(&mut page, (area.x + PADDING, area.y + 3 + LINE), &written(value), ink);
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn words_lie_on_their_colour_and_lines_are_broken() {
        let names = ["a", "film"].map(String::from);
        let numbers = Numbers { relevance: &[-1.0, 1.0], values: None, names: Some(&names) };
        let picture = draw_strip(numbers, false, &Rendering::default()).unwrap();
        assert_eq!(picture.width() as usize, WIDTH);
        let at = |x: usize| *picture.get_pixel(x as u32, MARGIN as u32 + 1);
        assert_eq!(at(MARGIN + 1), Rgb([0, 255, 255]));
        assert_eq!(at(MARGIN + width_of(1) + 2 * PADDING + GAP + 1), Rgb([255; 3]));
        let many = vec![0.5; 300];
        let numbers = Numbers { relevance: &many, values: None, names: None };
        let lines = draw_strip(numbers, true, &Rendering::default()).unwrap();
        assert!(lines.height() > 3 * picture.height());
    }
}
