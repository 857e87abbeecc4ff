//! Being the customer, and breaking the provider, by the sandbox's control calls.

use serde_json::{Value, json};

use crate::app::TestApp;

/// A customer at one of the sandbox's providers.
#[derive(Debug, Clone)]
pub struct Customer {
    http: reqwest::Client,
    url: String,
    channel: String,
}

impl TestApp {
    /// The customer with this id (a number, a PSID, a chat) on this channel.
    #[must_use]
    pub fn customer(&self, channel: &str, id: &str) -> Customer {
        Customer {
            http: self.wire().http.clone(),
            url: format!("{}/sandbox/customers/{id}", self.sandbox().base_url()),
            channel: channel.to_owned(),
        }
    }

    /// From now on the providers break by these rules and no others.
    pub async fn faults(&self, rules: Value) {
        let url = format!("{}/sandbox/faults", self.sandbox().base_url());
        let request = self.wire().http.put(url).body(json!({ "rules": rules }).to_string());
        answer(request).await;
    }

    /// How often each rule was used.
    pub async fn faults_used(&self) -> Vec<u64> {
        let url = format!("{}/sandbox/faults", self.sandbox().base_url());
        let rules = answer(self.wire().http.get(url)).await;
        rules["rules"].as_array().unwrap().iter().map(|rule| rule["applied"].as_u64().unwrap()).collect()
    }

    /// Somebody makes a template at the provider; Tanggap is not told. Answers it as the provider shows it.
    pub async fn provider_makes(&self, template: Value) -> Value {
        let url = format!("{}/sandbox/templates", self.sandbox().base_url());
        answer(self.wire().http.post(url).body(template.to_string())).await
    }

    /// The templates at the provider.
    pub async fn provider_templates(&self) -> Vec<Value> {
        let url = format!("{}/sandbox/templates", self.sandbox().base_url());
        answer(self.wire().http.get(url)).await["items"].as_array().unwrap().clone()
    }

    /// The provider decides of a template, and tells.
    pub async fn provider_decides(&self, id: &str, decision: Value) {
        let url = format!("{}/sandbox/templates/{id}", self.sandbox().base_url());
        answer(self.wire().http.put(url).body(decision.to_string())).await;
    }

    /// Lets go of what is held back, and breaks no more.
    pub async fn no_faults(&self) {
        answer(self.wire().http.delete(format!("{}/sandbox/faults", self.sandbox().base_url()))).await;
    }
}

impl Customer {
    /// Writes; fails unless the server took the webhook. Answers what the sandbox says.
    pub async fn writes(&self, text: &str) -> Value {
        let said = self.sends(json!({ "text": text })).await;
        assert_eq!(said["delivered"], true, "the server did not take the message: {said}");
        said
    }

    /// Sends anything that the sandbox can send.
    pub async fn sends(&self, mut message: Value) -> Value {
        message["channel"] = json!(self.channel);
        answer(self.http.post(format!("{}/messages", self.url)).body(message.to_string())).await
    }

    /// Both sides of the chat; `query` as the sandbox documents it.
    pub async fn chat(&self, query: &str) -> Vec<Value> {
        let url = format!("{}/messages?channel={}&{query}", self.url, self.channel);
        let chat = answer(self.http.get(url)).await;
        chat["items"].as_array().unwrap_or_else(|| panic!("no items in {chat}")).clone()
    }

    /// What the business wrote, so far.
    pub async fn received(&self) -> Vec<Value> {
        self.chat("direction=outbound").await
    }

    /// The texts of what the business wrote, once there are so many.
    pub async fn receives(&self, count: usize) -> Vec<String> {
        let messages = crate::eventually(&format!("{count} messages at the customer"), || async {
            Some(self.chat("direction=outbound").await).filter(|items| items.len() >= count)
        })
        .await;
        messages.iter().map(|one| one["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Changes how the customer behaves: `{"auto": "delivered"}`, `{"blocked": true}`.
    pub async fn is(&self, mut settings: Value) {
        settings["channel"] = json!(self.channel);
        answer(self.http.put(&self.url).body(settings.to_string())).await;
    }

    /// Looks at the chat.
    pub async fn reads(&self) {
        answer(self.http.post(format!("{}/read?channel={}", self.url, self.channel))).await;
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    let (status, text) = (response.status(), response.text().await.unwrap());
    assert!(status.is_success(), "the sandbox answered {status}: {text}");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}
