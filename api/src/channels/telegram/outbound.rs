//! Sending by Telegram's Bot API (`sendMessage`, `sendPhoto`, ...).

use std::fmt;
use std::time::Duration;

use domain::attachment::AttachmentKind;
use domain::inbound::ProviderError;
use domain::interactive::{Interactive, InteractiveButton};
use domain::location::Location;
use domain::outbound::OutboundContent;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::channels::client::{Answer, DETAIL_MAX_CHARS, ambiguous, wordless};
use crate::channels::file::{FileBytes, OutboundFile};
use crate::channels::json::{cut, id_at, int_at, text_at};
use crate::channels::outbound::{OutboundMessage, SendFailure, SendOutcome, unsendable};
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
    bytes: Option<FileBytes>,
) -> SendOutcome {
    let Some((method, body)) = request(message) else { return unsendable() };
    let url = client.telegram_url(&[&credentials.path(), method.name]);
    let answer = match (method.file_field, &message.file, bytes) {
        (None, ..) => client.post(url, None, &body).await,
        (Some(field), Some(file), Some(bytes)) => {
            let (part, handed) = match bytes.into_part(file) {
                Ok(part) => part,
                Err(failure) => return SendOutcome::Refused(failure),
            };
            client.post_form(url, None, (form(&body).part(field, part), handed)).await
        }
        (Some(_), ..) => return unsendable(),
    };
    outcome(answer, &message.recipient.external_id)
}

impl TelegramCredentials {
    /// The part of the path that says which bot.
    pub(super) fn path(&self) -> String {
        format!("bot{}", self.bot_token)
    }
}

/// What to call, and where a file goes if there is one.
struct Method {
    name: &'static str,
    file_field: Option<&'static str>,
}

/// The call for a message; `None` if there is none for what it says.
fn request(message: &OutboundMessage) -> Option<(Method, Value)> {
    let words = |name| Method { name, file_field: None };
    let (method, mut body) = match &message.content {
        OutboundContent::Text { text } => (words("sendMessage"), json!({ "text": text })),
        OutboundContent::File { kind, caption } => {
            let caption = caption.as_ref().map_or(json!({}), |caption| json!({ "caption": caption }));
            (file_method(*kind, message.file.as_ref()?)?, caption)
        }
        OutboundContent::Location(place) => location(place),
        OutboundContent::Interactive { text, interactive: Interactive::Buttons { buttons, .. } } => {
            let row = |one: &InteractiveButton| json!([{ "text": one.title, "callback_data": one.id }]);
            let keyboard: Vec<_> = buttons.iter().map(row).collect();
            let markup = json!({ "inline_keyboard": keyboard });
            (words("sendMessage"), json!({ "text": text, "reply_markup": markup }))
        }
        OutboundContent::Interactive { interactive: Interactive::List { .. }, .. }
        | OutboundContent::Template { .. } => return None,
    };
    let chat = &message.recipient.external_id;
    body["chat_id"] = chat_id(chat);
    let replied = message.reply_to.as_deref().and_then(|id| in_chat(id, chat));
    if let Some(replied) = replied {
        // The customer may have deleted the message since; the answer shall arrive all the same.
        body["reply_parameters"] = json!({ "message_id": replied, "allow_sending_without_reply": true });
    }
    Some((method, body))
}

/// A chat as a number, where it is one.
pub(super) fn chat_id(chat: &str) -> Value {
    chat.parse::<i64>().map_or_else(|_| json!(chat), |number| json!(number))
}

fn file_method(kind: AttachmentKind, file: &OutboundFile) -> Option<Method> {
    let (name, field) = match kind {
        AttachmentKind::Image => ("sendPhoto", "photo"),
        AttachmentKind::Video => ("sendVideo", "video"),
        AttachmentKind::Document => ("sendDocument", "document"),
        // What is recorded as a voice note is shown as one.
        AttachmentKind::Audio if file.content_type == "audio/ogg" => ("sendVoice", "voice"),
        AttachmentKind::Audio => ("sendAudio", "audio"),
        AttachmentKind::Sticker => return None,
    };
    Some(Method { name, file_field: Some(field) })
}

fn location(place: &Location) -> (Method, Value) {
    let mut body = json!({ "latitude": place.latitude, "longitude": place.longitude });
    match (&place.name, &place.address) {
        (Some(name), Some(address)) => {
            body["title"] = json!(name);
            body["address"] = json!(address);
            (Method { name: "sendVenue", file_field: None }, body)
        }
        _ => (Method { name: "sendLocation", file_field: None }, body),
    }
}

/// The same arguments as fields of a form; what is no text is written as JSON.
fn form(body: &Value) -> Form {
    let fields = body.as_object().into_iter().flatten();
    fields.fold(Form::new(), |form, (name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        form.text(name.clone(), text)
    })
}

/// The message's number out of `<chat>:<message>`, if it is of this chat.
pub(in crate::channels) fn in_chat(id: &str, chat: &str) -> Option<i64> {
    id.strip_prefix(chat)?.strip_prefix(':')?.parse().ok()
}

fn outcome(answer: Answer, chat: &str) -> SendOutcome {
    let (status, retry_after, body) = match answer.parts() {
        Ok(parts) => parts,
        Err(none) => return none.into(),
    };
    if let Some(failure) = refusal(status, retry_after, &body) {
        return SendOutcome::Refused(failure);
    }
    match (body.get("ok"), id_at(&body, "/result/message_id")) {
        (Some(Value::Bool(true)), Some(message)) => {
            let chat = id_at(&body, "/result/chat/id").unwrap_or_else(|| chat.to_owned());
            SendOutcome::Accepted { provider_message_id: format!("{chat}:{message}") }
        }
        (Some(Value::Bool(true)), None) => ambiguous("accepted without a message id"),
        _ if (200..=299).contains(&status) => ambiguous("accepted without a message id"),
        _ => wordless(status, retry_after).into(),
    }
}

/// Reads the answer to a call that has one effect however often it is made.
pub(super) fn done(answer: Answer) -> Result<(), SendFailure> {
    let (status, retry_after, body) = answer.parts().map_err(|none| none.again())?;
    match refusal(status, retry_after, &body) {
        Some(failure) => Err(failure),
        None if body.get("ok") == Some(&Value::Bool(true)) => Ok(()),
        None => Err(wordless(status, retry_after).again()),
    }
}

fn refusal(status: u16, retry_after: Option<Duration>, body: &Value) -> Option<SendFailure> {
    if body.get("ok").and_then(Value::as_bool) != Some(false) {
        return None;
    }
    let code = int_at(body, "/error_code").unwrap_or(i64::from(status));
    let words = text_at(body, "/description").unwrap_or_default();
    let asked = int_at(body, "/parameters/retry_after")
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map(Duration::from_secs);
    let verdict = errors::telegram(code, &words);
    let provider = ProviderError { code: code.to_string(), detail: cut(words, DETAIL_MAX_CHARS) };
    Some(verdict.failure(provider, asked.or(retry_after)))
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
