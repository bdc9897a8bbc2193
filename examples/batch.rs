//! Explains many pictures with several methods: the model is opened once, compiled once for each method, and every core
//! explains a picture of its own.
//!
//!     cargo run --example batch -- MODEL PICTURE...
//!
//! Prints for every picture and method how much of the relevance speaks against the class.

use onnxplain::{Composite, Error, ExplainerOptions, Method, Session, Targets, Unwatched};

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let Some(model) = arguments.next() else {
        eprintln!("usage: batch MODEL PICTURE...");
        std::process::exit(2);
    };
    let pictures: Vec<String> = arguments.collect();

    let session = Session::open(model)?;
    let lrp = ExplainerOptions::new();
    let ways = [
        ("lrp", lrp.clone()),
        ("lrp, epsilon-plus", lrp.composite(Composite::named("epsilon-plus")?)),
        ("input-x-gradient", Method::named("input-x-gradient")?.into()),
    ];
    for (name, options) in ways {
        let explainer = session.explainer(options.threads(1))?;
        let results = explainer.explain_batch(&pictures, &Targets::default(), &Unwatched);
        for (picture, explanations) in pictures.iter().zip(results) {
            match explanations {
                // One target, so one explanation each.
                Ok(explanations) => explanations.iter().for_each(|explanation| {
                    let values = explanation.relevance().values();
                    let total: f32 = values.iter().map(|value| value.abs()).sum();
                    let against: f32 = values.iter().filter(|value| **value < 0.0).sum();
                    let class = explanation.class().label.clone().unwrap_or_default();
                    println!(
                        "{name}: {picture}: {class}, {:.0} % against",
                        -100.0 * against / total
                    );
                }),
                // A broken picture does not end the batch.
                Err(error) => eprintln!("{error:#}"),
            }
        }
    }
    Ok(())
}
