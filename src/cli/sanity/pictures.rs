//! Small pictures for the page: the first inputs, and the maps of every method in some of the steps.

use std::path::{Path, PathBuf};

use anyhow::Result;

use onnxplain::evaluation::JudgedMap;
use onnxplain::sanity::{SanitySettings, StepPictures};

use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::file_names::file_names;
use crate::cli::small_pictures::{address_in, with_suffix, write_map, write_photo};

/// Inputs that are shown.
const INPUTS: usize = 4;

/// Steps that are shown besides the trained network, the last one among them.
const STEPS: usize = 7;

const MAPS: &str = "maps";
const PHOTOS: &str = "photos";

/// Whether maps of this step of this input are shown.
pub fn are_shown(input: usize, step: usize, steps: usize) -> bool {
    input < INPUTS && shown_steps(steps).any(|shown| shown == step)
}

/// The trained network, the first step, and others at equal distances up to the last.
fn shown_steps(steps: usize) -> impl Iterator<Item = usize> {
    let count = steps.min(STEPS);
    let between = move |place: usize| match count {
        0 | 1 => place,
        count => 1 + (place - 1) * (steps - 1) / (count - 1),
    };
    std::iter::once(0).chain((1..=count).map(between))
}

/// Writes the small pictures of a step of an input. What has no map is left out.
///
/// # Errors
/// When a file cannot be written.
pub fn write(
    output: &Path,
    file: &InputFile,
    settings: &SanitySettings,
    step: usize,
    maps: &[Option<JudgedMap>],
) -> Result<()> {
    for (map, name) in maps.iter().zip(names(settings)) {
        let map = map.as_ref().filter(|map| map.values.iter().all(|value| value.is_finite()));
        if let Some(map) = map {
            write_map(&map_path(output, &file.stem, &name, step), map)?;
        }
    }
    if step == 0 {
        write_photo(&photo_path(output, &file.stem), &file.path)?;
    }
    Ok(())
}

fn names(settings: &SanitySettings) -> Vec<String> {
    file_names(settings.methods.iter().map(|method| method.name.as_str()))
}

/// `maps/<stem>.<method>.<step>.png`; a stem may hold folders and points.
fn map_path(output: &Path, stem: &Path, method: &str, step: usize) -> PathBuf {
    with_suffix(&output.join(MAPS).join(stem), &format!(".{method}.{step}.png"))
}

fn photo_path(output: &Path, stem: &Path) -> PathBuf {
    with_suffix(&output.join(PHOTOS).join(stem), ".jpg")
}

/// The addresses of the small pictures that are there.
pub fn of_inputs(
    output: &Path,
    settings: &SanitySettings,
    files: &[Result<InputFile, Failed>],
) -> Vec<StepPictures> {
    let names = names(settings);
    let of_method = |stem: &Path, name: &str| {
        let there =
            |step: usize| Some((step, address_in(output, &map_path(output, stem, name, step))?));
        shown_steps(settings.steps.len()).filter_map(there).collect()
    };
    let of = |file: &InputFile| {
        let maps = settings.methods.iter().zip(&names);
        let maps = maps.map(|(method, name)| (method.name.clone(), of_method(&file.stem, name)));
        StepPictures {
            input: file.path.display().to_string(),
            photo: address_in(output, &photo_path(output, &file.stem)),
            maps: maps.collect(),
        }
    };
    let shown = files.iter().take(INPUTS).flatten().map(of);
    shown.filter(|found| found.maps.values().any(|maps| !maps.is_empty())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_step_are_always_shown() {
        let steps = |count: usize| shown_steps(count).collect::<Vec<_>>();
        assert_eq!(steps(0), [0]);
        assert_eq!(steps(2), [0, 1, 2]);
        assert_eq!(steps(7), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(steps(1), [0, 1]);
        assert_eq!(steps(51), [0, 1, 9, 17, 26, 34, 42, 51]);
        assert!(are_shown(3, 51, 51) && !are_shown(4, 51, 51) && !are_shown(0, 50, 51));
    }
}
