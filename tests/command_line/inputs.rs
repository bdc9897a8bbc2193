//! Inputs are taken as they are meant, and what is not taken, or read with doubts, is told: on the terminal and in the
//! report.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use image::{DynamicImage, ImageFormat, Rgb32FImage};
use tempfile::TempDir;

use super::{Run, command, fashion_photo, files_in, folder, report, reported_inputs, vgg};

/// Explains `inputs` into `out`, reports only.
fn explain(inputs: &[&Path], out: &Path, options: &[&str]) -> Run {
    let mut command = command();
    command.arg("explain").arg(vgg()).args(inputs).arg("-o").arg(out);
    Run::from(command.args(["--save", "report"]).args(options).output().unwrap())
}

/// A folder with the photo of a coat under each of these names.
fn coats(names: &[&str]) -> TempDir {
    let folder = folder();
    for name in names {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(fashion_photo("coat.png"), path).unwrap();
    }
    folder
}

#[test]
fn pictures_are_known_by_their_content() {
    let photos = coats(&["a.jfif", "b.jpe", "c", "d.png", "sub/e.PNG"]);
    fs::write(photos.path().join("notes.txt"), "no picture").unwrap();
    fs::write(photos.path().join("sub/f.heic"), b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").unwrap();
    fs::write(photos.path().join("sub/g.avif"), b"\0\0\0\x18ftypavif\0\0\0\0mif1avif").unwrap();
    let out = folder();
    let run = explain(&[photos.path()], out.path(), &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("1 file is left out: ") && run.stderr.contains("notes.txt"));
    assert!(run.stderr.contains("`heif-convert '") && run.stderr.contains("`avifdec '"));
    let lines = report(&out.path().join("report.jsonl"));
    assert!(lines[0]["input"].as_str().unwrap().ends_with("notes.txt"), "{}", lines[0]);
    assert_eq!(lines[0]["left_out"], "no picture and no tensor");
    let failed = lines.iter().filter(|line| line["error"].is_string()).count();
    let explained = lines.iter().filter(|line| line["prediction"].is_array()).count();
    assert_eq!((lines.len(), failed, explained), (8, 2, 5));
    // The line stays where it is when the batch goes on.
    let run = explain(&[photos.path()], out.path(), &["--resume"]);
    assert!(run.stderr.contains("resume: 5 of 7 inputs are done"), "{}", run.stderr);
    assert_eq!(report(&out.path().join("report.jsonl")), lines);
}

#[test]
fn hidden_files_and_files_called_as_results_are_named() {
    let photos = coats(&["a.png", ".b.png", ".c/d.png", "scan.heatmap.png", "x.relevance.npy"]);
    let out = folder();
    let run = explain(&[photos.path()], out.path(), &[]).succeeded();
    assert!(run.stderr.contains("4 files are left out: "), "{}", run.stderr);
    let lines = report(&out.path().join("report.jsonl"));
    let hidden = "hidden: its name begins with a dot";
    let result = "its name is that of a result of onnxplain; to explain it, give the file itself";
    let names = [".b.png", ".c", "scan.heatmap.png", "x.relevance.npy"];
    for ((line, name), reason) in lines.iter().zip(names).zip([hidden, hidden, result, result]) {
        assert!(line["input"].as_str().unwrap().ends_with(name), "{line}");
        assert_eq!(line["left_out"], reason);
    }
    assert_eq!(lines.len(), 5);
    // What the reason says: by its name it is taken.
    let scan = photos.path().join("scan.heatmap.png");
    explain(&[&scan], out.path(), &["--overwrite"]).succeeded();
    assert!(out.path().join("scan.heatmap.json").exists());
}

#[test]
fn inputs_of_one_name_keep_their_extensions() {
    let photos = coats(&["a.png", "a.jpg", "b.png"]);
    let out = folder();
    let run = explain(&[photos.path()], out.path(), &[]).succeeded();
    assert!(run.stderr.contains("a.jpg.*, a.png.*"), "{}", run.stderr);
    assert_eq!(files_in(out.path()), ["a.jpg.json", "a.png.json", "b.json", "report.jsonl"]);
    explain(&[photos.path()], out.path(), &["--resume"]).succeeded();
}

#[test]
fn a_repeated_input_is_explained_once_and_told() {
    let photos = coats(&["a.png", "b.png", "x/a.png"]);
    let list = photos.path().join("list.txt");
    fs::write(&list, "a.png\nb.png\n./a.png\n").unwrap();
    let out = folder();
    let mut command = command();
    command.current_dir(photos.path()).arg("explain").arg(vgg()).args(["--files-from", "list.txt"]);
    let command = command.args(["--save", "report", "-o"]).arg(out.path());
    let run = Run::from(command.output().unwrap());
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("./a.png is given more than once"), "{}", run.stderr);
    assert_eq!(reported_inputs(&out.path().join("report.jsonl")), ["a.png", "b.png", "./a.png"]);
    // Two files that are called the same in every part: the second fails, the others are explained.
    let out = folder();
    let [a, b, other] = ["a.png", "b.png", "x/a.png"].map(|name| photos.path().join(name));
    let run = explain(&[&a, &other, &b], out.path(), &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("its results would be called a.*"), "{}", run.stderr);
    assert_eq!(files_in(out.path()), ["a.json", "b.json", "report.jsonl"]);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_read_stops_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let photos = coats(&["a.png", "lost+found/b.png", "z/c.png"]);
    let lost = photos.path().join("lost+found");
    fs::set_permissions(&lost, fs::Permissions::from_mode(0o000)).unwrap();
    // Nothing is closed to root.
    let is_root = fs::read_dir(&lost).is_ok();
    let out = folder();
    let run = explain(&[photos.path()], out.path(), &[]);
    let pattern = explain(&[&photos.path().join("**/*.png")], out.path(), &["--overwrite"]);
    fs::set_permissions(&lost, fs::Permissions::from_mode(0o755)).unwrap();
    if is_root {
        run.succeeded();
        return;
    }
    for run in [run, pattern] {
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.contains("cannot read the folder"), "{}", run.stderr);
        assert_eq!(files_in(out.path()), ["a.json", "report.jsonl", "z/c.json"]);
    }
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_in_circles() {
    let photos = coats(&["a.png", "sub/b.png"]);
    for link in ["sub/loop", "sub/again"] {
        std::os::unix::fs::symlink("..", photos.path().join(link)).unwrap();
    }
    let out = folder();
    let all = ["a.json", "report.jsonl", "sub/b.json"];
    explain(&[&photos.path().join("**/*.png")], out.path(), &[]).succeeded();
    assert_eq!(files_in(out.path()), all);
    let run = explain(&[photos.path()], out.path(), &["--overwrite"]).succeeded();
    assert!(run.stderr.contains("2 files are left out"), "{}", run.stderr);
    assert_eq!(files_in(out.path()), all);
}

