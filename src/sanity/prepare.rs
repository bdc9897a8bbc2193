//! From a session and options to a test: methods are compiled, steps decided, scales measured.

use anyhow::{Context, Result as Checked, anyhow, bail, ensure};
use serde_json::{Map, Value, json};

use super::calibration::{Calibration, INPUTS};
use super::channels::Gradients;
use super::control::Control;
use super::init::Initialisation;
use super::options::{SanityOptions, TestedMethod, default_methods};
use super::order::{Order, Step, steps};
use super::settings::{SanitySettings, StepSettings, TestedSettings};
use super::test::{SanityTest, Tested};
use crate::error::{Error, Kind, Result};
use crate::evaluation::EvaluationInput;
use crate::explain::Initial;
use crate::session::{Parametric, Session, Target, cores, in_parallel, refuse_noise};
use crate::tensor::Tensor;

impl SanityTest {
    /// Compiles the methods for the trained network and decides on the steps; `inputs` are all of them, also those that
    /// another process tests, so that all measure `keep-scale` on the same ones.
    ///
    /// # Errors
    /// [`Error::Model`] where the file stores no parameters, [`Error::Method`] and [`Error::Composite`] where a method does
    /// not fit the network, [`Error::Input`] where it takes no pictures or is measured on inputs that cannot be read,
    /// [`Error::Target`] where a class does not exist.
    pub fn new(
        session: &Session,
        options: SanityOptions,
        inputs: &[EvaluationInput],
    ) -> Result<SanityTest> {
        let parametric = session.parametric()?;
        let methods = methods(session, &options)?;
        let target = session.resolve_one(&options.target)?;
        prepare(session, options, inputs, (parametric, methods, target)).kind(Error::Input)
    }
}

fn prepare(
    session: &Session,
    options: SanityOptions,
    inputs: &[EvaluationInput],
    (parametric, methods, target): (Parametric, Vec<Tested>, Target),
) -> Checked<SanityTest> {
    let shape = session.model().inputs[0].picture.with_context(|| {
        format!(
            "the test needs an input that is a picture of 1 or 3 channels, not one of shape {:?}",
            session.input_shape()
        )
    })?;
    ensure!(
        matches!(target, Target::Top | Target::Class(_)),
        "one class is explained at a time: the target is top, a class index or a label"
    );
    let layers = parametric.layers();
    ensure!(!layers.is_empty(), "the model has no layer with weights that could be randomised");
    let range = session.input_range().map(|(low, high)| (low.to_vec(), high.to_vec()));
    if options.smooth.is_some() && range.is_none() {
        bail!(
            "smprt puts noise on the input, as a share of the range of its values, which is not known: give --input-range \
             LOW,HIGH"
        );
    }
    let steps = steps(options.order, layers.len(), options.steps);
    let jobs = options.jobs.unwrap_or_else(cores);
    let controls = if options.has_controls { Control::ALL.to_vec() } else { vec![] };
    let gradients = match options.order {
        // What a layer reads is random already.
        Order::BottomUp => None,
        Order::TopDown | Order::Independent => Some(trained_gradients(&parametric, &steps)?),
    };
    let mut test = SanityTest {
        settings: settings(session, &options, (&parametric, &methods, &controls), &steps)?,
        calibration: None,
        parametric,
        methods,
        controls,
        steps,
        gradients,
        target,
        shape,
        range,
        jobs,
    };
    if options.initialisation == Initialisation::KeepScale {
        let (calibration, stems) = calibration(&test, inputs)?;
        test.calibration = Some(calibration);
        test.settings.others.insert("keep_scale_inputs".to_string(), json!(stems));
    }
    test.settings = test.settings.signed()?;
    Ok(test)
}

/// Gradients of the trained network for the lowest layer of every step.
fn trained_gradients(parametric: &Parametric, steps: &[Step]) -> Checked<Gradients> {
    let engine = parametric.gradients(parametric.network(|_, _| {})?)?;
    let lowest: Vec<usize> = steps.iter().filter_map(|step| step.layers.first().copied()).collect();
    Ok(Gradients::new(engine, parametric.layers(), &lowest))
}

