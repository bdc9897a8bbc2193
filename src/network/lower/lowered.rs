//! What a typed graph has become, and the same graph with other parameters.
//!
//! The drafts of a node are the same as before unless a constant that it reads depends on the
//! parameters. So they are copied where none does: shapes, windows and index maps are worked out once.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use anyhow::Result;
use tract_core::internal::*;

use super::{Constant, Lowering, Value};
use crate::network::recognise::{Draft, assemble};
use crate::network::{LayerId, Network};

/// A graph as layers that are not put together yet.
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
    /// Nothing but the parameters' values.
    pub(super) fn with(parameters: impl Iterator<Item = (OutletId, Value)>) -> Lowered {
        let values: HashMap<OutletId, Value> = parameters.collect();
        Lowered { parametric: values.keys().copied().collect(), values, ..Lowered::default() }
    }

    /// Recognises what the drafts are and makes the network of them.
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

    /// Writes down the constants that a node has become.
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

    /// Writes down the drafts that a node has become: those from `start` on.
    pub(super) fn add_place(&mut self, node: &TypedNode, start: LayerId) {
        self.places.insert(node.id, start..self.drafts.len());
    }
}

impl Lowering<'_> {
    /// Takes over what a node has become with other parameters, where they play no part in it.
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
