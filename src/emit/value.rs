//! Values of the graph, with the batch axis in front, and arithmetic on them.
//!
//! The network says the shape `S` of a value for one picture. In the graph it has the shape `[N] + axes`, where `axes` is
//! `S` without the first axis if that has the length 1, and `S` otherwise. So every operator works on any number of
//! pictures, even where the network's own file fixes the batch.

use super::graph::{Attribute, Graph};
use crate::tensor::Tensor;

/// A value of the graph.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub name: String,
    /// The lengths of its axes behind that of the batch.
    pub axes: Vec<usize>,
    /// Whether it is the same for every picture: then the axis of the batch has the length 1.
    pub is_constant: bool,
}

/// The axes of a value behind that of the batch, by the shape that the network says.
pub(super) fn axes_of(shape: &[usize]) -> Vec<usize> {
    match shape {
        [1, axes @ ..] => axes.to_vec(),
        _ => shape.to_vec(),
    }
}

/// The lengths of axes as ONNX writes them.
pub(super) fn lengths(axes: &[usize]) -> Vec<i64> {
    axes.iter().map(|&axis| axis as i64).collect()
}

impl Value {
    /// The number of axes, that of the batch included.
    pub fn rank(&self) -> usize {
        self.axes.len() + 1
    }

    /// Elements for one picture.
    pub fn len(&self) -> usize {
        self.axes.iter().product()
    }

    /// The value of another name in the same shape.
    pub fn named(&self, name: String) -> Value {
        Value { name, ..self.clone() }
    }
}

/// The axes that two values broadcast to.
fn joined(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let length = |axes: &[usize], axis: usize| match (axis + axes.len()).checked_sub(rank) {
        Some(own) => axes[own],
        None => 1,
    };
    let length = |axis: usize| match (length(a, axis), length(b, axis)) {
        (1, other) => other,
        (own, _) => own,
    };
    (0..rank).map(length).collect()
}

impl Graph {
    /// A node of one input that keeps the shape.
    pub fn unary(&mut self, operator: &str, value: &Value) -> Value {
        let name = self.node(operator, &[&value.name], &[]);
        value.named(name)
    }

    /// An elementwise node of two values, which broadcast.
    pub fn binary(&mut self, operator: &str, a: &Value, b: &Value) -> Value {
        let axes = joined(&a.axes, &b.axes);
        let (a, b) = (self.with_rank(a, axes.len()), self.with_rank(b, axes.len()));
        let name = self.node(operator, &[&a.name, &b.name], &[]);
        Value { name, axes, is_constant: a.is_constant && b.is_constant }
    }

    /// The value with axes of length 1 behind that of the batch, so that there are as many as `count`.
    fn with_rank(&mut self, value: &Value, count: usize) -> Value {
        if value.axes.len() >= count {
            return value.clone();
        }
        let mut axes = vec![1; count - value.axes.len()];
        axes.extend(&value.axes);
        self.reshaped(value, &axes)
    }

