//! A tract plan of a single operator, used as a kernel.
//!
//! An optimized operator of tract is a good kernel: its weights are packed once. It is built through a typed model of
//! one node, so that no internals of tract are needed.

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

/// Disables tract's direct spatial convolution, which adds all products of an output to one running sum. Its rounding
/// errors changed which ReLUs were active and which pixels were the maximum of their window: relevance of a VGG-16
/// differed from float64 by 3e-4 of its maximum; without it, by 2e-6.
fn exact() -> Result<KnobScope> {
    KnobScope::new([("TRACT_DISABLE_DIRECT_SPATIAL", "true")])
}

impl Plan {
    /// Compiles `operator(input, constants...)` for one input shape. With `declutters`, tract may replace the operator by a
    /// simpler one first; compiling takes several times as long then.
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
