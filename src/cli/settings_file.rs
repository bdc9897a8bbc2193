//! `settings.json`: how the values in the reports beside it were measured.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use onnxplain::io::{Overwrite, write_bytes};

fn path(output: &Path) -> PathBuf {
    output.join("settings.json")
}

/// The settings of an earlier run; `None` where there are none.
///
/// # Errors
/// When the file cannot be read.
pub fn read<T: DeserializeOwned>(output: &Path) -> Result<Option<T>> {
    let path = path(output);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.with_context(|| format!("cannot read {}", path.display()))?,
    };
    // A file of another version may have other fields: what its lines say decides then.
    Ok(serde_json::from_str(&text).ok())
}

/// Writes the settings.
///
/// # Errors
/// When the file cannot be written.
pub fn write(output: &Path, settings: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(settings)? + "\n";
    write_bytes(&path(output), text, Overwrite::Replace)
}

/// Refuses to go on where an earlier run had other settings.
///
/// # Errors
/// Names the first setting that differs.
pub fn refuse_others(output: &Path, settings: &impl Serialize) -> Result<()> {
    let mut now = serde_json::to_value(settings)?;
    let differs = |then: &Value| then.get("hash") != now.get("hash");
    let Some(mut then) = read::<Value>(output)?.filter(differs) else { return Ok(()) };
    // The hash tells that something differs, not what.
    for settings in [&mut then, &mut now] {
        settings.as_object_mut().and_then(|object| object.remove("hash"));
    }
    let (name, then, now) = difference(String::new(), &then, &now);
    bail!(
        "cannot resume: in {} {name} is {then}, now it is {now}; give the options of the first run, --overwrite to begin \
         again, or another --output",
        path(output).display()
    )
}

/// The first entry that differs, with its values.
pub fn difference<'a>(
    name: String,
    then: &'a Value,
    now: &'a Value,
) -> (String, &'a Value, &'a Value) {
    let entries: Vec<(String, &Value, &Value)> = match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            let names = now.keys().chain(then.keys());
            let of = |object: &'a serde_json::Map<String, Value>, name: &str| {
                object.get(name).unwrap_or(&Value::Null)
            };
            names.map(|name| (name.clone(), of(then, name), of(now, name))).collect()
        }
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            let pairs = then.iter().zip(now).enumerate();
            pairs.map(|(place, (then, now))| ((place + 1).to_string(), then, now)).collect()
        }
        _ => vec![],
    };
    match entries.into_iter().find(|(_, then, now)| then != now) {
        Some((entry, then, now)) => {
            let name = if name.is_empty() { entry } else { format!("{name} {entry}") };
            difference(name, then, now)
        }
        None => (name, then, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_difference_is_named() {
        let then =
            json!({ "fill": { "name": "blur" }, "methods": [{ "name": "a" }, { "name": "b" }] });
        let mut now = then.clone();
        now["methods"][1]["name"] = json!("c");
        let (name, before, after) = difference(String::new(), &then, &now);
        assert_eq!((name.as_str(), before, after), ("methods 2 name", &json!("b"), &json!("c")));
        now = then.clone();
        now["fill"] = json!(null);
        assert_eq!(difference(String::new(), &then, &now).0, "fill");
    }
}
