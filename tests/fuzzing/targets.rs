//! What is fuzzed: four ways on which bytes of unknown origin reach the library. A target may fail with an error, which it
//! returns in words; it must not panic, hang, or fill the memory.
//!
//! `tests/fuzzing` runs them with mutations of its own, `fuzz/` with libFuzzer.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use onnxplain::{Array, Composite, Error, ExplainerOptions, Method, Session, SessionOptions};

/// A target: what becomes of some bytes, in words.
pub type Target = fn(&[u8]) -> String;

/// All targets, by name.
pub const TARGETS: [(&str, Target); 4] =
    [("model", model), ("yaml", yaml), ("picture", picture), ("tables", tables)];

/// Most of the memory that a model may ask for here.
const MAX_MEMORY: u64 = 64 << 20;

/// The most numbers of an input that is explained.
const MOST_NUMBERS: usize = 1 << 16;

fn in_words<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => "done".to_string(),
        Err(error) => format!("{error:#}"),
    }
}

/// A folder in memory where there is one, for the files of this thread.
fn folder() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let below = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    let thread = format!("{:?}", std::thread::current().id());
    let thread: String = thread.chars().filter(char::is_ascii_digit).collect();
    let folder = below.join(format!("onnxplain-fuzzing-{}-{thread}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A file of this thread with these bytes.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// The small network that pictures and cards are tried with.
fn small_network() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        // `fuzz/` lies one folder deeper.
        let root = if here.join("tests").is_dir() { here } else { here.parent().unwrap_or(here) };
        root.join("tests/golden/plain/model.onnx")
    })
}

fn small_session() -> &'static Session {
    static SESSION: OnceLock<Session> = OnceLock::new();
    SESSION.get_or_init(|| SessionOptions::new().preprocess("unit").open(small_network()).unwrap())
}

/// The bytes of an `.onnx` file: read, compiled by LRP and by the gradient, run.
pub fn model(bytes: &[u8]) -> String {
    let path = file("model.onnx", bytes);
    let opened = || -> Result<String, Error> {
        let session = SessionOptions::new().max_memory(MAX_MEMORY).open(&path)?;
        let shape = session.input_shape().to_vec();
        let count: usize = shape.iter().product();
        for composite in ["auto", "gradient"] {
            let options =
                ExplainerOptions::new().composite(Composite::named(composite)?).threads(1);
            let explainer = session.explainer(options)?;
            if count <= MOST_NUMBERS {
                let values: Vec<f32> =
                    (0..count).map(|at| ((at * 37) % 101) as f32 / 101.0).collect();
                explainer.explain(&Array::new(&shape, &values)?)?;
            }
        }
        Ok(session.notices().iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    match opened() {
        Ok(notices) => format!("done; {notices}"),
        Err(error) => format!("{error:#}"),
    }
}

/// A composite, then the same text as a model card.
pub fn yaml(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let composite = Composite::parse(&text).and_then(|composite| {
        small_session().explainer(ExplainerOptions::new().composite(composite).threads(1))
    });
    let card = file("card.yaml", bytes);
    let opened = SessionOptions::new().preprocess(card.display().to_string()).open(small_network());
    format!(
        "{} / {}",
        in_words(composite),
        in_words(opened.and_then(|session| session.preprocessing()))
    )
}

/// A picture of any format.
pub fn picture(bytes: &[u8]) -> String {
    let extension = match bytes {
        [0xff, ..] => "jpg",
        [b'G', ..] => "gif",
        [b'B', ..] => "bmp",
        [b'R', ..] => "webp",
        [b'I' | b'M', ..] => "tiff",
        _ => "png",
    };
    let path = file(&format!("picture.{extension}"), bytes);
    let prepared = small_session().prepare(&path);
    let _ = fs::remove_file(path);
    in_words(prepared)
}

/// An array, labels (text or JSON), or the JSON that comes with a model; the first byte says which.
pub fn tables(bytes: &[u8]) -> String {
    let Some((kind, bytes)) = bytes.split_first() else { return "nothing".to_string() };
    match kind % 5 {
        0 => {
            let path = file("array.npy", bytes);
            format!(
                "array: {}",
                in_words(Array::read(&path).and_then(|array| small_session().prepare(&array)))
            )
        }
        1 | 2 => {
            let path = file(if kind % 5 == 1 { "labels.txt" } else { "labels.json" }, bytes);
            format!(
                "labels: {}",
                in_words(SessionOptions::new().labels_file(path).open(small_network()))
            )
        }
        3 => {
            let path = file("config.json", bytes);
            let opened =
                SessionOptions::new().preprocess(path.display().to_string()).open(small_network());
            format!("card: {}", in_words(opened.and_then(|session| session.preprocessing())))
        }
        _ => {
            let parameters = serde_json::from_slice::<serde_json::Value>(bytes);
            let Ok(serde_json::Value::Object(mut parameters)) = parameters else {
                return "no object".to_string();
            };
            let name = parameters.remove("method");
            let name = name.as_ref().and_then(|name| name.as_str()).unwrap_or("smoothgrad");
            format!("method: {}", in_words(Method::with(name, parameters)))
        }
    }
}
