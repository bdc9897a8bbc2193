//! Which classes are explained: from words to classes of one input.

use std::str::FromStr;

use anyhow::{Context, Result as Checked, anyhow, bail, ensure};

use super::notice::{Notice, Topic};
use crate::error::{Error, Kind, Result};
use crate::explain::{self, TargetClass};
use crate::picture::Labels;
use crate::tensor::Tensor;

/// A class, or several, to be explained.
///
/// Written as text: `top`, `top:K`, a class index, or a label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The strongest class.
    #[default]
    Top,
    /// The K strongest classes, an explanation each.
    TopK(usize),
    /// The class of this index.
    Class(usize),
    /// The class of this name, or with this in its name, where only one fits.
    Label(String),
}

/// All that is explained of an input: some targets, each alone or against another class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    targets: Vec<Target>,
    against: Option<Target>,
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(word: &str) -> Result<Target> {
        parse(word).kind(Error::Target)
    }
}

fn parse(word: &str) -> Checked<Target> {
    if word == "top" {
        return Ok(Target::Top);
    }
    if let Some(count) = word.strip_prefix("top:") {
        let count: Option<usize> = count.parse().ok();
        let count = count.context("after `top:` comes the number of classes, such as top:3")?;
        ensure!(count > 0, "top:0 explains nothing");
        return Ok(Target::TopK(count));
    }
    Ok(word.parse().map_or_else(|_| Target::Label(word.to_string()), Target::Class))
}

impl From<usize> for Target {
    fn from(index: usize) -> Target {
        Target::Class(index)
    }
}

impl Target {
    /// The same with the label's class in place of a label.
    ///
    /// # Errors
    /// [`Error::Target`] when there is no such class, or a label fits none or several.
    pub(super) fn resolved(&self, labels: Option<&Labels>, classes: usize) -> Result<Target> {
        let resolved = || match self {
            Target::Label(label) if is_below_zero(label) && !is_name(labels, label) => bail!(
                "classes are counted from 0 to {}: \"{label}\" is none of them; the strongest is `top`",
                classes.saturating_sub(1)
            ),
            Target::Label(label) => match labels {
                Some(labels) => Ok(Target::Class(labels.find(label)?)),
                None => bail!(
                    "\"{label}\" is no class index, and the model has no labels: give --labels FILE"
                ),
            },
            Target::Class(index) => {
                // Only the number of logits matters for whether the class exists.
                explain::Target::Class(*index).classes(&Tensor::zeros(&[1, classes])?)?;
                Ok(self.clone())
            }
            Target::Top | Target::TopK(_) => Ok(self.clone()),
        };
        resolved().kind(Error::Target)
    }

    /// What should be said about a class number that is the name of another class too: labels may be digits.
    pub(super) fn note(&self, labels: Option<&Labels>) -> Option<Notice> {
        let (Target::Class(index), Some(labels)) = (self, labels) else { return None };
        let word = index.to_string();
        let other = labels.names().iter().position(|name| name.trim() == word)?;
        let name = labels.name(*index).unwrap_or_default();
        (other != *index).then(|| {
            let text = format!(
                "{index} is taken as the class number, which is that of \"{name}\"; the class that is called \"{word}\" has \
                 the number {other}"
            );
            Notice::note(Topic::Labels, text)
        })
    }

    /// The classes that are meant, by the logits of one input. Labels were resolved.
    fn classes(&self, logits: &Tensor) -> Checked<Vec<TargetClass>> {
        match self {
            Target::Top => explain::Target::Top.classes(logits),
            Target::TopK(count) => explain::Target::TopK(*count).classes(logits),
            Target::Class(index) => explain::Target::Class(*index).classes(logits),
            Target::Label(label) => bail!("the class of the label \"{label}\" is not known"),
        }
    }
}

/// Whether a text is a negative whole number, which in other languages counts from the end.
fn is_below_zero(text: &str) -> bool {
    text.parse::<i64>().is_ok_and(|number| number < 0)
}

fn is_name(labels: Option<&Labels>, text: &str) -> bool {
    labels.is_some_and(|labels| labels.names().iter().any(|name| name == text))
}

impl From<Target> for Targets {
    fn from(target: Target) -> Targets {
        Targets { targets: vec![target], against: None }
    }
}

impl Default for Targets {
    fn default() -> Targets {
        Target::Top.into()
    }
}

impl Targets {
    /// An explanation for each; a class that several mean is explained once.
    pub fn new(targets: impl IntoIterator<Item = Target>) -> Targets {
        Targets { targets: targets.into_iter().collect(), against: None }
    }

    /// Explains the difference to this class: why this and not that? [`Target::Top`] stands for the strongest of the
    /// other classes.
    pub fn against(mut self, other: Target) -> Targets {
        self.against = Some(other);
        self
    }

