//! Summaries of reports that are made up.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::evaluation::{ReportLine, Settings};

/// A metric of a made-up report: name and direction.
const METRICS: [(&str, &str); 4] = [
    ("srg", "higher"),
    ("mass-gain", "higher"),
    ("avg-sensitivity", "lower"),
    ("sparseness", "higher"),
];

const METHODS: [&str; 5] = ["good", "same", "bad", "random", "edges"];

fn settings() -> Settings {
    let control = |name: &str| ["random", "edges", "centre"].contains(&name);
    let methods = METHODS.map(|name| {
        let method = if control(name) { "control" } else { "lrp" };
        json!({ "name": name, "method": method, "reading": "signed", "is_control": control(name) })
    });
    let metrics = METRICS
        .map(|(name, direction)| json!({ "name": name, "metric": name, "direction": direction }));
    let settings = json!({
        "hash": "00", "version": "0.1.0", "model": "models/net.onnx", "classes": 10, "seed": 0,
        "fill": { "asked": "auto", "name": "blur" }, "methods": methods, "metrics": metrics, "others": {},
    });
    serde_json::from_value(settings).unwrap()
}

fn line(input: &str, method: &str, metrics: Value) -> ReportLine {
    let is_missing = |(name, value): (&String, &Value)| {
        value.is_null().then(|| (name.clone(), json!("no mask")))
    };
    let undefined: serde_json::Map<String, Value> =
        metrics.as_object().unwrap().iter().filter_map(is_missing).collect();
    let line = json!({
        "input": input, "method": method, "reading": "signed", "metrics": metrics, "undefined": undefined,
        "target": { "index": 3, "label": "cat", "probability": 0.75 }, "curves": {}, "settings": "00", "forwards": 62,
    });
    serde_json::from_value(line).unwrap()
}

/// A value between −1 and 1 that looks random.
fn noise(picture: usize, salt: usize) -> f64 {
    ((picture * 7919 + salt * 104_729) % 1009) as f64 / 504.5 - 1.0
}

/// Pictures differ much, methods on the same picture little: `good` is a little above `same`, and clearly above `bad`.
fn lines(pictures: usize) -> Vec<ReportLine> {
    let of_picture = |picture: usize| {
        let base = 0.4 + 0.3 * noise(picture, 1);
        METHODS.map(|method| {
            let (srg, sensitivity) = match method {
                "good" => (base, 0.5),
                "same" => (base - 0.001 + 0.05 * noise(picture, 2), 0.2),
                "bad" => (base - 0.1 + 0.05 * noise(picture, 3), 0.9),
                "edges" => (0.2 + 0.1 * noise(picture, 4), 0.0),
                _ => (0.1 * noise(picture, 5), 0.0),
            };
            let gain = if picture == 0 { None } else { Some(1.0 + base) };
            let metrics = json!({ "srg": srg, "mass-gain": gain, "avg-sensitivity": sensitivity, "sparseness": 0.5 });
            line(&format!("photos/{picture:02}.png"), method, metrics)
        })
    };
    (0..pictures).flat_map(of_picture).collect()
}

fn summary(lines: &[ReportLine]) -> Summary {
    summarize(&settings(), lines, &SummaryOptions::new(0))
}

fn row<'a>(summary: &'a Summary, metric: &str, method: &str) -> &'a MethodSummary {
    summary.metrics.get(metric).unwrap().methods.get(method).unwrap()
}

#[test]
fn paired_differences_tell_apart_what_means_do_not() {
    let found = summary(&lines(30));
    let (good, same, bad) =
        (row(&found, "srg", "good"), row(&found, "srg", "same"), row(&found, "srg", "bad"));
    assert!(good.best && good.indistinguishable && good.difference.is_none());
    assert!(!same.best && same.indistinguishable);
    assert!(!bad.indistinguishable);
    let difference = bad.difference.as_ref().unwrap();
    assert_eq!((difference.to.as_str(), difference.n), ("good", 30));
    assert!((difference.mean + 0.1).abs() < 0.02, "{}", difference.mean);
    assert!(difference.p < 0.001 && difference.pictures_needed.unwrap() < 10);
    // The means alone would not show it: pictures differ more than methods.
    assert!(bad.standard_error.unwrap() > 4.0 * difference.standard_error.unwrap());
    assert!(bad.interval.unwrap()[1] > good.interval.unwrap()[0]);
    assert_eq!([good, same, bad].map(|row| row.above_random), [Some(true); 3]);
    let random = row(&found, "srg", "random");
    assert_eq!((random.best, random.indistinguishable, random.above_random), (false, false, None));
}

