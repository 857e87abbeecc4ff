//! What members are to know of: who is notified, and what they have read.

mod messages;

use api::jobs::housekeeping;
use api::stream::cursor::StreamCursor;
use chrono::TimeDelta;
use harness::{Caller, Follower, TestApp};
use serde_json::{Value, json};

use crate::auth::api_keys::key;

const OWN: &str = "/v1/notifications";
const READ: &str = "/v1/notifications/read";

async fn assign(app: &TestApp, by: &Caller, conversation: &str, to: &Caller) {
    let body = json!({ "agent_id": to.id() });
    by.post(format!("/v1/conversations/{conversation}/assign"), body).await.expect(200);
    app.advance(TimeDelta::milliseconds(5));
}

/// Kind and text of what a member is to know of, newest first.
async fn told(who: &Caller) -> Vec<(String, String)> {
    let word = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    who.all(OWN).await.iter().map(|one| (word(one, "kind"), word(one, "text"))).collect()
}

/// Gives Siti so many conversations; answers what she is told, newest first.
async fn siti_is_told(app: &TestApp, count: usize) -> Vec<Value> {
    for number in 0..count {
        let id = app.conversation(&format!("6281200000{number:03}"), "Halo").await;
        assign(app, &app.admin(), &id, &app.agent(0)).await;
    }
    let all = app.agent(0).all(OWN).await;
    assert_eq!(all.len(), count);
    all
}

