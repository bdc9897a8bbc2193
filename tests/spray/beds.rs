//! The two test beds: their pictures cut from the sheets, and explained once for all tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::onnxplain;

/// Pictures in a row of a sheet.
const IN_A_ROW: u32 = 50;

/// A folder with `model.onnx`, `photos/CLASS/NNN.png`, and `out`, what `explain` wrote.
pub struct Bed {
    folder: TempDir,
}

impl Bed {
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Fashion-MNIST, with a tag on every second coat: 000, 002 and so on.
pub fn tag() -> &'static Bed {
    static BED: OnceLock<Bed> = OnceLock::new();
    BED.get_or_init(|| bed("fashion_tag", 200))
}

/// Cuts from photographs, with a frame around every fourth of coffee: 000, 004 and so on.
pub fn frame() -> &'static Bed {
    static BED: OnceLock<Bed> = OnceLock::new();
    BED.get_or_init(|| bed("photo_frame", 100))
}

/// The files of a bed.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-models/clever-hans").join(name)
}

fn bed(name: &str, of_class: usize) -> Bed {
    let folder = tempfile::tempdir().unwrap();
    let labels = fs::read_to_string(sample(&format!("{name}.txt"))).unwrap();
    let labels: Vec<&str> = labels.lines().collect();
    cut(name, &labels, of_class, folder.path());
    for (from, to) in [(".onnx", "model.onnx"), (".yaml", "model.yaml")] {
        fs::copy(sample(&format!("{name}{from}")), folder.path().join(to)).unwrap();
    }
    fs::copy(sample(&format!("{name}.txt")), folder.path().join(format!("{name}.txt"))).unwrap();
    let save = "--save relevance,report --quiet";
    onnxplain(folder.path(), &format!("explain model.onnx photos -o out {save}")).succeeded();
    Bed { folder }
}

/// Cuts a sheet into files.
fn cut(name: &str, labels: &[&str], of_class: usize, folder: &Path) {
    let sheet = image::open(sample(&format!("{name}.png"))).unwrap();
    let side = sheet.width() / IN_A_ROW;
    for (index, number) in (0..labels.len() * of_class).zip(0_u32..) {
        let (left, top) = (number % IN_A_ROW * side, number / IN_A_ROW * side);
        let label = labels[index / of_class].replace('/', "-");
        let below = folder.join("photos").join(label);
        fs::create_dir_all(&below).unwrap();
        let file = below.join(format!("{:03}.png", index % of_class));
        sheet.crop_imm(left, top, side, side).save(file).unwrap();
    }
}

/// The number in the name of a picture, where it is of a class.
pub fn number(input: &str, class: &str) -> Option<usize> {
    let path = Path::new(input);
    let is_of_class = path.parent()?.file_name()? == class;
    path.file_stem()?.to_str()?.parse().ok().filter(|_| is_of_class)
}

/// Precision and recall in one: 1 where what was found is just what there is.
pub fn f1(found: &[String], all: &[String], is_true: impl Fn(&str) -> bool) -> f64 {
    let hits = found.iter().filter(|input| is_true(input)).count() as f64;
    let there = all.iter().filter(|input| is_true(input)).count() as f64;
    2.0 * hits / (found.len() as f64 + there)
}