#[test]
fn lower_is_better_where_the_metric_says_so() {
    let found = summary(&lines(12));
    assert!(row(&found, "avg-sensitivity", "same").best);
    // Noise is perfectly robust: that no method beats it says nothing.
    assert_eq!(row(&found, "avg-sensitivity", "same").above_random, None);
    let places = &found.ranks.get("robustness").unwrap().places;
    assert_eq!(
        ["good", "same", "bad"].map(|name| places.get(name).copied()),
        [Some(2), Some(1), Some(3)]
    );
    assert_eq!(places.get("random"), None);
    assert_eq!(found.pareto, ["good", "same"]);
}

#[test]
fn what_is_undefined_is_counted_with_its_reason() {
    let found = summary(&lines(12));
    let row = row(&found, "mass-gain", "good");
    assert_eq!((row.n, found.pictures), (11, 12));
    assert_eq!(row.undefined, BTreeMap::from([("no mask".to_string(), 1)]));
    let warning =
        found.warnings.iter().find(|text| text.starts_with("mass-gain is undefined")).unwrap();
    assert!(warning.contains("on 1 of 12 pictures (no mask: 1)"), "{warning}");
    let table = text_table(&found);
    assert!(table.contains("(n 11)") && !table.contains("(n 12)"), "{table}");
}

#[test]
fn a_method_that_is_defined_on_few_pictures_is_not_the_best() {
    let mut lines = lines(12);
    for line in lines.iter_mut().filter(|line| line.method == "bad") {
        let is_kept = line.input.ends_with("05.png");
        line.metrics.insert("srg".into(), is_kept.then_some(5.0));
    }
    let found = summary(&lines);
    assert!(row(&found, "srg", "good").best);
    assert_eq!(row(&found, "srg", "bad").n, 1);
}

#[test]
fn few_pictures_are_said_to_be_few() {
    let found = summary(&lines(3));
    let methods = ["good", "same", "bad"].map(|name| row(&found, "srg", name));
    assert!(methods.iter().all(|row| row.indistinguishable && row.interval.is_none()));
    // Three methods take two comparisons: 2 · 2/2ⁿ < 0.05 from n = 7 on.
    let warnings = found.warnings.join("\n");
    assert!(
        warnings.contains("3 pictures are too few to tell 3 methods apart: that takes at least 7"),
        "{warnings}"
    );
    assert!(warnings.contains("intervals need at least 10 pictures"), "{warnings}");
    let enough = summary(&lines(10)).warnings.join("\n");
    assert!(!enough.contains("too few") && !enough.contains("intervals"), "{enough}");
}

#[test]
fn an_edge_detector_that_wins_is_a_warning() {
    let mut lines = lines(12);
    assert!(!summary(&lines).warnings.iter().any(|text| text.contains("`edges`")));
    for line in lines.iter_mut().filter(|line| line.method == "edges") {
        line.metrics.insert("srg".into(), Some(0.9));
    }
    let found = summary(&lines);
    let warning = found.warnings.iter().find(|text| text.contains("`edges`")).unwrap();
    assert!(warning.starts_with("in srg, with the fill blur, the control `edges`"), "{warning}");
    assert!(text_table(&found).contains("below the edge detector (srg)"));
}

#[test]
fn a_method_that_does_not_beat_random_is_marked() {
    let mut lines = lines(12);
    for line in lines.iter_mut().filter(|line| line.method == "bad") {
        line.metrics.insert("srg".into(), Some(-0.2));
    }
    for (place, line) in lines.iter_mut().filter(|line| line.method == "same").enumerate() {
        let random = 0.1 * noise(place, 5);
        line.metrics.insert("srg".into(), Some(random + 0.001 + 0.1 * noise(place, 9)));
    }
    let found = summary(&lines);
    assert_eq!(row(&found, "srg", "bad").above_random, Some(false));
    let table = text_table(&found);
    assert!(table.contains("not better than random (srg)"), "{table}");
}

#[test]
fn r_oms_and_leak_come_from_the_curves() {
    let mut lines = lines(2);
    for line in &mut lines {
        let curves = json!({ "fraction": [0.0, 0.5, 1.0], "morf": [0.8, 0.4, 0.2], "lerf": [0.8, 0.6, 0.2] });
        line.curves.insert("srg".into(), serde_json::from_value(curves).unwrap());
    }
    let fill = summary(&lines).fill;
    // Areas .45 and .55; ten classes.
    assert!((fill.r_oms.unwrap() - 0.5).abs() < 1e-12 && (fill.leak.unwrap() - 0.1).abs() < 1e-12);
    let without = summary(&self::lines(2)).fill;
    assert_eq!((without.r_oms, without.leak), (None, None));
}

