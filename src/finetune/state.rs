//! How far a training is: stored after every epoch, so that it can go on as if it had not stopped.
//!
//! A checkpoint is a line of JSON, and behind it the numbers: the parameters, those of the best epoch, and what the
//! optimizer remembers.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::confusion::{Confusion, Summary};
use super::settings::FinetuneSettings;
use crate::optimizer::Memory;

/// What an epoch gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochLine {
    /// Counted from 1; 0 is the network before.
    pub epoch: usize,
    /// At its last batch.
    pub learning_rate: f32,
    /// On the pictures that it was trained with, while it was trained.
    pub training: Option<Summary>,
    /// On those that are held out, after it; where none are, on those that it was trained with.
    pub held_out: Summary,
    /// On the same.
    pub confusion: Confusion,
    /// Of training alone.
    pub seconds: f64,
}

/// How far a training is.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// All parameters of the file, as they are.
    pub values: Vec<f32>,
    /// For every parameter.
    pub memories: Vec<Memory>,
    /// The best network.
    pub best: Option<Best>,
    /// Every epoch, and what was before.
    pub history: Vec<EpochLine>,
}

/// The best network.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// After which epoch.
    pub epoch: usize,
    /// Its parameters.
    pub values: Vec<f32>,
    /// How well it does.
    pub held_out: Summary,
}

/// The first line of a checkpoint.
#[derive(Serialize, Deserialize)]
struct Head {
    tool: String,
    settings: FinetuneSettings,
    /// SHA-256 of the model file.
    model: String,
    history: Vec<EpochLine>,
    best: Option<(usize, Summary)>,
    /// Of all parameters.
    count: usize,
    /// Of every parameter: steps, and how many numbers of each kind its optimizer remembers.
    memories: Vec<(u64, [usize; 2])>,
}

impl State {
    /// Before the first epoch.
    pub fn new(values: Vec<f32>, memories: Vec<Memory>) -> State {
        State { values, memories, best: None, history: vec![] }
    }

    /// Epochs that are done.
    pub fn epoch(&self) -> usize {
        self.history.last().map_or(0, |line| line.epoch)
    }

    /// Epochs since the best one.
    pub fn waited(&self) -> usize {
        self.epoch() - self.best.as_ref().map_or(0, |best| best.epoch)
    }

    /// A checkpoint of a training by these settings of a model file with this hash.
    ///
    /// # Errors
    /// When the settings cannot be written.
    pub fn checkpoint(&self, settings: &FinetuneSettings, model: &str) -> Result<Vec<u8>> {
        let head = Head {
            tool: "onnxplain".to_string(),
            settings: settings.clone(),
            model: model.to_string(),
            history: self.history.clone(),
            best: self.best.as_ref().map(|best| (best.epoch, best.held_out)),
            count: self.values.len(),
            memories: self
                .memories
                .iter()
                .map(|it| (it.steps(), it.numbers().map(<[f32]>::len)))
                .collect(),
        };
        let mut bytes = serde_json::to_vec(&head)?;
        bytes.push(b'\n');
        let best = self.best.iter().map(|best| best.values.as_slice());
        let remembered = self.memories.iter().flat_map(Memory::numbers);
        for numbers in std::iter::once(self.values.as_slice()).chain(best).chain(remembered) {
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
        Ok(bytes)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// When it is damaged, or belongs to other settings or to another model file.
    pub fn read(bytes: &[u8], settings: &FinetuneSettings, model: &str) -> Result<State> {
        let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
        let (head, rest) = bytes.split_at(end);
        let head: Head = serde_json::from_slice(head).context("it is no checkpoint")?;
        ensure!(head.model == model, "it belongs to another model file");
        // More epochs may be asked for.
        let asked = FinetuneSettings {
            epochs: head.settings.epochs,
            patience: head.settings.patience,
            ..settings.clone()
        };
        ensure!(
            head.settings == asked,
            "it was made with other settings: {}",
            serde_json::to_string(&head.settings)?
        );
        let mut rest = rest.get(1..).unwrap_or_default();
        let mut take = |count: usize| -> Result<Vec<f32>> {
            let len = count.checked_mul(4).filter(|&len| len <= rest.len());
            let (numbers, behind) = rest.split_at(len.context("it is truncated")?);
            rest = behind;
            Ok(numbers.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
        };
        let values = take(head.count)?;
        let best = match head.best {
            Some((epoch, held_out)) => Some(Best { epoch, values: take(head.count)?, held_out }),
            None => None,
        };
        let mut memories = vec![];
        for (steps, [first, second]) in head.memories {
            memories.push(Memory::restored(steps, [take(first)?, take(second)?]));
        }
        Ok(State { values, memories, best, history: head.history })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::Optimizer;

    #[test]
    fn a_checkpoint_is_read_back_to_the_last_bit() {
        let settings = FinetuneSettings::default();
        let mut state = State::new(vec![0.1, 0.2, 0.3], vec![Memory::default(); 2]);
        let optimizer = Optimizer::ADAM;
        let mut numbers = [0.1, 0.2];
        optimizer.descend(&mut numbers, &[0.5, 0.7], 0.1, 0.0, &mut state.memories[0]).unwrap();
        let held_out = Summary { accuracy: 0.1 + 0.2, loss: 1.0 / 3.0 };
        state.best = Some(Best { epoch: 1, values: vec![1.0, 2.0, 3.0], held_out });
        state.history.push(EpochLine {
            epoch: 2,
            learning_rate: 0.1,
            training: None,
            held_out,
            confusion: vec![vec![1, 2], vec![0, 3]],
            seconds: 0.5,
        });
        let bytes = state.checkpoint(&settings, "abc").unwrap();
        assert_eq!(State::read(&bytes, &settings, "abc").unwrap(), state);
        let longer = FinetuneSettings { epochs: 99, ..settings.clone() };
        assert_eq!(State::read(&bytes, &longer, "abc").unwrap(), state);
        let told = |settings: &FinetuneSettings, model: &str, bytes: &[u8]| {
            State::read(bytes, settings, model).unwrap_err().to_string()
        };
        assert!(told(&settings, "abd", &bytes).contains("another model"));
        let other = FinetuneSettings { seed: 1, ..settings.clone() };
        assert!(told(&other, "abc", &bytes).contains("other settings"));
        assert!(told(&settings, "abc", &bytes[..bytes.len() - 1]).contains("truncated"));
        assert!(told(&settings, "abc", b"{}").contains("no checkpoint"));
        assert_eq!(state.waited(), 1);
    }
}
