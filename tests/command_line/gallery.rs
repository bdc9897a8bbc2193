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
    gallery_of(place, "out", options)
}

fn gallery_of(place: &Path, folder: &str, options: &[&str]) -> Run {
    let mut command = command();
    command.current_dir(place).args(["gallery", folder]).args(options);
    Run::from(command.output().unwrap())
}

/// The inputs inside a page.
fn inputs(page: &Path) -> Vec<Value> {
    let text = fs::read_to_string(page).unwrap();
    let begin = "<script type=\"application/json\" id=\"data\">";
    let data = text.split_once(begin).unwrap().1.split_once("</script>").unwrap().0;
    let data: Value = serde_json::from_str(data).unwrap();
    data["inputs"].as_array().unwrap().clone()
}

#[test]
fn a_page_holds_all_that_it_needs() {
    let place = explained(8);
    let made = gallery(place.path(), &["--json"]).succeeded();
    assert_eq!(made.objects(), [json!({ "gallery": "out/gallery.html", "rows": 8, "missing": 0 })]);
    let page = place.path().join("out/gallery.html");
    let inputs = inputs(&page);
    assert!(inputs[0]["error"].as_str().unwrap().contains("no picture"));
    assert_eq!((&inputs[0]["photo"], &inputs[0]["results"]), (&Value::Null, &json!([])));
    for input in &inputs[1..] {
        assert!(input["prediction"][0]["probability"].as_f64().unwrap() > 0.5);
        let result = &input["results"][0];
        for (kind, media) in [
            (&input["photo"], "data:image/png;base64,"),
            (&result["heatmap"], "data:image/png;base64,"),
            (&result["overlay"], "data:image/jpeg;base64,"),
        ] {
            let source = kind["source"].as_str().unwrap();
            assert!(source.starts_with(media), "{source}");
        }
        for file in [&result["overlayFile"], &input["photoFile"]] {
            let file = file.as_str().unwrap();
            assert!(place.path().join("out").join(file).exists(), "{file}");
        }
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
    let inputs = inputs(&place.path().join("out/gallery.html"));
    assert_eq!(inputs.len(), 8 * 30);
    let source = inputs[1]["photo"]["source"].as_str().unwrap();
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

/// Helpers of the scripts: what is shown, clicks, keys and typing.
const HELPERS: &str = "
    const all = (selector) => [...document.querySelectorAll(selector)];
    const files = () => all('#results .card').map((it) => (it.querySelector('.text > .aside') ?? it.querySelector('strong'))
      .textContent);
    const classes = () => all('#results .card .open').map((it) => it.closest('.card').querySelector('strong').textContent);
    const id = (name) => document.getElementById(name);
    const type = (name, value) => { id(name).value = value;
      id(name).dispatchEvent(new Event('input', { bubbles: true })); };
    const press = (key, target) => (target ?? document.activeElement).dispatchEvent(
      new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    const count = () => id('count').value;
";

#[test]
fn chromium_orders_and_filters() {
    let place = explained(12);
    gallery(place.path(), &["--truth", "folder"]).succeeded();
    let script = "
        const steps = { begin: [count(), files()] };
        type('order', 'falling'); steps.falling = all('.card .open').map((it) => it.ariaLabel);
        type('order', 'rising'); steps.rising = all('.card .open').map((it) => it.ariaLabel);
        steps.last = files().at(-1);
        type('order', 'class'); steps.classes = classes();
        type('order', 'file'); steps.files = files();
        type('class', '=Bag'); steps.bags = [count(), classes()];
        type('file', 'B/001'); steps.one = [count(), files()];
        type('file', ''); type('class', ''); type('outcome', 'failed'); steps.failed = [count(), files()];
        type('outcome', 'wrong'); steps.wrong = count();
        type('outcome', 'right'); steps.right = count();
        type('outcome', ''); type('lowest', '99.5'); steps.sure = count();
        type('lowest', ''); type('highest', '99.5'); steps.unsure = count();
        type('highest', ''); steps.end = count();
        steps.settings = id('settings').textContent;
        steps.scale = [id('low').textContent, id('high').textContent, id('colors').style.background];
        steps.alts = all('.card img').map((it) => it.alt);
        steps.labels = all('input, select').filter((it) => !it.labels.length && !it.ariaLabel).map((it) => it.id);
        return steps;";
    let page = place.path().join("out/gallery.html");
    let Some(steps) = in_chromium(&page, &(HELPERS.to_string() + script)) else {
        return;
    };
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().expect("a list").iter().map(|text| text.as_str().unwrap().into()).collect()
    };
    let percents = |value: &Value| -> Vec<f64> {
        let percent =
            |text: &String| text.rsplit_once(", ").unwrap().1.trim_end_matches(" %").parse();
        texts(value).iter().map(|text| percent(text).unwrap()).collect()
    };
    assert_eq!(steps["begin"][0], "12 of 12", "{steps}");
    assert!(texts(&steps["begin"][1]).is_sorted(), "{steps}");
    let falling = percents(&steps["falling"]);
    assert!(falling.len() == 11 && falling.is_sorted_by(|a, b| a >= b), "{falling:?}");
    assert!(falling[0] > falling[10]);
    assert!(percents(&steps["rising"]).is_sorted());
    assert_eq!(steps["last"], "photos/a/000.png", "the failure comes last");
    let classes = texts(&steps["classes"]);
    assert!(classes.is_sorted() && classes[0] == "Bag", "{classes:?}");
    assert!(texts(&steps["files"]).is_sorted());
    assert_eq!(steps["bags"], json!(["2 of 12", ["Bag", "Bag"]]));
    assert_eq!(steps["one"], json!(["1 of 12", ["photos/b/001.png"]]));
    assert_eq!(steps["failed"], json!(["1 of 12", ["photos/a/000.png"]]));
    // The folders are called a and b: nothing is right.
    assert_eq!((&steps["wrong"], &steps["right"]), (&json!("11 of 12"), &json!("0 of 12")));
    let number = |step: &str| -> u64 {
        steps[step].as_str().unwrap().split(' ').next().unwrap().parse().unwrap()
    };
    assert!(number("sure") > 0 && number("unsure") > 0 && number("sure") + number("unsure") == 11);
    assert_eq!(steps["end"], "12 of 12");
    let settings = steps["settings"].as_str().unwrap();
    for words in ["fashion_vgg.onnx", "lrp vgg", "12 inputs, 1 failed", "0 of 11 right"] {
        assert!(settings.contains(words), "{words} is not in {settings}");
    }
    assert_eq!(steps["scale"][1], "speaks for the class");
    assert!(steps["scale"][2].as_str().unwrap().contains("linear-gradient"));
    let alts = texts(&steps["alts"]);
    assert!(alts.len() == 22 && alts.iter().all(|alt| !alt.is_empty()), "{alts:?}");
    assert_eq!(steps["labels"], json!([]), "controls without labels");
}

#[test]
fn chromium_opens_pictures_and_goes_on_with_keys() {
    let place = explained(8);
    let mut command = command();
    command.current_dir(place.path()).arg("explain").arg(vgg()).args(["photos", "-o", "both"]);
    command.args(["--target", "top:2", "--composite", "epsilon-plus,gamma", "--quiet"]);
    assert_eq!(Run::from(command.output().unwrap()).code, 1);
    gallery_of(place.path(), "both", &["--truth", "folder"]).succeeded();
    let script = "
        const steps = { cards: all('.card').length, chips: all('.card')[1].querySelectorAll('.chips button').length };
        const first = document.querySelector('.card .open');
        first.focus(); press('ArrowRight');
        steps.focus = document.activeElement === all('.card .open')[1];
        all('.card .open')[0].click();
        const title = () => id('large-title').textContent;
        const text = () => id('large-text').textContent;
        steps.open = [id('large').open, title()];
        press('ArrowRight', id('large')); steps.next = title();
        press('ArrowLeft', id('large')); steps.back = title();
        press('ArrowLeft', id('large')); steps.noFurther = title();
        steps.result = text();
        press('ArrowDown', id('large')); steps.other = text();
        steps.pressed = all('#choices button').map((it) => it.ariaPressed);
        id('wipe').value = 30; id('wipe').dispatchEvent(new Event('input', { bubbles: true }));
        steps.wiped = id('large-overlay').style.clipPath;
        await new Promise((done) => setTimeout(done, 300));
        steps.pictures = ['large-photo', 'large-overlay'].map((name) => [id(name).naturalWidth, id(name).alt]);
        id('close').click(); steps.closed = id('large').open;
        const cell = all('#confusion button')[0];
        steps.cell = [cell.ariaLabel, cell.textContent];
        cell.click(); steps.confused = [count(), cell.ariaPressed];
        cell.click(); steps.again = count();
        return steps;";
    let page = place.path().join("both/gallery.html");
    let Some(steps) = in_chromium(&page, &(HELPERS.to_string() + script)) else {
        return;
    };
    // Two classes and two composites of an input are in one card.
    assert_eq!((&steps["cards"], &steps["chips"]), (&json!(8), &json!(4)), "{steps}");
    assert_eq!((&steps["focus"], &steps["open"][0]), (&json!(true), &json!(true)), "{steps}");
    assert_ne!(steps["open"][1], steps["next"]);
    assert_eq!(steps["open"][1], steps["back"]);
    assert_eq!(steps["open"][1], steps["noFurther"]);
    assert_ne!(steps["result"], steps["other"]);
    assert_eq!(steps["pressed"], json!(["false", "true", "false", "false"]));
    assert!(steps["wiped"].as_str().unwrap().contains("70%"), "{steps}");
    for picture in steps["pictures"].as_array().unwrap() {
        assert!(picture[0].as_u64().unwrap() >= 28 && picture[1] != "", "{steps}");
    }
    assert_eq!(steps["closed"], false);
    let number = steps["cell"][1].as_str().unwrap();
    assert!(steps["cell"][0].as_str().unwrap().starts_with(&format!("{number} of ")), "{steps}");
    assert_eq!(steps["confused"], json!([format!("{number} of 8"), "true"]));
    assert_eq!(steps["again"], "8 of 8");
}

#[test]
fn chromium_never_scrolls_sideways() {
    let place = explained(8);
    let long = place.path().join("photos/b").join("x".repeat(120) + ".png");
    fs::copy(place.path().join("photos/b/001.png"), long).unwrap();
    let mut command = command();
    command.current_dir(place.path()).arg("explain").arg(vgg()).args(["photos", "-o", "long"]);
    assert_eq!(Run::from(command.output().unwrap()).code, 1);
    gallery_of(place.path(), "long", &["--truth", "folder"]).succeeded();
    let script = "
        const sizes = [];
        for (const width of [360, 800, 1600, 3840]) {
          document.documentElement.style.width = `${width}px`;
          id('confusions').open = true;
          const widest = Math.max(...all('header *, main *').filter((it) => !it.closest('.scrolls > *'))
            .map((it) => it.getBoundingClientRect().right));
          const row = all('.card').filter((it) => it.offsetTop === all('.card')[0].offsetTop).length;
          sizes.push([width, widest, row]);
        }
        return sizes;";
    let page = place.path().join("long/gallery.html");
    let Some(sizes) = in_chromium(&page, &(HELPERS.to_string() + script)) else {
        return;
    };
    let mut before = 0;
    for size in sizes.as_array().expect("sizes") {
        let [width, widest, row] = [0, 1, 2].map(|index| size[index].as_f64().unwrap());
        assert!(widest <= width, "something is {widest} wide on a page of {width}");
        assert!(row as u64 >= before, "{sizes}");
        before = row as u64;
    }
    assert!(before >= 8, "a wide screen has room for all: {sizes}");
}

#[test]
fn chromium_shows_thousands_of_cards() {
    let place = explained(8);
    repeat_report(&place.path().join("out"), 1250);
    gallery(place.path(), &[]).succeeded();
    let script = "
        const wait = (ms) => new Promise((done) => setTimeout(done, ms));
        await wait(500);
        const begin = performance.now();
        const first = document.querySelector('#results img');
        const steps = { count: count(), cards: all('.card').length, width: first.naturalWidth,
          source: first.getAttribute('src') };
        type('order', 'falling'); steps.sorted = all('.card').length;
        type('class', '=Bag'); steps.bags = count();
        type('class', '');
        steps.milliseconds = performance.now() - begin;
        for (let screen = 0; screen < 5; screen += 1) { scrollTo(0, document.body.scrollHeight); await wait(300); }
        steps.scrolled = all('.card').length;
        return steps;";
    let page = place.path().join("out/gallery.html");
    let Some(steps) = in_chromium(&page, &(HELPERS.to_string() + script)) else {
        return;
    };
    assert_eq!(steps["count"], "10000 of 10000", "{steps}");
    let [cards, scrolled] = ["cards", "scrolled"].map(|step| steps[step].as_u64().unwrap());
    // Few pictures are in the page at a time, so that it does not freeze.
    assert!((60..=400).contains(&cards), "{cards} cards at once");
    assert_eq!(steps["sorted"], 60);
    assert!(scrolled > cards && scrolled < 10000, "{scrolled} cards after scrolling");
    assert_eq!(steps["width"], 28, "the thumbnail beside the page is not shown: {steps}");
    assert!(steps["source"].as_str().unwrap().starts_with("gallery-thumbnails/"));
    assert_eq!(steps["bags"], "1250 of 10000");
    assert!(steps["milliseconds"].as_f64().unwrap() < 5000.0, "{steps}");
}
