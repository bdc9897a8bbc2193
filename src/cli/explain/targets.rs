//! `--target` and `--against`: from words to classes.

use anyhow::{Context, Result, bail, ensure};

use onnxplain::explain::{Target, TargetClass};
use onnxplain::picture::Labels;
use onnxplain::tensor::Tensor;

/// What is to be explained of every input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    targets: Vec<Target>,
    against: Option<Target>,
}

/// Whether the options name several targets, so that the class index becomes part of file names.
pub fn names_several(targets: &[String], labels: Option<&Labels>) -> bool {
    let words: Vec<&str> = targets.iter().flat_map(|text| words(text, labels)).collect();
    words.len() > 1 || words.iter().any(|word| word.starts_with("top:") && *word != "top:1")
}

impl Targets {
    /// Reads the options for a network of so many classes.
    ///
    /// # Errors
    /// When a class does not exist, or a label fits none or several.
    pub fn parse(
        targets: &[String],
        against: Option<&str>,
        labels: Option<&Labels>,
        classes: usize,
    ) -> Result<Targets> {
        let read =
            |word: &str| parse(word, labels, classes).with_context(|| format!("--target {word}"));
        let words = targets.iter().flat_map(|text| words(text, labels));
        let targets = words.map(read).collect::<Result<Vec<_>>>()?;
        let against = against
            .map(|word| parse(word, labels, classes).with_context(|| format!("--against {word}")))
            .transpose()?;
        ensure!(
            !matches!(against, Some(Target::TopK(_))),
            "--against takes one class, not several"
        );
        ensure!(
            against.is_none()
                || targets.iter().any(|target| Some(*target) != against || *target == Target::Top),
            "--target and --against are the same class: their difference is 0"
        );
        Ok(Targets { targets, against })
    }

    /// The classes of one input, each once.
    ///
    /// # Errors
    /// When a class does not exist.
    pub fn classes(&self, logits: &Tensor) -> Result<Vec<TargetClass>> {
        let mut classes: Vec<TargetClass> = vec![];
        for target in &self.targets {
            for class in target.classes(logits)? {
                if classes.iter().all(|known| known.index != class.index) {
                    classes.push(class);
                }
            }
        }
        Ok(classes)
    }

    /// The class that a target is compared with: for `top` the strongest of the others.
    ///
    /// # Errors
    /// When it is the target itself.
    pub fn against(&self, target: TargetClass, logits: &Tensor) -> Result<Option<TargetClass>> {
        let Some(against) = self.against else {
            return Ok(None);
        };
        let candidates = match against {
            Target::Top => Target::TopK(2).classes(logits)?,
            other => other.classes(logits)?,
        };
        let other = candidates.into_iter().find(|class| class.index != target.index);
        let other = other.with_context(|| {
            format!("class {} is both the target and --against: the difference is 0", target.index)
        })?;
        Ok(Some(other))
    }
}

/// Takes a list apart, unless the whole is a label: ImageNet's hold commas.
fn words<'a>(text: &'a str, labels: Option<&Labels>) -> Vec<&'a str> {
    let is_label = labels.is_some_and(|labels| labels.names().iter().any(|name| name == text));
    if is_label { vec![text] } else { text.split(',').map(str::trim).collect() }
}

fn parse(word: &str, labels: Option<&Labels>, classes: usize) -> Result<Target> {
    if word == "top" {
        return Ok(Target::Top);
    }
    if let Some(count) = word.strip_prefix("top:") {
        let count: usize = count.parse().context("after `top:` comes the number of classes")?;
        ensure!(count > 0, "top:0 explains nothing");
        return Ok(Target::TopK(count));
    }
    if let Ok(index) = word.parse() {
        let target = Target::Class(index);
        // Only the number of logits matters for whether the class exists.
        target.classes(&Tensor::zeros(&[1, classes])?)?;
        return Ok(target);
    }
    let Some(labels) = labels else {
        bail!("\"{word}\" is no class index, and the model has no labels: give --labels FILE");
    };
    Ok(Target::Class(labels.find(word)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        Labels::new(["cat", "tabby, tabby cat", "dog"].map(String::from).to_vec()).unwrap()
    }

    fn parsed(targets: &[&str], against: Option<&str>) -> Result<Targets> {
        let targets: Vec<String> = targets.iter().map(|text| (*text).to_string()).collect();
        Targets::parse(&targets, against, Some(&labels()), 3)
    }

    #[test]
    fn lists_indices_and_labels_are_read() {
        let targets = parsed(&["top,2", "tabby, tabby cat", "top:3"], None).unwrap();
        let expected = [Target::Top, Target::Class(2), Target::Class(1), Target::TopK(3)];
        assert_eq!(targets.targets, expected);
        let logits = Tensor::new(&[1, 3], &[0.0, 1.0, 2.0]).unwrap();
        let indices: Vec<usize> =
            targets.classes(&logits).unwrap().iter().map(|class| class.index).collect();
        assert_eq!(indices, [2, 1, 0]);
    }

    #[test]
    fn several_targets_are_recognised() {
        let several = |text: &str| names_several(&[text.to_string()], Some(&labels()));
        assert!(several("top:2") && several("0,top"));
        assert!(!several("top") && !several("top:1") && !several("tabby, tabby cat"));
    }

    #[test]
    fn what_does_not_exist_is_told() {
        let error = |text: &str| format!("{:#}", parsed(&[text], None).unwrap_err());
        assert!(error("3").contains("3 classes, 0 to 2"));
        assert!(error("dgo").contains("nearest are 2 (dog)"));
        assert!(error("top:x").contains("number of classes"));
        assert!(error("-1").contains("no class is called"));
        assert!(parsed(&["dog"], Some("2")).is_err());
    }

    #[test]
    fn the_strongest_other_class_is_the_rival() {
        let logits = Tensor::new(&[1, 3], &[0.0, 1.0, 2.0]).unwrap();
        let rival = |target: &str, against: &str| {
            let targets = parsed(&[target], Some(against)).unwrap();
            let class = targets.classes(&logits).unwrap()[0];
            targets.against(class, &logits).map(|class| class.unwrap().index)
        };
        assert_eq!(rival("top", "top").unwrap(), 1);
        assert_eq!(rival("0", "top").unwrap(), 2);
        assert!(rival("top", "dog").is_err());
    }
}
