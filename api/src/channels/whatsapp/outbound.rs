//! Sending by WhatsApp's Cloud API (Meta, "messages/send-messages").

use std::fmt;

use domain::attachment::AttachmentKind;
use domain::interactive::{Interactive, InteractiveButton, InteractiveSection};
use domain::outbound::OutboundContent;
use serde_json::{Value, json};

use super::template;
use crate::channels::outbound::{OutboundMessage, Recipient, SendOutcome, unsendable};
use crate::channels::{ProviderClient, errors, graph};

/// What a number needs to send.
#[derive(Clone, PartialEq, Eq)]
pub struct WhatsAppCredentials {
    /// Meta's id of the phone number that sends.
    pub phone_number_id: String,
    /// The token of a system user. Secret.
    pub access_token: String,
}

impl fmt::Debug for WhatsAppCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhatsAppCredentials")
            .field("phone_number_id", &self.phone_number_id)
            .finish_non_exhaustive()
    }
}

/// Hands a message to WhatsApp, once.
pub async fn send(
    client: &ProviderClient,
    credentials: &WhatsAppCredentials,
    message: &OutboundMessage,
) -> SendOutcome {
    let Some(body) = request(message) else { return unsendable() };
    let url = client.graph_url(&[&credentials.phone_number_id, "messages"]);
    let answer = client.post(url, Some(&credentials.access_token), &body).await;
    graph::outcome(answer, "/messages/0/id", |code, _| errors::whatsapp(code))
}

/// The call for a message; `None` if its file was not handed over.
fn request(message: &OutboundMessage) -> Option<Value> {
    let mut body = addressed(&message.recipient);
    body["biz_opaque_callback_data"] = json!(message.message_id);
    let kind = message.content.kind().as_str();
    body["type"] = json!(kind);
    body[kind] = match &message.content {
        OutboundContent::Text { text } => json!({ "body": text, "preview_url": false }),
        OutboundContent::File { kind, caption } => {
            let file = message.file.as_ref()?;
            let mut media = json!({ "id": file.provider_media_id.as_ref()? });
            if let Some(caption) = caption {
                media["caption"] = json!(caption);
            }
            if *kind == AttachmentKind::Document {
                media["filename"] = json!(file.name());
            }
            media
        }
        OutboundContent::Location(place) => json!(place),
        OutboundContent::Interactive { text, interactive } => tappable(text, interactive),
        OutboundContent::Template { template, .. } => template::content(template, message.file.as_ref())?,
    };
    if let Some(reply_to) = &message.reply_to {
        body["context"] = json!({ "message_id": reply_to });
    }
    Some(without_nulls(body))
}

/// What every call about one customer begins with.
pub(super) fn addressed(recipient: &Recipient) -> Value {
    let mut body = json!({ "messaging_product": "whatsapp", "recipient_type": "individual" });
    match &recipient.phone {
        // Without its `+` the sending number's country code would be put in front.
        Some(phone) => body["to"] = json!(format!("+{}", phone.trim_start_matches('+'))),
        None => body["recipient"] = json!(recipient.external_id),
    }
    body
}

fn tappable(text: &str, interactive: &Interactive) -> Value {
    let (kind, header, footer, action) = match interactive {
        Interactive::Buttons { header, footer, buttons } => {
            let button = |one: &InteractiveButton| json!({ "type": "reply", "reply": { "id": one.id, "title": one.title } });
            let buttons: Vec<_> = buttons.iter().map(button).collect();
            ("button", header, footer, json!({ "buttons": buttons }))
        }
        Interactive::List { header, footer, button, sections } => {
            let section = |one: &InteractiveSection| json!({ "title": one.title, "rows": json!(one.rows) });
            let sections: Vec<_> = sections.iter().map(section).collect();
            ("list", header, footer, json!({ "button": button, "sections": sections }))
        }
    };
    json!({
        "type": kind,
        "header": header.as_ref().map(|text| json!({ "type": "text", "text": text })),
        "body": { "text": text },
        "footer": footer.as_ref().map(|text| json!({ "text": text })),
        "action": action,
    })
}

