//! In which order regions are removed, and how many at each level.

use std::cmp::Ordering;
use std::fmt;

use anyhow::{Result, bail, ensure};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::random::Stream;

/// Which regions are removed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The most relevant ones.
    MostRelevantFirst,
    /// The least relevant ones.
    LeastRelevantFirst,
}

/// The regions in the order of their scores. Ties are broken by random keys, the same way in both orders, so that no
/// result depends on a sort's habits, and a map that is 0 everywhere has the same curve in both.
pub(crate) fn ranked(scores: &[f64], order: Order, ties: Stream) -> Vec<usize> {
    let keys: Vec<u64> = (0..scores.len() as u64).map(|region| ties.bits(region)).collect();
    let mut ranked: Vec<usize> = (0..scores.len()).collect();
    ranked.sort_by(|&a, &b| {
        let ascending = scores[a].partial_cmp(&scores[b]).unwrap_or(Ordering::Equal);
        let by_score = match order {
            Order::MostRelevantFirst => ascending.reverse(),
            Order::LeastRelevantFirst => ascending,
        };
        by_score.then(keys[a].cmp(&keys[b])).then(a.cmp(&b))
    });
    ranked
}

/// How many regions are removed at every point of a curve.
#[derive(Clone, Debug, PartialEq)]
pub enum Levels {
    /// This many steps from nothing to everything.
    Count(usize),
    /// One region after the other.
    All,
    /// One region after the other, only the first ones.
    First(usize),
    /// These shares of the regions, each above 0 and at most 1.
    Shares(Vec<f64>),
}

impl Default for Levels {
    fn default() -> Levels {
        Levels::Count(32)
    }
}

impl Levels {
    /// The number of removed regions, of `count`, at every point: k_i = ⌊i·n/L + ½⌋, i = 0..L. The first is 0.
    pub fn counts(&self, count: usize) -> Vec<usize> {
        match self {
            Levels::Count(levels) => {
                let levels = (*levels).min(count).max(1);
                (0..=levels).map(|level| (2 * level * count + levels) / (2 * levels)).collect()
            }
            Levels::All => (0..=count).collect(),
            Levels::First(levels) => (0..=(*levels).min(count)).collect(),
            Levels::Shares(shares) => {
                let removed = shares.iter().map(|share| (share * count as f64).round() as usize);
                std::iter::once(0).chain(removed.map(|removed| removed.min(count))).collect()
            }
        }
    }

    fn read(value: &Value) -> Result<Levels> {
        let whole = |number: &Value| number.as_u64().filter(|&number| number > 0);
        match value {
            Value::Number(_) => match whole(value) {
                Some(levels) => Ok(Levels::Count(levels as usize)),
                None => bail!("levels are a whole number above 0, not {value}"),
            },
            Value::String(word) => Levels::read_word(word),
            Value::Array(shares) => {
                let shares: Vec<f64> = shares.iter().filter_map(Value::as_f64).collect();
                let is_share = |share: &f64| *share > 0.0 && *share <= 1.0;
                ensure!(
                    !shares.is_empty() && shares.iter().all(is_share) && shares.is_sorted(),
                    "levels are shares above 0 and at most 1, ascending, not {value}"
                );
                Ok(Levels::Shares(shares))
            }
            _ => bail!("levels are a number, `all`, `first:N` or a list of shares, not {value}"),
        }
    }

    fn read_word(word: &str) -> Result<Levels> {
        let first = word.strip_prefix("first:").and_then(|number| number.parse().ok());
        match (word, first.filter(|&first: &usize| first > 0)) {
            ("all", _) => Ok(Levels::All),
            (_, Some(first)) => Ok(Levels::First(first)),
            _ => bail!("`{word}` are no levels; there are a number, `all` and `first:N`"),
        }
    }
}

impl fmt::Display for Levels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Levels::Count(levels) => write!(formatter, "{levels}"),
            Levels::All => formatter.write_str("all"),
            Levels::First(levels) => write!(formatter, "first:{levels}"),
            Levels::Shares(shares) => write!(formatter, "{shares:?}"),
        }
    }
}

impl Serialize for Levels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Levels::Count(levels) => serializer.serialize_u64(*levels as u64),
            Levels::Shares(shares) => shares.serialize(serializer),
            word => serializer.serialize_str(&word.to_string()),
        }
    }
}

impl<'de> Deserialize<'de> for Levels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Levels, D::Error> {
        Levels::read(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The area under a curve by the trapezoidal rule; 0 for a single point.
pub fn area(places: &[f64], values: &[f64]) -> f64 {
    let pairs = places.windows(2).zip(values.windows(2));
    pairs.map(|(place, value)| (place[1] - place[0]) * (value[0] + value[1]) / 2.0).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_scores_have_one_order_in_both_directions() {
        let ties = Stream::new(3, &[1]);
        let both = |scores: &[f64]| {
            [Order::MostRelevantFirst, Order::LeastRelevantFirst]
                .map(|order| ranked(scores, order, ties))
        };
        let [most, least] = both(&[0.0, -0.0, 0.0, 0.0, -0.0]);
        assert_eq!(most, least);
        assert_ne!(most, [0, 1, 2, 3, 4]);
        let [most, least] = both(&[1.0, 3.0, 2.0]);
        assert_eq!((most, least), (vec![1, 2, 0], vec![0, 2, 1]));
    }

    #[test]
    fn levels_go_from_nothing_to_everything() {
        let counts = |levels: Levels, count| levels.counts(count);
        assert_eq!(counts(Levels::Count(4), 10), [0, 3, 5, 8, 10]);
        assert_eq!(counts(Levels::Count(32), 3), [0, 1, 2, 3]);
        assert_eq!(counts(Levels::Count(32), 196)[..4], [0, 6, 12, 18]);
        assert_eq!(counts(Levels::All, 2), [0, 1, 2]);
        assert_eq!(counts(Levels::First(2), 9), [0, 1, 2]);
        assert_eq!(counts(Levels::Shares(vec![0.1, 0.5]), 10), [0, 1, 5]);
    }

    #[test]
    fn levels_are_read_and_written() {
        for value in [json!(32), json!("all"), json!("first:100"), json!([0.1, 0.5])] {
            let levels: Levels = serde_json::from_value(value.clone()).unwrap();
            assert_eq!(serde_json::to_value(levels).unwrap(), value);
        }
        for value in [json!(0), json!(1.5), json!("some"), json!([0.5, 0.1]), json!([2]), json!({})]
        {
            assert!(serde_json::from_value::<Levels>(value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn areas_are_those_of_trapezoids() {
        assert_eq!(area(&[0.0, 0.5, 1.0], &[1.0, 0.5, 0.0]), 0.5);
        assert_eq!(area(&[0.0, 0.25, 1.0], &[1.0, 1.0, 0.0]), 0.625);
        assert_eq!(area(&[0.0], &[1.0]), 0.0);
    }
}
