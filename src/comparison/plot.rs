//! The shares of regions under one model after the other, as a picture: SVG.

use super::overview::{Overview, RegionMean};
use super::variant::VariantSettings;
use crate::page::escaped;

const WIDTH: f64 = 640.0;
/// The plot's edges: left, top, right, bottom. Names of regions stand on its right, those of variants below.
const PLOT: [f64; 4] = [48.0, 30.0, 470.0, 230.0];
/// The room below the plot: for names that stand beside each other, or aslant.
const ROOM: [f64; 2] = [48.0, 104.0];
/// The least distance of names above each other.
const LINE: f64 = 14.0;
/// Longer names are cut.
const LONGEST_NAME: usize = 22;
/// Names below the axis that stand beside each other are cut as their room says; more names are set aslant.
const MOST_LEVEL: usize = 4;
/// Colours of regions, which begin again where there are more (Okabe and Ito's, for all eyes), each for light and dark pages.
const COLORS: [(&str, &str); 7] = [
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#ff9d5c"),
    ("#007a5a", "#3fd0a4"),
    ("#b0508a", "#e79fc8"),
    ("#8a6d00", "#e6b800"),
    ("#444444", "#c8c8c8"),
    ("#5b4fb3", "#aaa2ff"),
];

/// How the picture looks; inside a page, the page's style sheet has it once.
pub(super) fn style() -> String {
    let mut text = String::from(
        ".shares text{fill:currentColor;font:11px system-ui,sans-serif}.shares .grid{stroke:currentColor;opacity:.18}\
         .shares .line{fill:none;stroke-width:2}.shares .error{stroke-width:1.5}.shares .chance{fill:none;stroke-width:1;stroke-dasharray:2 4;opacity:.8}\
         .shares .thread{fill:none;stroke-width:.7;opacity:.6}\n",
    );
    for (index, (light, _)) in COLORS.iter().enumerate() {
        text += &format!(
            ".shares .r{index}{{stroke:{light};color:{light}}}.shares text.r{index}{{stroke:none;fill:{light}}}.shares circle.r{index}{{stroke:none;fill:{light}}}\n"
        );
    }
    text += "@media(prefers-color-scheme:dark){";
    for (index, (_, dark)) in COLORS.iter().enumerate() {
        text += &format!(
            ".shares .r{index}{{stroke:{dark};color:{dark}}}.shares text.r{index}{{stroke:none;fill:{dark}}}.shares circle.r{index}{{stroke:none;fill:{dark}}}"
        );
    }
    text + "}\n"
}

/// The colours of a file of its own.
const PAPER: &str = ":root{color:#222;background:#fff}@media(prefers-color-scheme:dark){:root{color:#ddd;background:#181818}}";

/// The shares of all regions under some of the variants, from left to right: a point with its standard error for each, lines
/// where the models are states of one network; dotted, the share that each region would have by chance. Inside a page,
/// `is_in_page`, the style sheet is left out. `None` where there is nothing to show.
pub fn shares_svg(
    overview: &Overview,
    title: &str,
    variants: &[&VariantSettings],
    names: &[String],
    is_in_page: bool,
) -> Option<String> {
    let mut regions: Vec<&str> = overview.regions.iter().map(|row| row.region.as_str()).collect();
    regions.dedup();
    let rows = |region: &str| -> Vec<Option<&RegionMean>> {
        let find = |variant: &&VariantSettings| {
            overview.regions.iter().find(|row| row.region == region && row.variant == variant.name)
        };
        variants.iter().map(find).collect()
    };
    let all: Vec<Vec<Option<&RegionMean>>> = regions.iter().map(|region| rows(region)).collect();
    let highest = all.iter().flatten().flatten().filter_map(|row| {
        let share = row.share.mean? + row.share.standard_error.unwrap_or(0.0);
        Some(share.max(row.area.mean.unwrap_or(0.0)))
    });
    let highest = highest.fold(0.0, f64::max);
    if highest <= 0.0 {
        return None;
    }
    let scale = Scale { top: round_up(highest), count: variants.len() };
    let mut body = scale.axes(names);
    let mut ends: Vec<(f64, usize)> = vec![];
    for (index, rows) in all.iter().enumerate() {
        body += &series(index, rows, scale, overview.are_checkpoints);
        let last = rows.iter().rev().flatten().find_map(|row| row.share.mean);
        ends.extend(last.map(|share| (scale.y(share), index)));
    }
    body += &ends_named(ends, &regions);
    let style =
        if is_in_page { String::new() } else { format!("<style>{PAPER}{}</style>", style()) };
    let title = escaped(title);
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"shares\" role=\"img\" viewBox=\"0 0 {WIDTH} {}\"><title>{title}</title>{style}\
         <text x=\"{}\" y=\"16\" font-weight=\"bold\">{title}</text>{body}</svg>\n",
        height(names),
        PLOT[0]
    ))
}

/// From shares and places to points of the picture.
#[derive(Clone, Copy)]
struct Scale {
    top: f64,
    count: usize,
}

impl Scale {
    fn x(self, place: usize) -> f64 {
        let [left, _, right, _] = PLOT;
        left + (place as f64 + 0.5) / self.count.max(1) as f64 * (right - left)
    }

