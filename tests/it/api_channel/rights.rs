//! Who may deliver, and where.

use harness::TestApp;
use serde_json::json;

use super::{connect, message};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_delivers_may_nothing_else_and_nowhere_else() {
    let app = TestApp::start().await;
    let (line, other) = (connect(&app, None).await, connect(&app, None).await);
    let body = json!({ "messages": [message("m-1", "Halo")] });
    let conversation = line.deliver(body.clone()).await.expect(200)["messages"][0]["conversation_id"].clone();
    let path = format!("/v1/conversations/{}", conversation.as_str().unwrap());
    for path in
        ["/v1/channels".to_owned(), path.clone(), format!("{path}/messages"), "/v1/contacts".to_owned()]
    {
        line.program.get(path).await.problem(403, "scope_missing");
    }
    line.program
        .post(format!("{path}/messages"), crate::support::text("x"))
        .await
        .problem(403, "scope_missing");
    let nothing = line.program.get("/v1/events").await.expect(200);
    assert_eq!(nothing["items"], json!([]));
    // For a key that is limited to a channel there is no other.
    let elsewhere = line.program.post(format!("{}/inbound", other.path()), body.clone()).await;
    elsewhere.problem(404, "not_found");
    let theirs = app.another_team("dua").await.admin();
    theirs.post(format!("{}/inbound", line.path()), body.clone()).await.problem(404, "not_found");
    for member in [app.supervisor(), app.agent(0)] {
        member.post(format!("{}/inbound", line.path()), body.clone()).await.problem(403, "forbidden");
    }
    // A key of a member who may not, whatever its scopes.
    let key = json!({ "name": "Agen", "scopes": ["channels:inbound"], "agent_id": app.agent(0).id() });
    let key = app.admin().post("/v1/api-keys", key).await.expect(201);
    let program = app.bearer(key["key"].as_str().unwrap());
    program.post(format!("{}/inbound", line.path()), body.clone()).await.problem(403, "forbidden");
    let all = json!({ "name": "Lain", "scopes": ["channels:write", "messages:write"] });
    let key = app.admin().post("/v1/api-keys", all).await.expect(201);
    let program = app.bearer(key["key"].as_str().unwrap());
    program.post(format!("{}/inbound", line.path()), body.clone()).await.problem(403, "scope_missing");
    app.admin().post(format!("{}/inbound", line.path()), body.clone()).await.expect(200);

    // Channels of providers are served by them.
    for path in ["inbound", "rotate-secret"] {
        let path = format!("/v1/channels/{}/{path}", app.channel("whatsapp"));
        let refused = app.admin().post(path, body.clone()).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], "?channel_id");
    }
    let path = format!("/v1/channels/{}", app.channel("whatsapp"));
    let refused = app.admin().patch(path, json!({ "callback_url": "https://chat.example/" })).await;
    assert_eq!(refused.problem(422, "validation_failed")["errors"][0]["pointer"], "/callback_url");
}
