//! Keys, which admins see.

use harness::Caller;
use serde_json::json;

use super::Fold;

pub(super) async fn keys_come_and_go(fold: &mut Fold, admin: &Caller) {
    let channel = fold.app.channel("messenger").to_owned();
    let body = json!({ "name": "CRM", "scopes": ["conversations:read"], "agent_id": fold.app.agent(0).id(),
        "channel_ids": [channel], "expires_at": fold.app.clock.now().plus(chrono::TimeDelta::days(1)) });
    let made = fold.does(201, admin.post("/v1/api-keys", body)).await;
    // A key names its channels.
    let path = format!("/v1/channels/{channel}");
    fold.does(200, admin.patch(path, json!({ "name": "Halaman baru" }))).await;
    let plain = json!({ "name": "Laporan", "scopes": ["tickets:read", "team:read"] });
    fold.does(201, admin.post("/v1/api-keys", plain)).await;
    let path = format!("/v1/api-keys/{}", made["api_key"]["id"].as_str().unwrap());
    fold.does(204, admin.delete(path)).await;
}
