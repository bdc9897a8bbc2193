//! `--target` and `--against`: lists of words, and labels that hold commas themselves.

use anyhow::{Context, Result};

use onnxplain::{Notice, Session, Target, Targets};

/// Whether the options name several targets, so that the class index becomes part of file names.
pub fn names_several(targets: &[String], labels: Option<&[String]>) -> bool {
    let words: Vec<&str> = targets.iter().flat_map(|text| words(text, labels)).collect();
    words.len() > 1 || words.iter().any(|word| word.starts_with("top:") && *word != "top:1")
}

/// Reads the options.
///
/// # Errors
/// When a class does not exist, or a label fits none or several.
pub fn parse(targets: &[String], against: Option<&str>, session: &Session) -> Result<Targets> {
    let read = |option: &str, word: &str| {
        let target = word.parse::<Target>().and_then(|target| session.resolve_one(&target));
        target.with_context(|| format!("{option} {word}"))
    };
    let words = targets.iter().flat_map(|text| words(text, session.labels()));
    let targets = words.map(|word| read("--target", word)).collect::<Result<Vec<_>>>()?;
    let mut targets = Targets::new(targets);
    if let Some(word) = against {
        targets = targets.against(read("--against", word)?);
    }
    Ok(session.resolve(&targets)?)
}

/// What should be said about the words of the options: numbers that are the names of other classes.
pub fn notes<'a>(words_of: impl IntoIterator<Item = &'a str>, session: &Session) -> Vec<Notice> {
    let words = words_of.into_iter().flat_map(|text| words(text, session.labels()));
    let targets = words.filter_map(|word| word.parse::<Target>().ok());
    targets.filter_map(|target| session.note_about(&target)).collect()
}

/// Takes a list apart, unless the whole is a label: ImageNet's hold commas.
pub fn words<'a>(text: &'a str, labels: Option<&[String]>) -> Vec<&'a str> {
    let is_label = labels.is_some_and(|labels| labels.iter().any(|name| name == text));
    if is_label { vec![text] } else { text.split(',').map(str::trim).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Vec<String> {
        ["cat", "tabby, tabby cat", "dog"].map(String::from).to_vec()
    }

    #[test]
    fn several_targets_are_recognised() {
        let several = |text: &str| names_several(&[text.to_string()], Some(&labels()));
        assert!(several("top:2") && several("0,top"));
        assert!(!several("top") && !several("top:1") && !several("tabby, tabby cat"));
    }

    #[test]
    fn lists_are_taken_apart() {
        assert_eq!(words("top, 2", Some(&labels())), ["top", "2"]);
        assert_eq!(words("tabby, tabby cat", Some(&labels())), ["tabby, tabby cat"]);
        assert_eq!(words("tabby, tabby cat", None), ["tabby", "tabby cat"]);
    }
}
