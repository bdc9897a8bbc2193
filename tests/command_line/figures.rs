//! `--save figure`: what is on it, and that all formats show the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use image::RgbImage;

use super::chromium::chromium;
use super::{Run, command, fashion_photo, files_in, folder, run, sample, skip_without, vgg};

/// Explains a photo of which the network sees a part, and writes a figure.
fn figure(out: &Path, format: &str, options: &[&str]) -> PathBuf {
    let mut command = command();
    command.arg("explain").arg(vgg()).arg(sample("photos/chelsea.png")).arg("-o").arg(out);
    command.args(["--save", "figure", "--overwrite", "--figure-format", format]);
    command.args(["--resize", "32", "--crop", "center"]).args(options);
    Run::from(command.output().unwrap()).succeeded();
    out.join(format!("chelsea.figure.{format}"))
}

/// How much two pictures differ: the mean difference of a channel, and the share of pixels that look another way.
fn difference(a: &RgbImage, b: &RgbImage) -> (f64, f64) {
    assert_eq!(a.dimensions(), b.dimensions());
    let pairs = a.as_raw().iter().zip(b.as_raw());
    let sum: f64 = pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
    let differs = |(a, b): (&image::Rgb<u8>, &image::Rgb<u8>)| {
        a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 90)
    };
    let count = a.pixels().zip(b.pixels()).filter(|pair| differs(*pair)).count();
    (sum / a.as_raw().len() as f64, count as f64 / f64::from(a.width() * a.height()))
}

fn read(path: &Path) -> RgbImage {
    image::open(path).unwrap().into_rgb8()
}

#[test]
fn a_single_picture_gets_a_figure_and_a_folder_does_not() {
    let out = folder();
    run!["explain", vgg(), fashion_photo("coat.png"), "-o", out.path()].succeeded();
    let names = ["coat.figure.png", "coat.heatmap.png", "coat.json", "coat.overlay.png"];
    assert_eq!(files_in(out.path()), names);
    let batch = folder();
    run!["explain", vgg(), sample("photos/fashion"), "-o", batch.path()].succeeded();
    assert!(files_in(batch.path()).iter().all(|name| !name.contains("figure")));
}

#[test]
fn words_stay_words_in_svg_and_pdf() {
    let out = folder();
    let options = ["--target", "Coat", "--against", "Bag"];
    let svg = fs::read_to_string(figure(out.path(), "svg", &options)).unwrap();
    for words in ["Coat against Bag", "speaks for Bag", "speaks for Coat", "fashion_vgg.onnx"] {
        assert!(svg.contains(words), "{words}");
    }
    for words in ["difference of the logits", "Frame: the part", "composite vgg", "≥ "] {
        assert!(svg.contains(words), "{words}");
    }
    let pdf = figure(out.path(), "pdf", &options);
    let Ok(told) = Command::new("pdftotext").arg(&pdf).arg("-").output() else {
        return skip_without("pdftotext", "poppler-utils");
    };
    let text = String::from_utf8(told.stdout).unwrap();
    for words in ["Coat against Bag", "speaks for Coat", "fashion_vgg.onnx"] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    assert_eq!(String::from_utf8_lossy(&told.stderr), "");
}

#[test]
fn poppler_shows_the_pdf_as_the_png() {
    let out = folder();
    let [png, pdf] = ["png", "pdf"].map(|format| figure(out.path(), format, &[]));
    let target = out.path().join("page");
    let shown = Command::new("pdftoppm")
        .args(["-r", "192", "-png", "-singlefile"])
        .arg(&pdf)
        .arg(&target)
        .status();
    let Ok(status) = shown else {
        return skip_without("pdftoppm", "poppler-utils");
    };
    assert!(status.success());
    let (mean, differing) = difference(&read(&png), &read(&target.with_extension("png")));
    assert!(mean < 3.0 && differing < 0.01, "{mean} {differing}");
}

/// A picture of an SVG as Chromium shows it, two pixels for one of its own; `None` without Chromium.
fn in_chromium(svg: &Path, [width, height]: [u32; 2]) -> Option<RgbImage> {
    let Some(chromium) = chromium() else {
        skip_without("Chromium", "chromium");
        return None;
    };
    let (profile, target) = (folder(), svg.with_extension("shown.png"));
    let status = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--hide-scrollbars", "--force-device-scale-factor=2"])
        .arg(format!("--window-size={},{}", width / 2, height / 2))
        .arg(format!("--screenshot={}", target.display()))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", svg.display()))
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    Some(read(&target))
}

#[test]
fn chromium_shows_the_svg_as_the_png() {
    let out = folder();
    let [png, svg] = ["png", "svg"].map(|format| figure(out.path(), format, &[]));
    let png = read(&png);
    let Some(shown) = in_chromium(&svg, png.dimensions().into()) else { return };
    let (mean, differing) = difference(&png, &shown);
    assert!(mean < 3.0 && differing < 0.01, "{mean} {differing}");
}

