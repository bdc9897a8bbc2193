//! What the lines of a report say together.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::line::ComparedLine;
use super::variant::VariantSettings;
use crate::statistics::Sample;

/// What the lines of a report say together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// The version of onnxplain.
    pub version: String,
    /// How many inputs were compared.
    pub pictures: usize,
    /// The variants, in their order.
    pub variants: Vec<VariantSettings>,
    /// Whether the models are states of one network, in order.
    pub are_checkpoints: bool,
    /// The share of every region under every variant, region by region, the variants in their order.
    pub regions: Vec<RegionMean>,
    /// How alike two variants are, for every pair.
    pub similarity: Vec<PairMean>,
}

/// A mean over inputs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mean {
    /// How many inputs have a value.
    pub n: usize,
    /// The mean; `None` where none has.
    pub mean: Option<f64>,
    /// Its standard error; `None` for fewer than two.
    pub standard_error: Option<f64>,
}

/// The share of a region under a variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegionMean {
    /// The region.
    pub region: String,
    /// The variant.
    pub variant: String,
    /// Its share of the relevance, 0 to 1.
    pub share: Mean,
    /// Its share of the pixels that the network sees, 0 to 1.
    pub area: Mean,
    /// share / area: 1 is chance.
    pub gain: Mean,
}

/// How alike two variants are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairMean {
    /// One.
    pub a: String,
    /// The other.
    pub b: String,
    /// Cosine of the maps.
    pub cosine: Mean,
    /// Rank correlation of the maps.
    pub rank: Mean,
    /// The share of inputs on which both say the same class, by its name, 0 to 1.
    pub same_class: f64,
}

impl Mean {
    fn of(values: impl IntoIterator<Item = f64>) -> Mean {
        let sample = Sample::of_pictures(values);
        Mean { n: sample.count(), mean: sample.mean(), standard_error: sample.standard_error() }
    }
}

/// What the lines of a report say together; nothing depends on their order. `are_checkpoints` says that the models are states
/// of one network, in the order of the variants.
pub fn overview(
    variants: &[VariantSettings],
    lines: &[ComparedLine],
    are_checkpoints: bool,
) -> Overview {
    let mut by_variant: BTreeMap<&str, BTreeMap<&str, &ComparedLine>> = BTreeMap::new();
    for line in lines {
        by_variant.entry(&line.variant).or_default().insert(&line.input, line);
    }
    let none = BTreeMap::new();
    let of = |name: &str| by_variant.get(name).unwrap_or(&none);
    let inputs: BTreeSet<&str> = lines.iter().map(|line| line.input.as_str()).collect();
    let names: BTreeSet<&String> = lines.iter().flat_map(|line| line.regions.keys()).collect();
    let region = |region: &String, variant: &VariantSettings| {
        let found = || of(&variant.name).values().filter_map(|line| line.regions.get(region));
        RegionMean {
            region: region.clone(),
            variant: variant.name.clone(),
            share: Mean::of(found().map(|it| it.share)),
            area: Mean::of(found().map(|it| it.area)),
            gain: Mean::of(found().map(|it| it.share / it.area)),
        }
    };
    let mut regions = vec![];
    for name in names {
        regions.extend(variants.iter().map(|variant| region(name, variant)));
    }
    let mut similarity = vec![];
    for (index, a) in variants.iter().enumerate() {
        for b in &variants[index + 1..] {
            similarity.push(pair(&a.name, &b.name, of(&a.name), of(&b.name)));
        }
    }
    Overview {
        version: env!("CARGO_PKG_VERSION").to_string(),
        pictures: inputs.len(),
        variants: variants.to_vec(),
        are_checkpoints,
        regions,
        similarity,
    }
}

fn pair(
    a: &str,
    b: &str,
    of_a: &BTreeMap<&str, &ComparedLine>,
    of_b: &BTreeMap<&str, &ComparedLine>,
) -> PairMean {
    let found = || of_a.values().filter_map(|line| line.similarity.get(b));
    let both = || of_a.iter().filter_map(|(input, line)| Some((line, of_b.get(input)?)));
    let same = both().filter(|(a, b)| a.predicted.name() == b.predicted.name()).count();
    PairMean {
        a: a.to_string(),
        b: b.to_string(),
        cosine: Mean::of(found().filter_map(|it| it.cosine)),
        rank: Mean::of(found().filter_map(|it| it.rank)),
        same_class: same as f64 / both().count().max(1) as f64,
    }
}
