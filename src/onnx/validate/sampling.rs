//! Operators that read values between pixels.

use anyhow::{Result, ensure};

use super::node::{Given, Node};
use super::value::Value;

/// `AffineGrid`: a place for every pixel of a size.
pub(super) fn affine_grid(node: &Node) -> Result<Vec<Value>> {
    let theta = node.shape(0)?;
    node.input(1)?;
    let Given::Numbers(size) = node.numbers(1) else { return Ok(vec![Value::unknown()]) };
    ensure!(
        (4..=5).contains(&size.len()) && size.iter().all(|&length| length >= 1),
        "its size {size:?} must have four or five lengths, each at least 1"
    );
    let axes = size.len() - 2;
    if let Some(theta) = theta {
        ensure!(
            theta.len() == 3 && theta[1..] == [axes, axes + 1],
            "its matrices have the shape {theta:?}, but must be {axes} x {} for the size {size:?}",
            axes + 1
        );
    }
    let lengths = [&size[..1], &size[2..], &[axes as i64]].concat();
    let shape: Result<Vec<usize>, _> = lengths.into_iter().map(usize::try_from).collect();
    Ok(vec![Value::of(shape?)])
}

/// `GridSample`.
pub(super) fn grid_sample(node: &Node) -> Result<Vec<Value>> {
    node.choice("mode", &["bilinear", "linear", "nearest", "bicubic", "cubic"])?;
    node.choice("padding_mode", &["zeros", "border", "reflection"])?;
    let (Some(picture), Some(grid)) = (node.shape(0)?, node.shape(1)?) else {
        return Ok(vec![Value::unknown()]);
    };
    let rank = picture.len();
    ensure!(
        rank >= 3 && grid.len() == rank && grid[0] == picture[0] && grid[rank - 1] == rank - 2,
        "its grid has the shape {grid:?}, which does not fit its input {picture:?}"
    );
    ensure!(picture[2..].iter().all(|&length| length >= 1), "its input {picture:?} is empty");
    Ok(vec![Value::of([&picture[..2], &grid[1..rank - 1]].concat())])
}

/// `RoiAlign`.
pub(super) fn regions(node: &Node) -> Result<Vec<Value>> {
    let bins = [node.int_from("output_height", 1, 1)?, node.int_from("output_width", 1, 1)?];
    node.int_from("sampling_ratio", 0, 0)?;
    node.check_finite("spatial_scale")?;
    let (picture, regions) = (node.shape(0)?, node.shape(1)?);
    if let Some(picture) = picture {
        ensure!(picture.len() == 4, "its input has the shape {picture:?}, but needs 4 axes");
        let known = node.input(2)?.whole_numbers().unwrap_or_default();
        for index in known {
            ensure!(
                usize::try_from(index).is_ok_and(|index| index < picture[0]),
                "one of its regions lies in picture {index} of {}",
                picture[0]
            );
        }
    }
    if let Some(regions) = regions {
        ensure!(
            matches!(regions, [_, 4]),
            "its regions have the shape {regions:?}, but need four numbers each"
        );
    }
    let (Some(picture), Some(regions)) = (picture, regions) else {
        return Ok(vec![Value::unknown().at_least(bins.map(|bins| bins as i64))]);
    };
    Ok(vec![Value::of(vec![regions[0], picture[1], bins[0], bins[1]])])
}