#[cfg(unix)]
#[test]
fn a_picture_comes_out_of_a_pipe() {
    let out = folder();
    let mut command = command();
    command.arg("explain").arg(vgg()).arg("/dev/stdin").args(["--json", "-o"]).arg(out.path());
    let photo = File::open(fashion_photo("coat.png")).unwrap();
    let mut cat = std::process::Command::new("cat");
    let mut cat = cat.stdin(photo).stdout(Stdio::piped()).spawn().unwrap();
    let run = Run::from(command.stdin(cat.stdout.take().unwrap()).output().unwrap()).succeeded();
    cat.wait().unwrap();
    assert_eq!(run.objects()[0]["prediction"][0]["label"], "Coat");
    let files = ["stdin.figure.png", "stdin.heatmap.png", "stdin.json", "stdin.overlay.png"];
    assert_eq!(files_in(out.path()), files);
}

/// Explains one picture and returns its report.
fn reported(name: &str, bytes: &[u8]) -> (serde_json::Value, Run) {
    let folder = folder();
    let (path, out) = (folder.path().join(name), folder.path().join("out"));
    fs::write(&path, bytes).unwrap();
    let run = explain(&[&path], &out, &["--json"]).succeeded();
    (run.objects().remove(0), run)
}

fn warnings(report: &serde_json::Value) -> Vec<&str> {
    report["warnings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(vec![]);
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn floats_up_to_255_are_a_picture_and_a_doubt() {
    let coat = image::open(fashion_photo("coat.png")).unwrap();
    let (plain, _) = reported("a.png", &encoded(&coat, ImageFormat::Png));
    assert!(warnings(&plain).is_empty(), "{plain}");
    let bright: Rgb32FImage = coat.to_rgb32f();
    let scaled = Rgb32FImage::from_fn(bright.width(), bright.height(), |x, y| {
        image::Rgb(bright.get_pixel(x, y).0.map(|value| value * 255.0))
    });
    let (unit, _) = reported("b.tif", &encoded(&bright.into(), ImageFormat::Tiff));
    let (large, run) = reported("c.tif", &encoded(&scaled.into(), ImageFormat::Tiff));
    assert!(warnings(&unit).is_empty());
    assert!(warnings(&large)[0].contains("are taken for a picture of 0 to 255"), "{large}");
    assert!(run.stderr.contains("c.tif: its values"), "{}", run.stderr);
    for report in [&unit, &large] {
        let logit = |report: &serde_json::Value| report["prediction"][0]["logit"].as_f64().unwrap();
        assert!((logit(report) - logit(&plain)).abs() < 1e-4, "{report}\n{plain}");
    }
}

#[test]
fn a_damaged_jpeg_is_a_doubt() {
    // 64x64, a restart marker every four units; made by make_pictures.py.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures/restart.jpg");
    let whole = fs::read(path).unwrap();
    assert!(warnings(&reported("a.jpg", &whole).0).is_empty());
    // The third marker is lost, as a bit that falls over loses it.
    let lost = whole.windows(2).position(|pair| pair == [0xFF, 0xD2]).unwrap();
    let without = [&whole[..lost], &whole[lost + 2..]].concat();
    let (report, run) = reported("b.jpg", &without);
    assert!(warnings(&report)[0].starts_with("the JPEG data is damaged ("), "{report}");
    assert!(run.stderr.contains("warning: ") && run.stderr.contains("b.jpg: the JPEG data"));
}

#[test]
fn what_was_assumed_is_in_the_report() {
    let folder = folder();
    let model = folder.path().join("model.onnx");
    fs::copy(vgg(), &model).unwrap();
    let out = folder.path().join("out");
    let mut command = command();
    command.arg("explain").arg(&model).arg(fashion_photo("coat.png")).arg("-o").arg(&out);
    Run::from(command.output().unwrap()).succeeded();
    let text = fs::read_to_string(out.join("coat.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["tool"], "onnxplain");
    let notes = report["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note.as_str().unwrap().contains("a guess: preset unit")));
}

#[test]
fn a_picture_of_any_shape_has_a_result() {
    // Its overlay is 1600 long at most, and at least 256.
    let cases = [((1, 2000), (1, 1600)), ((2000, 1), (1600, 1)), ((1, 1), (256, 256))];
    for ((width, height), size) in cases {
        let picture = DynamicImage::new_rgb8(width, height);
        let folder = folder();
        let path = folder.path().join("thin.png");
        fs::write(&path, encoded(&picture, ImageFormat::Png)).unwrap();
        for options in [&[][..], &["--resize", "28", "--crop", "center"]] {
            let mut command = command();
            command.arg("explain").arg(vgg()).arg(&path).args(options).arg("--overwrite");
            let run = Run::from(command.current_dir(folder.path()).output().unwrap()).succeeded();
            assert!(!run.stderr.contains('{'), "{}", run.stderr);
        }
        let overlay = image::open(folder.path().join("thin.overlay.png")).unwrap();
        assert_eq!((overlay.width(), overlay.height()), size);
    }
}

#[test]
fn a_base_is_a_place_for_folders_too() {
    let photos = coats(&["x/1.png", "y/2.png"]);
    let out = folder();
    let base = photos.path().join("x/../../").join(photos.path().file_name().unwrap());
    let base = base.to_str().unwrap();
    let folders = [photos.path().join("x"), photos.path().join("./y")];
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    explain(&folders, out.path(), &["--base", base]).succeeded();
    assert_eq!(files_in(out.path()), ["report.jsonl", "x/1.json", "y/2.json"]);
}
