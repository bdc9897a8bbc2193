//! Explanations by many composites at once are those of each by itself, to the bit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use onnxplain::composite::{Composite, Space};
use onnxplain::search::{Role, SearchOptions, Verdict};
use onnxplain::{Array, Composite as Rules, ExplainerOptions, Session, Target};

fn sample(name: &str) -> String {
    format!("{}/sample-models/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Composites that agree in nothing, in all, and in the upper layers only.
fn composites(space: &str) -> Vec<Composite> {
    let space = Space::find(space).unwrap();
    let some = [0, 1, 7, space.len() / 2, space.len() - 1];
    let mut all: Vec<Composite> =
        some.map(|number| space.candidate(number).unwrap().composite).to_vec();
    all.push(Composite::find("epsilon-alpha2-beta1-flat").unwrap());
    all.push(all[1].clone());
    all
}

#[test]
fn together_they_are_what_each_is_alone() {
    let input: Vec<f32> = (0..784).map(|index| ((index * 37 % 101) as f32) / 101.0).collect();
    let input = Array::new(&[1, 28, 28], &input).unwrap();
    for (model, space) in [
        ("fashion_vgg", "vgg"),
        ("fashion_resnet", "resnet"),
        ("fashion_densenet", "densenet"),
        ("fashion_mobilenet", "mobilenet"),
        ("fashion_inception", "inception"),
        ("fashion_vit", "vit"),
    ] {
        let session = Session::open(sample(&format!("{model}.onnx"))).unwrap();
        let composites = composites(space);
        let wanted: Vec<usize> = (0..composites.len()).filter(|number| *number != 3).collect();
        let variants = session.variants(&ExplainerOptions::new(), &composites).unwrap();
        let mut found = vec![None; composites.len()];
        let mut keep = |number: usize, result: onnxplain::Result<_>| {
            assert!(found[number].replace(result.unwrap()).is_none(), "{number} comes twice");
        };
        variants.explain(&input, 3, &wanted, &mut keep).unwrap();
        assert!(found[3].is_none());
        for number in wanted {
            let space = Space::find(space).unwrap();
            let alone = match number {
                5 => Rules::named("epsilon-alpha2-beta1-flat").unwrap(),
                number => {
                    let places = [0, 1, 7, space.len() / 2, space.len() - 1];
                    let place = *places.get(number).unwrap_or(&1);
                    let yaml = space.candidate(place).unwrap();
                    Rules::parse(&yaml.to_yaml("one", "", &serde_json::json!({})).unwrap()).unwrap()
                }
            };
            let explainer = session.explainer(ExplainerOptions::new().composite(alone).threads(1));
            let alone = explainer.unwrap().explain_target(&input, Target::Class(3)).unwrap();
            let together = found[number].as_ref().unwrap();
            assert_eq!(
                together.relevance.values(),
                alone.relevance().values(),
                "{model}, composite {number}"
            );
            // What is absorbed is added up in another order.
            let (found, expected) = (together.sums, alone.conservation());
            assert_eq!((found.initial, found.input_sum), (expected.initial, expected.input_sum));
            let difference = (found.absorbed_by_bias - expected.absorbed_by_bias).abs();
            assert!(difference <= 1e-5 * expected.initial.abs(), "{model}, composite {number}");
        }
    }
}

#[test]
fn a_search_finds_what_is_hidden_in_a_space_of_bad_rules() {
    // Of these, all but γ = 0.1 are far behind on this network.
    let space = "
name: hidden
parameters:
  rule: [flat, { gamma: 0.1 }, w-square, z-plus]
rules:
  - when: { kind: convolution }
    rule: $rule
  - when: { kind: dense }
    rule: epsilon
  - when: { kind: [sum, average-pool] }
    rule: norm
  - when: { kind: [activation, normalization] }
    rule: pass
";
    let session = Session::open(sample("fashion_resnet.onnx")).unwrap();
    let names = ["bag", "coat", "dress", "sandal", "shirt", "sneaker", "trouser", "pullover"];
    let pictures = names.map(|name| sample(&format!("photos/fashion/{name}.png")));
    let options = SearchOptions::new().space_text(space).unwrap();
    let found = session.search(&pictures, options).unwrap();
    assert_eq!(found.winner, 1);
    assert!(found.failures.is_empty() && found.verdict != Verdict::Worse);
    let roles: Vec<Role> = found.confirmed.iter().map(|row| row.role).collect();
    assert_eq!(roles, [Role::Winner, Role::Default, Role::Preset, Role::Preset, Role::Preset]);
    // Screening runs the network once a subset, however many composites there are.
    let choosing = found.settings.choosing.len();
    assert_eq!(choosing, 4);
    assert!(found.cost.choosing.explanations <= choosing * (4 + 4));
}

/// Time that this thread had a processor, in seconds.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() * 1e-9
}

/// `cargo test --test search -- --ignored --nocapture`, in a build with optimisations.
#[test]
#[ignore = "measures time"]
fn a_candidate_costs_a_third_of_a_propagation_where_the_lower_third_differs() {
    let session = Session::open(sample("efficientnet_lite0.onnx")).unwrap();
    let input = session.prepare(&sample("photos/coffee.jpg")).unwrap();
    let space = |low: &str| {
        let text = include_str!("../rules/spaces/mobilenet.yaml");
        let text: String = text
            .lines()
            .map(|line| match line.trim_start().split(':').next() {
                Some("first") => "  first: [z-box]\n".to_string(),
                Some("low") => format!("  low: {low}\n"),
                Some("middle") => "  middle: [0.5]\n".to_string(),
                Some("high") => "  high: [0.05]\n".to_string(),
                _ => format!("{line}\n"),
            })
            .collect();
        let space = Space::parse(&text, "space").unwrap();
        let composites = space.candidates().unwrap().into_iter().map(|it| it.composite);
        session.variants(&ExplainerOptions::new(), &composites.collect::<Vec<_>>()).unwrap()
    };
    let variants = space("[5, 0.1, 0.2, 0.5, 1, 2, 3, 10, 20]");
    let array = Array::new(&[3, 224, 224], input.array().values()).unwrap();
    let explainer = session.explainer(ExplainerOptions::new().threads(1)).unwrap();
    let all: Vec<usize> = (0..variants.count()).collect();
    let timed = |work: &dyn Fn()| {
        let begin = processor_seconds();
        work();
        processor_seconds() - begin
    };
    let explain = |wanted: &[usize]| {
        variants.explain(&array, 504, wanted, &mut |_, _| ()).unwrap();
    };
    let mut least = [f64::INFINITY; 4];
    for _ in 0..7 {
        let seconds = [
            timed(&|| drop(explainer.predict(&array).unwrap())),
            timed(&|| drop(explainer.explain_target(&array, Target::Class(504)).unwrap())),
            timed(&|| explain(&all[..1])),
            timed(&|| explain(&all)),
        ];
        least.iter_mut().zip(seconds).for_each(|(least, found)| *least = least.min(found));
    }
    let [forward, explained, one, together] = least;
    let full = explained - forward;
    let further = (together - one) / (all.len() - 1) as f64;
    println!("forward {forward:.4} s, propagation {full:.4} s, a further candidate {further:.4} s");
    assert!(further <= full / 3.0, "{:.2} of a propagation", further / full);
}
