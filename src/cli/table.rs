//! Columns that line up.

use super::terminal::{self, BOLD, DIM};

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table of text, printed with as much space between the columns as they need.
#[derive(Debug)]
pub struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new<'a>(columns: impl IntoIterator<Item = &'a (&'a str, Align)>) -> Table {
        let columns = columns.into_iter().map(|(name, align)| (name.to_string(), *align));
        Table { columns: columns.collect(), rows: vec![] }
    }

    /// Appends a row: one cell per column.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| terminal::name(cell)).collect());
    }

    /// The table, its heading and a line below included.
    pub fn render(&self) -> String {
        let widths = self.widths();
        let heading: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let mut text = format!("{BOLD}{}{BOLD:#}\n", self.line(&heading, &widths));
        let length = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        text.push_str(&format!("{DIM}{}{DIM:#}\n", "─".repeat(length)));
        for row in &self.rows {
            text.push_str(&self.line(row, &widths));
            text.push('\n');
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let width_of = |index: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(index));
            let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            longest.max(self.columns[index].0.chars().count())
        };
        (0..self.columns.len()).map(width_of).collect()
    }

    fn line(&self, cells: &[impl AsRef<str>], widths: &[usize]) -> String {
        let mut text = String::new();
        for ((cell, &width), (_, align)) in cells.iter().zip(widths).zip(&self.columns) {
            let cell = cell.as_ref();
            text.push_str(&match align {
                Align::Left => format!("{cell:<width$}  "),
                Align::Right => format!("{cell:>width$}  "),
            });
        }
        text.trim_end().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&[("layer", Align::Left), ("n", Align::Right)]);
        table.row(vec!["conv".into(), "1000".into()]);
        table.row(vec!["γ".into(), "7".into()]);
        let text = terminal::shown(&table.render());
        let text = anstream::adapter::strip_str(&text).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "layer     n");
        assert_eq!(lines[2], "conv   1000");
        assert_eq!(lines[3], "γ         7");
    }
}