    /// The same with labels turned into classes, checked.
    pub(super) fn resolved(&self, resolve: impl Fn(&Target) -> Result<Target>) -> Result<Targets> {
        let targets = self.targets.iter().map(&resolve).collect::<Result<Vec<_>>>()?;
        let against = self.against.as_ref().map(resolve).transpose()?;
        let targets = Targets { targets, against };
        targets.check().kind(Error::Target)?;
        Ok(targets)
    }

    fn check(&self) -> Checked<()> {
        let Some(against) = &self.against else { return Ok(()) };
        ensure!(!matches!(against, Target::TopK(_)), "--against takes one class, not several");
        ensure!(
            self.targets.iter().any(|target| target != against || *target == Target::Top),
            "--target and --against are the same class: their difference is 0"
        );
        Ok(())
    }

    /// The classes of one input, each once.
    pub(super) fn classes(&self, logits: &Tensor) -> Result<Vec<TargetClass>> {
        let mut classes: Vec<TargetClass> = vec![];
        for target in &self.targets {
            for class in target.classes(logits).kind(Error::Target)? {
                if classes.iter().all(|known| known.index != class.index) {
                    classes.push(class);
                }
            }
        }
        Ok(classes)
    }

    /// The class that one is compared with: for `top` the strongest of the others.
    pub(super) fn rival(&self, class: TargetClass, logits: &Tensor) -> Result<Option<TargetClass>> {
        let Some(against) = &self.against else { return Ok(None) };
        let candidates = match against {
            Target::Top => Target::TopK(2).classes(logits),
            other => other.classes(logits),
        };
        let candidates = candidates.kind(Error::Target)?;
        let other = candidates.into_iter().find(|other| other.index != class.index);
        let other = other.ok_or_else(|| {
            anyhow!("class {} is both the target and --against: the difference is 0", class.index)
        });
        Ok(Some(other.kind(Error::Target)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        Labels::new(["cat", "tabby, tabby cat", "dog"].map(String::from).to_vec()).unwrap()
    }

    fn read(word: &str) -> Result<Target> {
        word.parse::<Target>()?.resolved(Some(&labels()), 3)
    }

    fn read_all(words: &[&str], against: Option<&str>) -> Result<Targets> {
        let targets = words.iter().map(|word| read(word)).collect::<Result<Vec<_>>>()?;
        let against = against.map(read).transpose()?;
        Targets { targets, against }.resolved(|target| Ok(target.clone()))
    }

    fn logits() -> Tensor {
        Tensor::new(&[1, 3], &[0.0, 1.0, 2.0]).unwrap()
    }

    #[test]
    fn words_mean_classes() {
        let targets = read_all(&["top", "2", "tabby, tabby cat", "top:3"], None).unwrap();
        let expected = [Target::Top, Target::Class(2), Target::Class(1), Target::TopK(3)];
        assert_eq!(targets.targets, expected);
        let classes = targets.classes(&logits()).unwrap();
        assert_eq!(classes.iter().map(|class| class.index).collect::<Vec<_>>(), [2, 1, 0]);
    }

    #[test]
    fn what_does_not_exist_is_told() {
        let error = |word: &str| format!("{:#}", read(word).unwrap_err());
        assert!(error("3").contains("3 classes, 0 to 2"));
        assert!(error("dgo").contains("nearest are 2 (dog)"));
        assert!(error("top:x").contains("number of classes"));
        assert!(error("top:0").contains("explains nothing"));
        assert!(error("-1").contains("counted from 0 to 2") && error("-1").contains("`top`"));
        assert!(read_all(&["dog"], Some("2")).is_err());
        assert!(read_all(&["dog"], Some("top:2")).is_err());
        let unnamed = Target::Label("dog".to_string()).resolved(None, 3).unwrap_err();
        assert!(matches!(unnamed, Error::Target(_)) && unnamed.to_string().contains("no labels"));
    }

    #[test]
    fn a_number_that_is_the_name_of_another_class_is_told() {
        let labels = Labels::new(["2", "1", "0"].map(String::from).to_vec()).unwrap();
        let note = |word: &str| word.parse::<Target>().unwrap().note(Some(&labels));
        let told = note("2").unwrap().text;
        assert!(told.contains("that of \"0\"") && told.ends_with("has the number 0"), "{told}");
        assert_eq!((note("1"), note("top"), note("3")), (None, None, None));
        assert_eq!(Target::Class(2).note(None), None);
    }

    #[test]
    fn the_strongest_other_class_is_the_rival() {
        let rival = |target: &str, against: &str| {
            let targets = read_all(&[target], Some(against)).unwrap();
            let class = targets.classes(&logits()).unwrap()[0];
            targets.rival(class, &logits()).map(|class| class.unwrap().index)
        };
        assert_eq!(rival("top", "top").unwrap(), 1);
        assert_eq!(rival("0", "top").unwrap(), 2);
        assert!(rival("top", "dog").is_err());
    }
}
