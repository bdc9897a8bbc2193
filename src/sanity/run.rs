//! A test at work: block after block of inputs, network after network, all explanations of a network at the same time.

use anyhow::Result as Checked;

use super::channels::{self, Gradients};
use super::control::Control;
use super::line::{Channels, MethodLine, NetworkLine, StepLine};
use super::measure::{Values, compare, entropy};
use super::opened::{Explained, Opened};
use super::order::Step;
use super::test::SanityTest;
use crate::error::{Error, Kind, Result};
use crate::evaluation::{EvaluationInput, JudgedMap};
use crate::method::Watch;
use crate::metric::{spearman, undefined};
use crate::network::Network;
use crate::session::{Explainer, in_parallel};

/// Inputs that go through all networks together. Their maps of the trained network stay in memory.
pub(super) const BLOCK: usize = 64;

/// What became of an input in a step.
pub struct Outcome {
    /// The place of the input in the list.
    pub input: usize,
    /// The step; 0 is the trained network.
    pub step: usize,
    /// What was measured. An input that cannot be used fails once, in step 0.
    pub result: Result<StepLine>,
    /// The maps of the methods and controls, in the order of the settings; `None` where there is none.
    pub maps: Vec<Option<JudgedMap>>,
}

/// What is computed of an input with a network.
#[derive(Clone, Copy)]
enum Part {
    /// The place of the method.
    Method(usize),
    Control(Control),
    Channels,
}

/// The networks of a step, compiled.
pub(super) struct Networks {
    /// For each method.
    pub explainers: Vec<Result<Explainer>>,
    gradients: Option<Gradients>,
}

/// What a part came to.
enum Found {
    Explained(Checked<Explained>),
    Channels(Checked<Channels>),
}

impl Found {
    /// The map, of what has one.
    fn map(&self) -> Option<Option<JudgedMap>> {
        match self {
            Found::Explained(explained) => Some(explained.as_ref().ok().map(Explained::drawable)),
            Found::Channels(_) => None,
        }
    }
}

impl Explained {
    fn drawable(&self) -> JudgedMap {
        JudgedMap::of(self.map.clone())
    }
}

/// An input with what the trained network gives.
struct Trained {
    /// Its place in the list.
    index: usize,
    opened: Opened,
    /// Of methods and controls, in the order of the settings.
    explained: Vec<Explained>,
}

impl SanityTest {
    /// Measures all steps of all inputs but those that `is_done(input, step)` knows already; `take` gets every line, those
    /// of a step in the order of the inputs.
    ///
    /// # Errors
    /// [`Error::Cancelled`] where `watch` ends the test, [`Error::Model`] where a random network cannot be made, and that of
    /// `take`.
    pub fn run<E: From<Error>>(
        &self,
        inputs: &[EvaluationInput],
        is_done: &(dyn Fn(usize, usize) -> bool + Sync),
        watch: &dyn Watch,
        take: &mut dyn FnMut(Outcome) -> Result<(), E>,
    ) -> Result<(), E> {
        let is_wanted = |&index: &usize| (0..=self.steps.len()).any(|step| !is_done(index, step));
        let wanted: Vec<usize> = (0..inputs.len()).filter(is_wanted).collect();
        for block in wanted.chunks(BLOCK) {
            let trained = self.trained(inputs, block, watch, take, is_done)?;
            for (number, step) in (1..).zip(&self.steps) {
                let open: Vec<&Trained> =
                    trained.iter().filter(|it| !is_done(it.index, number)).collect();
                if !open.is_empty() {
                    self.step((number, step), &open, watch, take)?;
                }
            }
        }
        Ok(())
    }

    /// The methods and controls, in the order of the settings.
    fn parts(&self) -> Vec<Part> {
        let methods = (0..self.methods.len()).map(Part::Method);
        methods.chain(self.controls.iter().copied().map(Part::Control)).collect()
    }

