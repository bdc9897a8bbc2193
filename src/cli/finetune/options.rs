//! What can be given to `onnxplain finetune`.

use clap::{Args, ValueEnum};

use onnxplain::finetune::{FeedbackRule, FinetuneSettings, Reward, Schedule};
use onnxplain::optimizer::Optimizer;

use crate::cli::labelled::Operands;

const EXAMPLES: &str = "\
Examples:
  onnxplain finetune model.onnx pictures/ --labels folder -o new.onnx          by rewards (LFP)
  onnxplain finetune model.onnx pictures/ --labels labels.csv -o new.onnx --rule gradient
  onnxplain finetune model.onnx pictures/ --labels folder -o new.onnx --layers '^head'   the head alone
  onnxplain finetune model.onnx pictures/ --labels folder -o new.onnx --epochs 20 --patience 3
  onnxplain finetune model.onnx pictures/ --labels folder -o new.onnx --resume           goes on where it was stopped

new.onnx is the same graph with other numbers: those of the epoch that does best on the pictures held out. Beside it are
new.json (the report), new.html (accuracy, loss and confusion, to open in a browser) and new.checkpoint (for --resume).
docs/finetune.md says what rewards are and how to choose a learning rate.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct FinetuneOptions {
    // In front of the operands, whose help headings go on behind them.
    /// Go on with a training that was stopped, or with more --epochs
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    #[command(flatten)]
    pub operands: Operands,

    /// What goes back: rewards by the ε rule (lfp-epsilon) or the γ rule (lfp-gamma), or the gradient of the loss (gradient)
    #[arg(long, value_name = "RULE", default_value = "lfp-epsilon", value_parser = parse::<FeedbackRule>, help_heading = "Training")]
    rule: FeedbackRule,
    /// What is wanted of the outputs: softmax (one class of all), sigmoid (each by itself), right (1 for the right class, -1 for
    /// a wrong winner), maximise:OUTPUT, minimise:OUTPUT
    #[arg(long, value_name = "REWARD", default_value = "softmax", value_parser = parse::<Reward>, help_heading = "Training")]
    reward: Reward,
    /// Passes over the pictures
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=1_000_000), help_heading = "Training")]
    epochs: u64,
    /// Pictures between two changes of the weights
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=1_000_000), help_heading = "Training")]
    batch: u64,
    /// How far weights go [default: 0.001 for adam; for sgd 0.1 of rewards and 0.01 of the gradient]
    #[arg(long, value_name = "RATE", value_parser = above_zero, help_heading = "Training")]
    learning_rate: Option<f32>,
    /// How it falls: constant, linear or cosine
    #[arg(long, value_name = "SCHEDULE", default_value = "cosine", value_parser = parse::<Schedule>, help_heading = "Training")]
    schedule: Schedule,
    /// How weights follow
    #[arg(long, value_name = "OPTIMIZER", default_value = "sgd", help_heading = "Training")]
    optimizer: OptimizerWord,
    /// Of sgd: how much of the last step is made again, from 0 to below 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.9, value_parser = share, help_heading = "Training")]
    momentum: f32,
    /// Weights shrink by this share of themselves, times the learning rate
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = from_zero, help_heading = "Training")]
    weight_decay: f32,
    /// Shorten what weights follow to this norm [default: 1 for rewards, which grow where outputs are near 0; not for the
    /// gradient]
    #[arg(long, value_name = "NORM", value_parser = above_zero, help_heading = "Training")]
    clip: Option<f32>,
    /// Stop after so many epochs that are no better
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Training")]
    patience: Option<u64>,
    /// Train only parameters whose name in the file matches this regular expression
    #[arg(long, value_name = "REGEX", help_heading = "Training")]
    layers: Option<String>,
    /// Leave parameters whose name matches as they are
    #[arg(long, value_name = "REGEX", help_heading = "Training")]
    freeze: Option<String>,
    /// Seed of what is held out, and of the order of the pictures
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    pub seed: u64,
}

/// How weights follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OptimizerWord {
    /// Stochastic gradient descent with momentum.
    Sgd,
    /// Adam (Kingma & Ba 2015).
    Adam,
}

impl FinetuneOptions {
    /// How it is trained.
    pub fn settings(&self) -> FinetuneSettings {
        let (optimizer, rate) = match self.optimizer {
            OptimizerWord::Sgd => {
                let rate = if self.rule.is_reward() { 0.1 } else { 0.01 };
                (Optimizer::Sgd { momentum: self.momentum }, rate)
            }
            OptimizerWord::Adam => (Optimizer::ADAM, 0.001),
        };
        FinetuneSettings {
            rule: self.rule,
            reward: self.reward,
            epochs: self.epochs as usize,
            batch: self.batch as usize,
            learning_rate: self.learning_rate.unwrap_or(rate),
            schedule: self.schedule,
            optimizer,
            weight_decay: self.weight_decay,
            clip: self.clip.or(self.rule.is_reward().then_some(1.0)),
            patience: self.patience.map(|epochs| epochs as usize),
            layers: self.layers.clone(),
            freeze: self.freeze.clone(),
            seed: self.seed,
        }
    }
}

fn parse<T: std::str::FromStr<Err = anyhow::Error>>(word: &str) -> anyhow::Result<T> {
    word.parse()
}

fn above_zero(text: &str) -> anyhow::Result<f32> {
    let number: f32 = text.parse()?;
    anyhow::ensure!(number > 0.0 && number.is_finite(), "it must be above 0");
    Ok(number)
}

fn from_zero(text: &str) -> anyhow::Result<f32> {
    let number: f32 = text.parse()?;
    anyhow::ensure!(number >= 0.0 && number.is_finite(), "it must be 0 or above");
    Ok(number)
}

fn share(text: &str) -> anyhow::Result<f32> {
    let number: f32 = text.parse()?;
    anyhow::ensure!((0.0..1.0).contains(&number), "it lies from 0 to below 1");
    Ok(number)
}
