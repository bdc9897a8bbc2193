//! `onnxplain gallery`: report -> entries -> thumbnails -> page.

mod page;
mod rows;
mod thumbnails;
mod truth;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use onnxplain::io::{Overwrite, check, write_bytes};

pub use self::truth::Truth;
use super::Status;
use super::console::Console;

const EXAMPLES: &str = "\
Examples:
  onnxplain explain model.onnx photos/ -o out
  onnxplain gallery out                          writes out/gallery.html; open it in a browser
  onnxplain gallery out --truth folder           the folder of a photo is its true class
  onnxplain gallery out --truth truth.csv        lines of PATH,CLASS";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct GalleryOptions {
    /// A folder that `explain` wrote a report to: report.jsonl, or those of shards
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The true class of each input: folder, its folder's name; folder:2, that of the folder above; or a file of lines
    /// PATH,CLASS. The page then shows what is right and wrong, and a confusion table [default: not known]
    #[arg(long, value_name = "folder[:N]|FILE")]
    truth: Option<String>,
    /// Replace a gallery that is there already [default: refuse]
    #[arg(long)]
    overwrite: bool,
}

/// Makes the page.
pub fn run(options: &GalleryOptions, console: &mut Console) -> Result<Status> {
    let path = options.folder.join("gallery.html");
    let overwrite = Overwrite::own_if(options.overwrite);
    check(&path, overwrite)?;
    let truth = options.truth.as_deref().map(str::parse::<Truth>).transpose()?;
    let read = rows::read(&options.folder)?;
    if read.damaged > 0 {
        console.warning(format_args!(
            "{} lines of the report are damaged and left out; `explain --resume` repairs them",
            read.damaged
        ));
    }
    let made = thumbnails::make(&options.folder, &read.entries, console)?;
    let page = page::page(&options.folder, &read, &made.entries, truth.as_ref());
    write_bytes(&path, page, overwrite)?;
    if made.missing > 0 {
        console.note(format_args!(
            "{} pictures could not be read, such as {}",
            made.missing, made.example
        ));
    }
    match console.is_json() {
        true => console.print_json(&json!({
            "gallery": path.display().to_string(),
            "rows": read.entries.len(),
            "missing": made.missing,
        }))?,
        false => console.print(path.display())?,
    }
    Ok(Status::Done)
}
