//! Names of methods as names of files.

use std::collections::BTreeSet;

use onnxplain::evaluation::Settings;

/// A file's name for every method, in the order of the settings: without what a file system minds, and no two alike.
pub fn file_names(settings: &Settings) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut name = |method: &str| {
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
    settings.methods.iter().map(|method| name(&method.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_plain_and_differ() {
        let method = |name: &str| json!({ "name": name, "method": "lrp", "reading": "signed", "is_control": false });
        let methods =
            ["lrp:a/b.yaml", "lrp-a-b.yaml", "LRP-a-b.yaml", "../x", "saliency"].map(method);
        let settings = json!({
            "hash": "", "version": "", "model": "", "classes": 2, "seed": 0, "fill": { "asked": "mean", "name": "mean" },
            "methods": methods, "metrics": [], "others": {},
        });
        let names = file_names(&serde_json::from_value(settings).unwrap());
        assert_eq!(names, ["lrp-a-b.yaml", "lrp-a-b.yaml-2", "LRP-a-b.yaml-3", "-x", "saliency"]);
    }
}
