//! What integrators' servers are sent: `webhooks` of OpenAPI 3.1.

use serde_json::{Value, json};

/// Describes the calls to webhook endpoints. Their body is the envelope of the stream without what only a subscription has.
pub(super) fn add(document: &mut Value) {
    let mut event = document["components"]["schemas"]["Envelope"].clone();
    if let Some(properties) = event["properties"].as_object_mut() {
        properties.remove("prev");
        event["required"] = properties.keys().cloned().collect();
    }
    event["description"] = json!("Something that happened, as a webhook endpoint is sent it.");
    document["components"]["schemas"]["WebhookEvent"] = event;
    let header = |name: &str, text: &str| json!({ "name": name, "in": "header", "required": true, "description": text, "schema": { "type": "string" } });
    document["webhooks"]["event"] = json!({ "post": {
        "operationId": "receive_event",
        "tags": ["calls to integrators"],
        "summary": "Something happened",
        "description": "Sent to each webhook endpoint that wants it, signed by Standard Webhooks. Events of one conversation come in \
            order; an event may come more than once, with the same `webhook-id`.",
        "security": [],
        "parameters": [
            header("webhook-id", "The event's id, the same in every attempt"),
            header("webhook-timestamp", "When the attempt began, in seconds since 1970"),
            header("webhook-signature", "`v1,` and Base64 of HMAC-SHA256 over id, timestamp and body with dots between; \
                after a rotation two, with a space between"),
        ],
        "requestBody": { "required": true, "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/WebhookEvent" },
        } } },
        "responses": {
            "2XX": { "description": "Taken; the body is not looked at" },
            "410": { "description": "The endpoint is gone: it is paused" },
            "default": { "description": "Not taken: it is sent again later" },
        },
    } });
}
