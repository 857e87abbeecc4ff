//! Divisions, the workspace, its settings.

use harness::eventually;
use harness::receiver::{Answer, Receiver};
use harness::team::assignment_settings;
use serde_json::json;

use crate::api_channel::message;
use crate::support::text;

use super::Fold;

/// Everybody's picture follows, also where it has to be loaded anew because more or less is seen.
pub(super) async fn changes(fold: &mut Fold) {
    let (admin, siti, rina) = (fold.app.admin(), fold.app.agent(0), fold.app.agent(2));
    let members = [siti.id(), fold.app.supervisor().id()];
    let body = json!({ "name": "Keluhan", "agent_ids": members });
    let division = fold.does(201, admin.post("/v1/divisions", body)).await;
    let path = format!("/v1/divisions/{}", division.id());
    let id = fold.app.conversation("6281200000001", "Ada keluhan").await;
    let assign = format!("/v1/conversations/{id}/assign");
    fold.does(200, admin.post(assign, json!({ "division_id": division.id() }))).await;
    fold.does(200, admin.patch(&path, json!({ "name": "Pengaduan" }))).await;
    let members = format!("{path}/members");
    fold.does(200, admin.put(&members, json!({ "agent_ids": [siti.id(), rina.id()] }))).await;

    let settings = |restricted: bool| {
        let body = assignment_settings(&json!({ "restrict_to_allocation": restricted }));
        admin.put("/v1/settings/assignment", body)
    };
    fold.does(200, settings(true)).await;
    fold.does(200, admin.put(&members, json!({ "agent_ids": [rina.id(), admin.id()] }))).await;
    fold.app.conversation("6281200000001", "Masih menunggu").await;
    fold.settle("a message while sight is restricted").await;
    fold.does(200, settings(false)).await;
    fold.does(200, admin.delete(&path)).await;

    let limits = json!({ "image": 5_000_000, "video": 5_000_000, "document": 5_000_000, "audio": 5_000_000 });
    let messaging = json!({ "reply_window_warning_minutes": 30, "attachment_limits": limits });
    fold.does(200, admin.put("/v1/settings/messaging", messaging)).await;

    for presence in ["availability", "connection"] {
        let body = json!({ "name": format!("Toko {presence}"), "presence": presence });
        fold.does(200, admin.patch("/v1/workspace", body)).await;
    }
}

/// Channels show their policy, and policies their channels.
pub(super) async fn policies_change(fold: &mut Fold) {
    let admin = fold.app.admin();
    let channels = ["whatsapp", "telegram"].map(|kind| fold.app.channel(kind).to_owned());
    let body = json!({ "name": "Setia", "channel_ids": channels, "sticky_agent": true });
    let policy = fold.does(201, admin.post("/v1/distribution-policies", body)).await;
    let path = format!("/v1/distribution-policies/{}", policy.id());
    let channel = format!("/v1/channels/{}", channels[1]);
    fold.does(200, admin.patch(channel, json!({ "name": "Bot setia" }))).await;
    fold.does(200, admin.patch(&path, json!({ "name": "Setia sekali" }))).await;
    fold.does(200, admin.patch(&path, json!({ "idle_transfer_minutes": 30 }))).await;
    let body = json!({ "channel_ids": [fold.app.channel("messenger"), channels[1]] });
    fold.does(200, admin.patch(&path, body)).await;
    fold.does(200, admin.delete(&path)).await;
}

/// Endpoints are shown without their secrets, and what pauses one by itself is told like what an admin does.
pub(super) async fn endpoints_change(fold: &mut Fold) {
    let admin = fold.app.admin();
    let channel = fold.app.channel("whatsapp").to_owned();
    let gone = Receiver::start().await;
    gone.always(Answer::Status(410));
    let body = json!({ "url": gone.url(), "event_types": ["label.created"], "channel_ids": [channel] });
    let made = fold.does(201, admin.post("/v1/webhook-endpoints", body)).await;
    let path = format!("/v1/webhook-endpoints/{}", made["webhook_endpoint"]["id"].as_str().unwrap());
    fold.does(200, admin.act(format!("{path}/rotate-secret"))).await;
    let label = json!({ "name": "Didengar", "color": "#445566" });
    fold.does(201, admin.post("/v1/labels", label)).await;
    eventually("it is paused", async || (admin.get(&path).await["paused_reason"] == "gone").then_some(()))
        .await;
    fold.settle("an endpoint that is gone").await;
    fold.does(200, admin.patch(&path, json!({ "description": "Kembali", "active": true }))).await;
    fold.does(204, admin.delete(&path)).await;
}

/// Channels of integrators, and what comes by them; their callbacks and secrets are told by REST only.
pub(super) async fn integrators_deliver(fold: &mut Fold) {
    let admin = fold.app.admin();
    let body = json!({ "kind": "api", "name": "Situs web", "callback_url": "http://127.0.0.1:9/hook" });
    let path = format!("/v1/channels/{}", fold.does(201, admin.post("/v1/channels", body)).await.id());
    fold.does(200, admin.act(format!("{path}/rotate-secret"))).await;
    fold.does(200, admin.patch(&path, json!({ "callback_url": null }))).await;
    let inbound = format!("{path}/inbound");
    let body = json!({ "messages": [message("m-1", "Halo"), message("m-2", "Kak?")] });
    let told = fold.does(200, admin.post(&inbound, body)).await;
    let conversation =
        format!("/v1/conversations/{}", told["messages"][0]["conversation_id"].as_str().unwrap());
    let sent = fold.does(201, admin.post(format!("{conversation}/messages"), text("Baik"))).await;
    for status in ["sent", "delivered", "read"] {
        let status = json!({ "message_id": sent.id(), "external_id": "a-1", "status": status });
        fold.does(200, admin.post(&inbound, json!({ "statuses": [status] }))).await;
    }
}
