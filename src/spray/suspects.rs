//! Which clusters stand apart, how far, and where.

use super::pool::{Feature, Pooling};
use super::symmetric::eigen;

/// Members that a cluster, and the rest of its group, have at least.
const LEAST_MEMBERS: usize = 5;

/// Principal components in which separation is measured.
pub(super) const COMPONENTS: usize = 10;

/// Suspects with this overlap (Jaccard) are the same.
const SAME: f64 = 0.5;

/// Of a group.
const MOST_SUSPECTS: usize = 4;

/// A cluster that may show a cue.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Rows of the group, ascending.
    pub members: Vec<usize>,
    /// Neighbours in the graph that it was found in.
    pub neighbours: usize,
    /// Clusters of the clustering that it is part of.
    pub clusters: usize,
    /// How far its mean lies from that of the others, in units of their spread: n δᵀ S⁻¹ δ. 0 and above.
    pub separation: f64,
    /// Where it differs from the others.
    pub region: Region,
}

/// Where the members have more relevance than the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The mean feature of the members, and of the others.
    pub inside: Feature,
    pub outside: Feature,
    /// The effective number of cells with more relevance, (Σp)² / Σp²: 1 for one cell.
    pub focus: f64,
    /// The fewest cells that hold half of what the members have more, ascending.
    pub cells: Vec<usize>,
    /// The share of what the members have more that lies in the outer ring of cells, 0 to 1.
    pub outer_share: f64,
}

impl Suspect {
    /// See [`suspicion`].
    pub fn suspicion(&self) -> f64 {
        suspicion(self.separation, self.region.focus)
    }
}

/// How much a separation tells, compact cues above wide ones: separation / √focus.
pub fn suspicion(separation: f64, focus: f64) -> f64 {
    if focus > 0.0 { separation / focus.sqrt() } else { 0.0 }
}

/// A clustering of the group, and how it was made.
pub(super) struct Clustering<'a> {
    pub neighbours: usize,
    pub count: usize,
    pub clusters: &'a [u8],
}

/// The clusters that stand apart most and are different from each other, in the order of their separation.
pub(super) fn suspects(
    features: &[Feature],
    components: &[Vec<f64>],
    clusterings: &[Clustering],
    pooling: &Pooling,
) -> Vec<Suspect> {
    let mut found: Vec<Suspect> = vec![];
    for clustering in clusterings {
        for cluster in 0..clustering.count as u8 {
            let is_member: Vec<bool> =
                clustering.clusters.iter().map(|other| *other == cluster).collect();
            let members = is_member.iter().filter(|it| **it).count();
            if members.min(is_member.len() - members) < LEAST_MEMBERS {
                continue;
            }
            let rows = is_member.iter().enumerate().filter(|(_, it)| **it);
            found.push(Suspect {
                members: rows.map(|(row, _)| row).collect(),
                neighbours: clustering.neighbours,
                clusters: clustering.count,
                separation: separation(components, &is_member),
                region: Region::of(features, &is_member, pooling),
            });
        }
    }
    let rounded = |suspect: &Suspect| (suspect.separation * 1e6).round();
    found.sort_by(|a, b| {
        let by_separation = rounded(b).total_cmp(&rounded(a));
        by_separation.then(a.region.focus.total_cmp(&b.region.focus))
    });
    let mut kept: Vec<Suspect> = vec![];
    for suspect in found {
        let is_known = |other: &Suspect| are_same(&suspect.members, &other.members, features.len());
        if kept.len() < MOST_SUSPECTS && !kept.iter().any(is_known) {
            kept.push(suspect);
        }
    }
    kept
}

/// Whether two sets of rows, or one and what the other leaves out, are about the same.
fn are_same(a: &[usize], b: &[usize], rows: usize) -> bool {
    let common = a.iter().filter(|row| b.binary_search(row).is_ok()).count() as f64;
    let (a, b, rows) = (a.len() as f64, b.len() as f64, rows as f64);
    let jaccard = common / (a + b - common);
    // With the complement of b: common are those of a that b lacks.
    let complement = (a - common) / (rows - b + common);
    jaccard >= SAME || complement >= SAME
}

