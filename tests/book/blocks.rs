//! What a page tells a reader to type is typed.
//!
//! Blocks marked `sh` are run by bash, one after the other, in a folder of the page; of blocks marked `console` the lines
//! behind `$`, and what they print is compared with the page where it has no numbers. Those marked `python` are run together
//! where onnxplain's Python package is installed (`ONNXPLAIN_PYTHON` names the interpreter). A block that cannot be run here is
//! marked `sh,norun`, and the line before it says why: `<!-- not run: needs torch -->`.

use std::io::Write as _;
use std::path::Path;
use std::process::Output;

use onnxplain::composite::{Composite, Space};

use crate::kitchen::{kitchen, run};
use crate::pages::{Block, Page, pages};

/// Pages whose blocks another test runs, and looks at what comes out.
const RUN_ELSEWHERE: &[&str] = &["cookbook.md"];

/// Languages whose blocks are typed by a reader.
const TYPED: [&str; 4] = ["sh", "bash", "console", "python"];

fn place(page: &Page, block: &Block) -> String {
    format!("docs/{}:{}", page.path, block.line)
}

#[test]
fn blocks_are_marked_and_those_that_are_not_run_say_why() {
    let known = [
        "sh", "bash", "console", "python", "text", "yaml", "rust", "cpp", "json", "html", "js",
        "toml",
    ];
    let mut wrong = vec![];
    for page in pages() {
        let blocks = page.blocks();
        for block in &blocks {
            if !known.contains(&block.language()) {
                wrong.push(format!("{}: no language: {:?}", place(&page, block), block.info));
            }
            let says_why = block.before.starts_with("<!-- not run: ");
            if TYPED.contains(&block.language()) && !block.is_run() && !says_why {
                wrong.push(format!(
                    "{}: the line before does not say why it is not run",
                    place(&page, block)
                ));
            }
            if block.language() == "text" && block.text.starts_with("onnxplain ") {
                wrong.push(format!("{}: a command in a block of text", place(&page, block)));
            }
        }
        for (number, line) in page.prose().lines().enumerate() {
            if line.starts_with("    onnxplain ") || line.starts_with("    $ ") {
                wrong.push(format!(
                    "docs/{}:{}: a command that no fence marks",
                    page.path,
                    number + 1
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Half of the pages each, so that two cores run them.
#[test]
fn commands_work_on_pages_of_even_number() {
    run_pages(0);
}

#[test]
fn commands_work_on_pages_of_odd_number() {
    run_pages(1);
}

fn run_pages(half: usize) {
    let pages: Vec<Page> = pages().into_iter().skip(half).step_by(2).collect();
    let pages = pages.iter().filter(|page| !RUN_ELSEWHERE.contains(&page.path.as_str()));
    let failed: Vec<String> = pages.flat_map(|page| failures(page, is_shell, in_shell)).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

fn is_python(block: &Block) -> bool {
    block.language() == "python"
}

fn is_shell(block: &Block) -> bool {
    matches!(block.language(), "sh" | "console") && block.is_run()
}

/// What goes wrong in the blocks of a page.
fn failures(
    page: &Page,
    is_meant: fn(&Block) -> bool,
    run_block: fn(&Path, &Block) -> Result<(), String>,
) -> Vec<String> {
    let blocks: Vec<Block> = page.blocks().into_iter().filter(is_meant).collect();
    if blocks.is_empty() {
        return vec![];
    }
    let kitchen = kitchen();
    let failure = |block: &Block| {
        let told = run_block(kitchen.path(), block).err()?;
        Some(format!("{}:\n{}{told}", place(page, block), block.text))
    };
    blocks.iter().filter_map(failure).collect()
}

fn told(Output { stdout, stderr, .. }: &Output) -> String {
    [stdout, stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).join("\n")
}

fn in_shell(kitchen: &Path, block: &Block) -> Result<(), String> {
    if block.language() == "console" {
        return in_console(kitchen, block);
    }
    let output = run(kitchen, "bash", &["-euo", "pipefail", "-c", &block.text]);
    if output.status.success() { Ok(()) } else { Err(told(&output)) }
}

/// Runs what stands behind `$`, and looks for each line of the page without a digit in what is printed.
fn in_console(kitchen: &Path, block: &Block) -> Result<(), String> {
    let (mut script, mut expected) = (String::new(), vec![]);
    let mut goes_on = false;
    for line in block.text.lines() {
        let typed = line.strip_prefix("$ ").or_else(|| goes_on.then_some(line));
        match typed {
            Some(typed) => {
                script.push_str(&format!("{typed}\n"));
                goes_on = typed.ends_with('\\');
            }
            None => expected.push(line.trim()),
        }
    }
    let output = run(kitchen, "bash", &["-uo", "pipefail", "-c", &script]);
    let printed = told(&output);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let printed_words = words(&printed);
    let is_fixed =
        |line: &&&str| !line.contains(|it: char| it.is_ascii_digit()) && !line.contains("...");
    match expected.iter().filter(is_fixed).find(|line| !printed_words.contains(&words(line))) {
        Some(line) => Err(format!("does not print: {line}\nbut:\n{printed}")),
        None => Ok(()),
    }
}

#[test]
fn python_works() {
    let python = std::env::var("ONNXPLAIN_PYTHON").unwrap_or_else(|_| "python3".to_string());
    let has = |code: &str| {
        let found = std::process::Command::new(&python).args(["-c", code]).output();
        found.is_ok_and(|output| output.status.success())
    };
    let mut skipped = std::io::stderr();
    if !has("pass") {
        return writeln!(skipped, "skipped: there is no {python} here").unwrap();
    }
    // What is not run is at least Python.
    let failed: Vec<String> =
        pages().iter().flat_map(|page| failures(page, is_python, parsed)).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    if !has("import onnxplain") {
        let text = "skipped: Python blocks of the book are not run, because onnxplain's Python package is not installed";
        return writeln!(skipped, "{text} (ONNXPLAIN_PYTHON names an interpreter that has it)")
            .unwrap();
    }
    // The blocks of a page go on where the ones before ended.
    let mut failed = vec![];
    for page in pages() {
        let blocks = page.blocks();
        let run_blocks = blocks.iter().filter(|block| is_python(block) && block.is_run());
        let script: Vec<&str> = run_blocks.map(|block| block.text.as_str()).collect();
        if script.is_empty() {
            continue;
        }
        let output = run(kitchen().path(), &python, &["-c", &script.join("\n")]);
        if !output.status.success() {
            failed.push(format!("docs/{}:\n{}", page.path, told(&output)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

fn parsed(kitchen: &Path, block: &Block) -> Result<(), String> {
    let python = std::env::var("ONNXPLAIN_PYTHON").unwrap_or_else(|_| "python3".to_string());
    let output =
        run(kitchen, &python, &["-c", "import ast, sys; ast.parse(sys.argv[1])", &block.text]);
    if output.status.success() { Ok(()) } else { Err(told(&output)) }
}

#[test]
fn composites_and_spaces_are_read() {
    let mut count = 0;
    for page in pages() {
        for block in page.blocks().iter().filter(|block| block.language() == "yaml") {
            let origin = place(&page, block);
            let text = match block.text.trim_start().starts_with("- when:") {
                true => format!("name: part\nrules:\n{}", block.text),
                false => block.text.clone(),
            };
            if !text.contains("\nrules:") {
                continue;
            }
            count += 1;
            if text.contains("\nparameters:") {
                Space::parse(&text, &origin).unwrap();
            } else {
                Composite::parse(&text, &origin).unwrap();
            }
        }
    }
    assert!(count > 25, "{count} composites");
}
