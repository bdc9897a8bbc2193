//! tract's typed graph of an inference graph, in a time that grows with the number of nodes.
//!
//! tract's own `into_typed` compares every new node and constant with all that are there. Where there are tens of
//! thousands of them, as in an unrolled loop, that takes minutes. Here every node is translated in a small graph of its
//! own, in which only stand-ins for its inputs are, and what it became is moved to the others.

use std::collections::HashMap;
use std::fmt;

use tract_core::internal::translator::Translate;
use tract_core::ops::konst::Const;
use tract_core::ops::source::TypedSource;
use tract_hir::infer::{
    Factoid, InferenceFact, InferenceModel, InferenceModelExt, InferenceNode, InferenceOp,
};
use tract_hir::internal::*;

use super::validate::{MemoryLimit, element_count};

/// tract's operators that read the axis of channels of their first input without looking whether there is one. Validation
/// refuses such inputs where their shapes follow from the file; these are known only now.
const OF_CHANNELS: [&str; 5] = ["BatchNorm", "ConvHir", "ConvTranspose", "MaxPool", "SumPool"];

/// The typed graph of a graph.
///
/// # Errors
/// As tract's `into_typed`: where a type or a shape does not follow, or an operator is not known; and where a value takes
/// more memory than the limit. Validation refuses those of which that follows from the file; tract follows more.
pub(super) fn into_typed(mut model: InferenceModel, limit: MemoryLimit) -> TractResult<TypedModel> {
    model.analyse(false)?;
    PieceByPiece { limit }.translate_model(&model.incorporate()?)
}

struct PieceByPiece {
    limit: MemoryLimit,
}

impl fmt::Debug for PieceByPiece {
    /// As tract's errors end: `Translating node ...`.
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("into typed ones")
    }
}

impl Translate<InferenceFact, Box<dyn InferenceOp>, TypedFact, Box<dyn TypedOp>> for PieceByPiece {
    fn translate_node(
        &self,
        source: &InferenceModel,
        node: &InferenceNode,
        target: &mut TypedModel,
        mapping: &HashMap<OutletId, OutletId>,
    ) -> TractResult<TVec<OutletId>> {
        self.check_memory(node)?;
        let mut piece = Piece::new(target);
        let mut inputs = HashMap::new();
        for &input in &node.inputs {
            let outlet = mapping.get(&input).copied();
            let outlet = outlet.with_context(|| format!("no operator computes {input:?}"))?;
            inputs.insert(input, piece.stand_in(target, outlet)?);
        }
        if let Some(first) = node.inputs.first()
            && OF_CHANNELS.contains(&&*node.op.name())
        {
            let rank = piece.model.outlet_fact(inputs[first])?.rank();
            ensure!(
                rank >= 2,
                "{node} reads a value of {rank} axes, which has no axis of channels"
            );
        }
        let outputs = match known_values(node)? {
            Some(values) => (values.into_iter().enumerate())
                .map(|(slot, value)| piece.model.add_const(format!("{}.{slot}", node.name), value))
                .collect::<TractResult<TVec<OutletId>>>()?,
            None => node.op.to_typed(source, node, &mut piece.model, &inputs)?,
        };
        for &output in &outputs {
            let fact = piece.model.outlet_fact(output)?;
            fact.consistent().with_context(|| format!("an output of {node} is {fact:?}"))?;
        }
        let moved = piece.move_to(target)?;
        let place = |output: &OutletId| moved.get(output).copied().context("an output is missing");
        outputs.iter().map(place).collect()
    }
}

impl PieceByPiece {
    fn check_memory(&self, node: &InferenceNode) -> TractResult<()> {
        for output in &node.outputs {
            let Some(shape) = output.fact.shape.concretize() else { continue };
            let lengths = shape.iter().map(|length| length.to_usize().ok());
            let Some(lengths) = lengths.collect::<Option<Vec<usize>>>() else { continue };
            let size = output.fact.datum_type.concretize().map_or(4, |kind| kind.size_of());
            let bytes = element_count(&lengths).saturating_mul(size as u128);
            self.limit.check(bytes, || format!("what {node} makes, of the shape {lengths:?},"))?;
        }
        Ok(())
    }
}

/// What a node computes, where that is known already. Sources stay, and so do nodes that have a state.
fn known_values(node: &InferenceNode) -> TractResult<Option<TVec<Arc<Tensor>>>> {
    let has_state = || TractResult::Ok(node.op.state(&EvalContext::out_of_plan())?.is_some());
    if InferenceModel::is_source(&node.op) || has_state()? {
        return Ok(None);
    }
    Ok(node.outputs.iter().map(|output| output.fact.value.concretize()).collect())
}

/// A small graph, and where its values belong in the large one.
struct Piece {
    model: TypedModel,
    /// Its stand-ins, by the values that they stand for.
    stand_ins: HashMap<OutletId, OutletId>,
}

impl Piece {
    fn new(target: &TypedModel) -> Piece {
        let model = TypedModel { symbols: target.symbols.clone(), ..TypedModel::default() };
        Piece { model, stand_ins: HashMap::new() }
    }

    /// A node that has the type, the shape, and the known value of an outlet of the large graph.
    fn stand_in(&mut self, target: &TypedModel, outlet: OutletId) -> TractResult<OutletId> {
        if let Some(&known) = self.stand_ins.get(&outlet) {
            return Ok(known);
        }
        let (node, fact) = (target.node(outlet.node), target.outlet_fact(outlet)?.clone());
        let op: Box<dyn TypedOp> = match node.op_is::<Const>() {
            true => node.op.clone(),
            false => Box::new(TypedSource::new(fact.clone())),
        };
        let name = format!("{}:{}", node.name, outlet.slot);
        let stand_in = self.model.add_node(name, op, tvec![fact])?.into();
        self.stand_ins.insert(outlet, stand_in);
        Ok(stand_in)
    }

    /// Moves all nodes but the stand-ins to the large graph; where each outlet is there.
    fn move_to(self, target: &mut TypedModel) -> TractResult<HashMap<OutletId, OutletId>> {
        let mut moved: HashMap<OutletId, OutletId> =
            self.stand_ins.into_iter().map(|(outlet, stand_in)| (stand_in, outlet)).collect();
        for node in self.model.nodes {
            if moved.contains_key(&node.id.into()) {
                continue;
            }
            let facts = node.outputs.into_iter().map(|output| output.fact).collect();
            let id = target.add_node(node.name, node.op, facts)?;
            for (slot, input) in node.inputs.into_iter().enumerate() {
                let input = moved.get(&input).copied().context("a node reads one behind it")?;
                target.add_edge(input, InletId::new(id, slot))?;
            }
            let outlets = 0..target.node(id).outputs.len();
            moved.extend(
                outlets.map(|slot| (OutletId::new(node.id, slot), OutletId::new(id, slot))),
            );
        }
        Ok(moved)
    }
}
