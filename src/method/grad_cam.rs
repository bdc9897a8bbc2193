//! Grad-CAM (Selvaraju et al. 2017, eq. 1-2): ReLU(Σₖ αₖ Aᵏ) of a layer's feature maps A, with
//! αₖ the mean of ∂f/∂Aᵏ over the positions; enlarged to the input by linear interpolation along each axis. Maps may
//! have any number of axes: those of a signal one, of a picture two, of a volume three.
//!
//! The layer is one of the file: the graph is not canonized, so that a convolution's maps are its
//! own, before BatchNormalization.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::attribute::{Attribute, Scale};
use super::context::{Context, ForwardPass};
use super::explanation::Explanation;
use super::map_layer::MapLayer;
use super::option::{Domain, MethodOption};
use crate::explain::End;
use crate::picture::InputShape;
use crate::plane::{enlarged, over_channels};
use crate::tensor::Tensor;

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
        let (info, input) = context.only_input(&pass)?;
        let (picture, shape) = (info.picture, input.shape().to_vec());
        let layer = MapLayer(self.layer.clone()).find(context.explainer.network())?;
        let initial = context.initial(&pass)?;
        let put_in = initial.sum();
        let maps = context.explainer.value(&pass.activations, layer)?;
        let end = End::Layer(layer);
        let attribution = context.explainer.propagate_to(end, pass.activations, initial)?;
        let map = weighted(&maps, &attribution.relevance[0]);
        let relevance = over_input(&map, &maps.shape()[2..], &shape, picture)?;
        Ok(Explanation::unconserved(relevance, put_in))
    }
}

/// ReLU(Σₖ αₖ Aᵏ) of maps `[1, C, ...]`, one number for each position.
fn weighted(maps: &Tensor, gradient: &Tensor) -> Vec<f32> {
    let positions: usize = maps.shape()[2..].iter().product();
    let mut map = vec![0.0f32; positions];
    let planes = maps.data().chunks_exact(positions);
    for (plane, gradient) in planes.zip(gradient.data().chunks_exact(positions)) {
        let sum: f64 = gradient.iter().map(|&value| f64::from(value)).sum();
        let weight = (sum / positions as f64) as f32;
        map.iter_mut().zip(plane).for_each(|(to, from)| *to += weight * from);
    }
    map.iter_mut().for_each(|value| *value = value.max(0.0));
    map
}

/// A map enlarged to the positions of the input, and shared evenly among its channels.
fn over_input(
    map: &[f32],
    from: &[usize],
    shape: &[usize],
    picture: Option<InputShape>,
) -> Result<Tensor> {
    if let Some(picture) = picture {
        let map = enlarged(map, from, &[picture.height, picture.width]);
        return over_channels(&map, shape, picture);
    }
    ensure!(
        shape.len() == from.len() + 2 && shape[0] == 1,
        "Grad-CAM enlarges maps of the positions {from:?} to those of the input, but the input has the shape {shape:?}, \
         not [1, channels, ...] with {} more axes; take another method",
        from.len()
    );
    let share = 1.0 / shape[1].max(1) as f32;
    let channel: Vec<f32> =
        enlarged(map, from, &shape[2..]).iter().map(|value| value * share).collect();
    Tensor::new(shape, &channel.repeat(shape[1]))
}
