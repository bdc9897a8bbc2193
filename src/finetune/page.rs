//! A training as a page: one file that needs no network and no script.

use super::confusion::{Confusion, Summary};
use super::report::FinetuneReport;
use super::state::EpochLine;
use crate::page::{FRAME_STYLE, Page, escaped};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");

/// Classes up to which a confusion is shown as a whole; of more, the pairs that are confused most.
const MOST_CLASSES: usize = 24;

/// Pairs of classes that are listed.
const PAIRS: usize = 20;

/// The page of a training.
pub fn page(report: &FinetuneReport) -> String {
    let page = Page {
        body: PAGE,
        title: &format!("Training of {}", report.model),
        parts: &[
            ("facts", &escaped(&facts(report))),
            ("verdict", &escaped(&verdict(report))),
            ("accuracy", &curves(report, "accuracy", |it| it.accuracy)),
            ("loss", &curves(report, "loss", |it| it.loss)),
            ("epochs", &epochs(report)),
            ("before", &confusion(report, 0)),
            ("after", &confusion(report, report.best)),
            ("frozen", &frozen(report)),
        ],
        styles: &[FRAME_STYLE, STYLE],
    };
    page.assembled()
}

fn facts(report: &FinetuneReport) -> String {
    let settings = &report.settings;
    let [training, held_out] = report.pictures;
    format!(
        "{}, learning rate {} ({}), batches of {}, seed {}; {} numbers in {} tensors trained, {} tensors frozen; {training} \
         pictures to train with, {held_out} held out; written to {}",
        settings.rule.word(),
        settings.learning_rate,
        settings.schedule.word(),
        settings.batch,
        settings.seed,
        report.parameters.numbers,
        report.parameters.trained,
        report.parameters.frozen.len(),
        report.output
    )
}

