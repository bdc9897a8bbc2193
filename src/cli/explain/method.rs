//! `--method` and its parameters.

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use indicatif::ProgressBar;

use onnxplain::explain::Initial;
use onnxplain::method::{
    Fill, FusionGrad, GradCam, IntegratedGradients, Method, NoiseGrad, Objective, Occlusion,
    Quadrature, Rise, SmoothGrad, SmoothTaylor, Watch,
};
use onnxplain::picture::parse_size;

use crate::cli::interrupt::is_interrupted;

/// The attribution method and its parameters. None has a default of clap's, so that those which do not belong to the
/// method can be told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Methods")]
pub struct MethodOptions {
    /// Attribution method; all but lrp bring their own rules (docs/methods.md)
    #[arg(long, value_name = "NAME", default_value = "lrp", value_parser = methods())]
    method: String,
    /// What noise is put around: lrp (by --composite), gradient, saliency, input-x-gradient, guided-backprop,
    /// deconvnet, excitation-backprop, integrated-gradients or grad-cam [default: gradient]
    #[arg(long, value_name = "NAME", value_parser = bases(), hide_possible_values = true)]
    base_method: Option<String>,
    /// Noisy inputs, roots, networks or masks [default: smoothgrad 50, smoothtaylor 150, noisegrad 25, fusiongrad 10,
    /// rise 4000]
    #[arg(long, value_name = "N", value_parser = counts())]
    samples: Option<u64>,
    /// Noisy inputs of each noisy network of fusiongrad [default: 10]
    #[arg(long, value_name = "N", value_parser = counts())]
    input_samples: Option<u64>,
    /// Noise on the input as a share of its range (max - min) [default: smoothgrad 0.15, fusiongrad 0.1]
    #[arg(long, value_name = "SHARE")]
    noise_level: Option<f32>,
    /// Noise on the roots of smoothtaylor, in units of the network's input [default: 0.5]
    #[arg(long, value_name = "S")]
    sigma: Option<f32>,
    /// Choose sigma for each input by the area under the perturbation curve (aupc) or by total variation (tv);
    /// smoothtaylor only
    #[arg(long, value_name = "OBJECTIVE", value_parser = names(Objective::ALL.to_vec(), |objective| objective.word()))]
    adaptive: Option<String>,
    /// Noise on the stored parameters, as a share of each: noisegrad, fusiongrad [default: 0.2]
    #[arg(long, value_name = "SHARE")]
    weight_noise: Option<f32>,
    /// Seed of a random method; the same seed gives the same result on any number of threads [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Gradients on the path of integrated-gradients [default: 50]
    #[arg(long, value_name = "N", value_parser = counts())]
    steps: Option<u64>,
    /// Where the path of integrated-gradients begins: zero (in the network's units), black, or the input's mean
    /// [default: zero]
    #[arg(long, value_name = "NAME", value_parser = names(Fill::ALL.to_vec(), |fill| fill.word()), hide_possible_values = true)]
    baseline: Option<String>,
    /// Where integrated-gradients takes its gradients: gauss-legendre, riemann-right or riemann-middle
    /// [default: gauss-legendre]
    #[arg(long, value_name = "RULE", value_parser = names(Quadrature::ALL.to_vec(), |rule| rule.word()), hide_possible_values = true)]
    quadrature: Option<String>,
    /// Stop at this layer and write the relevance of its value, enlarged to the picture where its positions are the
    /// picture's; `onnxplain inspect` lists the layers [default: the input]
    #[arg(long, value_name = "LAYER")]
    pub at: Option<String>,
    /// The node whose output grad-cam looks at; `onnxplain inspect --no-canonize` lists them
    /// [default: the last convolution]
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    /// Patch of occlusion, 28 or 28x40 (height x width), pixels [default: an eighth of the shorter side]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    patch: Option<[usize; 2]>,
    /// Steps of the patch of occlusion, pixels [default: half a patch]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    stride: Option<[usize; 2]>,
    /// What occlusion covers the patch with: the input's mean, zero (in the network's units) or black [default: mean]
    #[arg(long, value_name = "NAME", value_parser = names(Fill::ALL.to_vec(), |fill| fill.word()), hide_possible_values = true)]
    fill: Option<String>,
    /// Cells along each side of a mask of rise [default: 7]
    #[arg(long, value_name = "N", value_parser = counts())]
    cells: Option<u64>,
    /// Share of the picture that a mask of rise shows [default: 0.5]
    #[arg(long, value_name = "SHARE")]
    keep: Option<f32>,
}

