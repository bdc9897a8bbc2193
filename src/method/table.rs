//! All methods. A new one is a file of this folder and a line here.

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer};
use serde_json::{Map, Value};

use super::attribute::{Attribute, Method};
use super::deconvnet::Deconvnet;
use super::excitation_backprop::ExcitationBackprop;
use super::fusion_grad::FusionGrad;
use super::grad_cam::GradCam;
use super::gradient::Gradient;
use super::guided_backprop::GuidedBackprop;
use super::input_x_gradient::InputXGradient;
use super::integrated_gradients::IntegratedGradients;
use super::lrp::Lrp;
use super::noise_grad::NoiseGrad;
use super::occlusion::Occlusion;
use super::rise::Rise;
use super::saliency::Saliency;
use super::smooth_grad::SmoothGrad;
use super::smooth_taylor::SmoothTaylor;
use crate::suggest::nearest;

/// All methods, in the order in which they are listed.
const METHODS: &[Entry] = &[
    Entry::of::<Lrp>(),
    Entry::of::<Gradient>(),
    Entry::of::<Saliency>(),
    Entry::of::<InputXGradient>(),
    Entry::of::<GuidedBackprop>(),
    Entry::of::<Deconvnet>(),
    Entry::of::<ExcitationBackprop>(),
    Entry::of::<IntegratedGradients>(),
    Entry::of::<SmoothGrad>(),
    Entry::of::<SmoothTaylor>(),
    Entry::of::<NoiseGrad>(),
    Entry::of::<FusionGrad>(),
    Entry::of::<GradCam>(),
    Entry::of::<Occlusion>(),
    Entry::of::<Rise>(),
];

/// How a method is made.
struct Entry {
    /// With the parameters of its paper.
    by_default: fn() -> Method,
    /// With these parameters, and the paper's for the others.
    with: fn(Value) -> serde_json::Result<Method>,
}

impl Entry {
    const fn of<T: Attribute + Default + DeserializeOwned + 'static>() -> Entry {
        Entry {
            by_default: || T::default().into(),
            with: |parameters| serde_json::from_value::<T>(parameters).map(Method::from),
        }
    }

    fn find(name: &str) -> Result<&'static Entry> {
        if let Some(entry) = METHODS.iter().find(|entry| (entry.by_default)().name() == name) {
            return Ok(entry);
        }
        let names: Vec<&str> = Method::all().iter().map(Method::name).collect();
        let hint = nearest(name, names.iter().copied());
        let hint = hint.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        bail!("there is no attribution method `{name}`; there are {}{hint}", names.join(", "))
    }
}

/// LRP.
impl Default for Method {
    fn default() -> Method {
        Lrp.into()
    }
}

impl Method {
    /// Every method with the parameters of its paper, in the order in which they are listed.
    pub fn all() -> Vec<Method> {
        METHODS.iter().map(|entry| (entry.by_default)()).collect()
    }

    /// The method of that name, with the parameters of its paper.
    ///
    /// # Errors
    /// When there is no such method; the error lists all.
    #[doc(hidden)]
    pub fn named(name: &str) -> Result<Method> {
        Ok((Entry::find(name)?.by_default)())
    }

    /// The method of that name with some of its parameters, such as `{ "samples": 20 }`; a base with parameters is an
    /// object too, `{ "base": { "method": "integrated-gradients", "steps": 20 } }`.
    ///
    /// # Errors
    /// When there is no such method or parameter, or a value is out of its range.
    #[doc(hidden)]
    pub fn with(name: &str, parameters: Map<String, Value>) -> Result<Method> {
        let entry = Entry::find(name)?;
        let options = (entry.by_default)().options();
        for (parameter, value) in &parameters {
            let known = options.iter().find(|option| option.parameter() == *parameter);
            let option = known.with_context(|| stranger(name, parameter))?;
            let checked = option.domain.check(value);
            checked.map_err(|error| anyhow!("the parameter `{parameter}` of {name} {error}"))?;
        }
        if parameters.is_empty() {
            return Ok((entry.by_default)());
        }
        let method = (entry.with)(Value::Object(parameters));
        let method = method.with_context(|| format!("these are no parameters of {name}"))?;
        if let Some(base) = method.base() {
            ensure!(base.is_base(), "{name} cannot average {}", base.name());
        }
        Ok(method)
    }
}

