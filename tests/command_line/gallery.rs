//! `onnxplain gallery`: the page, and in Chromium its controls.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::chromium::in_chromium;
use super::{Run, command, files_in, folder, photos, run, vgg};

/// Explains some photos, one of them broken, into `out` of a folder.
fn explained(count: usize) -> TempDir {
    let place = folder();
    let photos = photos(count);
    fs::rename(photos.path(), place.path().join("photos")).unwrap();
    fs::write(place.path().join("photos/a/000.png"), "no picture").unwrap();
    let mut command = command();
    command.current_dir(place.path()).arg("explain").arg(vgg()).args(["photos", "-o", "out"]);
    assert_eq!(Run::from(command.output().unwrap()).code, 1);
    place
}

fn gallery(place: &Path, options: &[&str]) -> Run {
    let mut command = command();
    command.current_dir(place).args(["gallery", "out"]).args(options);
    Run::from(command.output().unwrap())
}

/// The rows inside a page.
fn rows(page: &Path) -> Vec<Value> {
    let text = fs::read_to_string(page).unwrap();
    let begin = "<script type=\"application/json\" id=\"rows\">";
    let rows = text.split_once(begin).unwrap().1.split_once("</script>").unwrap().0;
    serde_json::from_str(rows).unwrap()
}

#[test]
fn a_page_holds_all_that_it_needs() {
    let place = explained(8);
    let made = gallery(place.path(), &["--json"]).succeeded();
    assert_eq!(made.objects(), [json!({ "gallery": "out/gallery.html", "rows": 8, "missing": 0 })]);
    let page = place.path().join("out/gallery.html");
    let rows = rows(&page);
    assert!(rows[0]["error"].as_str().unwrap().contains("no picture"));
    assert_eq!((&rows[0]["photo"], &rows[0]["class"]), (&Value::Null, &Value::Null));
    for row in &rows[1..] {
        assert!(row["confidence"].as_f64().unwrap() > 0.5);
        for kind in ["photo", "heatmap", "overlay"] {
            let source = row[kind]["source"].as_str().unwrap();
            assert!(source.starts_with("data:image/png;base64,"), "{source}");
        }
        let overlay = row["overlayFile"].as_str().unwrap();
        assert!(place.path().join("out").join(overlay).exists(), "{overlay}");
    }
    let text = fs::read_to_string(&page).unwrap();
    assert!(!text.contains("http://") && !text.contains("https://"));
    // It is not written over, and does not mind that the folder was moved or photos are gone.
    assert_eq!(gallery(place.path(), &[]).code, 2);
    fs::rename(place.path().join("out"), place.path().join("moved")).unwrap();
    fs::remove_dir_all(place.path().join("photos/b")).unwrap();
    let elsewhere = run!["gallery", place.path().join("moved"), "--overwrite"].succeeded();
    assert!(elsewhere.stderr.contains("7 pictures could not be read"), "{}", elsewhere.stderr);
    assert_eq!(run!["gallery", place.path()].code, 2);
}

#[test]
fn many_thumbnails_lie_beside_the_page() {
    let place = explained(8);
    repeat_report(&place.path().join("out"), 30);
    gallery(place.path(), &[]).succeeded();
    let thumbnails = files_in(&place.path().join("out/gallery-thumbnails"));
    assert_eq!(thumbnails.len(), 3 * 7 * 30);
    let rows = rows(&place.path().join("out/gallery.html"));
    assert_eq!(rows.len(), 8 * 30);
    let source = rows[1]["photo"]["source"].as_str().unwrap();
    assert_eq!(source, "gallery-thumbnails/000001.photo.thumbnail.png");
    // They are no inputs.
    let mut command = command();
    command.current_dir(place.path()).arg("explain").arg(vgg()).args(["out", "-o", "again"]);
    let again = Run::from(command.output().unwrap());
    assert!(again.stderr.contains("holds no pictures"), "{}", again.stderr);
}

