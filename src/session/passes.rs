//! Runs of the network on one input that several explainers share.

use std::sync::Arc;
use std::time::Duration;

use super::prediction::Prediction;
use crate::error::Result;
use crate::method::ForwardPass;
use crate::tensor::Tensor;

/// Explainers of one family run the network in the same form and keep the same values: a forward pass of one is good for
/// all.
#[derive(Clone, Debug, Default)]
pub(super) struct Family(Arc<()>);

impl PartialEq for Family {
    fn eq(&self, other: &Family) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A run of the network.
#[derive(Clone)]
pub(super) struct Run {
    pub logits: Tensor,
    pub prediction: Prediction,
    pub elapsed: Duration,
}

/// Runs of the network on one input, for some explainers, each of which is asked once: the first of a family runs it, the
/// last uses the values up.
#[doc(hidden)]
pub struct Passes {
    shared: Vec<Shared>,
}

struct Shared {
    family: Family,
    /// How many explainers are still to ask.
    users: usize,
    found: Option<(ForwardPass, Run)>,
}

impl Passes {
    /// For explainers of these families.
    pub(super) fn of<'a>(families: impl IntoIterator<Item = &'a Family>) -> Passes {
        let mut shared: Vec<Shared> = vec![];
        for family in families {
            match shared.iter_mut().find(|known| known.family == *family) {
                Some(known) => known.users += 1,
                None => shared.push(Shared { family: family.clone(), users: 1, found: None }),
            }
        }
        Passes { shared }
    }

    /// The pass for an explainer of a family, by `run` where there is none yet.
    ///
    /// # Errors
    /// That of `run`.
    pub(super) fn take(
        &mut self,
        family: &Family,
        run: impl FnOnce() -> Result<(ForwardPass, Run)>,
    ) -> Result<(ForwardPass, Run)> {
        let known = self.shared.iter_mut().find(|known| known.family == *family);
        let Some(known) = known.filter(|known| known.users > 0) else {
            return run();
        };
        known.users -= 1;
        let found = match known.found.take() {
            Some(found) => found,
            None => run()?,
        };
        if known.users > 0 {
            known.found = Some(found.clone());
        }
        Ok(found)
    }
}
