//! Sending by Messenger's send API (Meta, "messenger-platform/send-messages").

use std::fmt;

use domain::attachment::AttachmentKind;
use domain::interactive::{Interactive, InteractiveButton};
use domain::outbound::OutboundContent;
use serde_json::{Value, json};

use crate::channels::outbound::{OutboundMessage, SendOutcome, unsendable};
use crate::channels::{ProviderClient, errors, graph};

/// What a Page needs to send.
#[derive(Clone, PartialEq, Eq)]
pub struct MessengerCredentials {
    /// The Page's id.
    pub page_id: String,
    /// The Page's token. Secret.
    pub access_token: String,
}

impl fmt::Debug for MessengerCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessengerCredentials").field("page_id", &self.page_id).finish_non_exhaustive()
    }
}

/// Hands a message to Messenger, once.
pub async fn send(
    client: &ProviderClient,
    credentials: &MessengerCredentials,
    message: &OutboundMessage,
) -> SendOutcome {
    let Some(body) = request(message) else { return unsendable() };
    let url = client.graph_url(&[&credentials.page_id, "messages"]);
    let answer = client.post(url, Some(&credentials.access_token), &body).await;
    graph::outcome(answer, "/message_id", errors::messenger)
}

/// The call for a message; `None` if there is none for what it says, or its file was not handed over.
fn request(message: &OutboundMessage) -> Option<Value> {
    let mut body = json!({
        "recipient": { "id": message.recipient.external_id },
        "messaging_type": "RESPONSE",
    });
    let mut words = match &message.content {
        OutboundContent::Text { text } => json!({ "text": text }),
        OutboundContent::File { kind, .. } => {
            let id = message.file.as_ref()?.provider_media_id.as_ref()?;
            json!({ "attachment": { "type": file_type(*kind)?, "payload": { "attachment_id": id } } })
        }
        OutboundContent::Interactive { text, interactive: Interactive::Buttons { buttons, .. } } => {
            let reply = |one: &InteractiveButton| json!({ "content_type": "text", "title": one.title, "payload": one.id });
            json!({ "text": text, "quick_replies": buttons.iter().map(reply).collect::<Vec<_>>() })
        }
        OutboundContent::Interactive { interactive: Interactive::List { .. }, .. }
        | OutboundContent::Location(_)
        | OutboundContent::Template { .. } => return None,
    };
    // Comes back in the echo.
    words["metadata"] = json!(message.message_id);
    body["message"] = words;
    if let Some(mid) = message.reply_to.as_deref().and_then(mid) {
        body["reply_to"] = json!({ "mid": mid });
    }
    Some(body)
}

/// What Messenger calls a kind of file.
pub(super) fn file_type(kind: AttachmentKind) -> Option<&'static str> {
    match kind {
        AttachmentKind::Image => Some("image"),
        AttachmentKind::Video => Some("video"),
        AttachmentKind::Audio => Some("audio"),
        AttachmentKind::Document => Some("file"),
        AttachmentKind::Sticker => None,
    }
}

/// Messenger's own id of a message. Further files of one message have ids of ours: `<id>#2`; a pressed button has none.
pub(in crate::channels) fn mid(id: &str) -> Option<&str> {
    let mid = id.split_once('#').map_or(id, |(mid, _)| mid);
    (!mid.starts_with("postback:")).then_some(mid)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::channels::FailureClass::{ChannelStopped, Final, Retry};
    use crate::channels::SendOutcome;
    use crate::channels::testing::{Reply, message, messenger, refusal, send};

    const ACCEPTED: &str = r#"{"recipient_id":"7412583690147258","message_id":"m_out"}"#;

    #[tokio::test]
    async fn a_text_is_sent_as_the_api_wants_it() {
        let mut text = message("7412583690147258");
        text.reply_to = Some("m_in#2".into());
        let (outcome, request) = send(messenger(), &text, Reply::json(200, ACCEPTED)).await;
        assert_eq!(outcome, SendOutcome::Accepted { provider_message_id: "m_out".into() });
        assert_eq!(request.line, "POST /graph/v25.0/108273645501928/messages HTTP/1.1");
        assert_eq!(request.authorization.as_deref(), Some("Bearer secret-token"));
        let expected = json!({
            "recipient": {"id": "7412583690147258"}, "messaging_type": "RESPONSE",
            "message": {"text": "Halo kak", "metadata": text.message_id.to_string()},
            "reply_to": {"mid": "m_in"},
        });
        assert_eq!(request.body, expected);
        text.reply_to = Some("postback:7412583690147258:1".into());
        let (_, request) = send(messenger(), &text, Reply::json(200, ACCEPTED)).await;
        assert_eq!(request.body.get("reply_to"), None);
    }

    #[tokio::test]
    async fn errors_of_the_provider_are_classified_by_code_and_sub_code() {
        let cases = [
            (400, 10, Some(2_018_278), Final, "reply_window_closed", "10/2018278"),
            (401, 190, Some(463), ChannelStopped, "channel_unauthorized", "190/463"),
            (400, 551, None, Final, "recipient_unreachable", "551"),
            (400, 613, None, Retry, "rate_limited", "613"),
            (500, 999, None, Retry, "provider_unavailable", "999"),
        ];
        for (status, code, subcode, class, word, told) in cases {
            let mut body = json!({"error": {"message": "x", "code": code}});
            if let Some(subcode) = subcode {
                body["error"]["error_subcode"] = json!(subcode);
            }
            let reply = Reply::json(status, &body.to_string());
            let (outcome, _) = send(messenger(), &message("7"), reply).await;
            let failure = refusal(outcome);
            assert_eq!((failure.class, failure.code), (class, word), "{told}");
            assert_eq!(failure.provider.code, told);
        }
        let transient = r#"{"error":{"message":"x","code":999,"is_transient":true}}"#;
        let (outcome, _) = send(messenger(), &message("7"), Reply::json(400, transient)).await;
        assert_eq!(refusal(outcome).class, Retry);
    }
}