    fn y(self, share: f64) -> f64 {
        let [_, top, _, bottom] = PLOT;
        bottom - share / self.top * (bottom - top)
    }

    /// Shares in per cent on the left, the names of the variants below.
    fn axes(self, names: &[String]) -> String {
        let mut text = String::new();
        for tick in 0..=4 {
            let share = self.top * f64::from(tick) / 4.0;
            let percent = format!("{:.1}", 100.0 * share);
            let percent = percent.trim_end_matches('0').trim_end_matches('.');
            text += &format!(
                "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{percent} %</text>",
                PLOT[0],
                PLOT[2],
                PLOT[0] - 6.0,
                self.y(share) + 4.0,
                y = self.y(share),
            );
        }
        let (is_level, below) = (are_level(names), PLOT[3] + 16.0);
        for (place, name) in names.iter().enumerate() {
            let (x, whole) = (self.x(place), escaped(name));
            let name = escaped(&cut(name, if is_level { LONGEST_NAME } else { 16 }));
            text += &match is_level {
                true => format!(
                    "<text x=\"{x:.1}\" y=\"{below}\" text-anchor=\"middle\">{name}<title>{whole}</title></text>"
                ),
                false => format!(
                    "<text x=\"{x:.1}\" y=\"{below}\" text-anchor=\"end\" transform=\"rotate(-40 {x:.1} {below})\">{name}\
                     <title>{whole}</title></text>"
                ),
            };
        }
        text + &format!(
            "<text x=\"{}\" y=\"{}\" opacity=\".75\">share of the positive relevance; dotted: share of the picture (chance)</text>",
            PLOT[0],
            height(names) - 8.0
        )
    }
}

/// Whether names stand beside each other.
fn are_level(names: &[String]) -> bool {
    names.len() <= MOST_LEVEL
}

fn height(names: &[String]) -> f64 {
    PLOT[3] + if are_level(names) { ROOM[0] } else { ROOM[1] }
}

/// Points, their errors, and what joins them.
fn series(index: usize, rows: &[Option<&RegionMean>], scale: Scale, is_joined: bool) -> String {
    let class = format!("r{}", index % COLORS.len());
    let mut text = String::new();
    let along = |value: &dyn Fn(&RegionMean) -> Option<f64>| {
        let points = rows.iter().enumerate().filter_map(|(place, row)| {
            Some(format!("{:.1},{:.1}", scale.x(place), scale.y(value((*row)?)?)))
        });
        points.collect::<Vec<_>>().join(" ")
    };
    text += &format!(
        "<polyline class=\"{class} chance\" points=\"{}\"/>",
        along(&|row| row.share.mean.and(row.area.mean))
    );
    if is_joined {
        text += &format!(
            "<polyline class=\"{class} line\" points=\"{}\"/>",
            along(&|row| row.share.mean)
        );
    }
    for (place, row) in rows.iter().enumerate() {
        let Some((row, mean)) = row.and_then(|row| Some((row, row.share.mean?))) else { continue };
        let (x, y) = (scale.x(place), scale.y(mean));
        if let Some(error) = row.share.standard_error {
            text += &format!(
                "<line class=\"{class} error\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
                scale.y(mean + error),
                scale.y((mean - error).max(0.0))
            );
        }
        text += &format!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"><title>{}: {:.1} % ({}, n {})</title></circle>",
            escaped(&row.region),
            100.0 * mean,
            escaped(&row.variant),
            row.share.n
        );
    }
    text
}

/// The names of the regions beside their last points, moved apart where they would lie over each other.
fn ends_named(mut ends: Vec<(f64, usize)>, regions: &[&str]) -> String {
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut places: Vec<f64> = ends.iter().map(|end| end.0).collect();
    for index in 1..places.len() {
        places[index] = places[index].max(places[index - 1] + LINE);
    }
    // What was pushed out at the bottom pushes back.
    let lowest = PLOT[3] + 4.0;
    for index in (0..places.len()).rev() {
        let limit = places.get(index + 1).map_or(lowest, |below| below - LINE);
        places[index] = places[index].min(limit);
    }
    let right = PLOT[2];
    let named = ends.iter().zip(places).map(|((y, index), place)| {
        let class = format!("r{}", index % COLORS.len());
        let name = escaped(&cut(regions[*index], LONGEST_NAME));
        format!(
            "<path class=\"{class} thread\" d=\"M{:.1} {y:.1}L{:.1} {place:.1}\"/><text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
            right - 4.0,
            right + 10.0,
            right + 14.0,
            place + 4.0
        )
    });
    named.collect()
}

/// The next share of 1, 2, 2.5, 4 and 5 times a power of ten; at most all of the relevance.
fn round_up(share: f64) -> f64 {
    let power = 10_f64.powf(share.log10().floor());
    let steps = [1.0, 2.0, 2.5, 4.0, 5.0, 10.0].map(|factor| factor * power);
    steps.into_iter().find(|step| *step >= share * (1.0 - 1e-9)).unwrap_or(1.0).min(1.0)
}

fn cut(name: &str, longest: usize) -> String {
    match name.chars().count() > longest {
        true => name.chars().take(longest - 1).chain(['…']).collect(),
        false => name.to_string(),
    }
}
