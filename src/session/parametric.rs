//! A model whose stored parameters can be changed, for explanations of the network that comes of it.

use std::sync::Arc;

use anyhow::anyhow;

use super::canonized::Canonized;
use super::context::Context;
use super::explainer::Explainer;
use super::explainer_options::ExplainerOptions;
use super::input::Input;
use super::opened::Session;
use crate::composite::Composite;
use crate::error::{Error, Kind, Result};
use crate::explain::{self, InputRanges, Prepack};
use crate::network::Network;
use crate::onnx::{ParametricModel, WeightedLayer};
use crate::parallel::Threads;
use crate::tensor::{Tensor, Tensors};

/// A model whose stored parameters can be changed. Its graph is read and typed once, whatever their numbers are.
pub struct Parametric {
    context: Arc<Context>,
    stored: ParametricModel,
}

impl Session {
    /// Reads the stored parameters.
    ///
    /// # Errors
    /// [`Error::Model`] where the file stores none.
    #[doc(hidden)]
    pub fn parametric(&self) -> Result<Parametric> {
        let context = self.context();
        Ok(Parametric { stored: context.file.parametric()?, context })
    }
}

impl Parametric {
    /// The layers with weights, in the order of the file's nodes, with the parameters that belong to each.
    pub fn layers(&self) -> &[WeightedLayer] {
        self.stored.layers()
    }

    /// The parameters with their names in the file, as they are stored.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.stored.parameters()
    }

    /// The network with every stored parameter changed by `change(name, values)`, not rewritten.
    ///
    /// # Errors
    /// [`Error::Model`] when it cannot be lowered.
    pub fn network(&self, change: impl Fn(&str, &mut [f32])) -> Result<Network> {
        self.stored.network(change).kind(Error::Model)
    }

    /// Compiles such a network for a method and a composite.
    ///
    /// # Errors
    /// As [`Session::explainer`], and [`Error::Method`] where the method changes the parameters itself.
    pub fn explainer(&self, network: Network, options: ExplainerOptions) -> Result<Explainer> {
        Explainer::new(Arc::clone(&self.context), self.canonized(network, options)?, &[])
    }

    /// Such a network with the composite that is used on it, rewritten, but not compiled.
    ///
    /// # Errors
    /// As [`Session::canonized`], and [`Error::Method`] where the method changes the parameters itself.
    pub fn canonized(&self, network: Network, options: ExplainerOptions) -> Result<Canonized> {
        refuse_noise(&options)?;
        Canonized::new(network, options)
    }

    /// Compiles such a network, not rewritten, for gradients of its layers.
    ///
    /// # Errors
    /// [`Error::Model`] where an operator has no gradient.
    pub fn gradients(&self, network: Network) -> Result<explain::Explainer> {
        let compile = || {
            let composite = Composite::find("gradient")?;
            let infos = self.context.input_infos(None);
            let ranges: InputRanges = infos.iter().map(|info| info.range.clone()).collect();
            let (threads, prepack) = (Threads::default(), Prepack::OnTheFly);
            explain::Explainer::with_prepack(network, &composite, ranges, threads, prepack)
        };
        compile().kind(Error::Model)
    }

    /// What the network reads of an input, a tensor for each of its inputs.
    ///
    /// # Errors
    /// [`Error::Input`] where something is missing.
    pub fn network_inputs(&self, input: &Input) -> Result<Tensors> {
        self.context.network_inputs(input)
    }
}

/// Refuses a method that changes the parameters itself.
///
/// # Errors
/// [`Error::Method`].
pub fn refuse_noise(options: &ExplainerOptions) -> Result<()> {
    if !options.method.inner().perturbs_parameters() {
        return Ok(());
    }
    let error = anyhow!(
        "{} puts noise on the parameters of the file itself, so that it cannot explain a network with other ones",
        options.method.name()
    );
    Err(Error::of(Error::Method, error))
}
