//! Random parts of a picture, and how much the target's logit falls without each: the same for all maps.

use std::rc::Rc;

use anyhow::Result;

use crate::metric::conditions::Conditions;
use crate::metric::picture::Picture;
use crate::metric::removal::{Partition, scaled_side};
use crate::metric::similarity::pearson;
use crate::metric::subject::Subject;
use crate::random::Stream;

/// The regions of a subset: those of the smallest keys, equal ones by their index.
fn subset(count: usize, size: usize, stream: Stream) -> Vec<usize> {
    let mut keys: Vec<(u64, usize)> =
        (0..count).map(|region| (stream.bits(region as u64), region)).collect();
    if size < count {
        keys.select_nth_unstable(size);
    }
    keys.into_iter().take(size).map(|(_, region)| region).collect()
}

/// Pearson's correlation of the relevance in random subsets of regions and of the loss of the target's logit without
/// them. `name` is the purpose of the random numbers, with the numbers that tell several of it apart.
pub(super) fn correlation(
    subject: &Subject,
    conditions: &Conditions,
    name: (&str, &[u64]),
    size: usize,
) -> Result<f64> {
    let picture = subject.picture();
    let partition = picture.partition(&conditions.regions)?;
    let (partition, seeds): (&Partition, _) = (&partition, picture.seeds());
    let members = |index: usize| {
        let numbers = [name.1, &[index as u64]].concat();
        subset(partition.count(), size, seeds.stream(name.0, &numbers))
    };
    let key = format!("{name:?} {} {size} {}", conditions.regions, conditions.subsets);
    let losses = picture.losses(&key, conditions, conditions.subsets, &|index| {
        partition.pixels_of(members(index))
    })?;
    let sums = partition.sums(subject.map());
    // In the order of the regions, so that equal sums are equal to the bit.
    let relevance = |index: usize| {
        let mut members = members(index);
        members.sort_unstable();
        members.into_iter().map(|region| sums[region]).sum()
    };
    let relevance: Vec<f64> = (0..conditions.subsets).map(relevance).collect();
    pearson(&relevance, &losses)
}

/// How much the target's logit falls without each region.
pub(super) fn single_losses(picture: &Picture, conditions: &Conditions) -> Result<Rc<Vec<f64>>> {
    let partition = picture.partition(&conditions.regions)?;
    let partition: &Partition = &partition;
    let key = format!("single {}", conditions.regions);
    picture.losses(&key, conditions, partition.count(), &|region| partition.pixels_of([region]))
}

/// The relevance in random squares, and how much the target's logit falls without each.
pub(super) struct Squares {
    relevance: Vec<f64>,
    losses: Rc<Vec<f64>>,
}

impl Squares {
    /// The mean of (d − βs)², β = Σds / Σs²; `None` where the relevance in every square is 0.
    pub fn error(&self) -> Option<f64> {
        let sum = |term: &dyn Fn(f64, f64) -> f64| -> f64 {
            self.relevance.iter().zip(&*self.losses).map(|(&s, &d)| term(s, d)).sum()
        };
        let power = sum(&|s, _| s * s);
        let scale = sum(&|s, d| s * d) / power;
        let error = sum(&|s, d| (d - scale * s).powi(2));
        (power > 0.0).then(|| error / self.relevance.len() as f64)
    }

    /// The mean squared loss.
    pub fn power(&self) -> f64 {
        self.losses.iter().map(|loss| loss * loss).sum::<f64>() / self.losses.len() as f64
    }
}

/// Squares of sides from 1 to ten pixels for pictures of 28, in proportion for others.
pub(super) fn squares(subject: &Subject, conditions: &Conditions) -> Result<Squares> {
    let picture = subject.picture();
    let (height, width, seeds) = (picture.height(), picture.width(), picture.seeds());
    let largest = scaled_side(10.0, 28.0, height, width);
    let square = |index: usize| {
        let stream = seeds.stream("squares", &[index as u64]);
        let draw = |counter: u64, count: usize| {
            ((f64::from(stream.uniform(counter)) * count as f64) as usize).min(count - 1)
        };
        let side = 1 + draw(0, largest);
        let (row, column) = (draw(1, height - side + 1), draw(2, width - side + 1));
        (row..row + side).flat_map(move |row| (column..column + side).map(move |x| row * width + x))
    };
    let key = format!("squares {}", conditions.subsets);
    let losses = picture.losses(&key, conditions, conditions.subsets, &|index| {
        let mut is_missing = vec![false; height * width];
        square(index).for_each(|pixel| is_missing[pixel] = true);
        is_missing
    })?;
    let values = subject.map().values();
    let relevance = |index: usize| square(index).map(|pixel| values[pixel]).sum();
    Ok(Squares { relevance: (0..conditions.subsets).map(relevance).collect(), losses })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subset_has_its_size_and_no_region_twice() {
        for size in [1, 7, 20] {
            let mut members = subset(20, size, Stream::new(0, &[1, 2]));
            members.sort_unstable();
            members.dedup();
            assert!(members.len() == size && members.iter().all(|&region| region < 20));
        }
        let one = subset(20, 5, Stream::new(0, &[1]));
        assert_eq!(one, subset(20, 5, Stream::new(0, &[1])));
        assert_ne!(one, subset(20, 5, Stream::new(0, &[2])));
    }

    #[test]
    fn infidelity_by_hand() {
        let squares = |relevance: &[f64], losses: &[f64]| Squares {
            relevance: relevance.to_vec(),
            losses: Rc::new(losses.to_vec()),
        };
        let exact = squares(&[1.0, 2.0, -1.0], &[3.0, 6.0, -3.0]);
        assert_eq!((exact.error(), exact.power()), (Some(0.0), 18.0));
        // β = (1·1 + 1·3) / 2 = 2; errors (1 − 2)² and (3 − 2)².
        let squares_ = squares(&[1.0, 1.0], &[1.0, 3.0]);
        assert_eq!((squares_.error(), squares_.power()), (Some(1.0), 5.0));
        assert_eq!(squares(&[0.0, 0.0], &[1.0, 3.0]).error(), None);
    }
}
