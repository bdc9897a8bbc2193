//! From a session and settings to what makes pictures: networks are compiled, classes resolved, sizes decided.

use anyhow::{Context, Result as Checked, ensure};

use super::canvas::Canvas;
use super::networks::{Networks, Noise, options};
use super::objective::{Channels, ClassName, Goals, Objective};
use super::parametrization::Parametrization;
use super::settings::Settings;
use crate::error::{Error, Kind, Result};
use crate::picture::{Preprocessing, Preprocessor};
use crate::random::{Stream, word_of};
use crate::session::{Explainer, Session, Target, cores};

/// A session compiled for making pictures: any number of objectives and seeds.
pub struct Maximizer {
    pub(super) settings: Settings,
    pub(super) objectives: Vec<Objective>,
    /// The network itself, up to the layer that is looked at.
    pub(super) plain: Networks,
    /// Noisy ones whose gradients are followed instead.
    pub(super) noisy: Option<Networks>,
    /// Noisy ones that finished pictures are shown to.
    pub(super) fresh: Option<Networks>,
    /// The whole network, where `plain` ends before and the output is one of classes.
    pub(super) whole: Option<Explainer>,
    pub(super) canvas: Canvas,
    pub(super) parametrization: Parametrization,
    /// Pixels.
    pub(super) jitter: usize,
    /// Pictures that are made at the same time.
    pub(super) jobs: usize,
    preprocessing: Preprocessing,
}

impl Maximizer {
    /// Compiles what is needed for `pictures` pictures on `threads` threads (`None`: the number of cores). Neither
    /// changes a picture.
    ///
    /// # Errors
    /// [`Error::Method`] where a setting cannot be used, the layer has no channels or there is no such one; [`Error::Target`]
    /// where a class does not exist, or is compared with itself; [`Error::Input`] and [`Error::Preprocessing`] where the model
    /// takes no pictures; [`Error::Model`] where it cannot be compiled, or stores no parameters for noise.
    pub fn new(
        session: &Session,
        goals: &Goals,
        settings: Settings,
        (pictures, threads): (usize, Option<usize>),
    ) -> Result<Maximizer> {
        settings.check().kind(Error::Method)?;
        let (preprocessing, canvas) = of_pictures(session)?;
        let threads = threads.unwrap_or_else(cores).max(1);
        let jobs = match settings.noise_samples {
            0 if pictures >= threads => threads,
            _ => 1,
        };
        let layer = goals.layer();
        let plain = Networks::plain(session, layer, threads / jobs)?;
        let first = plain.all().first().context("there is no network").kind(Error::Model)?;
        let objectives = objectives(session, goals, first)?;
        let noisy = |networks: usize, seed: u64| {
            let noise = Noise { networks, sigma: settings.weight_noise, seed };
            let are_wanted = networks > 0;
            are_wanted.then(|| Networks::noisy(session, layer, noise, threads)).transpose()
        };
        // Not those of the steps.
        let other = Stream::new(settings.seed, &[word_of("fresh networks")]).seed();
        let fresh = noisy(settings.fresh_networks, other)?;
        let noisy = noisy(settings.noise_samples, settings.seed)?;
        let whole = match layer.is_none() || session.model().check_classes().is_err() {
            true => None,
            false => Some(session.explainer(options(threads)?)?),
        };
        let shorter = canvas.window().into_iter().min().unwrap_or(0);
        let jitter = settings.jitter.unwrap_or(shorter / 9);
        let parametrization = Parametrization::new(settings.basis, canvas.channels(), canvas.size);
        check_jitter(jitter, canvas.size).kind(Error::Method)?;
        Ok(Maximizer {
            settings,
            objectives,
            plain,
            noisy,
            fresh,
            whole,
            canvas,
            parametrization,
            jitter,
            jobs,
            preprocessing,
        })
    }

    /// What is maximised, in the order of the goals.
    pub fn objectives(&self) -> &[Objective] {
        &self.objectives
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The steps from a picture to the network's input.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// `[height, width]` of the pictures: they are read back without being resized, where preprocessing lets that be.
    pub fn size(&self) -> [usize; 2] {
        self.canvas.size
    }

    /// Pixels that a picture is moved by at most.
    pub fn jitter(&self) -> usize {
        self.jitter
    }

    /// Reads a picture to begin with, at the size of the pictures.
    ///
    /// # Errors
    /// [`Error::Input`] when it cannot be read.
    pub fn read_start(&self, path: impl AsRef<std::path::Path>) -> Result<Start> {
        Ok(Start(self.canvas.read(path.as_ref()).kind(Error::Input)?))
    }
}

/// A picture to begin with.
#[derive(Clone, Debug)]
pub struct Start(pub(super) Vec<f32>);

/// How pictures become the network's input.
fn of_pictures(session: &Session) -> Result<(Preprocessing, Canvas)> {
    let inputs = &session.model().inputs;
    let [input] = &inputs[..] else {
        let error = anyhow::anyhow!(
            "the model has {} inputs that are explained, and one of them is to become a picture: give the others as they \
             are held fixed (--explain-input NAME, --input NAME=FILE)",
            inputs.len()
        );
        return Err(Error::of(Error::Input, error));
    };
    let picture = input.picture.with_context(|| {
        format!(
            "the input is to become a picture of 1 or 3 channels, and that of this model, \"{}\", has the shape {:?}",
            input.name, input.shape
        )
    });
    let picture = picture.kind(Error::Input)?;
    let steps = session.steps()?.clone();
    let canvas = Preprocessor::new(&steps, picture).and_then(|_| Canvas::new(&steps, picture));
    Ok((steps, canvas.kind(Error::Preprocessing)?))
}

fn check_jitter(jitter: usize, [height, width]: [usize; 2]) -> Checked<()> {
    let shorter = height.min(width);
    ensure!(
        jitter < shorter,
        "jitter is {jitter}: it must be below the shorter side of the picture, {shorter} pixels"
    );
    Ok(())
}

/// The objectives, checked.
fn objectives(session: &Session, goals: &Goals, network: &Explainer) -> Result<Vec<Objective>> {
    match goals {
        Goals::Channels { layer, channels } => {
            let network = network.engine().network();
            let checked = |&channel: &usize| {
                Channels::checked(&network.layers[network.output], channel).kind(Error::Method)?;
                Ok(Objective::Channel { layer: layer.clone(), channel })
            };
            channels.iter().map(checked).collect()
        }
        Goals::Classes { targets, against } => {
            let against = against.as_ref().map(|target| class(session, target)).transpose()?;
            let objective = |target: &Target| {
                let class = class(session, target)?;
                if against.as_ref() == Some(&class) {
                    let error = anyhow::anyhow!(
                        "{} is both the target and what it is compared with: the difference is 0",
                        class.describe()
                    );
                    return Err(Error::of(Error::Target, error));
                }
                Ok(Objective::Class { class, against: against.clone() })
            };
            targets.iter().map(objective).collect()
        }
    }
}

/// The class that a target means, without a picture.
fn class(session: &Session, target: &Target) -> Result<ClassName> {
    match session.resolve_one(target)? {
        Target::Class(index) => {
            let label = session.labels().and_then(|labels| labels.get(index)).cloned();
            Ok(ClassName { index, label })
        }
        other => {
            let error = anyhow::anyhow!(
                "{other:?} depends on a picture, which is yet to be made: give class indices or labels"
            );
            Err(Error::of(Error::Target, error))
        }
    }
}
