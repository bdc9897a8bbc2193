//! Whatever is wrong is said in a few lines, with the right exit code, and nothing half is written.

use std::fs;
use std::path::Path;

use onnxplain::io::{Overwrite, write_npy};

use super::{Run, command, fashion_photo, files_in, folder, run, sample, vgg};

/// Asserts the exit code, the message, and that there is nothing a person could not read.
fn assert_failed(run: &Run, code: i32, message: &str) {
    let Run { stderr, stdout, .. } = run;
    assert_eq!(run.code, code, "{message}\n{stdout}{stderr}");
    assert!(stderr.contains(message), "`{message}` is missing in:\n{stderr}");
    assert!(stderr.contains("error: "), "{stderr}");
    for noise in ["panicked", "backtrace", "BACKTRACE", "Error {", "Err("] {
        assert!(!stderr.contains(noise), "`{noise}` in:\n{stderr}");
    }
    let error_lines = stderr.lines().skip_while(|line| !line.starts_with("error: ")).count();
    assert!(error_lines <= 8, "too much to read:\n{stderr}");
}

/// Explains with a model made of these bytes.
fn with_model(bytes: &[u8]) -> Run {
    let folder = folder();
    let model = folder.path().join("model.onnx");
    fs::write(&model, bytes).unwrap();
    let out = folder.path().join("out");
    let run = run!["explain", model, fashion_photo("coat.png"), "-o", &out];
    assert!(!out.exists());
    run
}

/// Explains an input file made of these bytes with the small VGG.
fn with_input(name: &str, bytes: &[u8]) -> Run {
    let folder = folder();
    let input = folder.path().join(name);
    fs::write(&input, bytes).unwrap();
    with_input_file(&input, &["--input-range", "-1,2.1"])
}

fn with_input_file(input: &Path, options: &[&str]) -> Run {
    let out = folder();
    let mut command = command();
    command.arg("explain").arg(vgg()).arg(input).arg("-o").arg(out.path()).args(options);
    let run = Run::from(command.output().unwrap());
    if run.code != 0 {
        assert_eq!(files_in(out.path()), [""; 0]);
    }
    run
}

fn with_tensor(shape: &[usize], values: &[f32], options: &[&str]) -> Run {
    let folder = folder();
    let path = folder.path().join("x.npy");
    write_npy(&path, shape, values, Overwrite::Refuse).unwrap();
    with_input_file(&path, options)
}

fn with_options(options: &[&str]) -> Run {
    with_input_file(&fashion_photo("coat.png"), options)
}

#[test]
fn models_that_are_none() {
    let whole = fs::read(vgg()).unwrap();
    for (bytes, message) in [
        (&b""[..], "the file is empty"),
        (b"This is a text about cats, not a model.", "this is not an ONNX"),
        (&whole[..whole.len() / 2], "truncated or damaged"),
        (&whole[..whole.len() - 7], "truncated or damaged"),
        (&whole[..100], "truncated or damaged"),
    ] {
        let run = with_model(bytes);
        assert_failed(&run, 2, message);
        assert!(run.stderr.contains("model.onnx"), "{}", run.stderr);
    }
    let missing = run!["explain", "no/such/model.onnx", fashion_photo("coat.png")];
    assert_failed(&missing, 2, "no/such/model.onnx");
    let folder = run!["explain", sample("photos"), fashion_photo("coat.png")];
    assert_failed(&folder, 2, "photos");
}

#[test]
fn backtraces_are_not_for_users() {
    let folder = folder();
    let model = folder.path().join("model.onnx");
    let whole = fs::read(vgg()).unwrap();
    for bytes in [&whole[..whole.len() / 2], &b"text"[..]] {
        fs::write(&model, bytes).unwrap();
        let mut command = command();
        command.env("RUST_BACKTRACE", "1").args(["inspect"]).arg(&model);
        let run = Run::from(command.output().unwrap());
        assert_failed(&run, 2, "model.onnx");
        assert!(run.stderr.lines().count() <= 4, "{}", run.stderr);
    }
}

