//! Contacts are made, changed, shut out, and become one.

use harness::Caller;
use serde_json::json;

use super::Fold;

pub(super) async fn contacts_change(fold: &mut Fold, admin: &Caller) {
    let (ani, budi) = ("6281277000001", "6281277000002");
    let body = json!({ "name": "Ani Wijaya", "phone": ani, "attributes": { "tier": "gold" } });
    let made = fold.does(201, admin.post("/v1/contacts", body)).await;
    let path = format!("/v1/contacts/{}", made.id());
    // The one who was awaited writes.
    fold.whatsapp(ani, "wamid.c1", json!({ "from_user_id": null })).await;
    let conversation = fold.app.conversation(ani, "Halo lagi").await;
    fold.settle("a message of somebody who was awaited").await;
    let holder = json!({ "agent_id": fold.app.agent(0).id() });
    fold.does(200, admin.post(format!("/v1/conversations/{conversation}/assign"), holder)).await;
    fold.does(200, admin.patch(&path, json!({ "name": "Ani W.", "company": "PT Tani" }))).await;

    let second = fold.app.conversation(budi, "Ini nomor baru saya").await;
    let reaction = json!({ "type": "reaction", "reaction": { "message_id": "wamid.c1", "emoji": "👍" } });
    fold.whatsapp(ani, "wamid.c2", reaction).await;
    let second = format!("/v1/conversations/{second}");
    fold.does(200, fold.app.agent(2).act(format!("{second}/claim"))).await;
    let other = admin.get(&second).await.expect(200)["contact"]["id"].clone();
    for (undo, keep) in [(true, &path), (false, &format!("/v1/contacts/{}", other.as_str().unwrap()))] {
        let goes = if undo { other.clone() } else { json!(made.id()) };
        let merged = fold.does(200, admin.post(format!("{keep}/merge"), json!({ "contact_id": goes }))).await;
        fold.app.conversation(budi, "Masih saya").await;
        fold.app.conversation(ani, "Saya juga").await;
        fold.settle("messages of one who was two").await;
        if undo {
            let body = json!({ "merge_id": merged["merge"]["id"] });
            fold.does(200, admin.post(format!("{keep}/unmerge"), body)).await;
        }
    }
    let path = format!("/v1/contacts/{}", other.as_str().unwrap());
    fold.does(200, admin.act(format!("{path}/block"))).await;
    fold.app.conversation(budi, "Kenapa?").await;
    fold.settle("a message of one who is shut out").await;
    fold.does(200, admin.act(format!("{path}/unblock"))).await;
    fold.app.conversation(budi, "Terima kasih").await;
    fold.settle("a message of one who was let in again").await;

    let file = format!("name,phone,kota\nAni Wijaya,{ani},Solo\nCici,6281277000003,Solo\n");
    fold.does(200, admin.act("/v1/contacts/import").bytes("text/csv", file)).await;
    let left = fold.does(201, admin.post("/v1/contacts", json!({ "name": "Salah ketik" }))).await;
    fold.does(204, admin.delete(format!("/v1/contacts/{}", left.id()))).await;
}
