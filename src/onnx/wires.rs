//! The nodes that an ONNX operator of ours becomes in tract's graph, one after the other.

use tract_hir::internal::*;

/// Adds nodes to a graph, whose names begin with that of the ONNX node and are numbered.
///
/// tract's own `wire_node` compares each new node with all that are there: the time of an unrolled layer would grow with
/// the square of its length.
pub(super) struct Wires<'a> {
    pub model: &'a mut TypedModel,
    prefix: &'a str,
    /// The number of the last node.
    count: usize,
    /// What was stored already, and where.
    constants: Vec<(Arc<Tensor>, OutletId)>,
}

impl<'a> Wires<'a> {
    /// For the ONNX node of the given name.
    pub fn new(model: &'a mut TypedModel, prefix: &'a str) -> Self {
        // Another node of the file may have such a name.
        let number = |node: &TypedNode| -> Option<usize> {
            node.name.strip_prefix(prefix)?.strip_prefix('.')?.parse().ok()
        };
        let count = model.nodes.iter().filter_map(number).max().unwrap_or(0);
        Wires { model, prefix, count, constants: vec![] }
    }

    fn next_name(&mut self) -> String {
        self.count += 1;
        format!("{}.{}", self.prefix, self.count)
    }

    /// A node of one output.
    pub fn node(
        &mut self,
        op: impl Into<Box<dyn TypedOp>>,
        inputs: &[OutletId],
    ) -> TractResult<OutletId> {
        let (name, op) = (self.next_name(), op.into());
        let facts: TVec<TypedFact> = inputs
            .iter()
            .map(|&input| self.model.outlet_fact(input).cloned())
            .collect::<TractResult<_>>()?;
        let facts: TVec<&TypedFact> = facts.iter().collect();
        let id = self.model.add_node(name, op.clone(), op.output_facts(&facts)?)?;
        for (slot, &input) in inputs.iter().enumerate() {
            self.model.add_edge(input, InletId::new(id, slot))?;
        }
        Ok(id.into())
    }

    /// A stored tensor; the same one is stored once.
    pub fn constant(&mut self, tensor: Tensor) -> TractResult<OutletId> {
        if let Some((_, place)) = self.constants.iter().find(|(stored, _)| **stored == tensor) {
            return Ok(*place);
        }
        let (name, tensor) = (self.next_name(), tensor.into_arc_tensor());
        let place = self.model.add_const(name, tensor.clone())?;
        self.constants.push((tensor, place));
        Ok(place)
    }

    /// A number that broadcasts to values of the given rank.
    pub fn number(&mut self, value: f32, rank: usize) -> TractResult<OutletId> {
        self.constant(tensor0(value).broadcast_into_rank(rank)?)
    }
}

/// Gives a vector with a number for each channel the axes that it needs to broadcast to `[N, C, ...]` of the given
/// rank. The nodes are called `name` and the axis.
pub(super) fn per_channel(
    model: &mut TypedModel,
    name: &str,
    vector: OutletId,
    rank: usize,
) -> TractResult<OutletId> {
    std::iter::once(0).chain(2..rank).try_fold(vector, |wire, axis| {
        Ok(model.wire_node(format!("{name}-{axis}"), AxisOp::Add(axis), &[wire])?[0])
    })
}

/// The rules of an operator of so many inputs whose output has the type and the shape of the first one.
pub(super) fn shaped_like_first<'r, 'p: 'r>(
    solver: &mut Solver<'r>,
    inputs: &'p [TensorProxy],
    outputs: &'p [TensorProxy],
    arity: usize,
) -> InferenceResult {
    check_input_arity(inputs, arity)?;
    check_output_arity(outputs, 1)?;
    solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
    solver.equals(&inputs[0].shape, &outputs[0].shape)
}

/// Stored whole numbers.
pub(super) fn whole_numbers(tensor: &Tensor) -> TractResult<Vec<i64>> {
    let numbers = tensor.cast_to::<i64>()?;
    Ok(numbers.try_as_plain_ram()?.as_slice::<i64>()?.to_vec())
}
