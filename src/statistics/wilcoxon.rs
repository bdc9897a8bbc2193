//! Wilcoxon's signed-rank test (1945): are paired differences as often and as far above zero as below?

/// What the test says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// The sums of the ranks of differences above and below zero.
    pub plus: f64,
    pub minus: f64,
    /// Two-sided, not adjusted for other tests.
    pub p: f64,
}

/// Up to this many differences all choices of signs are counted, where no two are equal.
const MOST_EXACT: usize = 50;

impl SignedRank {
    /// Tests differences; zeros are dropped, equal ones share their mean rank. Without any left, p is 1.
    pub fn of(differences: &[f64]) -> SignedRank {
        let mut kept: Vec<f64> = differences.iter().copied().filter(|it| *it != 0.0).collect();
        kept.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        let (mut plus, mut minus, mut ties) = (0.0, 0.0, 0.0);
        let mut begin = 0;
        for group in kept.chunk_by(|a, b| a.abs() == b.abs()) {
            let count = group.len() as f64;
            let rank = begin as f64 + (count + 1.0) / 2.0;
            begin += group.len();
            ties += count.powi(3) - count;
            for difference in group {
                *(if *difference > 0.0 { &mut plus } else { &mut minus }) += rank;
            }
        }
        let p = match kept.len() {
            0 => 1.0,
            count if count <= MOST_EXACT && ties == 0.0 => exact(count, plus.min(minus) as usize),
            count => normal(count as f64, plus, ties),
        };
        SignedRank { plus, minus, p }
    }

    /// The rank-biserial correlation, −1 to 1: how much more is above zero than below.
    pub fn correlation(&self) -> f64 {
        let sum = self.plus + self.minus;
        if sum > 0.0 { (self.plus - self.minus) / sum } else { 0.0 }
    }
}

/// The share of choices of signs whose smaller sum of ranks is at most this.
fn exact(count: usize, smaller: usize) -> f64 {
    let most = count * (count + 1) / 2;
    // How many choices have each sum, as far as it matters.
    let mut choices = vec![0.0; most + 1];
    choices[0] = 1.0;
    for rank in 1..=count {
        for sum in (rank..=most).rev() {
            choices[sum] += choices[sum - rank];
        }
    }
    let tail: f64 = choices[..=smaller].iter().sum();
    (2.0 * tail / (count as f64).exp2()).min(1.0)
}

/// The normal distribution with corrections for continuity and ties.
fn normal(count: f64, plus: f64, ties: f64) -> f64 {
    let mean = count * (count + 1.0) / 4.0;
    let variance = count * (count + 1.0) * (2.0 * count + 1.0) / 24.0 - ties / 48.0;
    let away = ((plus - mean).abs() - 0.5).max(0.0);
    if variance > 0.0 { libm::erfc(away / variance.sqrt() / 2.0_f64.sqrt()) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [f64; 12] = [1.2, -0.4, 2.5, 0.9, -1.1, 3.3, 0.2, 1.7, -0.6, 2.1, 0.75, 1.05];
    const TIED: [f64; 15] =
        [1.0, 1.0, -1.0, 2.0, 0.0, 3.0, 0.0, -2.0, 2.0, 1.0, 4.0, -1.0, 5.0, 0.0, 2.0];

    #[test]
    fn p_values_are_those_of_scipy() {
        // tests/oracle/spray_reference.py
        let found = SignedRank::of(&PLAIN);
        assert_eq!((found.plus, found.minus, found.p), (66.0, 12.0, 0.034_179_687_5));
        assert!((normal(12.0, 66.0, 0.0) - 0.037_632_883_520).abs() < 1e-12);
        let tied = SignedRank::of(&TIED);
        assert_eq!((tied.plus, tied.minus), (64.5, 13.5));
        assert!((tied.p - 0.047_234_721_387).abs() < 1e-12, "{}", tied.p);
        assert!((tied.correlation() - 51.0 / 78.0).abs() < 1e-12);
    }

    #[test]
    fn both_directions_count_and_nothing_has_p_one() {
        let turned: Vec<f64> = PLAIN.iter().map(|difference| -difference).collect();
        assert_eq!(SignedRank::of(&turned).p, SignedRank::of(&PLAIN).p);
        assert_eq!(SignedRank::of(&[0.0, 0.0]), SignedRank { plus: 0.0, minus: 0.0, p: 1.0 });
        assert_eq!(SignedRank::of(&[]).correlation(), 0.0);
        // All 2ⁿ choices of signs of five, two of which are as far from the middle.
        assert_eq!(SignedRank::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).p, 2.0 / 32.0);
    }

    #[test]
    fn many_differences_agree_with_the_exact_count() {
        let values: Vec<f64> =
            (1..=50).map(|it| f64::from(it) * if it % 3 == 0 { -1.0 } else { 1.0 }).collect();
        let found = SignedRank::of(&values);
        let near = normal(50.0, found.plus, 0.0);
        assert!((found.p - near).abs() < 0.05 * near, "{} {near}", found.p);
    }
}
