//! A heatmap of a real photo lies where a person would look.

use onnxplain::io::read_npy;

use super::{files_in, folder, run, sample};

/// The network's window of `chelsea.png`: the cat's eyes and nose, [left, right, top, bottom] in pixels of 224 x 224.
const FEATURES: [[usize; 4]; 3] = [[30, 105, 45, 115], [168, 216, 70, 122], [112, 165, 170, 218]];

#[test]
fn the_cat_is_seen_by_its_eyes_and_nose() {
    let out = folder();
    let run = run![
        "explain",
        sample("efficientnet_lite0.onnx"),
        sample("photos/chelsea.png"),
        "-o",
        out.path(),
        "--json",
        "--save",
        "overlay,relevance"
    ]
    .succeeded();
    let report = &run.objects()[0];
    let label = report["prediction"][0]["label"].as_str().unwrap();
    assert!(
        ["tabby", "tiger cat", "Egyptian cat"].iter().any(|cat| label.contains(cat)),
        "{label}"
    );
    assert_eq!(files_in(out.path()), ["chelsea.overlay.png", "chelsea.relevance.npy"]);
    let overlay = image::open(out.path().join("chelsea.overlay.png")).unwrap();
    assert_eq!((overlay.width(), overlay.height()), (451, 300));

    let (shape, relevance) = read_npy(&out.path().join("chelsea.relevance.npy")).unwrap();
    assert_eq!(shape, [3, 224, 224]);
    let plane = 224 * 224;
    let positive = |pixel: usize| -> f64 {
        let sum: f32 = (0..3).map(|channel| relevance[channel * plane + pixel]).sum();
        f64::from(sum.max(0.0))
    };
    let total: f64 = (0..plane).map(positive).sum();
    let in_box = |[left, right, top, bottom]: [usize; 4]| -> f64 {
        let rows = (top..bottom).flat_map(|y| (left..right).map(move |x| y * 224 + x));
        rows.map(positive).sum()
    };
    let share = FEATURES.into_iter().map(in_box).sum::<f64>() / total;
    // The boxes are a fifth of the picture: an even heatmap would have a share of 0.21.
    assert!(share > 0.5, "only {share:.2} of the positive relevance is on the eyes and the nose");
}