#[test]
fn folders_are_units_of_their_own() {
    let mut lines = lines(12);
    for line in &mut lines {
        // Two films of six frames.
        let frame: usize = line.input[7..9].parse().unwrap();
        line.input = format!("film{}/{frame:02}.png", frame % 2);
    }
    let options = SummaryOptions { units: Units::Folders, ..SummaryOptions::new(0) };
    let found = summarize(&settings(), &lines, &options);
    let bad = row(&found, "srg", "bad");
    assert_eq!((bad.n, bad.interval), (12, None));
    assert!(bad.difference.as_ref().unwrap().p >= 0.5);
}

#[test]
fn weights_make_a_score() {
    let weights = BTreeMap::from([("srg".to_string(), 3.0), ("avg-sensitivity".to_string(), 1.0)]);
    let options = SummaryOptions { weights, ..SummaryOptions::new(0) };
    let weighted = summarize(&settings(), &lines(12), &options).weighted.unwrap();
    let score = |name: &str| weighted.methods.get(name).unwrap().mean;
    assert_eq!(weighted.n, 12);
    assert!((score("good") + score("same") + score("bad")).abs() < 1e-12);
    assert!(score("bad") < -0.5 && score("good") > 0.0);
    assert!(weighted.methods.get("random").is_none());
    assert_eq!(summary(&lines(12)).weighted, None);
}

#[test]
fn json_keeps_the_order_of_the_settings() {
    let text = serde_json::to_string(&summary(&lines(3))).unwrap();
    let place = |word: &str| text.rfind(&format!("\"{word}\":{{\"direction\"")).unwrap();
    assert!(place("srg") < place("mass-gain") && place("mass-gain") < place("avg-sensitivity"));
    let json: Value = serde_json::from_str(&text).unwrap();
    let row = &json["metrics"]["srg"]["methods"]["bad"];
    for field in [
        "n",
        "mean",
        "standard_error",
        "median",
        "interval",
        "best",
        "indistinguishable",
        "above_random",
    ] {
        assert!(row.get(field).is_some(), "{field}");
    }
    for field in ["to", "mean", "standard_error", "interval", "p", "pictures_needed"] {
        assert!(row["difference"].get(field).is_some(), "{field}");
    }
}

#[test]
fn csv_has_a_line_per_metric_and_method() {
    let text = csv(&summary(&lines(3)));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + METRICS.len() * METHODS.len());
    let columns = lines[0].split(',').count();
    assert!(lines.iter().all(|line| line.split(',').count() == columns));
    assert!(lines[1].starts_with("srg,higher,faithfulness,good,signed,false,3,0."), "{}", lines[1]);
}

#[test]
fn markdown_has_as_many_cells_in_every_row() {
    let text = markdown_table(&summary(&lines(12)));
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 2 + METHODS.len());
    assert!(rows.iter().all(|row| row.matches('|').count() == METRICS.len() + 3), "{text}");
    assert!(rows[2].starts_with("| good | "));
}

#[test]
fn names_cannot_break_the_page() {
    let mut settings = settings();
    settings.model = "a/<net>.onnx".into();
    settings.methods[0].name = "</script><b>".into();
    let mut lines = lines(3);
    lines
        .iter_mut()
        .filter(|line| line.method == "good")
        .for_each(|line| line.method = "</script><b>".into());
    let found = summarize(&settings, &lines, &SummaryOptions::new(0));
    let page = page(&found, &lines, &BTreeMap::new());
    assert!(page.contains("<title>Evaluation of &lt;net&gt;.onnx</title>"));
    assert_eq!(page.matches("</script>").count(), 2);
    // The name of SVG's vocabulary is no address that is loaded.
    let text = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!text.contains("{{") && !text.contains("http://") && !text.contains("https://"));
}

#[test]
fn no_lines_are_no_numbers() {
    let found = summary(&[]);
    assert_eq!((found.pictures, row(&found, "srg", "good").n), (0, 0));
    assert!(!row(&found, "srg", "good").best && found.pareto.is_empty());
    assert!(text_table(&found).contains("0 pictures"));
    assert!(!csv(&found).contains("NaN"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_lines_changes_nothing(keys in proptest::collection::vec(any::<u64>(), 12 * METHODS.len())) {
        let lines = lines(12);
        let mut keyed: Vec<(u64, ReportLine)> = keys.into_iter().zip(lines.clone()).collect();
        keyed.sort_by_key(|(key, _)| *key);
        let moved: Vec<ReportLine> = keyed.into_iter().map(|(_, line)| line).collect();
        let (one, other) = (summary(&lines), summary(&moved));
        prop_assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&other).unwrap());
        prop_assert_eq!(page(&one, &lines, &BTreeMap::new()), page(&other, &moved, &BTreeMap::new()));
    }
}
