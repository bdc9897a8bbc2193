//! A method's mean curves as a picture: SVG, for itself or inside a page.

use super::curves::{Band, MeanCurve};
use crate::page::escaped;

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 230.0;
/// The plot's edges: left, top, right, bottom.
const PLOT: [f64; 4] = [40.0, 12.0, 350.0, 192.0];

/// Where the picture will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file of its own, with a title, a legend and colours.
    File,
    /// Inside the page, whose style sheet has the rest.
    Page,
}

/// A method's curves, with those of the control `random` in grey, on a scale from 0 (or the lowest score) to `highest`.
pub fn curves_svg(
    title: &str,
    curve: &MeanCurve,
    random: Option<&MeanCurve>,
    range: [f64; 2],
    place: Place,
) -> String {
    let mut body = axes(range);
    if let Some(random) = random {
        body.push_str(&band_and_line("random", &random.fraction, &random.morf, range));
        body.push_str(&band_and_line("random", &random.fraction, &random.lerf, range));
    }
    body.push_str(&band_and_line("lerf", &curve.fraction, &curve.lerf, range));
    body.push_str(&band_and_line("morf", &curve.fraction, &curve.morf, range));
    let title = escaped(title);
    let (extra, above) = match place {
        Place::File => (format!("<style>{COLOURS}{CURVES_STYLE}</style>{}", legend(&title)), 40.0),
        Place::Page => (String::new(), 0.0),
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"curves\" role=\"img\" viewBox=\"0 {} {WIDTH} {}\"><title>{title}</title>\
         {extra}{body}</svg>\n",
        -above,
        HEIGHT + above
    )
}

/// The scale that holds all these curves: from 0, or lower where scores are negative.
pub fn range_of<'a>(curves: impl IntoIterator<Item = &'a MeanCurve>) -> [f64; 2] {
    let bands = curves.into_iter().flat_map(|curve| [&curve.morf, &curve.lerf]);
    let ends = bands.flat_map(|band| {
        band.mean.iter().zip(&band.error).flat_map(|(mean, error)| [mean - error, mean + error])
    });
    let (low, high) =
        ends.fold((0.0_f64, 0.0_f64), |(low, high), end| (low.min(end), high.max(end)));
    let step = tick_step(high - low);
    [(low / step).floor() * step, (high / step).ceil() * step]
}

/// How curves look, in files and in the page; the colours are said elsewhere.
pub(super) const CURVES_STYLE: &str = "\
.curves text{fill:currentColor;font:11px system-ui,sans-serif}
.curves .line{fill:none;stroke-width:2}.curves .band{stroke:none;opacity:.22}
.curves .morf.line{stroke:var(--morf)}.curves .morf.band,.curves text.morf{fill:var(--morf)}
.curves .lerf.line{stroke:var(--lerf)}.curves .lerf.band,.curves text.lerf{fill:var(--lerf)}
.curves .random.line{stroke:var(--random)}.curves .random.band,.curves text.random{fill:var(--random)}
.curves .grid{stroke:currentColor;opacity:.18}
";

