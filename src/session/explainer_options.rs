//! How a session explains: method, rules, rewrites, threads.

use super::composite::Composite;
use super::method::Method;
use crate::canonize::PassSelection;
use crate::composite::Composite as Rules;
use crate::error::{Error, Kind, Result};
use crate::explain::Initial;

/// How a model is explained: what is compiled for it, once.
#[derive(Clone, Debug)]
pub struct ExplainerOptions {
    pub(super) method: Method,
    pub(super) composite: Composite,
    pub(super) initial: Option<Initial>,
    pub(super) at: Option<String>,
    pub(super) threads: Option<usize>,
    pub(super) is_single: bool,
    pub(super) fallback_range: Option<[f32; 2]>,
    without: Without,
}

/// Rewrites of the network that are not made.
#[derive(Clone, Debug)]
enum Without {
    All,
    These(Vec<String>),
}

impl Default for ExplainerOptions {
    fn default() -> ExplainerOptions {
        ExplainerOptions {
            method: Method::default(),
            composite: Composite::auto(),
            initial: None,
            at: None,
            threads: None,
            is_single: false,
            fallback_range: None,
            without: Without::These(vec![]),
        }
    }
}

impl ExplainerOptions {
    /// Layer-wise relevance propagation by the composite that suits the architecture, on all cores.
    pub fn new() -> ExplainerOptions {
        ExplainerOptions::default()
    }

    /// The attribution method. Default: LRP.
    pub fn method(mut self, method: Method) -> ExplainerOptions {
        self.method = method;
        self
    }

    /// The rules of LRP, and of noise around it; other methods bring their own. Default: [`Composite::auto`].
    pub fn composite(mut self, composite: Composite) -> ExplainerOptions {
        self.composite = composite;
        self
    }

    /// The relevance put in at the target. Default: its logit for LRP, 1 for the other methods, which take nothing
    /// else.
    pub fn initial(mut self, initial: Initial) -> ExplainerOptions {
        self.initial = Some(initial);
        self
    }

    /// Stops at the value of a layer, whose relevance is the result: a layer as `onnxplain inspect` lists them.
    /// Default: the input.
    pub fn at(mut self, layer: impl Into<String>) -> ExplainerOptions {
        self.at = Some(layer.into());
        self
    }

    /// Threads inside one explanation. Default: the number of cores.
    ///
    /// With 1, any number of threads explain at the same time: best for many inputs. With more, they take turns: best
    /// for one input. The result is the same, bit by bit.
    pub fn threads(mut self, count: usize) -> ExplainerOptions {
        self.threads = Some(count);
        self
    }

    /// Whether there will be one explanation only: nothing is prepared that only a next one would need. Default: no.
    pub fn single(mut self, is_single: bool) -> ExplainerOptions {
        self.is_single = is_single;
        self
    }

    /// Explains the network as it is in the file, without rewrites that make rules right. Default: the rewrites that
    /// the composite asks for, usually all.
    pub fn without_canonization(mut self) -> ExplainerOptions {
        self.without = Without::All;
        self
    }

    /// Leaves out some rewrites, by name.
    pub fn without_passes<T: Into<String>>(
        mut self,
        passes: impl IntoIterator<Item = T>,
    ) -> ExplainerOptions {
        self.without = Without::These(passes.into_iter().map(T::into).collect());
        self
    }

    /// Whether the method takes an initial relevance of the user's choice.
    #[doc(hidden)]
    pub fn takes_initial(&self) -> bool {
        self.method.takes_composite()
    }

    /// The range of the input where it is not known: for random inputs.
    #[doc(hidden)]
    pub fn fallback_range(mut self, low: f32, high: f32) -> ExplainerOptions {
        self.fallback_range = Some([low, high]);
        self
    }

    /// The rewrites: those of the composite, less those that are left out.
    pub(super) fn passes(&self, composite: &Rules) -> Result<PassSelection> {
        if self.method.inner().needs_layers_as_stored() {
            return Ok(PassSelection::none());
        }
        let all = PassSelection::of(&composite.canonize).kind(Error::Composite)?;
        match &self.without {
            Without::All => Ok(PassSelection::none()),
            Without::These(passes) => {
                let selected = passes.iter().try_fold(all, |all, pass| all.without(pass));
                selected.kind(Error::Composite)
            }
        }
    }
}

impl From<Method> for ExplainerOptions {
    fn from(method: Method) -> ExplainerOptions {
        ExplainerOptions::new().method(method)
    }
}

impl From<Composite> for ExplainerOptions {
    fn from(composite: Composite) -> ExplainerOptions {
        ExplainerOptions::new().composite(composite)
    }
}
