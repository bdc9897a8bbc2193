//! The analysis of one group of heatmaps.

use rayon::prelude::*;

use super::clusters::{normalized_rows, spectral_clusters};
use super::embedding::embed;
use super::graph::{Joining, Neighbours, Operator, few_neighbours, many_neighbours};
use super::pool::{Feature, Pooling};
use super::principal::principal_components;
use super::spectrum::Spectrum;
use super::suspects::{COMPONENTS, Clustering, Suspect, suspects};

/// A smaller group is not analysed.
pub const LEAST_MEMBERS: usize = 20;

/// Clusterings have 2 clusters to so many.
pub const MOST_CLUSTERS: usize = 8;

/// Eigenvalues that are computed.
const MOST_EIGENVALUES: usize = 32;

/// Eigenvectors that the embedding shows.
const EMBEDDED: usize = 8;

/// What a group of heatmaps shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// With the paper's few neighbours, and with more.
    pub graphs: Vec<GraphAnalysis>,
    /// At most four clusters that stand apart, those with the largest separation first.
    pub suspects: Vec<Suspect>,
    /// A point for each heatmap, by t-SNE.
    pub embedding: Vec<[f64; 2]>,
}

/// What one graph of nearest neighbours shows.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphAnalysis {
    /// Neighbours that each heatmap chose.
    pub neighbours: usize,
    /// The smallest eigenvalues of the normalised Laplacian, ascending, 0 to 2.
    pub eigenvalues: Vec<f64>,
    /// Their vectors, of length 1: a value for each heatmap.
    pub vectors: Vec<Vec<f64>>,
    /// The number of clusters with the largest relative gap behind it.
    pub suggested: usize,
    /// For 2 clusters, 3, and so on: the cluster of each heatmap.
    pub clusterings: Vec<Vec<u8>>,
}

impl GraphAnalysis {
    /// The gap behind `count` clusters: between that eigenvalue and the next.
    pub fn gap(&self, count: usize) -> f64 {
        self.eigenvalues.get(count).map_or(0.0, |next| next - self.eigenvalues[count - 1])
    }

    /// The gap as a share of the eigenvalue behind it, 0 to 1.
    pub fn relative_gap(&self, count: usize) -> f64 {
        let next = self.eigenvalues.get(count).copied().unwrap_or(0.0);
        if next > 0.0 { self.gap(count) / next } else { 0.0 }
    }
}

/// Analyses a group of at least [`LEAST_MEMBERS`] features; `None` for a smaller one.
pub fn analyse(features: &[Feature], pooling: &Pooling) -> Option<Analysis> {
    if features.len() < LEAST_MEMBERS {
        return None;
    }
    let numbers = [few_neighbours(features.len()), many_neighbours(features.len())];
    let neighbours = Neighbours::of(features, numbers[0].max(numbers[1]));
    let graphs: Vec<GraphAnalysis> = numbers
        .into_iter()
        .map(|count| analyse_graph(&neighbours, count, features.len()))
        .collect();
    let components = principal_components(features, COMPONENTS);
    let clusterings: Vec<Clustering> = graphs
        .iter()
        .flat_map(|graph| {
            graph.clusterings.iter().zip(2..).map(|(clusters, count)| Clustering {
                neighbours: graph.neighbours,
                count,
                clusters,
            })
        })
        .collect();
    let suspects = suspects(features, &components, &clusterings, pooling);
    let embedding = embed(&normalized_rows(&graphs[1].vectors, EMBEDDED));
    Some(Analysis { graphs, suspects, embedding })
}

fn analyse_graph(neighbours: &Neighbours, count: usize, rows: usize) -> GraphAnalysis {
    let operator = Operator::of(neighbours, count, Joining::Either);
    let Spectrum { values, vectors } = Spectrum::of(&operator, MOST_EIGENVALUES.min(rows - 1));
    let numbers: Vec<usize> = (2..=MOST_CLUSTERS).collect();
    let clusterings = numbers.par_iter().map(|&count| spectral_clusters(&vectors, count)).collect();
    let mut graph = GraphAnalysis {
        neighbours: count,
        eigenvalues: values,
        vectors,
        suggested: 2,
        clusterings,
    };
    for count in 3..=MOST_CLUSTERS {
        if graph.relative_gap(count) > graph.relative_gap(graph.suggested) {
            graph.suggested = count;
        }
    }
    graph
}
