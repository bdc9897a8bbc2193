//! `onnxplain demo`: a first run without files.

use std::fs;

use super::{folder, run};

#[test]
fn the_demo_explains_its_picture_and_can_be_repeated() {
    let place = folder();
    let out = place.path().join("a demo");
    for _ in 0..2 {
        let run = run!["demo", "-o", &out].succeeded();
        assert!(run.stdout.contains("Bag"), "{}", run.stdout);
        assert!(run.stdout.contains("onnxplain explain"), "{}", run.stdout);
    }
    for name in ["bag.figure.png", "bag.overlay.png", "bag.json", "fashion_vgg.onnx"] {
        assert!(out.join(name).is_file(), "{name}");
    }
    let json = run!["demo", "-o", &out, "--json"].succeeded();
    assert_eq!(json.objects()[0]["prediction"][0]["label"], "Bag");
}

#[test]
fn the_demo_leaves_files_of_others_alone() {
    let place = folder();
    fs::write(place.path().join("bag.png"), "mine").unwrap();
    let run = run!["demo", "-o", place.path()];
    assert!(run.code == 2 && run.stderr.contains("-o DIR"), "{}", run.stderr);
    assert_eq!(fs::read(place.path().join("bag.png")).unwrap(), b"mine");
}
