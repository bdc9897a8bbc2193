//! Names of methods as names of files.

use std::collections::BTreeSet;

/// A file's name for every method, in their order: without what a file system minds, and no two alike.
pub fn file_names<'a>(methods: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut name = |method: &'a str| {
        let is_plain = |character: char| character.is_alphanumeric() || "._-+=".contains(character);
        let plain: String = method
            .chars()
            .map(|character| if is_plain(character) { character } else { '-' })
            .collect();
        let plain = plain.trim_start_matches('.').to_string();
        let numbered = (2..).map(|number| format!("{plain}-{number}"));
        // Where file systems do not tell upper from lower case, either.
        let free = std::iter::once(plain.clone())
            .chain(numbered)
            .find(|name| taken.insert(name.to_lowercase()));
        free.unwrap_or(plain)
    };
    methods.into_iter().map(&mut name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_differ() {
        let names =
            file_names(["lrp:a/b.yaml", "lrp-a-b.yaml", "LRP-a-b.yaml", "../x", "saliency"]);
        assert_eq!(names, ["lrp-a-b.yaml", "lrp-a-b.yaml-2", "LRP-a-b.yaml-3", "-x", "saliency"]);
    }
}
