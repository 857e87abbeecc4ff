//! Coming and going, and what members change of themselves.

use chrono::TimeDelta;
use harness::{StreamClient, eventually};
use serde_json::json;

use super::Fold;

pub(super) async fn members_come_and_go(fold: &mut Fold) {
    let siti = fold.app.agent(0);
    for availability in ["away", "online"] {
        let body = json!({ "availability": availability });
        fold.does(200, siti.put("/v1/me/availability", body)).await;
    }
    fold.does(200, siti.patch("/v1/me", json!({ "name": "Siti Nurhaliza" }))).await;

    // Nobody else reads as Wati, so that she goes when her connection has ended.
    let wati = fold.app.lone_supervisor();
    let (client, _) = StreamClient::of(&fold.app, &wati, None).await;
    fold.sees(&wati.id(), true).await;
    drop(client);
    eventually("the connection has ended", || async {
        (fold.app.app().hub.connections() == fold.watches.len()).then_some(())
    })
    .await;
    fold.app.advance(TimeDelta::seconds(61));
    fold.sees(&wati.id(), false).await;
}

impl Fold {
    /// The member counts as online, or not, and everybody's picture says so.
    async fn sees(&mut self, agent: &str, online: bool) {
        let admin = self.app.admin();
        eventually(&format!("online: {online}"), || async {
            let agents = admin.all("/v1/agents").await;
            agents.iter().any(|one| one["id"] == agent && one["online"] == online).then_some(())
        })
        .await;
        self.settle("somebody came or went").await;
    }
}
