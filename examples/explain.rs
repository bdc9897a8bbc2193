//! Explains one picture: which pixels speak for the class that the network says, and which against it?
//!
//!     cargo run --example explain -- MODEL PICTURE [CLASS]
//!
//! Writes `heatmap.png` and `overlay.png` to the current folder.

use onnxplain::{Error, ExplainerOptions, Session, Severity, Target};

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (model, picture, target) = match arguments.as_slice() {
        [model, picture] => (model, picture, Target::Top),
        [model, picture, class] => (model, picture, class.parse()?),
        _ => {
            eprintln!("usage: explain MODEL PICTURE [CLASS]");
            std::process::exit(2);
        }
    };

    let session = Session::open(model)?;
    let explainer = session.explainer(ExplainerOptions::new())?;
    let notices = session.notices().iter().chain(explainer.notices());
    for notice in notices.filter(|notice| notice.severity >= Severity::Note) {
        eprintln!("{notice}");
    }

    let explanation = explainer.explain_target(picture, target)?;
    for class in explanation.prediction().strongest(3) {
        let label = class.label.as_deref().unwrap_or("-");
        println!("{:>5.1} %  {:>4}  {label}", 100.0 * class.probability, class.index);
    }
    let sums = explanation.conservation();
    println!(
        "class {}: {:.3} put in, {:.3} at the input, {:.3} absorbed by biases",
        explanation.class().index,
        sums.initial,
        sums.input_sum,
        sums.absorbed_by_bias
    );

    let heatmap = explanation.heatmap()?;
    heatmap.save("heatmap.png")?;
    heatmap.save_overlay("overlay.png")
}
