//! A row of a table: a bar for each number, to the right where it speaks for the class, to the left where against it.

use anyhow::Result;
use image::RgbImage;

use super::page::{Area, LINE, clipped, fill, width_of, write};
use super::{Colors, Numbers, Rendering, mixed, page, written};

/// The most bars; of more numbers, those of the strongest relevance are drawn.
const MOST: usize = 64;
/// The most characters of a name.
const NAME: usize = 28;
/// Pixels from the middle to the end of the longest bar.
const HALF: usize = 320;
/// Height of a row.
const ROW: usize = 22;
const MARGIN: usize = 12;

/// Draws numbers as bars, each with its name or its place, its value and its relevance.
///
/// # Errors
/// When the numbers do not fit each other, or the rendering has a number out of range.
pub fn draw_bars(numbers: Numbers, rendering: &Rendering) -> Result<RgbImage> {
    let relevance = numbers.relevance;
    numbers.check(relevance.len())?;
    let colors = Colors::of(relevance, rendering)?;
    let mut shown: Vec<usize> = (0..relevance.len()).collect();
    if shown.len() > MOST {
        shown.sort_by(|&a, &b| relevance[b].abs().total_cmp(&relevance[a].abs()).then(a.cmp(&b)));
        shown.truncate(MOST);
    }
    let label = |place: usize| {
        let name = clipped(&numbers.name(place), NAME);
        match numbers.values {
            Some(values) => format!("{name} = {}", written(values[place])),
            None => name,
        }
    };
    let labels: Vec<String> = shown.iter().map(|&place| label(place)).collect();
    let longest = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    let left = 2 * MARGIN + width_of(longest);
    let told = match relevance.len() > MOST {
        true => format!("the {MOST} numbers of the strongest relevance, of {}", relevance.len()),
        false => String::new(),
    };
    let width = (left + 2 * HALF + width_of(20)).max(2 * MARGIN + width_of(told.chars().count()));
    let height = 2 * MARGIN + shown.len() * ROW + if told.is_empty() { 0 } else { ROW };
    let ink = colors.ink();
    let mut page = page(width, height, colors.neutral())?;
    let most = relevance.iter().filter(|value| value.is_finite());
    let most = most.fold(0.0f32, |most, value| most.max(value.abs()));
    let middle = left + width_of(10) + HALF;
    let rule = mixed(colors.neutral(), ink, 0.4);
    fill(&mut page, Area { x: middle, y: MARGIN, width: 1, height: shown.len() * ROW }, rule);
    for (row, (&place, label)) in shown.iter().zip(&labels).enumerate() {
        let y = MARGIN + row * ROW;
        let text = y + (ROW - LINE) / 2;
        let from = left - MARGIN - width_of(label.chars().count());
        write(&mut page, (from, text), label, ink);
        let value = if relevance[place].is_finite() { relevance[place] } else { 0.0 };
        let share = if most > 0.0 { value.abs() / most } else { 0.0 };
        let length = (share * (HALF - 1) as f32).round() as usize;
        let x = if value < 0.0 { middle - length } else { middle };
        fill(
            &mut page,
            Area { x, y: y + 3, width: length + 1, height: ROW - 6 },
            colors.of_line(value),
        );
        let number = written(value);
        let x = match value < 0.0 {
            true => (middle - length).saturating_sub(width_of(number.chars().count()) + 6),
            false => middle + length + 8,
        };
        write(&mut page, (x, text), &number, ink);
    }
    write(&mut page, (MARGIN, height - ROW), &told, ink);
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn bars_grow_to_the_side_of_their_sign() {
        let names = ["age", "income"].map(String::from);
        let numbers =
            Numbers { relevance: &[2.0, -1.0], values: Some(&[61.0, 3e6]), names: Some(&names) };
        let picture = draw_bars(numbers, &Rendering::default()).unwrap();
        let colored = |row: usize| {
            let y = (MARGIN + row * ROW + 5) as u32;
            let is_colored = |&x: &u32| {
                let Rgb([red, _, blue]) = *picture.get_pixel(x, y);
                red.abs_diff(blue) > 60 || (red > 200 && blue > 200)
            };
            let found: Vec<u32> = (0..picture.width()).filter(is_colored).collect();
            (found.len(), found.first().copied().unwrap_or(0))
        };
        let ((long, right), (short, left)) = (colored(0), colored(1));
        assert!(long > 250 && short > 120 && short < 200, "{long}, {short}");
        assert!(left < right);
    }

    #[test]
    fn of_many_numbers_the_strongest_are_drawn() {
        let relevance: Vec<f32> = (0..500).map(|place| place as f32).collect();
        let numbers = Numbers { relevance: &relevance, values: None, names: None };
        let picture = draw_bars(numbers, &Rendering::default()).unwrap();
        assert_eq!(picture.height() as usize, 2 * MARGIN + (MOST + 1) * ROW);
    }
}
