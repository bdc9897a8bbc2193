//! Batches: where inputs come from, the order of results, the report, failures, shards.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use super::{
    Run, command, contents, fashion_photo, files_in, folder, photos, report, reported_inputs, vgg,
};

#[test]
fn inputs_come_from_folders_and_patterns() {
    let photos = folder();
    fs::create_dir(photos.path().join("sub")).unwrap();
    fs::copy(fashion_photo("coat.png"), photos.path().join("b.png")).unwrap();
    fs::copy(fashion_photo("bag.png"), photos.path().join("sub/a.png")).unwrap();
    fs::write(photos.path().join(".hidden.png"), "").unwrap();
    fs::write(photos.path().join("notes.txt"), "").unwrap();
    let out = folder();
    let explain = |input: &Path, options: &[&str], expected: &[&str]| {
        let mut command = command();
        command.arg("explain").arg(vgg()).arg(input).arg("-o").arg(out.path());
        command.args(["--save", "report", "--overwrite"]).args(options);
        Run::from(command.output().unwrap()).succeeded();
        assert_eq!(files_in(out.path()), expected, "{options:?}");
        for file in expected {
            fs::remove_file(out.path().join(file)).unwrap();
        }
    };
    let all = ["b.json", "report.jsonl", "sub/a.json"];
    explain(photos.path(), &[], &all);
    explain(&photos.path().join("**/*.png"), &[], &all);
    explain(photos.path(), &["--include", "a.*"], &all[1..]);
    explain(photos.path(), &["--exclude", "sub/**"], &all[..2]);
    // A single file has no report of all.
    explain(&photos.path().join("b.png"), &[], &all[..1]);
}

