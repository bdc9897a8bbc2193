//! What the figure of an input shows: the photo, a picture for each result, and the words that are needed to read them.

use onnxplain::figure::{Cell, Figure, Label, Row};
use onnxplain::heatmap::Scale;
use onnxplain::{Class, Initial, Rendering, Session, Severity, Sign, Topic};

use super::report::Report;
use super::summary;
use crate::cli::figure_parts::{Drawn, Meaning, file_name, fixed, percent};

/// Results beside each other; more go into the next row.
const RESULTS_IN_ROW: usize = 4;

/// More results than this are not drawn into one figure.
pub const MOST_RESULTS: usize = 40;

/// A result in the figure.
pub struct Shown<'a> {
    pub report: &'a Report,
    /// The class that is explained, and its rival.
    pub class: &'a Class,
    pub against: Option<&'a Class>,
    pub drawn: Drawn,
    pub scale: Scale,
    pub rendering: Rendering,
}

/// The figure of the results of one input, which has at least one.
pub fn figure(shown: &[Shown], photo: Option<&Drawn>, said: &[String]) -> Figure {
    let Some(first) = shown.first() else {
        return Figure::default();
    };
    let classes = distinct(shown, |it| it.report.target.index);
    let ways = distinct(shown, |it| it.way());
    let mut figure = match (classes.len(), ways.len()) {
        (1, _) => Figure { title: first.title(), subtitle: first.subtitle(), ..Figure::default() },
        _ => Figure {
            title: file_name(&first.report.input),
            subtitle: first.prediction(),
            ..Figure::default()
        },
    };
    let has_plots = shown.iter().any(|it| it.drawn.is_plot());
    if classes.len() > 1 && ways.len() > 1 && !has_plots {
        for class in &classes {
            let of_class: Vec<&Shown> = shown.iter().filter(|it| it.is_about(class)).collect();
            let labels = of_class.iter().map(|it| Label { text: it.way(), ..Label::default() });
            let labels = if figure.rows.is_empty() { labels.collect() } else { vec![] };
            let heading = Some(Label { text: class.title(), detail: class.subtitle() });
            figure.rows.push(Row { heading, ..row(&of_class, labels, photo) });
        }
    } else {
        let all: Vec<&Shown> = shown.iter().collect();
        for some in all.chunks(if has_plots { 1 } else { RESULTS_IN_ROW }) {
            let label = |it: &&Shown| match (classes.len(), ways.len()) {
                (1, _) => Label { text: it.way(), ..Label::default() },
                (_, 1) => Label { text: it.title(), detail: it.subtitle() },
                _ => {
                    Label { text: format!("{} by {}", it.title(), it.way()), detail: it.subtitle() }
                }
            };
            let labels = if shown.len() > 1 { some.iter().map(label).collect() } else { vec![] };
            figure.rows.push(match figure.rows.is_empty() {
                true => row(some, labels, photo),
                // The photo stands before the first row only; results stay below each other.
                false => row(some, labels, None).moved_behind(photo.is_some()),
            });
        }
    }
    // A plot stands without the photo, whose caption names the input.
    if has_plots && classes.len() == 1 {
        let cells = figure.rows.iter_mut().flat_map(|row| row.cells.iter_mut().flatten());
        cells.take(1).for_each(|cell| cell.caption = Some(file_name(&first.report.input)));
    }
    figure.notes = notes(shown, photo, said);
    figure
}

/// The first result of each kind.
fn distinct<'a, 'b, T: PartialEq>(
    shown: &'b [Shown<'a>],
    kind: impl Fn(&Shown) -> T,
) -> Vec<&'b Shown<'a>> {
    let mut found: Vec<&Shown> = vec![];
    for it in shown {
        if found.iter().all(|other| kind(other) != kind(it)) {
            found.push(it);
        }
    }
    found
}

/// A row of results behind the photo.
fn row(shown: &[&Shown], labels: Vec<Label>, photo: Option<&Drawn>) -> Row {
    let mut row = Row::default();
    if let (Some(photo), Some(first)) = (photo, shown.first()) {
        let name = file_name(&first.report.input);
        row.cells.push(Some(Cell {
            panel: photo.panel(name.clone()),
            bar: None,
            caption: Some(name),
        }));
        row.labels.extend((!labels.is_empty()).then(Label::default));
    }
    row.labels.extend(labels);
    row.cells.extend(shown.iter().map(|it| Some(it.cell())));
    row
}

