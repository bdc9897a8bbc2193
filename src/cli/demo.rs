//! `onnxplain demo`: a first run that needs no files. A small network and a picture come with the program.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, FromArgMatches};

use onnxplain::io::{Overwrite, write_bytes};

use super::console::Console;
use super::{Cli, Command, Status, command_line, explain};

const EXAMPLES: &str = "\
Examples:
  onnxplain demo              onnxplain-demo/bag.figure.png to look at
  onnxplain demo -o /tmp/demo";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DemoOptions {
    /// The folder for the network, the picture, and what explains it
    #[arg(short, long, value_name = "DIR", default_value = "onnxplain-demo")]
    output: PathBuf,
}

/// A network of 324 kB that tells clothes apart (Fashion-MNIST, MIT), its card, its labels, and a picture of a bag.
const FILES: [(&str, &[u8]); 4] = [
    (MODEL, include_bytes!("../../sample-models/fashion_vgg.onnx")),
    ("fashion_vgg.yaml", include_bytes!("../../sample-models/fashion_vgg.yaml")),
    ("fashion.txt", include_bytes!("../../sample-models/fashion.txt")),
    (PICTURE, include_bytes!("../../sample-models/photos/fashion/bag.png")),
];
const MODEL: &str = "fashion_vgg.onnx";
const PICTURE: &str = "bag.png";

/// Writes the files, and explains the picture as `onnxplain explain` does.
pub fn run(options: &DemoOptions, console: &mut Console) -> Result<Status> {
    for (name, bytes) in FILES {
        unpack(&options.output.join(name), bytes)?;
    }
    let (model, picture) = (options.output.join(MODEL), options.output.join(PICTURE));
    let (model, picture, output) = (model.as_os_str(), picture.as_os_str(), &options.output);
    let words = ["onnxplain", "explain"].map(AsRef::as_ref).into_iter();
    let words = words.chain([model, picture, "-o".as_ref(), output.as_os_str()]);
    let matches = command_line().try_get_matches_from(words.chain(["--overwrite".as_ref()]))?;
    let Command::Explain(explain) = Cli::from_arg_matches(&matches)?.command else {
        bail!("the demo is no explanation");
    };
    if !console.is_json() {
        let [model, picture, output] =
            [model, picture, output.as_os_str()].map(|word| word.to_string_lossy());
        console.print(format_args!("$ onnxplain explain {model} {picture} -o {output}"))?;
    }
    explain::run(&explain, console)
}

/// Writes a file of the demo, unless it is there already.
fn unpack(path: &Path, bytes: &[u8]) -> Result<()> {
    match fs::read(path) {
        Ok(found) if found == bytes => Ok(()),
        Ok(_) => bail!(
            "{} is another file than the demo's: choose another folder with -o DIR",
            path.display()
        ),
        Err(_) => write_bytes(path, bytes, Overwrite::Refuse)
            .with_context(|| format!("cannot write the demo's {}", path.display())),
    }
}
