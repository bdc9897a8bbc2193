//! Several tests at once.

/// p-values adjusted for their number, in the same order (Holm 1979): those below a level are, with its certainty, all
/// true differences.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut ascending: Vec<usize> = (0..p_values.len()).collect();
    ascending.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (place, &index) in ascending.iter().enumerate() {
        let left = (p_values.len() - place) as f64;
        largest = largest.max(left * p_values[index]).min(1.0);
        adjusted[index] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_those_of_statsmodels() {
        // tests/oracle/statistics_reference.py
        let found = holm(&[0.01, 0.04, 0.03, 0.005, 0.6]);
        let expected = [0.04, 0.09, 0.09, 0.025, 0.6];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
        }
        assert_eq!(holm(&[]), Vec::<f64>::new());
        assert_eq!(holm(&[0.3]), [0.3]);
        assert_eq!(holm(&[0.7, 0.9]), [1.0, 1.0]);
    }
}
