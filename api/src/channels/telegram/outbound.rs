//! Sending by Telegram's Bot API (`sendMessage`).

use std::fmt;
use std::time::Duration;

use domain::inbound::ProviderError;
use domain::outbound::OutboundContent;
use serde_json::{Value, json};

use crate::channels::client::{Answer, DETAIL_MAX_CHARS, ambiguous, wordless};
use crate::channels::json::{cut, id_at, int_at, text_at};
use crate::channels::outbound::{OutboundMessage, SendOutcome};
use crate::channels::{ProviderClient, errors};

/// What a bot needs to send.
#[derive(Clone, PartialEq, Eq)]
pub struct TelegramCredentials {
    /// The bot's token, `<bot id>:<secret>`. Secret, and part of every URL.
    pub bot_token: String,
}

impl fmt::Debug for TelegramCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelegramCredentials").finish_non_exhaustive()
    }
}

/// Hands a message to Telegram, once. The accepted message's id is `<chat id>:<message id>`, as it is
/// inbound: Telegram's ids are unique inside a chat only.
pub async fn send(
    client: &ProviderClient,
    credentials: &TelegramCredentials,
    message: &OutboundMessage,
) -> SendOutcome {
    let bot = format!("bot{}", credentials.bot_token);
    let (method, body) = request(message);
    let url = client.telegram_url(&[&bot, method]);
    let answer = client.post(url, None, &body).await;
    outcome(answer, &message.recipient.external_id)
}

/// The method to call, and what with.
fn request(message: &OutboundMessage) -> (&'static str, Value) {
    let chat = &message.recipient.external_id;
    let (method, mut body) = match &message.content {
        OutboundContent::Text { text } => ("sendMessage", json!({ "text": text })),
        // Refused before it is stored: there are none here.
        OutboundContent::Template { text, .. } => ("sendMessage", json!({ "text": text })),
    };
    body["chat_id"] = json!(chat);
    if let Ok(chat) = chat.parse::<i64>() {
        body["chat_id"] = json!(chat);
    }
    let replied = message.reply_to.as_deref().and_then(|id| in_chat(id, chat));
    if let Some(replied) = replied {
        // The customer may have deleted the message since; the answer shall arrive all the same.
        body["reply_parameters"] = json!({ "message_id": replied, "allow_sending_without_reply": true });
    }
    (method, body)
}

/// The message's number out of `<chat>:<message>`, if it is of this chat.
fn in_chat(id: &str, chat: &str) -> Option<i64> {
    id.strip_prefix(chat)?.strip_prefix(':')?.parse().ok()
}

fn outcome(answer: Answer, chat: &str) -> SendOutcome {
    let (status, retry_after, body) = match answer.parts() {
        Ok(parts) => parts,
        Err(outcome) => return outcome,
    };
    match body.get("ok").and_then(Value::as_bool) {
        Some(true) => match id_at(&body, "/result/message_id") {
            Some(message) => {
                let chat = id_at(&body, "/result/chat/id").unwrap_or_else(|| chat.to_owned());
                SendOutcome::Accepted { provider_message_id: format!("{chat}:{message}") }
            }
            None => ambiguous("accepted without a message id"),
        },
        Some(false) => {
            let code = int_at(&body, "/error_code").unwrap_or(i64::from(status));
            let words = text_at(&body, "/description").unwrap_or_default();
            let asked = int_at(&body, "/parameters/retry_after")
                .and_then(|seconds| u64::try_from(seconds).ok())
                .map(Duration::from_secs);
            let verdict = errors::telegram(code, &words);
            let provider = ProviderError { code: code.to_string(), detail: cut(words, DETAIL_MAX_CHARS) };
            SendOutcome::Refused(verdict.failure(provider, asked.or(retry_after)))
        }
        None if (200..=299).contains(&status) => ambiguous("accepted without a message id"),
        None => wordless(status, retry_after),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use crate::channels::FailureClass::{ChannelStopped, Final, Retry};
    use crate::channels::SendOutcome;
    use crate::channels::testing::{Reply, message, refusal, refused_port, send, telegram};

    const ACCEPTED: &str = r#"{"ok":true,"result":{"message_id":53,"date":1795158000,"chat":{"id":7512345678,"type":"private"},"text":"Halo kak"}}"#;

    #[tokio::test]
    async fn a_text_is_sent_as_the_api_wants_it() {
        let mut text = message("7512345678");
        text.reply_to = Some("7512345678:44".into());
        let (outcome, request) = send(telegram(), &text, Reply::json(200, ACCEPTED)).await;
        let accepted = SendOutcome::Accepted { provider_message_id: "7512345678:53".into() };
        assert_eq!(outcome, accepted);
        assert_eq!(request.line, "POST /tg/bot6900112233:secret-token/sendMessage HTTP/1.1");
        assert_eq!(request.authorization, None);
        let expected = json!({
            "chat_id": 7_512_345_678_i64, "text": "Halo kak",
            "reply_parameters": {"message_id": 44, "allow_sending_without_reply": true},
        });
        assert_eq!(request.body, expected);
        for foreign in ["7512345678:callback:1", "99:44", "44", ""] {
            text.reply_to = Some(foreign.into());
            let (_, request) = send(telegram(), &text, Reply::json(200, ACCEPTED)).await;
            assert_eq!(request.body.get("reply_parameters"), None, "{foreign:?}");
        }
    }

    #[tokio::test]
    async fn errors_of_the_provider_are_classified() {
        let cases = [
            (429, "Too Many Requests: retry after 7", Retry, "rate_limited", Some(7)),
            (403, "Forbidden: bot was blocked by the user", Final, "recipient_blocked", None),
            (401, "Unauthorized", ChannelStopped, "channel_unauthorized", None),
            (500, "Internal Server Error: restart", Retry, "provider_unavailable", None),
        ];
        for (code, words, class, word, wait) in cases {
            let mut body = json!({"ok": false, "error_code": code, "description": words});
            if let Some(wait) = wait {
                body["parameters"] = json!({"retry_after": wait});
            }
            let reply = Reply::json(code, &body.to_string());
            let (outcome, _) = send(telegram(), &message("7"), reply).await;
            let failure = refusal(outcome);
            assert_eq!((failure.class, failure.code), (class, word), "{code}");
            assert_eq!(failure.retry_after, wait.map(Duration::from_secs), "{code}");
            assert_eq!(failure.provider.detail, words);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_known_is_ambiguous_and_names_no_token() {
        let replies = [
            Reply::Hang,
            Reply::Cut,
            Reply::json(502, "<html>"),
            Reply::json(200, r#"{"ok":true,"result":{}}"#),
            Reply::json(200, ""),
        ];
        for reply in replies {
            let what = format!("{reply:?}");
            let (outcome, _) = send(telegram(), &message("7"), reply).await;
            assert!(matches!(outcome, SendOutcome::Ambiguous { .. }), "{what}: {outcome:?}");
            assert!(!format!("{outcome:?}").contains("secret-token"), "{what}");
        }
    }

    #[tokio::test]
    async fn a_refused_connection_is_tried_again_and_names_no_token() {
        let outcome = refused_port(telegram(), &message("7")).await;
        assert!(!format!("{outcome:?}").contains("secret-token"));
        assert_eq!(refusal(outcome).class, Retry);
        assert!(!format!("{:?}", telegram()).contains("secret-token"));
    }
}