/// The scales of the trained network on the first of the inputs, by their names; and these names.
fn calibration(
    test: &SanityTest,
    inputs: &[EvaluationInput],
) -> Checked<(Calibration, Vec<String>)> {
    let mut inputs: Vec<&EvaluationInput> = inputs.iter().collect();
    inputs.sort_by(|a, b| a.stem.cmp(&b.stem));
    inputs.truncate(INPUTS);
    let explainer = &test.methods.first().context("there is no method to test")?.trained;
    let prepare = |input: &&EvaluationInput| -> Result<Vec<Tensor>> {
        let prepared = explainer.prepare(&input.path)?;
        Ok(test.parametric.network_inputs(&prepared)?.iter().cloned().collect())
    };
    let (mut tensors, mut stems) = (vec![], vec![]);
    // Those that cannot be read fail when they are tested.
    for (input, prepared) in inputs.iter().zip(in_parallel(&inputs, test.jobs, prepare)) {
        if let Ok(prepared) = prepared {
            tensors.push(prepared);
            stems.push(input.stem.clone());
        }
    }
    ensure!(
        !tensors.is_empty(),
        "keep-scale measures activations on the inputs, none of which can be read"
    );
    Ok((Calibration::new(&test.parametric, tensors, test.jobs)?, stems))
}

/// What all reports must have in common.
fn settings(
    session: &Session,
    options: &SanityOptions,
    (parametric, methods, controls): (&Parametric, &[Tested], &[Control]),
    steps: &[Step],
) -> Checked<SanitySettings> {
    let target = match &options.target {
        Target::Top => json!("top"),
        target => json!(format!("{target:?}")),
    };
    let mut others = Map::new();
    let entries = [
        ("target", target),
        ("preprocessing", json!(session.preprocessing().ok())),
        ("input_range", json!(session.input_range())),
    ];
    others.extend(entries.map(|(name, value)| (name.to_string(), value)));
    let names = parametric.layers().iter().map(|layer| layer.name.clone()).collect::<Vec<_>>();
    let step = |step: &Step| StepSettings {
        layers: step.layers.iter().map(|&layer| names[layer].clone()).collect(),
    };
    let control = |control: &Control| TestedSettings {
        name: control.name().to_string(),
        method: "control".to_string(),
        composite: None,
        parameters: Value::Null,
        is_control: true,
    };
    let methods = methods.iter().map(|method| method.settings.clone());
    Ok(SanitySettings {
        hash: String::new(),
        version: env!("CARGO_PKG_VERSION").to_string(),
        model: session.path().display().to_string(),
        seed: options.seed,
        order: options.order,
        initialisation: options.initialisation,
        methods: methods.chain(controls.iter().map(control)).collect(),
        steps: steps.iter().map(step).collect(),
        smooth: options.smooth,
        others,
    })
}

/// The methods, compiled for the trained network.
fn methods(session: &Session, options: &SanityOptions) -> Result<Vec<Tested>> {
    let asked =
        if options.methods.is_empty() { default_methods()? } else { options.methods.clone() };
    let compiled = asked.into_iter().map(|method| compiled(session, method));
    let methods = compiled.collect::<Result<Vec<Tested>>>()?;
    let mut names: Vec<&str> = Control::ALL.iter().map(|control| control.name()).collect();
    for method in &methods {
        let name = method.settings.name.as_str();
        if names.contains(&name) {
            let error = anyhow!("two methods are called `{name}`: give one of them another name");
            return Err(Error::of(Error::Method, error));
        }
        names.push(name);
    }
    Ok(methods)
}

fn compiled(session: &Session, method: TestedMethod) -> Result<Tested> {
    // Explanations share the cores; each has one thread.
    let mut options = method.options.threads(1);
    if options.takes_initial() {
        // A logit of another sign would turn the map over.
        options = options.initial(Initial::One);
    }
    refuse_noise(&options)?;
    let trained = session.explainer(options.clone())?;
    let tested = trained.method();
    let settings = TestedSettings {
        name: method.name.unwrap_or_else(|| trained.title()),
        method: tested.name().to_string(),
        composite: tested.takes_composite().then(|| trained.composite().to_string()),
        parameters: tested.parameters(),
        is_control: false,
    };
    Ok(Tested { settings, options, trained })
}
