//! The OpenAPI document, from the handlers that are served.

mod callback;
mod corrections;
mod examples;
mod rate_limit;
mod requests;
mod webhooks;

use std::collections::BTreeSet;

use actix_web::App as ActixApp;
use domain::access::{Action, KeyUse, roles_for};
use domain::resource::Callback;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::AppExt;

use crate::http::problem::{ProblemBody, ProblemField};
use crate::routes;

/// What the process tells of itself.
#[derive(Debug, Clone)]
pub struct Documents {
    /// `/openapi.json`.
    pub openapi: String,
    /// `/asyncapi.yaml`.
    pub asyncapi: String,
}

impl Documents {
    /// Both documents.
    #[must_use]
    pub fn generate() -> Self {
        Self { openapi: pretty(&document()), asyncapi: crate::asyncapi::document() }
    }
}

const DESCRIPTION: &str = "Customer chat without a front end: WhatsApp, Messenger and Telegram come in, a team answers.\n\n\
    Every list and `GET` answers the header `Stream-Cursor`: load, then open `GET /v1/stream` from it, and nothing is missed. \
    Errors are problems (RFC 9457); match on `code`. The stream is described in `/asyncapi.yaml`.\n\n\
    Each API key and each signed-in device has a number of calls a minute, on each server: the headers `RateLimit-Policy` and `RateLimit` say how many, \
    and what is left.";

const ACCESS_TOKEN: &str = "From `POST /v1/auth/login`. A JWT that is checked as RFC8725 demands: one algorithm, and its type, issuer, audience and times";

const TAGS: [(&str, &str); 20] = [
    ("sign in", "Tokens, invitations and forgotten passwords"),
    ("me", "The caller"),
    ("installation", "Workspaces"),
    ("team", "Agents, divisions and API keys"),
    ("administration", "Who changed what"),
    ("channels", "Connected accounts"),
    ("routing", "Who is given conversations, and why"),
    ("conversations", "Threads with customers, and who holds them"),
    ("messages", "What was written"),
    ("labels", "What conversations are sorted by"),
    ("contacts", "Customers, and what the team knows of them"),
    ("attachments", "Files of messages, and files to be sent"),
    ("templates", "Messages that the provider approves"),
    ("tickets", "Records of sessions that agents handled"),
    ("notifications", "What one member is to know of"),
    ("live", "The event log, as a stream and by polling"),
    ("webhooks", "Servers of integrators that are told what happens"),
    ("calls to integrators", "What those servers are sent"),
    ("provider webhooks", "Called by Meta and Telegram"),
    ("service", "The process itself"),
];

/// What the handlers say, before it is completed.
#[must_use]
pub fn raw() -> OpenApi {
    ActixApp::new().into_utoipa_app().configure(routes::configure).split_for_parts().1
}

/// The whole document.
#[must_use]
pub fn document() -> Value {
    let mut api = raw();
    let components = api.components.get_or_insert_default();
    for (name, schema) in [
        (<ProblemBody as utoipa::ToSchema>::name(), <ProblemBody as utoipa::PartialSchema>::schema()),
        (<ProblemField as utoipa::ToSchema>::name(), <ProblemField as utoipa::PartialSchema>::schema()),
        (<Callback as utoipa::ToSchema>::name(), <Callback as utoipa::PartialSchema>::schema()),
    ] {
        components.schemas.insert(name.into_owned(), schema);
    }
    let mut referenced = Vec::new();
    <ProblemBody as utoipa::ToSchema>::schemas(&mut referenced);
    <Callback as utoipa::ToSchema>::schemas(&mut referenced);
    components.schemas.extend(referenced);
    let mut document = serde_json::to_value(&api).unwrap_or_default();
    document["openapi"] = json!("3.1.0");
    document["info"] = json!({
        "title": "Tanggap",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "contact": { "name": "The maintainers of Tanggap" },
        "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
    });
    document["servers"] = json!([{
        "url": "/",
        "description": "The server, in production or local, that this document was read from",
        "x-internal": false,
    }]);
    document["tags"] = TAGS.iter().map(|(name, text)| json!({ "name": name, "description": text })).collect();
    document["components"]["securitySchemes"] = json!({
        "access_token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": ACCESS_TOKEN },
        "api_key": { "type": "http", "scheme": "bearer", "description": "From `POST /v1/api-keys`; `x-scope` of an operation says which scope it needs, null that any key will do" },
        "signed_url": { "type": "apiKey", "in": "query", "name": "signature", "description": "With `expires`: a `signed_url` that was given out" },
        "operator_key": { "type": "http", "scheme": "bearer", "description": "The setting `TANGGAP_OPERATOR_KEY`" },
        "metrics_key": { "type": "http", "scheme": "bearer", "description": "The setting `TANGGAP_METRICS_KEY`" },
    });
    callback::add(&mut document);
    explain_rights(&mut document);
    refer_to_items(&mut document);
    prune_refusals(&mut document);
    let requests = requests_of(&document);
    requests::complete(&mut document, &requests);
    complete_answers(&mut document, &requests);
    complete_headers(&mut document);
    webhooks::add(&mut document);
    corrections::apply(&mut document);
    rate_limit::add(&mut document);
    examples::add(&mut document);
    document
}

