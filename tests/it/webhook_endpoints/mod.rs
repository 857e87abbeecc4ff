//! Servers of integrators that are told what happens.

mod addresses;
mod delivering;
mod failing;
mod managing;
mod order;

use harness::client::Reply;
use harness::{Receiver, TestApp, eventually};
use serde_json::{Value, json};

/// An endpoint under test.
struct Endpoint {
    path: String,
    secret: String,
}

impl Endpoint {
    async fn make(app: &TestApp, receiver: &Receiver, change: Value) -> Self {
        let mut body = json!({ "url": receiver.url() });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let made = app.admin().post("/v1/webhook-endpoints", body).await.expect(201);
        let id = made["webhook_endpoint"]["id"].as_str().unwrap();
        Self {
            path: format!("/v1/webhook-endpoints/{id}"),
            secret: made["secret"].as_str().unwrap().to_owned(),
        }
    }

    async fn read(&self, app: &TestApp) -> Reply {
        app.admin().get(&self.path).await.expect(200)
    }

    /// The deliveries, oldest first.
    async fn deliveries(&self, app: &TestApp) -> Vec<Value> {
        let mut all = app.admin().all(&format!("{}/deliveries?limit=100", self.path)).await;
        all.reverse();
        all
    }

    /// The deliveries, once there are as many and none of them is being tried for the first time.
    async fn tried(&self, app: &TestApp, count: usize) -> Vec<Value> {
        eventually(&format!("{count} deliveries have been tried"), async || {
            let all = self.deliveries(app).await;
            let tried = all.iter().filter(|one| !one["attempts"].as_array().unwrap().is_empty()).count();
            (tried >= count).then_some(all)
        })
        .await
    }

    /// The delivery of an event that has this many attempts.
    async fn attempts(&self, app: &TestApp, count: usize) -> Value {
        eventually(&format!("{count} attempts are stored"), async || {
            let all = self.deliveries(app).await;
            all.into_iter().find(|one| one["attempts"].as_array().unwrap().len() == count)
        })
        .await
    }
}

/// Makes something happen: a label is made. Answers its id.
async fn label(app: &TestApp, name: &str) -> String {
    app.admin().post("/v1/labels", json!({ "name": name, "color": "#112233" })).await.expect(201).id()
}

/// Waits until so many deliveries have been taken.
async fn delivered(app: &TestApp, count: i64) {
    eventually(&format!("{count} are delivered"), async || {
        (app.count("webhook_deliveries WHERE state = 'delivered'") == count).then_some(())
    })
    .await;
}

/// An endpoint is told of what [`label`] does and of nothing else.
fn only_labels() -> Value {
    json!({ "event_types": ["label.created"] })
}