#[test]
fn pictures_that_are_none() {
    let photo = fs::read(sample("photos/coffee.jpg")).unwrap();
    // The header of a PNG of 30000x30000 gray pixels, and the begin of its data.
    let huge = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x75\x30\0\0\x75\x30\x08\0\0\0\0\x43\x4c\xa7\x66\0\0\0\x02IDAT\x78\x9c";
    for (name, bytes, message) in [
        ("cut.jpg", &photo[..photo.len() / 2], "truncated"),
        ("empty.png", b"", "the file is empty"),
        ("huge.png", huge, "30000x30000"),
        ("text.png", b"this is a text, long enough", "no picture of a known format"),
        ("x.npy", b"this is no tensor", "not a .npy file"),
    ] {
        let run = with_input(name, bytes);
        assert_failed(&run, 2, message);
        assert!(run.stderr.contains(name), "{}", run.stderr);
    }
    assert_failed(
        &with_input_file(Path::new("no/such.png"), &[]),
        2,
        "there is no file no/such.png",
    );
    assert_failed(&with_input_file(Path::new("no/*.png"), &[]), 2, "no file matches no/*.png");
    assert_failed(&with_input_file(folder().path(), &[]), 2, "holds no pictures");
}

#[test]
fn tensors_that_do_not_fit() {
    let range = ["--input-range", "-1,2.1"];
    let flat = with_tensor(&[784], &[0.5; 784], &range);
    assert_failed(&flat, 2, "it has the shape [784], but the model takes [1, 28, 28]");
    let large = with_tensor(&[1, 56, 14], &[0.5; 784], &range);
    assert_failed(&large, 2, "it has the shape [1, 56, 14]");
    let mut values = [0.5; 784];
    values[3] = f32::NAN;
    let not_a_number = with_tensor(&[1, 28, 28], &values, &range);
    assert_failed(&not_a_number, 2, "NaN");
    assert!(not_a_number.stderr.contains("x.npy"));
    let without_range = with_tensor(&[1, 28, 28], &[0.5; 784], &[]);
    let told = &without_range.succeeded().stderr;
    for word in ["z-box", "gets gamma", "--input-range"] {
        assert!(told.contains(word), "{told}");
    }
    for (low, high, is_told) in [("-1", "2.1", false), ("0", "1", true)] {
        let range = format!("--input-range={low},{high}");
        let out = folder();
        let run = run!["explain", vgg(), fashion_photo("coat.png"), range, "-o", out.path()];
        let (said, told) = (run.succeeded().stderr, format!("beyond the range of {low} to {high}"));
        assert_eq!(said.contains(&told), is_told, "{said}");
    }
    let overlay =
        with_tensor(&[1, 28, 28], &[0.5; 784], &[&range[..], &["--save", "overlay"]].concat());
    assert_failed(&overlay, 2, "an overlay needs a picture");
}

#[test]
fn targets_that_do_not_exist() {
    for (options, message) in [
        (&["--target", "10"][..], "10 classes, 0 to 9"),
        (&["--target", "4,10"], "there is no class 10"),
        (&["--target", "jacket"], "no class is called \"jacket\"; the nearest are"),
        (&["--target", "top:0"], "top:0"),
        (&["--target", "top", "--against", "99"], "there is no class 99"),
        (&["--target", "coat", "--against", "4"], "the same class"),
    ] {
        assert_failed(&with_options(options), 2, message);
    }
}

#[test]
fn options_that_are_wrong() {
    for (options, message) in [
        (&["--composite", "epsilon-pluss"][..], "did you mean `epsilon-plus`?"),
        (&["--composite", "no/such.yaml"], "no/such.yaml"),
        (&["--preprocess", "imagnet"], "did you mean `imagenet`?"),
        (&["--no-canonize=linear-batchnrom"], "linear-batchnorm"),
        (&["--size", "32"], "fixed to 28"),
        (&["--mean", "0.1,0.2,0.3"], "--mean"),
        (&["--alpha", "2"], "alpha is 2"),
        (&["--level", "0"], "level is 0"),
        (&["--output-name", "logist"], "the model has no output \"logist\""),
        (&["--labels", "no/such.txt"], "no/such.txt"),
        (&["--colourmap", "hot"], "--colormap"),
        (&["--colormap", "hoot"], "no colour map is called `hoot`; there are coldnhot"),
        (&["--save", "overlays"], "overlay"),
        (&["--input-range", "2,1"], "must be below"),
        (&["--jobs", "0"], "from 1 to 1024"),
        (&["--shard", "3/2"], "shards are counted from 1 to 2"),
        (&["--shard", "2"], "I/N"),
        (&["--include", "a**"], "--include"),
        (&["--resume", "--overwrite"], "cannot be used with"),
        (&["--files-from", "no/such.txt"], "cannot read the list of inputs no/such.txt"),
    ] {
        assert_failed(&with_options(options), 2, message);
    }
    assert_failed(&run!["explain", vgg()], 2, "<INPUT>");
    assert_failed(&run!["explian", vgg()], 2, "'explain'");
}

