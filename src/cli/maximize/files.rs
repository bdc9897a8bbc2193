//! Which file every picture becomes; nothing that somebody else wrote is replaced.

use std::path::{Path, PathBuf};

use anyhow::Result;

use onnxplain::io::{Overwrite, check};
use onnxplain::maximize::{ClassName, Objective, Task};

use super::options::MaximizeOptions;
use crate::cli::file_names::file_names;

/// The files of a run.
pub struct Files {
    folder: PathBuf,
    /// The name of each picture, in the order of the tasks.
    pictures: Vec<String>,
    has_sheet: bool,
    overwrite: Overwrite,
}

/// More pictures than this are not laid on one sheet.
const MOST_ON_SHEET: usize = 100;

impl Files {
    /// Names the files, and looks whether any is in the way.
    ///
    /// # Errors
    /// When one is.
    pub fn new(
        options: &MaximizeOptions,
        objectives: &[Objective],
        tasks: &[Task],
    ) -> Result<Files> {
        let has_seeds = tasks.iter().any(|task| task.seed != options.seed);
        let name = |task: &Task| {
            let stem = stem(&objectives[task.objective]);
            if has_seeds { format!("{stem}.seed{}", task.seed) } else { stem }
        };
        let names: Vec<String> = tasks.iter().map(name).collect();
        let pictures = file_names(names.iter().map(String::as_str));
        let overwrite = Overwrite::own_if(options.overwrite);
        let files = Files {
            folder: options.output.clone(),
            pictures: pictures.into_iter().map(|name| format!("{name}.png")).collect(),
            has_sheet: (2..=MOST_ON_SHEET).contains(&tasks.len()),
            overwrite,
        };
        for path in files.all() {
            check(&path, overwrite)?;
        }
        Ok(files)
    }

    fn all(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let pictures = (0..self.pictures.len()).map(|place| self.picture(place));
        pictures.chain(self.sheet()).chain([self.report()])
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name of the picture of a task.
    pub fn name(&self, place: usize) -> &str {
        &self.pictures[place]
    }

    /// The path of the picture of a task.
    pub fn picture(&self, place: usize) -> PathBuf {
        self.folder.join(&self.pictures[place])
    }

    /// The path of the sheet, where there is one.
    pub fn sheet(&self) -> Option<PathBuf> {
        self.has_sheet.then(|| self.folder.join("sheet.png"))
    }

    /// The path of the report.
    pub fn report(&self) -> PathBuf {
        self.folder.join("report.json")
    }

    /// What becomes of files that exist.
    pub fn overwrite(&self) -> Overwrite {
        self.overwrite
    }
}

/// The name of an objective's files.
fn stem(objective: &Objective) -> String {
    let class = |class: &ClassName| match &class.label {
        // ImageNet's labels go on with other names of the same.
        Some(label) => {
            let first = label.split(',').next().unwrap_or(label);
            format!("{}.{}", class.index, first.trim())
        }
        None => class.index.to_string(),
    };
    match objective {
        Objective::Class { class: own, against: None } => class(own),
        Objective::Class { class: own, against: Some(other) } => {
            format!("{}-against-{}", class(own), class(other))
        }
        Objective::Channel { layer, channel } => {
            format!("{}.channel{channel}", layer.trim_matches('/'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_what_they_show() {
        let class = |index: usize, label: Option<&str>| ClassName {
            index,
            label: label.map(str::to_string),
        };
        let cat = class(281, Some("tabby, tabby cat"));
        let against = Some(class(3, None));
        assert_eq!(stem(&Objective::Class { class: cat.clone(), against: None }), "281.tabby");
        assert_eq!(stem(&Objective::Class { class: cat, against }), "281.tabby-against-3");
        let channel = Objective::Channel { layer: "/3/Conv".to_string(), channel: 7 };
        assert_eq!(file_names([stem(&channel).as_str()]), ["3-Conv.channel7"]);
    }
}
