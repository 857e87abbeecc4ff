//! What several tests begin with.

use harness::{Caller, TestApp};
use serde_json::{Value, json};

/// The body of a text message.
pub fn text(words: &str) -> Value {
    json!({ "kind": "text", "text": words })
}

/// Takes the newest waiting conversation of a channel and answers its path.
pub async fn claimed(app: &TestApp, caller: &Caller, channel: &str) -> String {
    let path = format!("/v1/conversations?tab=unassigned&channel_id={}", app.channel(channel));
    let waiting = caller.get(path).await.expect(200);
    let path = format!("/v1/conversations/{}", waiting["items"][0]["id"].as_str().expect("nobody waits"));
    caller.act(format!("{path}/claim")).await.expect(200);
    path
}

/// Whole threads.
pub trait Messages {
    /// Every message of a conversation, newest first.
    async fn all_messages(&self, conversation: &str) -> Vec<Value>;
}

impl Messages for Caller {
    async fn all_messages(&self, conversation: &str) -> Vec<Value> {
        let (mut items, mut before) = (Vec::new(), String::new());
        loop {
            let page = self.get(format!("{conversation}/messages?limit=100{before}")).await.expect(200);
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => return items,
            }
        }
    }
}

/// The body of a template with two variables.
pub fn template(channel: &str, name: &str) -> Value {
    json!({
        "channel_id": channel, "name": name, "language": "id", "category": "utility",
        "components": {
            "body": {
                "text": "Halo {{1}}, pesanan {{2}} sudah kami kirim ya.",
                "samples": { "1": "Rina", "2": "INV-1" },
            },
            "footer": "Toko Tani",
        },
    })
}

/// Makes the template of [`template`] and has the provider approve it. Answers its id.
pub async fn approved(app: &TestApp, channel: &str, name: &str) -> String {
    let made = app.admin().post("/v1/templates", template(app.channel(channel), name)).await.expect(201);
    let path = format!("/v1/templates/{}", made.id());
    let id = harness::eventually("a template that was handed in", || async {
        let now = app.admin().get(&path).await.expect(200);
        now["provider_template_id"].as_str().map(ToOwned::to_owned)
    })
    .await;
    app.provider_decides(&id, json!({ "status": "APPROVED" })).await;
    let accepted = app.admin().get(&path).await.expect(200);
    assert_eq!(accepted["status"], "accepted");
    made.id()
}
