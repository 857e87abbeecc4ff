//! Each setting on its own, and several together.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use harness::TestApp;
use harness::hooks::telegram_message;
use harness::team::assignment_settings;
use serde_json::{Value, json};

use super::policies::policy;
use super::sticky::handled;
use super::{SETTINGS, decision, gives, holder, path, routed, says, set, settled};
use crate::support::text;

/// A customer writes to the Telegram bot. Answers the conversation's id.
async fn telegram(app: &TestApp, customer: i64) -> String {
    let body = telegram_message(customer, customer, 1, app.clock.now().unix_seconds(), "Halo bot");
    app.hook("telegram", body.to_string()).await.expect(200);
    let query = format!(
        "SELECT c.id::text AS value FROM conversations c JOIN contacts k ON k.id = c.contact_id
        WHERE k.name = 'Pelanggan {customer}'"
    );
    app.database.values(&query).remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_03_bad_words_are_named_and_set_nothing() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let rows = app.database.snapshot();
    let numbers = ["unanswered_transfer_minutes", "notify_supervisor_minutes", "max_conversations_per_agent"];
    let bad = [json!(0), json!(-1), json!(1_000_000_000), json!(1e9), json!(4.5), json!("5"), json!(true)];
    let mut wrong: Vec<(&str, Value)> = Vec::new();
    for name in numbers {
        wrong.extend(bad.iter().map(|value| (name, value.clone())));
    }
    wrong.extend(numbers[..2].iter().map(|name| (*name, json!(1441))));
    wrong.push(("max_conversations_per_agent", json!(1001)));
    let grace = [json!(-1), json!(86401), json!(1e9), json!("60"), Value::Null, json!(0.5)];
    wrong.extend(grace.map(|value| ("handover_grace_seconds", value)));
    let words = [json!("random"), json!(""), json!("LEAST_BUSY"), json!(1), Value::Null];
    wrong.extend(words.map(|value| ("strategy", value)));
    for name in ["assignment_enabled", "auto_assign", "auto_handover", "agents_may_claim"] {
        wrong.extend([json!("ya"), json!(1), Value::Null].map(|value| (name, value)));
    }
    wrong.push(("idle_transfer_minutes", json!(5)));
    for (name, value) in wrong {
        let refused = admin.put(SETTINGS, assignment_settings(&json!({ name: value }))).await;
        let refused = refused.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], format!("/{name}"), "{name} {value}: {}", refused.json);
    }
    assert_eq!(app.database.snapshot(), rows);
    for (name, least, most) in [
        ("unanswered_transfer_minutes", 1, 1440),
        ("notify_supervisor_minutes", 1, 1440),
        ("max_conversations_per_agent", 1, 1000),
        ("handover_grace_seconds", 0, 86400),
    ] {
        for value in [least, most] {
            let put = admin.put(SETTINGS, assignment_settings(&json!({ name: value }))).await.expect(200);
            assert_eq!(put[name], value);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_switch_stops_everything_that_goes_by_itself() {
    let all = json!({ "auto_assign": true, "unanswered_transfer_minutes": 5, "auto_handover": true,
        "handover_grace_seconds": 60 });
    let mut off = all.clone();
    off["assignment_enabled"] = json!(false);
    let app = routed(off).await;
    let (siti, agus) = (app.agent(0), app.agent(1));
    for who in [&siti, &agus] {
        says(who, "online").await;
    }
    let waiting = app.conversation("6281200000001", "Halo").await;
    let taken = app.conversation("6281200000002", "Halo").await;
    let held = app.conversation("6281200000003", "Halo").await;
    gives(&app, &held, &siti).await;
    app.advance(TimeDelta::hours(1));
    says(&siti, "offline").await;
    app.advance(TimeDelta::hours(1));
    settled(&app).await;
    assert_eq!(holder(&app, &waiting).await, Value::Null);
    assert_eq!(holder(&app, &held).await, json!(siti.id()));
    assert_eq!((app.count("routing_decisions"), app.count("timers")), (0, 0));
    // By hand all of it works.
    agus.act(format!("{}/claim", path(&taken))).await.expect(200);
    gives(&app, &taken, &agus).await;
    // On again: what waited is given out, and what is overdue moves.
    let mut log = app.follow().await;
    set(&app, all).await;
    assert_eq!(holder(&app, &waiting).await, json!(agus.id()));
    assert_eq!(holder(&app, &held).await, json!(agus.id()));
    let given = log.until("the queue", |event| {
        event["conversation_id"] == waiting && event["type"] == "routing.decided"
    });
    assert_eq!(given.await["data"]["trigger"], "session_started");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_auto_assign_sessions_wait_and_what_is_held_still_moves() {
    let others =
        json!({ "unanswered_transfer_minutes": 5, "auto_handover": true, "handover_grace_seconds": 60 });
    let mut without = others.clone();
    without["auto_assign"] = json!(false);
    let app = routed(without).await;
    let (siti, agus, rina) = (app.agent(0), app.agent(1), app.agent(2));
    for who in [&siti, &agus] {
        says(who, "online").await;
    }
    let waiting = app.conversation("6281200000001", "Halo").await;
    let silent = app.conversation("6281200000002", "Halo").await;
    gives(&app, &silent, &siti).await;
    app.advance(TimeDelta::minutes(5));
    assert_eq!(holder(&app, &silent).await, json!(agus.id()));
    assert_eq!(decision(&app, &silent).await["trigger"], "unanswered");
    agus.post(format!("{}/messages", path(&silent)), text("Ada")).await.expect(201);
    says(&agus, "offline").await;
    settled(&app).await;
    app.advance(TimeDelta::seconds(60));
    assert_eq!(holder(&app, &silent).await, json!(siti.id()));
    assert_eq!(decision(&app, &silent).await["trigger"], "handover");
    siti.act(format!("{}/unassign", path(&silent))).await.expect(200);
    for id in [&waiting, &silent] {
        assert_eq!(holder(&app, id).await, Value::Null);
    }
    // Switched on it is given out, to who did not just give it back.
    says(&rina, "online").await;
    let mut with = others;
    with["auto_assign"] = json!(true);
    set(&app, with).await;
    assert_eq!(holder(&app, &silent).await, json!(rina.id()));
    assert_ne!(holder(&app, &waiting).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policys_strategy_takes_the_place_of_the_workspaces_on_its_channels() {
    let app = routed(json!({ "strategy": "least_busy" })).await;
    let (siti, agus) = (app.agent(0), app.agent(1));
    let on_telegram = policy(&app, &["telegram"], json!({ "strategy": "round_robin" })).await;
    // Siti has more to do; Agus was given something last.
    for n in [1, 2, 3] {
        let id = app.conversation(&format!("628120000000{n}"), "Halo").await;
        gives(&app, &id, if n < 3 { &siti } else { &agus }).await;
        app.advance(TimeDelta::minutes(1));
    }
    for who in [&siti, &agus] {
        says(who, "online").await;
    }
    let id = app.conversation("6281200000004", "Halo").await;
    let least = decision(&app, &id).await;
    assert_eq!((&least["agent"]["id"], &least["reason"]), (&json!(agus.id()), &json!("least_busy")));
    assert_eq!(least["tie_break"], "fewest_held");
    let in_turn = decision(&app, &telegram(&app, 70_001).await).await;
    assert_eq!((&in_turn["agent"]["id"], &in_turn["reason"]), (&json!(siti.id()), &json!("round_robin")));
    assert_eq!(in_turn["tie_break"], "longest_since_assignment");
    assert_eq!(in_turn["inquiry"]["strategy"], "round_robin");
    // Three for her, two for him, and the turn is his; now the other way round.
    set(&app, json!({ "auto_assign": true, "strategy": "round_robin" })).await;
    app.admin().patch(&on_telegram, json!({ "strategy": null })).await.expect(200);
    let in_turn = decision(&app, &telegram(&app, 70_002).await).await;
    assert_eq!((&in_turn["agent"]["id"], &in_turn["reason"]), (&json!(agus.id()), &json!("round_robin")));
    let id = app.conversation("6281200000005", "Halo").await;
    let in_turn = decision(&app, &id).await;
    assert_eq!((&in_turn["agent"]["id"], &in_turn["reason"]), (&json!(siti.id()), &json!("round_robin")));
    app.admin().patch(&on_telegram, json!({ "strategy": "least_busy" })).await.expect(200);
    let least = decision(&app, &telegram(&app, 70_003).await).await;
    assert_eq!((&least["agent"]["id"], &least["reason"]), (&json!(agus.id()), &json!("least_busy")));
    assert!(least["settings_version"].as_i64() > in_turn["settings_version"].as_i64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policys_idle_minutes_take_the_place_of_the_workspaces() {
    let app = routed(json!({ "unanswered_transfer_minutes": 30 })).await;
    let (admin, siti, agus) = (app.admin(), app.agent(0), app.agent(1));
    let quick = policy(&app, &["whatsapp"], json!({ "idle_transfer_minutes": 5 })).await;
    says(&siti, "online").await;
    let (short, long) = (app.conversation("6281200000001", "Halo").await, telegram(&app, 70_001).await);
    for id in [&short, &long] {
        assert_eq!(holder(&app, id).await, json!(siti.id()));
    }
    says(&agus, "online").await;
    app.advance(TimeDelta::minutes(5) - TimeDelta::microseconds(1));
    assert_eq!(holder(&app, &short).await, json!(siti.id()));
    app.advance(TimeDelta::microseconds(1));
    assert_eq!(holder(&app, &short).await, json!(agus.id()));
    assert_eq!(decision(&app, &short).await["trigger"], "unanswered");
    assert_eq!(holder(&app, &long).await, json!(siti.id()));
    // Timers that run follow the policy: longer, shorter, and off, where the workspace's count again.
    let due = |id: &str| {
        let query = format!(
            "SELECT extract(epoch FROM due_at - running_since)::int::text AS value FROM timers
            WHERE conversation_id = '{id}'"
        );
        app.database.values(&query)
    };
    for (change, minutes) in [(json!(60), 60), (json!(10), 10), (Value::Null, 30), (json!(20), 20)] {
        admin.patch(&quick, json!({ "idle_transfer_minutes": change })).await.expect(200);
        assert_eq!(due(&short), [(minutes * 60).to_string()]);
        assert_eq!(due(&long), ["1800"]);
    }
    admin.patch(&quick, json!({ "channel_ids": [app.channel("telegram")] })).await.expect(200);
    assert_eq!((due(&short), due(&long)), (vec!["1800".to_owned()], vec!["1200".to_owned()]));
    admin.delete(&quick).await.expect(200);
    assert_eq!(due(&long), ["1800"]);
    // Where the workspace has none, those of a policy act alone.
    set(&app, json!({ "auto_assign": true })).await;
    assert_eq!((due(&short), due(&long)), (vec![], vec![]));
    policy(&app, &["telegram"], json!({ "idle_transfer_minutes": 6 })).await;
    assert_eq!((due(&short), due(&long)), (vec![], vec!["360".to_owned()]));
    app.advance(TimeDelta::minutes(1));
    assert_eq!(holder(&app, &long).await, json!(agus.id()));
    assert_eq!(holder(&app, &short).await, json!(agus.id()), "stays where it is");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sticky_agent_limit_idle_minutes_and_strategy_work_together() {
    let app = routed(json!({ "unanswered_transfer_minutes": 30, "max_conversations_per_agent": 1 })).await;
    let (siti, agus) = (app.agent(0), app.agent(1));
    let fields = json!({ "sticky_agent": true, "idle_transfer_minutes": 5, "strategy": "round_robin" });
    policy(&app, &["whatsapp"], fields).await;
    for who in [&siti, &agus] {
        says(who, "online").await;
    }
    let returning = handled(&app, "6281200000001", &agus).await;
    app.conversation("6281200000001", "Saya kembali").await;
    assert_eq!(decision(&app, &returning).await["reason"], "sticky_agent");
    let new = telegram(&app, 70_001).await;
    assert_eq!(holder(&app, &new).await, json!(siti.id()), "Agus is full");
    // He does not answer, and she is full: he keeps it until she is not.
    app.advance(TimeDelta::minutes(5));
    let kept = decision(&app, &returning).await;
    assert_eq!((&kept["outcome"], &kept["trigger"]), (&json!("kept"), &json!("unanswered")));
    assert_eq!(kept["sticky_agent"]["left_out"], "excluded_previous");
    assert_eq!(holder(&app, &returning).await, json!(agus.id()));
    siti.act(format!("{}/resolve", path(&new))).await.expect(200);
    let moved = decision(&app, &returning).await;
    assert_eq!((&moved["agent"]["id"], &moved["reason"]), (&json!(siti.id()), &json!("round_robin")));
    assert_eq!(
        (&moved["sticky_agent"]["chosen"], &moved["tie_break"]),
        (&json!(false), &json!("only_candidate"))
    );
    assert_eq!(holder(&app, &returning).await, json!(siti.id()));
    let counts = app.admin().get(format!("/v1/agents/{}", agus.id())).await.expect(200)["counts"].clone();
    assert_eq!(counts["assigned"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_division_without_members_goes_to_anybody_when_it_is_deleted() {
    let app = routed(json!({})).await;
    let (admin, siti) = (app.admin(), app.agent(0));
    let empty = admin.post("/v1/divisions", json!({ "name": "Kosong" })).await.expect(201);
    let id = app.conversation("6281200000001", "Halo").await;
    let to = json!({ "division_id": empty["id"] });
    admin.post(format!("{}/assign", path(&id)), to).await.expect(200);
    says(&siti, "online").await;
    let queued = decision(&app, &id).await;
    let nobody = queued["candidates"].as_array().unwrap();
    assert!(nobody.iter().all(|one| one["reasons"] == json!(["not_in_division"])), "{queued}");
    admin.delete(format!("/v1/divisions/{}", empty.id())).await.expect(200);
    assert_eq!(holder(&app, &id).await, json!(siti.id()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_set_while_customers_write_without_a_pause() {
    let app = routed(json!({})).await;
    let done = AtomicBool::new(false);
    let write = |writer: usize| {
        let (app, done) = (&app, &done);
        async move {
            let mut count = 0;
            while !done.load(Ordering::Relaxed) {
                app.conversation(&format!("62812000{writer:02}{:03}", count % 100), "Halo").await;
                count += 1;
            }
            count
        }
    };
    let change = async {
        for round in 1..=20 {
            set(&app, json!({ "auto_assign": true, "max_conversations_per_agent": round })).await;
        }
        done.store(true, Ordering::Relaxed);
    };
    let (counts, ()) = tokio::join!(futures_util::future::join_all((0..16).map(write)), change);
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}
