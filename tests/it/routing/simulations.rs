//! Dry runs: what settings would do, and that they do nothing.

use chrono::TimeDelta;
use domain::time::Timestamp;
use harness::team::assignment_settings;
use harness::{Caller, Reply, TestApp, eventually};
use serde_json::{Value, json};

use super::{routed, says, set};
use crate::support::text;

const SIMULATIONS: &str = "/v1/routing/simulations";
const NOBODY: &str = "0192f000-0000-7000-8000-000000000000";

/// Some time passes, and routing has done what there was to do.
async fn pass(app: &TestApp, seconds: i64) {
    app.advance(TimeDelta::seconds(seconds));
    let due = || {
        let now = app.clock.now();
        app.count("routing_requests")
            + app.count(&format!("timers WHERE state = 'armed' AND due_at <= '{now}'"))
    };
    eventually("that routing has nothing to do", || async { (due() == 0).then_some(()) }).await;
}

/// Tries something out, and makes sure that nothing is written.
async fn try_out(app: &TestApp, who: &Caller, body: Value) -> Reply {
    let (rows, head) = (app.database.snapshot(), app.head(app.team.workspace).await);
    let reply = who.post(SIMULATIONS, body).await;
    assert_eq!(app.database.snapshot(), rows);
    assert_eq!(app.head(app.team.workspace).await, head);
    assert_eq!(app.count("routing_requests"), 0);
    reply
}

fn policy(app: &TestApp) {
    let workspace = app.team.workspace;
    let channel = app.channel("whatsapp");
    app.database.execute(&format!(
        "INSERT INTO distribution_policies (workspace_id, id, name, sticky_agent, idle_transfer_minutes, created_at)
         VALUES ('{workspace}', '{NOBODY}', 'Kembali', true, 5, now())"
    ));
    app.database.execute(&format!(
        "INSERT INTO distribution_policy_channels VALUES ('{workspace}', '{channel}', '{NOBODY}')"
    ));
}

