//! What the OpenAPI document promises, held against every answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use domain::refusal::Code;
use jsonschema::{Draft, Validator};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::client::Reply;

/// The document, as the server serves it (a test holds that it does).
pub fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(api::openapi::document)
}

/// One documented operation.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// The path with its parameters: `/v1/conversations/{conversation_id}`.
    pub path: &'static str,
    /// The method in lower case.
    pub method: &'static str,
    /// What the document says.
    pub spec: &'static Value,
}

impl Operation {
    /// What the document says of its answer with this status; what several operations share is said once.
    #[must_use]
    pub fn response(&self, status: &str) -> Option<&'static Value> {
        let response = self.spec["responses"].get(status)?;
        Some(match response["$ref"].as_str() {
            Some(link) => document().pointer(link.trim_start_matches('#')).unwrap(),
            None => response,
        })
    }
}

/// Every operation of the document.
pub fn operations() -> Vec<Operation> {
    let paths = document()["paths"].as_object().unwrap();
    let of = |(path, item): (&'static String, &'static Value)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, spec)| Operation { path, method, spec })
    };
    paths.iter().flat_map(of).collect()
}

/// The operation of a call.
#[must_use]
pub fn operation(method: &Method, path: &str) -> Option<Operation> {
    let path = path.split('?').next().unwrap();
    let fits = |template: &str| {
        template.split('/').count() == path.split('/').count()
            && template
                .split('/')
                .zip(path.split('/'))
                .all(|(want, part)| want.starts_with('{') || want == part)
    };
    let method = method.as_str().to_lowercase();
    let mut found: Vec<_> =
        operations().into_iter().filter(|one| one.method == method && fits(one.path)).collect();
    // `/v1/conversations/counts` is meant before `/v1/conversations/{conversation_id}`.
    found.sort_by_key(|one| one.path.matches('{').count());
    found.first().copied()
}

/// Fails unless the answer is as documented.
pub(crate) fn check(
    method: &Method,
    path: &str,
    reply: &Reply,
    content_type: Option<&str>,
    documented: bool,
) {
    let what = &reply.what;
    assert!(reply.headers.contains_key("x-request-id"), "{what}: no X-Request-Id");
    if reply.status >= 400 {
        check_problem(reply, content_type);
    }
    if !documented {
        return;
    }
    let operation = operation(method, path).unwrap_or_else(|| panic!("{what} is not documented"));
    let status = reply.status.to_string();
    let response = operation.response(&status).unwrap_or_else(|| {
        panic!("{what} answered {status}, which is not documented: {}", String::from_utf8_lossy(&reply.body))
    });
    check_headers(what, response, reply);
    let documented_types = response["content"].as_object();
    match (content_type.map(essence), documented_types) {
        (None, None) => assert!(reply.body.is_empty(), "{what}: a body that is not documented"),
        (None, Some(_)) => panic!("{what}: {status} has no body, but one is documented"),
        (Some(found), types) => {
            let content = types.and_then(|types| types.get(found).or_else(|| types.get("*/*")));
            let content = content.unwrap_or_else(|| panic!("{what}: {status} as {found} is not documented"));
            if found.ends_with("json") {
                fits(&format!("{} {} {status}", operation.method, operation.path), &content["schema"], reply);
            }
        }
    }
}

fn check_problem(reply: &Reply, content_type: Option<&str>) {
    let what = &reply.what;
    assert_eq!(content_type.map(essence), Some("application/problem+json"), "{what}: {}", reply.status);
    let code = reply.json["code"].as_str().unwrap_or_default();
    assert!(code.parse::<Code>().is_ok(), "{what}: {code:?} is no code of ours");
    assert_eq!(reply.json["status"], reply.status, "{what}");
    assert_eq!(reply.json["request_id"].as_str(), reply.header("x-request-id"), "{what}");
    fits("a problem", &json!({ "$ref": "#/components/schemas/Problem" }), reply);
}

