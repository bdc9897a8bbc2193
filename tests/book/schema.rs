//! As much of JSON Schema as the schema of reports uses. A word that is not known here is an error, so that nothing in the
//! schema is passed over.

use serde_json::Value;

/// A schema and where its definitions are.
pub struct Schema {
    root: Value,
}

impl Schema {
    pub fn parse(text: &str) -> Schema {
        Schema { root: serde_json::from_str(text).unwrap() }
    }

    /// What is wrong with a value by a definition; nothing if it is valid.
    pub fn errors(&self, definition: &str, value: &Value) -> Vec<String> {
        let mut errors = vec![];
        self.check(self.definition(definition), value, definition, &mut errors);
        errors
    }

    fn definition(&self, name: &str) -> &Value {
        let found = &self.root["$defs"][name];
        assert!(found.is_object(), "the schema has no definition {name}");
        found
    }

    fn check(&self, schema: &Value, value: &Value, place: &str, errors: &mut Vec<String>) {
        for (word, wanted) in schema.as_object().unwrap() {
            let is_right = match word.as_str() {
                "description" => true,
                "$ref" => {
                    let name = wanted.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    self.check(self.definition(name), value, place, errors);
                    true
                }
                "type" => has_type(wanted, value),
                "enum" => wanted.as_array().unwrap().contains(value),
                "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
                "maximum" => {
                    // A probability that was rounded to the nearest float.
                    value.as_f64().is_none_or(|number| number <= wanted.as_f64().unwrap() + 1e-6)
                }
                "anyOf" => wanted.as_array().unwrap().iter().any(|choice| {
                    let mut inner = vec![];
                    self.check(choice, value, place, &mut inner);
                    inner.is_empty()
                }),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(wanted, item, &format!("{place}[{index}]"), errors);
                    }
                    true
                }
                "required" => {
                    let names =
                        wanted.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                    let object = value.as_object();
                    let missing =
                        names.filter(|name| object.is_some_and(|it| !it.contains_key(*name)));
                    errors.extend(missing.map(|name| format!("{place}: {name} is missing")));
                    true
                }
                "properties" | "additionalProperties" => true,
                word => panic!("the schema has the word {word}, which this test does not know"),
            };
            if !is_right {
                errors.push(format!("{place}: {value} is not {word} {wanted}"));
            }
        }
        self.check_properties(schema, value, place, errors);
    }

    fn check_properties(
        &self,
        schema: &Value,
        value: &Value,
        place: &str,
        errors: &mut Vec<String>,
    ) {
        for (name, inner) in value.as_object().into_iter().flatten() {
            let place = format!("{place}.{name}");
            match (schema["properties"].get(name), schema.get("additionalProperties")) {
                (Some(known), _) => self.check(known, inner, &place, errors),
                (None, Some(Value::Bool(false))) => {
                    errors.push(format!("{place}: the schema does not name it"));
                }
                (None, Some(others)) => self.check(others, inner, &place, errors),
                (None, None) => {}
            }
        }
    }
}

fn has_type(wanted: &Value, value: &Value) -> bool {
    let is = |word: &str| match word {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        word => panic!("the schema has the type {word}, which this test does not know"),
    };
    match wanted {
        Value::Array(several) => several.iter().any(|word| is(word.as_str().unwrap())),
        word => is(word.as_str().unwrap()),
    }
}

#[test]
fn wrong_reports_are_found() {
    let schema = Schema::parse(
        r##"{ "$defs": { "a": { "type": "object", "required": ["b"], "additionalProperties": false,
             "properties": { "b": { "type": "number", "minimum": 0 }, "c": { "type": "array", "items": { "$ref": "#/$defs/a" } } } } } }"##,
    );
    let errors = |text: &str| schema.errors("a", &serde_json::from_str(text).unwrap());
    assert!(errors(r#"{ "b": 1, "c": [{ "b": 0 }] }"#).is_empty());
    for (text, place) in [
        (r#"{ "c": [] }"#, "a: b is missing"),
        (r#"{ "b": "1" }"#, "a.b: \"1\" is not type"),
        (r#"{ "b": -1 }"#, "a.b: -1 is not minimum"),
        (r#"{ "b": 1, "d": 1 }"#, "a.d: the schema does not name it"),
        (r#"{ "b": 1, "c": [{ "b": null }] }"#, "a.c[0].b: null is not type"),
        ("3", "a: 3 is not type"),
    ] {
        assert!(errors(text).iter().any(|error| error.starts_with(place)), "{:?}", errors(text));
    }
}
