//! A provider on a local port that answers one request, badly if wanted.

use std::time::Duration;

use domain::id::MessageId;
use domain::outbound::OutboundContent;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;
use uuid::Uuid;

use super::messenger::outbound::MessengerCredentials;
use super::telegram::outbound::TelegramCredentials;
use super::whatsapp::outbound::WhatsAppCredentials;
use super::{
    ChannelCredentials, OutboundMessage, ProviderClient, ProviderSettings, Recipient, SendFailure,
    SendOutcome, outbound,
};

/// What the provider does once it has read the whole request.
#[derive(Debug)]
pub(super) enum Reply {
    /// Writes these bytes and closes.
    Raw(String),
    /// Says nothing and keeps the connection.
    Hang,
    /// Closes the connection.
    Cut,
}

impl Reply {
    pub(super) fn json(status: u16, body: &str) -> Self {
        let length = body.len();
        Self::Raw(format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        ))
    }
}

/// A request as it came.
pub(super) struct Request {
    pub(super) line: String,
    pub(super) authorization: Option<String>,
    pub(super) body: Value,
}

pub(super) fn whatsapp() -> ChannelCredentials {
    ChannelCredentials::WhatsApp(WhatsAppCredentials {
        phone_number_id: "115029384756102".into(),
        access_token: "secret-token".into(),
    })
}

pub(super) fn messenger() -> ChannelCredentials {
    ChannelCredentials::Messenger(MessengerCredentials {
        page_id: "108273645501928".into(),
        access_token: "secret-token".into(),
    })
}

pub(super) fn telegram() -> ChannelCredentials {
    ChannelCredentials::Telegram(TelegramCredentials { bot_token: "6900112233:secret-token".into() })
}

pub(super) fn message(recipient: &str) -> OutboundMessage {
    OutboundMessage {
        message_id: MessageId(Uuid::from_u128(7)),
        recipient: Recipient { external_id: recipient.into(), phone: None },
        content: OutboundContent::Text { text: "Halo kak".into() },
        file: None,
        reply_to: None,
    }
}

pub(super) fn refusal(outcome: SendOutcome) -> SendFailure {
    match outcome {
        SendOutcome::Refused(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// Sends to a provider that answers with `reply`.
pub(super) async fn send(
    credentials: ChannelCredentials,
    message: &OutboundMessage,
    reply: Reply,
) -> (SendOutcome, Request) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(listener.local_addr().unwrap().port());
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await;
        if let Reply::Raw(bytes) = &reply {
            stream.write_all(bytes.as_bytes()).await.unwrap();
        }
        // Handed out so that a hanging connection stays open until the client gives up.
        (request, matches!(reply, Reply::Hang).then_some(stream))
    };
    let (outcome, (request, _stream)) =
        tokio::join!(outbound::send(&client, &credentials, message, None), server);
    (outcome, request)
}

/// Sends to a port on which nobody listens.
pub(super) async fn refused_port(credentials: ChannelCredentials, message: &OutboundMessage) -> SendOutcome {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(listener.local_addr().unwrap().port());
    drop(listener);
    outbound::send(&client, &credentials, message, None).await
}

pub(super) fn client(port: u16) -> ProviderClient {
    let base = |path: &str| Url::parse(&format!("http://127.0.0.1:{port}/{path}")).unwrap();
    ProviderClient::new(ProviderSettings {
        graph_base: base("graph"),
        graph_version: "v25.0".into(),
        telegram_base: base("tg/"),
        connect_timeout: Duration::from_secs(2),
        // Long enough for a busy machine, short enough to wait for.
        total_timeout: Duration::from_millis(500),
        upload_timeout: Duration::from_millis(500),
    })
    .unwrap()
}

async fn read_request(stream: &mut TcpStream) -> Request {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.unwrap();
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(count > 0, "the request ended early");
            continue;
        };
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (found, value) = line.split_once(": ")?;
                found.eq_ignore_ascii_case(name).then(|| value.to_owned())
            })
        };
        let length: usize = header("content-length").unwrap().parse().unwrap();
        if body.len() >= length {
            return Request {
                line: head.lines().next().unwrap().to_owned(),
                authorization: header("authorization"),
                body: serde_json::from_str(body).unwrap(),
            };
        }
    }
}
