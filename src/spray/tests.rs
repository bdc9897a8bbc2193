//! The synthetic cases of maps with a planted cue. Expected numbers: tests/oracle/spray_reference.py (numpy and LAPACK).

use super::clusters::normalized_rows;
use super::embedding::divergence;
use super::graph::{Joining, Neighbours, Operator};
use super::spectrum::Spectrum;
use super::*;

const SIDE: usize = 16;
const COUNT: usize = 300;

/// SplitMix64, one stream.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits ^ (bits >> 31)).wrapping_shr(11) as f64 / (1_u64 << 53) as f64
    }
}

/// Maps with a blob in the middle; every `planted`-th has another one in the lower left.
fn maps(seed: u64, planted: Option<usize>) -> Vec<Vec<f64>> {
    let mut random = Random(seed);
    let bump = |y: usize, x: usize, cy: f64, cx: f64, width: f64| {
        (-((y as f64 - cy).powi(2) + (x as f64 - cx).powi(2)) / width).exp()
    };
    let mut map = |index: usize| {
        let (cy, cx) = (6.0 + 3.0 * random.next(), 6.0 + 3.0 * random.next());
        let mut value = |pixel: usize| {
            let (y, x) = (pixel / SIDE, pixel % SIDE);
            let mut height = bump(y, x, cy, cx, 12.0);
            if planted.is_some_and(|every| index.is_multiple_of(every)) {
                height = 0.6 * height + 1.5 * bump(y, x, 13.0, 2.0, 2.0);
            }
            f64::from((height + 0.1 * (random.next() - 0.5)) as f32)
        };
        (0..SIDE * SIDE).map(&mut value).collect::<Vec<f64>>()
    };
    (0..COUNT).map(&mut map).collect()
}

fn features(maps: &[Vec<f64>]) -> (Vec<Feature>, Pooling) {
    let pooling = Pooling::of(SIDE, SIDE);
    let feature = |map: &Vec<f64>| pooling.feature(map, Reading::Signed).unwrap();
    (maps.iter().map(feature).collect(), pooling)
}

/// Equal to a number as it is printed: to half of its last digit.
#[track_caller]
fn close(found: f64, expected: f64, digits: i32) {
    let half = 0.51 * 10_f64.powi(-digits);
    assert!((found - expected).abs() <= half, "{found} instead of {expected}");
}

struct Case {
    seed: u64,
    planted: Option<usize>,
    sum: f64,
    /// From the second on, with 17 neighbours.
    eigenvalues: [f64; 4],
    /// The same with 10 and half edges: the second and third.
    halves: [f64; 2],
    separation: (f64, i32),
    size: usize,
    cells: &'static [usize],
}

const CASES: [Case; 3] = [
    Case {
        seed: 1,
        planted: Some(3),
        sum: 10700.778796,
        eigenvalues: [0.0, 0.040039399, 0.050422368, 0.070223116],
        halves: [0.0, 0.017613600],
        separation: (6561.04, 2),
        size: 100,
        cells: &[49, 57],
    },
    Case {
        seed: 2,
        planted: None,
        sum: 11268.497039,
        eigenvalues: [0.021167337, 0.027785226, 0.058384951, 0.084092875],
        halves: [0.010027364, 0.013583162],
        separation: (28.6, 1),
        size: 43,
        cells: &[],
    },
    Case {
        seed: 3,
        planted: Some(20),
        sum: 11169.200147,
        eigenvalues: [0.031803089, 0.038489977, 0.072222327, 0.112231315],
        halves: [0.0, 0.014780046],
        separation: (8446.28, 2),
        size: 15,
        cells: &[48, 49],
    },
];

#[test]
fn the_synthetic_cases_have_the_expected_spectra() {
    for case in &CASES {
        let maps = maps(case.seed, case.planted);
        close(maps.iter().flatten().sum(), case.sum, 6);
        let (features, pooling) = features(&maps);
        let analysis = analyse(&features, &pooling).unwrap();
        let [few, many] = &analysis.graphs[..] else { panic!("two graphs") };
        assert_eq!((few.neighbours, many.neighbours), (6, 17));
        close(many.eigenvalues[0], 0.0, 12);
        for (found, expected) in many.eigenvalues[1..].iter().zip(case.eigenvalues) {
            close(*found, expected, 9);
        }
        let neighbours = Neighbours::of(&features, 10);
        let half = Spectrum::of(&Operator::of(&neighbours, 10, Joining::Half), 4);
        for (found, expected) in half.values[1..].iter().zip(case.halves) {
            close(*found, expected, 9);
        }
    }
}

#[test]
fn the_synthetic_cases_have_the_expected_suspects() {
    for case in &CASES {
        let (features, pooling) = features(&maps(case.seed, case.planted));
        let analysis = analyse(&features, &pooling).unwrap();
        let first = &analysis.suspects[0];
        close(first.separation, case.separation.0, case.separation.1);
        assert_eq!(first.members.len(), case.size, "seed {}", case.seed);
        if let Some(every) = case.planted {
            assert!(first.members.iter().all(|row| row.is_multiple_of(every)));
            assert_eq!(first.region.cells, case.cells);
        }
    }
}

#[test]
fn the_divergence_is_that_of_scikit_learn() {
    let (features, pooling) = features(&maps(1, Some(3)));
    let analysis = analyse(&features, &pooling).unwrap();
    let rows = normalized_rows(&analysis.graphs[1].vectors, 8);
    let found = divergence(&rows, &analysis.embedding);
    // sklearn.manifold.TSNE(perplexity=30, method="exact", init="pca"): 0.1646.
    assert!(found < 0.1646 * 1.01, "{found}");
}

#[test]
fn threads_change_nothing() {
    let (features, pooling) = features(&maps(3, Some(20)));
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| analyse(&features, &pooling))
    };
    assert_eq!(of(1), of(4));
}

#[test]
fn a_small_group_is_not_analysed() {
    let (features, pooling) = features(&maps(1, None));
    assert_eq!(analyse(&features[..LEAST_MEMBERS - 1], &pooling), None);
    let analysis = analyse(&features[..LEAST_MEMBERS], &pooling).unwrap();
    assert_eq!(analysis.graphs[0].eigenvalues.len(), LEAST_MEMBERS - 1);
    let equal = vec![features[0].clone(); 25];
    let analysis = analyse(&equal, &pooling).unwrap();
    assert!(analysis.suspects.iter().all(|suspect| suspect.separation.is_finite()));
}