/// n δᵀ S⁻¹ δ: δ the difference of the means, S the scatter inside both parts, with 1e-3 of its mean on the diagonal.
fn separation(components: &[Vec<f64>], is_member: &[bool]) -> f64 {
    let size = components.first().map_or(0, Vec::len);
    let parts = [true, false].map(|part| {
        let rows = components.iter().zip(is_member).filter(move |(_, it)| **it == part);
        rows.map(|(row, _)| row).collect::<Vec<_>>()
    });
    let means = parts.each_ref().map(|rows| mean(rows, size));
    let mut scatter = vec![0.0; size * size];
    for (rows, mean) in parts.iter().zip(&means) {
        for row in rows {
            let away: Vec<f64> = row.iter().zip(mean).map(|(value, mean)| value - mean).collect();
            for (index, sum) in scatter.iter_mut().enumerate() {
                *sum += away[index / size] * away[index % size];
            }
        }
    }
    let trace: f64 = (0..size).map(|index| scatter[index * size + index]).sum();
    for index in 0..size {
        scatter[index * size + index] += 1e-3 * trace / COMPONENTS as f64;
    }
    let difference: Vec<f64> = means[0].iter().zip(&means[1]).map(|(a, b)| a - b).collect();
    let found = eigen(&scatter, size);
    let terms = found.values.iter().zip(&found.vectors).filter(|(value, _)| **value > 0.0);
    let squared = |vector: &[f64]| {
        let product: f64 = vector.iter().zip(&difference).map(|(a, b)| a * b).sum();
        product * product
    };
    components.len() as f64 * terms.map(|(value, vector)| squared(vector) / value).sum::<f64>()
}

fn mean(rows: &[&Vec<f64>], size: usize) -> Vec<f64> {
    let mut mean = vec![0.0; size];
    for row in rows {
        mean.iter_mut().zip(row.iter()).for_each(|(sum, value)| *sum += value);
    }
    mean.iter_mut().for_each(|sum| *sum /= rows.len() as f64);
    mean
}

impl Region {
    /// Where members differ from the others.
    pub(super) fn of(features: &[Feature], is_member: &[bool], pooling: &Pooling) -> Region {
        let part = |part: bool| {
            let rows = features.iter().zip(is_member).filter(|(_, it)| **it == part);
            let rows: Vec<&Feature> = rows.map(|(row, _)| row).collect();
            mean(&rows, features.first().map_or(0, Vec::len))
        };
        let (inside, outside) = (part(true), part(false));
        let more: Vec<f64> = inside.iter().zip(&outside).map(|(a, b)| (a - b).max(0.0)).collect();
        let sum: f64 = more.iter().sum();
        let squares: f64 = more.iter().map(|value| value * value).sum();
        let outer = more.iter().enumerate().filter(|(cell, _)| pooling.is_outer(*cell));
        let outer: f64 = outer.map(|(_, value)| value).sum();
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        Region {
            focus: share(sum * sum, squares),
            cells: half(&more, sum),
            outer_share: share(outer, sum),
            inside,
            outside,
        }
    }
}

impl Region {
    /// The smallest boxes around connected cells, `[x, y, width, height]` in pixels, from top to bottom.
    pub fn boxes(&self, pooling: &Pooling) -> Vec<[usize; 4]> {
        let mut left = self.cells.clone();
        let mut boxes = vec![];
        while !left.is_empty() {
            let mut part = vec![left.remove(0)];
            let mut next = 0;
            while let Some(&cell) = part.get(next) {
                let is_near = |other: &mut usize| pooling.are_neighbours(cell, *other);
                part.extend(left.extract_if(.., is_near));
                next += 1;
            }
            let around = part
                .iter()
                .map(|&cell| pooling.cell_box(cell))
                .reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]);
            boxes.extend(around.map(|[x, y, right, bottom]| [x, y, right - x, bottom - y]));
        }
        boxes
    }
}

/// The fewest cells with half of a sum.
fn half(values: &[f64], sum: f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).filter(|&cell| values[cell] > 0.0).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
    let mut left = sum / 2.0;
    let mut cells: Vec<usize> = vec![];
    for cell in order {
        if left <= 0.0 {
            break;
        }
        left -= values[cell];
        cells.push(cell);
    }
    cells.sort_unstable();
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separation_of_one_component_by_hand() {
        let rows = [0.0, 2.0, 10.0, 12.0].map(|value| vec![value]);
        // Means 1 and 11, scatter 2 + 2, 1e-4 of it on the diagonal: 4 · 100 / 4.0004.
        let found = separation(&rows, &[true, true, false, false]);
        assert!((found - 400.0 / 4.0004).abs() < 1e-9, "{found}");
    }

    #[test]
    fn a_region_is_the_fewest_cells_with_half() {
        let pooling = Pooling::of(6, 6);
        let mut member = vec![0.0; 9];
        (member[4], member[8], member[0]) = (0.6, 0.3, 0.1);
        let features = [member, vec![0.0; 9]];
        let region = Region::of(&features, &[true, false], &pooling);
        assert_eq!(region.cells, [4]);
        assert!((region.outer_share - 0.4).abs() < 1e-12);
        assert!((region.focus - 1.0 / 0.46).abs() < 1e-12);
        assert_eq!(half(&[0.5, 0.0, 0.5], 1.0), [0]);
        assert_eq!(half(&[0.0; 3], 0.0), Vec::<usize>::new());
    }

    #[test]
    fn complements_are_the_same() {
        assert!(are_same(&[0, 1, 2], &[3, 4, 5, 6], 7));
        assert!(are_same(&[0, 1, 2], &[0, 1, 2, 3], 20));
        assert!(!are_same(&[0, 1, 2], &[3, 4, 5, 6], 20));
    }
}
