//! Templates come, are decided, and go; conversations are started with them; windows are about to close.

use harness::eventually;
use serde_json::{Value, json};

use super::Fold;
use crate::support::template;

pub(super) async fn templates_are_used(fold: &mut Fold) {
    let (admin, siti) = (fold.app.admin(), fold.app.agent(0));
    let channel = fold.app.channel("whatsapp").to_owned();
    let made = fold.does(201, admin.post("/v1/templates", template(&channel, "kirim"))).await;
    let path = format!("/v1/templates/{}", made.id());
    let theirs = eventually("a template that was handed in", || async {
        let now = admin.get(&path).await.expect(200);
        now["provider_template_id"].as_str().map(ToOwned::to_owned)
    })
    .await;
    fold.settle("the handing in").await;
    fold.app.provider_decides(&theirs, json!({ "status": "APPROVED" })).await;
    fold.settle("the approval").await;
    fold.does(200, admin.patch(&path, json!({ "initiate": false }))).await;
    fold.does(200, admin.patch(&path, json!({ "initiate": true }))).await;

    let body = json!({ "name": "dari_luar", "components": [{ "type": "BODY", "text": "Halo kak" }] });
    fold.app.provider_makes(body).await;
    let mut log = fold.app.follow().await;
    let read = admin.act(format!("/v1/channels/{channel}/templates/sync")).await.expect(202);
    fold.covers(&read);
    log.until("the end of the reading", |event| event["type"] == "template.synced").await;
    fold.settle("the reading").await;

    let parameters = json!({ "body": { "1": "Rina", "2": "INV-7" } });
    let template = json!({ "template_id": made.id(), "parameters": parameters });
    let body = json!({ "channel_id": channel, "phone": "+6281355554444", "template": template });
    fold.does(201, siti.post("/v1/conversations", body)).await;
    fold.does(204, admin.delete(&path)).await;
    windows_close(fold).await;
}

async fn windows_close(fold: &mut Fold) {
    let (admin, settings) = (fold.app.admin(), "/v1/settings/messaging");
    let mut body = admin.get(settings).await.expect(200).json.clone();
    body.as_object_mut().unwrap().remove("version");
    let with = |minutes: Value| {
        let mut body = body.clone();
        body["reply_window_warning_minutes"] = minutes;
        body
    };
    let mut log = fold.app.follow().await;
    fold.does(200, admin.put(settings, with(json!(1440)))).await;
    fold.app.conversation("6281200000009", "Halo").await;
    log.until("a warning", |event| event["type"] == "conversation.reply_window_closing").await;
    fold.settle("a warning").await;
    fold.does(200, admin.put(settings, with(Value::Null))).await;
}
