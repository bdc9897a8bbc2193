//! Nothing is lost: killed, interrupted, out of room, restarted.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::support::Numbers;
use super::{Run, command, contents, folder, photos, report, reported_inputs, vgg};

/// A batch that writes to `out` of a folder of its own.
struct Batch {
    subcommand: &'static str,
    photos: TempDir,
    place: TempDir,
    options: Vec<&'static str>,
}

impl Batch {
    fn new(count: usize, options: &[&'static str]) -> Batch {
        let (photos, place, options) = (photos(count), folder(), options.to_vec());
        Batch { subcommand: "explain", photos, place, options }
    }

    /// The same pictures, judged.
    fn evaluated(count: usize, options: &[&'static str]) -> Batch {
        Batch { subcommand: "evaluate", ..Batch::new(count, options) }
    }

    /// The same batch, in another place.
    fn elsewhere(self) -> Batch {
        Batch { place: folder(), ..self }
    }

    fn command(&self, options: &[&str]) -> Command {
        let mut command = command();
        command.current_dir(self.place.path()).arg(self.subcommand).arg(vgg());
        command.arg(self.photos.path());
        command.args(["-o", "out"]).args(&self.options).args(options);
        command
    }

    fn run(&self, options: &[&str]) -> Run {
        Run::from(self.command(options).output().unwrap())
    }

    fn start(&self, options: &[&str]) -> Child {
        let mut command = self.command(options);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn out(&self) -> std::path::PathBuf {
        self.place.path().join("out")
    }

    fn report(&self) -> std::path::PathBuf {
        self.out().join("report.jsonl")
    }
}

#[test]
fn an_evaluation_that_is_killed_ten_times_ends_as_if_nothing_had_happened() {
    let metrics = "srg,sparseness,random-logit";
    let batch = Batch::evaluated(30, &["--methods", "lrp,saliency", "--metrics", metrics]);
    fs::write(batch.photos.path().join("a/broken.png"), "no picture").unwrap();
    let reported = kill_ten_times(batch);
    let failures: Vec<_> = reported.iter().filter(|line| line["error"].is_string()).collect();
    assert!(!failures.is_empty());
    for line in failures {
        assert!(line["input"].to_string().contains("broken.png"), "{line}");
    }
}

/// Waits until the report holds more than so many bytes.
fn wait_for_growth(report: &Path, child: &mut Child, length: u64) {
    let is_grown = || fs::metadata(report).is_ok_and(|file| file.len() > length);
    while !is_grown() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Kills a batch ten times and resumes it each time; it must end as if nothing had happened. Returns the report.
fn kill_ten_times(batch: Batch) -> Vec<serde_json::Value> {
    let undisturbed = batch.run(&["-j", "2"]);
    let expected = contents(&batch.out());
    let batch = batch.elsewhere();
    let mut delays = Numbers::new(10);
    let mut kills = 0;
    for kill in 0..10 {
        let length = fs::metadata(batch.report()).map_or(0, |file| file.len());
        let mut child = batch.start(&["--resume", "-j", ["1", "2", "3"][kill % 3]]);
        // Every other kill comes when something was done, the others at any moment.
        if kill % 2 == 0 {
            wait_for_growth(&batch.report(), &mut child, length);
        }
        std::thread::sleep(Duration::from_micros(delays.bits() % 40_000));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        // On a fast machine the batch may be done before all kills are.
        assert!(status.signal() == Some(9) || status.code() == Some(undisturbed.code), "{status}");
        kills += usize::from(status.signal() == Some(9));
    }
    assert!(kills > 0, "no kill met the batch while it ran");
    let last = batch.run(&["--resume"]);
    assert_eq!(last.code, undisturbed.code, "{}", last.stderr);
    let found = contents(&batch.out());
    let names = |files: &std::collections::BTreeMap<String, Vec<u8>>| -> Vec<String> {
        files.keys().cloned().collect()
    };
    assert_eq!(names(&found), names(&expected));
    for (name, bytes) in &expected {
        assert!(&found[name] == bytes, "{name} differs");
    }
    report(&batch.report())
}

#[test]
fn a_batch_that_is_killed_ten_times_ends_as_if_nothing_had_happened() {
    let batch = Batch::new(500, &["--save", "overlay,heatmap,relevance,report"]);
    fs::write(batch.photos.path().join("a/broken.png"), "no picture").unwrap();
    let reported = kill_ten_times(batch);
    assert_eq!(reported.len(), 501);
    let failures: Vec<_> = reported.iter().filter(|line| line["error"].is_string()).collect();
    assert!(failures.len() == 1 && failures[0]["input"].to_string().contains("broken.png"));
}

#[test]
fn several_targets_survive_kills_too() {
    let reported = kill_ten_times(Batch::new(400, &["--target", "top:2"]));
    assert_eq!(reported.len(), 800);
}

#[test]
fn resuming_repairs_what_was_damaged() {
    let batch = Batch::new(12, &["--save", "heatmap,relevance,report"]);
    batch.run(&[]).succeeded();
    let expected = contents(&batch.out());
    let cut = |length: &dyn Fn(&str) -> usize| {
        let text = fs::read_to_string(batch.report()).unwrap();
        fs::write(batch.report(), &text[..length(&text)]).unwrap();
    };
    let behind_two = |text: &str| text.match_indices('\n').nth(1).unwrap().0 + 100;
    let damages: [(&str, &dyn Fn()); 6] = [
        ("0 of 12", &|| fs::remove_file(batch.report()).unwrap()),
        ("2 of 12", &|| cut(&behind_two)),
        ("11 of 12", &|| cut(&|text| text.len() - 1)),
        ("11 of 12", &|| fs::remove_file(batch.out().join("b/004.heatmap.png")).unwrap()),
        ("10 of 12", &|| {
            fs::write(batch.out().join("a/003.json"), "{}").unwrap();
            fs::write(batch.out().join("b/005.relevance.npy"), "").unwrap();
        }),
        ("12 of 12", &|| {
            fs::create_dir(batch.out().join(".report.jsonl.tmp")).unwrap();
            fs::write(batch.out().join(".report.jsonl.tmp/7"), "half a fi").unwrap();
        }),
    ];
    for (done, damage) in damages {
        damage();
        let run = batch.run(&["--resume", "-j", "2"]).succeeded();
        assert!(
            run.stderr.contains(&format!("resume: {done} inputs are done")) || done == "0 of 12",
            "{done}: {}",
            run.stderr
        );
        assert!(contents(&batch.out()) == expected, "{done}");
    }
}

#[test]
fn resuming_tries_failures_again_and_takes_new_inputs() {
    let batch = Batch::new(6, &["--save", "report"]);
    let broken = batch.photos.path().join("b/001.png");
    let whole = fs::read(&broken).unwrap();
    fs::write(&broken, "no picture").unwrap();
    assert_eq!(batch.run(&[]).code, 1);
    assert_eq!(batch.run(&["--resume"]).code, 1);
    assert_eq!(report(&batch.report()).len(), 6);
    fs::write(&broken, &whole).unwrap();
    fs::write(batch.photos.path().join("a/001.png"), &whole).unwrap();
    let run = batch.run(&["--resume"]).succeeded();
    assert!(run.stderr.contains("resume: 5 of 7 inputs are done"), "{}", run.stderr);
    let inputs = reported_inputs(&batch.report());
    assert!(inputs.len() == 7 && inputs.is_sorted(), "{inputs:?}");
    // An input that is gone keeps its result.
    fs::remove_file(&broken).unwrap();
    let run = batch.run(&["--resume"]).succeeded();
    assert!(run.stderr.contains("tells of 1 inputs more"), "{}", run.stderr);
    assert_eq!(report(&batch.report()).len(), 7);
}

#[test]
fn resuming_with_other_settings_is_refused() {
    let batch = Batch::new(3, &["--save", "heatmap"]);
    batch.run(&[]).succeeded();
    let before = contents(&batch.out());
    for (options, message) in [
        (&["--composite", "epsilon-plus"][..], "the composite is \"vgg\", now it is"),
        (&["--mean", "0.5"], "the mean is"),
        (&["--method", "gradient"], "the method is \"lrp\", now it is \"gradient\""),
    ] {
        let run = batch.run(&[&["--resume"], options].concat());
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains(message), "{}", run.stderr);
        assert!(contents(&batch.out()) == before);
    }
    // Other inputs whose results would have the same names.
    let copy = folder();
    fs::create_dir(copy.path().join("a")).unwrap();
    fs::copy(batch.photos.path().join("a/000.png"), copy.path().join("a/000.png")).unwrap();
    let mut command = command();
    command.current_dir(batch.place.path()).arg("explain").arg(vgg()).arg(copy.path());
    let run = Run::from(command.args(["-o", "out", "--resume"]).output().unwrap());
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("would write them again"), "{}", run.stderr);
    // Other files of the same results are made.
    batch.run(&["--resume", "--save", "heatmap,report"]).succeeded();
    assert!(batch.out().join("a/000.json").exists());
}

#[test]
fn resuming_with_other_parameters_of_the_method_is_refused() {
    const NOISY: [&str; 8] = [
        "--save",
        "relevance",
        "--method",
        "smoothgrad",
        "--base-method",
        "integrated-gradients",
        "--samples",
        "2",
    ];
    let batch = Batch::new(3, &NOISY);
    batch.run(&["--seed", "3", "--steps", "4"]).succeeded();
    let before = contents(&batch.out());
    for (options, message) in [
        (&["--steps", "4"][..], "the seed is 3, now it is 0"),
        (&["--seed", "3"], "the steps is 4, now it is 50"),
        (&["--seed", "3", "--steps", "4", "--noise-level", "0.25"], "now it is 0.25"),
    ] {
        let run = batch.run(&[&["--resume"], options].concat());
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains(message), "{}", run.stderr);
        assert!(contents(&batch.out()) == before);
    }
    let run = batch.run(&["--resume", "--seed", "3", "--steps", "4"]).succeeded();
    assert!(run.stderr.contains("resume: 3 of 3 inputs are done"), "{}", run.stderr);
    assert!(contents(&batch.out()) == before);
}

#[test]
fn an_interrupted_method_of_samples_leaves_its_inputs() {
    let batch = Batch::new(6, &["-j", "2", "--save", "relevance", "--method", "rise"]);
    let mut child = batch.start(&["--samples", "1000000"]);
    // The report is there just before the work begins, which takes minutes.
    while !batch.report().exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(300));
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{stderr}");
    assert!(stderr.contains("0 explained, 0 failed, 6 left: --resume"), "{stderr}");
    assert!(report(&batch.report()).is_empty());
    batch.run(&["--resume", "--samples", "3"]).succeeded();
    assert_eq!(report(&batch.report()).len(), 6);
}

