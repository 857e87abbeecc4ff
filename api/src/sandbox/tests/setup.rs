//! A sandbox with one channel of each kind, a receiver, and a clock that only moves when told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use domain::time::Timestamp;
use serde_json::{Value, json};

use super::receiver::Receiver;
use crate::sandbox::{Sandbox, SandboxChannel, SandboxConfig};

pub(super) const NUMBER: &str = "115029384756102";
pub(super) const PAGE: &str = "108273645501928";
pub(super) const BOT: &str = "6900112233";
pub(super) const BOT_TOKEN: &str = "6900112233:AAtestTokenOfTheSandbox";
pub(super) const SITI: &str = "6281234567890";
pub(super) const PSID: &str = "7412583690147258";
pub(super) const CHAT: &str = "7512345678";
/// 2026-11-20, 09:14:03 in Jakarta.
const START: i64 = 1_795_140_843;

pub(super) struct Setup {
    pub(super) sandbox: Sandbox,
    pub(super) receiver: Receiver,
    pub(super) http: reqwest::Client,
    micros: Arc<AtomicI64>,
}

pub(super) fn whatsapp(receiver: SocketAddr) -> SandboxChannel {
    SandboxChannel::Whatsapp {
        phone_number_id: NUMBER.to_owned(),
        display_phone_number: "+62 811-1987-6543".to_owned(),
        waba_id: "104859203847561".to_owned(),
        access_token: "wa-token".to_owned(),
        app_secret: "wa-secret".to_owned(),
        webhook_url: format!("http://{receiver}/hooks/whatsapp/1"),
    }
}

impl Setup {
    pub(super) async fn new() -> Self {
        let micros = Arc::new(AtomicI64::new(START * 1_000_000));
        let shown = Arc::clone(&micros);
        let sandbox = Sandbox::start(SandboxConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            clock: Arc::new(move || Timestamp::from_unix_micros(shown.load(Ordering::Relaxed)).unwrap()),
            webhook_timeout: Duration::from_secs(5),
        })
        .await
        .unwrap();
        let receiver = Receiver::start();
        sandbox.connect_channel(whatsapp(receiver.addr));
        sandbox.connect_channel(SandboxChannel::Messenger {
            page_id: PAGE.to_owned(),
            app_id: "1517776481860111".to_owned(),
            page_access_token: "page-token".to_owned(),
            app_secret: "page-secret".to_owned(),
            webhook_url: format!("http://{}/hooks/messenger/2", receiver.addr),
        });
        sandbox.connect_channel(SandboxChannel::Telegram {
            bot_token: BOT_TOKEN.to_owned(),
            webhook_secret: Some("tg-secret".to_owned()),
            webhook_url: Some(format!("http://{}/hooks/telegram/3", receiver.addr)),
        });
        Self { sandbox, receiver, http: reqwest::Client::builder().no_proxy().build().unwrap(), micros }
    }

    pub(super) fn advance(&self, by: TimeDelta) {
        let by = by.num_microseconds().unwrap();
        self.micros.fetch_add(by, Ordering::Relaxed);
    }

    /// A control call; the status and the body.
    pub(super) async fn control(&self, method: reqwest::Method, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/sandbox/{path}", self.sandbox.base_url());
        let request = self.http.request(method, url);
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        read(request.send().await.unwrap()).await
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        self.control(reqwest::Method::GET, path, Value::Null).await.1
    }

    /// Writes as a customer and takes the webhook off the receiver.
    pub(super) async fn customer_writes(&mut self, channel: &str, id: &str) -> Value {
        let (status, answer) = self
            .control(
                reqwest::Method::POST,
                &format!("customers/{id}/messages"),
                json!({"channel": channel, "text": "Halo kak"}),
            )
            .await;
        assert_eq!(status, 200, "{answer}");
        self.receiver.next().await;
        answer
    }

    /// Writes on WhatsApp when other webhooks may be on their way, too.
    pub(super) async fn customer_writes_again(&self, id: &str) {
        let path = format!("customers/{id}/messages");
        let (status, _) = self
            .control(reqwest::Method::POST, &path, json!({"channel": "whatsapp", "text": "Halo lagi"}))
            .await;
        assert_eq!(status, 200);
    }

    /// Writes on WhatsApp while the receiver refuses.
    pub(super) async fn customer_writes_refused(&self, id: &str) {
        let path = format!("customers/{id}/messages");
        let (status, _) =
            self.control(reqwest::Method::POST, &path, json!({"channel": "whatsapp", "text": "Halo"})).await;
        assert_eq!(status, 202);
    }

    pub(super) async fn set_faults(&self, rules: Value) {
        let (status, answer) = self.control(reqwest::Method::PUT, "faults", json!({ "rules": rules })).await;
        assert_eq!(status, 200, "{answer}");
    }

    pub(super) fn graph(&self, id: &str, token: &str, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}/v25.0/{id}/messages", self.sandbox.base_url());
        self.http.post(url).bearer_auth(token).json(body)
    }

    /// Sends on WhatsApp.
    pub(super) async fn send_whatsapp(&self, body: Value) -> (u16, Value) {
        read(self.graph(NUMBER, "wa-token", &body).send().await.unwrap()).await
    }

    /// Sends on Messenger.
    pub(super) async fn send_messenger(&self, body: Value) -> (u16, Value) {
        read(self.graph(PAGE, "page-token", &body).send().await.unwrap()).await
    }

    /// Calls a Bot API method.
    pub(super) async fn telegram(&self, method: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/bot{BOT_TOKEN}/{method}", self.sandbox.base_url());
        read(self.http.post(url).json(&body).send().await.unwrap()).await
    }
}

pub(super) async fn read(answer: reqwest::Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, body)
}

/// A text to Siti on WhatsApp.
pub(super) fn text(body: &str) -> Value {
    json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": format!("+{SITI}"),
        "type": "text", "text": {"body": body}, "biz_opaque_callback_data": "msg_1",
    })
}
