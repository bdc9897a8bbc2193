//! Watches runs from a thread beside them: one that hangs or fills the memory ends the process, and its input is kept.

use std::fs;
use std::path::PathBuf;
use std::process::exit;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The longest that a run may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The most memory that the process may take, in bytes.
const MOST_MEMORY: u64 = 2 << 30;

/// The runs under way: when each began, of which target, and its input.
static RUNS: Mutex<Vec<(Instant, &'static str, Vec<u8>)>> = Mutex::new(vec![]);

/// Notes that a run begins.
pub fn begin(target: &'static str, input: &[u8]) {
    RUNS.lock().unwrap().push((Instant::now(), target, input.to_vec()));
}

/// Notes that it ended; how long it took.
pub fn end(target: &'static str) -> Duration {
    let mut runs = RUNS.lock().unwrap();
    let place = runs.iter().position(|(_, name, _)| *name == target).unwrap();
    runs.swap_remove(place).0.elapsed()
}

/// Keeps an input that something was wrong with; says where.
pub fn keep(target: &str, what: &str, input: &[u8]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fuzzing").join(target);
    fs::create_dir_all(&folder).unwrap();
    let sum = input.iter().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = folder.join(format!("{what}-{sum:016x}"));
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
            for (began, target, input) in runs.iter() {
                let what = match (began.elapsed() > PATIENCE, memory > MOST_MEMORY) {
                    (true, _) => "hang",
                    (_, true) => "memory",
                    _ => continue,
                };
                eprintln!("{what}: {target}, {}", keep(target, what, input).display());
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
