//! `--scale`: which results of an input have the scale of their colours in common.

use anyhow::Result;
use clap::ValueEnum;

use onnxplain::Heatmap;
use onnxplain::heatmap::Scale;

/// What `--scale` can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScaleWord {
    /// Each result has its own.
    Own,
    /// All that are scaled in the same manner share one.
    Shared,
}

/// The scales of a result's overlay and heatmap.
#[derive(Clone, Copy, Debug)]
pub struct Scales {
    pub overlay: Option<Scale>,
    pub heatmap: Scale,
}

impl Scales {
    fn of(heatmap: &Heatmap) -> Result<Scales> {
        let overlay = match heatmap.has_photo() {
            true => Some(heatmap.laid_over()?.scale()),
            false => None,
        };
        Ok(Scales { overlay, heatmap: heatmap.scale() })
    }

    fn union(self, other: Scales) -> Scales {
        let overlay = self.overlay.zip(other.overlay).map(|(a, b)| a.union(&b));
        Scales { overlay, heatmap: self.heatmap.union(&other.heatmap) }
    }
}

/// The scales that results share, in their order; `None` for one that has its own. `results` are the ways they were
/// explained in, with their heatmaps: by default those of one way belong together, because other ways have other units.
///
/// # Errors
/// When a heatmap cannot be drawn.
pub fn shared(
    word: Option<ScaleWord>,
    results: &[(usize, Option<&Heatmap>)],
) -> Result<Vec<Option<Scales>>> {
    let belong_together = |a: usize, b: usize| {
        let ((way, heatmap), (other_way, other)) = (&results[a], &results[b]);
        match word {
            Some(ScaleWord::Own) => false,
            Some(ScaleWord::Shared) => {
                let of = |it: &&Heatmap| it.rendering().normalization;
                heatmap.as_ref().map(of) == other.as_ref().map(of)
            }
            None => way == other_way,
        }
    };
    let mut shared = vec![None; results.len()];
    for index in 0..results.len() {
        let group: Vec<usize> =
            (0..results.len()).filter(|other| belong_together(index, *other)).collect();
        if shared[index].is_some() || group.len() < 2 {
            continue;
        }
        let heatmaps = group.iter().filter_map(|member| results[*member].1);
        let scales = heatmaps.map(Scales::of).collect::<Result<Vec<_>>>()?;
        let union = scales.into_iter().reduce(Scales::union);
        group.into_iter().for_each(|member| shared[member] = union);
    }
    Ok(shared)
}