    /// Step 0 of a block.
    fn trained<E: From<Error>>(
        &self,
        inputs: &[EvaluationInput],
        block: &[usize],
        watch: &dyn Watch,
        take: &mut dyn FnMut(Outcome) -> Result<(), E>,
        is_done: &(dyn Fn(usize, usize) -> bool + Sync),
    ) -> Result<Vec<Trained>, E> {
        let opened = in_parallel(block, self.jobs, |&index| match watch.is_cancelled() {
            true => Err(Error::Cancelled),
            false => self.open(&inputs[index]).kind(Error::Input),
        });
        let parts = self.parts();
        let items = items(opened.iter().enumerate().filter(|(_, it)| it.is_ok()), &parts);
        let explained = in_parallel(&items, self.jobs, |&(place, part)| {
            let Ok(opened) = &opened[place] else { return Err(Error::Cancelled) };
            let networks = |method: usize| Ok(&self.methods[method].trained);
            self.explained_part(&networks, opened, (part, 0), watch).kind(Error::Method)
        });
        let mut explained = explained.into_iter();
        let mut all = vec![];
        for (&index, opened) in block.iter().zip(opened) {
            let trained = opened.and_then(|opened| {
                // All of this input are taken, so that the next ones are those of the next input.
                let explained: Vec<Result<Explained>> =
                    explained.by_ref().take(parts.len()).collect();
                let explained = explained.into_iter().collect::<Result<Vec<Explained>>>()?;
                Ok(Trained { index, opened, explained })
            });
            let line = match trained {
                Err(Error::Cancelled) => return Err(Error::Cancelled.into()),
                Err(error) => Some((Err(error), vec![])),
                Ok(trained) => {
                    let line = self.line_of_trained(&trained).kind(Error::Computation);
                    let maps = trained.explained.iter().map(|it| Some(it.drawable())).collect();
                    all.push(trained);
                    (!is_done(index, 0)).then_some((line, maps))
                }
            };
            if let Some((result, maps)) = line {
                take(Outcome { input: index, step: 0, result, maps })?;
            }
        }
        Ok(all)
    }

    fn line_of_trained(&self, trained: &Trained) -> Checked<StepLine> {
        let mut line = self.line(&trained.opened, 0);
        for (settings, explained) in self.settings.methods.iter().zip(&trained.explained) {
            let mut values = Values::default();
            values.add("entropy", entropy(&explained.map))?;
            line.methods.insert(settings.name.clone(), values.into());
            line.see(explained);
        }
        Ok(line)
    }

    /// A line of which nothing was measured yet.
    fn line(&self, opened: &Opened, step: usize) -> StepLine {
        StepLine {
            input: opened.path.clone(),
            step,
            target: opened.target.clone(),
            network: None,
            channels: None,
            methods: Default::default(),
            settings: self.settings.hash.clone(),
        }
    }

    /// A step of a block.
    fn step<E: From<Error>>(
        &self,
        (number, step): (usize, &Step),
        inputs: &[&Trained],
        watch: &dyn Watch,
        take: &mut dyn FnMut(Outcome) -> Result<(), E>,
    ) -> Result<(), E> {
        let networks = self.networks(step)?;
        let mut parts = self.parts();
        if networks.gradients.is_some() {
            parts.push(Part::Channels);
        }
        let items = items(inputs.iter().enumerate(), &parts);
        let found = in_parallel(&items, self.jobs, |&(place, part)| {
            self.part(&networks, (number, step), (inputs[place], part), watch)
        });
        let mut found = found.into_iter();
        for input in inputs {
            let found: Vec<Found> = found.by_ref().take(parts.len()).collect();
            let maps = found.iter().filter_map(Found::map).collect();
            let result = self.line_of_step(input, number, found);
            let result = match result {
                Err(error) if was_cancelled(&error) => return Err(Error::Cancelled.into()),
                result => result.kind(Error::Computation),
            };
            take(Outcome { input: input.index, step: number, result, maps })?;
        }
        Ok(())
    }

    /// The random network of a step, compiled for every method.
    pub(super) fn networks(&self, step: &Step) -> Result<Networks> {
        let network: Network = self.network(step)?;
        let explainers = in_parallel(&self.methods, self.jobs, |method| {
            self.parametric.explainer(network.clone(), method.options.clone())
        });
        let gradients = match (&self.gradients, step.layers.first()) {
            (Some(_), Some(&lowest)) => {
                let engine = self.parametric.gradients(network)?;
                Some(Gradients::new(engine, self.parametric.layers(), &[lowest]))
            }
            _ => None,
        };
        Ok(Networks { explainers, gradients })
    }

