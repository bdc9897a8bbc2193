//! Which heatmaps are compared with each other, and what their analysis shows.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum;
use rayon::prelude::*;

use onnxplain::spray::{Analysis, Feature, Suspect, analyse};

use crate::cli::explained::{Explained, Maps, Row};

/// What the heatmaps of a group have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GroupBy {
    /// The class that is explained
    #[default]
    Target,
    /// The strongest class
    Predicted,
    /// The folder of the picture
    Folder,
    /// Nothing: one group of all
    All,
}

/// Heatmaps that are compared with each other.
pub struct Group {
    pub name: String,
    /// The index of the class, where the group is one.
    pub class: Option<usize>,
    /// Results with a feature, in their order.
    pub rows: Vec<usize>,
    /// Results whose relevance is zero or not finite.
    pub left_out: usize,
    /// `None` for a group with too few heatmaps.
    pub analysis: Option<Analysis>,
}

/// A suspect of any group.
pub struct Found {
    /// Its group's place.
    pub group: usize,
    pub suspect: Suspect,
}

/// What suspects are listed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SortBy {
    /// Compact cues first: a tag, a watermark
    #[default]
    Suspicion,
    /// Any cues, wide ones too: a border, a colour
    Separation,
}

/// What tells groups apart: the index of a class, or -1 for other groups, and a name.
type Key = (i64, String);

impl GroupBy {
    fn key(self, row: &Row) -> Key {
        match self {
            GroupBy::Target => (row.target.index as i64, row.target.name()),
            GroupBy::Predicted => match &row.predicted {
                Some(class) => (class.index as i64, class.name()),
                None => (-1, "unknown".to_string()),
            },
            GroupBy::Folder => {
                let folder = Path::new(&row.input).parent().unwrap_or(Path::new(""));
                (-1, folder.display().to_string())
            }
            GroupBy::All => (-1, "all".to_string()),
        }
    }
}

/// Makes the groups, and analyses those with enough heatmaps.
pub fn groups(explained: &Explained, maps: &Maps, by: GroupBy) -> Vec<Group> {
    let mut members: BTreeMap<Key, (Vec<usize>, usize)> = BTreeMap::new();
    for (index, row) in explained.rows.iter().enumerate() {
        let (rows, left_out) = members.entry(by.key(row)).or_default();
        match maps.features[index] {
            Some(_) => rows.push(index),
            None => *left_out += 1,
        }
    }
    let members: Vec<_> = members.into_iter().collect();
    let group = |((class, name), (rows, left_out)): (Key, (Vec<usize>, usize))| {
        let features: Vec<Feature> =
            rows.iter().filter_map(|&row| maps.features[row].clone()).collect();
        let analysis = analyse(&features, &maps.pooling);
        Group { name, class: usize::try_from(class).ok(), rows, left_out, analysis }
    };
    members.into_par_iter().map(group).collect()
}

/// The suspects of all groups, the first the most suspicious.
pub fn ranked(groups: &[Group], by: SortBy) -> Vec<Found> {
    let suspects = groups.iter().enumerate().flat_map(|(group, it)| {
        let suspects = it.analysis.iter().flat_map(|analysis| &analysis.suspects);
        suspects.map(move |suspect| Found { group, suspect: suspect.clone() })
    });
    let mut all: Vec<Found> = suspects.collect();
    let rank = |found: &Found| match by {
        SortBy::Suspicion => found.suspect.suspicion(),
        SortBy::Separation => found.suspect.separation,
    };
    all.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then(a.group.cmp(&b.group)));
    all
}

impl Found {
    /// The results that belong to it.
    pub fn rows(&self, groups: &[Group]) -> Vec<usize> {
        self.suspect.members.iter().map(|&member| groups[self.group].rows[member]).collect()
    }
}
