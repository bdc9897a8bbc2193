//! Options that several commands share.

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Error, Result, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use onnxplain::picture::{Channels, Crop, Layout, Overrides, Resize, parse_numbers, parse_size};
use onnxplain::{Composite, ExplainerOptions, Initial, SessionOptions};

use super::model_inputs::ModelInputOptions;

/// What `--initial` can say.
pub fn initial_parser() -> impl TypedValueParser<Value = Initial> {
    PossibleValuesParser::new(Initial::ALL.map(Initial::word))
        .try_map(|word| word.parse::<Initial>())
}

/// How the model is read and which rules it gets.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model and rules")]
pub struct ModelOptions {
    /// Rules: a preset (`onnxplain presets` lists them), a .yaml file, or auto: chosen by the architecture, and
    /// reported
    #[arg(long, value_name = "NAME|FILE", default_value = "auto")]
    pub composite: String,
    /// Leave the graph as it is, or leave out only these rewrites of it [default: the composite's, usually all]
    #[arg(long, value_name = "PASS,...", num_args = 0.., require_equals = true, value_delimiter = ',')]
    no_canonize: Option<Vec<String>>,
    /// Let these operators, for which no rule is known, pass their gradient [default: fail and name them]
    #[arg(long, value_name = "OP,...", value_delimiter = ',')]
    pub allow_gradient: Vec<String>,
    /// The output to explain, where the model has several [default: the first]
    #[arg(long, value_name = "NAME")]
    pub output_name: Option<String>,
    /// Input size, 224 or 240x320 (height x width), where the model leaves it open [default: the card's, else 224]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub size: Option<[usize; 2]>,
    /// Order of the input's axes, NCHW or NHWC [default: read off the input's shape]
    #[arg(long)]
    pub layout: Option<Layout>,
    /// Refuse a model that needs more memory than this: 500M, 8G, or bytes [default: three quarters of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    max_memory: Option<u64>,
    #[command(flatten)]
    pub inputs: ModelInputOptions,
}

/// What is done to a picture before the network sees it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Preprocessing")]
pub struct PreprocessOptions {
    /// imagenet, keras (-1..1), tensorflow (-1..1 after a center crop), unit (0..1), caffe, raw (0..255), or a model
    /// card (YAML or Hugging Face's JSON) [default: the card beside the model, else a guess from the model's file,
    /// which is reported]
    #[arg(long, value_name = "NAME|FILE")]
    pub preprocess: Option<String>,
    /// Subtracted per channel, such as 0.485,0.456,0.406 [default: the card's]
    #[arg(long, value_name = "M[,M,M]", allow_hyphen_values = true)]
    mean: Option<Numbers>,
    /// Divides per channel after that [default: the card's]
    #[arg(long, value_name = "S[,S,S]")]
    std: Option<Numbers>,
    /// Short side (256), height x width (240x320), plain (to the input size) or none, with ,FILTER where it is not
    /// bilinear: nearest, bicubic or lanczos [default: the card's]
    #[arg(long)]
    resize: Option<Resize>,
    /// What is cut out after resizing: center or none [default: the card's]
    #[arg(long)]
    crop: Option<Crop>,
    /// Order of the colours: RGB, BGR or GRAY [default: the card's, else RGB, or GRAY for one channel]
    #[arg(long)]
    channels: Option<Channels>,
    /// Lowest and highest value of the network's input, for the z-box rule: -2.1,2.6, or with ; between channels
    /// "-2.1;-2.0;-1.8,2.2;2.4;2.6" [default: from the preprocessing; that of arrays is not known]
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true)]
    pub input_range: Option<RangeText>,
}

/// Numbers with commas between them.
#[derive(Clone, Debug)]
struct Numbers(Vec<f64>);

impl FromStr for Numbers {
    type Err = Error;

    fn from_str(text: &str) -> Result<Numbers> {
        parse_numbers(text).map(Numbers)
    }
}

/// An input range as it is written: `LOW,HIGH`, each one number or one per channel with `;` between.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeText {
    low: Vec<f32>,
    high: Vec<f32>,
}

impl FromStr for RangeText {
    type Err = Error;

    fn from_str(text: &str) -> Result<RangeText> {
        let numbers = |text: &str| -> Result<Vec<f32>> {
            let numbers = parse_numbers(&text.replace(';', ","))?;
            Ok(numbers.into_iter().map(|number| number as f32).collect())
        };
        let ends: Vec<&str> = text.split(',').collect();
        let [low, high] = ends[..] else {
            anyhow::bail!("\"{text}\" is no range: write LOW,HIGH, with ; between channels");
        };
        let (low, high) = (numbers(low)?, numbers(high)?);
        ensure!(
            low.len() == high.len(),
            "the lowest value is given for {} channels, the highest for {}",
            low.len(),
            high.len()
        );
        ensure!(
            low.iter().zip(&high).all(|(low, high)| low < high),
            "the lowest value must be below the highest"
        );
        Ok(RangeText { low, high })
    }
}

/// How a summary is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SummaryFormat {
    #[default]
    Table,
    Markdown,
    Csv,
    Json,
}

