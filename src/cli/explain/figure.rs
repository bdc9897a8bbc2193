//! What the figure of an input shows: the photo, a picture for each result, and the words that are needed to read them.

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;

use onnxplain::figure::{Cell, ColorBar, Figure, FrameBox, Label, Panel, Row, Tick};
use onnxplain::heatmap::Scale;
use onnxplain::{Class, Normalization, Rendering, Sign};

use super::report::Report;
use super::summary;

/// Larger panels are made smaller: a figure is looked at as a whole.
const LONGEST_SIDE: u32 = 1000;

/// Photos up to this size show their pixels.
const PIXELATED_SIDE: u32 = 128;

/// Colours of a colour bar.
const COLORS: usize = 65;

/// Results beside each other; more go into the next row.
const RESULTS_IN_ROW: usize = 4;

/// More results than this are not drawn into one figure.
pub const MOST_RESULTS: usize = 40;

/// A picture of a result, or the photo.
#[derive(Clone, Debug)]
pub struct Drawn {
    picture: Arc<RgbImage>,
    frame: Option<FrameBox>,
    is_pixelated: bool,
}

impl Drawn {
    /// A picture, and the part of it to be framed (left, top, width, height, as shares).
    pub fn new(picture: &Arc<RgbImage>, frame: Option<[f32; 4]>) -> Drawn {
        let (width, height) = picture.dimensions();
        let longest = width.max(height);
        let picture = match longest > LONGEST_SIDE {
            true => {
                let scaled = |side: u32| (side * LONGEST_SIDE / longest).max(1);
                image::imageops::thumbnail(&**picture, scaled(width), scaled(height)).into()
            }
            false => Arc::clone(picture),
        };
        let frame = frame.map(|[left, top, width, height]| FrameBox { left, top, width, height });
        Drawn { picture, frame, is_pixelated: longest <= PIXELATED_SIDE }
    }

    /// The same, showing its pixels or not.
    pub fn pixelated(self, is_pixelated: bool) -> Drawn {
        Drawn { is_pixelated: self.is_pixelated || is_pixelated, ..self }
    }

    fn panel(&self, description: String) -> Panel {
        let Drawn { picture, frame, is_pixelated } = self.clone();
        Panel { picture, is_pixelated, frame, description }
    }
}

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
    if classes.len() > 1 && ways.len() > 1 {
        for class in &classes {
            let of_class: Vec<&Shown> = shown.iter().filter(|it| it.is_about(class)).collect();
            let labels = of_class.iter().map(|it| Label { text: it.way(), ..Label::default() });
            let labels = if figure.rows.is_empty() { labels.collect() } else { vec![] };
            let heading = Some(Label { text: class.title(), detail: class.subtitle() });
            figure.rows.push(Row { heading, ..row(&of_class, labels, photo) });
        }
    } else {
        let all: Vec<&Shown> = shown.iter().collect();
        for some in all.chunks(RESULTS_IN_ROW) {
            let label = |it: &&Shown| match classes.len() {
                1 => Label { text: it.way(), ..Label::default() },
                _ => Label { text: it.title(), detail: it.subtitle() },
            };
            let labels = if shown.len() > 1 { some.iter().map(label).collect() } else { vec![] };
            // The photo stands before the first row only.
            let photo = photo.filter(|_| figure.rows.is_empty());
            figure.rows.push(row(some, labels, photo));
        }
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
        Cell { panel: self.drawn.panel(description), bar: Some(self.bar()), caption: None }
    }

    fn bar(&self) -> ColorBar {
        let [low, high] = self.scale.ends();
        let [low_word, high_word] = self.words();
        let tick = |position: f32, prefix: &str| {
            let value = low + f64::from(position) * (high - low);
            Tick { position, text: format!("{prefix}{}", number(value)) }
        };
        let is_signed = self.rendering.normalization == Normalization::Symmetric;
        let lowest = if is_signed { "≤ " } else { "" };
        let ticks = match high > low {
            true => vec![tick(0.0, lowest), tick(0.5, ""), tick(1.0, "≥ ")],
            false => vec![tick(0.5, "")],
        };
        ColorBar { colors: self.rendering.colors(COLORS), ticks, low: low_word, high: high_word }
    }

    /// What the ends of the colour bar mean.
    fn words(&self) -> [String; 2] {
        let class = name(self.class);
        let mut words = match (self.rendering.normalization, self.against) {
            (Normalization::Symmetric, Some(other)) => {
                [format!("speaks for {}", name(other)), format!("speaks for {class}")]
            }
            (Normalization::Symmetric, None) => {
                [format!("speaks against {class}"), format!("speaks for {class}")]
            }
            (Normalization::Absolute, _) => {
                return ["no influence", "strong influence"].map(String::from);
            }
            (Normalization::Unaligned, _) => {
                return ["least important", "most important"].map(String::from);
            }
        };
        match self.report.positive {
            Sign::For => {}
            Sign::Against => words.reverse(),
            Sign::Mixed => words = ["signs cannot be read", ""].map(String::from),
        }
        words
    }
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
        let at = only.report.parameters["at"].as_str();
        let sums = summary::conservation(&only.report.relevance, at);
        notes.push(format!("Relevance: {}.", sums.replace(" -", " −")));
    }
    if shown.iter().any(|it| it.report.positive == Sign::Against) {
        notes.push(
            "The logit is negative, which turns the signs: the colours mean what their bars say."
                .to_string(),
        );
    }
    if photo.is_some_and(|photo| photo.frame.is_some()) {
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

fn name(class: &Class) -> String {
    class.label.clone().unwrap_or_else(|| format!("class {}", class.index))
}

fn file_name(path: &str) -> String {
    Path::new(path).file_name().map_or(path.into(), |name| name.to_string_lossy().into_owned())
}

fn percent(probability: f32) -> String {
    format!("{:.1} %", probability * 100.0)
}

/// Two decimals.
fn fixed(value: f32) -> String {
    format!("{value:.2}").replace('-', "−")
}

/// A number after an operator.
fn in_parentheses(value: f32) -> String {
    if value < 0.0 { format!("({})", fixed(value)) } else { fixed(value) }
}

/// Two digits that count.
fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_string();
    }
    let text = if (1e-3..1e4).contains(&size) {
        let decimals = (1.0 - size.log10().floor()).max(0.0) as usize;
        format!("{value:.decimals$}")
    } else {
        let scientific = format!("{value:.1e}");
        let (digits, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        format!("{digits}·10{}", superscript(power))
    };
    text.replace('-', "−")
}

fn superscript(power: &str) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = |it: char| match it.to_digit(10) {
        Some(digit) => DIGITS[digit as usize],
        None => '⁻',
    };
    power.chars().map(raised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_two_digits_that_count() {
        let texts = [0.0, 0.01234, -0.5, 12.3, 1234.0, 1.26e-5, -3.0e7].map(number);
        assert_eq!(texts, ["0", "0.012", "−0.50", "12", "1234", "1.3·10⁻⁵", "−3.0·10⁷"]);
    }
}
