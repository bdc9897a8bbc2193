//! `--method` and its parameters, as the methods' own tables describe them.

use anyhow::{Result, bail};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use indicatif::ProgressBar;
use serde_json::{Map, Value};

use onnxplain::method::{Domain, Method, MethodOption, Watch};

use crate::cli::interrupt::is_interrupted;

/// The attribution method and its parameters. None of these has a default of clap's, so that an option of another
/// method is noticed.
#[derive(Debug)]
pub struct MethodOptions {
    methods: Vec<String>,
    /// The options that were given, with their values.
    given: Vec<(&'static MethodOption, Value)>,
    /// The layer to stop at.
    pub at: Option<String>,
}

/// The options of all methods, each once, in the order of the methods.
fn all_options() -> Vec<&'static MethodOption> {
    let mut options: Vec<&MethodOption> = vec![];
    for option in Method::all().iter().flat_map(Method::options) {
        if options.iter().all(|known| known.name != option.name) {
            options.push(option);
        }
    }
    options
}

/// The methods that take an option.
fn owners(option: &MethodOption) -> Vec<Method> {
    Method::all().into_iter().filter(|method| method.takes(option.name)).collect()
}

impl Args for MethodOptions {
    fn augment_args(command: Command) -> Command {
        let method = Arg::new("method")
            .long("method")
            .value_name("NAME[,NAME...]")
            .value_delimiter(',')
            .default_value(Method::default().name())
            .value_parser(PossibleValuesParser::new(Method::all().iter().map(listed_method)))
            .help("Attribution methods, several side by side; all but lrp bring their own rules (docs/methods.md)");
        let at = Arg::new("at").long("at").value_name("LAYER").help(
            "Stop at this layer and write the relevance of its value, enlarged to the picture where its positions \
             are the picture's; `onnxplain inspect` lists the layers [default: the input]",
        );
        let options = all_options().into_iter().map(argument);
        let arguments = std::iter::once(method).chain(options).chain([at]);
        command.args(arguments.map(|argument| argument.help_heading("Methods")))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// A method as `--help` lists it: what it computes, by which options, and its paper.
fn listed_method(method: &Method) -> PossibleValue {
    let options: Vec<String> =
        method.options().iter().map(|option| format!("--{}", option.name)).collect();
    let by =
        if options.is_empty() { String::new() } else { format!(", by {}", options.join(", ")) };
    PossibleValue::new(method.name()).help(format!("{}{by} ({})", method.about(), method.paper()))
}

fn argument(option: &'static MethodOption) -> Arg {
    let argument = Arg::new(option.name)
        .long(option.name)
        .value_name(option.value_name)
        .help(format!("{}{}", option.help, owners_and_defaults(option)));
    argument.value_parser(match option.domain {
        Domain::Word(words) => word_parser(words()),
        Domain::Base => {
            let bases = Method::all().into_iter().filter(Method::is_base);
            word_parser(bases.map(|method| method.name()).collect())
        }
        domain => ValueParser::new(move |text: &str| domain.parse(text)),
    })
}

fn word_parser(words: Vec<&'static str>) -> ValueParser {
    ValueParser::new(PossibleValuesParser::new(words).map(Value::from))
}

/// ` (METHODS) [default: ...]`: one default, or one for each method where they differ.
fn owners_and_defaults(option: &MethodOption) -> String {
    let owners = owners(option);
    let default = |method: &Method| match &method.parameters()[option.parameter()] {
        Value::Null => option.absent.to_string(),
        Value::String(word) => word.clone(),
        Value::Number(number) if number.is_f64() => {
            number.as_f64().map_or(String::new(), |number| (number as f32).to_string())
        }
        other => other.to_string(),
    };
    let names: Vec<&str> = owners.iter().map(Method::name).collect();
    let defaults: Vec<String> = owners.iter().map(default).collect();
    let is_one = defaults.windows(2).all(|pair| pair[0] == pair[1]);
    match defaults.first() {
        Some(default) if is_one && default.is_empty() => format!(" ({})", names.join(", ")),
        Some(default) if is_one => format!(" ({}) [default: {default}]", names.join(", ")),
        _ => {
            let each =
                names.iter().zip(&defaults).map(|(name, default)| format!("{name} {default}"));
            format!(" [default: {}]", each.collect::<Vec<_>>().join(", "))
        }
    }
}

impl FromArgMatches for MethodOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<MethodOptions, Error> {
        let word = |name: &str| matches.get_one::<String>(name).cloned();
        let given = |option: &'static MethodOption| {
            Some((option, matches.get_one::<Value>(option.name)?.clone()))
        };
        Ok(MethodOptions {
            methods: matches
                .get_many::<String>("method")
                .ok_or_else(|| Error::new(ErrorKind::MissingRequiredArgument))?
                .cloned()
                .collect(),
            given: all_options().into_iter().filter_map(given).collect(),
            at: word("at"),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl MethodOptions {
    /// The methods that are asked for.
    ///
    /// # Errors
    /// When an option belongs to other methods, or a method cannot stop at a layer.
    pub fn methods(&self) -> Result<Vec<Method>> {
        let named = self.methods.iter().map(|name| {
            let method = Method::named(name)?;
            let base = self.base(&method)?;
            Ok((method, base))
        });
        let named = named.collect::<Result<Vec<_>>>()?;
        let is_theirs = |option: &MethodOption| {
            named.iter().any(|(method, base)| {
                method.takes(option.name)
                    || base.as_ref().is_some_and(|base| base.takes(option.name))
            })
        };
        if let Some((option, _)) = self.given.iter().find(|(option, _)| !is_theirs(option)) {
            bail!(stranger(option.name, &owners(option), &self.methods.join(", ")));
        }
        named.into_iter().map(|(method, base)| self.with_parameters(&method, base)).collect()
    }

    fn with_parameters(&self, method: &Method, base: Option<Method>) -> Result<Method> {
        let stops = base.as_ref().unwrap_or(method);
        if self.at.is_some() && !stops.can_stop_at_layers() {
            let owners: Vec<Method> = Method::all()
                .into_iter()
                .filter(|method| method.base().is_none() && method.can_stop_at_layers())
                .collect();
            bail!(stranger("at", &owners, method.name()));
        }
        let mut parameters = self.parameters_of(method);
        if let Some(base) = base {
            let mut of_base = self.parameters_of(&base);
            of_base.insert("method".to_string(), base.name().into());
            parameters.insert("base".to_string(), of_base.into());
        }
        Method::with(method.name(), parameters)
    }

    /// What the method averages, with its default parameters.
    fn base(&self, method: &Method) -> Result<Option<Method>> {
        let given = self.given.iter().find(|(option, _)| matches!(option.domain, Domain::Base));
        match (method.base(), given.and_then(|(_, name)| name.as_str())) {
            (Some(_), Some(name)) => Method::named(name).map(Some),
            (base, _) => Ok(base.cloned()),
        }
    }

    /// What was given of a method's own parameters.
    fn parameters_of(&self, method: &Method) -> Map<String, Value> {
        let own = self.given.iter().filter(|(option, _)| method.takes(option.name));
        own.map(|(option, value)| (option.parameter(), value.clone())).collect()
    }
}

fn stranger(option: &str, owners: &[Method], method: &str) -> String {
    let names: Vec<&str> = owners.iter().map(Method::name).collect();
    let names = match names.as_slice() {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        names => names.join(", "),
    };
    format!("--{option} belongs to {names}, not to {method}")
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
    use onnxplain::method::{Fill, FusionGrad, IntegratedGradients, Occlusion, SmoothGrad};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: MethodOptions,
    }

    fn parsed(line: &str) -> Result<Method> {
        let words = std::iter::once("test").chain(line.split_whitespace());
        let mut methods = Line::try_parse_from(words)?.options.methods()?;
        Ok(methods.remove(0))
    }

    #[test]
    fn several_methods_take_their_own_options() {
        let words =
            ["test", "--method", "smoothgrad,lrp,occlusion", "--samples", "3", "--patch", "9"];
        let methods = Line::try_parse_from(words).unwrap().options.methods().unwrap();
        let names: Vec<&str> = methods.iter().map(Method::name).collect();
        assert_eq!(names, ["smoothgrad", "lrp", "occlusion"]);
        assert_eq!(methods[0].parameters()["samples"], 3);
        let words = ["test", "--method", "lrp,occlusion", "--samples", "3"];
        let error = Line::try_parse_from(words).unwrap().options.methods().unwrap_err();
        assert!(error.to_string().ends_with("not to lrp, occlusion"), "{error}");
    }

    #[test]
    fn parameters_replace_the_defaults() {
        assert_eq!(parsed("").unwrap(), Method::default());
        let fusion =
            "--method fusiongrad --base-method lrp --samples 3 --weight-noise 0.1 --seed 7";
        let expected = FusionGrad {
            base: Method::default(),
            samples: 3,
            weight_noise: 0.1,
            seed: 7,
            ..FusionGrad::default()
        };
        assert_eq!(parsed(fusion).unwrap(), expected.into());
        let smooth = "--method smoothgrad --base-method integrated-gradients --steps 5";
        let path = IntegratedGradients { steps: 5, ..IntegratedGradients::default() };
        let expected = SmoothGrad { base: path.into(), ..SmoothGrad::default() };
        assert_eq!(parsed(smooth).unwrap(), expected.into());
        let patches = "--method occlusion --patch 9 --stride 3x4 --fill black";
        let expected = Occlusion { patch: Some([9, 9]), stride: Some([3, 4]), fill: Fill::Black };
        assert_eq!(parsed(patches).unwrap(), expected.into());
    }

    #[test]
    fn the_help_of_an_option_names_its_methods_and_defaults() {
        let text = |name: &str| {
            let option = all_options().into_iter().find(|option| option.name == name).unwrap();
            owners_and_defaults(option)
        };
        assert_eq!(text("steps"), " (integrated-gradients) [default: 50]");
        assert_eq!(text("weight-noise"), " (noisegrad, fusiongrad) [default: 0.2]");
        assert_eq!(text("noise-level"), " [default: smoothgrad 0.15, fusiongrad 0.1]");
        assert_eq!(text("base-method"), " (smoothgrad, noisegrad, fusiongrad) [default: gradient]");
        assert_eq!(
            text("layer"),
            " (grad-cam) [default: the last convolution of more than one position]"
        );
        assert_eq!(text("adaptive"), " (smoothtaylor)");
    }

    #[test]
    fn only_a_method_that_propagates_stops_at_a_layer() {
        for line in ["", "--method deconvnet", "--method smoothgrad --base-method lrp"] {
            parsed(&format!("{line} --at layer")).unwrap();
        }
        for method in ["occlusion", "grad-cam", "input-x-gradient", "smoothtaylor"] {
            let error = parsed(&format!("--method {method} --at layer")).unwrap_err().to_string();
            let owners =
                "lrp, gradient, saliency, guided-backprop, deconvnet and excitation-backprop";
            assert_eq!(error, format!("--at belongs to {owners}, not to {method}"));
        }
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
        assert!(error("--method rise --keep 1.5").contains("above 0 and not above 1"));
        assert!(error("--method rise --base-method lrp").contains("--base-method belongs to"));
        assert!(error("--method smoothgrad --steps 5").contains("belongs to integrated-gradients"));
    }
}