/// The number of cores.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How many are worked on at a time, by `--jobs`.
pub fn at_a_time(jobs: Option<u64>) -> usize {
    jobs.map_or_else(cores, |jobs| jobs as usize)
}

impl ModelOptions {
    /// What a session is opened with.
    pub fn session(&self) -> SessionOptions {
        let overrides = Overrides { size: self.size, layout: self.layout, ..Overrides::default() };
        let options = SessionOptions::new().overrides(overrides);
        let mut options = options.allow_gradient(self.allow_gradient.clone());
        options = self.inputs.session(options);
        if let Some(bytes) = self.max_memory {
            options = options.max_memory(bytes);
        }
        match &self.output_name {
            Some(name) => options.output(name),
            None => options,
        }
    }

    /// Which rules are used, and which rewrites are made before.
    ///
    /// # Errors
    /// When there is no such composite.
    pub fn explainer(&self) -> Result<ExplainerOptions> {
        self.explainer_by(&self.composite)
    }

    /// The same with another composite.
    ///
    /// # Errors
    /// When there is no such composite.
    pub fn explainer_by(&self, composite: &str) -> Result<ExplainerOptions> {
        let options = ExplainerOptions::new().composite(Composite::named(composite)?);
        Ok(match &self.no_canonize {
            None => options,
            Some(passes) if passes.is_empty() => options.without_canonization(),
            Some(passes) => options.without_passes(passes.iter().cloned()),
        })
    }
}

impl PreprocessOptions {
    /// What a session is opened with, for pictures too.
    pub fn session(&self, model: &ModelOptions) -> SessionOptions {
        self.session_by(model, self.preprocess.as_deref())
    }

    /// The preprocessings, where the option is a list; a file whose name has commas is one. `None` is that of the card.
    pub fn several(&self) -> Vec<Option<&str>> {
        match self.preprocess.as_deref() {
            None => vec![None],
            Some(name) if Path::new(name).is_file() => vec![Some(name)],
            Some(names) => names.split(',').map(|name| Some(name.trim())).collect(),
        }
    }

    /// The same with another preprocessing.
    pub fn session_by(&self, model: &ModelOptions, preprocess: Option<&str>) -> SessionOptions {
        let mut options = model.session().overrides(self.overrides(model));
        if let Some(name) = preprocess {
            options = options.preprocess(name);
        }
        if let Some(RangeText { low, high }) = self.input_range.clone() {
            options = options.input_range(low, high);
        }
        options
    }

    /// The single steps that win over the card's.
    fn overrides(&self, model: &ModelOptions) -> Overrides {
        Overrides {
            mean: self.mean.clone().map(|numbers| numbers.0),
            std: self.std.clone().map(|numbers| numbers.0),
            size: model.size,
            resize: self.resize,
            crop: self.crop,
            layout: model.layout,
            channels: self.channels,
        }
    }
}

/// A number of bytes: `1073741824`, `1G`, `1024M`, `1.5GiB`.
fn parse_bytes(text: &str) -> Result<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match &lower[digits.len()..] {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        unit => anyhow::bail!("the unit \"{unit}\" is unknown: write K, M, G or T, such as 8G"),
    };
    let number: f64 = digits
        .trim()
        .parse()
        .with_context(|| format!("\"{text}\" is no size: write it as 500M or 8G"))?;
    ensure!(number.is_finite() && number > 0.0, "a size must be above 0");
    Ok((number * f64::from(shift).exp2()) as u64)
}

/// Refuses what is no file before anything is read.
pub fn check_model_path(path: &Path) -> Result<()> {
    ensure!(
        path.exists(),
        "there is no model {}: the first operand is the .onnx file",
        path.display()
    );
    Ok(())
}

/// Refuses to write over the model.
pub fn check_is_not_model(model: &Path, output: &Path) -> Result<()> {
    let is_same = match (model.canonicalize(), output.canonicalize()) {
        (Ok(model), Ok(output)) => model == output,
        _ => false,
    };
    ensure!(!is_same, "{} is the model itself: give another --output", output.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_memory_are_read() {
        let bytes = |text: &str| parse_bytes(text).map_err(|error| error.to_string());
        assert_eq!(bytes("1000"), Ok(1000));
        assert_eq!(bytes("1.5k"), Ok(1536));
        assert_eq!(bytes("8G"), Ok(8 << 30));
        assert_eq!(bytes("2 MiB"), Ok(2 << 20));
        assert!(bytes("8X").unwrap_err().contains("K, M, G or T"));
        for text in ["", "G", "-1", "0", "nan", "inf", "1e999"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_are_read_and_checked() {
        let range: RangeText = "-2.1;-2,2.2;1/2".parse().unwrap();
        assert_eq!(range.low, [-2.1, -2.0]);
        assert_eq!(range.high, [2.2, 0.5]);
        for (text, message) in [
            ("1", "LOW,HIGH"),
            ("0,1,2", "LOW,HIGH"),
            ("1,0", "below the highest"),
            ("0;0,1", "2 channels"),
            ("a,1", "no number"),
        ] {
            let error = text.parse::<RangeText>().unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
