//! Grad-CAM (Selvaraju et al. 2017, eq. 1-2): ReLU(Σₖ αₖ Aᵏ) of a layer's feature maps A, with
//! αₖ the mean of ∂f/∂Aᵏ over the positions; enlarged to the input bilinearly.
//!
//! The layer is one of the file: the graph is not canonized, so that a convolution's maps are its
//! own, before BatchNormalization.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::attribute::{Attribute, Scale};
use super::context::{Context, ForwardPass};
use super::explanation::Explanation;
use super::map_layer::MapLayer;
use super::option::{Domain, MethodOption};
use crate::explain::End;
use crate::plane::{enlarged, over_channels};

/// Grad-CAM and its parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GradCam {
    /// The name of the node whose output is looked at; where none is named, the last convolution of more than
    /// one position.
    pub layer: Option<String>,
}

/// The layer whose maps are weighted.
const LAYER: MethodOption = MethodOption {
    name: "layer",
    value_name: "NAME",
    help: "The node whose output is looked at; `onnxplain inspect --no-canonize` lists them",
    domain: Domain::Layer,
    absent: "the last convolution of more than one position",
};

impl Attribute for GradCam {
    fn name(&self) -> &'static str {
        "grad-cam"
    }

    fn about(&self) -> &'static str {
        "maps of a layer weighted by their gradients"
    }

    fn paper(&self) -> &'static str {
        "Selvaraju et al. 2017"
    }

    fn options(&self) -> &'static [MethodOption] {
        &[LAYER]
    }

    fn scale(&self) -> Scale {
        Scale::Magnitude
    }

    fn is_map(&self) -> bool {
        true
    }

    fn map_layer(&self) -> Option<MapLayer> {
        Some(MapLayer(self.layer.clone()))
    }

    fn attribute(&self, context: &Context, pass: ForwardPass) -> Result<Explanation> {
        let (picture, input) = context.picture(&pass)?;
        let shape = input.shape().to_vec();
        let layer = MapLayer(self.layer.clone()).find(context.explainer.network())?;
        let initial = context.initial(&pass)?;
        let put_in = initial.sum();
        let maps = context.explainer.value(&pass.activations, layer)?;
        let end = End::Layer(layer);
        let attribution = context.explainer.propagate_to(end, pass.activations, initial)?;
        let gradient = &attribution.relevance[0];
        let [_, _, height, width] = *maps.shape() else {
            bail!("the layer's value {:?} is no stack of maps", maps.shape());
        };
        let mut map = vec![0.0f32; height * width];
        let planes = maps.data().chunks_exact(map.len());
        for (plane, gradient) in planes.zip(gradient.data().chunks_exact(height * width)) {
            let sum: f64 = gradient.iter().map(|&value| f64::from(value)).sum();
            let weight = (sum / gradient.len() as f64) as f32;
            map.iter_mut().zip(plane).for_each(|(to, from)| *to += weight * from);
        }
        map.iter_mut().for_each(|value| *value = value.max(0.0));
        let map = enlarged(&map, [height, width], [picture.height, picture.width]);
        let relevance = over_channels(&map, &shape, picture)?;
        Ok(Explanation::unconserved(relevance, put_in))
    }
}
