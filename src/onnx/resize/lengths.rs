//! How long every axis becomes, by factors or to sizes.

use tract_hir::internal::*;

use super::place::Axis;

/// What becomes of two sizes that would change the ratio of the sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ratio {
    Stretch,
    NotLarger,
    NotSmaller,
}

impl Ratio {
    pub fn parse(word: &str) -> TractResult<Ratio> {
        Ok(match word {
            "stretch" => Ratio::Stretch,
            "not_larger" => Ratio::NotLarger,
            "not_smaller" => Ratio::NotSmaller,
            other => bail!("the keep_aspect_ratio_policy {other} of a Resize"),
        })
    }
}

/// What a node says about lengths, beside its inputs.
#[derive(Clone, Debug)]
pub(super) struct Lengths {
    pub ratio: Ratio,
    /// The axes that the inputs are about; all where there are none.
    pub axes: Option<Vec<i64>>,
    /// Of `Upsample` in opset 7.
    pub factors: Option<Vec<f32>>,
}

impl Lengths {
    /// The axes of `length` inputs of a node, of a value of the given rank.
    pub fn axes(&self, rank: usize) -> TractResult<Vec<usize>> {
        let Some(axes) = &self.axes else { return Ok((0..rank).collect()) };
        let axis = |&axis: &i64| {
            let counted = if axis < 0 { axis + rank as i64 } else { axis };
            let known = usize::try_from(counted).ok().filter(|&axis| axis < rank);
            known.with_context(|| format!("a Resize of the axis {axis} of {rank}"))
        };
        axes.iter().map(axis).collect()
    }

    /// What becomes of every axis, by factors or to sizes.
    pub fn of(
        &self,
        shape: &[usize],
        scales: Option<&[f32]>,
        sizes: Option<&[i64]>,
    ) -> TractResult<Vec<Axis>> {
        let whole = |&input: &usize| Axis { input, output: input, factor: 1.0, region: (0.0, 1.0) };
        let mut resized: Vec<Axis> = shape.iter().map(whole).collect();
        let axes = self.axes(shape.len())?;
        let scales = scales.or(self.factors.as_deref());
        match (scales.filter(|scales| !scales.is_empty()), sizes) {
            (Some(scales), _) => {
                ensure!(
                    scales.len() == axes.len(),
                    "a Resize of {} axes by {scales:?}",
                    axes.len()
                );
                for (&axis, &factor) in axes.iter().zip(scales) {
                    ensure!(factor > 0.0 && factor.is_finite(), "a Resize by the factor {factor}");
                    resized[axis].factor = factor;
                    resized[axis].output = (shape[axis] as f32 * factor).floor() as usize;
                }
            }
            (None, Some(sizes)) => {
                ensure!(sizes.len() == axes.len(), "a Resize of {} axes to {sizes:?}", axes.len());
                let factor = |(&axis, &size): (&usize, &i64)| size as f32 / shape[axis] as f32;
                let factors = axes.iter().zip(sizes).map(factor);
                let common = match self.ratio {
                    Ratio::Stretch => None,
                    Ratio::NotLarger => factors.clone().reduce(f32::min),
                    Ratio::NotSmaller => factors.clone().reduce(f32::max),
                };
                for ((&axis, &size), own) in axes.iter().zip(sizes).zip(factors) {
                    let kept = |factor: f32| (factor * shape[axis] as f32 + 0.5) as usize;
                    let output = common.map_or(usize::try_from(size).ok(), |f| Some(kept(f)));
                    resized[axis].output = output.context("a Resize to a negative size")?;
                    resized[axis].factor = common.unwrap_or(own);
                }
            }
            (None, None) => bail!("a Resize with neither factors nor sizes"),
        }
        Ok(resized)
    }
}