#[test]
fn an_interrupted_batch_is_whole_and_can_be_resumed() {
    end_and_resume("-INT");
}

#[test]
fn a_scheduler_ends_a_batch_like_ctrl_c() {
    end_and_resume("-TERM");
}

fn end_and_resume(signal: &str) {
    let batch = Batch::new(400, &["-j", "2"]);
    let mut child = batch.start(&[]);
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    let interrupted = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    let mut printed = String::new();
    stdout.read_to_string(&mut printed).unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{stderr}");
    assert!(stderr.contains("left: --resume goes on with them"), "{stderr}");
    // What was begun is finished: three files and a line of the report for every printed line.
    let done = printed.lines().count() + 1;
    assert!((1..400).contains(&done));
    assert_eq!(report(&batch.report()).len(), done);
    assert_eq!(contents(&batch.out()).len(), 3 * done + 1);
    let run = batch.run(&["--resume"]).succeeded();
    assert!(run.stderr.contains(&format!("resume: {done} of 400")), "{}", run.stderr);
    let inputs = reported_inputs(&batch.report());
    assert!(inputs.len() == 400 && inputs.is_sorted());
    assert_eq!(contents(&batch.out()).len(), 3 * 400 + 1);
}

#[test]
fn inputs_that_vanish_are_failures() {
    let batch = Batch::new(200, &["-j", "1", "--save", "report"]);
    let mut child = batch.start(&[]);
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    for number in [197, 199] {
        fs::remove_file(batch.photos.path().join(format!("b/{number}.png"))).unwrap();
    }
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(rest.lines().count() + 1, 198);
    let lines = report(&batch.report());
    let failures = lines.iter().filter(|line| line["error"].is_string()).count();
    assert_eq!((lines.len(), failures), (200, 2));
}

