//! How many candidates are screened on how many pictures, as the budget allows.

use anyhow::{Result, bail};

use super::trial::Extent;
use crate::random::{Stream, word_of};

/// The share of a budget that screening may take.
pub(super) const SCREENING_SHARE: f64 = 2.0 / 3.0;

/// The runs of the network that candidates share when they are screened: the picture and its subsets.
pub(super) const SHARED_EVALUATIONS: u64 = 101;

/// On fewer pictures than this nothing is screened.
const LEAST_PICTURES: usize = 4;

/// Fewer candidates than this are no search.
const LEAST_CANDIDATES: usize = 10;

/// What there is to screen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    pub seed: u64,
    pub candidates: usize,
    pub pictures: usize,
}

impl Draw {
    /// All candidates on all pictures.
    pub fn everything(self) -> Extent {
        Extent { screening_pictures: self.pictures, screened: self.drawn(self.candidates) }
    }

    /// What so many runs of the network and explanations allow.
    ///
    /// # Errors
    /// When they are too few to screen anything.
    pub fn for_evaluations(self, evaluations: u64) -> Result<Extent> {
        let share = (SCREENING_SHARE * evaluations as f64) as u64;
        let least = LEAST_CANDIDATES.min(self.candidates);
        let mut pictures = self.pictures;
        loop {
            let each = (share / pictures.max(1) as u64).saturating_sub(SHARED_EVALUATIONS);
            let affordable = usize::try_from(each).unwrap_or(usize::MAX).min(self.candidates);
            if affordable >= least {
                let screened = self.drawn(affordable);
                return Ok(Extent { screening_pictures: pictures, screened });
            }
            let fewer = (pictures / 2).max(LEAST_PICTURES.min(pictures));
            if fewer == pictures {
                let needed = (SHARED_EVALUATIONS + least as u64) * pictures as u64;
                bail!(
                    "a budget of {evaluations} evaluations is too small: to choose from {least} candidates on {pictures} pictures takes {}",
                    (needed as f64 / SCREENING_SHARE).ceil()
                );
            }
            pictures = fewer;
        }
    }

    /// What the time allows in which so many pictures could be measured with all candidates, after the first one.
    pub fn for_time(self, pictures: f64) -> Extent {
        let pictures = pictures.max(0.0);
        let least = LEAST_PICTURES.min(self.pictures);
        // A cast of a large number is the largest one.
        let affordable = (pictures as usize).saturating_add(1);
        if affordable >= least {
            let screening_pictures = affordable.min(self.pictures);
            return Extent { screening_pictures, screened: self.drawn(self.candidates) };
        }
        let share = pictures / (least - 1).max(1) as f64;
        let count = (share * self.candidates as f64) as usize;
        let count = count.clamp(LEAST_CANDIDATES.min(self.candidates), self.candidates);
        Extent { screening_pictures: least, screened: self.drawn(count) }
    }

    /// Some candidates, drawn evenly, in their order.
    fn drawn(self, count: usize) -> Vec<usize> {
        let stream = Stream::new(self.seed, &[word_of("candidates")]);
        let mut numbers: Vec<usize> = (0..self.candidates).collect();
        numbers.sort_by_key(|&number| (stream.bits(number as u64), number));
        numbers.truncate(count);
        numbers.sort_unstable();
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAW: Draw = Draw { seed: 0, candidates: 250, pictures: 32 };

    fn size(extent: &Extent) -> (usize, usize) {
        (extent.screening_pictures, extent.screened.len())
    }

    #[test]
    fn a_budget_is_spent_on_candidates_first_and_pictures_then() {
        assert_eq!(size(&DRAW.everything()), (32, 250));
        assert_eq!(size(&DRAW.for_evaluations(1_000_000).unwrap()), (32, 250));
        // 6666 evaluations on 32 pictures: 208 each, 101 of them shared.
        let some = DRAW.for_evaluations(10_000).unwrap();
        assert_eq!(size(&some), (32, 107));
        assert!(some.screened.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(size(&DRAW.for_evaluations(1_000).unwrap()), (4, 65));
        let error = DRAW.for_evaluations(600).unwrap_err().to_string();
        assert!(error.contains("takes 666"), "{error}");
    }

    #[test]
    fn time_is_spent_on_pictures_first_and_candidates_then() {
        assert_eq!(size(&DRAW.for_time(1e9)), (32, 250));
        assert_eq!(size(&DRAW.for_time(9.5)), (10, 250));
        assert_eq!(size(&DRAW.for_time(1.5)), (4, 125));
        for nothing in [0.0, -3.0, f64::NAN] {
            assert_eq!(size(&DRAW.for_time(nothing)), (4, 10));
        }
    }
}
