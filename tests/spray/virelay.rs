//! A project for ViRelAy is opened by the real one, where it is installed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::beds;
use super::onnxplain;

/// A Python that has ViRelAy: that of `ONNXPLAIN_VIRELAY`, else the usual one.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("ONNXPLAIN_VIRELAY").map(PathBuf::from);
    let python = named.unwrap_or_else(|| "python3".into());
    let imported = Command::new(&python).args(["-c", "import virelay, h5py"]).output();
    imported.is_ok_and(|output| output.status.success()).then_some(python)
}

#[test]
fn a_project_is_opened_by_virelay() {
    let bed = beds::frame();
    let explain = "explain model.onnx photos -o logits --save relevance,report --quiet";
    onnxplain(bed.path(), "spray out -o no-logits --virelay project --quiet")
        .refused(&["--logits all"]);
    let formats = "--logits all --relevance-format npz";
    onnxplain(bed.path(), &format!("{explain} {formats}")).succeeded();
    assert!(bed.path().join("logits/relevance.npz").is_file());
    assert!(!bed.path().join("logits/relevance.npz.parts").exists());
    onnxplain(bed.path(), "spray logits --virelay project --quiet").succeeded();
    let Some(python) = python() else {
        let text = "skipped: ViRelAy is not installed; pip install virelay==0.6.1 h5py, and name that Python in ONNXPLAIN_VIRELAY";
        // What `eprintln!` says is shown for failing tests only.
        let mut stderr = std::io::stderr();
        writeln!(stderr, "{text}").unwrap();
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/virelay_check.py");
    // The class of coffee.
    let mut command = Command::new(python);
    let output = command.arg(script).arg(bed.path().join("project")).arg("2").output().unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// The same numbers from every format of relevance, give or take those of float16.
#[test]
fn every_format_of_relevance_is_read() {
    let bed = beds::frame();
    let explain =
        "explain model.onnx photos/coffee photos/cat --base photos --save relevance,report --quiet";
    for format in ["float32", "float16", "npz"] {
        onnxplain(bed.path(), &format!("{explain} -o {format} --relevance-format {format}"))
            .succeeded();
        onnxplain(bed.path(), &format!("spray {format} --quiet")).succeeded();
        // A second run with --resume finds everything done.
        let again = explain.replace(" --quiet", "");
        let resumed = onnxplain(
            bed.path(),
            &format!("{again} -o {format} --relevance-format {format} --resume"),
        );
        assert!(resumed.stderr.contains("200 of 200 inputs are done"), "{}", resumed.stderr);
    }
    let first = |format: &str| super::suspects(&bed.path().join(format))[0].clone();
    let [single, half, packed] = ["float32", "float16", "npz"].map(first);
    assert_eq!(single, packed);
    assert_eq!(single["inputs"], half["inputs"]);
    let size = |name: &str| std::fs::metadata(bed.path().join(name)).unwrap().len();
    assert!(size("float16/coffee/000.relevance.npy") < size("float32/coffee/000.relevance.npy"));
}
