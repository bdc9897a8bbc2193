//! `onnxplain man`: the manual page.

use anyhow::Result;
use clap::{Args, CommandFactory};

use super::console::Console;
use super::{Cli, Status};

#[derive(Debug, Args)]
pub struct ManOptions {}

/// Prints the manual pages of the command and of its subcommands, one after the other.
pub fn run(_options: &ManOptions, console: &mut Console) -> Result<Status> {
    let mut command = Cli::command();
    command.build();
    let mut page = vec![];
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for subcommand in command.get_subcommands().filter(|command| command.get_name() != "help") {
        clap_mangen::Man::new(subcommand.clone()).render(&mut page)?;
    }
    console.print(String::from_utf8_lossy(&page))?;
    Ok(Status::Done)
}
