//! What routing decides, and what members are to know of.

use chrono::TimeDelta;
use harness::team::assignment_settings;
use harness::{Caller, Follower};
use serde_json::{Value, json};

use super::Fold;

/// A conversation waits, goes to an agent, and from one to another when it is not answered in time; who is told reads it.
pub(super) async fn conversations_find_agents(fold: &mut Fold) {
    let (admin, rina, joko) = (fold.app.admin(), fold.app.agent(2), fold.app.narrow_agent());
    let says = |who: &Caller, word: &str| who.put("/v1/me/availability", json!({ "availability": word }));
    for which in [0, 1, 2, 3] {
        let agent = fold.app.agent(which);
        says(&agent, "offline").await.expect(200);
    }
    fold.settle("everybody is offline").await;
    let body = assignment_settings(&json!({ "auto_assign": true, "unanswered_transfer_minutes": 5 }));
    fold.does(200, admin.put("/v1/settings/assignment", body)).await;
    let mut log = fold.app.follow().await;
    let id = fold.app.conversation("6281200000777", "Ada orang?").await;
    log.until("the queue", |event| is(event, "routing.queued", &id)).await;
    fold.settle("a conversation in the queue").await;
    fold.does(200, says(&joko, "online")).await;
    fold.goes_to(&mut log, &id, &joko).await;
    fold.does(200, says(&rina, "online")).await;
    fold.app.advance(TimeDelta::minutes(6));
    fold.goes_to(&mut log, &id, &rina).await;

    let unread = joko.get("/v1/notifications?unread=true").await.expect(200);
    let first = unread["items"][0]["id"].clone();
    fold.does(200, joko.post("/v1/notifications/read", json!({ "ids": [first] }))).await;
    fold.does(200, rina.post("/v1/notifications/read", json!({ "all": true }))).await;
    let body = assignment_settings(&json!({}));
    fold.does(200, admin.put("/v1/settings/assignment", body)).await;

    // Of what the customer writes now its holder is told, until it has read that.
    fold.app.conversation("6281200000777", "Masih ada?").await;
    fold.settle("a message to the holder").await;
    fold.does(200, rina.act(format!("/v1/conversations/{id}/read"))).await;
    let quiet = json!({ "sound": false, "toast": true, "muted_kinds": ["new_message"] });
    fold.does(200, rina.put("/v1/me/notification-preferences", quiet)).await;
    fold.app.conversation("6281200000777", "Halo?").await;
    fold.settle("a message that the holder is not told of").await;

    // Kept to an allocation, of which she has none, she sees what she holds, and its customer as long as she holds it.
    let restricted = assignment_settings(&json!({ "restrict_to_allocation": true }));
    fold.does(200, admin.put("/v1/settings/assignment", restricted)).await;
    fold.does(200, rina.act(format!("/v1/conversations/{id}/unassign"))).await;
    fold.does(200, admin.put("/v1/settings/assignment", assignment_settings(&json!({})))).await;
}

impl Fold {
    async fn goes_to(&mut self, log: &mut Follower, conversation: &str, agent: &Caller) {
        log.until("the decision", |event| {
            is(event, "routing.decided", conversation) && event["data"]["agent"]["id"] == agent.id()
        })
        .await;
        self.settle("a decision of routing").await;
    }
}

fn is(event: &Value, name: &str, conversation: &str) -> bool {
    event["type"] == name && event["conversation_id"] == conversation
}
