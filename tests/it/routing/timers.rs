//! D-14: customers who are not answered.

use chrono::TimeDelta;
use harness::{Caller, TestApp};
use serde_json::json;

use super::facts::{
    answers, assert_sound, decisions, given, gives, holder, looked, notified, once, path, settled, timer,
};
use super::{routed, says, set};

const SECOND: TimeDelta = TimeDelta::seconds(1);
const CUSTOMER: &str = "6281200000001";

fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

/// The first agent holds a conversation as of now, and is the only one online.
async fn held(app: &TestApp) -> String {
    says(&app.agent(0), "online").await;
    let id = app.conversation(CUSTOMER, "Halo").await;
    settled(app).await;
    assert_eq!(holder(app, &id), app.agent(0).id());
    id
}

async fn goes_to(app: &TestApp, conversation: &str, who: &Caller) {
    settled(app).await;
    assert_eq!(holder(app, conversation), who.id(), "it went to {} not", who.me().name);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_14_who_is_not_answered_goes_to_another_agent_at_the_minute_and_not_a_second_before() {
    let app = routed(json!({ "unanswered_transfer_minutes": 10 })).await;
    let id = held(&app).await;
    says(&app.agent(1), "online").await;
    let ticket = app.admin().get(path(&id)).await.expect(200)["ticket_id"].clone();
    app.advance(minutes(5));
    // A second message of the customer does not move the time.
    app.conversation(CUSTOMER, "Permisi").await;
    app.advance(minutes(5) - SECOND);
    looked(&app).await;
    assert_eq!(holder(&app, &id), app.agent(0).id());
    app.advance(SECOND);
    goes_to(&app, &id, &app.agent(1)).await;
    let now = app.admin().get(path(&id)).await.expect(200);
    assert_eq!(now["ticket_id"], ticket, "it is the same ticket");
    assert_eq!(notified(&app, &id, "transferred"), once([&app.agent(0)]));
    assert_eq!(notified(&app, &id, "assigned"), once([&app.agent(0), &app.agent(1)]));
    let holders = "SELECT reason AS value FROM ticket_holders ORDER BY position";
    assert_eq!(app.database.values(holders), ["auto_assigned", "unanswered_transfer"]);
    app.advance(minutes(10) - SECOND);
    looked(&app).await;
    assert_eq!(given(&app.events().await).len(), 2, "at most one move in an interval");
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_14_an_answer_or_the_end_a_second_before_prevents_transfer_and_notice() {
    let app = routed(json!({ "unanswered_transfer_minutes": 10, "notify_supervisor_minutes": 10 })).await;
    let answered = held(&app).await;
    let ended = app.conversation("6281200000002", "Halo").await;
    settled(&app).await;
    says(&app.agent(1), "online").await;
    app.advance(minutes(10) - SECOND);
    answers(&app.agent(0), &answered).await;
    app.agent(0).act(format!("{}/resolve", path(&ended))).await.expect(200);
    for step in [SECOND, minutes(10), minutes(1000)] {
        app.advance(step);
        looked(&app).await;
    }
    assert_eq!(holder(&app, &answered), app.agent(0).id());
    assert_eq!((app.count("timers"), app.count("notifications WHERE kind = 'unanswered'")), (0, 0));
    assert_eq!(given(&app.events().await).len(), 2);
    // The next message begins the next stretch.
    app.conversation(CUSTOMER, "Satu lagi").await;
    app.advance(minutes(10) - SECOND);
    looked(&app).await;
    assert_eq!(holder(&app, &answered), app.agent(0).id());
    app.advance(SECOND);
    goes_to(&app, &answered, &app.agent(1)).await;
    assert_eq!(notified(&app, &answered, "unanswered"), once([&app.supervisor()]));
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_14_a_notice_goes_to_the_supervisor_or_else_to_every_admin_once() {
    let app = routed(json!({ "notify_supervisor_minutes": 3 })).await;
    let other_admin = app.lone_supervisor();
    app.admin()
        .patch(format!("/v1/agents/{}", other_admin.id()), json!({ "role": "admin" }))
        .await
        .expect(200);
    let supervised = held(&app).await;
    let alone = app.conversation("6281200000002", "Halo").await;
    gives(&app.admin(), &alone, &app.agent(2)).await;
    says(&app.agent(0), "offline").await;
    let unassigned = app.conversation("6281200000003", "Halo").await;
    settled(&app).await;
    app.advance(minutes(3) - SECOND);
    looked(&app).await;
    assert_eq!(app.count("notifications WHERE kind = 'unanswered'"), 0);
    app.advance(SECOND);
    settled(&app).await;
    let admins = [&app.admin(), &other_admin];
    let told = |id: &str| notified(&app, id, "unanswered");
    let all = || (told(&supervised), told(&alone), told(&unassigned));
    assert_eq!(all(), (once([&app.supervisor()]), once(admins), once(admins)));
    // Once for each stretch: neither time, nor another message, nor another holder, nor another setting repeats it.
    app.conversation(CUSTOMER, "Permisi").await;
    gives(&app.admin(), &supervised, &app.agent(2)).await;
    for changed in
        [json!({ "notify_supervisor_minutes": 5 }), json!({}), json!({ "notify_supervisor_minutes": 3 })]
    {
        set(&app, changed).await;
        app.advance(minutes(60));
        looked(&app).await;
    }
    assert_eq!(all(), (once([&app.supervisor()]), once(admins), once(admins)));
    // And again for the next.
    answers(&app.agent(2), &supervised).await;
    app.conversation(CUSTOMER, "Satu lagi").await;
    app.advance(minutes(3));
    settled(&app).await;
    let mut twice = once([&app.supervisor()]);
    twice.extend(once(admins));
    assert_eq!(told(&supervised), twice, "its holder has no supervisor now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_14_another_holder_starts_the_transfer_anew_and_not_the_notice() {
    let app = routed(json!({ "unanswered_transfer_minutes": 10, "notify_supervisor_minutes": 12 })).await;
    let id = held(&app).await;
    says(&app.agent(1), "online").await;
    app.advance(minutes(9));
    gives(&app.agent(0), &id, &app.agent(1)).await;
    settled(&app).await;
    app.advance(minutes(3) - SECOND);
    looked(&app).await;
    assert_eq!((holder(&app, &id), notified(&app, &id, "unanswered").len()), (app.agent(1).id(), 0));
    app.advance(SECOND);
    settled(&app).await;
    assert_eq!(notified(&app, &id, "unanswered"), once([&app.supervisor()]));
    app.advance(minutes(7) - SECOND);
    looked(&app).await;
    assert_eq!(holder(&app, &id), app.agent(1).id());
    app.advance(SECOND);
    goes_to(&app, &id, &app.agent(0)).await;
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_14_nobody_free_the_holder_keeps_it_until_somebody_comes() {
    let app = routed(json!({ "unanswered_transfer_minutes": 1, "max_conversations_per_agent": 1 })).await;
    let id = held(&app).await;
    app.advance(minutes(1));
    settled(&app).await;
    let first = format!("session_started assigned {}", app.agent(0).id());
    let kept = vec![first, "unanswered kept".to_owned()];
    assert_eq!(
        (decisions(&app, &id), timer(&app, &id, "unanswered_transfer")),
        (kept.clone(), "blocked".into())
    );
    // Time and causes that change nothing decide nothing: somebody who is away, somebody who is full.
    says(&app.agent(1), "away").await;
    let other = app.conversation("6281200000002", "Halo").await;
    gives(&app.admin(), &other, &app.agent(2)).await;
    says(&app.agent(2), "online").await;
    answers(&app.agent(2), &other).await;
    app.advance(minutes(30));
    looked(&app).await;
    assert_eq!((decisions(&app, &id), holder(&app, &id)), (kept.clone(), app.agent(0).id()));
    // At once, when somebody comes; the time stands still.
    says(&app.agent(1), "online").await;
    goes_to(&app, &id, &app.agent(1)).await;
    let moved = format!("unanswered assigned {}", app.agent(1).id());
    assert_eq!(decisions(&app, &id), [kept, vec![moved]].concat());
    app.advance(minutes(1) - SECOND);
    looked(&app).await;
    assert_eq!(holder(&app, &id), app.agent(1).id(), "it has its minute");
    app.advance(SECOND);
    goes_to(&app, &id, &app.agent(0)).await;
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_14_a_blocked_transfer_acts_when_a_slot_frees_or_a_limit_is_raised() {
    let app = routed(json!({ "unanswered_transfer_minutes": 1, "max_conversations_per_agent": 1 })).await;
    let id = held(&app).await;
    let full = app.conversation("6281200000002", "Halo").await;
    gives(&app.admin(), &full, &app.agent(1)).await;
    says(&app.agent(1), "online").await;
    answers(&app.agent(1), &full).await;
    app.advance(minutes(1));
    settled(&app).await;
    assert_eq!(timer(&app, &id, "unanswered_transfer"), "blocked");
    app.agent(1).act(format!("{}/resolve", path(&full))).await.expect(200);
    goes_to(&app, &id, &app.agent(1)).await;
    // Back to the first one, who was filled meanwhile, when its own limit is raised.
    let full = app.conversation("6281200000003", "Halo").await;
    goes_to(&app, &full, &app.agent(0)).await;
    answers(&app.agent(0), &full).await;
    app.advance(minutes(1));
    settled(&app).await;
    assert_eq!(
        (holder(&app, &id), timer(&app, &id, "unanswered_transfer")),
        (app.agent(1).id(), "blocked".into())
    );
    let agent = format!("/v1/agents/{}", app.agent(0).id());
    app.admin().patch(agent, json!({ "max_conversations": 2 })).await.expect(200);
    goes_to(&app, &id, &app.agent(0)).await;
    assert_sound(&app).await;
}

/// Those who hold blocked conversations themselves are no way out for them, and must not keep the others from one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_14_hundreds_that_only_their_holder_could_take_do_not_hide_one_that_it_could_relieve() {
    let app = routed(json!({ "unanswered_transfer_minutes": 1 })).await;
    says(&app.agent(0), "online").await;
    for n in 0..230 {
        app.whatsapp_text(&format!("62813{n:08}"), &format!("wamid.{n}"), "Halo").await;
    }
    settled(&app).await;
    app.advance(minutes(1));
    settled(&app).await;
    assert_eq!(app.count("timers WHERE state = 'blocked'"), 230);
    // Everybody is full when the last one is due; then the first agent can take one more.
    let agent = format!("/v1/agents/{}", app.agent(0).id());
    app.admin().patch(&agent, json!({ "max_conversations": 1 })).await.expect(200);
    let last = app.conversation("6281200000002", "Halo").await;
    gives(&app.admin(), &last, &app.agent(1)).await;
    app.advance(minutes(1));
    settled(&app).await;
    assert_eq!(
        (holder(&app, &last), timer(&app, &last, "unanswered_transfer")),
        (app.agent(1).id(), "blocked".into())
    );
    app.admin().patch(&agent, json!({ "max_conversations": 231 })).await.expect(200);
    goes_to(&app, &last, &app.agent(0)).await;
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_14_it_goes_round_among_three_and_to_and_fro_between_two() {
    let app = routed(json!({ "unanswered_transfer_minutes": 5 })).await;
    let id = held(&app).await;
    let agents = [app.agent(0).id(), app.agent(1).id(), app.agent(2).id()];
    let step = || async {
        app.advance(minutes(5) - SECOND);
        looked(&app).await;
        let before = given(&app.events().await).len();
        app.advance(SECOND);
        settled(&app).await;
        looked(&app).await;
        assert_eq!(given(&app.events().await).len(), before + 1, "one move in an interval");
        holder(&app, &id)
    };
    says(&app.agent(1), "online").await;
    says(&app.agent(2), "online").await;
    let (second, third) = (step().await, step().await);
    let mut had = [agents[0].clone(), second, third.clone()];
    had.sort();
    let mut all = agents.clone();
    all.sort();
    assert_eq!(had, all, "each has it once before anybody has it twice");
    // Everybody lost it once: anybody but its holder.
    let mut last = third;
    for _ in 0..3 {
        let next = step().await;
        assert_ne!(next, last);
        last = next;
    }
    // Somebody who never had it is before all who had.
    says(&app.agent(3), "online").await;
    assert_eq!(step().await, app.agent(3).id());
    // Two are left: to and fro.
    for who in [app.agent(1), app.agent(2)] {
        says(&who, "away").await;
    }
    assert_eq!(step().await, agents[0]);
    assert_eq!(step().await, app.agent(3).id());
    assert_eq!(step().await, agents[0]);
    // An answer forgets who had it.
    answers(&app.agent(0), &id).await;
    assert_eq!(app.count("conversations WHERE previous_holders <> '{}'"), 0);
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_14_timers_follow_the_settings_while_they_run() {
    let on = |minutes: i64| json!({ "auto_assign": true, "unanswered_transfer_minutes": minutes });
    let off = json!({ "auto_assign": true });
    let app = routed(on(10)).await;
    let id = held(&app).await;
    says(&app.agent(1), "online").await;
    // Off: it does not run. On again: by the time at which the customer wrote.
    app.advance(minutes(8));
    set(&app, off.clone()).await;
    app.advance(minutes(4));
    looked(&app).await;
    assert_eq!((holder(&app, &id), app.count("timers")), (app.agent(0).id(), 0));
    set(&app, on(20)).await;
    app.advance(minutes(8) - SECOND);
    looked(&app).await;
    assert_eq!(holder(&app, &id), app.agent(0).id());
    // Longer, then shorter than what has passed.
    set(&app, on(30)).await;
    app.advance(SECOND);
    looked(&app).await;
    assert_eq!(holder(&app, &id), app.agent(0).id());
    set(&app, on(15)).await;
    goes_to(&app, &id, &app.agent(1)).await;
    // The master switch stops what is due, and what was blocked.
    let mut master = on(5);
    master["assignment_enabled"] = json!(false);
    set(&app, master).await;
    app.advance(minutes(60));
    looked(&app).await;
    assert_eq!((holder(&app, &id), app.count("timers")), (app.agent(1).id(), 0));
    set(&app, on(5)).await;
    goes_to(&app, &id, &app.agent(0)).await;
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_14_a_policy_has_its_own_minutes_on_its_channels() {
    let app = routed(json!({ "unanswered_transfer_minutes": 30 })).await;
    app.database.execute(&format!(
        "INSERT INTO distribution_policies (workspace_id, id, name, sticky_agent, idle_transfer_minutes, created_at)
         VALUES ('{ws}', '{policy}', 'Cepat', false, 5, now());",
        ws = app.workspace,
        policy = app.channel("whatsapp"),
    ));
    app.database.execute(&format!(
        "INSERT INTO distribution_policy_channels (workspace_id, channel_id, policy_id) VALUES ('{ws}', '{on}', '{on}')",
        ws = app.workspace,
        on = app.channel("whatsapp"),
    ));
    let id = held(&app).await;
    let now = app.clock.now().unix_seconds() * 1000;
    let body = harness::hooks::messenger_message("7001", "m.1", now, "Halo");
    app.hook("messenger", body.to_string()).await.expect(200);
    settled(&app).await;
    let elsewhere =
        app.database.values(&format!("SELECT id::text AS value FROM conversations WHERE id <> '{id}'"));
    says(&app.agent(1), "online").await;
    app.advance(minutes(5) - SECOND);
    looked(&app).await;
    assert_eq!(holder(&app, &id), app.agent(0).id());
    app.advance(SECOND);
    goes_to(&app, &id, &app.agent(1)).await;
    assert_eq!(holder(&app, &elsewhere[0]), app.agent(0).id());
    app.advance(minutes(5));
    goes_to(&app, &id, &app.agent(0)).await;
    app.advance(minutes(5));
    goes_to(&app, &id, &app.agent(1)).await;
    app.advance(minutes(15));
    goes_to(&app, &elsewhere[0], &app.agent(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_loses_nothing() {
    let app = routed(json!({ "unanswered_transfer_minutes": 10, "max_conversations_per_agent": 2,
        "auto_handover": true, "handover_grace_seconds": 60 }))
    .await;
    let id = held(&app).await;
    says(&app.agent(1), "online").await;
    // A day forward: what was due in it happens once.
    app.advance(TimeDelta::days(1));
    goes_to(&app, &id, &app.agent(1)).await;
    looked(&app).await;
    assert_eq!(app.count("routing_decisions WHERE outcome = 'assigned'"), 2);
    // An hour backward: new ones are given and answered, what runs goes on when its time comes.
    app.advance(-TimeDelta::hours(1));
    let new = app.conversation("6281200000002", "Halo").await;
    goes_to(&app, &new, &app.agent(0)).await;
    let waits = app.conversation("6281200000003", "Halo").await;
    let full = app.conversation("6281200000004", "Halo").await;
    let queued = app.conversation("6281200000005", "Halo").await;
    settled(&app).await;
    assert_eq!([&waits, &full].map(|id| holder(&app, id).is_empty()), [false, false]);
    assert_eq!(
        (holder(&app, &queued), decisions(&app, &queued)),
        (String::new(), vec!["session_started queued".into()])
    );
    app.advance(minutes(10));
    settled(&app).await;
    // Both are full, so each keeps what it has; then one goes offline.
    assert_eq!(timer(&app, &new, "unanswered_transfer"), "blocked");
    app.agent(0).act(format!("{}/resolve", path(&new))).await.expect(200);
    settled(&app).await;
    assert_eq!(app.count("conversations WHERE waiting_since IS NOT NULL"), 0);
    says(&app.agent(1), "offline").await;
    settled(&app).await;
    app.advance(minutes(1));
    settled(&app).await;
    assert_eq!(app.count(&format!("conversations WHERE assignee_id = '{}'", app.agent(1).id())), 0);
    says(&app.agent(2), "online").await;
    settled(&app).await;
    assert_eq!(app.count("conversations WHERE waiting_since IS NOT NULL"), 0, "none is lost");
    assert_sound(&app).await;
}

/// What is due and cannot be done must not be due for ever: the router would do nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timer_that_ought_not_to_be_there_is_put_right() {
    let app = routed(json!({})).await;
    let id = held(&app).await;
    for (kind, name) in [("unanswered_transfer", 1), ("supervisor_notice", 2)] {
        app.database.execute(&format!(
            "INSERT INTO timers (workspace_id, id, kind, conversation_id, running_since, due_at, state)
             VALUES ('{}', md5('{name}')::uuid, '{kind}', '{id}', '{now}', '{now}', 'armed')",
            app.workspace,
            now = app.clock.now(),
        ));
    }
    looked(&app).await;
    assert_eq!((app.count("timers"), holder(&app, &id)), (0, app.agent(0).id()));
    assert_eq!(app.count("notifications WHERE kind = 'unanswered'"), 0);
    // Right in kind, but not yet: it is due when it ought to be.
    set(&app, json!({ "auto_assign": true, "unanswered_transfer_minutes": 5 })).await;
    app.database.execute("UPDATE timers SET due_at = running_since");
    says(&app.agent(1), "online").await;
    looked(&app).await;
    assert_eq!(holder(&app, &id), app.agent(0).id());
    app.advance(minutes(5));
    goes_to(&app, &id, &app.agent(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_notices_than_one_transaction_gives_are_each_given_once() {
    let app = routed(json!({ "notify_supervisor_minutes": 1 })).await;
    for n in 0..450 {
        app.whatsapp_text(&format!("62813{n:08}"), &format!("wamid.{n}"), "Halo").await;
    }
    settled(&app).await;
    app.advance(minutes(1));
    settled(&app).await;
    app.advance(minutes(1));
    looked(&app).await;
    let told = "SELECT agent_id || ' ' || count(*) || ' ' || count(DISTINCT conversation_id) AS value
                FROM notifications GROUP BY agent_id";
    assert_eq!(app.database.values(told), [format!("{} 450 450", app.admin().id())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_is_not_told_of_what_it_may_not_see() {
    // The supervisor works for no channel.
    let app = routed(json!({ "notify_supervisor_minutes": 3, "restrict_to_allocation": true })).await;
    let id = held(&app).await;
    app.advance(minutes(3));
    settled(&app).await;
    assert_eq!(notified(&app, &id, "unanswered"), once([&app.admin()]));
}
