//! Boxes in the form of COCO: pictures, categories and annotations by their numbers.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::labelled_box::LabelledBox;

#[derive(Deserialize)]
struct Coco {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    #[serde(default)]
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Image {
    id: u64,
    file_name: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: u64,
    #[serde(default)]
    category_id: Option<u64>,
    /// Left, top, width, height.
    bbox: [f64; 4],
}

#[derive(Deserialize)]
struct Category {
    id: u64,
    name: String,
}

/// Every box with the name of its picture.
pub(super) fn boxes(path: &Path) -> Result<Vec<(String, LabelledBox)>> {
    let read = || {
        let coco: Coco = serde_json::from_reader(BufReader::new(File::open(path)?))?;
        let names: HashMap<u64, String> =
            coco.images.into_iter().map(|image| (image.id, image.file_name)).collect();
        let labels: HashMap<u64, String> =
            coco.categories.into_iter().map(|category| (category.id, category.name)).collect();
        let labelled = |(place, annotation): (usize, Annotation)| {
            let Annotation { image_id, category_id, bbox: [x, y, width, height] } = annotation;
            let name = names.get(&image_id);
            let name = name.with_context(|| {
                format!("annotation {place} is about image {image_id}, which is not listed")
            })?;
            ensure!(
                width > 0.0 && height > 0.0,
                "annotation {place}: a box must have a width and a height above 0, not {width} and {height}"
            );
            let label = category_id.and_then(|id| labels.get(&id)).cloned().unwrap_or_default();
            Ok((name.clone(), LabelledBox { label, edges: [x, y, x + width, y + height] }))
        };
        coco.annotations.into_iter().enumerate().map(labelled).collect()
    };
    let boxes: Result<Vec<_>> = read();
    boxes.with_context(|| format!("cannot read the boxes {}", path.display()))
}
