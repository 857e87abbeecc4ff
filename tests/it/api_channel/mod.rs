//! Channels of integrators: what they deliver, and what their callbacks are handed.

mod breaks;
mod conversation;
mod crashes;
mod customers;
mod inbound;
mod kinds;
mod rights;
mod secrets;
mod statuses;

use harness::client::Call;
use harness::receiver::Received;
use harness::{Caller, Receiver, TestApp, eventually};
use serde_json::{Value, json};

/// A channel of an integrator, and the program that delivers on it.
pub struct Line {
    pub id: String,
    pub secret: String,
    pub program: Caller,
}

/// Connects one, which calls this receiver.
pub async fn connect(app: &TestApp, receiver: Option<&Receiver>) -> Line {
    let callback = receiver.map(Receiver::url);
    let body = json!({ "kind": "api", "name": "Situs web", "callback_url": callback });
    let made = app.admin().post("/v1/channels", body).await.expect(201);
    let id = made.id();
    let scopes = json!(["channels:inbound"]);
    let key = json!({ "name": "Situs web", "scopes": scopes, "channel_ids": [id] });
    let key = app.admin().post("/v1/api-keys", key).await.expect(201);
    let program = app.bearer(key["key"].as_str().unwrap());
    Line { id, secret: made["signing_secret"].as_str().unwrap().to_owned(), program }
}

impl Line {
    pub fn path(&self) -> String {
        format!("/v1/channels/{}", self.id)
    }

    /// Starts to deliver this.
    pub fn deliver(&self, body: Value) -> Call {
        self.program.post(format!("{}/inbound", self.path()), body)
    }

    /// Delivers a text of Budi, and answers what became of it.
    pub async fn writes(&self, external_id: &str, words: &str) -> Value {
        let body = json!({ "messages": [message(external_id, words)] });
        self.deliver(body).await.expect(200)["messages"][0].clone()
    }

    /// Delivers what became of a message of the team, and answers what became of that.
    pub async fn tells(&self, status: Value) -> Value {
        self.deliver(json!({ "statuses": [status] })).await.expect(200)["statuses"][0].clone()
    }

    /// Budi writes, and agent 0 takes the conversation. Answers its path.
    pub async fn held(&self, app: &TestApp) -> String {
        let written = self.writes("m-1", "Halo kak").await;
        let path = format!("/v1/conversations/{}", written["conversation_id"].as_str().unwrap());
        app.agent(0).act(format!("{path}/claim")).await.expect(200);
        path
    }
}

/// A text of Budi.
pub fn message(external_id: &str, words: &str) -> Value {
    json!({
        "external_id": external_id, "contact": { "external_id": "u-42", "name": "Budi" }, "kind": "text", "text": words,
    })
}

/// The messages that the receiver was handed, once there are as many, with repeats.
pub async fn handed(receiver: &Receiver, count: usize) -> Vec<Received> {
    calls(receiver, "message.send", count).await
}

/// The calls of a type that came, once there are as many.
pub async fn calls(receiver: &Receiver, kind: &str, count: usize) -> Vec<Received> {
    eventually(&format!("{count} calls of {kind}"), async || {
        let of_kind = receiver.received().into_iter().filter(|call| call.json()["type"] == kind);
        let of_kind: Vec<_> = of_kind.collect();
        (of_kind.len() >= count).then_some(of_kind)
    })
    .await
}
