//! What a search found, as a page: one file that needs no network and no script.

use serde_json::Value;

use super::found::{CandidateScores, Found, Role};
use super::table::{difference, mean, metric_names, sentence};
use crate::metric::find;
use crate::page::{FRAME_STYLE, Page, escaped};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");

/// The page of a search.
pub fn page(found: &Found) -> String {
    let page = Page {
        body: PAGE,
        title: &format!("Search of rules for {}", found.settings.model),
        parts: &[
            ("facts", &escaped(&facts(found))),
            ("verdict", &escaped(&sentence(found))),
            ("confirmed", &confirmed(found)),
            ("best", &escaped(&found.best)),
            ("parameters", &parameters(found)),
            ("stages", &stages(found)),
            ("raced", &raced(found)),
        ],
        styles: &[FRAME_STYLE, STYLE],
    };
    page.assembled()
}

fn facts(found: &Found) -> String {
    let settings = &found.settings;
    let bounds = match settings.requirements.is_empty() {
        true => String::new(),
        false => format!(", where {}", settings.requirements.join(" and ")),
    };
    let objectives: Vec<&str> = settings.objectives.iter().map(|(name, _)| name.as_str()).collect();
    format!(
        "{} of {} composites of the space {}, chosen by {}{bounds} on {} pictures, confirmed on {} others; fill {}, seed {}",
        found.candidates.len(),
        settings.composites,
        settings.space,
        objectives.join(", "),
        settings.choosing.len(),
        settings.confirming.len(),
        settings.fill.name,
        settings.seed
    )
}

fn confirmed(found: &Found) -> String {
    let metrics = metric_names(found);
    let heading: String = metrics
        .iter()
        .map(|metric| {
            let arrow = find(metric).map_or("", |info| info.direction.arrow());
            format!("<th>{} {arrow}</th><th>difference</th>", escaped(metric))
        })
        .collect();
    let rows: String = found
        .confirmed
        .iter()
        .map(|row| {
            let class = if row.role == Role::Winner { " class=\"best\"" } else { "" };
            let role = match row.role {
                Role::Winner => described(row.parameters.iter()),
                Role::Front => {
                    format!("{}; beaten by none in all", described(row.parameters.iter()))
                }
                Role::Default => "the default".to_string(),
                Role::Preset => "a preset".to_string(),
            };
            let cells: String = metrics
                .iter()
                .map(|metric| {
                    format!(
                        "<td>{}</td><td>{}</td>",
                        mean(row, metric),
                        escaped(&difference(row, metric))
                    )
                })
                .collect();
            let name = escaped(&row.name);
            let role = escaped(&role);
            format!("<tr{class}><td>{name} <span class=\"aside\">{role}</span></td>{cells}</tr>\n")
        })
        .collect();
    format!("<thead><tr><th>composite</th>{heading}</tr></thead>\n<tbody>\n{rows}</tbody>")
}

fn described<'a>(parameters: impl Iterator<Item = (&'a String, &'a Value)>) -> String {
    parameters
        .map(|(name, value)| format!("{name} = {}", shown(value)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(word) => word.clone(),
        value => value.to_string().replace('"', ""),
    }
}

/// The metric that the screening is shown by.
fn screened(row: &CandidateScores) -> Option<f64> {
    row.screened.values().next().copied().flatten()
}

fn raced_by<'a>(found: &'a Found, row: &'a CandidateScores) -> Option<f64> {
    let (metric, _) = found.settings.objectives.first()?;
    row.raced.get(metric).copied().flatten()
}

/// For each parameter a figure: every candidate's screening by the parameter's value.
fn parameters(found: &Found) -> String {
    let Some(first) = found.candidates.first() else { return String::new() };
    let all: Vec<f64> = found.candidates.iter().filter_map(screened).collect();
    let winner = found.candidates.iter().find(|row| row.number == found.winner);
    let figure = |name: &String| {
        let mut values: Vec<&Value> = vec![];
        for row in &found.candidates {
            match row.parameters.get(name) {
                Some(value) if !values.contains(&value) => values.push(value),
                _ => {}
            }
        }
        // As the space has them: numbers in their order, the others as they were found.
        values.sort_by(|a, b| {
            let number = |value: &Value| value.as_f64().unwrap_or(f64::INFINITY);
            number(a).total_cmp(&number(b)).then_with(|| shown(a).cmp(&shown(b)))
        });
        let axis = Axis::of(&all, [150.0, 14.0]);
        let width = 70.0 + 60.0 * values.len() as f64;
        let mut body = axis.lines(44.0, width);
        for (place, value) in values.iter().enumerate() {
            let x = 80.0 + 60.0 * place as f64;
            let chosen = winner.is_some_and(|row| row.parameters.get(name) == Some(*value));
            let of_value =
                found.candidates.iter().filter(|row| row.parameters.get(name) == Some(*value));
            let scores: Vec<f64> = of_value.filter_map(screened).collect();
            for (index, score) in scores.iter().enumerate() {
                // Side by side, so that equal ones can be seen.
                let beside = ((index * 7) % 19) as f64 - 9.0;
                body.push_str(&format!(
                    "<circle class=\"one\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2\"/>",
                    x + beside,
                    axis.y(*score)
                ));
            }
            let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if best.is_finite() {
                body.push_str(&format!(
                    "<line class=\"top\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
                    x - 16.0,
                    x + 16.0,
                    axis.y(best),
                    axis.y(best)
                ));
            }
            let class = if chosen { " class=\"chosen\"" } else { "" };
            body.push_str(&format!(
                "<text{class} x=\"{x:.1}\" y=\"170\" text-anchor=\"middle\">{}</text>",
                escaped(&shown(value))
            ));
        }
        format!(
            "<figure><svg viewBox=\"0 0 {width:.0} 180\" style=\"width: {width:.0}px; max-width: 100%\" role=\"img\" aria-label=\"{0}\">{body}</svg><figcaption>{0}</figcaption></figure>\n",
            escaped(name)
        )
    };
    first.parameters.keys().map(figure).collect()
}

