//! The summary as a table for other programs: a line per metric and method.

use super::types::{Difference, MethodSummary, Summary};

const COLUMNS: &[&str] = &[
    "metric",
    "direction",
    "category",
    "method",
    "reading",
    "control",
    "n",
    "mean",
    "standard_error",
    "median",
    "interval_low",
    "interval_high",
    "best",
    "indistinguishable",
    "above_random",
    "difference_to",
    "difference_n",
    "difference_mean",
    "difference_standard_error",
    "difference_interval_low",
    "difference_interval_high",
    "difference_p",
    "pictures_needed",
];

/// The summary as comma-separated values (RFC 4180), heading included. What is undefined is empty.
pub fn csv(summary: &Summary) -> String {
    let mut text = line(COLUMNS.iter().map(|name| name.to_string()));
    for (metric, found) in summary.metrics.iter() {
        let (direction, category) = (word(&found.direction), found.category.word().to_string());
        for (method, row) in found.methods.iter() {
            let settings = summary.settings.methods.iter().find(|other| other.name == method);
            let reading = settings.map_or("", |method| method.reading.word()).to_string();
            let control = settings.is_some_and(|method| method.is_control).to_string();
            let names =
                [metric.to_string(), direction.clone(), category.clone(), method.to_string()];
            text.push_str(&line(names.into_iter().chain([reading, control]).chain(numbers(row))));
        }
    }
    text
}

fn numbers(row: &MethodSummary) -> impl Iterator<Item = String> {
    let [low, high] = ends(row.interval);
    let own = [
        row.n.to_string(),
        number(row.mean),
        number(row.standard_error),
        number(row.median),
        low,
        high,
        row.best.to_string(),
        row.indistinguishable.to_string(),
        row.above_random.map_or(String::new(), |is_above| is_above.to_string()),
    ];
    own.into_iter().chain(difference(row.difference.as_ref()))
}

fn difference(difference: Option<&Difference>) -> [String; 8] {
    let Some(difference) = difference else {
        return Default::default();
    };
    let [low, high] = ends(difference.interval);
    [
        difference.to.clone(),
        difference.n.to_string(),
        number(Some(difference.mean)),
        number(difference.standard_error),
        low,
        high,
        number(Some(difference.p)),
        difference.pictures_needed.map_or(String::new(), |count| count.to_string()),
    ]
}

fn ends(interval: Option<[f64; 2]>) -> [String; 2] {
    interval.map_or(Default::default(), |ends| ends.map(|end| number(Some(end))))
}

pub(crate) fn number(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

/// The word that JSON has for a value.
fn word(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_string()
}

pub(crate) fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(|cell| quoted(&cell)).collect();
    cells.join(",") + "\n"
}

fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_a_line() {
        assert_eq!(
            line(["a,b".into(), "say \"no\"".into(), "c".into()].into_iter()),
            "\"a,b\",\"say \"\"no\"\"\",c\n"
        );
    }
}
