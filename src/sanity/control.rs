//! Controls: maps that do not come from the network. What they score is the scale that methods are read on.

use crate::evaluation::edges_of;
use crate::metric::{Map, Seeds};
use crate::picture::{InputShape, Layout};
use crate::tensor::Tensor;

/// A map that does not come from the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Normal noise, drawn anew for every network: it changes completely, and means nothing.
    Noise,
    /// The input times such noise, summed over the channels: what a method keeps that multiplies with the input.
    InputXNoise,
    /// The strength of edges (Sobel): it never changes.
    Edges,
}

impl Control {
    /// All of them, in the order of the tables.
    pub const ALL: [Control; 3] = [Control::Noise, Control::InputXNoise, Control::Edges];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Control::Noise => "noise",
            Control::InputXNoise => "input x noise",
            Control::Edges => "edges",
        }
    }

    /// Its map for the network of a step.
    ///
    /// # Errors
    /// When the input has another shape.
    pub(super) fn map(
        self,
        input: &Tensor,
        shape: InputShape,
        seeds: Seeds,
        step: usize,
    ) -> anyhow::Result<Map> {
        let pixels = shape.height * shape.width;
        let noise = |count: usize| {
            let mut noise = vec![0.0f32; count];
            let stream = seeds.stream(self.name(), &[step as u64]);
            stream.normals(&mut noise, |value, normal| *value = normal);
            noise
        };
        let values = match self {
            Control::Noise => noise(pixels).into_iter().map(f64::from).collect(),
            Control::Edges => edges_of(input, shape),
            Control::InputXNoise => {
                let mut sums = vec![0.0; pixels];
                let noise = noise(input.len());
                for (index, (value, noise)) in input.data().iter().zip(noise).enumerate() {
                    let pixel = match shape.layout {
                        Layout::Nchw => index % pixels,
                        Layout::Nhwc => index / shape.channels,
                    };
                    sums[pixel] += f64::from(*value) * f64::from(noise);
                }
                sums
            }
        };
        Map::new(values, shape.height, shape.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_new_for_every_network_and_edges_stay() {
        let shape = InputShape { channels: 3, height: 5, width: 4, layout: Layout::Nchw };
        let values: Vec<f32> =
            (0..60).map(|value| if value % 4 == 0 { 0.0 } else { value as f32 }).collect();
        let input = Tensor::new(&[1, 3, 5, 4], &values).unwrap();
        let map = |control: Control, step| {
            control.map(&input, shape, Seeds::new(0, "cat"), step).unwrap()
        };
        for control in [Control::Noise, Control::InputXNoise] {
            assert!(map(control, 1) != map(control, 2) && map(control, 1) == map(control, 1));
        }
        assert_eq!(map(Control::Edges, 1), map(Control::Edges, 2));
        // Where the input is 0, so is its product.
        let product = map(Control::InputXNoise, 1);
        assert!(product.values().iter().step_by(4).all(|value| *value == 0.0));
        assert!(map(Control::Noise, 1).values().iter().all(|value| *value != 0.0));
    }
}