    fn part(
        &self,
        networks: &Networks,
        (number, step): (usize, &Step),
        (input, part): (&Trained, Part),
        watch: &dyn Watch,
    ) -> Found {
        let explainers = |method: usize| match &networks.explainers[method] {
            Ok(explainer) => Ok(explainer),
            Err(error) => Err(error.clone()),
        };
        match part {
            Part::Channels => Found::Channels(self.channels(networks, step, &input.opened)),
            part => Found::Explained(self.explained_part(
                &explainers,
                &input.opened,
                (part, number),
                watch,
            )),
        }
    }

    fn explained_part<'a>(
        &self,
        explainer: &dyn Fn(usize) -> Result<&'a Explainer>,
        opened: &Opened,
        (part, step): (Part, usize),
        watch: &dyn Watch,
    ) -> Checked<Explained> {
        if watch.is_cancelled() {
            return Err(Error::Cancelled.into());
        }
        let explained = match part {
            Part::Method(method) => self.explained(explainer(method)?, opened, watch),
            Part::Control(control) => self.control(control, opened, step),
            Part::Channels => undefined("channels have no map"),
        };
        watch.sample_done();
        explained
    }

    /// How the channels that the lowest layer of a step reads contribute before and after.
    pub(super) fn channels(
        &self,
        networks: &Networks,
        step: &Step,
        opened: &Opened,
    ) -> Checked<Channels> {
        let lowest = step.layers.first();
        let (Some(trained), Some(random), Some(&lowest)) =
            (&self.gradients, &networks.gradients, lowest)
        else {
            return undefined("what the layer reads is random already");
        };
        let layer = (lowest, &self.parametric.layers()[lowest]);
        let class = opened.target.index;
        let trained = trained.contributions(&opened.inputs, layer, class)?;
        let random = random.contributions(&opened.inputs, layer, class)?;
        channels::compare(&trained, &random)
    }

    fn line_of_step(
        &self,
        trained: &Trained,
        number: usize,
        found: Vec<Found>,
    ) -> Checked<StepLine> {
        let mut line = self.line(&trained.opened, number);
        let mut of_methods = self.settings.methods.iter().zip(&trained.explained);
        for found in found {
            match found {
                Found::Channels(Err(error)) if was_cancelled(&error) => return Err(error),
                // A random network whose numbers are no longer finite has no contributions, either.
                Found::Channels(channels) => line.channels = channels.ok(),
                Found::Explained(explained) => {
                    let Some((settings, before)) = of_methods.next() else { continue };
                    let values = match explained {
                        Err(error) if was_cancelled(&error) => return Err(error),
                        Err(error) => {
                            let mut values = Values::default();
                            values.add_undefined(&format!("{error:#}"));
                            values
                        }
                        Ok(explained) => {
                            line.see(&explained);
                            compared(before, &explained)?
                        }
                    };
                    line.methods.insert(settings.name.clone(), values.into());
                }
            }
        }
        Ok(line)
    }
}

/// All values of a method.
fn compared(before: &Explained, now: &Explained) -> Checked<Values> {
    let mut values = compare(&before.map, &now.map)?;
    values.add("entropy", entropy(&now.map))?;
    if let (Some(before), Some(now)) = (&before.smooth, &now.smooth) {
        values.add("smprt", spearman(before.values(), now.values()))?;
        let (before, now) = (before.magnitudes(), now.magnitudes());
        values.add("smprt-magnitude", spearman(before.values(), now.values()))?;
    }
    Ok(values)
}

/// Every part of every input, by the place of the input.
fn items<T>(inputs: impl Iterator<Item = (usize, T)>, parts: &[Part]) -> Vec<(usize, Part)> {
    inputs.flat_map(|(place, _)| parts.iter().map(move |&part| (place, part))).collect()
}

fn was_cancelled(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Error::Cancelled))
}

impl StepLine {
    /// Takes over what the network says, from the first method that ran it.
    fn see(&mut self, explained: &Explained) {
        if let (None, Some(prediction)) = (self.network, &explained.prediction) {
            let top = prediction.top().map(|class| class.index);
            let of_target = prediction.class(self.target.index);
            self.network = top.zip(of_target).map(|(top, of_target)| NetworkLine {
                top,
                probability: f64::from(of_target.probability),
            });
        }
    }
}

impl From<Values> for MethodLine {
    fn from(Values { values, undefined }: Values) -> MethodLine {
        MethodLine { values, undefined }
    }
}