/// WhatsApp takes a field that is null for one of the wrong type.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(fields.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::channels::FailureClass::{ChannelStopped, Final, Retry};
    use crate::channels::testing::{Reply, message, refusal, refused_port, send, whatsapp};
    use crate::channels::{ChannelCredentials, SendOutcome};

    const ACCEPTED: &str = r#"{"messaging_product":"whatsapp","contacts":[{"input":"+62811","wa_id":"62811"}],"messages":[{"id":"wamid.OUT"}]}"#;

    fn error(code: i64) -> String {
        json!({"error": {"message": format!("(#{code}) x"), "type": "OAuthException", "code": code,
            "error_data": {"messaging_product": "whatsapp", "details": "the provider's words"},
            "fbtrace_id": "A"}})
        .to_string()
    }

    #[tokio::test]
    async fn a_text_is_sent_as_the_api_wants_it() {
        let mut text = message("62811");
        text.recipient.phone = Some("62811".into());
        text.reply_to = Some("wamid.IN".into());
        let (outcome, request) = send(whatsapp(), &text, Reply::json(200, ACCEPTED)).await;
        let accepted = SendOutcome::Accepted { provider_message_id: "wamid.OUT".into() };
        assert_eq!(outcome, accepted);
        assert_eq!(request.line, "POST /graph/v25.0/115029384756102/messages HTTP/1.1");
        assert_eq!(request.authorization.as_deref(), Some("Bearer secret-token"));
        let expected = json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+62811",
            "type": "text", "text": {"body": "Halo kak", "preview_url": false},
            "context": {"message_id": "wamid.IN"},
            "biz_opaque_callback_data": text.message_id.to_string(),
        });
        assert_eq!(request.body, expected);
    }

    #[tokio::test]
    async fn without_a_phone_number_it_goes_to_the_user_id() {
        let (_, request) = send(whatsapp(), &message("ID.66"), Reply::json(200, ACCEPTED)).await;
        assert_eq!(request.body["recipient"], "ID.66");
        assert_eq!(request.body.get("to"), None);
        assert_eq!(request.body.get("context"), None);
    }

    #[tokio::test]
    async fn errors_of_the_provider_are_classified_by_their_code() {
        let cases = [
            (400, 131047, Final, "reply_window_closed"),
            (401, 190, ChannelStopped, "channel_unauthorized"),
            (500, 131016, Retry, "provider_unavailable"),
            (400, 131056, Retry, "rate_limited"),
            (503, 999_999, Retry, "provider_unavailable"),
            (429, 999_999, Retry, "rate_limited"),
            (400, 999_999, Final, "message_rejected"),
        ];
        for (status, code, class, word) in cases {
            let reply = Reply::json(status, &error(code));
            let (outcome, _) = send(whatsapp(), &message("ID.1"), reply).await;
            let failure = refusal(outcome);
            assert_eq!((failure.class, failure.code), (class, word), "{status} {code}");
            assert_eq!(failure.provider.code, code.to_string());
            assert_eq!(failure.provider.detail, "the provider's words");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_known_is_ambiguous() {
        let page = "<html>Bad Gateway</html>";
        let replies = [
            Reply::Hang,
            Reply::Cut,
            Reply::Raw("HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"messages\":".into()),
            Reply::json(500, page),
            Reply::json(502, page),
            Reply::json(500, "{}"),
            Reply::json(302, ""),
            // Followed, it would end at a port where nobody listens: a refused connection.
            Reply::Raw("HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".into()),
            Reply::json(408, ""),
            Reply::json(200, "{}"),
            Reply::json(200, page),
            Reply::json(200, r#"{"messages":[]}"#),
        ];
        for reply in replies {
            let what = format!("{reply:?}");
            let (outcome, request) = send(whatsapp(), &message("ID.1"), reply).await;
            assert!(matches!(outcome, SendOutcome::Ambiguous { .. }), "{what}: {outcome:?}");
            assert_eq!(request.body["type"], "text", "{what}");
        }
    }

    #[tokio::test]
    async fn a_refusal_without_the_providers_words_was_not_executed() {
        let (outcome, _) = send(whatsapp(), &message("ID.1"), Reply::json(404, "<html>")).await;
        let failure = refusal(outcome);
        assert_eq!((failure.class, failure.provider.code.as_str()), (Final, "http_404"));
        let (outcome, _) = send(whatsapp(), &message("ID.1"), Reply::json(429, "")).await;
        assert_eq!(refusal(outcome).class, Retry);
    }

    #[tokio::test]
    async fn a_refused_connection_is_tried_again() {
        let outcome = refused_port(whatsapp(), &message("ID.1")).await;
        let failure = refusal(outcome);
        assert_eq!((failure.class, failure.code), (Retry, "provider_unavailable"));
        assert_eq!(failure.provider.code, "connect");
    }

    #[tokio::test]
    async fn a_token_that_no_header_can_hold_stops_the_channel_and_is_not_told() {
        let ChannelCredentials::WhatsApp(mut credentials) = whatsapp() else {
            panic!("not WhatsApp");
        };
        credentials.access_token = "secret-token\n".into();
        assert!(!format!("{credentials:?}").contains("secret-token"));
        let credentials = ChannelCredentials::WhatsApp(credentials);
        let outcome = refused_port(credentials, &message("ID.1")).await;
        assert!(!format!("{outcome:?}").contains("secret-token"));
        assert_eq!(refusal(outcome).code, "channel_misconfigured");
    }
}
