//! What members say of themselves, and the log of it.

use api::ops::presence::{Turn, changed, mode_changed};
use chrono::TimeDelta;
use diesel::{RunQueryDsl, sql_query};
use domain::agent::PresenceMode;
use domain::resource::EventActor;
use harness::{Caller, TestApp};
use proptest::prelude::{Strategy, any};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::presence::{look, stored, told};

async fn says(who: &Caller, availability: &str) -> harness::Reply {
    who.put("/v1/me/availability", json!({ "availability": availability })).await.expect(200)
}

/// Changes the workspace's mode, as its settings will.
async fn set_mode(app: &TestApp, before: PresenceMode, after: PresenceMode) {
    let workspace = app.workspace;
    app.app()
        .write(move |tx| {
            sql_query(format!("UPDATE workspaces SET presence = '{after}' WHERE id = '{workspace}'"))
                .execute(tx.conn)?;
            mode_changed(tx, workspace, before, &EventActor::operator())
        })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_says_whether_it_wants_to_be_given_conversations() {
    let app = TestApp::start().await;
    let agus = app.agent(1);
    // Saying so is being there.
    let online = says(&agus, "online").await;
    assert_eq!((&online["availability"], &online["online"]), (&json!("online"), &json!(true)));
    assert_eq!(online.json, agus.get("/v1/me").await.expect(200).json);
    let away = says(&agus, "away").await;
    assert_eq!((&away["availability"], &away["online"]), (&json!("away"), &json!(false)));
    assert_eq!(away["version"], online["version"].as_i64().unwrap() + 1);
    let repeated = says(&agus, "away").await;
    assert_eq!(repeated["version"], away["version"], "a repeat changes nothing");
    says(&agus, "offline").await;
    says(&agus, "online").await;
    let expected = [
        (json!({ "online": false }), json!(true)),
        (json!({ "availability": "online", "online": true }), json!(false)),
        (json!({ "availability": "away" }), json!(false)),
        (json!({ "availability": "offline", "online": false }), json!(true)),
    ];
    assert_eq!(told(&app, &agus).await, expected);
    let audited = format!("audit_entries WHERE subject_id = '{}' AND action = 'updated'", agus.id());
    assert_eq!(app.count(&audited), 0);

    let path = "/v1/me/availability";
    for body in
        [json!({}), json!({ "availability": "busy" }), json!({ "availability": "away", "role": "admin" })]
    {
        agus.put(path, body).await.problem(422, "validation_failed");
    }
    agus.put(path, json!({ "availability": "away" })).if_match(1).await.problem(412, "version_mismatch");
    assert_eq!(stored(&app, &agus).await.availability.as_str(), "online");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_away_by_its_own_word_comes_and_goes_untold() {
    let app = TestApp::start().await;
    let agus = app.agent(1);
    says(&agus, "away").await;
    let before = (told(&app, &agus).await.len(), stored(&app, &agus).await.version);
    app.advance(TimeDelta::seconds(61));
    look(&app).await;
    assert_eq!(app.count("agents WHERE present"), 0);
    agus.get("/v1/me").await.expect(200);
    look(&app).await;
    assert_eq!(app.count("agents WHERE present"), 1);
    assert_eq!((told(&app, &agus).await.len(), stored(&app, &agus).await.version), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_its_word_is_enough_a_member_is_online_without_being_there() {
    let app = TestApp::start().await;
    let (agus, rina, joko) = (app.agent(1), app.agent(2), app.narrow_agent());
    says(&rina, "away").await;
    says(&joko, "online").await;
    let before = [told(&app, &rina).await, told(&app, &joko).await];
    set_mode(&app, PresenceMode::Connection, PresenceMode::Availability).await;
    // Of those who are online by the new mode only who was not by the old one.
    assert_eq!(told(&app, &agus).await, [(json!({ "online": false }), json!(true))]);
    assert_eq!([told(&app, &rina).await, told(&app, &joko).await], before);
    assert!(stored(&app, &agus).await.online);
    app.advance(TimeDelta::seconds(61));
    look(&app).await;
    agus.get("/v1/me").await.expect(200);
    look(&app).await;
    assert_eq!(told(&app, &agus).await.len(), 1, "neither coming nor going matters");
    // Back: whoever is not there is offline.
    set_mode(&app, PresenceMode::Availability, PresenceMode::Connection).await;
    assert_eq!(told(&app, &agus).await.len(), 1);
    assert_eq!(told(&app, &joko).await.last().unwrap(), &(json!({ "online": true }), json!(false)));
    assert!(!stored(&app, &joko).await.online);
    let team = app.another_team("dua").await;
    assert_eq!(team.agent(1).get("/v1/me").await.expect(200)["version"], 1, "others are not concerned");
}

/// One thing that happens to a team of two.
#[derive(Debug, Clone, Copy)]
enum Step {
    Says(usize, &'static str),
    Calls(usize),
    Time(i64),
    Look,
    Mode(PresenceMode),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let words = proptest::sample::select(vec!["online", "away", "offline"]);
    let modes = proptest::sample::select(vec![PresenceMode::Connection, PresenceMode::Availability]);
    let step = proptest::prop_oneof![
        (0..2_usize, words).prop_map(|(who, word)| Step::Says(who, word)),
        (0..2_usize).prop_map(Step::Calls),
        (0..70_i64).prop_map(Step::Time),
        any::<bool>().prop_map(|_| Step::Look),
        modes.prop_map(Step::Mode),
    ];
    proptest::collection::vec(step, 10..25)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_availability_has_no_gap_and_ends_in_the_present() {
    let app = TestApp::start().await;
    let members = [app.agent(1), app.agent(2)];
    let mut runner = TestRunner::deterministic();
    let (mut mode, mut left) = (PresenceMode::Connection, 0);
    for _ in 0..8 {
        for step in steps().new_tree(&mut runner).unwrap().current() {
            match step {
                Step::Says(who, word) => drop(says(&members[who], word).await),
                Step::Calls(who) => drop(members[who].get("/v1/me").await.expect(200)),
                Step::Time(seconds) => app.advance(TimeDelta::seconds(seconds)),
                Step::Look => look(&app).await,
                Step::Mode(to) => {
                    set_mode(&app, mode, to).await;
                    mode = to;
                }
            }
            for member in &members {
                left += assert_periods(&app, member, &format!("{step:?}")).await;
            }
        }
    }
    assert!(left > 500, "too little happened: {left}");
}

/// Answers how many periods there are.
async fn assert_periods(app: &TestApp, who: &Caller, after: &str) -> usize {
    let rows = app.database.values(&format!(
        "SELECT jsonb_build_array(availability, online, from_at, to_at)::text AS value FROM availability_periods
         WHERE agent_id = '{}' ORDER BY from_at, to_at NULLS LAST, id",
        who.id()
    ));
    let periods: Vec<Value> = rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect();
    for pair in periods.windows(2) {
        assert_eq!(pair[0][3], pair[1][2], "after {after}: {periods:#?}");
    }
    assert_eq!(periods.iter().filter(|one| one[3].is_null()).count(), 1, "after {after}: {periods:#?}");
    let (last, now) = (periods.last().unwrap(), stored(app, who).await);
    assert_eq!((&last[0], &last[1]), (&json!(now.availability), &json!(now.online)), "after {after}");
    periods.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_availability_ends_when_a_member_leaves() {
    let app = TestApp::start().await;
    let agus = app.agent(1);
    says(&agus, "away").await;
    app.advance(TimeDelta::seconds(5));
    let (workspace, before) = (app.workspace, stored(&app, &agus).await);
    let open = format!("availability_periods WHERE agent_id = '{}' AND to_at IS NULL", agus.id());
    assert_eq!(app.count(&open), 1);
    for _ in 0..2 {
        let before = before.clone();
        let gone = domain::resource::Agent { active: false, online: false, ..before.clone() };
        let write = app.app().write(move |tx| changed(tx, workspace, &[Turn::of(Some(&before), &gone)]));
        write.await.unwrap();
        assert_eq!(app.count(&open), 0);
    }
    let ended =
        format!("availability_periods WHERE agent_id = '{}' AND to_at = '{}'", agus.id(), app.clock.now());
    assert_eq!(app.count(&ended), 1);
}
