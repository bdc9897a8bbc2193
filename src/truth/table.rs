//! Tables of comma-separated values (RFC 4180) with a line of names first.
//!
//! Read by hand: the usual crate turns on features of what tract is built on, and so compiles tract again.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// A row, and the line of the file on which it begins.
pub(super) struct Row {
    pub line: usize,
    fields: Vec<String>,
}

impl Row {
    /// The text of a column.
    pub fn text(&self, column: usize) -> &str {
        self.fields.get(column).map_or("", |field| field.trim())
    }

    /// The number in a column.
    ///
    /// # Errors
    /// When it is none.
    pub fn number(&self, column: usize) -> Result<f64> {
        let text = self.text(column);
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => bail!("line {}: `{text}` is no number", self.line),
        }
    }
}

/// The rows of a file that has these columns, in this order.
///
/// # Errors
/// When it cannot be read, has other columns, or a row has more or fewer fields.
pub(super) fn rows(path: &Path, columns: &[&str]) -> Result<Vec<Row>> {
    let read = || {
        let text = std::fs::read_to_string(path)?;
        let mut rows = split(text.trim_start_matches('\u{feff}')).into_iter();
        let heading = rows.next().context("it is empty")?;
        let expected = columns.join(",");
        let names: Vec<&str> = (0..heading.fields.len()).map(|at| heading.text(at)).collect();
        ensure!(names == columns, "its first line must be `{expected}`, not `{}`", names.join(","));
        let rows: Vec<Row> = rows.collect();
        if let Some(row) = rows.iter().find(|row| row.fields.len() != columns.len()) {
            bail!(
                "line {}: there are {} fields where {} were expected ({expected}); a label with commas needs quotes",
                row.line,
                row.fields.len(),
                columns.len()
            );
        }
        Ok(rows)
    };
    let rows: Result<Vec<Row>> = read();
    rows.with_context(|| format!("cannot read {}", path.display()))
}

/// The rows of a text. A field that begins with a quote goes on to the next single one, and may hold commas and ends of
/// lines; two quotes in it are one. Empty lines are left out.
fn split(text: &str) -> Vec<Row> {
    let mut rows = vec![];
    let mut row = Row { line: 1, fields: vec![String::new()] };
    let (mut line, mut is_quoted) = (1, false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        line += usize::from(character == '\n');
        let Some(field) = row.fields.last_mut() else { break };
        match character {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if is_quoted => is_quoted = false,
            '"' if field.trim().is_empty() => is_quoted = true,
            ',' if !is_quoted => row.fields.push(String::new()),
            '\n' if !is_quoted => {
                let next = Row { line, fields: vec![String::new()] };
                rows.push(std::mem::replace(&mut row, next));
            }
            character => field.push(character),
        }
    }
    rows.push(row);
    rows.retain(|row| row.fields.len() > 1 || !row.text(0).is_empty());
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_commas_quotes_and_ends_of_lines() {
        let rows = split("a, b ,\"c, \"\"d\"\"\"\r\n\n\"e\nf\",,g");
        let fields = |row: &Row| (0..3).map(|at| row.text(at).to_string()).collect::<Vec<_>>();
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(fields(&rows[0]), ["a", "b", "c, \"d\""]);
        assert_eq!(fields(&rows[1]), ["e\nf", "", "g"]);
        assert!(split("\n\n").is_empty());
    }
}