#[test]
fn inputs_come_from_lists() {
    let photos = photos(4);
    let out = folder();
    let explain = |list: &str, arguments: &[&str]| {
        let mut child = command()
            .current_dir(photos.path())
            .arg("explain")
            .arg(vgg())
            .args(["--save", "report", "--overwrite", "-o"])
            .arg(out.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{arguments:?}");
        reported_inputs(&out.path().join("report.jsonl"))
    };
    // The order is that of the list; relative paths keep their folders.
    let listed = ["b/002.png", "a/000.png"];
    assert_eq!(explain("b/002.png\n\na/000.png\n", &["-"]), listed);
    assert_eq!(files_in(out.path()), ["a/000.json", "b/002.json", "report.jsonl"]);
    assert_eq!(explain("b/002.png\0a/000.png\0", &["-", "-0"]), listed);
    fs::write(photos.path().join("list.txt"), "b/002.png\r\na/000.png\r\n").unwrap();
    assert_eq!(explain("", &["--files-from", "list.txt"]), listed);
    assert_eq!(
        explain("b/002.png\n", &["--files-from", "-", "a/000.png"]),
        ["a/000.png", listed[0]]
    );
    assert!(out.path().join("000.json").exists(), "operands are named by their file names");
    // Absolute paths are named by their file names, or below --base.
    let root = photos.path().display().to_string();
    let absolute = format!("{root}/b/001.png\n");
    explain(&absolute, &["-"]);
    assert!(out.path().join("001.json").exists());
    explain(&absolute, &["-", "--base", &root]);
    assert!(out.path().join("b/001.json").exists());
}

/// Explains a folder into `out` of a folder of its own.
fn explain_into_out(photos: &Path, options: &[&str]) -> (tempfile::TempDir, Run) {
    let place = folder();
    let run = explain_in(place.path(), photos, options);
    (place, run)
}

fn explain_in(place: &Path, photos: &Path, options: &[&str]) -> Run {
    let mut command = command();
    command.current_dir(place).arg("explain").arg(vgg()).arg(photos).args(["-o", "out"]);
    Run::from(command.args(options).output().unwrap())
}

#[test]
fn jobs_and_shards_change_nothing() {
    let photos = photos(30);
    let save = ["--save", "overlay,heatmap,relevance,report", "--json"];
    let explain = |options: &[&str]| {
        let (place, run) = explain_into_out(photos.path(), &[&save, options].concat());
        let run = run.succeeded();
        let printed: Vec<String> =
            run.objects().iter().map(|line| line["input"].as_str().unwrap().into()).collect();
        let reported = reported_inputs(&place.path().join("out/report.jsonl"));
        assert_eq!(printed, reported);
        assert!(reported.is_sorted() && reported.len() == 30);
        contents(place.path())
    };
    let one = explain(&["-j", "1"]);
    assert_eq!(one.len(), 4 * 30 + 1);
    assert!(one == explain(&["-j", "2"]), "-j 2 gives other files");
    assert!(one == explain(&["-j", "5", "--threads", "2"]), "-j 5 gives other files");

    let place = folder();
    for shard in ["1/2", "2/2"] {
        explain_in(place.path(), photos.path(), &[&save[..], &["--shard", shard]].concat())
            .succeeded();
    }
    let mut sharded = contents(place.path());
    let reports = ["out/report.1-of-2.jsonl", "out/report.2-of-2.jsonl"];
    let reports = reports.map(|name| String::from_utf8(sharded.remove(name).unwrap()).unwrap());
    assert!(reports.iter().all(|report| (5..=25).contains(&report.lines().count())));
    // Joined and sorted by input they are the report of one run.
    let mut lines: Vec<&str> = reports.iter().flat_map(|report| report.lines()).collect();
    lines.sort();
    sharded.insert("out/report.jsonl".into(), (lines.join("\n") + "\n").into());
    assert!(one == sharded, "shards give other files");
}

#[test]
fn every_method_explains_a_batch_the_same_on_any_number_of_jobs() {
    let photos = photos(7);
    for method in [
        &["integrated-gradients", "--steps", "5"][..],
        &["smoothgrad", "--samples", "3", "--seed", "7"],
        &["noisegrad", "--samples", "2", "--base-method", "lrp"],
        &["grad-cam"],
        &["occlusion"],
        &["rise", "--samples", "20"],
    ] {
        let explain = |options: &[&str]| {
            let save = ["--save", "overlay,heatmap,relevance,report", "--method"];
            let (place, run) = explain_into_out(photos.path(), &[&save, method, options].concat());
            run.succeeded();
            contents(place.path())
        };
        let one = explain(&["-j", "1"]);
        assert_eq!(one.len(), 4 * 7 + 1);
        assert!(one == explain(&["-j", "2"]), "{method:?} with -j 2 gives other files");
        let turns = explain(&["-j", "3", "--threads", "2"]);
        assert!(one == turns, "{method:?} with --threads 2 gives other files");
    }
}

#[test]
fn a_shard_without_inputs_is_done() {
    let photos = photos(1);
    let place = folder();
    let mut sizes = vec![];
    for shard in ["1/3", "2/3", "3/3"] {
        explain_in(place.path(), photos.path(), &["--shard", shard]).succeeded();
        let name = format!("out/report.{}.jsonl", shard.replace('/', "-of-"));
        sizes.push(report(&place.path().join(name)).len());
    }
    sizes.sort();
    assert_eq!(sizes, [0, 0, 1]);
}

#[test]
fn broken_inputs_are_named_and_the_rest_is_done() {
    let photos = photos(50);
    let whole = fs::read(fashion_photo("coat.png")).unwrap();
    let broken: Vec<usize> = (0..10).map(|number| number * 5 + 1).collect();
    for &number in &broken {
        let below = if number % 3 == 0 { "a" } else { "b" };
        let bytes = if number % 2 == 0 { &whole[..whole.len() / 2] } else { b"no picture" };
        fs::write(photos.path().join(format!("{below}/{number:03}.png")), bytes).unwrap();
    }
    let (place, run) = explain_into_out(photos.path(), &["-j", "2"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert_eq!(run.stdout.lines().count(), 40);
    assert_eq!(run.stderr.matches("error: ").count(), 10, "{}", run.stderr);
    assert!(run.stderr.contains("40 explained, 10 failed"), "{}", run.stderr);
    let out = place.path().join("out");
    assert_eq!(files_in(&out).len(), 3 * 40 + 1);
    let lines = report(&out.join("report.jsonl"));
    assert_eq!(lines.len(), 50);
    let failures: Vec<_> = lines.iter().filter(|line| line["error"].is_string()).collect();
    assert_eq!(failures.len(), 10);
    for (failure, number) in failures.iter().zip(sorted_by_path(&broken)) {
        let input = failure["input"].as_str().unwrap();
        assert!(input.ends_with(&format!("{number:03}.png")), "{input}");
        assert!(failure["error"].as_str().unwrap().contains(input), "{failure}");
        assert!(run.stderr.contains(input));
    }
    // Nothing at all can be done.
    let (_, run) = explain_into_out(photos.path(), &["--include", "001.png"]);
    assert_eq!(run.code, 2);
}

/// Numbers in the order of their paths in [`photos`].
fn sorted_by_path(numbers: &[usize]) -> Vec<usize> {
    let (a, b): (Vec<usize>, Vec<usize>) = numbers.iter().partition(|&number| number % 3 == 0);
    [a, b].concat()
}

#[test]
fn a_report_is_not_written_over() {
    let photos = photos(3);
    let (place, run) = explain_into_out(photos.path(), &[]);
    run.succeeded();
    let before = contents(place.path());
    let run = explain_in(place.path(), photos.path(), &[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("--resume to go on with it"), "{}", run.stderr);
    assert!(contents(place.path()) == before);
    explain_in(place.path(), photos.path(), &["--overwrite"]).succeeded();
    assert!(contents(place.path()) == before);
}

#[test]
fn progress_is_not_for_pipes() {
    let photos = photos(5);
    let (_, run) = explain_into_out(photos.path(), &["--json", "--verbose"]);
    let run = run.succeeded();
    assert_eq!(run.objects().len(), 5);
    for noise in ["━", "per second", "\u{1b}", "\r"] {
        assert!(!run.stderr.contains(noise), "{}", run.stderr);
    }
    assert!(run.stderr.contains("5 explained, 0 failed"), "{}", run.stderr);
}
