//! `onnxplain evaluate`: the summary's files, and the page in Chromium.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::chromium::{in_chromium, on_a_phone};
use super::{Run, command, files_in, folder, sample, vgg};

/// Evaluates two methods on the ten sample pictures.
fn evaluated(options: &[&str]) -> (TempDir, Run) {
    let place = folder();
    let mut command = command();
    command.current_dir(place.path()).arg("evaluate").arg(vgg()).arg(sample("photos/fashion"));
    command.args([
        "--methods",
        "lrp:epsilon-plus-flat,saliency",
        "--metrics",
        "srg,sparseness,faithfulness-correlation",
    ]);
    command.args(["--levels", "8", "-o", "out"]).args(options);
    let run = Run::from(command.output().unwrap());
    (place, run)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_summary_is_written_and_printed() {
    let (place, run) = evaluated(&[]);
    let run = run.succeeded();
    let out = place.path().join("out");
    assert!(run.stdout.starts_with("fill: "), "{}", run.stdout);
    assert!(
        run.stdout.contains("10 pictures") && run.stdout.contains("random (control)"),
        "{}",
        run.stdout
    );
    let summary: Value = serde_json::from_str(&read(&out.join("summary.json"))).unwrap();
    let methods = &summary["metrics"]["srg"]["methods"];
    assert_eq!(methods["lrp:epsilon-plus-flat"]["n"], json!(10));
    assert!(methods["random"]["best"] == json!(false) && methods["random"]["mean"].is_f64());
    assert!(summary["fill"]["r_oms"].is_f64() && summary["fill"]["leak"].is_f64());
    let csv = read(&out.join("summary.csv"));
    assert_eq!(csv.lines().count(), 1 + 3 * methods.as_object().unwrap().len());
    let curves = files_in(&out.join("curves"));
    assert!(curves.contains(&"lrp-epsilon-plus-flat.svg".to_string()), "{curves:?}");
    assert!(!read(&out.join("curves").join(&curves[0])).contains("NaN"));
    let page = read(&out.join("index.html")).replace("http://www.w3.org/2000/svg", "");
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("{{"));
}

#[test]
fn formats_are_printed_as_asked() {
    let (place, run) = evaluated(&["--format", "csv"]);
    assert_eq!(run.succeeded().stdout, read(&place.path().join("out/summary.csv")));
    let (_, run) = evaluated(&["--format", "markdown"]);
    assert!(run.succeeded().stdout.contains("| method | srg ↑ |"));
    let (place, run) = evaluated(&["--format", "json"]);
    let printed: Value = serde_json::from_str(&run.succeeded().stdout).unwrap();
    let written: Value =
        serde_json::from_str(&read(&place.path().join("out/summary.json"))).unwrap();
    assert_eq!(printed, written);
}

const HELPERS: &str = "
    const names = () => [...document.querySelectorAll('#table tbody td.name')].map((cell) => cell.firstChild.textContent);
    const click = (key) => document.querySelector(`#table th[data-key=${key}] button`).click();
    const choose = (id, value) => { const control = document.getElementById(id); control.value = value;
      control.dispatchEvent(new Event('input', { bubbles: true })); };
    const sorted = () => [...document.querySelectorAll('#table th[data-key]')].map((th) => th.ariaSort);
    const pictures = () => [...document.querySelectorAll('#extremes img')];
    const loaded = () => Promise.all(pictures().map((image) => { image.loading = 'eager'; return image.decode(); }));
";

#[test]
fn chromium_sorts_chooses_and_shows_pictures() {
    let (place, run) = evaluated(&[]);
    run.succeeded();
    let script = "
        const steps = { begin: [names(), sorted()] };
        click('srg'); steps.rising = [names(), sorted()];
        click('sparseness'); steps.sparseness = [names(), sorted()];
        steps.facts = document.getElementById('facts').textContent;
        steps.dots = document.querySelectorAll('#dots circle.picture').length;
        steps.means = document.querySelectorAll('#dots circle.mean').length;
        choose('category', 'complexity'); steps.complexity = sorted().length;
        choose('metric', 'sparseness'); steps.about = document.getElementById('about').textContent;
        steps.curves = document.querySelectorAll('#curve-grid figure:not([hidden]) polyline.morf').length;
        steps.random = document.querySelectorAll('#curve-grid figure:not([hidden]) polyline.random').length;
        await loaded();
        steps.pictures = pictures().map((image) => image.naturalWidth);
        choose('method', 'saliency'); steps.chosen = document.querySelectorAll('#extremes .chosen').length;
        steps.places = document.querySelectorAll('#ranks tbody tr').length;
        return steps;";
    let page = place.path().join("out/index.html");
    let Some(steps) = in_chromium(&page, &(HELPERS.to_string() + script)) else {
        return;
    };
    assert!(steps.is_object(), "{steps}");
    let names = |step: &Value| -> Vec<String> { serde_json::from_value(step[0].clone()).unwrap() };
    let (begin, rising) = (names(&steps["begin"]), names(&steps["rising"]));
    // Two methods and the controls.
    assert_eq!(begin.len(), 5, "{steps}");
    assert_eq!(begin.iter().rev().collect::<Vec<_>>(), rising.iter().collect::<Vec<_>>());
    assert_eq!(steps["begin"][1], json!(["descending", "none", "none"]));
    assert_eq!(steps["rising"][1][0], json!("ascending"));
    assert!(steps["facts"].as_str().unwrap().starts_with("10 pictures · fill "));
    assert_eq!(steps["complexity"], json!(1));
    assert_eq!((&steps["dots"], &steps["means"]), (&json!(5 * 10), &json!(5 + 4)));
    assert!(steps["about"].as_str().unwrap().contains("Chalasani"), "{steps}");
    // Every method but random itself, which stands in grey behind each of them.
    assert_eq!((&steps["curves"], &steps["random"]), (&json!(4), &json!(8)));
    // Three best and three worst, each with its photo and five maps.
    let widths: Vec<u64> = serde_json::from_value(steps["pictures"].clone()).unwrap();
    assert_eq!(widths.len(), 6 * 6);
    assert!(widths.iter().all(|width| *width > 0), "{widths:?}");
    assert_eq!((&steps["chosen"], &steps["places"]), (&json!(6), &json!(2)));
}

#[test]
fn the_page_fits_a_phone() {
    let (place, run) = evaluated(&[]);
    run.succeeded();
    let Some(found) = on_a_phone(&place.path().join("out"), "#table tbody tr") else {
        return;
    };
    assert_eq!(found, json!([true, 0, 5]), "the page is wider than its window");
}