/// An option, and the methods that it belongs to.
type Ownership = (&'static str, bool, &'static [&'static str]);

fn counts() -> impl TypedValueParser<Value = u64> {
    clap::value_parser!(u64).range(1..=1_000_000)
}

fn names<T>(all: Vec<T>, name: impl Fn(&T) -> &'static str) -> PossibleValuesParser {
    PossibleValuesParser::new(all.iter().map(name).collect::<Vec<_>>())
}

/// The methods; `--help` says what each computes.
fn methods() -> PossibleValuesParser {
    let value = |method: &Method| PossibleValue::new(method.name()).help(method.about());
    PossibleValuesParser::new(Method::all().iter().map(value).collect::<Vec<_>>())
}

fn bases() -> PossibleValuesParser {
    names(Method::all().into_iter().filter(Method::is_base).collect(), Method::name)
}

/// The one of that word; the parser knows no others.
fn find<T: Copy>(all: &[T], word: &str, of: impl Fn(T) -> &'static str) -> Result<T> {
    let found = all.iter().copied().find(|&candidate| of(candidate) == word);
    found.with_context(|| format!("there is no `{word}`"))
}

impl MethodOptions {
    /// The method that is asked for.
    ///
    /// # Errors
    /// When an option belongs to other methods, or a number is out of range.
    pub fn method(&self) -> Result<Method> {
        self.refuse_strangers()?;
        self.check_numbers()?;
        let named = |name: &str| Method::all().into_iter().find(|method| method.name() == name);
        let mut method = named(&self.method).context("there is no such method")?;
        let mut base = named(self.base_method.as_deref().unwrap_or("gradient"))
            .context("there is no such base")?;
        self.fill_in(&mut base)?;
        self.fill_in(&mut method)?;
        match &mut method {
            Method::SmoothGrad(SmoothGrad { base: place, .. })
            | Method::NoiseGrad(NoiseGrad { base: place, .. })
            | Method::FusionGrad(FusionGrad { base: place, .. }) => **place = base,
            _ => {}
        }
        Ok(method)
    }

    /// Every option with the methods that take it.
    fn ownerships(&self) -> [Ownership; 18] {
        const NOISY: &[&str] = &["smoothgrad", "noisegrad", "fusiongrad"];
        const RANDOM: &[&str] = &["smoothgrad", "smoothtaylor", "noisegrad", "fusiongrad", "rise"];
        const DIRECT: &[&str] =
            &["lrp", "gradient", "saliency", "guided-backprop", "deconvnet", "excitation-backprop"];
        const PATH: &[&str] = &["integrated-gradients"];
        [
            ("--base-method", self.base_method.is_some(), NOISY),
            ("--samples", self.samples.is_some(), RANDOM),
            ("--input-samples", self.input_samples.is_some(), &["fusiongrad"]),
            ("--noise-level", self.noise_level.is_some(), &["smoothgrad", "fusiongrad"]),
            ("--sigma", self.sigma.is_some(), &["smoothtaylor"]),
            ("--adaptive", self.adaptive.is_some(), &["smoothtaylor"]),
            ("--weight-noise", self.weight_noise.is_some(), &["noisegrad", "fusiongrad"]),
            ("--seed", self.seed.is_some(), RANDOM),
            ("--steps", self.steps.is_some(), PATH),
            ("--baseline", self.baseline.is_some(), PATH),
            ("--quadrature", self.quadrature.is_some(), PATH),
            ("--at", self.at.is_some(), DIRECT),
            ("--layer", self.layer.is_some(), &["grad-cam"]),
            ("--patch", self.patch.is_some(), &["occlusion"]),
            ("--stride", self.stride.is_some(), &["occlusion"]),
            ("--fill", self.fill.is_some(), &["occlusion"]),
            ("--cells", self.cells.is_some(), &["rise"]),
            ("--keep", self.keep.is_some(), &["rise"]),
        ]
    }

    fn refuse_strangers(&self) -> Result<()> {
        let is_ours = |owner: &&'static str| {
            *owner == self.method || Some(*owner) == self.base_method.as_deref()
        };
        let stranger = self
            .ownerships()
            .into_iter()
            .find(|(_, is_given, owners)| *is_given && !owners.iter().any(is_ours));
        match stranger {
            Some((option, _, owners)) => {
                bail!("{option} belongs to {}, not to {}", listed(owners), self.method)
            }
            None => Ok(()),
        }
    }

    fn check_numbers(&self) -> Result<()> {
        let numbers = [
            ("--noise-level", self.noise_level),
            ("--sigma", self.sigma),
            ("--weight-noise", self.weight_noise),
        ];
        for (option, number) in numbers {
            let number = number.unwrap_or(1.0);
            ensure!(number.is_finite() && number > 0.0, "{option} must be above 0, not {number}");
        }
        let keep = self.keep.unwrap_or(1.0);
        ensure!(keep > 0.0 && keep <= 1.0, "--keep must lie between 0 and 1, not be {keep}");
        Ok(())
    }

    /// Puts what was given in place of a method's defaults.
    fn fill_in(&self, method: &mut Method) -> Result<()> {
        let samples = |default: &mut usize| put(default, self.samples.map(|count| count as usize));
        match method {
            Method::IntegratedGradients(IntegratedGradients { steps, baseline, quadrature }) => {
                put(steps, self.steps.map(|count| count as usize));
                put(baseline, fill(self.baseline.as_deref())?);
                let rule = self.quadrature.as_deref();
                put(
                    quadrature,
                    rule.map(|word| find(&Quadrature::ALL, word, Quadrature::word)).transpose()?,
                );
            }
            Method::SmoothGrad(method) => {
                samples(&mut method.samples);
                put(&mut method.noise_level, self.noise_level);
                put(&mut method.seed, self.seed);
            }
            Method::SmoothTaylor(SmoothTaylor { samples: count, sigma, adaptive, seed }) => {
                samples(count);
                put(sigma, self.sigma);
                let objective = self.adaptive.as_deref();
                *adaptive = objective
                    .map(|word| find(&Objective::ALL, word, Objective::word))
                    .transpose()?;
                put(seed, self.seed);
            }
            Method::NoiseGrad(method) => {
                samples(&mut method.samples);
                put(&mut method.weight_noise, self.weight_noise);
                put(&mut method.seed, self.seed);
            }
            Method::FusionGrad(method) => {
                samples(&mut method.samples);
                put(&mut method.input_samples, self.input_samples.map(|count| count as usize));
                put(&mut method.weight_noise, self.weight_noise);
                put(&mut method.noise_level, self.noise_level);
                put(&mut method.seed, self.seed);
            }
            Method::GradCam(GradCam { layer }) => layer.clone_from(&self.layer),
            Method::Occlusion(Occlusion { patch, stride, fill: cover }) => {
                *patch = self.patch;
                *stride = self.stride;
                put(cover, fill(self.fill.as_deref())?);
            }
            Method::Rise(Rise { samples: count, cells, keep, seed }) => {
                samples(count);
                put(cells, self.cells.map(|count| count as usize));
                put(keep, self.keep);
                put(seed, self.seed);
            }
            _ => {}
        }
        Ok(())
    }
}

fn put<T>(place: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *place = given;
    }
}

