//! Grad-CAM (Selvaraju et al. 2017, eq. 1-2): ReLU(Σₖ αₖ Aᵏ) of a layer's feature maps A, with
//! αₖ the mean of ∂f/∂Aᵏ over the positions; enlarged to the input bilinearly.
//!
//! The layer is one of the file: the graph is not canonized, so that a convolution's maps are its
//! own, before BatchNormalization.

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::explanation::Explanation;
use super::subject::{Attribute, Point, Subject};
use crate::network::{Kind, LayerId, Network};
use crate::plane::{enlarged, over_channels};

/// Grad-CAM and its parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GradCam {
    /// The name of the node whose output is looked at; where none is named, the last convolution of more than
    /// one position.
    pub layer: Option<String>,
}

impl GradCam {
    /// The layer in a network.
    ///
    /// # Errors
    /// When there is no such layer, or its value is no stack of maps.
    pub(super) fn layer(&self, network: &Network) -> Result<LayerId> {
        let depends = network.depends_on_input();
        let has_maps = |id: LayerId| network.layers[id].shape.len() == 4 && depends[id];
        let Some(name) = &self.layer else {
            // A classifier may be a convolution of a single position, whose maps would be constant.
            let has_positions =
                |id: LayerId| network.layers[id].shape.iter().skip(2).any(|&side| side > 1);
            let is_convolution = |&id: &LayerId| {
                network.layers[id].kind() == Kind::Convolution && has_maps(id) && has_positions(id)
            };
            let last = (0..network.layers.len()).rev().find(is_convolution);
            return last.context(
                "Grad-CAM needs a convolution, and this network has none over a picture; name another layer with --layer",
            );
        };
        let id = network.layer_named(name)?;
        if !has_maps(id) {
            bail!(
                "the value of the {} has the shape {:?}; Grad-CAM needs maps [1, channels, height, width]",
                network.layers[id].describe(),
                network.layers[id].shape
            );
        }
        Ok(id)
    }
}

impl Attribute for GradCam {
    fn attribute(&self, subject: &Subject, point: Point) -> Result<Explanation> {
        let picture = subject.picture()?;
        let layer = self.layer(subject.explainer.network())?;
        let initial = subject.initial(&point)?;
        let put_in = initial.sum();
        let maps = subject.explainer.value(&point.activations, layer)?;
        let gradient = subject.explainer.propagate_to(layer, point.activations, initial)?.relevance;
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
        let relevance = over_channels(&map, point.input.shape(), picture)?;
        Ok(Explanation::unconserved(relevance, put_in))
    }
}
