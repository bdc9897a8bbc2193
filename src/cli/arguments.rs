//! From the words of the command line to the command: what is asked for before they are parsed, and the help that fits
//! a screen.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ErrorKind};
use clap::{ArgMatches, ColorChoice, Command, Error};

use super::terminal;

/// What `-h` shows of a command that has many options, in few words; without words, in its own. `--help` shows all.
const ESSENTIAL: [(&str, &str); 14] = [
    ("model", ""),
    ("inputs", "Pictures, .npy tensors, folders, patterns, or - for a list on standard input"),
    ("output", "Folder that files go to"),
    ("save", "Of overlay,heatmap,relevance,report [default: all but relevance]"),
    ("overwrite", "Replace files that onnxplain wrote"),
    ("resume", "Go on with a batch that was interrupted"),
    ("target", "Classes: top, top:K, an index or a label"),
    ("labels", "Class names [default: the card's]"),
    ("method", "Attribution method"),
    ("composite", "Rules: a preset, a .yaml file, or auto"),
    ("preprocess", "imagenet, keras, unit, caffe, raw, or a model card"),
    ("json", "Print JSON Lines on standard output"),
    ("quiet", "Print results and errors only"),
    ("help", "Print this; --help prints everything"),
];

/// What `-h` shows of no command.
const RARE: [&str; 2] = ["verbose", "color"];

/// Parses the arguments of the process.
///
/// # Errors
/// What clap says about them, with nothing in it that controls a terminal; the help and the version are errors too.
pub fn parse(command: Command, arguments: &[OsString]) -> Result<ArgMatches, Error> {
    let command = command.color(color_asked_for(arguments));
    let command = match arguments.iter().any(|argument| argument == "-h") {
        true => shortened(command),
        false => command,
    };
    let parse = |arguments: &[OsString]| command.clone().try_get_matches_from(arguments);
    let error = match parse(arguments) {
        Ok(matches) => return Ok(matches),
        Err(error) => error,
    };
    if error.kind() == ErrorKind::InvalidUtf8 {
        return Err(not_text(command, arguments));
    }
    // Errors repeat what was given, so they are told about arguments that can be shown.
    let shown = |argument: &OsString| terminal::name(&argument.to_string_lossy()).into();
    let shown: Vec<OsString> = arguments.iter().map(shown).collect();
    Err(in_own_words(parse(&shown).err().unwrap_or(error), &command))
}

/// The same error without the words of Rust's parsers of numbers and ranges.
fn in_own_words(error: Error, command: &Command) -> Error {
    let source = std::error::Error::source(&error).map(ToString::to_string);
    let Some(reason) = source.as_deref().and_then(own_words) else {
        return error;
    };
    let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let (argument, value) = (context(ContextKind::InvalidArg), context(ContextKind::InvalidValue));
    let message = format!(
        "invalid value '{value}' for '{argument}': {reason}\n\nFor more information, try '--help'.\n"
    );
    Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
}

/// What a parser of a number means; `None` where it has words of its own.
fn own_words(reason: &str) -> Option<String> {
    let words = match reason {
        "cannot parse float from empty string" | "invalid float literal" => "it is no number",
        "cannot parse integer from empty string" | "invalid digit found in string" => {
            "it is no whole number, or below 0"
        }
        "number too large to fit in target type" => "it is too large",
        "number too small to fit in target type" => "it is too small",
        _ => return out_of_range(reason),
    };
    Some(words.to_string())
}

/// `0 is not in 1..=20000`
fn out_of_range(reason: &str) -> Option<String> {
    let (_, range) = reason.split_once(" is not in ")?;
    let (low, high) = range.split_once("..")?;
    let high = high.trim_start_matches('=');
    let is_number = |text: &str| text.parse::<i128>().is_ok();
    if !is_number(low) || !is_number(high) {
        return None;
    }
    // A range without an end has that of the type.
    Some(match high == u64::MAX.to_string() || high == i64::MAX.to_string() {
        true => format!("it must be a whole number from {low} upwards"),
        false => format!("it must be a whole number from {low} to {high}"),
    })
}

fn not_text(mut command: Command, arguments: &[OsString]) -> Error {
    let argument = arguments.iter().find(|argument| argument.to_str().is_none());
    let argument =
        argument.map_or_else(String::new, |argument| terminal::name(&argument.to_string_lossy()));
    command.error(
        ErrorKind::InvalidUtf8,
        format!("`{argument}` is not UTF-8: only the paths of models, inputs, labels and folders may be anything else"),
    )
}

/// A command with more arguments than this is shortened.
const MANY: usize = 10;

