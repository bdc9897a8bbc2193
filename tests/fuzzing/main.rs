//! Bytes of unknown origin: what failed before, seeds, and mutations of them, through the library.
//!
//! `cargo test` runs the seeds and a few mutations. `ONNXPLAIN_FUZZ_SECONDS=60 cargo test --test fuzzing` goes on for a
//! minute per target, from a seed of `ONNXPLAIN_FUZZ_SEED`. An input that panics, hangs for 10 s or takes 2 GB is kept
//! under `target/tmp/fuzzing`. `ONNXPLAIN_FUZZ_FILE=FILE` runs each target on one file only. docs/security.md says more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dice;
mod guard;
mod mutate_bytes;
mod mutate_model;
mod rewritten;
mod seeds;
#[path = "../support/mod.rs"]
mod support;
mod targets;
mod vocabulary;

use std::collections::HashSet;
use std::env;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;
use std::time::{Duration, Instant};

use dice::Dice;
use targets::{TARGETS, Target};

/// Mutations in every `cargo test`.
const FEW: usize = 150;

/// The most inputs that mutations start from.
const MOST_INPUTS: usize = 4000;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// The words of a dictionary in libFuzzer's format: `name="word"` a line, bytes as `\xNN`.
fn dictionary(target: &str) -> Vec<Vec<u8>> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/dictionaries/{target}.dict"));
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(unescaped(line.split_once('"')?.1.strip_suffix('"')?))).collect()
}

fn unescaped(word: &str) -> Vec<u8> {
    let mut bytes = vec![];
    let mut rest = word.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        (bytes, rest) = match (byte, after) {
            (b'\\', [b'x', hex @ ..]) if hex.len() >= 2 => {
                let digits = std::str::from_utf8(&hex[..2]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                (bytes, &hex[2..])
            }
            (b'\\', [escaped, after @ ..]) => {
                bytes.push(*escaped);
                (bytes, after)
            }
            _ => {
                bytes.push(byte);
                (bytes, after)
            }
        };
    }
    bytes
}

/// The outcome without what differs from one input to the next: numbers, and what stands in quotes.
fn outline(outcome: &str) -> String {
    let mut is_quoted = false;
    let kept = outcome.chars().filter(|letter| {
        is_quoted ^= *letter == '"';
        !is_quoted && !letter.is_ascii_digit()
    });
    kept.take(200).collect()
}

/// The runs of one target.
struct Fuzzing {
    name: &'static str,
    run: Target,
    /// What mutations start from.
    inputs: Vec<Vec<u8>>,
    outcomes: HashSet<String>,
    failures: Vec<String>,
    count: usize,
    /// Seconds of processor time.
    slowest: f64,
}

impl Fuzzing {
    /// Runs the target once; a new outcome makes the input one to start from.
    fn once(&mut self, input: Vec<u8>) {
        guard::begin(self.name, &input);
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.run)(&input)));
        self.slowest = self.slowest.max(guard::end(self.name));
        self.count += 1;
        match outcome {
            Ok(outcome) => {
                if self.outcomes.insert(outline(&outcome)) && self.inputs.len() < MOST_INPUTS {
                    self.inputs.push(input);
                }
            }
            Err(panic) => {
                let message = panic.downcast_ref::<String>().cloned();
                let message =
                    message.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
                let message = message.unwrap_or_default();
                if self.outcomes.insert(format!("panic {}", outline(&message))) {
                    let path = guard::keep(self.name, "panic", &input);
                    self.failures.push(format!("{message} ({})", path.display()));
                }
            }
        }
    }

    fn mutated(&self, words: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
        let mut bytes = dice.of(&self.inputs).clone();
        if self.name == "model"
            && !dice.one_in(10)
            && let Some(mutated) = mutate_model::mutate(&bytes, dice)
        {
            return mutated;
        }
        mutate_bytes::mutate(&mut bytes, words, dice);
        bytes
    }
}

fn fuzz(name: &'static str) {
    static WATCH: Once = Once::new();
    WATCH.call_once(guard::start);
    let (_, run) = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let (outcomes, failures) = (HashSet::new(), vec![]);
    let mut fuzzing =
        Fuzzing { name, run: *run, inputs: vec![], outcomes, failures, count: 0, slowest: 0.0 };
    if let Ok(file) = env::var("ONNXPLAIN_FUZZ_FILE") {
        let bytes = fs::read(file).unwrap();
        eprintln!("{name}: {}", (fuzzing.run)(&bytes));
        return;
    }
    let seeds = seeds::seeds(name);
    assert!(seeds.len() > 5);
    seeds.into_iter().for_each(|seed| fuzzing.once(seed.clone()));
    let words = dictionary(name);
    let mut dice = Dice::new(number("ONNXPLAIN_FUZZ_SEED").unwrap_or(1));
    let end = number("ONNXPLAIN_FUZZ_SECONDS")
        .map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut few = 0..FEW;
    while end.map_or_else(|| few.next().is_some(), |end| Instant::now() < end) {
        let input = fuzzing.mutated(&words, &mut dice);
        fuzzing.once(input);
    }
    let Fuzzing { count, slowest, outcomes, .. } = &fuzzing;
    eprintln!("{name}: {count} runs, {} outcomes, the slowest {:.2} s", outcomes.len(), slowest);
    assert!(fuzzing.failures.is_empty(), "{name}:\n{}", fuzzing.failures.join("\n"));
}

#[test]
fn models_do_not_crash() {
    fuzz("model");
}

#[test]
fn composites_and_cards_do_not_crash() {
    fuzz("yaml");
}

#[test]
fn pictures_do_not_crash() {
    fuzz("picture");
}

#[test]
fn arrays_labels_and_json_do_not_crash() {
    fuzz("tables");
}

/// Writes the seeds as files, for libFuzzer: `ONNXPLAIN_FUZZ_CORPUS=fuzz/corpus`.
#[test]
fn seeds_are_written_where_asked_for() {
    let Ok(corpus) = env::var("ONNXPLAIN_FUZZ_CORPUS") else { return };
    for (name, _) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(&corpus).join(name);
        fs::create_dir_all(&folder).unwrap();
        for (index, seed) in seeds::seeds(name).iter().enumerate() {
            fs::write(folder.join(format!("seed-{index:03}")), seed).unwrap();
        }
    }
}
