//! The layer whose feature maps a method looks at.

use anyhow::{Context as _, Result, bail};

use crate::network::{Kind, LayerId, Network};

/// The name of the node; `None`: the last convolution of more than one position.
#[derive(Clone, Debug)]
pub struct MapLayer(pub Option<String>);

impl MapLayer {
    /// The layer in a network.
    ///
    /// # Errors
    /// When there is no such layer, or its value is no stack of maps.
    pub(super) fn find(&self, network: &Network) -> Result<LayerId> {
        let depends = network.depends_on_input();
        // Maps have the axes of the input: two of a picture, one of a signal, three of a volume.
        let axes = network.input_shape().len();
        let has_maps =
            |id: LayerId| axes >= 3 && network.layers[id].shape.len() == axes && depends[id];
        let Some(name) = &self.0 else {
            // A classifier may be a convolution of a single position, whose maps would be constant.
            let has_positions =
                |id: LayerId| network.layers[id].shape.iter().skip(2).any(|&side| side > 1);
            let is_convolution = |&id: &LayerId| {
                network.layers[id].kind() == Kind::Convolution && has_maps(id) && has_positions(id)
            };
            let last = (0..network.layers.len()).rev().find(is_convolution);
            return last.context(
                "Grad-CAM needs a convolution of maps with the axes of the input, and this network has none; name another \
                 layer (--layer), or take another method",
            );
        };
        let id = network.layer_named(name)?;
        if !has_maps(id) {
            bail!(
                "the value of the {} has the shape {:?}; Grad-CAM needs maps with the axes of the input, {:?}: [1, \
                 channels, positions...]",
                network.layers[id].describe(),
                network.layers[id].shape,
                network.input_shape()
            );
        }
        Ok(id)
    }
}
