//! The lowest and highest value that each element of a layer's output can have, computed from those of the network's
//! input by interval arithmetic. It covers the operators between a picture and the first layer with weights.

use anyhow::Result;

use super::{Layer, LayerId, Network, Op};
use crate::linear::{LinearMap, WeightPart};
use crate::operator::{Function, Operator};
use crate::tensor::Tensor;

/// The lowest and the highest value of every element of a tensor.
#[derive(Clone, Debug)]
pub struct Interval {
    /// The lowest values.
    pub low: Tensor,
    /// The highest values, in the same shape.
    pub high: Tensor,
}

impl PartialEq for Interval {
    fn eq(&self, other: &Interval) -> bool {
        let are_equal = |a: &Tensor, b: &Tensor| a.shape() == b.shape() && a.data() == b.data();
        are_equal(&self.low, &other.low) && are_equal(&self.high, &other.high)
    }
}

/// The interval of the network's input, followed to a layer.
pub(crate) enum Followed {
    /// The interval of the layer's value.
    Within(Interval),
    /// The layer at which no useful interval is known any more.
    LostAt(LayerId),
}

/// Follows the intervals of the network's inputs, where they are known, to the value of a layer.
///
/// # Errors
/// When a kernel cannot be built, or an interval has another shape than its input.
pub(crate) fn follow(
    network: &Network,
    id: LayerId,
    known: &[Option<Interval>],
) -> Result<Followed> {
    let mut is_needed = vec![false; id + 1];
    is_needed[id] = true;
    for layer in (0..=id).rev() {
        if is_needed[layer] {
            network.layers[layer].inputs.iter().for_each(|&input| is_needed[input] = true);
        }
    }
    let mut intervals: Vec<Option<Interval>> = vec![None; id + 1];
    for layer in (0..=id).filter(|&layer| is_needed[layer]) {
        let inputs = network.layers[layer].inputs.iter();
        let inputs: Vec<Interval> = inputs.filter_map(|&of| intervals[of].clone()).collect();
        let interval = match &network.layers[layer].op {
            Op::Input => known.get(layer).cloned().flatten(),
            _ => behind(&network.layers[layer], inputs)?,
        };
        match interval {
            Some(interval) if interval.is_finite() => intervals[layer] = Some(interval),
            _ => return Ok(Followed::LostAt(layer)),
        }
    }
    Ok(match intervals.swap_remove(id) {
        Some(interval) => Followed::Within(interval),
        None => Followed::LostAt(id),
    })
}

/// The interval of a layer's value, from those of its inputs; `None` where there is no useful one.
fn behind(layer: &Layer, inputs: Vec<Interval>) -> Result<Option<Interval>> {
    let at_the_ends = |operator: &dyn Operator| {
        let (low, high) =
            inputs.iter().map(|input| (input.low.clone(), input.high.clone())).unzip();
        Ok(Some(Interval { low: operator.forward(low)?, high: operator.forward(high)? }))
    };
    match (&layer.op, inputs.as_slice()) {
        (Op::Constant(value), _) => Ok(Some(Interval { low: value.clone(), high: value.clone() })),
        // Each is monotone: the lowest values of the inputs give the lowest of the output.
        (Op::Routing(operator), _) => at_the_ends(operator),
        (Op::MaxPooling(operator), _) => at_the_ends(operator),
        (Op::Concat(operator), _) => at_the_ends(operator),
        (Op::Affine(operator), _) => {
            Ok(at_the_ends(operator)?.map(Interval::ordered).transpose()?)
        }
        (Op::Activation(activation), [input]) => input.through(&activation.function).map(Some),
        (Op::Product(_), [a, b]) if a.low.shape() == b.low.shape() => a.times(b).map(Some),
        (Op::AveragePooling(map), _) => through(map, &inputs),
        (Op::Reduction(map), _) => through(map, &inputs),
        (Op::Resampling(map), _) => through(map, &inputs),
        (Op::Sum(map), _) => through(map, &inputs),
        _ => Ok(None),
    }
}

/// `W⁺ low + W⁻ high + b` and `W⁺ high + W⁻ low + b`.
fn through(map: &dyn LinearMap, inputs: &[Interval]) -> Result<Option<Interval>> {
    let (low, high): (Vec<Tensor>, Vec<Tensor>) =
        inputs.iter().map(|input| (input.low.clone(), input.high.clone())).unzip();
    let positive = map.forward(WeightPart::Positive, map.bias().cloned())?;
    let (mut lowest, mut highest) = (positive(&low)?, positive(&high)?);
    if map.weight_signs().negative {
        let negative = map.forward(WeightPart::Negative, None)?;
        lowest.add_assign(&negative(&high)?)?;
        highest.add_assign(&negative(&low)?)?;
    }
    Ok(Some(Interval { low: lowest, high: highest }))
}

