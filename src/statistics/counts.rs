//! How often something happens: intervals of shares, and paired changes.

/// The interval of a share at 95 % (Wilson 1927): `hits` of `count`, 0 to 1.
pub fn wilson(hits: usize, count: usize) -> Option<[f64; 2]> {
    const Z: f64 = 1.959_963_984_540_054;
    if count == 0 {
        return None;
    }
    let (share, count) = (hits as f64 / count as f64, count as f64);
    let middle = share + Z * Z / (2.0 * count);
    let half = Z * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
    let scale = 1.0 + Z * Z / count;
    // The ends of nothing and of everything are exact, which rounding would miss.
    let low = if hits == 0 { 0.0 } else { (middle - half) / scale };
    let high = if share == 1.0 { 1.0 } else { (middle + half) / scale };
    Some([low, high])
}

/// McNemar's exact test (1947), two-sided: of pairs that changed, `lost` one way and `gained` the other.
pub fn mcnemar(lost: usize, gained: usize) -> f64 {
    let (count, fewer) = (lost + gained, lost.min(gained));
    // The binomial distribution with even odds, from its logarithms, so that large counts are no trouble.
    let logarithm = |hits: usize| {
        let factorial = |number: usize| libm::lgamma(number as f64 + 1.0);
        let choices = factorial(count) - factorial(hits) - factorial(count - hits);
        choices - count as f64 * std::f64::consts::LN_2
    };
    let tail: f64 = (0..=fewer).map(|hits| libm::exp(logarithm(hits))).sum();
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_statsmodels() {
        // tests/oracle/spray_reference.py
        let [low, high] = wilson(16, 50).unwrap();
        assert!((low - 0.207_582).abs() < 5e-7 && (high - 0.458_103).abs() < 5e-7, "{low} {high}");
        assert_eq!(wilson(0, 0), None);
        assert_eq!(wilson(0, 10).unwrap()[0], 0.0);
        assert_eq!(wilson(10, 10).unwrap()[1], 1.0);
    }

    #[test]
    fn changes_are_tested_as_by_scipy() {
        assert!((mcnemar(10, 2) - 0.038_574_218_75).abs() < 1e-12);
        assert_eq!((mcnemar(0, 0), mcnemar(3, 3)), (1.0, 1.0));
        assert!(mcnemar(400, 100) < 1e-40);
        assert_eq!(mcnemar(2, 10), mcnemar(10, 2));
    }
}
