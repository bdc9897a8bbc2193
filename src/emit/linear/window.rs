//! The geometry of windows in ONNX's words.

use crate::emit::graph::{Attribute, Attributes, Graph};
use crate::emit::value::{Cut, Value};
use crate::linear::{Window, WindowAxis};

/// Lengths along the spatial axes, as attributes have them.
#[derive(Clone, Debug)]
pub(super) struct Geometry {
    pub kernel: Vec<i64>,
    pub strides: Vec<i64>,
    pub dilations: Vec<i64>,
    /// Those before every axis, then those behind.
    pub pads: Vec<i64>,
}

impl Geometry {
    pub fn of(window: &Window, pads: &[[usize; 2]]) -> Geometry {
        let each =
            |of: fn(&WindowAxis) -> usize| window.axes.iter().map(|axis| of(axis) as i64).collect();
        let side = |place: usize| pads.iter().map(move |pad| pad[place] as i64);
        Geometry {
            kernel: each(|axis| axis.kernel),
            strides: each(|axis| axis.stride),
            dilations: each(|axis| axis.dilation),
            pads: side(0).chain(side(1)).collect(),
        }
    }

    /// The attributes that convolutions and poolings share.
    pub fn attributes(&self) -> [(&'static str, Attribute<'_>); 4] {
        [
            ("kernel_shape", Attribute::Ints(&self.kernel)),
            ("strides", Attribute::Ints(&self.strides)),
            ("dilations", Attribute::Ints(&self.dilations)),
            ("pads", Attribute::Ints(&self.pads)),
        ]
    }
}

/// The elements that the windows of an axis reach over, from the first tap of the first to the last tap of the last.
fn reach(axis: &WindowAxis) -> usize {
    (axis.output.max(1) - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1
}

/// The input cut where no window reaches, and the padding with which ONNX's rounding gives as many windows as there are:
/// windows that reach beyond the padding (ceil mode) have more of it.
pub(in crate::emit) fn fitted_pads(window: &Window) -> (Vec<[usize; 2]>, Vec<usize>) {
    let fitted = |axis: &WindowAxis| {
        let before = axis.pad_before;
        let windows = |after: usize| {
            let length = before + axis.input + after;
            let span = (axis.kernel - 1) * axis.dilation + 1;
            length.checked_sub(span).map(|rest| rest / axis.stride + 1)
        };
        if windows(axis.pad_after) == Some(axis.output) {
            return ([before, axis.pad_after], axis.input);
        }
        match reach(axis).checked_sub(before + axis.input) {
            Some(after) => ([before, after], axis.input),
            None => ([before, 0], reach(axis) - before),
        }
    };
    window.axes.iter().map(fitted).unzip()
}

/// The value with its last axes cut, or filled up with zeros, to these lengths.
pub(in crate::emit) fn resized(graph: &mut Graph, value: &Value, spatial: &[usize]) -> Value {
    let first = value.axes.len() - spatial.len();
    let mut value = value.clone();
    let mut pads = vec![[0, 0]; value.axes.len()];
    for (place, &length) in spatial.iter().enumerate() {
        let axis = first + place;
        pads[axis] = [0, length.saturating_sub(value.axes[axis])];
        let count = length.min(value.axes[axis]);
        value = graph.slice(&value, Cut { axis, start: 0, count, step: 1 });
    }
    graph.padded(&value, &pads, 0.0)
}

/// A transposed convolution in ONNX's words: the length of its output along every axis, and what of it is padding.
struct TransposedAxis {
    pads: [usize; 2],
    output_padding: usize,
    /// The length that comes out, before zeros fill it up to the input's.
    length: usize,
}

impl TransposedAxis {
    fn of(axis: &WindowAxis) -> TransposedAxis {
        let [before, after] = [axis.pad_before, axis.pad_after];
        let whole = reach(axis);
        // Where a window reaches beyond the padding (ceil mode), the padding is larger.
        let after = after.max((whole).saturating_sub(before + axis.input));
        let length = whole.saturating_sub(before + after);
        let missing = axis.input.saturating_sub(length);
        // A runtime need not fill up more than this.
        let can_fill = missing < axis.stride.max(axis.dilation);
        match (whole > before + after, can_fill) {
            (true, true) => TransposedAxis {
                pads: [before, after],
                output_padding: missing,
                length: axis.input,
            },
            (true, false) => TransposedAxis { pads: [before, after], output_padding: 0, length },
            // All of it would be cut away: the padding at the end is cut afterwards.
            (false, _) => TransposedAxis {
                pads: [before.min(whole - 1), 0],
                output_padding: 0,
                length: whole - before.min(whole - 1),
            },
        }
    }

    /// Elements that are cut at the beginning afterwards.
    fn surplus(&self, axis: &WindowAxis) -> usize {
        axis.pad_before - self.pads[0]
    }
}

/// Adds what every window hands to its taps: `[C, output...]` to `[C', input...]`; the weight is that of the convolution
/// whose transpose this is.
pub(in crate::emit) struct PlacedTaps<'a> {
    pub window: &'a Window,
    pub weight: &'a str,
    pub groups: usize,
    /// Channels that come out.
    pub channels: usize,
}

impl PlacedTaps<'_> {
    pub fn add(&self, graph: &mut Graph, sums: &Value) -> Value {
        let axes: Vec<TransposedAxis> = self.window.axes.iter().map(TransposedAxis::of).collect();
        let pads: Vec<[usize; 2]> = axes.iter().map(|axis| axis.pads).collect();
        let geometry = Geometry::of(self.window, &pads);
        let output_padding: Vec<i64> = axes.iter().map(|axis| axis.output_padding as i64).collect();
        let groups = [
            ("group", Attribute::Int(self.groups as i64)),
            ("output_padding", Attribute::Ints(&output_padding)),
        ];
        let attributes = [&geometry.attributes()[..], &groups].concat();
        let attributes: Attributes = &attributes;
        let name = graph.node("ConvTranspose", &[&sums.name, self.weight], attributes);
        let lengths = axes.iter().map(|axis| axis.length);
        let mut value = Value {
            name,
            axes: std::iter::once(self.channels).chain(lengths).collect(),
            is_constant: sums.is_constant,
        };
        for (place, (axis, of)) in axes.iter().zip(&self.window.axes).enumerate() {
            let start = axis.surplus(of).min(axis.length);
            let count = axis.length - start;
            if start > 0 {
                value = graph.slice(&value, Cut { axis: place + 1, start, count, step: 1 });
            }
        }
        resized(graph, &value, &self.window.input_shape())
    }
}
