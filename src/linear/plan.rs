//! A tract plan of a single operator, used as a kernel.
//!
//! One optimized operator of tract is a good kernel (its weights are packed
//! once); building it through the typed model keeps us clear of tract's internals.

use anyhow::{Context, Result};
use tract_core::internal::SpecialOps;
use tract_core::knobs::KnobScope;
use tract_core::ops::TypedOp;
use tract_core::prelude::*;

use crate::tensor::Tensor;

/// A compiled operator with constant operands.
pub(crate) struct Plan {
    runnable: Arc<TypedRunnableModel>,
}

/// Keeps tract from its direct spatial convolution, which adds up all products of an output in one
/// running sum: on VGG-16 its rounding turned ReLUs and pooling windows over, and relevance was off
/// by 3e-4 of its maximum against float64; without it, by 2e-6.
fn exact() -> Result<KnobScope> {
    KnobScope::new([("TRACT_DISABLE_DIRECT_SPATIAL", "true")])
}

impl Plan {
    /// Compiles `operator(input, constants...)` for one input shape. `declutters` lets tract turn
    /// the operator into a simpler one first, which takes several times as long to compile.
    pub fn new(
        operator: impl Into<Box<dyn TypedOp>>,
        input_shape: &[usize],
        constants: &[Tensor],
        declutters: bool,
    ) -> Result<Plan> {
        let build = || -> Result<Arc<TypedRunnableModel>> {
            let mut model = TypedModel::default();
            let fact = TypedFact::dt_shape(DatumType::F32, input_shape);
            let mut operands = tvec![model.add_source("input", fact)?];
            for (index, constant) in constants.iter().enumerate() {
                let name = format!("constant-{index}");
                operands.push(model.add_const(name, constant.to_tract()?)?);
            }
            let outputs = model.wire_node("operator", operator, &operands)?;
            model.select_output_outlets(&outputs)?;
            if declutters {
                model.declutter()?;
            }
            model.optimize()?;
            model.into_runnable()
        };
        let runnable = exact()?.enter(build).context("tract cannot compile this operator")?;
        Ok(Plan { runnable })
    }

    /// Runs the operator.
    pub fn run(&self, input: &Tensor) -> Result<Tensor> {
        let mut outputs = self.runnable.run(tvec![input.to_value()?])?;
        Tensor::from_value(outputs.remove(0))
    }
}
