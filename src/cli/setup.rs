//! Everything that belongs to a model, loaded in the order of the data's way: composite, card, model, canonization.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use onnxplain::canonize::{PassReport, PassSelection, canonize};
use onnxplain::composite::{Assignment, Composite, auto_preset};
use onnxplain::network::Network;
use onnxplain::onnx::{LoadOptions, Model, ParametricModel};
use onnxplain::picture::{Card, Labels, Output, Preprocessing, Preprocessor};

use super::console::Console;
use super::options::{ModelOptions, PreprocessOptions};

/// A composite, and why it was chosen.
pub struct Choice {
    pub composite: Composite,
    /// For `auto`: what spoke for it.
    pub reason: Option<&'static str>,
    /// Whether it comes with the tool, so that entries that match no layer are to be expected.
    is_preset: bool,
}

impl Choice {
    /// The composite that `--composite` names; `None` for `auto`, which needs the network.
    pub fn named(name: &str) -> Result<Option<Choice>> {
        if name == "auto" {
            return Ok(None);
        }
        let composite = Composite::find(name)?;
        let is_preset = onnxplain::composite::Preset::find(name).is_some();
        let reason = None;
        Ok(Some(Choice { composite, reason, is_preset }))
    }

    /// The preset that `auto` takes for a network.
    pub fn auto(network: &Network) -> Result<Choice> {
        // What the family is told by: decomposed activations would look like gates.
        let mut network = network.clone();
        canonize(
            &mut network,
            &PassSelection::only(&["layer-normalizations", "activations", "gates"])?,
        )?;
        let (name, reason) = auto_preset(&network);
        Ok(Choice { composite: Composite::find(name)?, reason: Some(reason), is_preset: true })
    }

    /// The choice as people read it.
    pub fn describe(&self) -> String {
        match self.reason {
            Some(reason) => format!("{} (auto: {reason})", self.composite.name),
            None => self.composite.name.clone(),
        }
    }

    /// Says which layers got another rule than the first that matches, and which entries matched no layer: aloud for
    /// a composite of the user's own.
    pub fn tell_unused(&self, assignment: &Assignment, console: &mut Console) {
        assignment.replaced.iter().for_each(|replaced| console.warning(replaced));
        for warning in &assignment.warnings {
            if self.is_preset {
                console.detail(warning);
            } else {
                console.warning(warning);
            }
        }
    }
}

/// What is known beside the model file: the card that was named, and the one that was found.
pub struct Cards {
    named: Option<Card>,
    discovered: Option<Card>,
}

impl Cards {
    /// Reads the card that `--preprocess` names and the one that lies beside the model.
    pub fn read(model: &Path, preprocess: Option<&str>, console: &mut Console) -> Result<Cards> {
        let named = preprocess.map(Card::named).transpose()?;
        let discovered = match Card::discover(model) {
            Ok(card) => card,
            // What was named replaces the card, so a broken one is no reason to stop.
            Err(error) if named.is_some() => {
                console.warning(format_args!("the card beside the model is not used: {error:#}"));
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Cards { named, discovered })
    }

    fn all(&self) -> impl Iterator<Item = &Card> {
        self.named.iter().chain(&self.discovered)
    }

    /// The preprocessing and where it comes from; `None` where it must be guessed.
    fn input(&self) -> Option<(&Preprocessing, &Card)> {
        let card = self.all().find(|card| card.input.is_some())?;
        Some((card.input.as_ref()?, card))
    }

    /// The names of the classes.
    pub fn labels(&self) -> Option<&Labels> {
        self.all().find_map(|card| card.labels.as_ref())
    }

    /// What the network's outputs are.
    pub fn output(&self) -> Option<Output> {
        self.all().find_map(|card| card.output)
    }
}

/// Reads the model, to be explained; the card fills in what the file leaves open.
pub fn load_model(path: &Path, options: &ModelOptions, cards: &Cards) -> Result<Model> {
    let options = load_options(options, cards);
    Model::load(path, &LoadOptions { is_without_reference: true, ..options })
}

/// Reads the model, to be compared with what tract makes of the file.
pub fn load_model_with_reference(
    path: &Path,
    options: &ModelOptions,
    cards: &Cards,
) -> Result<Model> {
    Model::load(path, &load_options(options, cards))
}

/// Reads the model's stored parameters, for noise on them.
pub fn stored_model(path: &Path, options: &ModelOptions, cards: &Cards) -> Result<ParametricModel> {
    ParametricModel::read(path, &load_options(options, cards))
}

fn load_options(options: &ModelOptions, cards: &Cards) -> LoadOptions {
    let card = cards.input().map(|(input, _)| input);
    LoadOptions {
        size: options.size,
        card_size: card.and_then(|card| card.size),
        layout: options.layout,
        output_name: options.output_name.clone(),
        allow_gradient: options.allow_gradient.clone(),
        is_without_reference: false,
    }
}

/// Canonizes a network as the composite and the user want it.
pub fn canonized(
    mut network: Network,
    passes: &PassSelection,
) -> Result<(Network, Vec<PassReport>)> {
    let reports = canonize(&mut network, passes)?;
    Ok((network, reports))
}

/// The preprocessing fitted to the model, and the words that say where it comes from.
pub fn preprocessor(
    model: &onnxplain::onnx::ModelInput,
    cards: &Cards,
    options: &PreprocessOptions,
    model_options: &ModelOptions,
) -> Result<(Preprocessor, Vec<String>)> {
    let shape = model.picture.with_context(|| {
        format!(
            "the model's input {:?} is no picture of 1 or 3 channels: give .npy tensors, or --layout",
            model.shape
        )
    })?;
    let guessed = Card::guessed(shape.channels);
    let (steps, card) = match cards.input() {
        Some((steps, card)) => (steps.clone(), card),
        None => (guessed.input.clone().unwrap_or_default(), &guessed),
    };
    let mut steps = steps;
    options.overrides(model_options).apply(&mut steps);
    let preprocessor = Preprocessor::new(&steps, shape)
        .with_context(|| format!("the preprocessing ({}) does not fit the model", card.origin))?;
    let mut notes = vec![format!("preprocessing: {} ({})", preprocessor.steps(), card.origin)];
    notes.extend(card.notes.iter().cloned());
    Ok((preprocessor, notes))
}

/// The labels that apply: those given with `--labels`, else the card's.
pub fn labels(
    given: Option<&Path>,
    cards: &Cards,
    classes: usize,
    console: &mut Console,
) -> Result<Option<Labels>> {
    if let Some(path) = given {
        let labels = Labels::read(path)?;
        // One output more may be a background class; anything else is the wrong file.
        let lacks_background = labels.names().len() + 1 == classes;
        match labels.check_count(classes) {
            Err(error) if lacks_background => console.warning(error),
            checked => checked
                .with_context(|| format!("the labels {} do not fit the model", path.display()))?,
        }
        return Ok(Some(labels));
    }
    let labels = cards.labels().cloned();
    if let Some(Err(error)) = labels.as_ref().map(|labels| labels.check_count(classes)) {
        console.warning(format_args!("the card's labels do not fit: {error}"));
    }
    Ok(labels)
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
