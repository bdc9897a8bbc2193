//! How many pictures of which class are taken for which.

use serde::{Deserialize, Serialize};

use super::reward::Fit;

/// What pictures say of a network, added up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    count: usize,
    right: usize,
    loss: f64,
    /// For each class, how many of its pictures the network takes for each.
    pub confusion: Confusion,
}

/// For each class, how many of its pictures the network takes for each.
pub type Confusion = Vec<Vec<usize>>;

/// What pictures say of a network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The share that is right.
    pub accuracy: f64,
    /// The mean.
    pub loss: f64,
}

impl Summary {
    /// Whether more pictures are right, or as many at a smaller loss.
    pub fn is_better_than(&self, other: &Summary) -> bool {
        match self.accuracy == other.accuracy {
            true => self.loss < other.loss,
            false => self.accuracy > other.accuracy,
        }
    }
}

impl Standing {
    /// Adds a picture of a class.
    pub fn add(&mut self, fit: Fit, class: usize) {
        self.count += 1;
        self.right += usize::from(fit.said == class);
        self.loss += fit.loss;
        let classes = self.confusion.len().max(class + 1).max(fit.said + 1);
        self.confusion.resize(classes, vec![]);
        self.confusion.iter_mut().for_each(|row| row.resize(classes, 0));
        self.confusion[class][fit.said] += 1;
    }

    /// The share that is right, and the mean loss.
    pub fn summary(&self) -> Summary {
        let count = self.count.max(1) as f64;
        Summary { accuracy: self.right as f64 / count, loss: self.loss / count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_counted_by_their_class_and_by_what_is_said() {
        let mut standing = Standing::default();
        for (class, said, loss) in [(0, 0, 0.5), (2, 1, 1.5), (2, 2, 1.0), (2, 2, 0.0)] {
            standing.add(Fit { loss, said }, class);
        }
        assert_eq!(standing.confusion, [[1, 0, 0], [0, 0, 0], [0, 1, 2]]);
        let summary = standing.summary();
        assert_eq!(summary, Summary { accuracy: 0.75, loss: 0.75 });
        assert!(Summary { loss: 0.7, ..summary }.is_better_than(&summary));
        assert!(!Summary { accuracy: 0.5, loss: 0.1 }.is_better_than(&summary));
        assert!(!Summary { loss: f64::NAN, ..summary }.is_better_than(&summary));
    }
}
