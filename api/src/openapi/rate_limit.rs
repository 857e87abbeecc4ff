//! What the limit of calls adds to every operation of a signed-in caller: said once, and referred to.

use serde_json::{Map, Value, json};

use crate::http::rate_limit::{LIMIT, POLICY};
use crate::http::responses::problem;

/// Answers that may come before it is known who calls.
const BEFORE: [&str; 3] = ["401", "500", "503"];

/// Adds the headers and the refusal.
pub(super) fn add(document: &mut Value) {
    let components = &mut document["components"];
    components["headers"] = json!({
        POLICY: {
            "description": "The calls of these credentials: `q` of them at once, given back evenly within `w` seconds. Not there if the installation sets no limit",
            "schema": { "type": "string" },
            "example": "\"default\";q=1200;w=60",
        },
        LIMIT: {
            "description": "What is left: `r` calls; within `t` seconds there is one more. Not there if the installation sets no limit",
            "schema": { "type": "string" },
            "example": "\"default\";r=1199;t=1",
        },
    });
    let text =
        "These credentials have used up their calls: `rate_limited`. Try again after `Retry-After` seconds";
    let mut refusal = serde_json::to_value(problem(text)).unwrap_or_default();
    refusal["headers"] = json!({
        "X-Request-Id": { "description": "The id under which the server's log knows the request", "schema": { "type": "string" } },
        "Retry-After": { "description": "Seconds to wait before trying again", "schema": { "type": "string" } },
        POLICY: header(POLICY),
        LIMIT: header(LIMIT),
    });
    components["responses"] = json!({ "RateLimited": refusal });
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for operation in
        paths.values_mut().flat_map(|item| item.as_object_mut().into_iter().flat_map(Map::values_mut))
    {
        add_to(operation);
    }
}

fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

fn add_to(operation: &mut Value) {
    let ways = operation["security"].as_array().cloned().unwrap_or_default();
    if !ways.iter().any(|way| way.get("access_token").is_some()) {
        return;
    }
    // Calls without credentials, or with a signed link in their place, are not counted.
    let always = ways.iter().all(|way| way.get("access_token").is_some() || way.get("api_key").is_some());
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (_, response) in
        responses.iter_mut().filter(|(status, _)| always && !BEFORE.contains(&status.as_str()))
    {
        response["headers"][POLICY] = header(POLICY);
        response["headers"][LIMIT] = header(LIMIT);
    }
    match responses.get_mut("429") {
        Some(own) => {
            let text = own["description"].as_str().unwrap_or_default();
            own["description"] = json!(format!("{text}; or too many calls: `rate_limited`"));
        }
        None => {
            responses.insert("429".to_owned(), json!({ "$ref": "#/components/responses/RateLimited" }));
        }
    }
}
