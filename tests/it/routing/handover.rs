//! D-13: members who go offline while they hold conversations.

use api::jobs::presence::{sweep, write_down};
use chrono::TimeDelta;
use harness::{Caller, StreamClient, TestApp, eventually};
use serde_json::{Value, json};

use super::facts::{
    assert_sound, decisions, given, gives, holder, looked, notified, once, path, settled, timer,
};
use super::{routed, says, set};

const SECOND: TimeDelta = TimeDelta::seconds(1);
const GRACE: TimeDelta = TimeDelta::seconds(60);

fn handing_over() -> Value {
    json!({ "auto_handover": true, "handover_grace_seconds": 60 })
}

/// So many conversations that a member holds by hand.
async fn holds(app: &TestApp, who: &Caller, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..count {
        let number = 6_281_500_000_000 + app.count("conversations");
        let id = app.conversation(&number.to_string(), "Halo").await;
        gives(&app.admin(), &id, who).await;
        all.push(id);
    }
    settled(app).await;
    all
}

fn held(app: &TestApp, who: &Caller) -> i64 {
    app.count(&format!("conversations WHERE assignee_id = '{}'", who.id()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_13_conversations_go_to_members_of_their_division_or_wait_and_never_to_outsiders() {
    let app = routed(handing_over()).await;
    let (siti, agus, rina) = (app.agent(0), app.agent(1), app.agent(2));
    for who in [&siti, &agus, &rina] {
        says(who, "online").await;
    }
    // Of the division of Siti, who is its only member; and one that anybody may take.
    let of_division = app.conversation("6281200000001", "Halo").await;
    let division = json!({ "division_id": app.division });
    app.admin().post(format!("{}/assign", path(&of_division)), division).await.expect(200);
    settled(&app).await;
    assert_eq!(holder(&app, &of_division), siti.id());
    let open = holds(&app, &siti, 1).await.remove(0);
    let ticket = |id: &str| {
        app.database.values(&format!("SELECT ticket_id::text AS value FROM conversations WHERE id = '{id}'"))
    };
    let tickets = (ticket(&of_division), ticket(&open));
    says(&siti, "offline").await;
    settled(&app).await;
    app.advance(GRACE - SECOND);
    looked(&app).await;
    assert_eq!((holder(&app, &of_division), holder(&app, &open)), (siti.id(), siti.id()));
    app.advance(SECOND);
    settled(&app).await;
    assert_eq!(holder(&app, &of_division), "", "nobody of the division is here");
    let new = if holder(&app, &open) == agus.id() { &agus } else { &rina };
    assert_eq!(holder(&app, &open), new.id());
    assert_eq!(decisions(&app, &of_division).last().unwrap(), "handover queued");
    assert_eq!((ticket(&of_division), ticket(&open)), tickets);
    assert_eq!(notified(&app, &open, "handed_over"), once([new]));
    assert_eq!(notified(&app, &of_division, "transferred"), once([&siti]));
    let last =
        "SELECT reason AS value FROM ticket_holders h JOIN conversations c ON c.ticket_id = h.ticket_id
                WHERE c.assignee_id IS NOT NULL ORDER BY position DESC LIMIT 1";
    assert_eq!(app.database.values(last), ["handover"]);
    // Coming back later returns nothing but what waits for it.
    says(&siti, "online").await;
    settled(&app).await;
    assert_eq!((holder(&app, &of_division), holder(&app, &open)), (siti.id(), new.id()));
    assert_eq!(app.count("timers WHERE kind = 'handover'"), 0);
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_13_another_member_of_the_division_takes_over_when_it_comes() {
    let app = routed(handing_over()).await;
    let (siti, agus, rina) = (app.agent(0), app.agent(1), app.agent(2));
    let allocation = json!({ "channel_ids": [], "division_ids": [app.division] });
    app.admin().put(format!("/v1/agents/{}/allocation", agus.id()), allocation).await.expect(200);
    says(&siti, "online").await;
    says(&rina, "online").await;
    let id = app.conversation("6281200000001", "Halo").await;
    let division = json!({ "division_id": app.division });
    app.admin().post(format!("{}/assign", path(&id)), division).await.expect(200);
    settled(&app).await;
    says(&siti, "offline").await;
    settled(&app).await;
    app.advance(GRACE);
    settled(&app).await;
    assert_eq!(holder(&app, &id), "");
    says(&agus, "online").await;
    settled(&app).await;
    assert_eq!(holder(&app, &id), agus.id());
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_13_who_comes_back_in_time_keeps_everything_and_its_next_absence_counts_from_its_beginning() {
    let app = routed(handing_over()).await;
    let (siti, agus) = (app.agent(0), app.agent(1));
    says(&siti, "online").await;
    says(&agus, "online").await;
    holds(&app, &siti, 2).await;
    says(&siti, "offline").await;
    settled(&app).await;
    app.advance(GRACE - SECOND);
    says(&siti, "online").await;
    settled(&app).await;
    app.advance(GRACE * 10);
    looked(&app).await;
    assert_eq!(held(&app, &siti), 2);
    // Back and away again before the router has looked: by SQL, as if it had been busy all the time.
    says(&siti, "offline").await;
    settled(&app).await;
    app.advance(GRACE - SECOND);
    let before = app.database.values("SELECT due_at::text AS value FROM timers WHERE kind = 'handover'");
    app.database.execute(&format!(
        "UPDATE availability_periods SET from_at = '{}' WHERE agent_id = '{}' AND to_at IS NULL",
        app.clock.now(),
        siti.id()
    ));
    says(&agus, "away").await;
    app.database.execute(&format!(
        "INSERT INTO routing_requests (workspace_id, id, cause, agent_id, created_at)
         VALUES ('{}', gen_random_uuid(), 'agent_available', '{}', now())",
        app.workspace,
        siti.id()
    ));
    says(&agus, "online").await;
    settled(&app).await;
    let after = app.database.values("SELECT due_at::text AS value FROM timers WHERE kind = 'handover'");
    assert_ne!(before, after, "the grace begins anew");
    app.advance(GRACE - SECOND);
    looked(&app).await;
    assert_eq!(held(&app, &siti), 2);
    app.advance(SECOND);
    settled(&app).await;
    assert_eq!((held(&app, &siti), held(&app, &agus)), (0, 2));
    says(&siti, "online").await;
    looked(&app).await;
    assert_eq!((held(&app, &siti), held(&app, &agus)), (0, 2), "coming back later returns nothing");
    assert_eq!(app.count("routing_decisions WHERE trigger = 'handover'"), 2);
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_13_away_is_not_offline() {
    let app = routed(handing_over()).await;
    let (siti, agus) = (app.agent(0), app.agent(1));
    says(&siti, "online").await;
    says(&agus, "online").await;
    holds(&app, &siti, 1).await;
    says(&siti, "away").await;
    settled(&app).await;
    app.advance(TimeDelta::hours(1));
    looked(&app).await;
    assert_eq!((held(&app, &siti), app.count("timers")), (1, 0));
    // Away stops what ran, too.
    says(&siti, "offline").await;
    settled(&app).await;
    app.advance(GRACE - SECOND);
    says(&siti, "away").await;
    settled(&app).await;
    app.advance(GRACE);
    looked(&app).await;
    assert_eq!(held(&app, &siti), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_13_a_conversation_given_by_hand_to_who_is_offline_has_the_same_grace() {
    let app = routed(handing_over()).await;
    let (siti, agus) = (app.agent(0), app.agent(1));
    says(&agus, "online").await;
    app.advance(TimeDelta::hours(1));
    holds(&app, &siti, 1).await;
    app.advance(GRACE - SECOND);
    looked(&app).await;
    assert_eq!(held(&app, &siti), 1);
    app.advance(SECOND);
    settled(&app).await;
    assert_eq!((held(&app, &siti), held(&app, &agus)), (0, 1));
    // Given back by hand: again.
    gives(&app.admin(), &app.database.values("SELECT id::text AS value FROM conversations")[0], &siti).await;
    settled(&app).await;
    app.advance(GRACE);
    settled(&app).await;
    assert_eq!((held(&app, &siti), held(&app, &agus)), (0, 1));
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_13_a_member_with_450_conversations_loses_them_all_within_the_limits_of_the_others() {
    let app = routed(handing_over()).await;
    let (siti, agus, rina) = (app.agent(0), app.agent(1), app.agent(2));
    says(&siti, "online").await;
    for n in 0..450 {
        app.whatsapp_text(&format!("62813{n:08}"), &format!("wamid.{n}"), "Halo").await;
    }
    settled(&app).await;
    assert_eq!(held(&app, &siti), 450);
    for (who, limit) in [(&agus, 300), (&rina, 100)] {
        let path = format!("/v1/agents/{}", who.id());
        app.admin().patch(path, json!({ "max_conversations": limit })).await.expect(200);
        says(who, "online").await;
    }
    says(&siti, "offline").await;
    settled(&app).await;
    app.advance(GRACE);
    settled(&app).await;
    assert_eq!((held(&app, &siti), held(&app, &agus), held(&app, &rina)), (0, 300, 100));
    assert_eq!(app.count("conversations WHERE waiting_since IS NOT NULL"), 50);
    let twice = "SELECT conversation_id::text AS value FROM routing_decisions WHERE trigger = 'handover'
                 GROUP BY conversation_id HAVING count(*) <> 1";
    assert_eq!(app.database.values(twice), Vec::<String>::new());
    assert_eq!(app.count("routing_decisions WHERE trigger = 'handover'"), 450);
    assert_eq!(app.count("timers WHERE kind = 'handover'"), 0);
    assert_sound(&app).await;
}

/// Who is due to lose a conversation to a time-out, and goes offline, must not keep it for want of somebody to relieve it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_13_a_transfer_that_is_due_as_well_does_not_hide_the_handover() {
    let mut settings = handing_over();
    settings["unanswered_transfer_minutes"] = json!(1);
    let app = routed(settings).await;
    says(&app.agent(0), "online").await;
    let mut all = holds(&app, &app.agent(0), 2).await;
    // One is due after the handover, the others were blocked before; all of it is seen at once.
    app.advance(SECOND * 30);
    says(&app.agent(0), "offline").await;
    settled(&app).await;
    app.advance(SECOND);
    all.extend(holds(&app, &app.agent(0), 1).await);
    app.advance(SECOND * 29);
    settled(&app).await;
    assert_eq!(timer(&app, &all[0], "unanswered_transfer"), "blocked");
    app.advance(SECOND * 31);
    settled(&app).await;
    assert_eq!(all.iter().map(|id| holder(&app, id)).collect::<Vec<_>>(), ["", "", ""]);
    says(&app.agent(1), "online").await;
    settled(&app).await;
    assert_eq!(held(&app, &app.agent(1)), 3);
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_13_the_setting_is_followed_while_somebody_is_gone() {
    let app = routed(json!({})).await;
    let (siti, agus) = (app.agent(0), app.agent(1));
    says(&siti, "online").await;
    says(&agus, "online").await;
    holds(&app, &siti, 1).await;
    says(&siti, "offline").await;
    app.advance(TimeDelta::hours(1));
    looked(&app).await;
    assert_eq!(held(&app, &siti), 1, "it is off");
    // On: who is gone has the grace from now.
    set(&app, json!({ "auto_handover": true, "handover_grace_seconds": 3600 })).await;
    settled(&app).await;
    app.advance(TimeDelta::minutes(10));
    looked(&app).await;
    assert_eq!(held(&app, &siti), 1);
    // Off: nothing is left; on again: anew.
    set(&app, json!({})).await;
    settled(&app).await;
    assert_eq!(app.count("timers"), 0);
    set(&app, json!({ "auto_handover": true, "handover_grace_seconds": 3600 })).await;
    settled(&app).await;
    // Shorter.
    app.advance(TimeDelta::minutes(10));
    set(&app, json!({ "auto_handover": true, "handover_grace_seconds": 601 })).await;
    looked(&app).await;
    assert_eq!(held(&app, &siti), 1);
    app.advance(SECOND);
    settled(&app).await;
    assert_eq!((held(&app, &siti), held(&app, &agus)), (0, 1));
    // None at all, and nobody to assign what waits.
    set(&app, json!({ "auto_handover": true, "handover_grace_seconds": 0 })).await;
    says(&agus, "offline").await;
    settled(&app).await;
    assert_eq!(app.count("conversations WHERE waiting_since IS NOT NULL"), 1);
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_13_by_connection_it_begins_when_a_member_is_found_gone() {
    let app = TestApp::start().await;
    let mut settings = handing_over();
    settings["auto_assign"] = json!(true);
    set(&app, settings).await;
    let (siti, agus) = (app.agent(0), app.agent(1));
    let look = || async {
        write_down(app.app()).await.unwrap();
        sweep(app.app()).await.unwrap();
    };
    let (stream, _) = StreamClient::of(&app, &siti, None).await;
    look().await;
    let id = app.conversation("6281200000001", "Halo").await;
    settled(&app).await;
    assert_eq!(holder(&app, &id), siti.id());
    let (other, _) = StreamClient::of(&app, &agus, None).await;
    look().await;
    drop(stream);
    eventually("one connection", || async { (app.app().hub.connections() == 1).then_some(()) }).await;
    // Silent, but not yet gone; gone, but not yet for the grace.
    app.advance(SECOND * 61);
    look().await;
    settled(&app).await;
    assert_eq!(holder(&app, &id), siti.id());
    app.advance(GRACE - SECOND);
    look().await;
    looked(&app).await;
    assert_eq!(holder(&app, &id), siti.id());
    app.advance(SECOND);
    settled(&app).await;
    assert_eq!(holder(&app, &id), agus.id());
    // Who was away when it disconnected keeps what it holds.
    says(&agus, "away").await;
    drop(other);
    eventually("no connection", || async { (app.app().hub.connections() == 0).then_some(()) }).await;
    for _ in 0..3 {
        app.advance(SECOND * 61);
        look().await;
        looked(&app).await;
    }
    assert_eq!(holder(&app, &id), agus.id());
}

/// Nothing waits for a division that is no more, and nobody was a member of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_division_without_members_goes_to_anybody_when_it_is_deleted() {
    let app = routed(json!({})).await;
    let division = app.admin().post("/v1/divisions", json!({ "name": "Gudang" })).await.expect(201).id();
    let id = app.conversation("6281200000001", "Halo").await;
    app.admin().post(format!("{}/assign", path(&id)), json!({ "division_id": division })).await.expect(200);
    says(&app.agent(0), "online").await;
    settled(&app).await;
    assert_eq!(
        (holder(&app, &id), decisions(&app, &id).pop().unwrap()),
        (String::new(), "division_set queued".into())
    );
    app.admin().delete(format!("/v1/divisions/{division}")).await.expect(200);
    settled(&app).await;
    assert_eq!(holder(&app, &id), app.agent(0).id());
    assert_sound(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_last_agent_held_waits_when_it_leaves_and_goes_to_the_next_who_comes() {
    let mut app = routed(json!({ "unanswered_transfer_minutes": 1, "notify_supervisor_minutes": 2 })).await;
    says(&app.agent(0), "online").await;
    let mut all = Vec::new();
    for n in 0..5 {
        all.push(app.conversation(&format!("62813{n:08}"), "Halo").await);
    }
    settled(&app).await;
    for which in 0..4 {
        app.admin().delete(format!("/v1/agents/{}", app.agent(which).id())).await.expect(204);
    }
    settled(&app).await;
    assert_eq!(app.count("conversations WHERE waiting_since IS NOT NULL AND waiting_decided"), 5);
    app.advance(TimeDelta::minutes(2));
    settled(&app).await;
    assert_eq!(notified(&app, &all[0], "unanswered"), once([&app.admin()]));
    app.hire(1).await;
    says(&app.agent(4), "online").await;
    settled(&app).await;
    assert_eq!(held(&app, &app.agent(4)), 5);
    let order: Vec<String> = given(&app.events().await).into_iter().map(|(id, _)| id).skip(5).collect();
    assert_eq!(order, all, "oldest first");
    assert_sound(&app).await;
}
