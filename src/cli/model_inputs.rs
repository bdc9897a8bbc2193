//! Options about the inputs and the output of a model: several inputs by name, open shapes, outputs that are no classes.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};
use clap::Args;

use onnxplain::{Reduction, SessionOptions, Source};

/// The inputs and the output of a model.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Inputs and output of the model")]
pub struct ModelInputOptions {
    /// One of several inputs of the model: a picture, .npy, .npz (FILE.npz:ARRAY), .csv (FILE.csv:ROW, the first is 0)
    /// or .wav; an INPUT without a name goes to the input that was not named
    #[arg(long, value_name = "NAME=FILE")]
    pub input: Vec<NamedFile>,
    /// The inputs to explain, or all; the others are held fixed [default: those of floating point numbers, of bytes,
    /// and of token ids]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    explain_input: Vec<String>,
    /// The shape of the input, such as 1,1,16000, where the model leaves it open [default: that of the first array]
    #[arg(long, value_name = "[NAME=]N,N,...")]
    shape: Vec<NamedShape>,
    /// Make one score a class of an output that has one for every position: the mean or max over the positions, or
    /// index:I,J,... for those of one position (index:0 is the first of a sequence, index:-1 the last)
    #[arg(long, value_name = "mean|max|index:I,...")]
    reduce: Option<Reduction>,
    /// The axis of such an output that holds the classes, counted with the batch axis [default: the last of a sequence,
    /// 1 of a map]
    #[arg(long, value_name = "AXIS", requires = "reduce")]
    class_axis: Option<usize>,
}

/// A file for an input of that name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedFile {
    pub name: String,
    pub file: PathBuf,
}

impl FromStr for NamedFile {
    type Err = Error;

    fn from_str(text: &str) -> Result<NamedFile> {
        let parts =
            text.split_once('=').filter(|(name, file)| !name.is_empty() && !file.is_empty());
        let (name, file) = parts.with_context(|| {
            format!("\"{text}\" is no input by its name: write NAME=FILE, as mask=mask.npy")
        })?;
        Ok(NamedFile { name: name.to_string(), file: file.into() })
    }
}

/// A shape, of the only input or of that of the name.
#[derive(Clone, Debug, PartialEq)]
struct NamedShape {
    name: Option<String>,
    shape: Vec<usize>,
}

impl FromStr for NamedShape {
    type Err = Error;

    fn from_str(text: &str) -> Result<NamedShape> {
        let (name, axes) = match text.rsplit_once('=') {
            Some((name, axes)) => (Some(name.to_string()), axes),
            None => (None, text),
        };
        let axes = axes.split([',', 'x']).map(|axis| axis.trim().parse::<usize>());
        let shape: Vec<usize> = axes
            .collect::<Result<_, _>>()
            .with_context(|| format!("\"{text}\" is no shape: write lengths, as 1,1,16000"))?;
        ensure!(!shape.contains(&0), "\"{text}\" is no shape: an axis of length 0 holds nothing");
        Ok(NamedShape { name, shape })
    }
}

impl ModelInputOptions {
    /// What a session is opened with.
    pub fn session(&self, mut options: SessionOptions) -> SessionOptions {
        // Words that are no files have no name (`onnxplain compile`).
        let files = self.input.iter().filter(|input| !input.name.is_empty());
        for NamedFile { name, file } in files {
            options = options.input(name, Source::from(file));
        }
        for NamedShape { name, shape } in &self.shape {
            options = match name {
                Some(name) => options.shape_of(name, shape.clone()),
                None => options.shape(shape.clone()),
            };
        }
        match &self.explain_input[..] {
            [] => {}
            [all] if all == "all" => options = options.explain_all_inputs(),
            names => options = options.explain_inputs(names.iter().cloned()),
        }
        if let Some(reduction) = &self.reduce {
            options = options.reduce(reduction.clone());
        }
        match self.class_axis {
            Some(axis) => options.class_axis(axis),
            None => options,
        }
    }

    /// How the output becomes one score a class, in a word.
    pub fn reduction(&self) -> Option<String> {
        let reduction = self.reduce.as_ref()?;
        Some(match self.class_axis {
            Some(axis) => format!("{reduction} (classes on axis {axis})"),
            None => reduction.to_string(),
        })
    }

    /// The shapes that were said, so that nothing else says them.
    pub fn has_shape(&self) -> bool {
        self.shape.iter().any(|shape| shape.name.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_shapes_are_read() {
        let file: NamedFile = "mask=a=b.npz:m".parse().unwrap();
        assert_eq!((file.name.as_str(), file.file.to_str()), ("mask", Some("a=b.npz:m")));
        for text in ["mask", "=a.npy", "mask="] {
            assert!(text.parse::<NamedFile>().unwrap_err().to_string().contains("NAME=FILE"));
        }
        let shape = |text: &str| text.parse::<NamedShape>();
        assert_eq!(shape("1,1,16000").unwrap().shape, [1, 1, 16_000]);
        let named = shape("ids=1x12").unwrap();
        assert_eq!((named.name.as_deref(), named.shape), (Some("ids"), vec![1, 12]));
        for text in ["", "1,a", "-1,2", "0,3"] {
            assert!(shape(text).unwrap_err().to_string().contains("no shape"), "{text}");
        }
    }
}
