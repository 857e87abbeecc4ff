//! Who is kept to an allocation: what it sees comes and goes with what it holds.

use std::collections::BTreeSet;
use std::time::Duration;

use harness::TestApp;
use harness::team::assignment_settings;
use serde_json::json;

use super::{Fold, Watch};
use crate::stream::quick;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r10_a_customer_is_seen_as_long_as_its_conversation_is_held() {
    let options = TestApp::options().settings(|settings| {
        quick(settings);
        settings.stream.heartbeat = Duration::from_millis(20);
    });
    let app = options.start().await;
    let (admin, siti, rina) = (app.admin(), app.agent(0), app.agent(2));
    let there = json!({ "channel_ids": [app.channel("telegram")], "division_ids": [] });
    admin.put(format!("/v1/agents/{}/allocation", siti.id()), there).await.expect(200);
    let elsewhere = json!({ "channel_ids": [app.channel("whatsapp")], "division_ids": [] });
    admin.put(format!("/v1/agents/{}/allocation", rina.id()), elsewhere).await.expect(200);
    let restrict = assignment_settings(&json!({ "restrict_to_allocation": true }));
    admin.put("/v1/settings/assignment", restrict).await.expect(200);
    let path = format!("/v1/conversations/{}", app.conversation("6281234567890", "Halo").await);
    let watches = vec![
        Watch::begin(&app, "admin", admin.clone()).await,
        Watch::begin(&app, "agent elsewhere", siti.clone()).await,
        Watch::begin(&app, "agent there", rina.clone()).await,
    ];
    let mut fold = Fold { app, watches, covered: BTreeSet::new() };
    fold.settle("the beginning").await;
    let seen =
        |fold: &Fold, who: usize| fold.watches[who].screen.things.keys().any(|(kind, _)| *kind == "contact");
    assert_eq!([0, 1, 2].map(|who| seen(&fold, who)), [true, false, true]);
    let assign = format!("{path}/assign");
    let contact = admin.get(&path).await.expect(200)["contact"]["id"].as_str().unwrap().to_owned();
    let contact = format!("/v1/contacts/{contact}");
    siti.get(&contact).await.problem(404, "not_found");
    for round in 0..2 {
        fold.does(200, admin.post(&assign, json!({ "agent_id": siti.id() }))).await;
        assert_eq!([0, 1, 2].map(|who| seen(&fold, who)), [true, true, true], "round {round}");
        if round == 0 {
            fold.does(200, admin.post(&assign, json!({ "agent_id": rina.id() }))).await;
        } else {
            fold.does(200, siti.act(format!("{path}/resolve"))).await;
        }
        assert_eq!([0, 1, 2].map(|who| seen(&fold, who)), [true, false, true], "round {round}");
        siti.get(&contact).await.problem(404, "not_found");
    }
}
