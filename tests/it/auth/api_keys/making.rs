//! Making, listing and ending keys.

use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::TestApp;
use serde_json::{Value, json};

use super::key;
use crate::walks::NOBODY;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_makes_lists_and_ends_keys() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let end = app.clock.now().plus(TimeDelta::days(30));
    let body = json!({
        "name": "  Sinkronisasi CRM ", "scopes": ["messages:write", "conversations:read"], "agent_id": app.agent(0).id(),
        "channel_ids": [app.channel("messenger")], "expires_at": end,
    });
    let made = admin.post("/v1/api-keys", body).await.expect(201);
    let (shape, text) = (&made["api_key"], made["key"].as_str().unwrap());
    assert!(text.starts_with("tgk_") && text.len() == 90, "{text}");
    assert_eq!(shape["name"], "Sinkronisasi CRM");
    assert_eq!(shape["agent"], json!({ "id": app.agent(0).id(), "name": "Siti Rahmawati" }));
    assert_eq!(shape["created_by"]["id"], admin.id());
    assert_eq!(shape["scopes"], json!(["conversations:read", "messages:write"]));
    assert_eq!(shape["channels"][0]["id"], app.channel("messenger"));
    assert_eq!((&shape["expires_at"], &shape["last_used_at"]), (&json!(end), &Value::Null));
    assert!(text.ends_with(shape["ends_with"].as_str().unwrap()));

    let second = key(&app, json!({ "name": "Laporan" })).await;
    let listed = admin.all("/v1/api-keys?limit=1").await;
    assert_eq!((listed.len(), &listed[0]["id"], &listed[1]), (2, &json!(second.id), shape));
    assert_eq!((&listed[0]["agent"]["id"], &listed[0]["channels"]), (&json!(admin.id()), &Value::Null));

    let deleted = || admin.delete(second.path());
    deleted().await.expect(204);
    second.program.get("/v1/me").await.problem(401, "invalid_token");
    let rows = app.database.snapshot();
    deleted().await.expect(204);
    assert_eq!(app.database.snapshot(), rows, "ending a key again changes something");
    admin.delete(format!("/v1/api-keys/{NOBODY}")).await.problem(404, "not_found");
    assert_eq!(admin.all("/v1/api-keys").await, listed[1..]);
    // With its member a key has ended.
    app.database.execute(&format!("UPDATE agents SET active = false WHERE id = '{}'", app.agent(0).id()));
    assert!(admin.all("/v1/api-keys").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_told_to_admins_and_audited() {
    let app = TestApp::start().await;
    let mut log = app.follow().await;
    let mut agents_log = harness::Follower::from_now(app.agent(0)).await;
    let made = key(&app, json!({})).await;
    app.admin().delete(made.path()).await.expect(204);
    log.rest().await;
    assert_eq!(log.names(), ["api_key.created", "api_key.deleted"]);
    for event in &log.seen {
        assert_eq!((&event["data"]["id"], &event["data"]["last_used_at"]), (&json!(made.id), &Value::Null));
        assert_eq!(event["actor"]["id"], app.admin().id());
    }
    assert!(agents_log.rest().await.is_empty());
    let audited = app.database.values(
        "SELECT concat_ws(' ', action, subject_type, subject_id, subject_name, actor_id) AS value
         FROM audit_entries WHERE subject_type = 'api_key' ORDER BY id",
    );
    let entry = |action: &str| format!("{action} api_key {} Program {}", made.id, app.admin().id());
    assert_eq!(audited, [entry("created"), entry("deleted")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_keys_are_refused_with_what_is_wrong_and_nothing_is_stored() {
    let app = TestApp::start().await;
    let other = app.another_team("dua").await;
    let theirs = other.admin().post("/v1/channels", harness::app::channels().remove(3).1).await.expect(201);
    app.database.execute(&format!("UPDATE agents SET active = false WHERE id = '{}'", app.agent(1).id()));
    // Somebody who was invited and has not joined.
    app.database.execute("ALTER TABLE agents ALTER COLUMN password_hash DROP NOT NULL");
    app.database
        .execute(&format!("UPDATE agents SET password_hash = NULL WHERE id = '{}'", app.agent(2).id()));
    let rows = app.database.snapshot();
    let now = app.clock.now();
    let own = app.channel("whatsapp");
    for (field, value, pointer, code) in [
        ("name", json!(" "), "/name", "length"),
        ("name", json!("x".repeat(101)), "/name", "length"),
        ("name", json!("a\u{202e}b"), "/name", "characters"),
        ("name", json!(null), "/name", "type"),
        ("scopes", json!([]), "/scopes", "required"),
        ("scopes", json!(["team:read", "team:delete"]), "/scopes/1", "type"),
        ("scopes", json!(["team:read", "tickets:read", "team:read"]), "/scopes/2", "repeated"),
        ("scopes", json!("team:read"), "/scopes", "type"),
        ("agent_id", json!(NOBODY), "/agent_id", "unknown"),
        ("agent_id", json!(other.agent(0).id()), "/agent_id", "unknown"),
        ("agent_id", json!(app.agent(1).id()), "/agent_id", "unknown"),
        ("agent_id", json!(app.agent(2).id()), "/agent_id", "unknown"),
        ("agent_id", json!("siti"), "/agent_id", "type"),
        ("channel_ids", json!([]), "/channel_ids", "required"),
        ("channel_ids", json!([own, NOBODY]), "/channel_ids/1", "unknown"),
        ("channel_ids", json!([theirs.id()]), "/channel_ids/0", "unknown"),
        ("channel_ids", json!([own, own]), "/channel_ids/1", "repeated"),
        ("channel_ids", json!(vec![NOBODY; 101]), "/channel_ids", "too_many"),
        ("channel_ids", json!([7]), "/channel_ids/0", "type"),
        ("expires_at", json!(now), "/expires_at", "range"),
        ("expires_at", json!(now.plus(TimeDelta::seconds(-1))), "/expires_at", "range"),
        ("expires_at", json!(now.plus(TimeDelta::days(5 * 366 + 1))), "/expires_at", "range"),
        ("expires_at", json!("besok"), "/expires_at", "type"),
        ("colour", json!("red"), "/colour", "type"),
    ] {
        let mut body = json!({ "name": "Kunci", "scopes": ["team:read"] });
        body[field] = value.clone();
        let refused = app.admin().post("/v1/api-keys", body).await.problem(422, "validation_failed");
        let error = &refused["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{field}: {value}");
    }
    for missing in ["name", "scopes"] {
        let mut body = json!({ "name": "Kunci", "scopes": ["team:read"] });
        body.as_object_mut().unwrap().remove(missing);
        app.admin().post("/v1/api-keys", body).await.problem(422, "validation_failed");
    }
    assert_eq!(app.database.snapshot(), rows);
    // The bounds themselves are fine, and so are scopes that the role cannot use: it may change.
    let body = json!({ "name": "x".repeat(100), "agent_id": app.agent(0).id(),
        "expires_at": now.plus(TimeDelta::days(5 * 366)) });
    key(&app, body).await;
    key(&app, json!({ "expires_at": null, "agent_id": null, "channel_ids": null })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_admins_manage_keys_and_none_who_was_one_a_moment_ago() {
    let app = TestApp::start().await;
    let (made, other) = (key(&app, json!({})).await, app.another_team("dua").await);
    let body = || json!({ "name": "Kunci", "scopes": ["team:read"] });
    let try_all = async |caller: harness::Caller| {
        caller.post("/v1/api-keys", body()).await.problem(403, "forbidden");
        caller.delete(made.path()).await.problem(403, "forbidden");
        caller
    };
    made.program.get("/v1/me").await.expect(200);
    api::auth::key_uses::write_down(app.app()).await.unwrap();
    let rows = app.database.snapshot();
    for caller in [app.supervisor(), app.agent(0), app.narrow_agent(), made.program.clone()] {
        let caller = try_all(caller).await;
        caller.get("/v1/api-keys").await.problem(403, "forbidden");
    }
    other.admin().delete(made.path()).await.problem(404, "not_found");
    assert_eq!(app.database.snapshot(), rows);
    // This node still takes the caller for an admin: it asked a moment ago.
    app.admin().get("/v1/api-keys").await.expect(200);
    app.database.execute(&format!("UPDATE agents SET role = 'agent' WHERE id = '{}'", app.admin().id()));
    try_all(app.admin()).await;
    app.database.execute(&format!(
        "UPDATE agents SET role = 'admin', active = false WHERE id = '{}'",
        app.admin().id()
    ));
    let left = app.admin().post("/v1/api-keys", body()).await;
    assert!(matches!(left.status, 401 | 403), "{}", left.status);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_shows_the_same_key_and_makes_no_other() {
    let app = TestApp::start().await;
    let post = |name: &str| {
        let body = json!({ "name": name, "scopes": ["team:read"] });
        app.admin().post("/v1/api-keys", body).key("kunci-1")
    };
    let replies = join_all((0..5).map(|_| post("Kunci").into_future())).await;
    let first = replies[0].json.clone();
    assert!(replies.into_iter().all(|reply| reply.expect(201).json == first));
    assert_eq!(app.count("api_keys"), 1);
    assert_eq!(post("Kunci").await.expect(201).json, first);
    post("Lain").await.problem(422, "idempotency_key_reused");
    app.bearer(first["key"].as_str().unwrap()).get("/v1/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_words_of_a_program_are_not_those_of_its_member_or_of_another_key() {
    let app = TestApp::start().await;
    let limits = json!({ "channel_ids": [app.channel("messenger")] });
    let (limited, one, other) =
        (key(&app, limits).await, key(&app, json!({})).await, key(&app, json!({})).await);
    let claim = format!("/v1/conversations/{}/claim", app.conversation("6281234567890", "Halo").await);
    let words = "x".repeat(255);
    let claimed = app.admin().act(&claim).key(&words).await.expect(200);
    // What the member was answered is not for a key that may not know of it.
    limited.program.act(&claim).key(&words).await.problem(404, "not_found");
    let again = one.program.act(&claim).key(&words).await.expect(200);
    assert_eq!(again["version"], claimed["version"], "its member holds it already");
    let release = claim.replace("/claim", "/unassign");
    app.admin().act(&release).await.expect(200);
    assert_eq!(one.program.act(&claim).key(&words).await.expect(200).json, again.json);
    let claimed = other.program.act(&claim).key(&words).await.expect(200);
    assert!(claimed["version"].as_i64() > again["version"].as_i64(), "{claimed:?}");
}
