//! The overview as tables for other programs.

use super::overview::{Mean, Overview};

/// The shares of regions as comma-separated values (RFC 4180), heading included. What is undefined is empty.
pub fn regions_csv(overview: &Overview) -> String {
    let mut text = line(
        [
            "region",
            "variant",
            "n",
            "share",
            "standard_error",
            "area",
            "gain",
            "gain_standard_error",
        ]
        .map(String::from),
    );
    for row in &overview.regions {
        let (names, Mean { n, mean, standard_error }) =
            ([row.region.clone(), row.variant.clone()], row.share);
        let numbers = [mean, standard_error, row.area.mean, row.gain.mean, row.gain.standard_error];
        let cells = names.into_iter().chain([n.to_string()]).chain(numbers.map(number));
        text.push_str(&line(cells));
    }
    text
}

/// How alike the variants are as comma-separated values (RFC 4180), heading included.
pub fn similarity_csv(overview: &Overview) -> String {
    let mut text = line(
        [
            "a",
            "b",
            "n",
            "cosine",
            "cosine_standard_error",
            "rank_correlation",
            "rank_correlation_standard_error",
            "same_class",
        ]
        .map(String::from),
    );
    for row in &overview.similarity {
        let numbers = [
            row.cosine.mean,
            row.cosine.standard_error,
            row.rank.mean,
            row.rank.standard_error,
            Some(row.same_class),
        ];
        let names = [row.a.clone(), row.b.clone(), row.cosine.n.to_string()];
        text.push_str(&line(names.into_iter().chain(numbers.map(number))));
    }
    text
}

fn number(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

fn line(cells: impl IntoIterator<Item = String>) -> String {
    let quoted = |cell: String| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    };
    cells.into_iter().map(quoted).collect::<Vec<_>>().join(",") + "\n"
}
