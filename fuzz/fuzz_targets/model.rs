//! Models, with mutations that know their structure.

#![no_main]

#[allow(dead_code)]
#[path = "../../tests/fuzzing/dice.rs"]
mod dice;
#[path = "../../tests/fuzzing/mutate_model.rs"]
mod mutate_model;
#[allow(dead_code)]
#[path = "../../tests/fuzzing/targets.rs"]
mod targets;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(
    init: {
        // tract's panics are caught and become errors; libFuzzer's hook would end the process.
        std::panic::set_hook(Box::new(|_| {}));
    },
    |data: &[u8]| {
        let run = std::panic::catch_unwind(|| targets::model(data));
        if run.is_err() {
            std::process::abort();
        }
    }
);

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut dice = dice::Dice::new(seed.into());
    if !dice.one_in(10)
        && let Some(mutated) = mutate_model::mutate(&data[..size], &mut dice)
        && mutated.len() <= max_size
    {
        data[..mutated.len()].copy_from_slice(&mutated);
        return mutated.len();
    }
    fuzzer_mutate(data, size, max_size)
});
