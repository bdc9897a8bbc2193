//! The nearest valid word, for error messages.

pub mod placed;
pub mod spelled;

/// The most similar of the candidates, if any is similar at all.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// A deserialization error, with the nearest of the words it expected instead of the one it found.
pub fn explained(message: &str) -> String {
    let Some((found, expected)) = found_and_expected(message) else {
        return message.to_string();
    };
    match nearest(found, expected.into_iter()) {
        Some(word) => format!("{message}; did you mean `{word}`?"),
        None => message.to_string(),
    }
}

/// Takes ``unknown ... `found`, expected one of `a`, `b` `` apart.
fn found_and_expected(message: &str) -> Option<(&str, Vec<&str>)> {
    let start = message.find("unknown ")?;
    let mut quoted = message[start..].split('`').skip(1).step_by(2);
    let found = quoted.next()?;
    Some((found, quoted.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_word_that_was_meant() {
        assert_eq!(
            nearest("epsilon-plsu", ["epsilon", "epsilon-plus"].into_iter()),
            Some("epsilon-plus")
        );
        assert_eq!(nearest("xyz", ["epsilon"].into_iter()), None);
        let message = "rules: unknown field `frist`, expected one of `first`, `last` at line 3";
        assert!(explained(message).ends_with("did you mean `first`?"));
        assert_eq!(explained("something else"), "something else");
    }
}