/// Makes a report as long as that of a large batch, by telling every result several times.
fn repeat_report(out: &Path, times: usize) {
    let path = out.join("report.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.repeat(times)).unwrap();
}

/// Helpers of the scripts: the names and classes that are shown, clicks and typing.
const HELPERS: &str = "
    const cells = (name) => [...document.querySelectorAll(`#results td.${name}`)].map((cell) =>
      cell.firstChild?.textContent ?? '');
    const click = (key) => document.querySelector(`th[data-key=${key}] button`).click();
    const type = (id, value) => { const control = document.getElementById(id); control.value = value;
      control.dispatchEvent(new Event('input', { bubbles: true })); };
    const count = () => document.getElementById('count').value;
    const sorted = () => [...document.querySelectorAll('th[data-key]')].map((th) => th.ariaSort);
";

#[test]
fn chromium_sorts_and_filters() {
    let place = explained(12);
    gallery(place.path(), &[]).succeeded();
    let script = "
        const steps = { begin: [count(), cells('file')] };
        click('confidence'); steps.falling = [cells('confidence'), sorted()];
        click('confidence'); steps.rising = [cells('confidence'), sorted()];
        click('class'); steps.classes = cells('class');
        click('file'); click('file'); steps.files = cells('file');
        type('class', '=Bag'); steps.bags = [count(), cells('class')];
        type('file', 'B/001'); steps.one = [count(), cells('file')];
        type('file', ''); type('class', 'failed'); steps.failed = [count(), cells('file')];
        type('class', ''); type('lowest', '99.5'); steps.sure = [count(), cells('confidence')];
        type('lowest', ''); type('highest', '99.5'); steps.unsure = [count(), cells('confidence')];
        type('highest', ''); steps.end = count();
        steps.pictures = [...document.images].map((image) => image.naturalWidth);
        return steps;";
    let page = place.path().join("out/gallery.html");
    let Some(steps) = in_chromium(&page, &(HELPERS.to_string() + script)) else {
        return;
    };
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().expect("a list").iter().map(|text| text.as_str().unwrap().into()).collect()
    };
    let percents = |value: &Value| -> Vec<f64> {
        let texts = texts(value).into_iter().filter(|text| !text.is_empty());
        texts.map(|text| text.trim_end_matches(" %").parse().unwrap()).collect()
    };
    assert_eq!(steps["begin"][0], "12 of 12", "{steps}");
    assert!(texts(&steps["begin"][1]).is_sorted());
    let falling = percents(&steps["falling"][0]);
    assert!(falling.len() == 11 && falling.is_sorted_by(|a, b| a >= b), "{falling:?}");
    assert!(falling[0] > falling[10]);
    assert_eq!(steps["falling"][1], json!(["none", "none", "descending"]));
    let rising = percents(&steps["rising"][0]);
    assert!(rising.len() == 11 && rising.is_sorted(), "{rising:?}");
    assert_eq!(steps["rising"][1], json!(["none", "none", "ascending"]));
    assert_eq!(texts(&steps["rising"][0])[11], "", "the failure comes last");
    let classes = texts(&steps["classes"]);
    assert!(classes[..11].is_sorted() && classes[0] == "Bag", "{classes:?}");
    assert!(texts(&steps["files"]).is_sorted_by(|a, b| a >= b));
    assert_eq!(steps["bags"], json!(["2 of 12", ["Bag", "Bag"]]));
    assert_eq!(steps["one"], json!(["1 of 12", ["photos/b/001.png"]]));
    assert_eq!(steps["failed"], json!(["1 of 12", ["photos/a/000.png"]]));
    let [sure, unsure] = ["sure", "unsure"].map(|step| percents(&steps[step][1]));
    assert!(sure.iter().all(|percent| *percent >= 99.5) && !sure.is_empty(), "{sure:?}");
    assert!(unsure.iter().all(|percent| *percent <= 99.5) && !unsure.is_empty(), "{unsure:?}");
    assert_eq!(sure.len() + unsure.len(), 11);
    assert_eq!(steps["end"], "12 of 12");
    assert_eq!(steps["pictures"], json!(vec![28; 33]));
}

#[test]
fn chromium_shows_thousands_of_rows() {
    let place = explained(8);
    repeat_report(&place.path().join("out"), 625);
    gallery(place.path(), &[]).succeeded();
    let script = "
        const wait = (ms) => new Promise((done) => setTimeout(done, ms));
        await wait(500);
        const first = document.querySelector('#results img');
        const steps = { count: count(), rows: cells('file').length, width: first.naturalWidth,
          source: first.getAttribute('src') };
        click('confidence'); steps.sorted = cells('file').length;
        type('class', '=Bag'); steps.bags = count();
        type('class', '');
        for (let screen = 0; screen < 5; screen += 1) { scrollTo(0, document.body.scrollHeight); await wait(300); }
        steps.scrolled = cells('file').length;
        return steps;";
    let page = place.path().join("out/gallery.html");
    let Some(steps) = in_chromium(&page, &(HELPERS.to_string() + script)) else {
        return;
    };
    assert_eq!(steps["count"], "5000 of 5000", "{steps}");
    let [rows, scrolled] = ["rows", "scrolled"].map(|step| steps[step].as_u64().unwrap());
    // Few pictures are in the page at a time, so that it does not freeze.
    assert!((100..=400).contains(&rows), "{rows} rows at once");
    assert_eq!(steps["sorted"], 100);
    assert!(scrolled > rows && scrolled < 5000, "{scrolled} rows after scrolling");
    assert_eq!(steps["width"], 28, "the thumbnail beside the page is not shown: {steps}");
    assert!(steps["source"].as_str().unwrap().starts_with("gallery-thumbnails/"));
    assert_eq!(steps["bags"], "625 of 5000");
}
