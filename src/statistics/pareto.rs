//! Which methods are beaten in every respect.

/// Whether each row lies on the Pareto front: no other row is at least as good in all columns and better in one. Larger is
/// better. A row is compared with another in the columns that it has a value for; one without any is not on the front.
pub fn pareto_front(rows: &[Vec<Option<f64>>]) -> Vec<bool> {
    let is_beaten = |row: &Vec<Option<f64>>| rows.iter().any(|other| dominates(other, row));
    rows.iter().map(|row| row.iter().any(Option::is_some) && !is_beaten(row)).collect()
}

fn dominates(other: &[Option<f64>], row: &[Option<f64>]) -> bool {
    let mut pairs = other.iter().zip(row).filter_map(|(other, value)| Some((*other, (*value)?)));
    let is_no_worse = pairs.clone().all(|(other, value)| other.is_some_and(|other| other >= value));
    is_no_worse && pairs.any(|(other, value)| other.is_some_and(|other| other > value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_nothing_dominates() {
        let rows = [[0.4, 0.1], [0.3, 0.5], [0.2, 0.4], [0.4, 0.1], [0.4, 0.0]];
        let rows = rows.map(|row| row.map(Some).to_vec());
        assert_eq!(pareto_front(&rows), [true, true, false, true, false]);
    }

    #[test]
    fn a_missing_value_neither_wins_nor_loses() {
        let rows = [
            vec![Some(0.4), None],
            vec![Some(0.3), Some(0.5)],
            vec![Some(0.2), None],
            vec![None, None],
        ];
        assert_eq!(pareto_front(&rows), [true, true, false, false]);
    }
}
