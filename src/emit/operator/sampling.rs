//! Values between pixels, at places that are computed.

use anyhow::{Result, bail, ensure};

use crate::emit::graph::{Attribute, Graph};
use crate::emit::value::Value;
use crate::operator::{Beyond, Interpolation, Sampling};

pub(super) fn forward(
    graph: &mut Graph,
    sampling: &Sampling,
    inputs: &[Value],
    axes: &[usize],
) -> Result<Value> {
    ensure!(
        graph.dialect.opset >= 16,
        "values between pixels are taken by GridSample, which portable graphs do not have: leave --portable out"
    );
    ensure!(
        sampling.picture.len() == 4,
        "opset {} has GridSample for pictures, and not for volumes",
        graph.dialect.opset
    );
    let mode = match sampling.interpolation {
        Interpolation::Nearest => "nearest",
        Interpolation::Linear => "bilinear",
        Interpolation::Cubic => "bicubic",
    };
    let beyond = match sampling.beyond {
        Beyond::Zeros => "zeros",
        Beyond::Border => "border",
        Beyond::Reflection => "reflection",
    };
    let attributes = [
        ("mode", Attribute::Text(mode)),
        ("padding_mode", Attribute::Text(beyond)),
        ("align_corners", Attribute::Int(i64::from(sampling.aligns_corners))),
    ];
    let picture = graph.merged(&inputs[0], &sampling.picture[1..]);
    let grid = graph.merged(&inputs[1], &sampling.grid[1..]);
    let name = graph.node("GridSample", &[&picture.name, &grid.name], &attributes);
    let output = Value { name, axes: sampling.output_shape()[1..].to_vec(), is_constant: false };
    Ok(graph.merged(&output, axes))
}

/// ONNX has no transpose of GridSample.
pub(super) fn gradient() -> Result<Vec<Option<Value>>> {
    bail!(
        "relevance goes back through places that are computed, for which ONNX has no operator: `onnxplain explain` computes it"
    )
}
