//! Reports that commands write are as `docs/reference/report.schema.json` says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::docs;
use crate::kitchen::{kitchen, run};
use crate::schema::Schema;

/// A command, the report that it writes, and what its lines are.
const REPORTS: &[(&str, &str, &str)] = &[
    ("onnxplain explain model.onnx photos -o plain --logits all", "plain/report.jsonl", "explain"),
    ("onnxplain explain model.onnx photo.png -o against --target top --against Bag", "against/photo.json", "explain"),
    ("onnxplain explain model.onnx photo.png -o ig --method integrated-gradients --steps 5", "ig/photo.json", "explain"),
    (
        "onnxplain explain model.onnx photo.png -o taylor --method smoothtaylor --samples 5 --adaptive tv",
        "taylor/photo.json",
        "explain",
    ),
    ("onnxplain explain vit.onnx photo.png -o at --at /blocks/blocks.0/Add --save report", "at/photo.json", "explain"),
    (
        "onnxplain explain text.onnx ids.npy -o text --input attention_mask=mask.npy --input token_type_ids=segments.npy",
        "text/ids.json",
        "explain",
    ),
    ("cp model.yaml photos/notes.txt; echo x > photos/broken.png; onnxplain explain model.onnx photos -o broken", "broken/report.jsonl", "explain"),
    ("rm photos/broken.png; onnxplain evaluate model.onnx photos -o judged --methods lrp,saliency", "judged/report.jsonl", "evaluate"),
    ("onnxplain sanity model.onnx photos -o sane --methods lrp --steps 2", "sane/report.jsonl", "sanity"),
    (
        "printf 'input,label,x0,y0,x1,y1\\n*,half,0,0,28,14\\n' > parts.csv;
         onnxplain compare model.onnx resnet.onnx photos --boxes parts.csv -o compared --no-figures",
        "compared/report.jsonl",
        "compare",
    ),
    ("onnxplain search model.onnx photos -o found --budget 600", "found/trials.jsonl", "search"),
    (
        "onnxplain finetune resnet.onnx photos --labels folder --missing-classes -o sgd.onnx --epochs 1 --layers '^10'",
        "sgd.json",
        "finetune",
    ),
    (
        "onnxplain finetune resnet.onnx photos --labels folder --missing-classes -o adam.onnx --epochs 3 --layers '^10' \
         --optimizer adam --clip 1 --patience 1 --validation 0 --reward maximise:3",
        "adam.json",
        "finetune",
    ),
    (
        "onnxplain prune resnet.onnx photos --labels folder --missing-classes -o pruned.onnx --share 0.5 --by magnitude \
         --validation 0.5",
        "pruned.json",
        "prune",
    ),
    (
        "onnxplain maximize model.onnx --target 3,5 --against 1 --steps 2 -o bags --fresh-networks 2 --weight-noise 0.05",
        "bags/report.json",
        "maximize",
    ),
    ("onnxplain maximize model.onnx --layer /10/Conv --channel 0 --steps 2 -o dots --from photo.png", "dots/report.json", "maximize"),
];

/// What a line is, of those that a report may have beside `usual`.
fn definition_of<'a>(line: &Value, usual: &'a str) -> &'a str {
    let others = [("error", "failed"), ("left_out", "left-out"), ("decided", "search-extent")];
    let found = others.iter().find(|(field, _)| line.get(field).is_some());
    found.map_or(usual, |(_, definition)| definition)
}

fn lines(path: &Path) -> Vec<Value> {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|end| end == "json") {
        return vec![serde_json::from_str(&text).unwrap()];
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn reports_are_as_their_schema_says() {
    let text = fs::read_to_string(docs().join("reference/report.schema.json")).unwrap();
    let schema = Schema::parse(&text);
    let kitchen = kitchen();
    let (mut wrong, mut seen) = (vec![], BTreeSet::new());
    for (command, report, definition) in REPORTS {
        let output = run(kitchen.path(), "bash", &["-c", command]);
        let told = String::from_utf8_lossy(&output.stderr);
        let lines = lines(&kitchen.path().join(report));
        assert!(!lines.is_empty(), "{command}\n{told}");
        for line in &lines {
            let definition = definition_of(line, definition);
            seen.insert(definition.to_string());
            let errors = schema.errors(definition, line);
            wrong.extend(errors.into_iter().map(|error| format!("{report}: {error}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen.len(), 11, "{seen:?}");
}
