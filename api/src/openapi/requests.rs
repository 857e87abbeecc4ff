//! What a request may be, where the handlers' schemas have no words for it: a client can check its input before it sends it,
//! and a fuzzer knows what must be taken and what refused.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Formats of ours, with the pattern that each stands for: the handlers name the format, the document shows the pattern. It says
/// what a regular expression of any language can; invisible characters and the like are refused beyond it (`domain::input`).
const TEXTS: [(&str, &str); 5] = [
    // One line, with something to see on it.
    ("line", r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"),
    // Lines, with something to see in them.
    ("words", r"^\s*[^\s\x00][^\x00]*$"),
    // Visible ASCII characters.
    ("token", r"^[!-~]+$"),
    // The short name of a workspace.
    ("slug", r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
    // A phone number with its country code, as people write it: 7 to 15 digits.
    ("phone", r"^(\+|00)?[ \xa0()./-]*[1-9]([ \xa0()./-]*[0-9]){6,14}[ \xa0()./-]*$"),
];

/// Completes the schemas of all requests; `requests` are the names of those in the components.
pub(super) fn complete(document: &mut Value, requests: &BTreeSet<String>) {
    put_patterns(document);
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        for (_, schema) in schemas.iter_mut().filter(|(name, _)| requests.contains(*name)) {
            close(schema);
        }
    }
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        parameters.into_iter().flatten().for_each(complete_parameter);
    }
}

/// Puts the pattern in the place of each format that is ours.
fn put_patterns(value: &mut Value) {
    match value {
        Value::Object(schema) => {
            let format = schema.get("format").and_then(Value::as_str);
            if let Some((_, pattern)) = TEXTS.iter().find(|(name, _)| Some(*name) == format) {
                schema.remove("format");
                schema.insert("minLength".to_owned(), json!(1));
                schema.insert("pattern".to_owned(), json!(pattern));
            }
            schema.values_mut().for_each(put_patterns);
        }
        Value::Array(items) => items.iter_mut().for_each(put_patterns),
        _ => {}
    }
}

/// All bodies refuse unknown fields; forms, and the variants of an enumeration with a tag, do not say so themselves.
fn close(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    if schema.contains_key("properties") {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
    let variants = schema.get_mut("oneOf").and_then(Value::as_array_mut);
    variants.into_iter().flatten().for_each(close);
}

/// A parameter is there with a value or not at all.
fn complete_parameter(parameter: &mut Value) {
    let query = parameter["in"] == "query";
    let schema = &mut parameter["schema"];
    // An enumeration with a default comes as both of two schemas, the second of which is of no value.
    if let Some([kind, default]) = schema["allOf"].as_array().map(Vec::as_slice) {
        let (mut merged, default) = (kind.clone(), default["default"].clone());
        merged["default"] = default;
        *schema = merged;
    }
    let text = schema["type"] == "string" && schema.get("format").is_none() && schema.get("enum").is_none();
    if query && text && schema.get("minLength").is_none() {
        schema["minLength"] = json!(1);
    }
}
