//! `onnxplain completions`: the completion script for a shell.

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::console::Console;
use super::{Cli, Status};

const EXAMPLES: &str = "\
Examples:
  onnxplain completions bash > ~/.local/share/bash-completion/completions/onnxplain
  onnxplain completions fish > ~/.config/fish/completions/onnxplain.fish";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsOptions {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub fn run(options: &CompletionsOptions, console: &mut Console) -> Result<Status> {
    let mut script = vec![];
    clap_complete::generate(options.shell, &mut Cli::command(), "onnxplain", &mut script);
    console.print(String::from_utf8_lossy(&script))?;
    Ok(Status::Done)
}
