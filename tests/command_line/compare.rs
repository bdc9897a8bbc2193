//! `onnxplain compare`: variants, numbers, files, and the page in Chromium.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::chromium::{in_chromium, on_a_phone};
use super::{Run, command, fashion_photo, files_in, folder, report, run, sample, vgg};

/// Boxes on the sample pictures of 28 x 28 pixels: everything, and the upper half.
const BOXES: &str = "input,label,x0,y0,x1,y1\n*,whole,0,0,28,28\n*,upper half,0,0,28,14\n";

/// Compares on the sample pictures, in a folder of its own.
fn compared(models: &[&str], options: &[&str]) -> (TempDir, Run) {
    let place = folder();
    fs::write(place.path().join("boxes.csv"), BOXES).unwrap();
    let mut command = command();
    command.current_dir(place.path()).arg("compare");
    command.args(models.iter().map(|model| sample(&format!("fashion_{model}.onnx"))));
    command.arg(sample("photos/fashion")).args(["--boxes", "boxes.csv", "-o", "out"]).args(options);
    let run = Run::from(command.output().unwrap());
    (place, run)
}

fn lines(place: &TempDir) -> Vec<Value> {
    report(&place.path().join("out/report.jsonl"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn models_are_compared_picture_by_picture() {
    let (place, run) = compared(&["vgg", "resnet", "vit"], &[]);
    let run = run.succeeded();
    let found = lines(&place);
    assert_eq!(found.len(), 10 * 3);
    let names: Vec<&str> =
        found[..3].iter().map(|line| line["variant"].as_str().unwrap()).collect();
    assert_eq!(names, ["fashion_vgg", "fashion_resnet", "fashion_vit"]);
    for line in &found {
        let regions = &line["regions"];
        assert!((regions["whole"]["share"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{line}");
        assert_eq!(regions["whole"]["area"], json!(1.0));
        assert_eq!(regions["upper half"]["area"], json!(0.5));
        let share = regions["upper half"]["share"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&share), "{line}");
        assert_eq!(line["similarity"].as_object().unwrap().len(), 2);
    }
    // Both lines of a pair say the same.
    for of_input in found.chunks(3) {
        for measure in ["cosine", "rank"] {
            let of = |a: usize, b: &str| of_input[a]["similarity"][b][measure].as_f64().unwrap();
            assert_eq!(of(0, "fashion_resnet"), of(1, "fashion_vgg"));
            assert!((-1.0..1.0).contains(&of(0, "fashion_vit")));
        }
    }
    let out = place.path().join("out");
    let overview: Value = serde_json::from_str(&read(&out.join("overview.json"))).unwrap();
    assert_eq!(overview["pictures"], json!(10));
    let pair = &overview["similarity"][0];
    let mean: f64 = found
        .chunks(3)
        .map(|chunk| chunk[0]["similarity"]["fashion_resnet"]["cosine"].as_f64().unwrap())
        .sum::<f64>()
        / 10.0;
    assert!((pair["cosine"]["mean"].as_f64().unwrap() - mean).abs() < 1e-12, "{pair}");
    assert_eq!(read(&out.join("regions.csv")).lines().count(), 1 + 2 * 3);
    assert_eq!(read(&out.join("similarity.csv")).lines().count(), 1 + 3);
    assert!(run.stdout.contains("upper half") && run.stdout.contains("rank correlation"));
    let files = files_in(&out);
    for file in ["coat.figure.png", "index.html", "regions.svg", "settings.json", "photos/coat.jpg"]
    {
        assert!(files.contains(&file.to_string()), "{file} in {files:?}");
    }
    assert!(files.contains(&"maps/coat.fashion_vit.jpg".to_string()), "{files:?}");
    let page = read(&out.join("index.html")).replace("http://www.w3.org/2000/svg", "");
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("{{"));
}

/// A float32 array as `explain --save relevance` wrote it.
fn relevance(path: &Path) -> Vec<f64> {
    onnxplain::Array::read(path).unwrap().values().iter().map(|value| f64::from(*value)).collect()
}

#[test]
fn the_numbers_are_those_of_the_relevance_that_explain_writes() {
    let photo = fashion_photo("bag.png");
    let place = folder();
    let out = place.path();
    let composites = ["epsilon-plus", "epsilon"];
    run![
        "explain",
        vgg(),
        &photo,
        "--composite",
        composites.join(","),
        "--save",
        "relevance",
        "-o",
        out
    ]
    .succeeded();
    fs::write(out.join("boxes.csv"), "input,label,x0,y0,x1,y1\nbag.png,handle,4,0,24,10\n")
        .unwrap();
    let boxes = out.join("boxes.csv");
    let run = run![
        "compare",
        vgg(),
        &photo,
        "--composite",
        composites.join(","),
        "--boxes",
        &boxes,
        "--json",
        "-o",
        out.join("comparison")
    ];
    let found = run.succeeded().objects();
    let maps = composites.map(|name| relevance(&out.join(format!("bag.{name}.relevance.npy"))));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let norm = |map: &[f64]| dot(map, map).sqrt();
    let cosine = dot(&maps[0], &maps[1]) / norm(&maps[0]) / norm(&maps[1]);
    let told = found[0]["similarity"]["epsilon"]["cosine"].as_f64().unwrap();
    assert!((told - cosine).abs() < 1e-6, "{told} {cosine}");
    for (line, map) in found.iter().zip(&maps) {
        let positive = |pixel: &usize| map[*pixel].max(0.0);
        let inside = (0..784).filter(|pixel| pixel / 28 < 10 && (4..24).contains(&(pixel % 28)));
        let share = inside.map(|pixel| positive(&pixel)).sum::<f64>()
            / (0..784).map(|pixel| positive(&pixel)).sum::<f64>();
        let region = &line["regions"]["handle"];
        assert!((region["share"].as_f64().unwrap() - share).abs() < 1e-6, "{line} {share}");
        assert!((region["area"].as_f64().unwrap() - 200.0 / 784.0).abs() < 1e-12);
    }
}

#[test]
fn models_preprocessings_and_methods_are_crossed() {
    let place = folder();
    let run = run![
        "compare",
        vgg(),
        sample("fashion_resnet.onnx"),
        fashion_photo("coat.png"),
        "--preprocess",
        "unit,raw",
        "--method",
        "lrp,saliency",
        "--figure-format",
        "svg",
        "-o",
        place.path(),
        "--json"
    ];
    let found = run.succeeded().objects();
    let names: Vec<&str> = found.iter().map(|line| line["variant"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 8);
    assert_eq!(
        names[..3],
        ["fashion_vgg, unit, lrp", "fashion_vgg, unit, saliency", "fashion_vgg, raw, lrp"]
    );
    let svg = read(&place.path().join("coat.figure.svg"));
    for words in ["fashion_resnet", "unit, lrp", "raw, saliency", "speaks for", "no influence"] {
        assert!(svg.contains(words), "{words}");
    }
}

#[test]
fn networks_of_other_sizes_are_compared_where_both_look() {
    let place = folder();
    let photo = sample("photos/chelsea.png");
    let run = run![
        "compare",
        vgg(),
        sample("efficientnet_lite0.onnx"),
        &photo,
        "-o",
        place.path(),
        "--json"
    ];
    let found = run.succeeded().objects();
    let alike = &found[0]["similarity"]["efficientnet_lite0"];
    assert!(alike["cosine"].is_f64() && alike["rank"].is_f64(), "{alike}");
}

#[test]
fn states_of_one_network_are_drawn_as_lines() {
    // Three files that are called like states; what they show is not the point here.
    let place = folder();
    for name in ["step-1.onnx", "step-10.onnx", "step-2.onnx"] {
        fs::copy(vgg(), place.path().join(name)).unwrap();
    }
    fs::write(place.path().join("boxes.csv"), BOXES).unwrap();
    let models = |names: [&str; 3]| {
        let mut command = command();
        command.current_dir(place.path()).arg("compare").args(names).arg(fashion_photo("bag.png"));
        command.args(["--labels"]).arg(sample("fashion.txt"));
        command.args(["--preprocess"]).arg(sample("fashion_vgg.yaml"));
        command.args(["--boxes", "boxes.csv", "--checkpoints", "--overwrite", "-o", "out"]);
        Run::from(command.output().unwrap()).succeeded()
    };
    let run = models(["step-1.onnx", "step-10.onnx", "step-2.onnx"]);
    assert!(run.stderr.contains("it would be step-1, step-2, step-10"), "{}", run.stderr);
    let run = models(["step-1.onnx", "step-2.onnx", "step-10.onnx"]);
    assert!(!run.stderr.contains("it would be"), "{}", run.stderr);
    let svg = read(&place.path().join("out/evolution.svg"));
    // A line with three points for each region, and one more for chance.
    let polylines: Vec<&str> = svg.split("<polyline ").skip(1).collect();
    assert_eq!(polylines.iter().filter(|line| line.contains(" line\"")).count(), 2);
    assert_eq!(polylines.iter().filter(|line| line.contains(" chance\"")).count(), 2);
    assert!(polylines[0].split("points=\"").nth(1).unwrap().matches(',').count() >= 3);
    assert!(!svg.contains("NaN"));
    // One network thrice: the same map.
    let alike = &report(&place.path().join("out/report.jsonl"))[0]["similarity"]["step-2"];
    assert!(alike["cosine"].as_f64().unwrap() > 1.0 - 1e-9, "{alike}");
}

#[test]
fn masks_have_names_and_what_is_missing_is_told() {
    let place = folder();
    let masks = place.path().join("masks");
    fs::create_dir(&masks).unwrap();
    let mut mask = image::GrayImage::new(28, 28);
    (0..28).for_each(|x| mask.put_pixel(x, 3, image::Luma([255])));
    mask.save(masks.join("coat.png")).unwrap();
    let run = run![
        "compare",
        vgg(),
        sample("fashion_resnet.onnx"),
        fashion_photo("coat.png"),
        fashion_photo("bag.png"),
        "--masks",
        format!("line={}", masks.display()),
        "-o",
        place.path().join("out"),
        "--json"
    ];
    let found = run.succeeded().objects();
    assert_eq!(found[0]["regions"]["line"]["area"], json!(1.0 / 28.0));
    assert_eq!(found[2]["regions"], json!({}));
    assert!(found[2]["undefined"]["line"].as_str().unwrap().contains("there is no mask"));
}

#[test]
fn a_comparison_goes_on_where_it_ended() {
    let place = folder();
    let out = place.path().join("out");
    let compare = |photos: &[&str], options: &[&str]| {
        let mut command = command();
        command.arg("compare").arg(vgg()).arg(sample("fashion_resnet.onnx"));
        command.args(photos.iter().map(|name| fashion_photo(name))).arg("-o").arg(&out);
        Run::from(command.args(options).output().unwrap())
    };
    compare(&["coat.png", "bag.png"], &[]).succeeded();
    let before = fs::read(out.join("report.jsonl")).unwrap();
    let run = compare(&["coat.png", "bag.png"], &[]);
    assert!(run.code == 2 && run.stderr.contains("--resume"), "{}", run.stderr);
    let all = ["coat.png", "bag.png", "dress.png"];
    let run = compare(&all, &["--resume"]).succeeded();
    assert!(run.stderr.contains("2 of 3 inputs are done"), "{}", run.stderr);
    let after = fs::read(out.join("report.jsonl")).unwrap();
    assert!(after.starts_with(&before) && after.len() > before.len());
    assert!(run.stdout.starts_with("3 pictures, 2 variants"), "{}", run.stdout);
    let run = compare(&all, &["--resume", "--method", "saliency"]);
    assert!(run.code == 2 && run.stderr.contains("cannot resume"), "{}", run.stderr);
    // Numbers do not depend on threads.
    let again = place.path().join("again");
    let mut command = command();
    command.arg("compare").arg(vgg()).arg(sample("fashion_resnet.onnx")).args(["-j", "1"]);
    command.args(all.map(fashion_photo)).arg("-o").arg(&again);
    Run::from(command.output().unwrap()).succeeded();
    assert_eq!(fs::read(again.join("report.jsonl")).unwrap(), after);
}

#[test]
fn what_cannot_be_compared_is_told() {
    let place = folder();
    let photo = fashion_photo("coat.png");
    let refused = |arguments: &[&std::ffi::OsStr], told: &str| {
        let mut command = command();
        command.arg("compare").args(arguments).arg("-o").arg(place.path().join("out"));
        let run = Run::from(command.output().unwrap());
        assert!(run.code == 2 && run.stderr.contains(told), "{told}: {}", run.stderr);
    };
    let (vgg, resnet) = (vgg(), sample("fashion_resnet.onnx"));
    let [vgg, resnet, photo] = [&vgg, &resnet, &photo].map(|path| path.as_os_str());
    let word = std::ffi::OsStr::new;
    refused(&[photo], "which models?");
    refused(&[vgg, resnet], "which inputs?");
    refused(&[vgg, photo], "nothing to compare fashion_vgg with");
    refused(&[vgg, vgg, photo], "two models are called fashion_vgg");
    refused(&[vgg, word("no.onnx"), photo], "there is no model no.onnx");
    refused(&[vgg, resnet, photo, word("--target"), word("top:2")], "one class is compared");
    refused(&[vgg, resnet, photo, word("--target"), word("Zebra")], "cannot use fashion_vgg");
    refused(&[vgg, resnet, photo, word("--masks"), word("no/")], "no folder no/");
    refused(&[vgg, resnet, photo, word("--boxes"), word("no.csv")], "no.csv");
    refused(&[vgg, resnet, photo, word("--names"), word("a")], "--names has 1 names");
    refused(&[vgg, resnet, photo, word("--composite"), word("vgg,vgg")], "the same name");
    refused(&[vgg, resnet, photo, word("--colormap"), word("magna")], "magma");
    assert!(!place.path().join("out").exists());
    let broken = place.path().join("broken.png");
    fs::write(&broken, b"\x89PNG\r\n\x1a\nno more").unwrap();
    let run = run!["compare", vgg, resnet, photo, &broken, "-o", place.path().join("out")];
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("broken.png"), "{}", run.stderr);
    assert_eq!(report(&place.path().join("out/report.jsonl")).len(), 3);
}

const HELPERS: &str = "
    const text = (selector) => [...document.querySelectorAll(selector)].map((it) => it.textContent);
    const choose = (id, value) => { const control = document.getElementById(id);
      if (control.type === 'checkbox') control.checked = value; else control.value = value;
      control.dispatchEvent(new Event('input', { bubbles: true })); };
    const images = () => [...document.querySelectorAll('#rows img')];
    const loaded = () => Promise.all(images().map((image) => new Promise((done) => {
      image.addEventListener('load', done); image.addEventListener('error', done);
      image.loading = 'eager'; if (image.complete) done(); })));
";

#[test]
fn chromium_orders_filters_and_shows_pictures() {
    let (place, run) = compared(&["vgg", "resnet", "vit"], &[]);
    run.succeeded();
    let script = "
        const steps = { title: document.title, facts: text('#facts')[0] };
        steps.shares = text('#shares tbody tr:first-child td');
        steps.matrix = text('#matrix tbody tr:first-child td');
        choose('measure', 'same_class'); steps.same = text('#matrix tbody tr:first-child td');
        steps.pictures = text('#rows h3 a');
        await loaded();
        steps.widths = images().map((image) => image.naturalWidth);
        const cosines = () => text('#rows h3 .aside').map((it) => parseFloat(it.replace('mean cosine ', '').replace('−', '-')));
        choose('order', 'least'); steps.cosines = cosines();
        choose('filter', 'coat'); steps.filtered = text('#rows h3 a'); steps.count = text('#count')[0];
        choose('filter', ''); choose('differ', true); steps.differing = text('#rows h3 a').length;
        steps.variants = text('#variants tbody tr').length;
        steps.plots = document.querySelectorAll('#plots svg circle').length;
        const alts = images().every((image) => image.alt !== '');
        steps.alts = alts;
        return steps;";
    let page = place.path().join("out/index.html");
    let Some(steps) = in_chromium(&page, &(HELPERS.to_string() + script)) else {
        return;
    };
    assert_eq!(steps["title"], json!("3 models compared"), "{steps}");
    assert!(steps["facts"].as_str().unwrap().starts_with("10 pictures · 3 models · onnxplain"));
    assert_eq!(steps["shares"][0], json!("fashion_vgg"));
    assert!(steps["shares"][2].as_str().unwrap().starts_with("100.0"), "{steps}");
    assert_eq!(steps["matrix"][0], json!("·"));
    assert!(steps["same"][1].as_str().unwrap().ends_with(" %"), "{steps}");
    assert_eq!(steps["pictures"].as_array().unwrap().len(), 10);
    let widths: Vec<u64> = serde_json::from_value(steps["widths"].clone()).unwrap();
    assert!(widths.len() == 10 * 4 && widths.iter().all(|width| *width > 0), "{widths:?}");
    let cosines: Vec<f64> = serde_json::from_value(steps["cosines"].clone()).unwrap();
    assert!(cosines.len() == 10 && cosines.is_sorted(), "{cosines:?}");
    assert_eq!(steps["filtered"], json!(["coat.png"]));
    assert_eq!(steps["count"], json!("1 of 10"));
    assert!(steps["differing"].as_u64().unwrap() < 10, "{steps}");
    assert_eq!((&steps["variants"], &steps["plots"]), (&json!(3), &json!(6)));
    assert_eq!(steps["alts"], json!(true));
}

#[test]
fn the_page_fits_a_phone() {
    let (place, run) = compared(&["vgg", "resnet", "vit", "densenet", "mobilenet"], &[]);
    run.succeeded();
    let Some(found) = on_a_phone(&place.path().join("out"), "#rows article") else {
        return;
    };
    assert_eq!(found, json!([true, 0, 10]), "the page is wider than its window");
}
