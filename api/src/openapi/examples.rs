//! Examples of every body, made from the schemas and from sample values by field name: they cannot
//! fall behind the schemas as pasted ones would. What has an example of its own keeps it.

use serde_json::{Map, Value, json};

/// Deeper than any of our bodies; schemas that name themselves must end somewhere.
const DEPTH_MAX: usize = 32;

/// Gives every JSON body of the document an example.
pub(super) fn add(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    for place in ["paths", "webhooks"] {
        add_below(&mut document[place], &schemas);
    }
}

fn add_below(items: &mut Value, schemas: &Value) {
    let Some(items) = items.as_object_mut() else { return };
    for operation in items.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        if let Some(content) = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut) {
            content.values_mut().for_each(|media| add_to(media, schemas));
        }
        let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
        for response in responses.into_iter().flat_map(Map::values_mut) {
            // Problems have their example with their schema.
            if let Some(media) = response.pointer_mut("/content/application~1json") {
                add_to(media, schemas);
            }
        }
    }
}

fn add_to(media: &mut Value, schemas: &Value) {
    if media.get("example").is_some() {
        return;
    }
    let example = sample("", &media["schema"], schemas, 0);
    if !example.is_null() {
        media["example"] = example;
    }
}

/// A value that fits a schema; `name` is the field it is for.
fn sample(name: &str, schema: &Value, schemas: &Value, depth: usize) -> Value {
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    if let Some(example) = schema.get("example").or_else(|| schema["examples"].get(0)) {
        return example.clone();
    }
    if let Some(link) = schema["$ref"].as_str() {
        let target = link.rsplit('/').next().unwrap_or_default();
        return sample(name, &schemas[target], schemas, depth + 1);
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(first) = schema[choice].get(0) {
            return sample(name, first, schemas, depth + 1);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return merged(parts.iter().map(|part| sample(name, part, schemas, depth + 1)));
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or_default();
    match kind {
        "object" => object(schema, schemas, depth),
        "array" => json!([sample(name, &schema["items"], schemas, depth + 1)]),
        "string" => text(name, schema),
        "integer" | "number" => number(name),
        "boolean" => json!(true),
        _ => Value::Null,
    }
}

fn object(schema: &Value, schemas: &Value, depth: usize) -> Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let fields =
        properties.map(|(name, property)| (name.clone(), sample(name, property, schemas, depth + 1)));
    Value::Object(fields.collect())
}

fn merged(parts: impl Iterator<Item = Value>) -> Value {
    let objects = parts.filter_map(|part| part.as_object().cloned());
    Value::Object(objects.flatten().collect())
}

fn text(name: &str, schema: &Value) -> Value {
    let by_format = match schema["format"].as_str() {
        Some("uuid") => Some("01932f6a-7c1e-7b52-9d0c-5a4be1f0a4c7"),
        Some("date-time") => Some("2026-11-20T02:14:03.000000Z"),
        _ => None,
    };
    json!(by_format.unwrap_or(match name {
        "name" | "filename" => "Siti Rahmawati",
        "email" => "siti@toko-tani.example",
        "phone" => "6281234567890",
        "text" => "Selamat pagi kak, paket saya kok belum sampai ya?",
        "slug" => "toko-tani",
        "timezone" => "Asia/Jakarta",
        "external_id" => "115029384756102",
        "webhook_url" => "https://chat.toko-tani.example/hooks/whatsapp/01932f6a-7c1e-7b52-9d0c-5a4be1f0a4c7",
        "callback_url" => "https://chat.example/tanggap",
        "emoji" => "❤️",
        "ends_with" => "9f3c",
        "next_cursor" | "cursor" => "bm90LWEtcmVhbC1jdXJzb3I",
        "provider_code" => "131047",
        _ => "text",
    }))
}

fn number(name: &str) -> Value {
    json!(match name {
        "reply_window_hours" => 24,
        "text_chars" => 4096,
        "size_bytes" => 145_208,
        "expires_in" => 900,
        _ => 1,
    })
}
