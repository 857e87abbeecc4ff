//! What the callback of an `api` channel is called with: not an operation of ours, but one that integrators implement.

use serde_json::{Value, json};

/// Adds it to the document.
pub(super) fn add(document: &mut Value) {
    let header = |name: &str, text: &str| json!({ "in": "header", "name": name, "required": true, "description": text, "schema": { "type": "string" } });
    let content = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Callback" } } });
    let answer = json!({
        "type": "object",
        "properties": {
            "external_id": {
                "type": ["string", "null"],
                "description": "Your id of a message that was sent, by which statuses may name it: 1 to 255 visible ASCII characters",
            },
        },
    });
    document["webhooks"]["api_channel_callback"] = json!({
        "post": {
            "operationId": "call_api_channel",
            "tags": ["calls to integrators"],
            "summary": "Take what the team writes on an `api` channel",
            "description": "Sent to the channel's `callback_url`, those of one conversation in order, and signed by Standard Webhooks. \
                Answer 2xx within 15 seconds: then the message is `sent`. 400, 404, 409, 422 and most other 4xx fail it; 401, 403 and 410 \
                stop the channel until an admin sees to it; anything else, or no answer, is tried again after 5 s, 5 min, 30 min, \
                2, 5, 10, 14, 20 and 24 h, with jitter, and not before `Retry-After`. Redirects are not followed. Reactions and \
                receipts are given up after five attempts, typing after one.",
            "security": [],
            "parameters": [
                header("webhook-id", "The same in every attempt: drop what you have seen, and answer 2xx"),
                header("webhook-timestamp", "When this attempt was made, in seconds since 1970"),
                header("webhook-signature", "One signature, or two after the secret was rotated, with a space between"),
            ],
            "requestBody": { "required": true, "content": content },
            "responses": {
                "2XX": {
                    "description": "Taken. A body is read for a message that was sent only, up to 1 KiB, and may be empty",
                    "content": { "application/json": { "schema": answer } },
                },
            },
        },
    });
}