fn ids(notifications: &[Value]) -> Vec<Value> {
    notifications.iter().map(|one| one["id"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_given_a_conversation_by_hand_and_who_loses_it_are_told_unless_they_did_it() {
    let app = TestApp::start().await;
    let (admin, siti, rina) = (app.admin(), app.agent(0), app.agent(2));
    let id = app.conversation("6281234567890", "Pesan rahasia").await;
    siti.act(format!("/v1/conversations/{id}/claim")).await.expect(200);
    assert_eq!(told(&siti).await, []);
    assign(&app, &siti, &id, &rina).await;
    let given = ("assigned".to_owned(), "Siti Rahmawati gave the conversation to Rina Marlina".to_owned());
    assert_eq!((told(&siti).await, told(&rina).await), (vec![], vec![given.clone()]));
    // The same again changes nothing.
    assign(&app, &admin, &id, &rina).await;
    assign(&app, &admin, &id, &siti).await;
    let text = "Dewi Lestari gave the conversation to Siti Rahmawati".to_owned();
    assert_eq!(told(&siti).await, [("assigned".to_owned(), text.clone())]);
    assert_eq!(told(&rina).await, [("transferred".to_owned(), text), given]);
    assign(&app, &admin, &id, &admin).await;
    let taken = "Dewi Lestari gave the conversation to Dewi Lestari".to_owned();
    assert_eq!(told(&siti).await[0], ("transferred".to_owned(), taken));
    assert_eq!(told(&admin).await, []);

    let conversation = admin.get(format!("/v1/conversations/{id}")).await.expect(200);
    let newest = &siti.all(OWN).await[0];
    assert_eq!(newest["conversation_id"], conversation["id"]);
    assert_eq!(newest["ticket_id"], conversation["ticket_id"]);
    assert_eq!(newest["read_at"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_has_ones_own_newest_first_in_pages_and_by_what_has_been_read() {
    let app = TestApp::start().await;
    let all = siti_is_told(&app, 5).await;
    let siti = app.agent(0);
    let times: Vec<&str> = all.iter().map(|one| one["created_at"].as_str().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] > pair[1]), "{times:?}");
    assert_eq!(siti.all("/v1/notifications?limit=2").await, all);
    siti.post(READ, json!({ "ids": [all[1]["id"], all[3]["id"]] })).await.expect(200);
    let unread = siti.all("/v1/notifications?unread=true&limit=2").await;
    assert_eq!(ids(&unread), [0, 2, 4].map(|which: usize| all[which]["id"].clone()));
    let read = siti.all("/v1/notifications?unread=false&limit=1").await;
    assert_eq!(ids(&read), [1, 3].map(|which: usize| all[which]["id"].clone()));
    assert!(read.iter().all(|one| one["read_at"] == json!(app.clock.now())));
    assert_eq!(ids(&siti.all(OWN).await), ids(&all));

    let cursor = siti.get("/v1/notifications?limit=1").await.expect(200)["next_cursor"].clone();
    let cursor = cursor.as_str().unwrap();
    siti.get(format!("{OWN}?unread=true&cursor={cursor}")).await.problem(422, "invalid_cursor");
    // Nor is it another member's.
    app.agent(1).get(format!("{OWN}?cursor={cursor}")).await.problem(422, "invalid_cursor");
    siti.get("/v1/notifications?unread=perhaps").await.problem(422, "validation_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marking_as_read_is_told_once_and_to_the_member_only() {
    let app = TestApp::start().await;
    let all = siti_is_told(&app, 3).await;
    let siti = app.agent(0);
    let mut logs = Vec::new();
    for who in [siti.clone(), app.admin(), app.supervisor()] {
        logs.push(Follower::from_now(who).await);
    }
    app.advance(TimeDelta::seconds(5));
    let one = json!({ "ids": [all[2]["id"], all[2]["id"]] });
    assert_eq!(siti.post(READ, one.clone()).await.expect(200).json, json!({ "read": 1, "unread": 2 }));
    let first_read = json!(app.clock.now());
    app.advance(TimeDelta::seconds(5));
    assert_eq!(siti.post(READ, one).await.expect(200).json, json!({ "read": 0, "unread": 2 }));
    assert_eq!(
        siti.post(READ, json!({ "ids": [] })).await.expect(200).json,
        json!({ "read": 0, "unread": 2 })
    );
    assert_eq!(
        siti.post(READ, json!({ "all": true })).await.expect(200).json,
        json!({ "read": 2, "unread": 0 })
    );
    assert_eq!(
        siti.post(READ, json!({ "all": true })).await.expect(200).json,
        json!({ "read": 0, "unread": 0 })
    );
    assert_eq!(siti.all(OWN).await[2]["read_at"], first_read);

    let told = logs[0].rest().await.to_vec();
    assert!(told.iter().all(|event| event["type"] == "notification.read"), "{told:#?}");
    let data: Vec<Value> = told.iter().map(|event| event["data"].clone()).collect();
    let mut now = siti.all(OWN).await;
    now.reverse();
    assert_eq!(data, now);
    let first = &told[0];
    assert_eq!((&first["version"], &first["previous"]), (&json!(2), &json!({ "read_at": null })));
    assert_eq!(first["actor"]["id"], siti.id());
    for log in &mut logs[1..] {
        assert_eq!(log.rest().await, Vec::<Value>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_ones_own_or_not_clear_marks_nothing() {
    let app = TestApp::start().await;
    let all = siti_is_told(&app, 2).await;
    let other = app.another_team("dua").await;
    let siti = app.agent(0);
    let rows = app.database.snapshot();
    for (who, pointer) in [(app.agent(1), "/ids/0"), (app.admin(), "/ids/0"), (other.admin(), "/ids/0")] {
        let refused = who.post(READ, json!({ "ids": ids(&all) })).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    let unknown = "0192f000-0000-7000-8000-000000000000";
    let body = json!({ "ids": [all[0]["id"], unknown, all[1]["id"]] });
    let refused = siti.post(READ, body).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/ids/1");
    let many = vec![all[0]["id"].clone(); 1001];
    for (body, pointer) in [
        (json!({}), ""),
        (json!({ "ids": ids(&all), "all": true }), ""),
        (json!({ "all": false }), "/all"),
        (json!({ "ids": many }), "/ids"),
        (json!({ "ids": ["x"] }), "/ids/0"),
    ] {
        let refused = siti.post(READ, body).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    assert_eq!(app.database.snapshot(), rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_means_a_thousand_at_once_the_oldest_first() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    app.database.execute(&format!(
        "INSERT INTO notifications (workspace_id, id, agent_id, kind, text, created_at)
         SELECT '{}', ('0192f000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, '{}', 'assigned', n::text, now()
         FROM generate_series(1, 1200) n ORDER BY n DESC",
        app.workspace,
        siti.id(),
    ));
    let marked = siti.post(READ, json!({ "all": true })).await.expect(200);
    assert_eq!(marked.json, json!({ "read": 1000, "unread": 200 }));
    let unread = siti.get("/v1/notifications?unread=true&limit=100").await.expect(200);
    assert_eq!((&unread["items"][0]["text"], &unread["items"][99]["text"]), (&json!("1200"), &json!("1101")));
    let marked = siti.post(READ, json!({ "all": true })).await.expect(200);
    assert_eq!(marked.json, json!({ "read": 200, "unread": 0 }));
    let beginning = StreamCursor::new(app.app().epoch, 0).to_string();
    let log = Follower::from_cursor(siti, beginning).rest().await.to_vec();
    let read = log.iter().filter(|event| event["type"] == "notification.read");
    let texts: Vec<u32> =
        read.map(|event| event["data"]["text"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(texts, (1..=1200).collect::<Vec<u32>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_01_many_at_once_mark_each_once_and_a_repeat_gets_the_first_answer() {
    let app = TestApp::start().await;
    let all = siti_is_told(&app, 6).await;
    let siti = app.agent(0);
    let repeat = || siti.post(READ, json!({ "ids": [all[0]["id"]] })).key("sekali");
    for _ in 0..2 {
        assert_eq!(repeat().await.expect(200).json, json!({ "read": 1, "unread": 5 }));
    }
    let mut backwards = ids(&all);
    backwards.reverse();
    let bodies = [json!({ "ids": ids(&all) }), json!({ "ids": backwards }), json!({ "all": true })];
    let before = app.head(app.workspace).await;
    let calls = (0..12).map(|number| {
        let call = siti.post(READ, bodies[number % 3].clone());
        async move { call.await.expect(200)["read"].as_i64().unwrap() }
    });
    let read: i64 = futures_util::future::join_all(calls).await.into_iter().sum();
    assert_eq!((read, app.head(app.workspace).await - before), (5, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_reads_its_members_notifications_unless_it_is_limited_to_channels() {
    let app = TestApp::start().await;
    let begin = StreamCursor::new(app.app().epoch, 0).to_string();
    let siti = app.agent(0);
    let free = key(&app, json!({ "agent_id": siti.id() })).await.program;
    // They may be about any channel.
    let channel = app.channel("telegram");
    let limited = key(&app, json!({ "agent_id": siti.id(), "channel_ids": [channel] })).await.program;
    let all = siti_is_told(&app, 2).await;
    assert_eq!(free.all(OWN).await, all);
    limited.get(OWN).await.problem(403, "forbidden");
    limited.post(READ, json!({ "all": true })).await.problem(403, "forbidden");
    let marked = free.post(READ, json!({ "ids": [all[0]["id"]] })).await.expect(200);
    assert_eq!(marked.json, json!({ "read": 1, "unread": 1 }));
    for (program, expected) in [(free, 3), (limited, 0)] {
        let log = Follower::from_cursor(program, begin.clone()).rest().await.to_vec();
        let told = log.iter().filter(|event| event["type"].as_str().unwrap().starts_with("notification."));
        assert_eq!(told.count(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_and_decisions_are_forgotten_when_they_are_old_and_not_before() {
    let app = TestApp::options().settings(|settings| {
        settings.times.notifications_kept = std::time::Duration::from_secs(3600);
        settings.times.routing_decisions_kept = std::time::Duration::from_secs(7200);
    });
    let app = app.start().await;
    let all = siti_is_told(&app, 2).await;
    app.agent(0).post(READ, json!({ "ids": [all[1]["id"]] })).await.expect(200);
    let conversation = all[0]["conversation_id"].as_str().unwrap();
    let decide = |at: domain::time::Timestamp| {
        app.database.execute(&format!(
            "INSERT INTO routing_decisions (workspace_id, id, conversation_id, trigger, at, outcome, reason, inquiry,
                 candidates, omitted, settings_version, rules_version, duration_us)
             SELECT '{}', md5('{at}' || n)::uuid, '{conversation}', 'session_started', '{at}', 'queued', 'nobody_available',
                 '{{}}', '[]', '[]', 1, 1, 1 FROM generate_series(1, 1500) n",
            app.workspace,
        ));
    };
    decide(app.clock.now());
    let kept = || (app.count("notifications"), app.count("routing_decisions"));
    app.advance(TimeDelta::minutes(59));
    housekeeping::forget(app.app()).await.unwrap();
    assert_eq!(kept(), (2, 1500));
    app.advance(TimeDelta::minutes(2));
    housekeeping::forget(app.app()).await.unwrap();
    assert_eq!(kept(), (0, 1500));
    decide(app.clock.now());
    app.advance(TimeDelta::minutes(60));
    housekeeping::forget(app.app()).await.unwrap();
    // More than are forgotten at once.
    assert_eq!(kept(), (0, 1500));
}