impl Shown<'_> {
    fn is_about(&self, other: &Shown) -> bool {
        self.report.target.index == other.report.target.index
    }

    /// How it was computed.
    fn way(&self) -> String {
        match self.report.method {
            "lrp" => format!("lrp, {}", self.report.composite),
            method => method.to_string(),
        }
    }

    /// The class, or both of them.
    fn title(&self) -> String {
        let class = name(self.class);
        match self.against {
            Some(other) => format!("{class} against {}", name(other)),
            None => class,
        }
    }

    /// What the network says about the class.
    fn subtitle(&self) -> String {
        let Class { probability, logit, .. } = self.class;
        let explained = self.report.explained;
        match self.against {
            None => format!(
                "probability {}; explained: {explained} {}",
                percent(*probability),
                fixed(*logit)
            ),
            Some(other) => format!(
                "explained: difference of the {explained}s, {} − {} = {}; probabilities {} and {}",
                fixed(*logit),
                in_parentheses(other.logit),
                fixed(logit - other.logit),
                percent(*probability),
                percent(other.probability)
            ),
        }
    }

    /// What the network says about the input.
    fn prediction(&self) -> String {
        let top = self.report.prediction.first();
        top.map_or(String::new(), |top| {
            format!("predicted: {}, probability {}", name(top), percent(top.probability))
        })
    }

    fn cell(&self) -> Cell {
        let description = format!("relevance for {} by {}", self.title(), self.way());
        let class = name(self.class);
        let against = self.against.map(name);
        let meaning = Meaning {
            scale: self.scale,
            rendering: self.rendering,
            class: &class,
            against: against.as_deref(),
            positive: self.report.positive,
        };
        Cell { panel: self.drawn.panel(description), bar: Some(meaning.bar()), caption: None }
    }
}

/// What a figure says about the model: how its output is read, and a guess about its pictures.
pub fn assumptions(session: &Session) -> Vec<String> {
    let is_told = |topic: Topic| match topic {
        Topic::Model => true,
        Topic::Preprocessing => session.guesses_preprocessing(),
        _ => false,
    };
    let notices = session.notices().iter();
    let told = notices.filter(|it| it.severity >= Severity::Note && is_told(it.topic));
    told.map(|notice| format!("{}.", capitalised(&notice.text))).collect()
}

fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
}

fn notes(shown: &[Shown], photo: Option<&Drawn>, said: &[String]) -> Vec<String> {
    let Some(first) = shown.first() else {
        return vec![];
    };
    let Report { model, composite, method, version, .. } = first.report;
    let mut notes = vec![];
    let top = first.report.prediction.first();
    // With several classes it stands below the title.
    if let Some(top) = top
        && distinct(shown, |it| it.class.index).len() == 1
        && first.class.index != top.index
    {
        notes.push(format!("The network predicts {} ({}).", name(top), percent(top.probability)));
    }
    if let [only] = shown
        && only.report.completeness.is_none()
        && only.report.relevance.is_conserving
    {
        let sums = summary::conservation(&only.report.relevance, &only.report.end);
        notes.push(format!("Relevance: {}.", sums.replace(" -", " −")));
    }
    if shown.iter().any(|it| it.report.positive == Sign::Against) {
        notes.push(
            "The logit is negative, which turns the signs: the colours mean what their bars say."
                .to_string(),
        );
    }
    notes.extend(centred(shown));
    if photo.is_some_and(Drawn::is_framed) {
        notes.push("Frame: the part of the picture that the network sees.".to_string());
    }
    notes.extend(said.iter().cloned());
    let way = match *method {
        "lrp" => format!("method lrp, composite {composite}; "),
        method => format!("method {method}; "),
    };
    let way = if distinct(shown, |it| it.way()).len() == 1 { way } else { String::new() };
    notes.push(format!("{way}model {}; onnxplain {version}", file_name(model)));
    notes
}

/// Which of the results start with less than the logit.
fn centred(shown: &[Shown]) -> Option<String> {
    let is_centred = |it: &Shown| it.report.initial == Initial::Centred && it.against.is_none();
    let ways = distinct(shown, |it| it.way());
    let centred: Vec<String> = ways.iter().filter(|it| is_centred(it)).map(|it| it.way()).collect();
    let who = match (centred.len(), ways.len()) {
        (0, _) => return None,
        (some, all) if some == all => "Relevance".to_string(),
        _ => format!("Relevance by {}", centred.join(" and by ")),
    };
    Some(format!("{who} starts with the logit less the mean of all logits."))
}

fn name(class: &Class) -> String {
    class.label.clone().unwrap_or_else(|| format!("class {}", class.index))
}

/// A number after an operator.
fn in_parentheses(value: f32) -> String {
    if value < 0.0 { format!("({})", fixed(value)) } else { fixed(value) }
}