fn stranger(method: &str, parameter: &str) -> String {
    let names = Method::named(method).map(|method| {
        method.options().iter().map(|option| option.parameter()).collect::<Vec<_>>().join(", ")
    });
    match names.unwrap_or_default() {
        names if names.is_empty() => format!("{method} has no parameters, and so no `{parameter}`"),
        names => format!("{method} has no parameter `{parameter}`; it has {names}"),
    }
}

/// A base: its name, or an object of its name and its parameters.
impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Method, D::Error> {
        let method = match Value::deserialize(deserializer)? {
            Value::String(name) => Method::named(&name),
            Value::Object(mut parameters) => match parameters.remove("method") {
                Some(Value::String(name)) => Method::with(&name, parameters),
                _ => return Err(de::Error::missing_field("method")),
            },
            _ => return Err(de::Error::custom("a base is the name of a method, or an object")),
        };
        method.map_err(|error| de::Error::custom(format!("{error:#}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::composite::Preset;
    use serde_json::json;

    fn with(name: &str, parameters: Value) -> Result<Method> {
        let Value::Object(parameters) = parameters else { panic!("an object") };
        Method::with(name, parameters)
    }

    #[test]
    fn every_method_says_what_it_is_and_has_an_option_for_each_parameter() {
        for method in Method::all() {
            let name = method.name();
            assert_eq!(Method::named(name).unwrap(), method);
            assert!(method.about().len() > 5 && method.paper().len() > 8, "{name}");
            assert!(method.preset().is_none_or(|preset| Preset::find(preset).is_some()), "{name}");
            let mut options: Vec<String> =
                method.options().iter().map(|option| option.parameter()).collect();
            options.sort();
            let mut parameters = method.parameters();
            let base = parameters.as_object_mut().and_then(|map| map.remove("base_parameters"));
            assert_eq!(base, None, "the gradient has no parameters");
            let parameters = parameters.as_object().cloned().unwrap_or_default();
            assert_eq!(options, parameters.keys().cloned().collect::<Vec<_>>(), "{name}");
            // What is reported makes the same method again.
            let given = parameters.into_iter().filter(|(_, value)| !value.is_null()).collect();
            assert_eq!(Method::with(name, given).unwrap(), method, "{name}");
        }
    }

    #[test]
    fn an_option_has_one_meaning_and_one_range() {
        let options: Vec<_> = Method::all().iter().flat_map(|method| method.options()).collect();
        for a in &options {
            for b in options.iter().filter(|b| b.name == a.name) {
                assert_eq!((a.help, a.value_name), (b.help, b.value_name));
            }
        }
    }

    #[test]
    fn parameters_replace_defaults() {
        let rise = with("rise", json!({ "samples": 9, "keep": 0.25 })).unwrap();
        assert_eq!(rise, Rise { samples: 9, keep: 0.25, ..Rise::default() }.into());
        let base = json!({ "method": "integrated-gradients", "steps": 5 });
        let smooth = with("smoothgrad", json!({ "base": base, "seed": 3 })).unwrap();
        let path = IntegratedGradients { steps: 5, ..IntegratedGradients::default() };
        let expected = SmoothGrad { base: path.into(), seed: 3, ..SmoothGrad::default() };
        assert_eq!(smooth, expected.into());
        assert_eq!(smooth.parameters()["base_parameters"]["steps"], 5);
    }

    #[test]
    fn mistakes_are_named() {
        let error =
            |name: &str, parameters: Value| format!("{:#}", with(name, parameters).unwrap_err());
        assert!(error("gradcam", json!({})).contains("did you mean `grad-cam`?"));
        assert!(
            error("rise", json!({ "sample": 9 })).contains("it has samples, cells, keep, seed")
        );
        assert!(error("lrp", json!({ "samples": 9 })).contains("lrp has no parameters"));
        assert!(error("rise", json!({ "keep": 2 })).contains("above 0 and not above 1, not 2"));
        assert!(error("rise", json!({ "keep": "much" })).contains("must be a number"));
        let base = json!({ "base": { "method": "gradient", "steps": 5 } });
        assert!(error("smoothgrad", base).contains("gradient has no parameters"));
        assert!(error("smoothgrad", json!({ "base": "rise" })).contains("cannot average rise"));
        assert!(error("smoothgrad", json!({ "base": "grad" })).contains("no attribution method"));
    }
}
