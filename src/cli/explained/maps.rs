//! The relevance of all results, pooled to features as it is read: memory does not grow with the size of pictures.

use anyhow::{Context, Result, bail, ensure};
use rayon::prelude::*;
use serde_json::Value;

use onnxplain::io::read_array;
use onnxplain::spray::{Feature, Pooling, Reading};

use super::rows::{Explained, Row};

/// Features of results.
pub struct Maps {
    pub pooling: Pooling,
    /// One for each row; `None` where its relevance is zero or not finite.
    pub features: Vec<Option<Feature>>,
    /// Whether the channels are the last axis, where the report says so.
    is_last: Option<bool>,
}

impl Maps {
    /// The relevance of every position of a result.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, row: &Row) -> Result<Vec<f64>> {
        Ok(read_map(row, self.is_last)?.1)
    }
}

/// Reads the relevance of every row.
///
/// # Errors
/// When a file cannot be read, is no picture's, or pictures have different sizes.
pub fn read_maps(explained: &Explained, reading: Reading) -> Result<Maps> {
    let layout = explained.way.preprocessing.get("layout").and_then(Value::as_str);
    let is_last = layout.map(|layout| layout.eq_ignore_ascii_case("NHWC"));
    let first = explained.rows.first().context("there are no results")?;
    let pooling = pooling(first, is_last)?;
    let of_row = |row: &Row| {
        let (size, map) = read_map(row, is_last)?;
        ensure!(
            size == pooling.size(),
            "the relevance of {} has {size:?} positions, that of {} {:?}: only heatmaps of one size can be compared",
            row.input,
            first.input,
            pooling.size()
        );
        Ok(pooling.feature(&map, reading))
    };
    let features = explained.rows.par_iter().map(of_row).collect::<Result<Vec<_>>>()?;
    Ok(Maps { pooling, features, is_last })
}

fn pooling(first: &Row, is_last: Option<bool>) -> Result<Pooling> {
    let ([height, width], _) = read_map(first, is_last)?;
    Ok(Pooling::of(height, width))
}

/// The relevance of every position, summed over the channels, with its `[height, width]`.
fn read_map(row: &Row, is_last: Option<bool>) -> Result<([usize; 2], Vec<f64>)> {
    let array = read_array(&row.relevance)?;
    let values = || array.values.iter().map(|value| f64::from(*value));
    let (height, width, channels, is_last) = match array.shape[..] {
        [height, width] => return Ok(([height, width], values().collect())),
        [first, second, third] => {
            // A picture has more positions than channels.
            let is_last = is_last.unwrap_or(third < first.min(second));
            if is_last { (first, second, third, true) } else { (second, third, first, false) }
        }
        _ => bail!(
            "the relevance {} has the shape {:?}, which is no picture's: [C, H, W] or [H, W, C]",
            row.relevance.display(),
            array.shape
        ),
    };
    let mut map = vec![0.0; height * width];
    for (index, value) in values().enumerate() {
        let pixel = if is_last { index / channels.max(1) } else { index % (height * width) };
        map[pixel] += value;
    }
    Ok(([height, width], map))
}