/// The colours of a file.
const COLOURS: &str = "\
:root{color:#222;background:#fff;--morf:#b3470b;--lerf:#0b62a8;--random:#777}
@media(prefers-color-scheme:dark){:root{color:#ddd;background:#181818;--morf:#ff9d5c;--lerf:#69b7ff;--random:#999}}
";

fn legend(title: &str) -> String {
    let entry = |x: f64, class: &str, text: &str| {
        format!("<text class=\"{class}\" x=\"{x}\" y=\"-2\">{text}</text>")
    };
    format!(
        "<text x=\"{}\" y=\"-20\" font-weight=\"bold\">{title}</text>{}{}{}",
        PLOT[0],
        entry(PLOT[0], "morf", "most relevant first"),
        entry(PLOT[0] + 110.0, "lerf", "least relevant first"),
        entry(PLOT[0] + 220.0, "random", "random order")
    )
}

fn x(share: f64) -> f64 {
    PLOT[0] + share * (PLOT[2] - PLOT[0])
}

fn y(score: f64, [low, high]: [f64; 2]) -> f64 {
    PLOT[3] - (score - low) / (high - low).max(f64::MIN_POSITIVE) * (PLOT[3] - PLOT[1])
}

/// A round number that divides a range into some four parts.
fn tick_step(range: f64) -> f64 {
    let rough = if range > 0.0 { range / 4.0 } else { 0.25 };
    let power = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    steps.into_iter().find(|step| *step >= rough * (1.0 - 1e-9)).unwrap_or(power * 10.0)
}

fn axes(range: [f64; 2]) -> String {
    let mut text = String::new();
    let step = tick_step(range[1] - range[0]);
    let count = ((range[1] - range[0]) / step).round() as i64;
    for tick in 0..=count {
        let score = range[0] + tick as f64 * step;
        let at = y(score, range);
        // Without the last digits that steps of 0.1 leave.
        let label = (score / step).round() * step;
        let label = format!("{:.4}", label);
        let label = label.trim_end_matches('0').trim_end_matches('.').replace('-', "−");
        text.push_str(&format!(
            "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            PLOT[0],
            PLOT[2],
            PLOT[0] - 6.0,
            at + 4.0
        ));
    }
    for tick in 0..=4 {
        let share = f64::from(tick) * 0.25;
        text.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x(share),
            PLOT[3] + 15.0,
            share
        ));
    }
    let middle = x(0.5);
    text + &format!(
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">share of pixels removed</text>",
        PLOT[3] + 31.0
    )
}

fn band_and_line(class: &str, fraction: &[f64], band: &Band, range: [f64; 2]) -> String {
    if band.mean.is_empty() {
        return String::new();
    }
    let points = |sign: f64| {
        let ends = fraction.iter().zip(band.mean.iter().zip(&band.error));
        ends.map(move |(share, (mean, error))| {
            format!("{:.1},{:.1}", x(*share), y(mean + sign * error, range))
        })
    };
    let around: Vec<String> = points(1.0).chain(points(-1.0).rev()).collect();
    let along: Vec<String> = points(0.0).collect();
    format!(
        "<polygon class=\"{class} band\" points=\"{}\"/><polyline class=\"{class} line\" points=\"{}\"/>",
        around.join(" "),
        along.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve() -> MeanCurve {
        let band = |mean: [f64; 3]| Band { mean: mean.to_vec(), error: vec![0.0, 0.1, 0.0] };
        MeanCurve {
            n: 3,
            fraction: vec![0.0, 0.5, 1.0],
            morf: band([0.8, 0.2, 0.0]),
            lerf: band([0.8, 0.7, 0.0]),
        }
    }

    #[test]
    fn the_scale_holds_the_bands() {
        assert_eq!(range_of([&curve()]), [0.0, 0.8]);
        let low = MeanCurve { morf: Band { mean: vec![-0.3], error: vec![0.0] }, ..curve() };
        assert_eq!(range_of([&low]), [-0.5, 1.0]);
        assert_eq!(range_of([]), [0.0, 0.0]);
    }

    #[test]
    fn points_lie_where_the_numbers_say() {
        let svg = curves_svg("a<b", &curve(), None, [0.0, 1.0], Place::File);
        assert!(svg.contains("<title>a&lt;b</title>"));
        assert!(svg.contains(
            r#"<polyline class="morf line" points="40.0,48.0 195.0,156.0 350.0,192.0"/>"#
        ));
        assert!(svg.contains(r#"<polygon class="lerf band" points="40.0,48.0 195.0,48.0 350.0,192.0 350.0,192.0 195.0,84.0 40.0,48.0"/>"#));
        assert!(!svg.contains("random line") && !svg.contains("NaN"));
    }
}
