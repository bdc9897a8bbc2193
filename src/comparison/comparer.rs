//! The variants, made ready: compares any number of inputs, from any number of threads.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result as Checked, ensure};

use super::line::{ComparedClass, ComparedLine, RegionShare, Similarity};
use super::region::{Regions, reason};
use super::similarity::similarity;
use super::variant::{ComparisonSettings, Variant};
use super::view::View;
use crate::error::{Error, Kind, Result};
use crate::method::{Unwatched, Watch};
use crate::metric::{Reading, undefined};
use crate::session::{Explainer, Explanation, Input, Source, cores, in_parallel};
use crate::truth::Frame;

/// Variants and regions, made ready: compares any number of inputs, from any number of threads.
pub struct Comparer {
    variants: Vec<Variant>,
    regions: Regions,
    settings: ComparisonSettings,
}

/// What one variant shows on one input.
pub struct Compared {
    /// The numbers.
    pub line: ComparedLine,
    /// The relevance, to be drawn.
    pub explanation: Explanation,
}

/// A map with what it was made from.
struct Mapped {
    explanation: Explanation,
    view: View,
}

impl Comparer {
    /// Compares these variants, by their maps and by the shares of these regions.
    ///
    /// ```
    /// use onnxplain::comparison::{Comparer, Regions, Variant};
    /// use onnxplain::{Composite, Session};
    ///
    /// # fn main() -> Result<(), onnxplain::Error> {
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-models");
    /// # let path = |name: &str| format!("{folder}/fashion_{name}.onnx");
    /// # let picture = format!("{folder}/photos/fashion/bag.png");
    /// let variant = |name: &str| Variant::new(name, &Session::open(path(name))?, Composite::auto());
    /// let comparer = Comparer::new(vec![variant("vgg")?, variant("resnet")?], Regions::new())?;
    /// for compared in comparer.compare(&picture)? {
    ///     println!("{}: {:?}", compared.line.variant, compared.line.similarity);
    /// }
    /// # assert!(comparer.compare(&picture)?[0].line.similarity["resnet"].rank.unwrap() > 0.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Where the composite of one starts with the logit less the mean of all, so do all variants but those whose
    /// `initial` was asked for.
    ///
    /// # Errors
    /// [`Error::Method`] where there is no variant, or two have one name.
    pub fn new(mut variants: Vec<Variant>, regions: Regions) -> Result<Comparer> {
        Variant::start_alike(&mut variants);
        let check = || -> Checked<()> {
            ensure!(!variants.is_empty(), "there is nothing to compare");
            for (index, variant) in variants.iter().enumerate() {
                let name = &variant.settings.name;
                let is_known = variants[..index].iter().any(|other| other.settings.name == *name);
                ensure!(
                    !is_known,
                    "two variants are called `{name}`: give one of them another name"
                );
            }
            Ok(())
        };
        check().kind(Error::Method)?;
        let settings = ComparisonSettings::new(&variants, &regions)?;
        Ok(Comparer { variants, regions, settings })
    }

    /// How the maps are made, as `settings.json` has it.
    pub fn settings(&self) -> &ComparisonSettings {
        &self.settings
    }

    /// The names of the regions.
    pub fn region_names(&self) -> Vec<String> {
        self.regions.names().collect()
    }

    /// Compares all variants on an input, whose masks and boxes are called like its file.
    ///
    /// # Errors
    /// [`Error::Input`] and [`Error::Preprocessing`] for an input that a variant cannot use, [`Error::Method`] where a
    /// method cannot be applied.
    pub fn compare(&self, path: impl AsRef<Path>) -> Result<Vec<Compared>> {
        let path = path.as_ref();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        self.compare_named(path, &stem, &Unwatched)
    }

