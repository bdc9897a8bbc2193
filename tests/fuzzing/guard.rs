//! Watches runs from a thread beside them: one that hangs or fills the memory ends the process, and its input is kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The most seconds of processor time that a run may take. The clock on the wall would blame a busy machine.
const MOST_SECONDS: f64 = 10.0;

/// The longest that a run may take in all.
const PATIENCE: Duration = Duration::from_secs(120);

/// The watch looks every so often.
const PAUSE: Duration = Duration::from_millis(50);

/// A pause that takes this much longer is one of the machine: a virtual one was stopped, say, whose threads are then
/// charged for the time.
const STANDSTILL: Duration = Duration::from_secs(1);

/// The most memory that the process may take, in bytes.
const MOST_MEMORY: u64 = 2 << 30;

/// A run under way.
struct Run {
    target: &'static str,
    input: Vec<u8>,
    /// The folder of `/proc` that tells of its thread, where there is one.
    thread: PathBuf,
    began: Instant,
    /// The processor times of the thread when it began.
    before: Times,
    /// The seconds that the machine stood still meanwhile.
    lost: f64,
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
    let before = Times::of(&thread);
    RUNS.lock().unwrap().push(Run {
        target,
        input: input.to_vec(),
        thread,
        began: Instant::now(),
        before,
        lost: 0.0,
    });
}

/// Notes that it ended; the seconds of processor time that it took.
pub fn end(target: &'static str) -> f64 {
    let mut runs = RUNS.lock().unwrap();
    let place = runs.iter().position(|run| run.target == target).unwrap();
    let run = runs.swap_remove(place);
    let times = Times::of(&run.thread).since(run.before);
    times.user + times.system
}

/// The seconds of processor time of a thread; 0 where the system does not say.
#[derive(Clone, Copy)]
struct Times {
    user: f64,
    system: f64,
}

impl Times {
    fn of(thread: &Path) -> Times {
        let text = fs::read_to_string(thread.join("stat")).unwrap_or_default();
        // Behind the name in parentheses, which may hold anything; times are in hundredths of a second.
        let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
        let mut seconds = fields.map(|ticks| ticks.parse().unwrap_or(0.0) / 100.0);
        let mut next = || seconds.next().unwrap_or(0.0);
        Times { user: next(), system: next() }
    }

    fn since(self, before: Times) -> Times {
        Times { user: self.user - before.user, system: self.system - before.system }
    }
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
            let lost = rest();
            let memory = memory();
            let mut runs = RUNS.lock().unwrap();
            runs.iter_mut().for_each(|run| run.lost += lost);
            let mut is_over = false;
            for run in runs.iter() {
                let Times { user, system } = Times::of(&run.thread).since(run.before);
                let elapsed = run.began.elapsed();
                let hangs = user + system - run.lost > MOST_SECONDS || elapsed > PATIENCE;
                let what = match (hangs, memory > MOST_MEMORY) {
                    (true, _) => "hang",
                    (_, true) => "memory",
                    _ => continue,
                };
                let path = keep(run.target, what, &run.input);
                eprintln!(
                    "{what}: {}, {}: {user} s of its own, {system} s of the system, {} s in all; {} MiB",
                    run.target,
                    path.display(),
                    elapsed.as_secs(),
                    memory >> 20
                );
                is_over = true;
            }
            if is_over {
                exit(77);
            }
        }
    });
}

/// Waits until the watch looks again; the seconds that the machine stood still.
fn rest() -> f64 {
    let began = Instant::now();
    std::thread::sleep(PAUSE);
    let longer = began.elapsed().saturating_sub(PAUSE);
    if longer < STANDSTILL {
        return 0.0;
    }
    eprintln!("the machine stood still for {:.1} s", longer.as_secs_f64());
    longer.as_secs_f64()
}

/// The bytes of memory that the process holds; 0 where the system does not say.
fn memory() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