#[test]
fn no_room_ends_the_batch_and_nothing_is_torn() {
    let batch = Batch::new(40, &["--save", "heatmap", "-j", "2"]);
    // No file may grow beyond 8 KiB: the report meets the limit in the middle of a line.
    let limited = batch.command(&[]);
    let mut shell = Command::new("bash");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""]);
    shell.current_dir(batch.place.path()).env("NO_COLOR", "1");
    shell.arg(limited.get_program()).args(limited.get_args());
    let run = Run::from(shell.output().unwrap());
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("cannot write out/report.jsonl"), "{}", run.stderr);
    assert!(run.stderr.contains("--resume"), "{}", run.stderr);
    let done = report(&batch.report()).len();
    assert!((1..40).contains(&done), "{done} lines");
    batch.run(&["--resume"]).succeeded();
    let found = contents(&batch.out());
    assert_eq!(reported_inputs(&batch.report()).len(), 40);
    let batch = batch.elsewhere();
    batch.run(&[]).succeeded();
    assert!(found == contents(&batch.out()));
}

#[test]
fn two_processes_do_not_share_a_report() {
    let batch = Batch::new(300, &["--save", "report", "-j", "1"]);
    let mut child = batch.start(&[]);
    wait_for_growth(&batch.report(), &mut child, 0);
    let run = batch.run(&["--resume"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("another onnxplain is writing"), "{}", run.stderr);
    let mut rest = String::new();
    child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(report(&batch.report()).len(), 300);
}