    /// The same, with the name of its masks and boxes: its path below the folder of inputs, without extension. `watch` ends
    /// the work.
    ///
    /// # Errors
    /// As [`Comparer::compare`], and [`Error::Cancelled`].
    pub fn compare_named(
        &self,
        path: &Path,
        stem: &str,
        watch: &dyn Watch,
    ) -> Result<Vec<Compared>> {
        let mapped = self.map(path, watch)?;
        let views: Vec<&View> = mapped.iter().map(|one| &one.view).collect();
        let similarities = similarities(&views);
        let mut compared = vec![];
        for (index, one) in mapped.iter().enumerate() {
            let (regions, undefined) = self.shares(&one.view, stem).kind(Error::Input)?;
            let others = self.variants.iter().zip(&similarities[index]);
            let similarity = others.filter_map(|(variant, similarity)| {
                Some((variant.settings.name.clone(), (*similarity)?))
            });
            let explanation = &one.explanation;
            let predicted = explanation.prediction().top().context("the network has no classes");
            let line = ComparedLine {
                input: path.display().to_string(),
                variant: self.variants[index].settings.name.clone(),
                target: ComparedClass::of(explanation.class()),
                predicted: ComparedClass::of(&predicted.kind(Error::Computation)?),
                regions,
                undefined,
                similarity: similarity.collect(),
                settings: self.settings.hash.clone(),
            };
            compared.push(line);
        }
        let explanations = mapped.into_iter().map(|one| one.explanation);
        let both = compared.into_iter().zip(explanations);
        Ok(both.map(|(line, explanation)| Compared { line, explanation }).collect())
    }

    /// Compares all variants on many inputs, as many at the same time as there are cores: the lines of each, in the order of
    /// the inputs, an error in its input's place.
    pub fn compare_batch<P: AsRef<Path> + Sync>(
        &self,
        paths: &[P],
    ) -> Vec<Result<Vec<ComparedLine>>> {
        in_parallel(paths, cores(), |path| {
            Ok(self.compare(path)?.into_iter().map(|compared| compared.line).collect())
        })
    }

    /// The map of every variant.
    fn map(&self, path: &Path, watch: &dyn Watch) -> Result<Vec<Mapped>> {
        let mut passes = Explainer::passes(self.variants.iter().map(|variant| &variant.explainer));
        // Variants of one session read an input once.
        let mut inputs: Vec<(&Explainer, Input)> = vec![];
        let mut all = vec![];
        for variant in &self.variants {
            let explainer = &variant.explainer;
            let known = inputs.iter().find(|(other, _)| explainer.takes_inputs_of(other));
            let input = match known {
                Some((_, input)) => input.clone(),
                None => {
                    let input = explainer.prepare(Source::from(path))?;
                    inputs.push((explainer, input.clone()));
                    input
                }
            };
            let mut first = None;
            let keep = |explanation| {
                first = Some(explanation);
                false
            };
            let targets = variant.target.clone().into();
            let begin = |_: &_, _: &[_]| Ok::<_, Error>(());
            explainer.explain_each_by(&mut passes, &input, &targets, watch, begin, keep)?;
            let explanation = first.context("there is no class to be explained");
            let explanation: Explanation = explanation.kind(Error::Target)?;
            let reading = explainer.method().reading();
            let map = explanation.map(reading)?;
            let frame = Frame::of(&input, [map.height(), map.width()]);
            let view = View::new(map, frame, reading == Reading::Magnitude);
            all.push(Mapped { explanation, view });
        }
        Ok(all)
    }

    /// The share of every region, and why one has none.
    fn shares(
        &self,
        view: &View,
        stem: &str,
    ) -> Checked<(BTreeMap<String, RegionShare>, BTreeMap<String, String>)> {
        let (mut shares, mut reasons) = (BTreeMap::new(), BTreeMap::new());
        for (name, mask) in self.regions.of(stem, view.frame()) {
            let share = mask.and_then(|mask| match mask.area() {
                0 => undefined("the region is empty"),
                _ => view.share(&mask),
            });
            match share {
                Ok(share) => {
                    shares.insert(name, share);
                }
                Err(error) => {
                    reasons.insert(name, reason(error)?);
                }
            }
        }
        Ok((shares, reasons))
    }
}

/// How alike every map is to every other one; `None` for a map and itself.
fn similarities(views: &[&View]) -> Vec<Vec<Option<Similarity>>> {
    let mut all = vec![vec![None; views.len()]; views.len()];
    for a in 0..views.len() {
        for b in a + 1..views.len() {
            let found = similarity(views[a], views[b]);
            (all[a][b], all[b][a]) = (Some(found), Some(found));
        }
    }
    all
}
