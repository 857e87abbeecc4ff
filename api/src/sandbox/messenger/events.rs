//! Messenger's webhooks.

use domain::time::Timestamp;
use serde_json::{Value, json};

/// Milliseconds since 1970.
fn millis(at: Timestamp) -> i64 {
    at.unix_micros() / 1000
}

/// One event of a person, in a page's envelope. `event` holds what the event is about, under its name.
pub(in crate::sandbox) fn event(
    page_id: &str,
    psid: &str,
    at: Timestamp,
    name: &str,
    event: &Value,
) -> Value {
    json!({
        "object": "page",
        "entry": [{
            "id": page_id,
            "time": millis(at),
            "messaging": [{
                "sender": {"id": psid},
                "recipient": {"id": page_id},
                "timestamp": millis(at),
                name: event,
            }],
        }],
    })
}

/// Everything up to `at` is delivered.
pub(in crate::sandbox) fn delivery(page_id: &str, psid: &str, mid: &str, at: Timestamp) -> Value {
    let watermark = json!({"mids": [mid], "watermark": millis(at)});
    event(page_id, psid, at, "delivery", &watermark)
}

/// Everything up to `at` is read.
pub(in crate::sandbox) fn read(page_id: &str, psid: &str, at: Timestamp) -> Value {
    let watermark = json!({"watermark": millis(at)});
    event(page_id, psid, at, "read", &watermark)
}