/// Who may call an operation follows from its action: the roles, the credentials, the scope of a key.
fn explain_rights(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for operation in
        paths.values_mut().flat_map(|item| item.as_object_mut().into_iter().flat_map(Map::values_mut))
    {
        let Ok(action) = serde_json::from_value::<Action>(operation["x-action"].clone()) else { continue };
        let open = operation.as_object_mut().and_then(|fields| fields.remove("x-open")).is_some();
        let mut security = vec![json!({ "access_token": [] })];
        let scope = match action.key_use() {
            KeyUse::Never => None,
            KeyUse::Always => Some(Value::Null),
            KeyUse::With(scope) => Some(json!(scope)),
        };
        if let Some(scope) = scope {
            security.push(json!({ "api_key": [] }));
            operation["x-scope"] = scope;
        }
        let signed = operation.as_object_mut().and_then(|fields| fields.remove("x-signed")).is_some();
        if signed {
            security.push(json!({ "signed_url": [] }));
        }
        if open {
            security.insert(0, json!({}));
        }
        operation["security"] = Value::Array(security);
        operation["x-roles"] = json!(roles_for(action));
    }
}

/// The items of a page are the resource itself: generated clients need one type for both.
fn refer_to_items(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    for (name, schema) in schemas.iter_mut() {
        if let Some(item) = name.strip_prefix("Page_") {
            schema["properties"]["items"]["items"] =
                json!({ "$ref": format!("#/components/schemas/{item}") });
        }
    }
}

/// The shared sets of refusals name some that an operation cannot give: without something to find
/// there is no 404, without a body no 413.
fn prune_refusals(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for (path, item) in paths.iter_mut() {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let has = |place: &str, name: Option<&str>| {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                parameters
                    .clone()
                    .any(|one| one["in"] == place && name.is_none_or(|name| one["name"] == name))
            };
            let body = operation.get("requestBody").is_some();
            let finds = path.contains('{') || path == "/metrics";
            let impossible = [
                ("404", !finds),
                ("412", !has("header", Some("If-Match"))),
                ("413", !body),
                ("415", !body),
                ("422", !body && !has("query", None) && !has("header", Some("Idempotency-Key"))),
            ];
            let Some(responses) = operation["responses"].as_object_mut() else { continue };
            for (status, _) in impossible.iter().filter(|(_, impossible)| *impossible) {
                responses.remove(*status);
            }
        }
    }
}

/// The names of the schemas of request bodies, and of those within them.
fn requests_of(document: &Value) -> BTreeSet<String> {
    let mut requests = BTreeSet::new();
    for operation in operations(document) {
        collect_references(&operation["requestBody"], document, &mut requests);
    }
    requests
}

/// In answers nothing is ever missing: absent is null.
fn complete_answers(document: &mut Value, requests: &BTreeSet<String>) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else { return };
    for (_, schema) in schemas.iter_mut().filter(|(name, _)| !requests.contains(*name)) {
        require_all(schema);
    }
}

/// Every property of a schema, and of those within it, is required.
pub(crate) fn require_all(schema: &mut Value) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let names: Vec<Value> = properties.keys().map(|name| json!(name)).collect();
        schema["required"] = Value::Array(names);
    }
    for value in schema.as_object_mut().into_iter().flat_map(Map::values_mut) {
        match value {
            Value::Object(_) => require_all(value),
            Value::Array(items) => items.iter_mut().for_each(require_all),
            _ => {}
        }
    }
}

fn complete_headers(document: &mut Value) {
    let header = |text: &str| json!({ "description": text, "schema": { "type": "string" } });
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for (path, item) in paths.iter_mut() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let secured = operation["security"].to_string().contains("access_token");
            let Some(responses) = operation["responses"].as_object_mut() else { continue };
            for (status, response) in responses {
                let mut headers = json!({ "X-Request-Id": header("The id under which the server's log knows the request") });
                let bytes = response["content"].get("*/*").is_some() || status == "304";
                if bytes {
                    headers["ETag"] = header("The SHA-256 of the bytes, for `If-Range` and `If-None-Match`");
                }
                // A file is a download, not what a client follows the log from.
                let json = response["content"].get("application/json").is_some();
                if method == "get" && status == "200" && secured && json {
                    headers["Stream-Cursor"] =
                        header("From where to follow the event log after reading this");
                }
                if status == "200" && method != "delete" && has_version(path) {
                    headers["ETag"] = header("The version of the resource, for `If-Match`");
                }
                if matches!(status.as_str(), "429" | "503") {
                    headers["Retry-After"] = header("Seconds to wait before trying again");
                }
                response["headers"] = headers;
            }
        }
    }
}

/// What there is once in a workspace, and parts that are set in place of the whole.
const VERSIONED: [&str; 9] = [
    "/v1/me",
    "/v1/me/availability",
    "/v1/me/notification-preferences",
    "/v1/workspace",
    "/v1/settings/assignment",
    "/v1/settings/messaging",
    "/v1/divisions/{division_id}/members",
    "/v1/agents/{agent_id}/supervisor",
    "/v1/agents/{agent_id}/allocation",
];

/// Single resources that are never changed.
const UNVERSIONED: [&str; 2] =
    ["/v1/attachments/{attachment_id}", "/v1/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}"];

/// Paths of single resources end in their id.
fn has_version(path: &str) -> bool {
    let single = path.starts_with("/v1/") && path.ends_with('}') && !UNVERSIONED.contains(&path);
    single || VERSIONED.contains(&path)
}

fn operations(document: &Value) -> Vec<Value> {
    let items = document["paths"].as_object().into_iter().flat_map(Map::values);
    items.flat_map(|item| item.as_object().into_iter().flat_map(Map::values)).cloned().collect()
}

fn collect_references(value: &Value, document: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            let name = map.get("$ref").and_then(Value::as_str).and_then(|link| link.rsplit('/').next());
            if let Some(name) = name
                && found.insert(name.to_owned())
            {
                collect_references(&document["components"]["schemas"][name], document, found);
            }
            map.values().for_each(|value| collect_references(value, document, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_references(value, document, found)),
        _ => {}
    }
}

/// JSON as it is committed: two spaces, a line feed at the end.
#[must_use]
pub fn pretty(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}