#[test]
fn labels_of_another_model() {
    let folder = folder();
    let labels = folder.path().join("labels.txt");
    fs::write(&labels, "cat\ndog\n").unwrap();
    let run = with_options(&["--labels", labels.to_str().unwrap()]);
    assert_failed(&run, 2, "there are 2 labels, but the network has 10 outputs");
}

#[test]
fn a_typo_in_a_composite_has_a_place() {
    let folder = folder();
    let composite = folder.path().join("my.yaml");
    let text = "name: my\nrules:\n  - when: { kind: convolution }\n    rule: z-plsu\n";
    fs::write(&composite, text).unwrap();
    let run = with_options(&["--composite", composite.to_str().unwrap()]);
    assert_failed(&run, 2, "my.yaml:4:");
    assert!(run.stderr.contains("my.yaml") && run.stderr.contains("z-plus"), "{}", run.stderr);
    let text = "name: my\nrules:\n  - when: { frist: true }\n    rule: z-plus\n";
    fs::write(&composite, text).unwrap();
    let run = with_options(&["--composite", composite.to_str().unwrap()]);
    assert_failed(&run, 2, "did you mean `first`?");
    let text = "name: my\nrules:\n  - when: { kind: convolution }\n    rule: z-plus\n  - when: { kind: activation }\n    rule: pass\n";
    fs::write(&composite, text).unwrap();
    let run = with_options(&["--composite", composite.to_str().unwrap()]);
    assert_failed(&run, 2, "no entry gives a rule for the kind dense (");
    let entry = "add `- { when: { kind: dense }, rule: epsilon }`";
    assert!(run.stderr.contains(entry), "{}", run.stderr);
}

#[test]
fn a_file_in_the_way_of_the_output_folder() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    let run = run!["explain", vgg(), fashion_photo("coat.png"), "-o", file.join("below")];
    assert_failed(&run, 2, "is not a folder");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn existing_files_are_kept() {
    let out = folder();
    let heatmap = out.path().join("coat.heatmap.png");
    fs::write(&heatmap, "precious").unwrap();
    let run = run!["explain", vgg(), fashion_photo("coat.png"), "-o", out.path()];
    assert_failed(&run, 2, "--overwrite");
    assert_eq!(fs::read_to_string(&heatmap).unwrap(), "precious");
    assert_eq!(files_in(out.path()), ["coat.heatmap.png"]);
    // The other input of a batch is explained.
    let [coat, bag] = [fashion_photo("coat.png"), fashion_photo("bag.png")];
    let run = run!["explain", vgg(), &coat, &bag, "-o", out.path()];
    assert_failed(&run, 1, "--overwrite");
    assert_eq!(files_in(out.path()).len(), 5);
    // With several targets the names are known after the forward pass only.
    fs::write(out.path().join("coat.4.json"), "precious").unwrap();
    let run = run!["explain", vgg(), &coat, "-o", out.path(), "--target", "top:2"];
    assert_failed(&run, 2, "coat.4.json exists already");
    assert_eq!(files_in(out.path()).len(), 6);
    // What onnxplain did not write stays even then.
    let run = run!["explain", vgg(), &coat, "-o", out.path(), "--overwrite"];
    assert_failed(&run, 2, "onnxplain did not write it");
    assert_eq!(fs::read(&heatmap).unwrap(), b"precious");
}

#[test]
fn of_inputs_of_one_name_the_first_is_explained() {
    let folder = folder();
    let other = folder.path().join("coat.png");
    fs::copy(fashion_photo("bag.png"), &other).unwrap();
    let out = folder.path().join("out");
    let run = run!["explain", vgg(), fashion_photo("coat.png"), &other, "-o", &out];
    assert_failed(&run, 1, "its results would be called coat.*");
    assert_eq!(files_in(&out).len(), 4);
}

#[test]
fn one_bad_input_does_not_stop_the_others() {
    let folder = folder();
    let bad = folder.path().join("bad.png");
    fs::write(&bad, "").unwrap();
    let out = folder.path().join("out");
    let [coat, bag] = [fashion_photo("coat.png"), fashion_photo("bag.png")];
    let run = run!["explain", vgg(), &coat, &bad, &bag, "-o", &out, "--json", "--save", "report"];
    assert_failed(&run, 1, "the file is empty");
    let objects = run.objects();
    assert_eq!(objects.len(), 3);
    assert_eq!(objects[0]["prediction"][0]["label"], "Coat");
    assert!(objects[1]["error"].as_str().unwrap().contains("the file is empty"));
    assert_eq!(objects[2]["prediction"][0]["label"], "Bag");
    assert_eq!(files_in(&out), ["bag.json", "coat.json", "report.jsonl"]);
}