/// What came of it, in a sentence.
pub fn verdict(report: &FinetuneReport) -> String {
    let share = |epoch: usize| {
        report.line(epoch).map_or("?".to_string(), |line| percent(line.held_out.accuracy))
    };
    let whose = match report.pictures {
        [_, 0] => "of the pictures that it was trained with",
        _ => "of the pictures held out",
    };
    let stopped =
        report.stopped.as_ref().map_or(String::new(), |why| format!(" It stopped early: {why}."));
    format!(
        "Right before: {} {whose}; after: {} (the network of epoch {}).{stopped}",
        share(0),
        share(report.best),
        report.best
    )
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

fn epochs(report: &FinetuneReport) -> String {
    let number = |it: Option<f64>| it.map_or("–".to_string(), |it| format!("{it:.4}"));
    let share = |it: Option<f64>| it.map_or("–".to_string(), percent);
    let row = |line: &EpochLine| {
        let class = if line.epoch == report.best { " class=\"best\"" } else { "" };
        let training = line.training;
        format!(
            "<tr{class}><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.3e}</td><td>{:.1}</td></tr>\n",
            if line.epoch == 0 { "before".to_string() } else { line.epoch.to_string() },
            number(training.map(|it| it.loss)),
            share(training.map(|it| it.accuracy)),
            number(Some(line.held_out.loss)),
            share(Some(line.held_out.accuracy)),
            line.learning_rate,
            line.seconds
        )
    };
    let rows: String = report.history.iter().map(row).collect();
    format!(
        "<thead><tr><th>epoch</th><th>loss, training</th><th>right</th><th>loss, held out</th><th>right</th>\
         <th>learning rate</th><th>seconds</th></tr></thead>\n<tbody>\n{rows}</tbody>"
    )
}

/// A number of every epoch as two lines: while it was trained, and held out.
fn curves(report: &FinetuneReport, name: &str, of: impl Fn(&Summary) -> f64) -> String {
    let last = report.history.last().map_or(1, |line| line.epoch).max(1) as f64;
    let values = |of_line: &dyn Fn(&EpochLine) -> Option<f64>| -> Vec<(f64, f64)> {
        let points = report.history.iter().filter_map(|it| Some((it.epoch as f64, of_line(it)?)));
        points.filter(|(_, value)| value.is_finite()).collect()
    };
    let training = values(&|line| line.training.as_ref().map(&of));
    let held_out = values(&|line| Some(of(&line.held_out)));
    let all = || training.iter().chain(&held_out).map(|(_, value)| *value);
    let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if !(low.is_finite() && high.is_finite()) {
        return String::new();
    }
    let high = if high > low { high } else { low + 1.0 };
    let x = |epoch: f64| 50.0 + 340.0 * epoch / last;
    let y = |value: f64| 170.0 - 150.0 * (value - low) / (high - low);
    let mut body = String::new();
    for value in [low, 0.5 * (low + high), high] {
        let at = y(value);
        body.push_str(&format!(
            "<line class=\"guide\" x1=\"50\" x2=\"390\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text x=\"44\" y=\"{:.1}\" \
             text-anchor=\"end\">{value:.3}</text>",
            at + 4.0
        ));
    }
    for (class, points) in [("training", &training), ("held", &held_out)] {
        let line: Vec<String> = points
            .iter()
            .map(|&(epoch, value)| format!("{:.1},{:.1}", x(epoch), y(value)))
            .collect();
        body.push_str(&format!("<polyline class=\"{class}\" points=\"{}\"/>", line.join(" ")));
        for &(epoch, value) in points.iter() {
            body.push_str(&format!(
                "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"><title>epoch {epoch}: {value:.4}</title></circle>",
                x(epoch),
                y(value)
            ));
        }
    }
    body.push_str(&format!(
        "<text x=\"50\" y=\"188\">0</text><text x=\"390\" y=\"188\" text-anchor=\"end\">{last} epochs</text>"
    ));
    format!(
        "<figure><svg viewBox=\"0 0 400 195\" role=\"img\" aria-label=\"{name} of every epoch\">{body}</svg>\
         <figcaption>{name}</figcaption></figure>\n"
    )
}

fn confusion(report: &FinetuneReport, epoch: usize) -> String {
    let Some(line) = report.line(epoch) else { return String::new() };
    let name =
        |class: usize| escaped(report.classes.get(class).map_or(&class.to_string(), |name| name));
    let table = match line.confusion.len() {
        0..=MOST_CLASSES => whole(&line.confusion, &name),
        _ => most_confused(&line.confusion, &name),
    };
    format!("<div class=\"scroll\"><table class=\"confusion\">{table}</table></div>")
}

fn whole(confusion: &Confusion, name: &impl Fn(usize) -> String) -> String {
    let heading: String =
        (0..confusion.len()).map(|class| format!("<th>{}</th>", name(class))).collect();
    let row = |(class, row): (usize, &Vec<usize>)| {
        let total = row.iter().sum::<usize>().max(1);
        let cells: String = row
            .iter()
            .enumerate()
            .map(|(said, &count)| {
                let share = 100 * count / total;
                let kind = if said == class { "right" } else { "wrong" };
                let shown = if count == 0 { String::new() } else { count.to_string() };
                format!("<td class=\"{kind}\" style=\"--share: {share}%\">{shown}</td>")
            })
            .collect();
        format!("<tr><th>{}</th>{cells}</tr>\n", name(class))
    };
    let rows: String = confusion.iter().enumerate().map(row).collect();
    format!("<thead><tr><th>is ↓, taken for →</th>{heading}</tr></thead>\n<tbody>\n{rows}</tbody>")
}

fn most_confused(confusion: &Confusion, name: &impl Fn(usize) -> String) -> String {
    let mut pairs: Vec<(usize, usize, usize)> = vec![];
    for (class, row) in confusion.iter().enumerate() {
        let wrong = row.iter().enumerate().filter(|&(said, &count)| said != class && count > 0);
        pairs.extend(wrong.map(|(said, &count)| (count, class, said)));
    }
    pairs.sort_by_key(|&(count, class, said)| (std::cmp::Reverse(count), class, said));
    let row = |&(count, class, said): &(usize, usize, usize)| {
        format!("<tr><td>{}</td><td>{}</td><td>{count}</td></tr>\n", name(class), name(said))
    };
    let rows: String = pairs.iter().take(PAIRS).map(row).collect();
    format!(
        "<thead><tr><th>is</th><th>taken for</th><th>pictures</th></tr></thead>\n<tbody>\n{rows}</tbody>"
    )
}

fn frozen(report: &FinetuneReport) -> String {
    let others: Vec<_> =
        report.parameters.frozen.iter().filter(|it| it.why != "as asked").collect();
    if others.is_empty() {
        return "<p class=\"note\">None, but for those that were asked to be.</p>".to_string();
    }
    let row = |it: &&super::report::Frozen| {
        format!("<tr><td>{}</td><td>{}</td></tr>\n", escaped(&it.name), escaped(&it.why))
    };
    let rows: String = others.iter().map(row).collect();
    format!(
        "<div class=\"scroll\"><table><thead><tr><th>parameter</th><th>why</th></tr></thead>\n<tbody>\n{rows}</tbody></table></div>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finetune::{FinetuneSettings, Frozen, ParameterCounts};

    fn report(classes: usize) -> FinetuneReport {
        let line = |epoch: usize, accuracy: f64| EpochLine {
            epoch,
            learning_rate: 0.01,
            training: (epoch > 0).then_some(Summary { accuracy, loss: f64::NAN }),
            held_out: Summary { accuracy, loss: 1.0 - accuracy },
            confusion: vec![vec![1; classes]; classes],
            seconds: 0.5,
        };
        FinetuneReport {
            tool: "onnxplain".into(),
            version: "0".into(),
            model: "<model>.onnx".into(),
            output: "new.onnx".into(),
            settings: FinetuneSettings::default(),
            parameters: ParameterCounts {
                trained: 3,
                numbers: 70,
                frozen: vec![Frozen { name: "token".into(), why: "it is none".into() }],
            },
            pictures: [80, 20],
            classes: vec!["a & b".into(); classes],
            history: vec![line(0, 0.1), line(1, 0.75)],
            best: 1,
            stopped: None,
        }
    }

    #[test]
    fn the_page_tells_what_came_of_it() {
        let text = page(&report(3));
        assert!(text.contains("Right before: 10.00 % of the pictures held out; after: 75.00 %"));
        assert!(text.contains("Training of &lt;model&gt;.onnx") && text.contains("a &amp; b"));
        assert!(text.contains("<td>token</td><td>it is none</td>") && !text.contains("NaN,"));
        assert_eq!(text.matches("<polyline").count(), 4);
        assert!(!text.contains("{{"));
        let many = page(&report(MOST_CLASSES + 1));
        assert!(many.contains("taken for</th><th>pictures"));
    }
}
