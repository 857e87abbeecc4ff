//! `POST` and `DELETE /{version}/{phone_number_id}/block_users` of WhatsApp.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::check::text_of;
use crate::sandbox::ids::{bsuid, digits};
use crate::sandbox::reply::{GraphError, Reply};
use crate::sandbox::shared::Shared;

/// Who wrote within this time can be blocked.
const WINDOW: TimeDelta = TimeDelta::hours(24);

/// Blocks customers, or lets them in again.
pub(in crate::sandbox) fn handle(
    shared: &Arc<Shared>,
    account: &str,
    body: &Map<String, Value>,
    blocked: bool,
) -> Reply {
    if text_of(body, "messaging_product") != Some("whatsapp") {
        return GraphError::required("messaging_product").into();
    }
    let Some(users) = body.get("block_users").and_then(Value::as_array).filter(|users| !users.is_empty())
    else {
        return GraphError::required("block_users").into();
    };
    let now = shared.now();
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    let mut world = shared.world();
    for user in users {
        let input = user["user"].as_str().unwrap_or_default();
        let is = |phone: &str| bsuid(phone) == input || (!input.is_empty() && phone == digits(input));
        let customer = world.customers.iter_mut().find(|((of, phone), _)| of == account && is(phone));
        match customer {
            Some(((_, phone), customer)) if !blocked || customer.wrote_within(WINDOW, now) => {
                customer.blocked_by_business = blocked;
                done.push(json!({ "input": input, "wa_id": phone }));
            }
            _ => {
                let error = json!({ "message": "Failed to block/unblock some users", "code": 139_100 });
                failed.push(json!({ "input": input, "errors": [error] }));
            }
        }
    }
    drop(world);
    shared.notify();
    let name = if blocked { "added_users" } else { "removed_users" };
    let mut users = json!({ name: done });
    if !failed.is_empty() {
        users["failed_users"] = Value::Array(failed);
    }
    Reply::ok(json!({ "messaging_product": "whatsapp", "block_users": users }))
}