#[test]
fn labels_of_all_scripts_look_the_same_in_all_formats() {
    let labels = [
        "虎斑貓 🐱 🚀",
        "قطة منزلية",
        "חתול בית",
        "Кошка γάτα",
        "고양이",
        "猫はかわいい",
        "แมวบ้าน",
        "बिल्ली",
        "বিড়াল பூனை",
        "კატა կատու",
    ];
    let out = folder();
    let file = out.path().join("labels.txt");
    fs::write(&file, labels.join("\n")).unwrap();
    let options = ["--target", "top:10", "--labels", file.to_str().unwrap()];
    let png = read(&figure(out.path(), "png", &options));
    let svg = figure(out.path(), "svg", &options);
    let words: Vec<String> =
        labels.iter().map(|label| label.split(' ').next().unwrap().to_string()).collect();
    let text = fs::read_to_string(&svg).unwrap();
    assert!(words.iter().all(|word| text.contains(word)));
    // The fonts of all scripts, but of Chinese and emoji only what is used.
    let fonts = text.split("</style>").next().unwrap().len();
    assert!(fonts < 1_300_000, "{fonts}");
    if let Some(shown) = in_chromium(&svg, png.dimensions().into()) {
        let (mean, differing) = difference(&png, &shown);
        // Boxes in the place of characters make it 0.01.
        assert!(mean < 2.0 && differing < 0.003, "{mean} {differing}");
    }
}

#[test]
fn labels_of_any_script_do_not_break_a_figure() {
    let out = folder();
    let labels = [
        "虎斑貓，一種非常常見的家貓，身上有條紋、斑點或漩渦狀的圖案".to_string(),
        "قطة منزلية مخططة (قط)".to_string(),
        "🐱 cat 👩🏽‍🚀".to_string(),
        "very ".repeat(200),
        "x".repeat(3000),
        "<b>&\"quoted\"</b>".to_string(),
        "\u{10fffd} and \u{7} bell".to_string(),
        "고양이 ねこ".to_string(),
        "बिल्ली".to_string(),
        "Bag".to_string(),
    ];
    let file = out.path().join("labels.json");
    fs::write(&file, serde_json::to_string(&labels).unwrap()).unwrap();
    for format in ["png", "svg", "pdf"] {
        let all = ["--target", "top:10", "--labels", file.to_str().unwrap()];
        let written = figure(out.path(), format, &all);
        match format {
            "png" => {
                let (width, height) = read(&written).dimensions();
                assert!(width < 8000 && height < 4000, "{width} x {height}");
            }
            "svg" => {
                let svg = fs::read_to_string(&written).unwrap();
                assert!(
                    svg.contains("&lt;b&gt;&amp;&quot;quoted&quot;") && svg.contains("[U+10FFFD]")
                );
                assert!(!svg.contains('\u{7}'));
            }
            _ => {
                let Ok(told) = Command::new("pdftotext").arg(&written).arg("-").output() else {
                    return skip_without("pdftotext", "poppler-utils");
                };
                let text = String::from_utf8(told.stdout).unwrap();
                assert!(text.contains("虎斑貓") && text.contains("[U+10FFFD]"), "{text}");
                assert_eq!(String::from_utf8_lossy(&told.stderr), "");
            }
        }
    }
}

