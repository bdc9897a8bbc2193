//! `--method a,b` and `--composite a,b`: each combination is a way to explain an input.

use std::path::Path;

use anyhow::{Result, ensure};

use onnxplain::{Explainer, Initial, Method, Rendering};

/// A way that was asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    /// The composite, as it was given.
    pub composite: String,
    /// What tells its files from those of other ways: nothing where it is the only one, else `.METHOD` where there are
    /// several methods, and `.COMPOSITE` where there are several composites and the method takes one.
    pub infix: String,
}

/// A way that is compiled.
pub struct Way {
    pub explainer: Explainer,
    pub rendering: Rendering,
    /// The layer that propagation ends at, where it is not the input.
    pub at: Option<String>,
}

/// The composites of the option: a list, or a file whose name has commas.
pub fn composites(option: &str) -> Vec<&str> {
    match Path::new(option).is_file() {
        true => vec![option],
        false => option.split(',').map(str::trim).collect(),
    }
}

/// Every method with every composite; a method that brings its own rules once.
///
/// # Errors
/// When a composite is given that no method takes, or two ways would have files of the same name.
pub fn asked(
    methods: Vec<(Method, bool)>,
    composites: &[&str],
    initial: Option<Initial>,
) -> Result<Vec<Asked>> {
    let (has_methods, has_composites) = (methods.len() > 1, composites.len() > 1);
    if let Some((first, _)) = methods.first().filter(|_| methods.iter().all(|(_, takes)| !takes)) {
        let rule = |option: &str| {
            format!(
                "{option} belongs to lrp and to noise around it (--base-method lrp); {} brings its own",
                first.name()
            )
        };
        ensure!(composites == ["auto"], rule("--composite"));
        ensure!(initial.is_none(), rule("--initial"));
    }
    let mut ways: Vec<Asked> = vec![];
    for (method, takes_composite) in methods {
        let composites = if takes_composite { composites } else { &["auto"] };
        for &composite in composites {
            let mut infix = String::new();
            if has_methods {
                infix += &format!(".{}", method.name());
            }
            if has_composites && takes_composite {
                // A file is called by its name without folders and extension.
                let stem = Path::new(composite).file_stem().unwrap_or_default();
                infix += &format!(".{}", stem.to_string_lossy());
            }
            ensure!(
                ways.iter().all(|way| way.infix != infix),
                "two results would have the same name, *{infix}.*: give every method and every composite once"
            );
            ways.push(Asked { method: method.clone(), composite: composite.to_string(), infix });
        }
    }
    Ok(ways)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infixes(methods: &[(&str, bool)], composites: &[&str]) -> Result<Vec<String>> {
        let methods = methods.iter().map(|(name, takes)| (Method::named(name).unwrap(), *takes));
        let ways = asked(methods.collect(), composites, None)?;
        Ok(ways.into_iter().map(|way| way.infix).collect())
    }

    #[test]
    fn names_tell_what_there_are_several_of() {
        let of =
            |methods: &[(&str, bool)], composites: &[&str]| infixes(methods, composites).unwrap();
        assert_eq!(of(&[("lrp", true)], &["auto"]), [""]);
        assert_eq!(of(&[("lrp", true)], &["vgg", "my/own.yaml"]), [".vgg", ".own"]);
        assert_eq!(of(&[("lrp", true), ("rise", false)], &["auto"]), [".lrp", ".rise"]);
        assert_eq!(
            of(&[("lrp", true), ("rise", false)], &["vgg", "gamma"]),
            [".lrp.vgg", ".lrp.gamma", ".rise"]
        );
    }

    #[test]
    fn what_cannot_be_told_apart_or_has_no_use_is_refused() {
        let error = infixes(&[("lrp", true)], &["a/x.yaml", "b/x.yaml"]).unwrap_err();
        assert!(error.to_string().contains("*.x.*"), "{error}");
        let error = infixes(&[("rise", false)], &["vgg"]).unwrap_err();
        assert!(error.to_string().contains("rise brings its own"), "{error}");
        assert_eq!(composites("vgg, gamma"), ["vgg", "gamma"]);
    }
}