impl Interval {
    /// Whether both bounds are finite everywhere.
    fn is_finite(&self) -> bool {
        let are_finite = |tensor: &Tensor| tensor.data().iter().all(|value| value.is_finite());
        are_finite(&self.low) && are_finite(&self.high)
    }

    /// The same interval with the lower bound first; a negative scale swaps the bounds.
    fn ordered(self) -> Result<Interval> {
        let (mut low, mut high) = (self.low.clone(), self.high);
        low.combine([&high], |low, [high]| low.min(high))?;
        high.combine([&self.low], |high, [low]| high.max(low))?;
        Ok(Interval { low, high })
    }

    /// The values of an elementwise function, as far as interval arithmetic can tell.
    fn through(&self, function: &Function) -> Result<Interval> {
        let (mut low, mut high) = (self.low.clone(), self.high.clone());
        let mut last = None;
        for (low, high) in low.data_mut().iter_mut().zip(high.data_mut()) {
            // Neighbours mostly have the same bounds.
            let ends = (*low, *high);
            let (_, bounds) = match last {
                Some((of, bounds)) if of == ends => (of, bounds),
                _ => (ends, function.bounds(ends.0, ends.1)),
            };
            (*low, *high) = bounds;
            last = Some((ends, bounds));
        }
        Ok(Interval { low, high })
    }

    /// The products with another interval of the same shape.
    fn times(&self, other: &Interval) -> Result<Interval> {
        let ends = |pick: fn(f32, f32) -> f32| {
            let mut result = self.low.clone();
            result.combine([&self.high, &other.low, &other.high], |low, [high, a, b]| {
                pick(pick(low * a, low * b), pick(high * a, high * b))
            })?;
            Ok::<Tensor, anyhow::Error>(result)
        };
        Ok(Interval { low: ends(f32::min)?, high: ends(f32::max)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::Sum;
    use crate::operator::{Activation, Affine, Binary, Unary};

    fn layer(op: Op, inputs: &[LayerId]) -> Layer {
        let (name, op_type) = (String::new(), String::new());
        Layer { name, op_type, op, inputs: inputs.to_vec(), shape: vec![1, 2], unknown: None }
    }

    fn number(value: f32) -> Option<Tensor> {
        Tensor::new(&[], &[value]).ok()
    }

    /// `0.5 − 2 x`, squashed, and less `x`.
    fn network(squash: Function) -> Network {
        let affine = Affine { scale: number(-2.0), shift: number(0.5) };
        let (coefficients, shape) = (vec![1.0, -1.0], vec![1, 2]);
        let input_shapes = vec![shape.clone(), shape.clone()];
        let layers = vec![
            layer(Op::Input, &[]),
            layer(Op::Affine(affine), &[0]),
            layer(Op::Activation(Activation::new(squash, "test")), &[1]),
            layer(Op::Sum(Sum { coefficients, input_shapes, output_shape: shape }), &[2, 0]),
        ];
        Network { layers, output: 3, output_function: None }
    }

    #[test]
    fn ends_are_followed_through_scales_clips_and_differences() {
        let clip = Function::with_constant(Binary::Max, &number(0.0).unwrap(), false);
        let tensor = |values: [f32; 2]| Tensor::new(&[1, 2], &values).unwrap();
        let input = Interval { low: tensor([0.0, -1.0]), high: tensor([1.0, 0.0]) };
        let found = follow(&network(clip), 3, &[Some(input)]).unwrap();
        let Followed::Within(interval) = found else { panic!("it is lost") };
        // 0.5 − 2 x lies within −1.5..0.5 and 0.5..2.5; cut off at 0 within 0..0.5 and 0.5..2.5.
        assert_eq!(interval.low.data(), [-1.0, 0.5]);
        assert_eq!(interval.high.data(), [0.5, 3.5]);
    }

    #[test]
    fn what_has_no_end_is_lost() {
        let filled = |value| Tensor::filled(&[1, 2], value).unwrap();
        let input = Interval { low: filled(0.0), high: filled(1.0) };
        let found =
            follow(&network(Function::unary(Unary::Reciprocal)), 3, &[Some(input)]).unwrap();
        assert!(matches!(found, Followed::LostAt(2)));
    }
}
