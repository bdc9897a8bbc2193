//! Places in a metric.

/// The place of each value, 1 for the largest; equal values share the better place, values that are missing have none.
pub fn ranks(values: &[Option<f64>]) -> Vec<Option<usize>> {
    let place = |value: f64| 1 + values.iter().flatten().filter(|other| **other > value).count();
    values.iter().map(|value| value.map(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_the_better_place() {
        let found = ranks(&[Some(0.2), None, Some(0.5), Some(0.2), Some(-1.0)]);
        assert_eq!(found, [Some(2), None, Some(1), Some(2), Some(4)]);
    }
}
