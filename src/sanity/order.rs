//! In which order layers are randomised.

use std::collections::BTreeSet;
use std::str::FromStr;

use anyhow::{Error, Result, bail};
use serde::{Deserialize, Serialize};

use crate::suggest::nearest;

/// In which order layers are randomised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// From the output down, keeping what was randomised before.
    #[default]
    TopDown,
    /// From the input up, keeping what was randomised before.
    BottomUp,
    /// Each by itself, all others trained.
    Independent,
}

impl Order {
    /// All of them.
    pub const ALL: [Order; 3] = [Order::TopDown, Order::BottomUp, Order::Independent];

    /// The word on the command line and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Order::TopDown => "top-down",
            Order::BottomUp => "bottom-up",
            Order::Independent => "independent",
        }
    }

    /// Whether later steps keep what earlier ones randomised, so that everything is random at the end.
    pub fn is_cascading(self) -> bool {
        self != Order::Independent
    }
}

impl FromStr for Order {
    type Err = Error;

    fn from_str(word: &str) -> Result<Order> {
        if let Some(order) = Order::ALL.into_iter().find(|order| order.word() == word) {
            return Ok(order);
        }
        let hint = nearest(word, Order::ALL.into_iter().map(Order::word));
        let hint = hint.map_or(String::new(), |word| format!("; did you mean {word}?"));
        bail!("there is no order {word}, only top-down, bottom-up and independent{hint}")
    }
}

/// A step: which layers are random in its network. Layers are numbers in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Those that are randomised in this step, from the lowest on.
    pub layers: Vec<usize>,
    /// All that are random in it.
    pub random: BTreeSet<usize>,
}

/// The steps for `count` layers; with `steps` as many at most, of as equal a number of layers as can be.
pub(super) fn steps(order: Order, count: usize, steps: Option<usize>) -> Vec<Step> {
    let number = steps.unwrap_or(count).clamp(1, count.max(1));
    let mut layers: Vec<usize> = (0..count).collect();
    if order == Order::TopDown {
        layers.reverse();
    }
    let mut random = BTreeSet::new();
    let step = |step: usize| {
        let mut layers = layers[step * count / number..(step + 1) * count / number].to_vec();
        layers.sort_unstable();
        if !order.is_cascading() {
            random.clear();
        }
        random.extend(layers.iter().copied());
        Step { layers, random: random.clone() }
    };
    (0..number).map(step).filter(|step| !step.layers.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(order: Order, count: usize, number: Option<usize>) -> Vec<(Vec<usize>, Vec<usize>)> {
        let of = |step: Step| (step.layers, step.random.into_iter().collect());
        steps(order, count, number).into_iter().map(of).collect()
    }

    #[test]
    fn cascades_keep_earlier_layers_and_independent_steps_do_not() {
        assert_eq!(
            told(Order::TopDown, 3, None),
            [(vec![2], vec![2]), (vec![1], vec![1, 2]), (vec![0], vec![0, 1, 2])]
        );
        assert_eq!(told(Order::BottomUp, 2, None), [(vec![0], vec![0]), (vec![1], vec![0, 1])]);
        assert_eq!(told(Order::Independent, 2, None), [(vec![0], vec![0]), (vec![1], vec![1])]);
    }

    #[test]
    fn fewer_steps_take_several_layers_each() {
        let found = told(Order::TopDown, 5, Some(2));
        assert_eq!(found, [(vec![3, 4], vec![3, 4]), (vec![0, 1, 2], vec![0, 1, 2, 3, 4])]);
        assert_eq!(told(Order::BottomUp, 2, Some(9)).len(), 2);
        assert!(told(Order::TopDown, 0, None).is_empty());
    }

    #[test]
    fn mistakes_have_a_nearest_word() {
        let error = "topdown".parse::<Order>().unwrap_err().to_string();
        assert!(error.contains("did you mean top-down?"), "{error}");
        assert!(Order::ALL.iter().all(|order| order.word().parse::<Order>().unwrap() == *order));
    }
}
