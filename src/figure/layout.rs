//! From what is shown to what lies where.

use super::content::{Cell, ColorBar, Figure, Label, Panel, Row};
use super::page::{Anchor, Item, Page, Picture, Place, Text};
use super::typeset::{Style, Typesetter};

const MARGIN: f32 = 16.0;
const GAP: f32 = 18.0;
const BAR_HEIGHT: f32 = 9.0;
const LINE_SPACING: f32 = 1.32;
const BLACK: [u8; 3] = [20; 3];
const GRAY: [u8; 3] = [90; 3];

const TITLE: Style = Style { size: 16.0, is_bold: true };
const HEADING: Style = Style { size: 12.0, is_bold: true };
const BODY: Style = Style { size: 12.0, is_bold: false };
const SMALL: Style = Style { size: 10.0, is_bold: false };

/// The narrowest page, so that the title of a narrow picture has room.
const LEAST_WIDTH: f32 = 420.0;

/// Lays a figure out.
pub fn page(figure: &Figure, setter: &Typesetter) -> Page {
    let columns = figure.rows.iter().map(|row| row.cells.len()).max().unwrap_or(0).max(1);
    let box_width = cell_width(figure, columns);
    let content = columns as f32 * box_width + (columns - 1) as f32 * GAP;
    let width = (content + 2.0 * MARGIN).max(LEAST_WIDTH);
    let left = (width - content) / 2.0;
    let mut writer = Writer {
        setter,
        width,
        y: MARGIN,
        items: vec![],
        title: setter.cleaned(&format!("{}. {}", figure.title, figure.subtitle)),
    };
    let whole = width - 2.0 * MARGIN;
    writer.paragraph(&figure.title, TITLE, BLACK, (MARGIN, whole, Anchor::Start), 3);
    writer.paragraph(&figure.subtitle, BODY, BLACK, (MARGIN, whole, Anchor::Start), 3);
    let place = |column: usize| left + column as f32 * (box_width + GAP);
    for row in &figure.rows {
        writer.row(row, box_width, &place);
    }
    writer.y += 10.0;
    for note in &figure.notes {
        writer.paragraph(note, SMALL, GRAY, (MARGIN, whole, Anchor::Start), 6);
    }
    let height = (writer.y + MARGIN - 4.0).ceil();
    Page { width: width.ceil(), height, title: writer.title, items: writer.items }
}

/// The width of a column: less where there are many, and where pictures are tall.
fn cell_width(figure: &Figure, columns: usize) -> f32 {
    let mut panels = figure.rows.iter().flat_map(|row| row.cells.iter().flatten());
    let is_wide = columns == 1 && panels.any(|cell| cell.panel.is_wide);
    let side = match columns {
        _ if is_wide => 2.0 * 340.0 + GAP,
        0..=2 => 340.0,
        3 => 290.0,
        4 => 250.0,
        _ => 210.0,
    };
    let cells = figure.rows.iter().flat_map(|row| row.cells.iter().flatten());
    let widths = cells.map(|cell| panel_size(&cell.panel, side).0);
    // Colour bars with their words need some room, whatever the picture.
    widths.fold(170.0, f32::max).min(side)
}

/// The size at which a picture fits into a square of `side`, or somewhat higher where it is a portrait.
fn panel_size(panel: &Panel, side: f32) -> (f32, f32) {
    let (width, height) =
        (panel.picture.width().max(1) as f32, panel.picture.height().max(1) as f32);
    let scale = (side / width).min(1.2 * side / height);
    ((width * scale).round().max(1.0), (height * scale).round().max(1.0))
}

/// Where a text may stand: its point, its width, and which end of it lies at the point.
type Column = (f32, f32, Anchor);

/// Fills a page from the top to the bottom.
struct Writer<'a> {
    setter: &'a Typesetter<'a>,
    width: f32,
    /// Where the next thing begins.
    y: f32,
    items: Vec<Item>,
    title: String,
}

