//! Tables as text: numbers with commas, semicolons or tabs between them, with or without a line of names.
//!
//! A file of one line of numbers is a vector. Several lines are steps in time, each with the numbers of its channels;
//! or, where the model takes a vector, samples, one of which must be chosen (`table.csv:3`).

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::ArrayFile;

/// What separates values: the first of these that the first line holds.
const SEPARATORS: [char; 3] = [';', '\t', ','];

/// Reads a table, or the row of that number.
///
/// # Errors
/// Names the line and the column of what is no number.
pub(super) fn read(path: &Path, row: Option<&str>) -> Result<ArrayFile> {
    let bytes = std::fs::read(path)?;
    let text = String::from_utf8(bytes).context("it is not UTF-8 text")?;
    parse(text.trim_start_matches('\u{feff}'), row, path)
}

fn parse(text: &str, row: Option<&str>, path: &Path) -> Result<ArrayFile> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let separator = SEPARATORS.into_iter().find(|&character| first.contains(character));
    let separator = separator.unwrap_or(',');
    let (mut names, mut rows): (Option<Vec<String>>, Vec<Vec<f32>>) = (None, vec![]);
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let values = values(line, separator);
        let expected = names.as_ref().map(Vec::len).or(rows.first().map(Vec::len));
        ensure!(
            expected.is_none_or(|count| count == values.len()),
            "its lines have different numbers of values: line {} has {}",
            index + 1,
            values.len()
        );
        match numbers(&values) {
            Ok(numbers) => rows.push(numbers),
            Err(_) if rows.is_empty() && names.is_none() => names = Some(values),
            Err(error) => return Err(error.context(format!("in line {}", index + 1))),
        }
    }
    ensure!(!rows.is_empty(), "it holds no numbers");
    if let Some(row) = row {
        let index: usize = row.parse().with_context(|| {
            format!("behind the name of a CSV file stands the number of a row, not \"{row}\"")
        })?;
        let count = rows.len();
        ensure!(
            index < count,
            "it has no row {index}: it has {count}, 0 to {}",
            count.saturating_sub(1)
        );
        rows = vec![rows.swap_remove(index)];
    }
    let columns = rows[0].len();
    let shape = match rows.len() {
        1 => vec![columns],
        count => vec![count, columns],
    };
    let is_table = shape.len() == 2;
    let note = is_table.then(|| {
        format!(
            "{}: {} rows are {} steps in time of {columns} channels ({}:0 is the first row alone)",
            path.display(),
            rows.len(),
            rows.len(),
            path.display()
        )
    });
    Ok(ArrayFile { shape, values: rows.concat(), names, is_table, note })
}

/// The values of a line; in quotes, a separator belongs to the value.
fn values(line: &str, separator: char) -> Vec<String> {
    let (mut values, mut is_quoted) = (vec![String::new()], false);
    for character in line.chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            _ if character == separator && !is_quoted => values.push(String::new()),
            _ => values.iter_mut().next_back().into_iter().for_each(|value| value.push(character)),
        }
    }
    values.iter().map(|value| value.trim().to_string()).collect()
}

fn numbers(values: &[String]) -> Result<Vec<f32>> {
    let number = |(column, text): (usize, &String)| match text.parse::<f32>() {
        Ok(number) => Ok(number),
        Err(_) if text.is_empty() => bail!("column {} is empty", column + 1),
        Err(_) => bail!("column {} holds \"{text}\", which is no number", column + 1),
    };
    values.iter().enumerate().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, row: Option<&str>) -> Result<ArrayFile> {
        parse(text, row, Path::new("t.csv"))
    }

    #[test]
    fn lines_are_rows_with_or_without_names() {
        let table = read("age; income\n1.5;2\n-3;4e1\n", None).unwrap();
        assert_eq!((table.shape, table.values), (vec![2, 2], vec![1.5, 2.0, -3.0, 40.0]));
        assert_eq!(table.names.unwrap(), ["age", "income"]);
        let quoted = read("\"a, b\",c\n\"1\",2\n", None).unwrap();
        assert_eq!(
            (quoted.names.unwrap(), quoted.values),
            (vec!["a, b".into(), "c".into()], vec![1.0, 2.0])
        );
        assert!(table.is_table && table.note.unwrap().contains("2 steps in time of 2 channels"));
        let vector = read("1, 2,3\n", None).unwrap();
        assert_eq!((vector.shape, vector.names, vector.is_table), (vec![3], None, false));
        let row = read("a,b\n1,2\n3,4\n", Some("1")).unwrap();
        assert_eq!((row.shape, row.values), (vec![2], vec![3.0, 4.0]));
        // A column of numbers is a signal of one channel.
        assert_eq!(read("1\n2\n3\n", None).unwrap().shape, [3, 1]);
    }

    #[test]
    fn what_is_no_number_is_named() {
        let error = |text: &str, row| format!("{:#}", read(text, row).unwrap_err());
        assert!(error("1,2\n3,x\n", None).contains("in line 2: column 2 holds \"x\""));
        assert!(error("1,2\n3,\n", None).contains("column 2 is empty"));
        assert!(error("1,2\n3\n", None).contains("different numbers of values"));
        assert!(error("a,b\n", None).contains("no numbers"));
        assert!(error("", None).contains("no numbers"));
        assert!(error("1,2\n", Some("1")).contains("no row 1: it has 1"));
        assert!(error("1,2\n", Some("x")).contains("not \"x\""));
    }
}