/// A lively hour with all that routing does, and much that people do.
async fn history() -> (TestApp, Timestamp) {
    let app = routed(json!({ "auto_assign": false })).await;
    policy(&app);
    set(
        &app,
        json!({
            "auto_assign": true, "max_conversations_per_agent": 2, "unanswered_transfer_minutes": 9,
            "auto_handover": true, "handover_grace_seconds": 60,
        }),
    )
    .await;
    pass(&app, 1).await;
    let from = app.clock.now();
    let mut all = Vec::new();
    for number in 0..2 {
        all.push(format!(
            "/v1/conversations/{}",
            app.conversation(&format!("62812000000{number}"), "Halo").await
        ));
        pass(&app, 3).await;
    }
    for who in 0..3 {
        says(&app.agent(who), "online").await;
        pass(&app, 5).await;
    }
    for number in 2..9 {
        all.push(format!(
            "/v1/conversations/{}",
            app.conversation(&format!("62812000000{number}"), "Halo").await
        ));
        pass(&app, 4).await;
    }
    // Six are held, three wait.
    let admin = app.admin();
    admin.post(format!("{}/assign", all[6]), json!({ "agent_id": app.agent(3).id() })).await.expect(200);
    pass(&app, 10).await;
    for at in [0, 3] {
        admin.post(format!("{}/messages", all[at]), text("Baik")).await.expect(201);
        pass(&app, 10).await;
        admin.act(format!("{}/resolve", all[at])).await.expect(200);
        pass(&app, 10).await;
    }
    // Nobody answered the others.
    pass(&app, 360).await;
    pass(&app, 360).await;
    says(&app.agent(0), "offline").await;
    pass(&app, 30).await;
    pass(&app, 31).await;
    says(&app.agent(0), "online").await;
    pass(&app, 10).await;
    admin
        .patch(format!("/v1/agents/{}", app.agent(1).id()), json!({ "max_conversations": 4 }))
        .await
        .expect(200);
    pass(&app, 10).await;
    admin.post(format!("{}/assign", all[1]), json!({ "agent_id": app.agent(2).id() })).await.expect(200);
    pass(&app, 10).await;
    admin.act(format!("{}/unassign", all[1])).await.expect(200);
    pass(&app, 10).await;
    admin.post(format!("{}/assign", all[2]), json!({ "division_id": app.division })).await.expect(200);
    pass(&app, 10).await;
    for at in [1, 4, 5] {
        admin.act(format!("{}/resolve", all[at])).await.expect(200);
        pass(&app, 10).await;
    }
    // Some return, and go to who resolved their last ticket.
    for number in [0, 1, 3] {
        app.conversation(&format!("62812000000{number}"), "Lagi").await;
        pass(&app, 10).await;
    }
    (app, from)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_settings_in_force_every_decision_comes_out_as_it_did() {
    let (app, from) = history().await;
    let made = |what: &str| app.count(&format!("routing_decisions WHERE {what}"));
    for what in [
        "trigger = 'unanswered' AND outcome = 'assigned'",
        "trigger = 'handover'",
        "reason = 'sticky_agent'",
        "outcome = 'queued'",
        "trigger = 'slot_freed'",
        "trigger = 'limit_changed'",
        "trigger = 'agent_available'",
        "trigger = 'unassigned'",
        "trigger = 'division_set'",
    ] {
        assert!(made(what) > 0, "nothing in the history: {what}");
    }
    // Wherever it begins.
    for later in [0, 47, 100, 500] {
        let from = from.plus(TimeDelta::seconds(later));
        let range = json!({ "range": { "from": from, "to": app.clock.now() } });
        let told = try_out(&app, &app.admin(), range).await.expect(200);
        let told = &told["range"];
        assert_eq!(told["differences"], json!([]));
        assert_eq!((&told["differences_total"], &told["approximations"]), (&json!(0), &json!([])));
        assert_eq!(told["totals"]["simulated"], told["totals"]["real"]);
        let assigned = made(&format!("at >= '{from}' AND outcome = 'assigned'"));
        assert_eq!(told["totals"]["real"]["assigned"], json!(assigned));
        let transfers =
            made(&format!("at >= '{from}' AND outcome = 'assigned' AND inquiry->>'holder_id' IS NOT NULL"));
        assert_eq!(told["totals"]["real"]["transfers"], json!(transfers));
        for agent in told["per_agent"].as_array().unwrap() {
            assert_eq!(agent["assigned"], agent["really_assigned"]);
            assert!(!agent["agent"]["name"].as_str().unwrap().is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_settings_give_to_others() {
    let (app, from) = history().await;
    let range = json!({ "from": from, "to": app.clock.now() });
    let admin = app.admin();
    let told = |settings: Value, policies: Value| {
        let body = json!({ "range": range, "settings": settings, "policies": policies });
        let (app, admin) = (&app, &admin);
        async move { try_out(app, admin, body).await.expect(200)["range"].clone() }
    };
    let live = json!({
        "auto_assign": true, "max_conversations_per_agent": 2, "unanswered_transfer_minutes": 9,
        "auto_handover": true, "handover_grace_seconds": 60,
    });
    let with = |name: &str, value: Value| {
        let mut settings = live.clone();
        settings[name] = value;
        assignment_settings(&settings)
    };
    let channel = app.channel("whatsapp");
    let sticky = |minutes: u32| json!([{ "channel_ids": [channel], "sticky_agent": true, "idle_transfer_minutes": minutes, "strategy": null }]);
    // The draft says the same as what is in force.
    let same = told(assignment_settings(&live), sticky(5)).await;
    assert_eq!(same["differences_total"], json!(0));
    let nobody = told(with("auto_assign", json!(false)), sticky(5)).await;
    assert_eq!(nobody["totals"]["simulated"]["waited"]["count"], json!(0));
    assert_eq!(nobody["totals"]["real"], same["totals"]["real"]);
    assert!(nobody["differences_total"].as_u64() > Some(5));
    assert!(nobody["differences"][0]["simulated"].is_null());
    assert!(nobody["differences"][0]["really"]["name"].is_string());
    let one = told(with("max_conversations_per_agent", json!(1)), sticky(5)).await;
    let unassigned = |told: &Value| told["totals"]["simulated"]["unassigned"].as_u64();
    let p95 = |told: &Value| told["totals"]["simulated"]["waited"]["p95_seconds"].as_i64();
    assert!(unassigned(&one) > unassigned(&same) || p95(&one) > p95(&same));
    let any = told(with("max_conversations_per_agent", Value::Null), sticky(5)).await;
    assert!(p95(&any) < p95(&same), "{any}");
    let patient = told(assignment_settings(&live), sticky(1440)).await;
    assert_eq!(patient["approximate"], json!(true));
    let transfers = |told: &Value| told["totals"]["simulated"]["transfers"].as_u64();
    assert!(transfers(&patient) < transfers(&same));
    let plain = told(assignment_settings(&live), json!([])).await;
    assert!(plain["differences_total"].as_u64() > Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_be_decided_is_what_is_decided() {
    let app = routed(json!({ "max_conversations_per_agent": 1 })).await;
    let body = json!({ "conversation": { "channel_id": app.channel("whatsapp") } });
    let nobody = try_out(&app, &app.admin(), body.clone()).await.expect(200)["conversation"].clone();
    assert_eq!((&nobody["outcome"], &nobody["agent"]), (&json!("queued"), &Value::Null));
    assert_eq!((&nobody["reason"], &nobody["assigns"]), (&json!("nobody_available"), &json!(true)));
    assert_eq!(nobody["candidates"].as_array().unwrap().len(), 7);
    for who in [1, 0] {
        says(&app.agent(who), "online").await;
        pass(&app, 5).await;
    }
    for customer in ["6281200000001", "6281200000002"] {
        let said = try_out(&app, &app.admin(), body.clone()).await.expect(200)["conversation"].clone();
        let mut log = app.follow().await;
        app.conversation(customer, "Halo").await;
        let done = log.until("the decision", |event| event["type"] == "routing.decided").await;
        for name in ["outcome", "agent", "reason", "tie_break", "inquiry", "rules_version"] {
            assert_eq!(said[name], done["data"][name], "{name}");
        }
        pass(&app, 5).await;
    }
    // Both are full; by the draft there is no limit.
    let mut free = body.clone();
    free["settings"] = assignment_settings(&json!({ "strategy": "round_robin" }));
    let said = try_out(&app, &app.admin(), free).await.expect(200)["conversation"].clone();
    assert_eq!(said["outcome"], json!("assigned"));
    assert_eq!((&said["reason"], &said["assigns"]), (&json!("round_robin"), &json!(false)));
    assert_eq!(said["inquiry"]["max_conversations"], Value::Null);
    // For a division only its members.
    let mut sales = body;
    sales["settings"] = assignment_settings(&json!({}));
    sales["conversation"]["division_id"] = json!(app.division);
    let said = try_out(&app, &app.admin(), sales).await.expect(200)["conversation"].clone();
    assert_eq!(said["agent"]["id"], json!(app.agent(0).id()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_who_returns_is_told_where_to() {
    let app = routed(json!({})).await;
    for who in [0, 1] {
        says(&app.agent(who), "online").await;
    }
    pass(&app, 1).await;
    let conversation = app.conversation("6281200000001", "Halo").await;
    pass(&app, 1).await;
    let path = format!("/v1/conversations/{conversation}");
    let to = json!({ "agent_id": app.agent(1).id() });
    app.admin().post(format!("{path}/assign"), to).await.expect(200);
    pass(&app, 1).await;
    let resolved = app.admin().act(format!("{path}/resolve")).await.expect(200);
    pass(&app, 1).await;
    let channel = app.channel("whatsapp");
    let asked = |contact: Value, sticky: bool| {
        json!({ "conversation": { "channel_id": channel, "contact_id": contact },
                "policies": [{ "channel_ids": [channel], "sticky_agent": sticky }] })
    };
    let known = resolved["contact"]["id"].clone();
    let reason = |reply: Reply| reply.expect(200)["conversation"]["reason"].clone();
    let told = try_out(&app, &app.admin(), asked(known.clone(), true)).await.expect(200);
    assert_eq!(told["conversation"]["agent"]["id"], json!(app.agent(1).id()));
    assert_eq!(told["conversation"]["reason"], json!("sticky_agent"));
    assert_eq!(reason(try_out(&app, &app.admin(), asked(known, false)).await), json!("least_busy"));
    assert_eq!(reason(try_out(&app, &app.admin(), asked(Value::Null, true)).await), json!("least_busy"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_tried_out_is_refused_at_its_place() {
    let app = routed(json!({})).await;
    pass(&app, 60).await;
    let (channel, now) = (app.channel("whatsapp").to_owned(), app.clock.now());
    let ago = |seconds: i64| json!(now.plus(TimeDelta::seconds(-seconds)));
    let range = |from: Value, to: Value| json!({ "range": { "from": from, "to": to } });
    let here = json!({ "channel_id": channel });
    let with = |name: &str, value: Value| {
        let mut body = json!({ "conversation": here });
        body[name] = value;
        body
    };
    let policy = |channels: Value, minutes: Value| json!({ "channel_ids": channels, "sticky_agent": false, "idle_transfer_minutes": minutes });
    for (body, pointer) in [
        (json!({}), "/conversation"),
        (json!({ "settings": assignment_settings(&json!({})) }), "/conversation"),
        (with("range", json!({ "from": ago(9), "to": ago(8) })), "/range"),
        (range(ago(5), ago(5)), "/range/to"),
        (range(ago(5), ago(6)), "/range/to"),
        (range(ago(5), ago(-1)), "/range/to"),
        (range(ago(31 * 86_400 + 1), ago(0)), "/range/from"),
        (range(json!("kemarin"), ago(0)), "/range/from"),
        (range(json!("0000-01-01T00:00:00Z"), ago(0)), "/range/from"),
        (json!({ "conversation": { "channel_id": NOBODY } }), "/conversation/channel_id"),
        (
            json!({ "conversation": { "channel_id": channel, "division_id": NOBODY } }),
            "/conversation/division_id",
        ),
        (
            json!({ "conversation": { "channel_id": channel, "contact_id": NOBODY } }),
            "/conversation/contact_id",
        ),
        (json!({ "conversation": { "channel_id": 7 } }), "/conversation/channel_id"),
        (with("settings", json!({})), "/settings"),
        (
            with("settings", assignment_settings(&json!({ "max_conversations_per_agent": 0 }))),
            "/settings/max_conversations_per_agent",
        ),
        (
            with("settings", assignment_settings(&json!({ "handover_grace_seconds": 86401 }))),
            "/settings/handover_grace_seconds",
        ),
        (with("policies", json!([policy(json!([NOBODY]), Value::Null)])), "/policies/0/channel_ids/0"),
        (
            with("policies", json!([policy(json!([channel, channel]), Value::Null)])),
            "/policies/0/channel_ids/1",
        ),
        (
            with(
                "policies",
                json!([policy(json!([channel]), json!(5)), policy(json!([channel]), Value::Null)]),
            ),
            "/policies/1/channel_ids/0",
        ),
        (with("policies", json!([policy(json!([]), json!(4))])), "/policies/0/idle_transfer_minutes"),
        (
            with("policies", json!([policy(json!([]), json!(1_000_000_000))])),
            "/policies/0/idle_transfer_minutes",
        ),
    ] {
        let shown = body.to_string();
        let refused = try_out(&app, &app.admin(), body).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{shown}");
    }
    let body = with("surprise", json!(true));
    app.admin().post(SIMULATIONS, body).await.problem(422, "validation_failed");
    let of_old = json!({ "range": { "from": "-9000-01-01T00:00:00Z", "to": "-9000-01-02T00:00:00Z" } });
    app.admin().post(SIMULATIONS, of_old).await.problem(422, "validation_failed");
    // A range in which nothing happened.
    let quiet = try_out(&app, &app.admin(), range(ago(50), ago(40))).await.expect(200);
    assert_eq!((&quiet["range"]["decisions"], &quiet["conversation"]), (&json!(0), &Value::Null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_with_too_many_decisions_is_refused_with_their_number() {
    let app = routed(json!({})).await;
    let conversation = app.conversation("6281200000001", "Halo").await;
    pass(&app, 60).await;
    let at = app.clock.now().plus(TimeDelta::seconds(-10));
    let insert = |from: i32, to: i32, candidates: &str| {
        app.database.execute(&format!(
            "INSERT INTO routing_decisions SELECT workspace_id, gen_random_uuid(), conversation_id, trigger, '{at}', outcome,
                 agent_id, reason, tie_break, inquiry, {candidates}, omitted, settings_version, rules_version, duration_us
             FROM (SELECT * FROM routing_decisions WHERE conversation_id = '{conversation}' ORDER BY id LIMIT 1) one,
                  generate_series({from}, {to})"
        ));
    };
    insert(1, 20_000, "candidates");
    let from = at.plus(TimeDelta::seconds(-1));
    let range = json!({ "range": { "from": from, "to": app.clock.now() } });
    let told = app.admin().post(SIMULATIONS, range.clone()).await.expect(200);
    assert_eq!(told["range"]["decisions"], json!(20_000));
    insert(1, 1, "candidates");
    let refused = app.admin().post(SIMULATIONS, range).await.problem(422, "range_too_large");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("20001") && detail.contains("20000"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_kept_from_channels_tries_out_its_own_only() {
    let app = routed(json!({})).await;
    pass(&app, 60).await;
    let (mine, other) = (app.channel("whatsapp"), app.channel("telegram"));
    let body = json!({ "name": "Kunci", "scopes": ["team:read"], "channel_ids": [mine] });
    let made = app.admin().post("/v1/api-keys", body).await.expect(201);
    let program = app.bearer(made["key"].as_str().unwrap());
    let asked = |channel: &str| json!({ "conversation": { "channel_id": channel } });
    program.post(SIMULATIONS, asked(mine)).await.expect(200);
    let refused = program.post(SIMULATIONS, asked(other)).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/conversation/channel_id");
    let mut body = asked(mine);
    body["policies"] = json!([{ "channel_ids": [other], "sticky_agent": true }]);
    let refused = program.post(SIMULATIONS, body).await.problem(422, "validation_failed");
    assert_eq!(refused["errors"][0]["pointer"], "/policies/0/channel_ids/0");
    let now = app.clock.now();
    let range = json!({ "range": { "from": now.plus(TimeDelta::seconds(-9)), "to": now } });
    program.post(SIMULATIONS, range).await.problem(403, "forbidden");
    app.supervisor().post(SIMULATIONS, asked(mine)).await.problem(403, "forbidden");
}