fn fill(word: Option<&str>) -> Result<Option<Fill>> {
    word.map(|word| find(&Fill::ALL, word, Fill::word)).transpose()
}

fn listed(words: &[&str]) -> String {
    match words {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => words.join(", "),
    }
}

/// Refuses `--composite` and `--initial` for methods that bring their own.
///
/// # Errors
/// Says which methods take the option.
pub fn refuse_rules(method: &Method, composite: &str, initial: Option<Initial>) -> Result<()> {
    if *method.innermost() == Method::Lrp {
        return Ok(());
    }
    let rule = |option: &str| {
        format!(
            "{option} belongs to lrp and to noise around it (--base-method lrp); {} brings its own",
            method.name()
        )
    };
    ensure!(composite == "auto", rule("--composite"));
    ensure!(initial.is_none(), rule("--initial"));
    Ok(())
}

/// Follows the samples of one input on a progress bar, which may be hidden, and ends them after Ctrl-C.
pub struct SampleWatch(pub ProgressBar);

impl Watch for SampleWatch {
    fn sample_done(&self) {
        self.0.inc(1);
    }

    fn is_cancelled(&self) -> bool {
        is_interrupted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: MethodOptions,
    }

    fn parsed(line: &str) -> Result<Method> {
        let words = std::iter::once("test").chain(line.split_whitespace());
        Line::try_parse_from(words)?.options.method()
    }

    #[test]
    fn parameters_replace_the_defaults() {
        assert_eq!(parsed("").unwrap(), Method::Lrp);
        let Method::FusionGrad(fusion) =
            parsed("--method fusiongrad --base-method lrp --samples 3 --weight-noise 0.1 --seed 7")
                .unwrap()
        else {
            panic!("another method")
        };
        assert_eq!((fusion.samples, fusion.input_samples, fusion.seed), (3, 10, 7));
        assert_eq!((*fusion.base, fusion.weight_noise), (Method::Lrp, 0.1));
        let Method::SmoothGrad(smooth) =
            parsed("--method smoothgrad --base-method integrated-gradients --steps 5").unwrap()
        else {
            panic!("another method")
        };
        let Method::IntegratedGradients(path) = *smooth.base else { panic!("another base") };
        assert_eq!(path.steps, 5);
    }

    #[test]
    fn options_of_other_methods_are_told() {
        let error = |line: &str| format!("{:#}", parsed(line).unwrap_err());
        assert_eq!(
            error("--method occlusion --adaptive tv"),
            "--adaptive belongs to smoothtaylor, not to occlusion"
        );
        assert!(
            error("--seed 3")
                .contains("smoothgrad, smoothtaylor, noisegrad, fusiongrad and rise, not to lrp")
        );
        assert!(error("--method gradcam").contains("grad-cam"));
        assert!(error("--method noisegrad --base-method smoothgrad").contains("possible values"));
        assert!(error("--method smoothgrad --noise-level 0").contains("above 0"));
        assert!(error("--method rise --keep 1.5").contains("between 0 and 1"));
    }
}
