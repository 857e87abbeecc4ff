//! Returning customers go to who resolved their last ticket, where a policy wants it.

use harness::{Caller, TestApp};
use serde_json::{Value, json};

use super::policies::policy;
use super::{decision, gives, path, routed, says, settled};

/// Somebody handles a session of a customer from the beginning to the end.
pub async fn handled(app: &TestApp, customer: &str, by: &Caller) -> String {
    let id = app.conversation(customer, "Halo").await;
    settled(app).await;
    gives(app, &id, by).await;
    by.act(format!("{}/resolve", path(&id))).await.expect(200);
    settled(app).await;
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_returning_customer_goes_to_who_resolved_the_last_ticket() {
    let app = routed(json!({})).await;
    let (siti, agus) = (app.agent(0), app.agent(1));
    for who in [&siti, &agus] {
        says(who, "online").await;
    }
    let customer = "6281200000001";
    let id = handled(&app, customer, &agus).await;
    // By strategy it would be Siti: Agus has more to do.
    let other = app.conversation("6281200000002", "Halo").await;
    settled(&app).await;
    gives(&app, &other, &agus).await;
    app.conversation(customer, "Lagi").await;
    let plain = decision(&app, &id).await;
    assert_eq!((&plain["agent"]["id"], &plain["sticky_agent"]), (&json!(siti.id()), &Value::Null));
    gives(&app, &id, &agus).await;
    agus.act(format!("{}/resolve", path(&id))).await.expect(200);
    let sticky = policy(&app, &["whatsapp"], json!({ "sticky_agent": true })).await;
    app.conversation(customer, "Saya kembali").await;
    let back = decision(&app, &id).await;
    assert_eq!((&back["agent"]["id"], &back["reason"]), (&json!(agus.id()), &json!("sticky_agent")));
    let named = json!({ "id": agus.id(), "name": agus.me().name });
    assert_eq!(back["sticky_agent"], json!({ "agent": named, "chosen": true, "left_out": null }));
    assert_eq!((&back["tie_break"], &back["candidates"][0]["agent"]), (&Value::Null, &named));
    // Whose first ticket it is goes to nobody in particular.
    let new = app.conversation("6281200000003", "Baru").await;
    let first = decision(&app, &new).await;
    assert_eq!((&first["reason"], &first["sticky_agent"]), (&json!("least_busy"), &Value::Null));
    // Who resolved the one before the last does not count.
    gives(&app, &id, &siti).await;
    siti.act(format!("{}/resolve", path(&id))).await.expect(200);
    app.conversation(customer, "Sekali lagi").await;
    assert_eq!(decision(&app, &id).await["sticky_agent"]["agent"]["id"], json!(siti.id()));
    siti.act(format!("{}/resolve", path(&id))).await.expect(200);
    app.admin().delete(&sticky).await.expect(200);
    app.conversation(customer, "Terakhir").await;
    assert_eq!(decision(&app, &id).await["sticky_agent"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_sticky_agent_the_strategy_chooses_and_the_decision_says_why() {
    let app = routed(json!({})).await;
    let (siti, agus) = (app.agent(0), app.agent(1));
    policy(&app, &["whatsapp"], json!({ "sticky_agent": true })).await;
    says(&siti, "online").await;
    let (customer, mut log) = ("6281200000001", app.follow().await);
    let (agus_path, siti_path) = (format!("/v1/agents/{}", agus.id()), format!("/v1/agents/{}", siti.id()));
    let named = json!({ "id": agus.id(), "name": agus.me().name });
    let busy = app.conversation("6281200000009", "Halo").await;
    settled(&app).await;
    for left_out in ["offline", "away", "at_capacity", "not_on_channel", "left"] {
        says(&agus, "online").await;
        let id = handled(&app, customer, &agus).await;
        match left_out {
            "offline" | "away" => says(&agus, left_out).await,
            "at_capacity" => {
                gives(&app, &busy, &agus).await;
                app.admin().patch(&agus_path, json!({ "max_conversations": 1 })).await.expect(200);
            }
            "not_on_channel" => {
                app.admin().patch(&agus_path, json!({ "max_conversations": null })).await.expect(200);
                let whatsapp = json!({ "channel_ids": [app.channel("whatsapp")], "division_ids": [] });
                app.admin().put(format!("{siti_path}/allocation"), whatsapp).await.expect(200);
            }
            _ => {
                let nothing = json!({ "channel_ids": [], "division_ids": [] });
                app.admin().put(format!("{siti_path}/allocation"), nothing).await.expect(200);
                app.admin().delete(&agus_path).await.expect(204);
            }
        }
        settled(&app).await;
        log.rest().await;
        app.conversation(customer, "Saya kembali").await;
        let fallen_back = decision(&app, &id).await;
        assert_eq!(fallen_back["agent"]["id"], json!(siti.id()), "{left_out}");
        assert_eq!(fallen_back["reason"], "least_busy");
        let why = if left_out == "left" { Value::Null } else { json!(left_out) };
        assert_eq!(fallen_back["sticky_agent"], json!({ "agent": named, "chosen": false, "left_out": why }));
        let told = log.until("the decision", |event| event["type"] == "routing.decided").await;
        assert_eq!(told["data"]["sticky_agent"], fallen_back["sticky_agent"]);
        siti.act(format!("{}/resolve", path(&id))).await.expect(200);
    }
}
