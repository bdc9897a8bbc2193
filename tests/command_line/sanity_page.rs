//! `onnxplain sanity`: the summary's files, and the page in Chromium.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::chromium::{in_chromium, on_a_phone};
use super::{Run, command, folder, sample, vgg};

/// Tests two methods on the ten sample pictures.
fn tested(options: &[&str]) -> (TempDir, Run) {
    let place = folder();
    let mut command = command();
    command.current_dir(place.path()).arg("sanity").arg(vgg()).arg(sample("photos/fashion"));
    command.args(["--methods", "gradient,guided-backprop", "-o", "out"]).args(options);
    let run = Run::from(command.output().unwrap());
    (place, run)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_summary_is_written_and_printed_with_how_to_read_it() {
    let (place, run) = tested(&[]);
    let run = run.succeeded();
    let out = place.path().join("out");
    for sentence in
        ["It cannot show that a method is faithful", "noise passes best", "It ranks no methods"]
    {
        assert!(run.stdout.contains(sentence), "{}", run.stdout);
        assert!(read(&out.join("index.html")).contains(sentence));
        assert!(read(&out.join("summary.md")).contains(sentence));
    }
    assert!(run.stdout.contains("guided-backprop keeps a similarity of"), "{}", run.stdout);
    let summary: Value = serde_json::from_str(&read(&out.join("summary.json"))).unwrap();
    assert_eq!(summary["steps"].as_array().unwrap().len(), 8);
    let last =
        |method: &str| summary["methods"][method]["last"]["spearman"]["mean"].as_f64().unwrap();
    // The finding of Adebayo et al., and of Binder et al.
    assert!(last("guided-backprop") > 0.3 && last("gradient").abs() < 0.1);
    assert!(last("noise").abs() < 0.1 && last("edges") == 1.0);
    let channels = &summary["steps"][0]["channels"];
    assert!(channels["rank"]["mean"].as_f64().unwrap() > 0.9, "{channels}");
    let csv = read(&out.join("summary.csv"));
    assert!(csv.starts_with("step,layer,method,control,measure,n,mean,standard_error\n"));
    assert!(csv.contains("\n1,/24/Gemm,,,channel_rank,10,0.9"), "{csv}");
    assert!(csv.contains("\nlast,,edges,true,spearman,10,1,0"), "{csv}");
    let page = read(&out.join("index.html")).replace("http://www.w3.org/2000/svg", "");
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("{{"));
}

#[test]
fn formats_are_printed_as_asked() {
    for (format, file) in
        [("csv", "summary.csv"), ("markdown", "summary.md"), ("json", "summary.json")]
    {
        let (place, run) = tested(&["--format", format, "--steps", "1"]);
        assert_eq!(run.succeeded().stdout, read(&place.path().join("out").join(file)));
    }
}

#[test]
fn chromium_draws_lines_and_maps() {
    let (place, run) = tested(&["--order", "top-down"]);
    run.succeeded();
    let script = "
        const choose = (id, value) => { const control = document.getElementById(id); control.value = value;
          control.dispatchEvent(new Event('input', { bubbles: true })); };
        const lines = (id) => [...document.querySelectorAll(`#${id} polyline`)].map((line) => line.getAttribute('points'));
        const found = { rows: document.querySelectorAll('#table tbody tr').length, lines: lines('steps').length };
        const before = lines('steps')[0];
        choose('measure', 'ssim');
        found.changed = before !== lines('steps')[0];
        found.about = document.getElementById('about').textContent;
        found.valid = lines('steps').every((points) => !points.includes('NaN'));
        found.channels = lines('channel-steps').length;
        found.reading = document.querySelectorAll('#reading li').length;
        choose('picture', '1');
        const images = [...document.querySelectorAll('#maps img')];
        await Promise.all(images.map((image) => { image.loading = 'eager'; return image.decode(); }));
        found.maps = images.filter((image) => image.naturalWidth > 0).length;
        found.networks = document.querySelectorAll('#networks tbody tr').length;
        return found;";
    let Some(found) = in_chromium(&place.path().join("out/index.html"), script) else {
        return;
    };
    let expected = json!({
        "rows": 5, "lines": 5, "changed": true, "valid": true, "channels": 3, "reading": 3, "networks": 8,
        // A photo, and for each of five methods the trained network and seven steps.
        "maps": 1 + 5 * 8,
        "about": "structural similarity, windows of 7 x 7 pixels, each map in units of its root mean square",
    });
    assert_eq!(found, expected);
}

#[test]
fn the_page_fits_a_phone() {
    let (place, run) = tested(&["--steps", "3", "--order", "independent"]);
    run.succeeded();
    let Some(found) = on_a_phone(&place.path().join("out"), "#table tbody tr") else {
        return;
    };
    assert_eq!(found, json!([true, 0, 5]), "the page is wider than its window");
}
