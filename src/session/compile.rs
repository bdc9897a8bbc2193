//! From a rewritten network to an explainer, alone or beside others of the same model.

use std::sync::Arc;
use std::time::Instant;

use super::batch::cores;
use super::canonized::Canonized;
use super::context::Context;
use super::explainer::Explainer;
use super::explainer_options::ExplainerOptions;
use super::frame::Frame;
use super::passes::Family;
use super::start_up::StartUp;
use super::turn::Turns;
use crate::error::{Error, Kind, Result};
use crate::explain::{self, Prepack, divides_by_output};
use crate::method::{PreparedMethod, Setup};
use crate::onnx::MemoryLimit;

/// Fails where the values of one forward pass do not fit into memory.
fn check_memory(context: &Context, engine: &explain::Explainer) -> Result<()> {
    let (bytes, largest) = engine.kept_bytes();
    let layer = &engine.network().layers[largest];
    let told = || {
        let shape = &layer.shape;
        format!(
            "what an explanation keeps of all layers (most of the {}, {shape:?})",
            layer.describe()
        )
    };
    MemoryLimit::new(context.file.options.max_memory).check(bytes, told).kind(Error::Model)
}

impl Explainer {
    /// Compiles a network, beside other explainers of the same model, one of which may have it in the same form.
    pub(super) fn new(
        context: Arc<Context>,
        canonized: Canonized,
        others: &[Explainer],
    ) -> Result<Explainer> {
        let Canonized { choice, passes, network, reports, mut notices, options, elapsed } =
            canonized;
        let ExplainerOptions { method, at, initial: asked, .. } = options;
        let kind = if method.takes_composite() { Error::Composite } else { Error::Method };
        let stored = match method.inner().perturbs_parameters() {
            true => Some(context.file.parametric()?),
            false => None,
        };
        if let Some(name) = &at {
            network.layer_named(name).kind(Error::Method)?;
        }
        let threads = options.threads.unwrap_or_else(cores);
        let layer = at.clone();
        let prepack = if options.is_single { Prepack::OnTheFly } else { Prepack::Once };
        // Samples run the network at inputs of their own, and keep nothing that only others would read.
        let is_sampled = method.inner().samples(context.picture()).is_some();
        let relative = others.iter().find(|other| {
            !is_sampled && !other.is_sampled() && other.passes == passes && other.prepack == prepack
        });
        let selected = passes.clone();
        let setup = Setup {
            network,
            composite: choice.composite.clone(),
            passes,
            infos: context.input_infos(options.fallback_range),
            at,
            stored,
            threads,
            prepack,
        };
        let begin = Instant::now();
        let turns = Turns::of(threads);
        let compile = || {
            let relative = relative.map(|other| &other.prepared);
            PreparedMethod::beside(method.inner().clone(), setup, relative).kind(kind)
        };
        let prepared = turns.run(compile)?;
        let (load, compile) = (context.file.elapsed, begin.elapsed());
        check_memory(&context, prepared.explainer())?;
        notices.extend(choice.unused(prepared.explainer().assignment()));
        let divides = divides_by_output(prepared.explainer().program());
        let (initial, told) = context.initial(asked, (&method, &choice.composite), divides);
        notices.extend(told);
        let network = prepared.explainer().network();
        let inner = layer.clone().map(|name| {
            let end = prepared.end().layers(network).start;
            (name, network.layers[end].shape[1..].to_vec())
        });
        let frames = Frame::all(&context, inner);
        Ok(Explainer {
            frames,
            composite: choice.composite.name,
            composite_text: choice.composite.text,
            layer,
            canonization: reports,
            initial,
            is_initial_asked: asked.is_some(),
            turns,
            notices,
            start_up: StartUp { load, canonize: elapsed, compile },
            family: relative.map_or_else(Family::default, |other| other.family.clone()),
            passes: selected,
            prepack,
            method,
            prepared,
            context,
        })
    }

    /// Lets explainers of one family share their forward passes: each keeps what any of them reads.
    ///
    /// # Errors
    /// [`Error::Model`] where all that does not fit into memory.
    pub(super) fn share_passes(all: &mut [Explainer]) -> Result<()> {
        for index in 0..all.len() {
            let (before, rest) = all.split_at_mut(index);
            let Some((explainer, behind)) = rest.split_first_mut() else { continue };
            let others = before.iter().chain(&*behind);
            let relatives: Vec<&Explainer> =
                others.filter(|other| other.family == explainer.family).collect();
            relatives.iter().for_each(|other| explainer.prepared.keep_for(&other.prepared));
            if !relatives.is_empty() {
                check_memory(&explainer.context, explainer.prepared.explainer())?;
            }
        }
        Ok(())
    }

    fn is_sampled(&self) -> bool {
        self.method.inner().samples(self.context.picture()).is_some()
    }
}