/// The same command with few options in its help, and a hint at the others.
fn shortened(command: Command) -> Command {
    let names: Vec<String> =
        command.get_subcommands().map(|command| command.get_name().to_string()).collect();
    names.iter().fold(hide(command, true), |command, name| {
        command.mut_subcommand(name, |command| {
            let count = command.get_arguments().count();
            let shortened = hide(command, false);
            let hint = format!("`onnxplain {name} --help` shows everything, with examples.");
            if count > MANY { shortened.after_help(hint) } else { shortened }
        })
    })
}

/// The options of all commands belong to the root, and are listed among the others.
fn hide(command: Command, is_root: bool) -> Command {
    let is_long = command.get_arguments().count() > MANY;
    command.mut_args(|argument| {
        let name = argument.get_id().as_str();
        let essential = ESSENTIAL.iter().find(|(essential, _)| *essential == name);
        let is_hidden = is_long && essential.is_none() || RARE.contains(&name);
        let Some((_, words)) = essential.filter(|_| is_long || is_root) else {
            return argument.hide(is_hidden);
        };
        let takes_values = argument.get_action().takes_values();
        let argument = argument.help_heading(None::<&str>);
        let argument = if takes_values { argument.hide_possible_values(true) } else { argument };
        if words.is_empty() { argument } else { argument.help(*words) }
    })
}

/// The colours that the arguments ask for: for the errors and the help of the parser.
fn color_asked_for(arguments: &[OsString]) -> ColorChoice {
    let mut choice = ColorChoice::Auto;
    let mut is_value = false;
    for argument in arguments {
        let text = argument.to_str().unwrap_or_default();
        let value = match text.strip_prefix("--color=") {
            Some(value) => value,
            None if is_value => text,
            None => "",
        };
        choice = value.parse().unwrap_or(choice);
        is_value = argument == OsStr::new("--color");
    }
    choice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn colours_are_read_before_parsing() {
        let asked = |arguments: &[&str]| color_asked_for(&words(arguments));
        assert_eq!(asked(&["onnxplain", "--color", "never"]), ColorChoice::Never);
        assert_eq!(asked(&["onnxplain", "--color=always"]), ColorChoice::Always);
        assert_eq!(asked(&["onnxplain", "never"]), ColorChoice::Auto);
    }

    #[test]
    fn the_short_help_has_the_essential_options() {
        let arguments = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "save"];
        let arguments = arguments.map(|name| clap::Arg::new(name).long(name));
        let flag = clap::Arg::new("quiet").long("quiet").action(clap::ArgAction::SetTrue);
        let inner = Command::new("inner").args(arguments).arg(flag);
        let command = Command::new("test").subcommand(inner);
        let help = |word| parse(command.clone(), &words(&["test", "inner", word])).unwrap_err();
        let (short, long) = (help("-h").to_string(), help("--help").to_string());
        assert!(
            short.contains("--save") && short.contains("--quiet") && !short.contains("--k"),
            "{short}"
        );
        assert!(short.ends_with("shows everything, with examples.\n"), "{short}");
        assert!(long.contains("--k"), "{long}");
    }

    #[test]
    fn errors_about_numbers_have_own_words() {
        let command = Command::new("test")
            .arg(clap::Arg::new("a").long("a").value_parser(clap::value_parser!(f32)))
            .arg(clap::Arg::new("b").long("b").value_parser(clap::value_parser!(u32).range(1..=9)))
            .arg(clap::Arg::new("c").long("c").value_parser(clap::value_parser!(u64).range(1..)))
            .arg(clap::Arg::new("d").long("d").value_parser(clap::value_parser!(usize)));
        for (argument, expected) in [
            ("--a=", "invalid value '' for '--a <a>': it is no number\n"),
            ("--a=abc", "invalid value 'abc' for '--a <a>': it is no number\n"),
            ("--b=0", "invalid value '0' for '--b <b>': it must be a whole number from 1 to 9\n"),
            (
                "--c=0",
                "invalid value '0' for '--c <c>': it must be a whole number from 1 upwards\n",
            ),
            ("--b=x", "it is no whole number"),
            ("--d=-1", "it is no whole number, or below 0"),
            ("--d=99999999999999999999", "it is too large"),
        ] {
            let error = parse(command.clone(), &words(&["test", argument])).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(expected), "{message}");
            assert_eq!((error.kind(), error.exit_code()), (ErrorKind::ValueValidation, 2));
        }
    }

    #[test]
    fn errors_hold_nothing_that_controls_a_terminal() {
        let command = Command::new("test").arg(clap::Arg::new("a"));
        let arguments = words(&["test", "--\u{1b}[2J", "--color=never"]);
        let message = parse(command, &arguments).unwrap_err().to_string();
        assert!(message.contains("--\\u{1b}[2J") && !message.contains('\u{1b}'), "{message}");
    }
}