/// Documented headers that must be there; `Retry-After` and the like are documented where they are sent.
fn check_headers(what: &str, response: &Value, reply: &Reply) {
    for name in response["headers"].as_object().into_iter().flat_map(Map::keys) {
        assert!(reply.headers.contains_key(name), "{what}: {} is documented to have {name}", reply.status);
    }
    for name in ["etag", "stream-cursor", "retry-after"] {
        let documented = response["headers"]
            .as_object()
            .is_some_and(|headers| headers.keys().any(|key| key.eq_ignore_ascii_case(name)));
        assert!(documented || !reply.headers.contains_key(name), "{what}: {name} is not documented");
    }
}

fn fits(key: &str, schema: &Value, reply: &Reply) {
    let validator = compiled(key, schema);
    let errors: Vec<String> = validator
        .iter_errors(&reply.json)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(
        errors.is_empty(),
        "{}: the body is not as documented: {errors:#?}\n{:#}",
        reply.what,
        reply.json
    );
}

/// Fails unless a frame of the stream is as the AsyncAPI document says.
pub fn check_frame(frame: &Value) {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    static COMPILED: OnceLock<Mutex<HashMap<String, Arc<Validator>>>> = OnceLock::new();
    let document = DOCUMENT.get_or_init(api::asyncapi::value);
    let op = frame["op"].as_str().unwrap_or_default();
    let message = match frame["type"].as_str() {
        Some(event_type) if op == "event" => format!("event.{event_type}"),
        _ => op.to_owned(),
    };
    let validator = {
        let mut compiled = COMPILED.get_or_init(Mutex::default).lock().unwrap();
        let compile = || {
            let payload = &document["components"]["messages"][&message]["payload"];
            assert!(payload.is_object(), "{message:?} is no documented frame: {frame}");
            Arc::new(frame_validator(document, payload))
        };
        compiled.entry(message.clone()).or_insert_with(compile).clone()
    };
    let errors: Vec<String> =
        validator.iter_errors(frame).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "the frame is not as documented: {errors:#?}\n{frame:#}");
}

/// A frame is one schema and what names it, laid over each other: closed as a whole.
fn frame_validator(document: &Value, payload: &Value) -> Validator {
    let mut components = document["components"].clone();
    let parts: Vec<String> = payload["allOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|part| part["$ref"].as_str()?.rsplit('/').next().map(ToOwned::to_owned))
        .collect();
    for (name, schema) in components["schemas"].as_object_mut().unwrap() {
        close(schema, parts.contains(name));
    }
    let mut payload = payload.clone();
    close(&mut payload, true);
    payload["unevaluatedProperties"] = Value::Bool(false);
    build(&json!({ "components": { "schemas": components["schemas"] }, "allOf": [payload] }))
}

/// Each schema is compiled once per process.
fn compiled(key: &str, schema: &Value) -> Arc<Validator> {
    static COMPILED: OnceLock<Mutex<HashMap<String, Arc<Validator>>>> = OnceLock::new();
    let mut compiled = COMPILED.get_or_init(Mutex::default).lock().unwrap();
    compiled.entry(key.to_owned()).or_insert_with(|| Arc::new(validator(schema))).clone()
}

/// A validator of JSON Schema 2020-12 that also refuses fields which the document does not name.
#[must_use]
pub fn validator(schema: &Value) -> Validator {
    static COMPONENTS: OnceLock<Value> = OnceLock::new();
    let components = COMPONENTS.get_or_init(|| {
        let mut components = document()["components"].clone();
        let schemas = components["schemas"].as_object_mut().unwrap();
        schemas.values_mut().for_each(|schema| close(schema, false));
        components
    });
    let mut schema = schema.clone();
    close(&mut schema, false);
    build(&json!({ "components": components, "allOf": [schema] }))
}

fn build(root: &Value) -> Validator {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(root)
        .unwrap_or_else(|error| panic!("not a schema: {error}"))
}

/// Nothing undocumented: an object with properties has no others, unless it is one part of several.
fn close(schema: &mut Value, part: bool) {
    match schema {
        Value::Object(map) => {
            let open = part || map.contains_key("allOf") || map.contains_key("additionalProperties");
            if map.contains_key("properties") && !open {
                map.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            for (name, value) in map.iter_mut() {
                // The variants of a part are parts too.
                close(value, name == "allOf" || (part && name == "oneOf"));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| close(item, part)),
        _ => {}
    }
}

/// A media type without its parameters.
pub(crate) fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap().trim()
}
