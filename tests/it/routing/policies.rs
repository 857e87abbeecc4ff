//! Distribution policies: made, read, changed, deleted; a channel has at most one.

use diesel::connection::SimpleConnection;
use domain::id::DistributionPolicyId;
use harness::{Caller, TestApp, eventually};
use persistence::policies::PolicyTerms;
use persistence::settings;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::api_keys::key;

pub const POLICIES: &str = "/v1/distribution-policies";

/// Makes a policy for channels of the app, with these fields besides. Answers its path.
pub async fn policy(app: &TestApp, channels: &[&str], fields: Value) -> String {
    let ids: Vec<&str> = channels.iter().map(|kind| app.channel(kind)).collect();
    let mut body = json!({ "name": format!("Kebijakan {}", channels.join(" ")), "channel_ids": ids });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let made = app.admin().post(POLICIES, body).await.expect(201);
    format!("{POLICIES}/{}", made.id())
}

async fn channel(app: &TestApp, who: &Caller, kind: &str) -> Value {
    who.get(format!("/v1/channels/{}", app.channel(kind))).await.expect(200).json
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_made_read_changed_and_deleted_and_its_channels_say_so() {
    let app = TestApp::start().await;
    let (admin, mut log) = (app.admin(), app.follow().await);
    let before = channel(&app, &admin, "whatsapp").await;
    assert_eq!(before["policy"], Value::Null);
    let body = json!({ "name": " Setia ", "channel_ids": [app.channel("whatsapp"), app.channel("telegram"), app.channel("whatsapp")],
        "sticky_agent": true, "idle_transfer_minutes": 5, "strategy": "round_robin" });
    let call = admin.post(POLICIES, body).key("sekali");
    let made = call.clone().await.expect(201);
    let named = |kind: &str, name: &str| json!({ "id": app.channel(kind), "kind": kind, "name": name });
    let channels = json!([named("telegram", "Bot Toko Tani"), named("whatsapp", "WhatsApp Pusat")]);
    let expected = json!({ "id": made["id"], "name": "Setia", "channels": channels, "sticky_agent": true,
        "idle_transfer_minutes": 5, "strategy": "round_robin", "version": 1, "created_at": json!(app.clock.now()) });
    assert_eq!(made.json, expected);
    assert_eq!(call.await.expect(201).json, expected, "the same key makes no second one");
    let path = format!("{POLICIES}/{}", made.id());
    let read = admin.get(&path).await.expect(200);
    assert_eq!((read.header("etag"), &read.json), (Some("\"1\""), &expected));
    assert_eq!(json!(admin.all(POLICIES).await), json!([expected]));

    let told = log.until("the policy", |event| event["type"] == "policy.created").await;
    assert_eq!((&told["data"], &told["previous"]), (&expected, &Value::Null));
    for _ in 0..2 {
        let told = log.until("a channel", |event| event["type"] == "channel.updated").await;
        assert_eq!(told["previous"], json!({ "policy": null }));
        assert_eq!(told["data"]["policy"], json!({ "id": made["id"], "name": "Setia" }));
        assert_eq!((&told["version"], &told["data"]["version"]), (&json!(2), &json!(2)));
    }
    let after = channel(&app, &app.agent(0), "whatsapp").await;
    assert_eq!((&after["policy"]["name"], &after["version"]), (&json!("Setia"), &json!(2)));
    assert_eq!(channel(&app, &admin, "messenger").await["version"], 1);

    // Only what it is: no channel shows anything else than before.
    let change = json!({ "sticky_agent": false, "idle_transfer_minutes": null, "strategy": null });
    let changed = admin.patch(&path, change.clone()).if_match(1).await.expect(200);
    assert_eq!(changed.header("etag"), Some("\"2\""));
    for (field, value) in change.as_object().unwrap() {
        assert_eq!(&changed[field.as_str()], value, "{field}");
    }
    admin.patch(&path, json!({ "name": "Lama" })).if_match(1).await.problem(412, "version_mismatch");
    admin.delete(&path).if_match(1).await.problem(412, "version_mismatch");
    let same = json!({ "name": "Setia", "channel_ids": [app.channel("telegram"), app.channel("whatsapp")], "strategy": null });
    assert_eq!(admin.patch(&path, same).await.expect(200)["version"], 2);
    let told = log.until("the change", |event| event["type"] == "policy.updated").await;
    let was = json!({ "sticky_agent": true, "idle_transfer_minutes": 5, "strategy": "round_robin" });
    assert_eq!((&told["data"], &told["previous"]), (&changed.json, &was));
    let told = log.rest().await.iter().filter(|event| event["type"] == "channel.updated").count();
    assert_eq!(told, 2, "those of the making");

    // One goes, one comes, and one stays and sees it renamed.
    let body = json!({ "name": "Baru", "channel_ids": [app.channel("messenger"), app.channel("whatsapp")] });
    admin.patch(&path, body).await.expect(200);
    for (kind, version, policy) in
        [("telegram", 3, None), ("messenger", 2, Some("Baru")), ("whatsapp", 3, Some("Baru"))]
    {
        let now = channel(&app, &admin, kind).await;
        let name = now["policy"]["name"].as_str();
        assert_eq!((now["version"].as_i64(), name), (Some(version), policy), "{kind}");
    }
    let gone = admin.delete(&path).if_match(3).await.expect(200);
    assert_eq!((&gone["version"], gone["channels"].as_array().unwrap().len()), (&json!(4), 2));
    let told = log.until("the end", |event| event["type"] == "policy.deleted").await;
    assert_eq!(told["data"], gone.json);
    let told = log.until("a channel", |event| event["type"] == "channel.updated").await;
    assert_eq!(
        (&told["previous"]["policy"]["name"], &told["data"]["policy"]),
        (&json!("Baru"), &Value::Null)
    );
    admin.get(&path).await.problem(404, "not_found");
    admin.delete(&path).await.problem(404, "not_found");
    admin.patch(&path, json!({ "name": "Lagi" })).await.problem(404, "not_found");
    assert_eq!(channel(&app, &admin, "messenger").await["policy"], Value::Null);
    assert!(admin.all(POLICIES).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_03_bad_words_are_named_and_store_nothing() {
    let app = TestApp::start().await;
    let other = app.another_team("dua").await;
    let theirs = other.admin().post("/v1/channels", harness::app::channels().remove(0).1).await.expect(201);
    let (admin, path) = (app.admin(), policy(&app, &["telegram"], json!({})).await);
    let rows = app.database.snapshot();
    let ours = app.channel("whatsapp");
    for (field, value, pointer) in [
        ("name", json!(""), "/name"),
        ("name", json!("n".repeat(101)), "/name"),
        ("name", json!("Se\u{0}tia"), "/name"),
        ("name", json!(7), "/name"),
        ("sticky_agent", json!("ya"), "/sticky_agent"),
        ("idle_transfer_minutes", json!(0), "/idle_transfer_minutes"),
        ("idle_transfer_minutes", json!(4), "/idle_transfer_minutes"),
        ("idle_transfer_minutes", json!(-5), "/idle_transfer_minutes"),
        ("idle_transfer_minutes", json!(1441), "/idle_transfer_minutes"),
        ("idle_transfer_minutes", json!(1_000_000_000), "/idle_transfer_minutes"),
        ("idle_transfer_minutes", json!(1e9), "/idle_transfer_minutes"),
        ("idle_transfer_minutes", json!(7.5), "/idle_transfer_minutes"),
        ("idle_transfer_minutes", json!("15"), "/idle_transfer_minutes"),
        ("strategy", json!("random"), "/strategy"),
        ("strategy", json!(""), "/strategy"),
        ("strategy", json!(1), "/strategy"),
        ("channel_ids", json!("semua"), "/channel_ids"),
        ("channel_ids", json!(["satu"]), "/channel_ids/0"),
        ("channel_ids", json!([ours, crate::walks::NOBODY]), "/channel_ids/1"),
        ("channel_ids", json!([ours, theirs["id"]]), "/channel_ids/1"),
        ("channels", json!([]), "/channels"),
    ] {
        let mut body = json!({ "name": "Setia" });
        body[field] = value.clone();
        for reply in [admin.post(POLICIES, body).await, admin.patch(&path, json!({ field: value })).await] {
            let refused = reply.problem(422, "validation_failed");
            let found = refused["errors"][0]["pointer"].as_str().unwrap();
            assert!(
                found == pointer || (field == "channels" && found.is_empty()),
                "{field} {value}: {}",
                refused.json
            );
        }
    }
    for wrong in [json!({}), json!([]), json!({ "sticky_agent": true })] {
        admin.post(POLICIES, wrong).await.problem(422, "validation_failed");
    }
    assert_eq!(app.database.snapshot(), rows);
    for minutes in [5, 1440] {
        let change = json!({ "idle_transfer_minutes": minutes });
        assert_eq!(admin.patch(&path, change).await.expect(200)["idle_transfer_minutes"], minutes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_has_at_most_one_policy_and_a_name_is_given_once() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let first = policy(&app, &["whatsapp", "telegram"], json!({ "name": "Setia" })).await;
    let second = policy(&app, &["messenger"], json!({ "name": "Cepat" })).await;
    let rows = app.database.snapshot();
    let wanted = json!([app.channel("messenger"), app.channel("whatsapp2"), app.channel("whatsapp")]);
    let made = admin.post(POLICIES, json!({ "name": "Lain", "channel_ids": wanted })).await;
    let moved = admin.patch(&second, json!({ "channel_ids": wanted })).await;
    for (reply, at, name) in [(made, 0, "Cepat"), (moved, 2, "Setia")] {
        let refused = reply.problem(409, "channel_has_policy");
        assert_eq!(refused["errors"][0]["pointer"], format!("/channel_ids/{at}"));
        assert_eq!(refused["errors"][0]["code"], "channel_has_policy");
        assert!(refused["detail"].as_str().unwrap().contains(name), "{}", refused.json);
    }
    admin.post(POLICIES, json!({ "name": "Setia" })).await.problem(409, "name_taken");
    admin.patch(&second, json!({ "name": "Setia" })).await.problem(409, "name_taken");
    assert_eq!(app.database.snapshot(), rows);
    // What the one gives up, the other takes; its own it may name again.
    admin
        .patch(&first, json!({ "channel_ids": [app.channel("telegram"), app.channel("telegram")] }))
        .await
        .expect(200);
    let moved = admin.patch(&second, json!({ "channel_ids": wanted })).await.expect(200);
    assert_eq!(moved["channels"].as_array().unwrap().len(), 3);
    admin.delete(&first).await.expect(200);
    admin
        .post(POLICIES, json!({ "name": "Setia", "channel_ids": [app.channel("telegram")] }))
        .await
        .expect(201);
    // Another workspace has names and channels of its own.
    let other = app.another_team("dua").await.admin();
    let theirs = other.post("/v1/channels", harness::app::channels().remove(0).1).await.expect(201);
    other.post(POLICIES, json!({ "name": "Setia", "channel_ids": [theirs["id"]] })).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_want_a_channel_at_once_one_gets_it() {
    let app = TestApp::start().await;
    let others = futures_util::future::join_all(
        ["whatsapp2", "messenger", "telegram"].map(async |kind| policy(&app, &[kind], json!({})).await),
    )
    .await;
    let make = async |n: usize| {
        let body = json!({ "name": format!("Rebutan {n}"), "channel_ids": [app.channel("whatsapp")] });
        app.admin().post(POLICIES, body).await
    };
    let take = async |n: usize| {
        app.admin().patch(&others[n], json!({ "channel_ids": [app.channel("whatsapp")] })).await
    };
    let made = futures_util::future::join_all((0..8).map(make));
    let taken = futures_util::future::join_all((0..others.len()).map(take));
    let (made, taken) = futures_util::future::join(made, taken).await;
    let mut won = 0;
    for reply in made.into_iter().chain(taken) {
        if (200..300).contains(&reply.status) {
            won += 1;
        } else {
            reply.problem(409, "channel_has_policy");
        }
    }
    assert_eq!(won, 1);
    let has = |policy: &Value| {
        policy["channels"].as_array().unwrap().iter().any(|one| one["id"] == app.channel("whatsapp"))
    };
    let holder: Vec<Value> = app.admin().all(POLICIES).await.into_iter().filter(has).collect();
    assert_eq!(holder.len(), 1);
    let shown = channel(&app, &app.admin(), "whatsapp").await;
    assert_eq!((&shown["policy"]["id"], &shown["version"]), (&holder[0]["id"], &json!(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_are_for_admins_and_programs_know_only_their_channels() {
    let app = TestApp::start().await;
    let path = policy(&app, &["whatsapp", "telegram"], json!({ "name": "Setia" })).await;
    let limited = key(&app, json!({ "channel_ids": [app.channel("whatsapp")] })).await.program;
    let free = key(&app, json!({})).await.program;
    limited.get("/v1/me").await.expect(200);
    let mut logs = Vec::new();
    for who in [app.supervisor(), app.agent(0), limited.clone()] {
        logs.push(harness::Follower::from_now(who).await);
    }
    api::auth::key_uses::write_down(app.app()).await.unwrap();
    let rows = app.database.snapshot();
    for who in [app.supervisor(), app.agent(0)] {
        who.get(POLICIES).await.problem(403, "forbidden");
        who.get(&path).await.problem(403, "forbidden");
    }
    for who in [app.supervisor(), app.agent(0), limited.clone()] {
        who.post(POLICIES, json!({ "name": "Lain" })).await.problem(403, "forbidden");
        let hidden = json!({ "name": "Lain", "channel_ids": [app.channel("telegram")] });
        who.post(POLICIES, hidden).await.problem(403, "forbidden");
        who.patch(&path, json!({ "name": "Lain" })).await.problem(403, "forbidden");
        who.delete(&path).await.problem(403, "forbidden");
    }
    assert_eq!(app.database.snapshot(), rows);
    let names = |policy: &Value| -> Vec<Value> {
        policy["channels"].as_array().unwrap().iter().map(|channel| channel["id"].clone()).collect()
    };
    let read = limited.get(&path).await.expect(200);
    assert_eq!(names(&read.json), [json!(app.channel("whatsapp"))]);
    assert_eq!(names(&limited.all(POLICIES).await[0]), [json!(app.channel("whatsapp"))]);
    assert_eq!(names(&free.get(&path).await.expect(200).json).len(), 2);
    free.patch(&path, json!({ "name": "Setia sekali" })).await.expect(200);
    for log in &mut logs {
        log.until("the channel", |event| event["type"] == "channel.updated").await;
        let seen = log.rest().await;
        assert!(seen.iter().all(|event| !event["type"].as_str().unwrap().starts_with("policy.")));
    }
    let seen = Value::from(logs[2].rest().await.to_vec()).to_string();
    assert!(!seen.contains(app.channel("telegram")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_06_policies_are_listed_by_name() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for n in (0..23).rev() {
        admin.post(POLICIES, json!({ "name": format!("Kebijakan {n:02}") })).await.expect(201);
    }
    let all = admin.all(&format!("{POLICIES}?limit=5")).await;
    let names: Vec<String> = all.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, (0..23).map(|n| format!("Kebijakan {n:02}")).collect::<Vec<_>>());
    let page = admin.get(format!("{POLICIES}?limit=5")).await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    admin.get(format!("/v1/channels?cursor={cursor}")).await.problem(422, "invalid_cursor");
    let other = app.another_team("dua").await.admin();
    other.get(format!("{POLICIES}?cursor={cursor}")).await.problem(422, "invalid_cursor");
    assert!(other.all(POLICIES).await.is_empty());
    for wrong in ["limit=0", "limit=101", "cursor=x", "q=a"] {
        assert_eq!(admin.get(format!("{POLICIES}?{wrong}")).await.status, 422, "{wrong}");
    }
}

/// The settings are one row and the policies others: one statement that waits for the former would show the latter of before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_while_a_policy_is_stored_goes_by_it() {
    let app = TestApp::start().await;
    let (workspace, channel) = (app.workspace, app.channel("whatsapp").parse().unwrap());
    let terms = PolicyTerms {
        name: "Setia".to_owned(),
        channels: vec![channel],
        sticky_agent: true,
        idle_transfer_minutes: None,
        strategy: None,
    };
    let (mut admin, mut others) = (app.database.connect(), app.database.connect());
    let waiting = app.database.pid_of(&mut others);
    admin.batch_execute("BEGIN").unwrap();
    settings::lock_configuration(&mut admin, workspace).unwrap();
    let id = DistributionPolicyId::from(Uuid::nil());
    persistence::policies::insert(&mut admin, workspace, id, &terms, app.clock.now()).unwrap();
    settings::raise_routing_version(&mut admin, workspace).unwrap();
    let waits =
        std::thread::spawn(move || settings::hold_configurations(&mut others, vec![workspace]).unwrap());
    let waiting = format!("pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = {waiting}");
    eventually("it to wait for the settings", || async { (app.count(&waiting) == 1).then_some(()) }).await;
    admin.batch_execute("COMMIT").unwrap();
    let (_, held) = waits.join().unwrap().remove(0);
    assert!(held.is_sticky(channel), "{held:?}");
}
