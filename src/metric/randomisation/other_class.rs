//! Another class than the target.

use anyhow::Result;

use crate::metric::conditions::{Conditions, OtherClass};
use crate::metric::picture::Picture;
use crate::metric::undefined::undefined;

/// The class that the target's map is compared with.
pub(super) fn other_class(picture: &Picture, conditions: &Conditions) -> Result<usize> {
    let (target, logits) = (picture.target(), &picture.output().logits);
    if logits.len() < 2 {
        return undefined("the network has one class only");
    }
    let others = || (0..logits.len()).filter(|&class| class != target);
    match conditions.class {
        OtherClass::Random => {
            let uniform = f64::from(picture.seeds().stream("logit", &[]).uniform(0));
            let place = (uniform * (logits.len() - 1) as f64) as usize;
            Ok(place + usize::from(place >= target))
        }
        OtherClass::Second => {
            let stronger = |a: usize, b: usize| if logits[b] > logits[a] { b } else { a };
            match others().reduce(stronger) {
                Some(class) => Ok(class),
                None => undefined("the network has one class only"),
            }
        }
    }
}
