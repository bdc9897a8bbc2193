//! The layers that a typed graph was lowered to, and the same graph with other parameters.
//!
//! With other parameters, the drafts of a node are the same unless one of its constants depends on the parameters. So
//! most drafts are copied: shapes, windows and index maps are computed once.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use anyhow::Result;
use tract_core::internal::*;

use super::{Constant, Lowering, Value};
use crate::network::recognise::{Draft, assemble};
use crate::network::{LayerId, Network};

/// A graph as drafts of layers.
#[derive(Clone, Default)]
pub struct Lowered {
    pub(super) drafts: Vec<Draft>,
    pub(super) values: HashMap<OutletId, Value>,
    pub(super) output: LayerId,
    /// The drafts of each node.
    places: HashMap<usize, Range<LayerId>>,
    /// The constants that depend on the parameters.
    parametric: HashSet<OutletId>,
}

impl Lowered {
    /// A graph of which only the values of the parameters are known.
    pub(super) fn with(parameters: impl Iterator<Item = (OutletId, Value)>) -> Lowered {
        let values: HashMap<OutletId, Value> = parameters.collect();
        Lowered { parametric: values.keys().copied().collect(), values, ..Lowered::default() }
    }

    /// Decides the operators of the drafts, and makes the network.
    ///
    /// `allow_gradient` names ONNX operator types that may be explained by their gradient where no
    /// relevance rule is known for them.
    ///
    /// # Errors
    /// When a layer can neither be explained nor differentiated.
    pub fn into_network(self, allow_gradient: &[String]) -> Result<Network> {
        assemble(self.drafts, self.output, allow_gradient)
    }

    fn reads_parameters(&self, node: &TypedNode) -> bool {
        node.inputs.iter().any(|input| self.parametric.contains(input))
    }

    /// Records the constants that a node was lowered to.
    pub(super) fn add_constants(&mut self, node: &TypedNode, constants: TVec<TValue>) {
        let is_parametric = self.reads_parameters(node);
        for (slot, constant) in constants.into_iter().enumerate() {
            let outlet = OutletId::new(node.id, slot);
            let constant = Constant::Read(constant.into_arc_tensor());
            self.values.insert(outlet, Value::Constant(constant));
            if is_parametric {
                self.parametric.insert(outlet);
            }
        }
    }

    /// Records the drafts that a node was lowered to: those from `start` on.
    pub(super) fn add_place(&mut self, node: &TypedNode, start: LayerId) {
        self.places.insert(node.id, start..self.drafts.len());
    }
}

impl Lowering<'_> {
    /// Copies the drafts of a node from the graph with other parameters, if they do not depend on these.
    pub(super) fn copy(&mut self, node: &TypedNode) -> bool {
        let Some(earlier) = self.earlier.filter(|_| !self.lowered.reads_parameters(node)) else {
            return false;
        };
        let place = |value: Option<&Value>| match value {
            Some(Value::Layer(id)) => Some(*id),
            _ => None,
        };
        let is_same = |input: &OutletId| {
            place(self.lowered.values.get(input)) == place(earlier.values.get(input))
        };
        let drafts = earlier.places.get(&node.id);
        let drafts = drafts.filter(|drafts| drafts.start == self.lowered.drafts.len());
        let Some(drafts) = drafts.filter(|_| node.inputs.iter().all(is_same)) else {
            return false;
        };
        self.lowered.drafts.extend_from_slice(&earlier.drafts[drafts.clone()]);
        for slot in 0..node.outputs.len() {
            let outlet = OutletId::new(node.id, slot);
            if let Some(value) = earlier.values.get(&outlet) {
                self.lowered.values.insert(outlet, value.clone());
            }
        }
        true
    }
}
