//! What the file of a method says about it, and [`Method`], which holds any of them.

use std::fmt::Debug;
use std::sync::Arc;

use anyhow::Result;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::context::{Context, ForwardPass};
use super::explanation::Explanation;
use super::map_layer::MapLayer;
use super::option::MethodOption;
use crate::explain::Initial;
use crate::picture::InputShape;

/// What the sign and scale of a method's relevance mean, and so how it is best drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// For and against, about 0.
    Signed,
    /// Only the magnitude has a meaning.
    Magnitude,
    /// Only differences have a meaning.
    Relative,
}

/// An attribution method with its parameters: a file of this folder, and a line of its table.
pub trait Attribute: Parameters + Debug + Send + Sync {
    /// The word on the command line and in reports.
    fn name(&self) -> &'static str;

    /// What it computes, in a line.
    fn about(&self) -> &'static str;

    /// The paper that it follows.
    fn paper(&self) -> &'static str;

    /// Its options: one for each of its parameters, of the same name.
    fn options(&self) -> &'static [MethodOption] {
        &[]
    }

    /// How its relevance is best drawn.
    fn scale(&self) -> Scale {
        Scale::Signed
    }

    /// The preset whose rules it propagates by; `None`: a composite of the user's choice.
    fn preset(&self) -> Option<&'static str> {
        Some("gradient")
    }

    /// The relevance put in at the output where the user does not say.
    fn initial(&self) -> Initial {
        Initial::One
    }

    /// The method that it averages, where it does.
    fn base(&self) -> Option<&Method> {
        None
    }

    /// Whether others may average it.
    fn is_base(&self) -> bool {
        true
    }

    /// Whether it can stop at a layer inside the network.
    fn can_stop_at_layers(&self) -> bool {
        false
    }

    /// Whether it draws a map without propagating relevance to the input, so that there is nothing to conserve.
    fn is_map(&self) -> bool {
        false
    }

    /// The layer whose value it looks at. It is one of the file, which canonization would merge.
    fn map_layer(&self) -> Option<MapLayer> {
        None
    }

    /// Whether it changes the stored parameters.
    fn perturbs_parameters(&self) -> bool {
        false
    }

    /// The most samples that one explanation takes: its parameter of that name, unless it says otherwise; `None` for a
    /// method of one propagation.
    fn samples(&self, _picture: Option<InputShape>) -> Option<usize> {
        self.parameters().get("samples")?.as_u64()?.try_into().ok()
    }

    /// Explains the context's target at an input; unless the method says otherwise by one propagation.
    fn attribute(&self, context: &Context, pass: ForwardPass) -> Result<Explanation> {
        Ok(context.propagate(pass)?.into())
    }
}

/// The parameters of a method as JSON: null for one that has none.
pub trait Parameters {
    /// The fields by their names.
    fn parameters(&self) -> Value;
}

impl<T: Serialize> Parameters for T {
    fn parameters(&self) -> Value {
        // Numbers and words only: nothing that JSON could not hold.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Any attribution method with its parameters; a clone shares them.
#[derive(Clone, Debug)]
pub struct Method(Arc<dyn Attribute>);

impl<T: Attribute + 'static> From<T> for Method {
    fn from(method: T) -> Method {
        Method(Arc::new(method))
    }
}

/// Two methods are the same where their names and parameters are.
impl PartialEq for Method {
    fn eq(&self, other: &Method) -> bool {
        self.name() == other.name() && self.parameters() == other.parameters()
    }
}

/// A base is reported by its name.
impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Method {
    /// The word on the command line and in reports.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// What it computes, in a line.
    pub fn about(&self) -> &'static str {
        self.0.about()
    }

    /// The paper that it follows.
    pub fn paper(&self) -> &'static str {
        self.0.paper()
    }

    /// The options that it takes, those of a base not among them.
    pub fn options(&self) -> &'static [MethodOption] {
        self.0.options()
    }

    /// Whether it takes an option of that name.
    pub fn takes(&self, name: &str) -> bool {
        self.options().iter().any(|option| option.name == name)
    }

    /// What the method averages over noise, where it does.
    pub fn base(&self) -> Option<&Method> {
        self.0.base()
    }

    /// Whether noise can be put around the method: it is neither noisy itself nor a black box.
    pub fn is_base(&self) -> bool {
        self.0.is_base()
    }

    /// The method at the bottom: the base of a noisy one, else the method itself.
    pub fn innermost(&self) -> &Method {
        self.base().map_or(self, Method::innermost)
    }

    /// The preset whose rules the method propagates by; `None` for LRP, where it is the user's choice.
    pub fn preset(&self) -> Option<&'static str> {
        self.innermost().0.preset()
    }

    /// The relevance put in at the output where the user does not say.
    pub fn default_initial(&self) -> Initial {
        self.innermost().0.initial()
    }

    /// Whether the method, or what it averages, can stop at a layer inside the network.
    pub fn can_stop_at_layers(&self) -> bool {
        self.innermost().0.can_stop_at_layers()
    }

    /// Whether it draws a map without propagating relevance to the input, so that there is nothing to conserve.
    pub fn is_map(&self) -> bool {
        self.0.is_map()
    }

    /// Whether the method looks at single layers of the file, which canonization would merge.
    pub fn needs_layers_as_stored(&self) -> bool {
        self.map_layer().is_some()
    }

    /// The layer whose value must be kept for the method.
    pub(super) fn map_layer(&self) -> Option<MapLayer> {
        self.innermost().0.map_layer()
    }

    /// Whether the method changes the stored parameters.
    pub fn perturbs_parameters(&self) -> bool {
        self.0.perturbs_parameters()
    }

    /// The most samples that one explanation takes; `None` for a method of one propagation.
    ///
    /// `picture` is what occlusion counts its patches on.
    pub fn samples(&self, picture: Option<InputShape>) -> Option<usize> {
        self.0.samples(picture)
    }

    /// The seed of a random method.
    pub fn seed(&self) -> Option<u64> {
        self.0.parameters().get("seed")?.as_u64()
    }

    /// How its relevance is best drawn.
    pub fn scale(&self) -> Scale {
        self.innermost().0.scale()
    }

    /// The parameters for reports, those of a base under `base_parameters`; null for a method that has none.
    pub fn parameters(&self) -> Value {
        let mut parameters = self.0.parameters();
        let of_base = self.base().map(Method::parameters).filter(|base| !base.is_null());
        if let (Value::Object(parameters), Some(of_base)) = (&mut parameters, of_base) {
            parameters.insert("base_parameters".to_string(), of_base);
        }
        parameters
    }

    /// Explains the context's target at an input.
    pub(super) fn attribute(&self, context: &Context, pass: ForwardPass) -> Result<Explanation> {
        self.0.attribute(context, pass)
    }
}