#[test]
fn several_ways_and_classes_make_one_figure_and_a_result_each() {
    let out = folder();
    let mut command = command();
    command.arg("explain").arg(vgg()).arg(fashion_photo("coat.png")).arg("-o").arg(out.path());
    command.args(["--composite", "epsilon-plus,gamma", "--method", "lrp,saliency", "--json"]);
    command.args(["--target", "Coat,Bag", "--save", "figure,heatmap", "--figure-format", "svg"]);
    let objects = Run::from(command.output().unwrap()).succeeded().objects();
    let told: Vec<String> = objects
        .iter()
        .map(|object| {
            format!("{} {} {}", object["method"], object["composite"], object["target"]["label"])
        })
        .collect();
    assert_eq!(told.len(), 6, "{told:?}");
    assert_eq!(told[0], r#""lrp" "epsilon-plus" "Coat""#);
    assert_eq!(told[5], r#""saliency" "gradient" "Bag""#);
    let names = [
        "coat.4.lrp.epsilon-plus.heatmap.png",
        "coat.4.lrp.gamma.heatmap.png",
        "coat.4.saliency.heatmap.png",
        "coat.8.lrp.epsilon-plus.heatmap.png",
        "coat.8.lrp.gamma.heatmap.png",
        "coat.8.saliency.heatmap.png",
        "coat.figure.svg",
    ];
    assert_eq!(files_in(out.path()), names);
    for object in &objects {
        assert!(object["files"]["figure"].as_str().unwrap().ends_with("coat.figure.svg"));
    }
    let svg = fs::read_to_string(out.path().join("coat.figure.svg")).unwrap();
    for words in
        ["lrp, epsilon-plus", "lrp, gamma", ">saliency<", ">Coat<", ">Bag<", "no influence"]
    {
        assert!(svg.contains(words), "{words}");
    }
    assert_eq!(svg.matches("<image").count(), 8, "a photo for each class, and six maps");
    // The same result cannot be had twice.
    let twice = run!["explain", vgg(), fashion_photo("coat.png"), "--composite", "vgg,vgg"];
    assert!(twice.code == 2 && twice.stderr.contains("the same name"), "{}", twice.stderr);
}

#[test]
fn classes_of_one_method_share_their_scale() {
    // Whether some pixel has a colour of an end of the scale.
    let reaches_an_end = |options: &[&str]| -> Vec<bool> {
        let out = folder();
        let mut command = command();
        command.arg("explain").arg(vgg()).arg(fashion_photo("coat.png")).arg("-o").arg(out.path());
        command.args(["--target", "Coat,Bag", "--save", "heatmap"]).args(options);
        Run::from(command.output().unwrap()).succeeded();
        let reaches = |class: usize| {
            let picture = read(&out.path().join(format!("coat.{class}.heatmap.png")));
            picture.pixels().any(|pixel| [[255, 255, 255], [0, 255, 255]].contains(&pixel.0))
        };
        [4, 8].map(reaches).to_vec()
    };
    assert_eq!(reaches_an_end(&["--scale", "own"]), [true, true]);
    let shared = reaches_an_end(&[]);
    assert_eq!(shared.iter().filter(|reaches| **reaches).count(), 1, "{shared:?}");
    assert_eq!(reaches_an_end(&["--scale", "shared"]), shared);
}

#[test]
fn a_batch_of_several_ways_is_resumed() {
    let out = folder();
    let explain = |composites: &str| {
        let mut command = command();
        command.arg("explain").arg(vgg()).arg(sample("photos/fashion")).arg("-o").arg(out.path());
        command.args(["--save", "report", "--resume", "--composite", composites]);
        Run::from(command.output().unwrap()).succeeded()
    };
    explain("epsilon-plus,gamma");
    assert_eq!(files_in(out.path()).len(), 21);
    let again = explain("epsilon-plus,gamma");
    assert!(again.stderr.contains("resume: 10 of 10 inputs are done"), "{}", again.stderr);
}

#[test]
fn a_negative_logit_does_not_turn_colours_in_silence() {
    let out = folder();
    let explain = |options: &[&str]| {
        let mut command = command();
        command.arg("explain").arg(vgg()).arg(fashion_photo("bag.png")).arg("-o").arg(out.path());
        command.args(["--target", "Sandal", "--json", "--overwrite"]).args(options);
        command.args(["--save", "figure,relevance", "--figure-format", "svg"]);
        let run = Run::from(command.output().unwrap()).succeeded();
        let (_, relevance) =
            onnxplain::io::read_npy(&out.path().join("bag.relevance.npy")).unwrap();
        let svg = fs::read_to_string(out.path().join("bag.figure.svg")).unwrap();
        (run, relevance, svg)
    };
    let (logit, from_logit, svg) = explain(&[]);
    assert!(logit.objects()[0]["target"]["logit"].as_f64().unwrap() < -1.0);
    assert_eq!(logit.objects()[0]["positive"], "for");
    assert!(!logit.stderr.contains("negative"), "{}", logit.stderr);
    let place = |svg: &str, words: &str| svg.find(words).expect(words);
    assert!(place(&svg, "speaks against Sandal") < place(&svg, "speaks for Sandal"));
    // The gradient times the input says on which side a pixel is.
    let (_, evidence, _) = explain(&["--method", "input-x-gradient"]);
    let (one, from_one, svg) = explain(&["--initial", "one"]);
    assert_eq!(one.objects()[0]["positive"], "against");
    assert!(one.stderr.contains("blue speaks for the class"), "{}", one.stderr);
    assert!(place(&svg, "speaks for Sandal") < place(&svg, "speaks against Sandal"));
    let agreement =
        |relevance: &[f32]| -> f32 { relevance.iter().zip(&evidence).map(|(a, b)| a * b).sum() };
    assert!(agreement(&from_logit) > 0.0 && agreement(&from_one) < 0.0);
    // Under z⁺ it is the other way round.
    let (plus, _, _) = explain(&["--composite", "excitation-backprop"]);
    assert_eq!(plus.objects()[0]["positive"], "against");
}

#[test]
fn overlays_have_the_size_and_format_that_is_asked_for() {
    let out = folder();
    for (format, extension) in [("png", "png"), ("jpeg", "jpg"), ("webp", "webp")] {
        let mut command = command();
        command
            .arg("explain")
            .arg(vgg())
            .arg(sample("photos/chelsea.png"))
            .arg("-o")
            .arg(out.path());
        command.args(["--save", "overlay", "--overlay-size", "90", "--overlay-format", format]);
        Run::from(command.output().unwrap()).succeeded();
        let overlay = read(&out.path().join(format!("chelsea.overlay.{extension}")));
        assert_eq!(overlay.dimensions(), (90, 60));
    }
    // They are no inputs, nor are figures.
    figure(out.path(), "png", &[]);
    let again = run!["explain", vgg(), out.path(), "-o", out.path().join("again")];
    assert!(again.stderr.contains("holds no pictures"), "{}", again.stderr);
}
