//! What the derived schemas say wrongly or leave unsaid, put right in the whole document.

use serde_json::{Map, Value, json};

/// Corrects every schema within `value`.
pub(super) fn apply(value: &mut Value) {
    match value {
        Value::Object(schema) => {
            move_default_to_its_schema(schema);
            say_size_of_integers(schema);
            keep_null_out_of_headers(schema);
            schema.values_mut().for_each(apply);
        }
        Value::Array(values) => values.iter_mut().for_each(apply),
        _ => {}
    }
}

/// The default of an enumeration is derived as a second part of type object, and nothing is both: a
/// generator of clients would give up.
fn move_default_to_its_schema(schema: &mut Map<String, Value>) {
    let Some([Value::Object(own), Value::Object(added)]) =
        schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice)
    else {
        return;
    };
    if let Some(default) = added.get("default") {
        let mut own = own.clone();
        own.insert("default".to_owned(), default.clone());
        schema.remove("allOf");
        schema.extend(own);
    }
}

/// Sizes and indexes (`usize`) are derived without a format; a client needs to know that they may take
/// 64 bits.
fn say_size_of_integers(schema: &mut Map<String, Value>) {
    let integer = match schema.get("type") {
        Some(Value::String(name)) => name == "integer",
        Some(Value::Array(names)) => names.iter().any(|name| name == "integer"),
        _ => false,
    };
    if integer && !schema.contains_key("enum") {
        schema.entry("format").or_insert_with(|| json!("int64"));
    }
}

/// What may be left out is derived as what may be null, which a header cannot be.
fn keep_null_out_of_headers(parameter: &mut Map<String, Value>) {
    if parameter.get("in").is_some_and(|place| place == "header")
        && let Some(kind) = parameter.get_mut("schema").and_then(|schema| schema.get_mut("type"))
        && let [one, null] = kind.as_array().map(Vec::as_slice).unwrap_or_default()
        && null == "null"
    {
        *kind = one.clone();
    }
}