    pub fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.binary("Add", a, b)
    }

    pub fn subtract(&mut self, a: &Value, b: &Value) -> Value {
        self.binary("Sub", a, b)
    }

    pub fn multiply(&mut self, a: &Value, b: &Value) -> Value {
        self.binary("Mul", a, b)
    }

    pub fn divide(&mut self, a: &Value, b: &Value) -> Value {
        self.binary("Div", a, b)
    }

    /// An elementwise node of a value and a number.
    pub fn with_number(&mut self, operator: &str, value: &Value, number: f32) -> Value {
        let number = self.number(number);
        let name = self.node(operator, &[&value.name, &number], &[]);
        value.named(name)
    }

    /// `factor · value`.
    pub fn scaled(&mut self, value: &Value, factor: f32) -> Value {
        match factor {
            1.0 => value.clone(),
            _ => self.with_number("Mul", value, factor),
        }
    }

    /// `value + summand`.
    pub fn shifted(&mut self, value: &Value, summand: f32) -> Value {
        match summand {
            0.0 => value.clone(),
            _ => self.with_number("Add", value, summand),
        }
    }

    /// An elementwise node of a value and a constant that broadcasts to it.
    pub fn with_constant(&mut self, operator: &str, value: &Value, constant: &Tensor) -> Value {
        let constant = self.broadcast(constant);
        let name = self.node(operator, &[&value.name, &constant], &[]);
        value.named(name)
    }

    /// A constant tensor as a value, whose axis of the batch has the length 1.
    pub fn constant(&mut self, tensor: &Tensor) -> Value {
        let axes = axes_of(tensor.shape());
        let shape: Vec<usize> = std::iter::once(1).chain(axes.iter().copied()).collect();
        let name = self.floats(&shape, tensor.data());
        Value { name, axes, is_constant: true }
    }

    /// Ones, as nodes that take no room in the file.
    pub fn ones(&mut self, axes: &[usize]) -> Value {
        let shape: Vec<i64> = std::iter::once(1).chain(lengths(axes)).collect();
        let (shape, one) = (self.ints(&shape), self.floats(&[1], &[1.0]));
        let name = self.node("Expand", &[&one, &shape], &[]);
        Value { name, axes: axes.to_vec(), is_constant: true }
    }

    /// `max(value, 0)`.
    pub fn positive(&mut self, value: &Value) -> Value {
        self.unary("Relu", value)
    }

    /// `min(value, 0)`.
    pub fn negative(&mut self, value: &Value) -> Value {
        self.with_number("Min", value, 0.0)
    }

    /// 1 where a comparison with a number holds, otherwise 0.
    pub fn mask(&mut self, comparison: &str, value: &Value, number: f32) -> Value {
        let holds = self.with_number(comparison, value, number);
        self.as_number(&holds)
    }

    /// A truth value as 1 or 0.
    pub fn as_number(&mut self, truth: &Value) -> Value {
        let name = self.node("Cast", &[&truth.name], &[("to", Attribute::Int(FLOAT))]);
        truth.named(name)
    }

    /// `a` where the condition holds, otherwise `b`.
    pub fn choice(&mut self, condition: &Value, a: &Value, b: &Value) -> Value {
        let axes = joined(&joined(&condition.axes, &a.axes), &b.axes);
        let operands = [condition, a, b].map(|value| self.with_rank(value, axes.len()));
        let names: Vec<&str> = operands.iter().map(|value| value.name.as_str()).collect();
        let name = self.node("Where", &names, &[]);
        Value { name, axes, is_constant: operands.iter().all(|value| value.is_constant) }
    }

    /// The value in another shape, its elements in the same order.
    pub fn reshaped(&mut self, value: &Value, axes: &[usize]) -> Value {
        if value.axes == axes {
            return value.clone();
        }
        Value { axes: axes.to_vec(), ..self.merged(value, axes) }
    }

    /// The value in another shape, whatever else is taken up into the first axis, which is that of the batch.
    pub fn merged(&mut self, value: &Value, axes: &[usize]) -> Value {
        let shape: Vec<i64> = std::iter::once(-1).chain(lengths(axes)).collect();
        let shape = self.ints(&shape);
        let name = self.node("Reshape", &[&value.name, &shape], &[]);
        Value { name, axes: axes.to_vec(), is_constant: value.is_constant }
    }

    /// Axes in another order; those behind the batch count from 0.
    pub fn transposed(&mut self, value: &Value, order: &[usize]) -> Value {
        if order.iter().enumerate().all(|(place, &axis)| place == axis) {
            return value.clone();
        }
        let axes = order.iter().map(|&axis| value.axes[axis]).collect();
        let order: Vec<i64> =
            std::iter::once(0).chain(order.iter().map(|&axis| axis as i64 + 1)).collect();
        let name = self.node("Transpose", &[&value.name], &[("perm", Attribute::Ints(&order))]);
        Value { name, axes, is_constant: value.is_constant }
    }

    /// The value repeated along axes of length 1, to these axes.
    pub fn spread(&mut self, value: &Value, axes: &[usize]) -> Value {
        let value = self.with_rank(value, axes.len());
        if value.axes == axes {
            return value;
        }
        let shape: Vec<i64> = std::iter::once(1).chain(lengths(axes)).collect();
        let shape = self.ints(&shape);
        let name = self.node("Expand", &[&value.name, &shape], &[]);
        Value { name, axes: axes.to_vec(), is_constant: value.is_constant }
    }

    /// The sum over axes, which keep the length 1; those behind the batch count from 0.
    pub fn summed(&mut self, value: &Value, over: &[usize]) -> Value {
        let mut axes = value.axes.clone();
        over.iter().for_each(|&axis| axes[axis] = 1);
        if axes == value.axes {
            return value.clone();
        }
        let over: Vec<i64> = over.iter().map(|&axis| axis as i64 + 1).collect();
        let over = self.ints(&over);
        let keeps = [("keepdims", Attribute::Int(1))];
        let name = self.node("ReduceSum", &[&value.name, &over], &keeps);
        Value { name, axes, is_constant: value.is_constant }
    }

    /// The mean over axes, which keep the length 1; those behind the batch count from 0.
    pub fn mean(&mut self, value: &Value, over: &[usize]) -> Value {
        let mut axes = value.axes.clone();
        over.iter().for_each(|&axis| axes[axis] = 1);
        let over: Vec<i64> = over.iter().map(|&axis| axis as i64 + 1).collect();
        let attributes = [("axes", Attribute::Ints(&over)), ("keepdims", Attribute::Int(1))];
        let name = self.node("ReduceMean", &[&value.name], &attributes);
        Value { name, axes, is_constant: value.is_constant }
    }

    /// The sum to axes that broadcast to those of the value: the transpose of broadcasting.
    pub fn summed_to(&mut self, value: &Value, axes: &[usize]) -> Value {
        let added = value.axes.len().saturating_sub(axes.len());
        let is_summed = |axis: &usize| {
            let target = if *axis < added { 1 } else { axes[*axis - added] };
            target == 1 && value.axes[*axis] != 1
        };
        let over: Vec<usize> = (0..value.axes.len()).filter(is_summed).collect();
        let sum = self.summed(value, &over);
        self.reshaped(&sum, axes)
    }

    /// A part of an axis: `count` elements from `start` on, `step` apart; the axes behind the batch count from 0.
    pub fn slice(&mut self, value: &Value, cut: Cut) -> Value {
        let Cut { axis, start, count, step } = cut;
        if (start, count, step) == (0, value.axes[axis], 1) {
            return value.clone();
        }
        let mut axes = value.axes.clone();
        axes[axis] = count;
        let last = start as i64 + (count as i64 - 1) * step;
        // The end is not part of it; before the first element it is counted from the end.
        let end = match last + step.signum() {
            below if below < 0 => -(value.axes[axis] as i64) - 1,
            end => end,
        };
        let operands =
            [start as i64, end, axis as i64 + 1, step].map(|number| self.ints(&[number]));
        let [start, end, axis, step] = &operands;
        let name = self.node("Slice", &[&value.name, start, end, axis, step], &[]);
        Value { name, axes, is_constant: value.is_constant }
    }

    /// The value with a number around it: so many elements before and behind every axis behind the batch.
    pub fn padded(&mut self, value: &Value, pads: &[[usize; 2]], number: f32) -> Value {
        if pads.iter().all(|pad| *pad == [0, 0]) {
            return value.clone();
        }
        let axes = value.axes.iter().zip(pads).map(|(axis, pad)| axis + pad[0] + pad[1]).collect();
        let side =
            |place: usize| std::iter::once(0).chain(pads.iter().map(move |pad| pad[place] as i64));
        let pads: Vec<i64> = side(0).chain(side(1)).collect();
        let (pads, number) = (self.ints(&pads), self.number(number));
        let name = self.node("Pad", &[&value.name, &pads, &number], &[]);
        Value { name, axes, is_constant: value.is_constant }
    }

    /// Values one after the other along an axis; the axes behind the batch count from 0.
    pub fn concat(&mut self, values: &[Value], axis: usize) -> Value {
        let [first, ..] = values else {
            return Value { name: String::new(), axes: vec![], is_constant: true };
        };
        let mut axes = first.axes.clone();
        axes[axis] = values.iter().map(|value| value.axes[axis]).sum();
        let is_constant = values.iter().all(|value| value.is_constant);
        if let [only] = values {
            return only.clone();
        }
        let names: Vec<&str> = values.iter().map(|value| value.name.as_str()).collect();
        let name = self.node("Concat", &names, &[("axis", Attribute::Int(axis as i64 + 1))]);
        Value { name, axes, is_constant }
    }

    /// A constant repeated for every picture of `like`.
    pub fn repeated(&mut self, value: &Value, like: &str) -> Value {
        if !value.is_constant {
            return value.clone();
        }
        let shape = self.node("Shape", &[like], &[]);
        let bounds = [0, 1, 0].map(|number| self.ints(&[number]));
        let count = self.node("Slice", &[&shape, &bounds[0], &bounds[1], &bounds[2]], &[]);
        let rest = self.ints(&vec![1; value.axes.len()]);
        let shape = self.node("Concat", &[&count, &rest], &[("axis", Attribute::Int(0))]);
        let name = self.node("Expand", &[&value.name, &shape], &[]);
        Value { name, is_constant: false, ..value.clone() }
    }

    /// Zeros in the shape of a value.
    pub fn zeros_like(&mut self, value: &Value) -> Value {
        let shape = self.node("Shape", &[&value.name], &[]);
        let zero = self.floats(&[1], &[0.0]);
        let name = self.node("Expand", &[&zero, &shape], &[]);
        value.named(name)
    }
}

/// A part of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub axis: usize,
    pub start: usize,
    pub count: usize,
    /// Negative for elements in reverse.
    pub step: i64,
}

/// ONNX's number of the type `float`.
pub(super) const FLOAT: i64 = 1;

/// ONNX's number of the type `int64`.
pub(super) const INT64: i64 = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::graph::Dialect;

    #[test]
    fn values_of_other_ranks_meet_at_their_last_axes() {
        let mut graph = Graph::new(Dialect::STANDARD);
        let value = |name: &str, axes: &[usize]| Value {
            name: name.to_string(),
            axes: axes.to_vec(),
            is_constant: false,
        };
        let sum = graph.add(&value("a", &[3, 4, 5]), &value("b", &[4, 1]));
        assert_eq!(sum.axes, [3, 4, 5]);
        assert_eq!(graph.summed_to(&sum, &[4, 1]).axes, [4, 1]);
        assert_eq!(axes_of(&[1, 3, 4]), [3, 4]);
        assert_eq!(axes_of(&[8, 49, 96]), [8, 49, 96]);
    }
}
