//! Watches runs from a thread beside them: one that hangs or fills the memory ends the process, and its input is kept.

use std::fs;
use std::path::PathBuf;
use std::process::exit;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The most seconds of processor time that a run may take. The clock on the wall would blame a busy machine.
const MOST_SECONDS: f64 = 10.0;

/// The longest that a run may take in all.
const PATIENCE: Duration = Duration::from_secs(120);

/// The most memory that the process may take, in bytes.
const MOST_MEMORY: u64 = 2 << 30;

/// A run under way.
struct Run {
    target: &'static str,
    input: Vec<u8>,
    /// The folder of `/proc` that tells of its thread, where there is one.
    thread: PathBuf,
    began: Instant,
    /// The processor time of the thread when it began.
    before: f64,
}

static RUNS: Mutex<Vec<Run>> = Mutex::new(vec![]);

/// Notes that a run begins. With `ONNXPLAIN_FUZZ_KEEP` its input is kept in `target/tmp/fuzzing/TARGET/current`, because an
/// abort leaves no time for it; that makes runs slower.
pub fn begin(target: &'static str, input: &[u8]) {
    if std::env::var_os("ONNXPLAIN_FUZZ_KEEP").is_some() {
        fs::write(folder(target).join("current"), input).unwrap();
    }
    let link = fs::read_link("/proc/thread-self").unwrap_or_default();
    let thread = PathBuf::from("/proc").join(link);
    let before = processor_time(&thread);
    RUNS.lock().unwrap().push(Run {
        target,
        input: input.to_vec(),
        thread,
        began: Instant::now(),
        before,
    });
}

/// Notes that it ended; the seconds of processor time that it took.
pub fn end(target: &'static str) -> f64 {
    let mut runs = RUNS.lock().unwrap();
    let place = runs.iter().position(|run| run.target == target).unwrap();
    let run = runs.swap_remove(place);
    processor_time(&run.thread) - run.before
}

/// The seconds of processor time of a thread; 0 where the system does not say.
fn processor_time(thread: &std::path::Path) -> f64 {
    let text = fs::read_to_string(thread.join("stat")).unwrap_or_default();
    // Behind the name in parentheses, which may hold anything; times are in hundredths of a second.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Where inputs of a target are kept.
fn folder(target: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fuzzing").join(target);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Keeps an input that something was wrong with; says where.
pub fn keep(target: &str, what: &str, input: &[u8]) -> PathBuf {
    let sum = input.iter().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = folder(target).join(format!("{what}-{sum:016x}"));
    fs::write(&path, input).unwrap();
    path
}

/// Starts the watch.
pub fn start() {
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(Duration::from_millis(50));
            let memory = memory();
            let runs = RUNS.lock().unwrap();
            let mut is_over = false;
            for run in runs.iter() {
                let seconds = processor_time(&run.thread) - run.before;
                let hangs = seconds > MOST_SECONDS || run.began.elapsed() > PATIENCE;
                let what = match (hangs, memory > MOST_MEMORY) {
                    (true, _) => "hang",
                    (_, true) => "memory",
                    _ => continue,
                };
                eprintln!(
                    "{what}: {}, {}",
                    run.target,
                    keep(run.target, what, &run.input).display()
                );
                is_over = true;
            }
            if is_over {
                exit(77);
            }
        }
    });
}

/// The bytes of memory that the process holds; 0 where the system does not say.
fn memory() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