/// Screening against race.
fn stages(found: &Found) -> String {
    let both: Vec<(&CandidateScores, f64, f64)> = found
        .candidates
        .iter()
        .filter_map(|row| Some((row, screened(row)?, raced_by(found, row)?)))
        .collect();
    if both.len() < 2 {
        return String::new();
    }
    let across = Axis::of(&both.iter().map(|it| it.1).collect::<Vec<_>>(), [60.0, 400.0]);
    let up = Axis::of(&both.iter().map(|it| it.2).collect::<Vec<_>>(), [220.0, 20.0]);
    let mut body = up.lines(50.0, 410.0);
    for value in across.ticks() {
        body.push_str(&format!(
            "<text x=\"{:.1}\" y=\"240\" text-anchor=\"middle\">{value:.3}</text>",
            across.y(value)
        ));
    }
    for (row, screened, raced) in &both {
        let class = match (row.number == found.winner, row.survived) {
            (true, _) => "winner",
            (false, true) => "survivor",
            (false, false) => "one",
        };
        let described = described(row.parameters.iter());
        body.push_str(&format!(
            "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"><title>{}</title></circle>",
            across.y(*screened),
            up.y(*raced),
            escaped(&described)
        ));
    }
    let metric = found.settings.objectives.first().map_or("", |(name, _)| name.as_str());
    let screening = found.candidates.first().and_then(|row| row.screened.keys().next());
    let screening = screening.map_or("", String::as_str);
    format!(
        "<svg viewBox=\"0 0 420 265\" style=\"max-width: 620px\" role=\"img\" aria-label=\"screening and race\">{body}<text x=\"230\" y=\"260\" text-anchor=\"middle\">{} in the screening</text><text x=\"12\" y=\"12\">{} in the race</text></svg>",
        escaped(screening),
        escaped(metric)
    )
}

fn raced(found: &Found) -> String {
    let mut rows: Vec<&CandidateScores> =
        found.candidates.iter().filter(|row| row.pictures > 0).collect();
    rows.sort_by_key(|row| {
        let place = found.front.iter().position(|number| *number == row.number);
        (place.unwrap_or(usize::MAX), !row.survived, std::cmp::Reverse(row.pictures))
    });
    let metrics: Vec<&String> = rows.first().map_or(vec![], |row| row.raced.keys().collect());
    let heading: String =
        metrics.iter().map(|metric| format!("<th>{}</th>", escaped(metric))).collect();
    let number =
        |value: Option<f64>| value.map_or("undefined".to_string(), |it| format!("{it:.3}"));
    let body: String = rows
        .iter()
        .map(|row| {
            let cells: String = metrics
                .iter()
                .map(|metric| {
                    format!("<td>{}</td>", number(row.raced.get(*metric).copied().flatten()))
                })
                .collect();
            let class = if row.number == found.winner { " class=\"best\"" } else { "" };
            let end = match (row.number == found.winner, row.survived) {
                (true, _) => "winner",
                (false, true) => "not beaten",
                (false, false) => "dropped out",
            };
            format!(
                "<tr{class}><td>{}</td><td>{}</td>{cells}<td>{}</td><td>{end}</td></tr>\n",
                escaped(&described(row.parameters.iter())),
                number(screened(row)),
                row.pictures
            )
        })
        .collect();
    format!(
        "<thead><tr><th>parameters</th><th>screening</th>{heading}<th>pictures</th><th></th></tr></thead>\n<tbody>\n{body}</tbody>"
    )
}

/// From values to places of a figure.
struct Axis {
    low: f64,
    high: f64,
    places: [f64; 2],
}

impl Axis {
    fn of(values: &[f64], places: [f64; 2]) -> Axis {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for &value in values {
            (low, high) = (low.min(value), high.max(value));
        }
        // Also where there is no value.
        if low >= high {
            let middle = if low.is_finite() { low } else { 0.0 };
            (low, high) = (middle - 0.5, middle + 0.5);
        }
        Axis { low, high, places }
    }

    fn y(&self, value: f64) -> f64 {
        let [from, to] = self.places;
        from + (value - self.low) / (self.high - self.low) * (to - from)
    }

    fn ticks(&self) -> [f64; 3] {
        [self.low, 0.5 * (self.low + self.high), self.high]
    }

    /// Lines across with their values.
    fn lines(&self, left: f64, right: f64) -> String {
        let line = |value: f64| {
            let y = self.y(value);
            format!(
                "<line class=\"guide\" x1=\"{left}\" x2=\"{right:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{value:.3}</text>",
                left - 4.0,
                y + 4.0
            )
        };
        self.ticks().into_iter().map(line).collect()
    }
}