impl Writer<'_> {
    /// Writes text in as many lines as it needs; returns where it ends.
    fn paragraph_at(
        &mut self,
        text: &str,
        style: Style,
        color: [u8; 3],
        (x, width, anchor): Column,
        (top, most): (f32, usize),
    ) -> f32 {
        let mut y = top;
        if text.is_empty() {
            return y;
        }
        for text in self.setter.lines(text, style, width, most) {
            y += style.size * LINE_SPACING;
            let line = self.setter.line(&text, style);
            let base = y - 0.3 * style.size;
            self.items.push(Item::Text(Text { text, style, line, x, y: base, color, anchor }));
        }
        y
    }

    fn paragraph(&mut self, text: &str, style: Style, color: [u8; 3], column: Column, most: usize) {
        self.y = self.paragraph_at(text, style, color, column, (self.y, most));
    }

    /// Writes labels beside each other; the highest decides where the next thing begins.
    fn side_by_side<'b>(&mut self, labels: impl Iterator<Item = (&'b Label, Column)>) {
        let top = self.y;
        for (label, column) in labels {
            let end = self.label_at(label, column, top);
            self.y = self.y.max(end);
        }
    }

    fn label_at(&mut self, label: &Label, column: Column, top: f32) -> f32 {
        let end = self.paragraph_at(&label.text, HEADING, BLACK, column, (top, 3));
        self.paragraph_at(&label.detail, SMALL, GRAY, column, (end, 2))
    }

    fn row(&mut self, row: &Row, box_width: f32, place: &dyn Fn(usize) -> f32) {
        self.y += 8.0;
        if let Some(heading) = &row.heading {
            let whole = self.width - 2.0 * MARGIN;
            self.y = self.label_at(heading, (MARGIN, whole, Anchor::Start), self.y) + 4.0;
        }
        let labels = row.labels.iter().enumerate();
        let middle = |column: usize| place(column) + box_width / 2.0;
        let labels =
            labels.map(|(column, label)| (label, (middle(column), box_width, Anchor::Middle)));
        self.side_by_side(labels);
        if !row.labels.is_empty() {
            self.y += 4.0;
        }
        let sizes: Vec<Option<(f32, f32)>> = row
            .cells
            .iter()
            .map(|cell| cell.as_ref().map(|cell| panel_size(&cell.panel, box_width)))
            .collect();
        let height = sizes.iter().flatten().map(|size| size.1).fold(0.0, f32::max);
        let top = self.y;
        let mut bottom = top + height;
        for (column, (cell, size)) in row.cells.iter().zip(sizes).enumerate() {
            if let (Some(cell), Some(size)) = (cell, size) {
                let end = self.cell(cell, size, (place(column), top, box_width));
                bottom = bottom.max(end);
            }
        }
        self.y = bottom;
    }

    /// Draws a cell from its top left corner; returns where it ends.
    fn cell(&mut self, cell: &Cell, size: (f32, f32), (left, top, width): (f32, f32, f32)) -> f32 {
        let x = (left + (width - size.0) / 2.0).round();
        let place = Place { x, y: top.round(), width: size.0, height: size.1 };
        self.panel(&cell.panel, place);
        let mut y = place.y + place.height + 6.0;
        if let Some(bar) = &cell.bar {
            y = self.bar(bar, (left, y, width));
        }
        if let Some(caption) = &cell.caption {
            let column = (left + width / 2.0, width, Anchor::Middle);
            y = self.paragraph_at(caption, SMALL, GRAY, column, (y, 3));
        }
        y
    }

    fn panel(&mut self, panel: &Panel, place: Place) {
        self.items.push(Item::Picture(Picture {
            place,
            picture: panel.picture.clone(),
            is_pixelated: panel.is_pixelated,
            description: panel.description.clone(),
        }));
        if let Some(frame) = panel.frame {
            let place = Place {
                x: place.x + frame.left * place.width,
                y: place.y + frame.top * place.height,
                width: frame.width * place.width,
                height: frame.height * place.height,
            };
            // Dark and light, so that it is seen on any picture.
            self.items.push(Item::Outline { place, color: [0; 3], width: 2.2 });
            self.items.push(Item::Outline { place, color: [255; 3], width: 1.0 });
        }
    }

    /// Draws a colour bar with its numbers and words; returns where it ends.
    fn bar(&mut self, bar: &ColorBar, (left, top, width): (f32, f32, f32)) -> f32 {
        let place = Place { x: left, y: top, width, height: BAR_HEIGHT };
        self.items.push(Item::Gradient { place, colors: bar.colors.clone() });
        self.items.push(Item::Outline { place, color: GRAY, width: 0.6 });
        let below = top + BAR_HEIGHT;
        for tick in &bar.ticks {
            let x = left + tick.position * width;
            self.items.push(Item::Tick { x, top: below, bottom: below + 3.0 });
            let anchor = match tick.position {
                position if position < 0.1 => Anchor::Start,
                position if position > 0.9 => Anchor::End,
                _ => Anchor::Middle,
            };
            self.paragraph_at(&tick.text, SMALL, BLACK, (x, width / 2.0, anchor), (below + 2.0, 1));
        }
        let words = below + 2.0 + SMALL.size * LINE_SPACING;
        let half = width / 2.0 - 4.0;
        let low = (left, half, Anchor::Start);
        let high = (left + width, half, Anchor::End);
        let low = self.paragraph_at(&bar.low, SMALL, BLACK, low, (words, 2));
        let high = self.paragraph_at(&bar.high, SMALL, BLACK, high, (words, 2));
        low.max(high) + 2.0
    }
}
