//! `GET …/routing-decisions`: who was given a conversation, and why nobody else.

use domain::access::KeyScope;
use harness::{Caller, Follower, TestApp};
use serde_json::{Value, json};

use super::{routed, says, set};
use crate::auth::api_keys::{key, scopes_without};

fn path(conversation: &str) -> String {
    format!("/v1/conversations/{conversation}/routing-decisions")
}

/// The decisions are made as long as nothing was asked for that is not told yet.
async fn decided(log: &mut Follower, conversation: &str, name: &str) {
    log.until(name, |event| event["type"] == name && event["conversation_id"] == conversation).await;
}

/// Rina is there and takes one; Siti is away; the second conversation waits until Rina resolves the first.
async fn one_waits_for_another() -> (TestApp, String, String) {
    let app = routed(json!({ "max_conversations_per_agent": 1 })).await;
    let mut log = app.follow().await;
    says(&app.agent(0), "away").await;
    says(&app.agent(2), "online").await;
    let first = app.conversation("6281200000001", "Halo").await;
    decided(&mut log, &first, "routing.decided").await;
    let second = app.conversation("6281200000002", "Halo juga").await;
    decided(&mut log, &second, "routing.queued").await;
    app.agent(2).act(format!("/v1/conversations/{first}/resolve")).await.expect(200);
    decided(&mut log, &second, "routing.decided").await;
    (app, first, second)
}

fn candidate<'a>(decision: &'a Value, who: &Caller) -> &'a Value {
    let candidates = decision["candidates"].as_array().unwrap();
    candidates.iter().find(|one| one["agent"]["id"] == who.id()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_says_who_was_chosen_why_and_why_nobody_else_newest_first() {
    let (app, _, second) = one_waits_for_another().await;
    let decisions = app.admin().all(&format!("{}?limit=1", path(&second))).await;
    let [assigned, queued] = &decisions[..] else { panic!("{decisions:#?}") };
    let rina = app.agent(2);
    assert_eq!(assigned["outcome"], "assigned");
    assert_eq!(assigned["trigger"], "slot_freed");
    assert_eq!(assigned["agent"], json!({ "id": rina.id(), "name": "Rina Marlina" }));
    assert_eq!(
        (&assigned["reason"], &assigned["tie_break"]),
        (&json!("least_busy"), &json!("only_candidate"))
    );
    let chosen = &assigned["candidates"][0];
    assert_eq!(chosen["agent"]["id"], rina.id());
    assert_eq!(
        (&chosen["eligible"], &chosen["load"], &chosen["limit"]),
        (&json!(true), &json!(0), &json!(1))
    );
    assert!(chosen["last_assigned_at"].is_string());
    assert_eq!(assigned["inquiry"]["channel_id"], app.channel("whatsapp"));

    assert_eq!((&queued["outcome"], &queued["trigger"]), (&json!("queued"), &json!("session_started")));
    assert_eq!((&queued["agent"], &queued["reason"]), (&Value::Null, &json!("nobody_available")));
    assert_eq!(queued["candidates"].as_array().unwrap().len(), 7);
    for (who, reason) in [
        (rina, "at_capacity"),
        (app.agent(0), "away"),
        (app.agent(1), "offline"),
        (app.admin(), "role_excluded"),
    ] {
        let left_out = candidate(queued, &who);
        assert_eq!((&left_out["eligible"], &left_out["reasons"]), (&json!(false), &json!([reason])));
    }
    assert_eq!(candidate(queued, &app.agent(2))["load"], 1);
    assert_eq!(queued["omitted"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_much_members_have_to_do_is_told_only_to_who_may_know_their_counts() {
    let (app, _, second) = one_waits_for_another().await;
    // Nobody holds it any more: everybody sees it.
    app.agent(2).act(format!("/v1/conversations/{second}/resolve")).await.expect(200);
    let whole = app.admin().all(&path(&second)).await;
    let no_team = key(&app, json!({ "scopes": scopes_without(&[KeyScope::TeamRead]) })).await.program;
    let full = key(&app, json!({})).await.program;
    let everybody: Vec<String> = [0, 1, 2, 3].map(|which| app.agent(which).id()).to_vec();
    let readers = [
        (full, everybody, true),
        (no_team, vec![], false),
        (app.supervisor(), vec![app.agent(0).id(), app.agent(1).id(), app.supervisor().id()], false),
        (app.agent(0), vec![app.agent(0).id()], false),
        (app.agent(2), vec![app.agent(2).id()], false),
    ];
    for (reader, knows, all) in readers {
        let seen = reader.all(&path(&second)).await;
        let mut expected = whole.clone();
        for candidate in expected.iter_mut().flat_map(|one| one["candidates"].as_array_mut().unwrap()) {
            let known = all || knows.iter().any(|id| candidate["agent"]["id"] == id.as_str());
            if !known {
                candidate["load"] = Value::Null;
                candidate["last_assigned_at"] = Value::Null;
            }
        }
        assert_eq!(seen, expected, "{knows:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_of_choice_is_shown_to_those_only_who_may_compare_counts() {
    let app = routed(json!({ "auto_assign": false })).await;
    for (agent, count) in [(0, 2), (1, 1)] {
        for number in 0..count {
            let one = app.conversation(&format!("628120001{agent}{number:03}"), "Halo").await;
            app.agent(agent).act(format!("/v1/conversations/{one}/claim")).await.expect(200);
        }
    }
    for agent in 0..3 {
        says(&app.agent(agent), "online").await;
    }
    set(&app, json!({ "auto_assign": true })).await;
    let mut log = app.follow().await;
    let id = app.conversation("6281200000009", "Halo").await;
    decided(&mut log, &id, "routing.decided").await;
    let agents = [app.agent(0).id(), app.agent(1).id(), app.agent(2).id()];
    let order = async |who: Caller| {
        let decision = who.all(&path(&id)).await.remove(0);
        let eligible: Vec<Value> = decision["candidates"].as_array().unwrap()[..3].to_vec();
        eligible.iter().map(|one| one["agent"]["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let [most, fewer, none] = &agents;
    assert_eq!(order(app.admin()).await, [none, fewer, most].map(Clone::clone));
    assert_eq!(order(app.agent(1)).await, [none, most, fewer].map(Clone::clone));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_are_of_one_conversation_for_those_who_see_it() {
    let (app, first, second) = one_waits_for_another().await;
    let page = app.admin().get(format!("{}?limit=1", path(&second))).await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    app.admin().get(format!("{}?cursor={cursor}", path(&first))).await.problem(422, "invalid_cursor");
    app.admin().get(format!("{}?limit=0", path(&first))).await.problem(422, "validation_failed");
    for decision in app.admin().all(&path(&first)).await {
        assert_eq!(decision["conversation_id"], first.as_str());
    }
    // Rina's conversation is no business of Joko's, nor of a supervisor who does not supervise her.
    let limited = key(&app, json!({ "channel_ids": [app.channel("telegram")] })).await.program;
    for reader in [app.narrow_agent(), app.lone_supervisor(), limited] {
        reader.get(path(&second)).await.problem(404, "not_found");
        reader.get(format!("/v1/conversations/{second}/timers")).await.problem(404, "not_found");
    }
    app.agent(2).get(path(&second)).await.expect(200);
}
