//! What is compared: a model under one method and composite.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::region::Regions;
use crate::error::{Error, Kind, Result};
use crate::random::word_of;
use crate::session::{Explainer, ExplainerOptions, Session, Target};

/// A model under one method and composite, with a name.
pub struct Variant {
    pub(super) settings: VariantSettings,
    pub(super) explainer: Explainer,
    pub(super) target: Target,
}

/// How the maps of a variant are made, for reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantSettings {
    /// The name, which no other variant of the comparison has.
    pub name: String,
    /// The name of its model in the comparison; variants of one model have it in common.
    pub model: String,
    /// The path of the model's file.
    pub path: String,
    /// The method.
    pub method: String,
    /// The rules of LRP; `None` for a method that brings its own.
    pub composite: Option<String>,
    /// The method's parameters.
    pub parameters: Value,
    /// The class that is explained: `top`, an index, or a label.
    pub target: String,
    /// How pictures are prepared, in a line; `None` where the model takes none.
    pub preprocessing: Option<String>,
}

impl Variant {
    /// A model under one method and composite: [`ExplainerOptions`], a [`Method`](crate::Method) or a
    /// [`Composite`](crate::Composite). Explains the strongest class of each input; [`Variant::target`] says another one.
    ///
    /// # Errors
    /// As [`Session::explainer`].
    pub fn new(
        name: impl Into<String>,
        session: &Session,
        options: impl Into<ExplainerOptions>,
    ) -> Result<Variant> {
        let preprocessing = session.preprocessing().ok();
        let path = session.path().display().to_string();
        let (name, explainer) = (name.into(), session.explainer(options)?);
        Ok(Variant::of(name, (path.clone(), path, preprocessing), explainer))
    }

    /// A compiled model; `about` has the model's name, its path, and how pictures are prepared.
    #[doc(hidden)]
    pub fn of(
        name: String,
        (model, path, preprocessing): (String, String, Option<String>),
        explainer: Explainer,
    ) -> Variant {
        let method = explainer.method();
        let settings = VariantSettings {
            name,
            model,
            path,
            method: method.name().to_string(),
            composite: method.takes_composite().then(|| explainer.composite().to_string()),
            parameters: method.parameters(),
            target: "top".to_string(),
            preprocessing,
        };
        Variant { settings, explainer, target: Target::Top }
    }

    /// Explains this class of every input. A label means the class that the model calls so, wherever it is in its output.
    ///
    /// # Errors
    /// [`Error::Target`](crate::Error::Target) when the model has no such class.
    pub fn target(mut self, target: Target) -> Result<Variant> {
        self.explainer.resolve(&target.clone().into())?;
        self.settings.target = match &target {
            Target::Class(index) => index.to_string(),
            Target::Label(label) => label.clone(),
            _ => "top".to_string(),
        };
        Ok(Variant { target, ..self })
    }

    /// Lets all variants start centred where one does: their maps are to answer one question.
    pub(super) fn start_alike(variants: &mut [Variant]) {
        if variants.iter().any(|it| it.explainer.starts_centred()) {
            variants.iter_mut().for_each(|it| it.explainer.start_centred());
        }
    }

    /// How its maps are made.
    pub fn settings(&self) -> &VariantSettings {
        &self.settings
    }

    /// The compiled model.
    pub fn explainer(&self) -> &Explainer {
        &self.explainer
    }
}

/// The settings of a comparison. Reports can be put together where the hash is the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonSettings {
    /// A hash of everything below, as hexadecimal digits.
    pub hash: String,
    /// The version of onnxplain.
    pub version: String,
    /// The variants, in their order.
    pub variants: Vec<VariantSettings>,
    /// The folders of masks, by the names of their regions.
    pub masks: Vec<(String, String)>,
    /// The file of boxes.
    pub boxes: Option<String>,
}

impl ComparisonSettings {
    pub(super) fn new(variants: &[Variant], regions: &Regions) -> Result<ComparisonSettings> {
        let mut settings = ComparisonSettings {
            hash: String::new(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            variants: variants.iter().map(|variant| variant.settings.clone()).collect(),
            masks: regions.mask_folders(),
            boxes: regions.box_file(),
        };
        let text = serde_json::to_string(&settings);
        let text = text.map_err(anyhow::Error::from).kind(Error::Method)?;
        settings.hash = format!("{:016x}", word_of(&text));
        Ok(settings)
    }
}
