//! Members come, change and leave.

use harness::client::PASSWORD;
use serde_json::json;

use super::Fold;

/// None of those who watch is changed: who sees something else than before loads anew.
pub(super) async fn team_changes(fold: &mut Fold) {
    let admin = fold.app.admin();
    let supervisor = fold.app.lone_supervisor().id();
    let channel = fold.app.channel("telegram").to_owned();
    let new = |name: &str, role: &str| {
        let email = format!("{}@baru.example", name.to_lowercase());
        json!({ "name": name, "email": email, "role": role, "password": PASSWORD })
    };
    let mut tono = new("Tono", "agent");
    tono["supervisor_id"] = json!(supervisor);
    tono["channel_ids"] = json!([channel]);
    tono["division_ids"] = json!([fold.app.division]);
    let tono = fold.does(201, admin.post("/v1/agents", tono)).await.id();
    let yuni = fold.does(201, admin.post("/v1/agents", new("Yuni", "agent"))).await.id();
    let path = format!("/v1/agents/{tono}");
    fold.does(200, admin.patch(&path, json!({ "name": "Tono Hartono", "view_all": false }))).await;
    fold.does(200, admin.put(format!("{path}/supervisor"), json!({ "supervisor_id": null }))).await;
    let looked_after = json!({ "supervisor_id": supervisor });
    fold.does(200, admin.put(format!("{path}/supervisor"), looked_after.clone())).await;
    let moved = json!({ "channel_ids": [fold.app.channel("messenger")], "division_ids": [] });
    fold.does(200, admin.put(format!("{path}/allocation"), moved)).await;
    let back = json!({ "channel_ids": [channel], "division_ids": [fold.app.division] });
    fold.does(200, admin.put(format!("{path}/allocation"), back)).await;
    // The supervisor becomes an agent: Tono is free.
    fold.does(200, admin.patch(format!("/v1/agents/{supervisor}"), json!({ "role": "agent" }))).await;
    fold.does(200, admin.patch(format!("/v1/agents/{supervisor}"), json!({ "role": "supervisor" }))).await;
    fold.does(200, admin.put(format!("/v1/agents/{yuni}/supervisor"), looked_after)).await;
    for number in 0..3 {
        let id = fold.app.conversation(&format!("62899000000{number}"), "Halo").await;
        fold.settle("a customer's message").await;
        let to = json!({ "agent_id": tono });
        fold.does(200, admin.post(format!("/v1/conversations/{id}/assign"), to)).await;
    }
    fold.does(204, admin.delete(&path)).await;
    fold.does(204, admin.delete(format!("/v1/agents/{supervisor}"))).await;
}
