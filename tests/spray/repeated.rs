//! The same bytes with any number of threads, for shards, and for shuffled reports.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::beds;
use super::onnxplain;

/// The files of a run of `spray`.
fn written(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in ["spray.jsonl", "embedding.csv", "atlas.html"] {
        files.insert(name.to_string(), fs::read(folder.join(name)).unwrap());
    }
    for entry in fs::read_dir(folder.join("suspects")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        files.insert(name, fs::read(path).unwrap());
    }
    files
}

#[test]
fn threads_shards_and_the_order_of_lines_change_nothing() {
    let bed = beds::frame();
    let spray = |folder: &str, jobs: usize| {
        let place = bed.path().join(folder);
        onnxplain(&place, &format!("spray out --quiet -j {jobs}")).succeeded();
        let written = written(&place.join("out"));
        onnxplain(&place, "spray out --quiet").refused(&["--overwrite"]);
        written
    };
    let place = bed.path();
    let copy = |name: &str| {
        let to = place.join(name);
        fs::create_dir_all(&to).unwrap();
        for class in fs::read_dir(place.join("out")).unwrap() {
            let class = class.unwrap().path();
            if class.is_dir() && class.file_name().unwrap() != "suspects" {
                let link = to.join(class.file_name().unwrap());
                std::os::unix::fs::symlink(&class, link).unwrap();
            }
        }
        to
    };
    let text = fs::read_to_string(place.join("out/report.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    fs::write(copy("same/out").join("report.jsonl"), &text).unwrap();
    let turned: Vec<&str> = lines.iter().rev().copied().collect();
    fs::write(copy("turned/out").join("report.jsonl"), turned.join("\n")).unwrap();
    let shards = copy("shards/out");
    for (shard, part) in [(1, &lines[200..]), (2, &lines[..200])] {
        fs::write(shards.join(format!("report.{shard}-of-2.jsonl")), part.join("\n")).unwrap();
    }
    let expected = spray("same", 1);
    assert!(expected.len() > 5);
    assert!(spray("turned", 3) == expected);
    assert!(spray("shards", 2) == expected);
    // A second run replaces what the first one wrote, and leaves nothing of it.
    onnxplain(place, "spray shards/out --quiet --overwrite --most 1").succeeded();
    assert_eq!(fs::read_dir(shards.join("suspects")).unwrap().count(), 2);
}
