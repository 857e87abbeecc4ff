//! New messages, channels that stop, and what a member does not want to know of.

use chrono::TimeDelta;
use harness::team::assignment_settings;
use harness::{Caller, Follower, TestApp, eventually};
use serde_json::{Value, json};

use crate::support::text;

const OWN: &str = "/v1/notifications";
const PREFERENCES: &str = "/v1/me/notification-preferences";

async fn of_kind(who: &Caller, kind: &str) -> Vec<Value> {
    who.all(OWN).await.into_iter().filter(|one| one["kind"] == kind).collect()
}

async fn unread(who: &Caller) -> usize {
    who.all("/v1/notifications?unread=true").await.iter().filter(|one| one["kind"] == "new_message").count()
}

/// A conversation that this member holds; answers its path.
async fn held(app: &TestApp, by: &Caller, customer: &str) -> String {
    let path = format!("/v1/conversations/{}", app.conversation(customer, "Halo").await);
    let to = json!({ "agent_id": by.id() });
    app.admin().post(format!("{path}/assign"), to).await.expect(200);
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_holder_is_told_once_of_new_messages_until_it_has_seen_them() {
    let app = TestApp::start().await;
    let (siti, rina, customer) = (app.agent(0), app.agent(2), "6281234567890");
    let path = held(&app, &siti, customer).await;
    assert_eq!(unread(&siti).await, 0, "what came before is seen by whoever takes it");
    let mut log = Follower::from_now(siti.clone()).await;
    for words in ["Rahasia satu", "Rahasia dua"] {
        app.conversation(customer, words).await;
    }
    let told = of_kind(&siti, "new_message").await;
    assert_eq!(told.len(), 1);
    assert!(!told[0].to_string().contains("Rahasia"), "{}", told[0]);
    let conversation = siti.get(&path).await.expect(200);
    assert_eq!(
        (&told[0]["conversation_id"], &told[0]["ticket_id"]),
        (&conversation["id"], &conversation["ticket_id"])
    );
    assert_eq!(of_kind(&rina, "new_message").await, Vec::<Value>::new());

    siti.act(format!("{path}/read")).await.expect(200);
    assert_eq!(unread(&siti).await, 0);
    app.conversation(customer, "Tiga").await;
    assert_eq!(unread(&siti).await, 1, "it had seen the others");
    siti.post(format!("{path}/messages"), text("Baik")).await.expect(201);
    assert_eq!(unread(&siti).await, 0, "who answers has seen it");
    assert_eq!(of_kind(&siti, "new_message").await.len(), 2);
    log.rest().await;
    let told: Vec<_> = log.names().into_iter().filter(|name| name.starts_with("notification.")).collect();
    assert_eq!(
        told,
        ["notification.created", "notification.read", "notification.created", "notification.read"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_told_of_a_blocked_customer_and_the_holder_of_one_who_is_back_from_the_archive_is() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    let path = held(&app, &siti, "6281234567890").await;
    app.database.execute("UPDATE contacts SET blocked_at = now()");
    app.conversation("6281234567890", "Halo?").await;
    assert_eq!(unread(&siti).await, 0);
    app.database.execute("UPDATE contacts SET blocked_at = NULL");
    siti.act(format!("{path}/archive")).await.expect(200);
    app.conversation("6281234567890", "Halo?").await;
    assert_eq!(siti.get(&path).await.expect(200)["archived_at"], Value::Null);
    assert_eq!(unread(&siti).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_told_that_an_archived_conversation_waits() {
    let app = TestApp::start().await;
    let (admin, siti, boss) = (app.admin(), app.agent(0), app.supervisor());
    let settings = assignment_settings(&json!({ "notify_supervisor_minutes": 5 }));
    admin.put("/v1/settings/assignment", settings).await.expect(200);
    let archived = held(&app, &siti, "6281200000001").await;
    let other = held(&app, &siti, "6281200000002").await;
    siti.act(format!("{archived}/archive")).await.expect(200);
    app.advance(TimeDelta::minutes(6));
    let told = eventually("a notice", || async {
        Some(of_kind(&boss, "unanswered").await).filter(|told| !told.is_empty())
    });
    let told = told.await;
    assert_eq!(told.len(), 1);
    assert!(other.ends_with(told[0]["conversation_id"].as_str().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_at_once_make_one_notification_also_while_it_is_being_read() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    let path = held(&app, &siti, "6281234567890").await;
    for round in 0..5 {
        let hooks = (0..10).map(|n| {
            let id = format!("wamid.{round}.{n}");
            let app = &app;
            async move { drop(app.whatsapp_text("6281234567890", &id, "Halo").await.expect(200)) }
        });
        let read = async {
            for _ in 0..3 {
                siti.act(format!("{path}/read")).await.expect(200);
                siti.post("/v1/notifications/read", json!({ "all": true })).await.expect(200);
            }
        };
        tokio::join!(futures_util::future::join_all(hooks), read);
        assert!(unread(&siti).await <= 1);
    }
    app.conversation("6281234567890", "Terakhir").await;
    assert_eq!(unread(&siti).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admins_are_told_of_a_channel_that_stops() {
    let app = TestApp::with_sandbox().await;
    app.customer("whatsapp", "6281234567890").writes("Halo").await;
    let (admin, siti) = (app.admin(), app.agent(0));
    let path = crate::support::claimed(&app, &siti, "whatsapp").await;
    let refuse = json!({ "type": "refuse", "status": 401, "code": 190 });
    app.faults(json!([{ "target": "send", "action": refuse }])).await;
    siti.post(format!("{path}/messages"), text("Satu")).await.expect(201);
    let told =
        eventually("a notification", || async { of_kind(&admin, "channel_attention").await.pop() }).await;
    assert_eq!(told["channel_id"], app.channel("whatsapp"));
    assert_eq!((&told["conversation_id"], &told["ticket_id"]), (&Value::Null, &Value::Null));
    assert_eq!(of_kind(&siti, "channel_attention").await, Vec::<Value>::new());
    assert_eq!(app.count("notifications WHERE kind = 'channel_attention'"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn preferences_are_ones_own_have_a_version_and_mute_kinds() {
    let app = TestApp::start().await;
    let (siti, rina) = (app.agent(0), app.agent(2));
    let standard = json!({ "sound": true, "toast": true, "muted_kinds": [], "version": 1 });
    let read = siti.get(PREFERENCES).await.expect(200);
    assert_eq!((&read.json, read.header("etag")), (&standard, Some("\"1\"")));
    let wanted =
        json!({ "sound": false, "toast": true, "muted_kinds": ["new_message", "assigned", "new_message"] });
    let mut logs = [Follower::from_now(siti.clone()).await, Follower::from_now(app.admin()).await];
    siti.put(PREFERENCES, wanted.clone()).if_match(7).await.problem(412, "version_mismatch");
    let set = siti.put(PREFERENCES, wanted.clone()).if_match(1).await.expect(200);
    let expected =
        json!({ "sound": false, "toast": true, "muted_kinds": ["assigned", "new_message"], "version": 2 });
    assert_eq!((&set.json, set.header("etag")), (&expected, Some("\"2\"")));
    assert_eq!(
        siti.put(PREFERENCES, wanted).await.expect(200).json,
        expected,
        "the same again changes nothing"
    );
    for (log, times) in logs.iter_mut().zip([1, 0]) {
        log.rest().await;
        let told = log.names().into_iter().filter(|name| name == "notification_preferences.updated").count();
        assert_eq!(told, times);
    }
    assert_eq!(siti.get(PREFERENCES).await.expect(200).json, expected);
    assert_eq!(rina.get(PREFERENCES).await.expect(200).json, standard);

    held(&app, &siti, "6281200000001").await;
    held(&app, &rina, "6281200000002").await;
    for customer in ["6281200000001", "6281200000002"] {
        app.conversation(customer, "Halo?").await;
    }
    assert_eq!(siti.all(OWN).await, Vec::<Value>::new());
    let kinds: Vec<_> = rina.all(OWN).await.iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["new_message", "assigned"]);
    let unmuted = json!({ "sound": false, "toast": true, "muted_kinds": [] });
    siti.put(PREFERENCES, unmuted).await.expect(200);
    assert_eq!(siti.all(OWN).await, Vec::<Value>::new(), "what was muted is not there afterwards");
    app.conversation("6281200000001", "Masih di sana?").await;
    assert_eq!(unread(&siti).await, 1);

    for wrong in [
        json!({ "sound": true, "toast": true }),
        json!({ "sound": 1, "toast": true, "muted_kinds": [] }),
        json!({ "sound": true, "toast": true, "muted_kinds": ["whatever"] }),
        json!({ "sound": true, "toast": true, "muted_kinds": null }),
        json!({ "sound": true, "toast": true, "muted_kinds": [], "version": 3 }),
    ] {
        siti.put(PREFERENCES, wrong).await.problem(422, "validation_failed");
    }
}

/// of two who are the first to say something, one is too late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_05_of_two_changes_of_one_version_one_counts() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    for version in 1..6 {
        let put = |sound: bool| {
            let body = json!({ "sound": sound, "toast": version % 2 == 0, "muted_kinds": ["transferred"] });
            siti.put(PREFERENCES, body).if_match(version)
        };
        let (one, other) = tokio::join!(async { put(true).await.status }, async { put(false).await.status });
        let mut statuses = [one, other];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
        assert_eq!(siti.get(PREFERENCES).await.expect(200)["version"], version + 1);
    }
}
