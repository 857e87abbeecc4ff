//! The frames of `GET /v1/stream` and its close codes. The AsyncAPI document is made from these types.

use bytestring::ByteString;
use domain::agent::Availability;
use domain::event::EventType;
use domain::id::{AgentId, ConversationId, EventId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use domain::resource::EventActor;

/// The subprotocol of the stream.
pub const SUBPROTOCOL: &str = "tanggap.v1";
/// The version in `hello`.
pub const PROTOCOL: u32 = 1;

/// What the server sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The first frame: what the server expects.
    Hello(Hello),
    /// The answer to `auth` and `subscribe`: from where events follow.
    Ready(Ready),
    /// Something happened.
    Event(Envelope),
    /// Everything missed has been sent; what follows is live.
    CaughtUp(Place),
    /// Is the client there, and how far is it? Answered with `pong`.
    Ping(Place),
    /// No more events until the client has loaded anew and sent `subscribe`.
    Reset(Reset),
    /// Something of the moment: never stored, dropped first.
    Signal(Signal),
    /// The access token or API key runs out: send `auth` with a fresh one.
    AuthDue(AuthDue),
    /// The server is about to close the connection.
    Goaway(Goaway),
    /// A frame of the client had no effect.
    Error(ErrorFrame),
}

impl ServerFrame {
    /// The frame as JSON text.
    #[must_use]
    pub fn text(&self) -> ByteString {
        // Only maps with keys that are no text could fail.
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

/// What the server expects of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hello {
    /// The version of the protocol.
    pub protocol: u32,
    /// Names the connection in questions to the operator.
    pub connection_id: Uuid,
    /// How often the server pings.
    pub heartbeat_seconds: u64,
    /// How long a client has to answer a ping.
    pub pong_seconds: u64,
    /// How long a client has to authenticate.
    pub auth_seconds: u64,
    /// The largest frame of a client.
    pub max_frame_bytes: usize,
}

/// How a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Only what happens from now on.
    Live,
    /// What happened since the cursor, then `caught_up`, then what happens. Also when nothing was missed.
    Replay,
    /// Nothing: load anew, then send `subscribe`.
    Reset,
}

/// Why a client has to load anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetReason {
    /// The events after the cursor are no longer kept.
    Expired,
    /// The cursor belongs to another life of the log: a backup was restored.
    Epoch,
    /// Too many events have been missed.
    TooFar,
    /// What the member may see has changed.
    ScopeChanged,
}

/// From where events follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Who the member is.
    pub agent_id: AgentId,
    /// Where the subscription begins. In mode `reset` it is the cursor that was refused, so that a client which resumes
    /// from it before loading is told again.
    pub cursor: String,
    /// The number of that cursor, which the first `prev` has to be; null in mode `reset`.
    pub seq: Option<i64>,
    /// How it begins.
    pub mode: Mode,
    /// Why, in mode `reset`.
    pub reason: Option<ResetReason>,
}

/// Something that happened. `GET /v1/events` answers the same without `op`, webhooks also without `prev`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Envelope {
    /// Where to resume after this event.
    pub cursor: String,
    /// Its number in the workspace's log.
    pub seq: i64,
    /// The number of the event sent before on this subscription, at first that of its cursor.
    pub prev: i64,
    /// Its id, the same for every reader.
    pub id: EventId,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: EventActor,
    /// The conversation it is about.
    pub conversation_id: Option<ConversationId>,
    /// The resource's version after it.
    pub version: i64,
    /// The whole resource as `GET` returns it; only its `id` in `*.hidden`; `{"ref": path}` if it is too large.
    #[schema(value_type = Object)]
    pub data: Value,
    /// What changed, as it was before.
    #[schema(value_type = Option<Object>)]
    pub previous: Option<Value>,
}

/// A place in the log: everything up to it that the client may see has been sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// Where to resume.
    pub cursor: String,
    /// The number of the place.
    pub seq: i64,
    /// The number of the event sent before on this subscription, as in `event`: a client that holds another one
    /// has lost something, and resumes from the last event that it has. Null after a reset: there is no subscription.
    pub prev: Option<i64>,
}

/// No more events until the client has loaded anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reset {
    /// Why.
    pub reason: ResetReason,
}

/// Which signals there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignalType {
    /// A member writes in a conversation.
    Typing,
    /// A member comes or goes, or says whether it wants to be given conversations.
    Presence,
}

/// Something of the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Signal {
    /// A member writes in a conversation.
    Typing {
        /// Where.
        conversation_id: ConversationId,
        /// Who.
        agent_id: AgentId,
    },
    /// A member comes or goes, or says whether it wants to be given conversations. `agent.updated` tells the
    /// same; this is for those who show nothing else of members.
    Presence {
        /// Who.
        agent_id: AgentId,
        /// What it says of itself.
        availability: Availability,
        /// Whether it counts as online.
        online: bool,
    },
}

impl Signal {
    /// Which it is.
    #[must_use]
    pub fn signal_type(&self) -> SignalType {
        match self {
            Self::Typing { .. } => SignalType::Typing,
            Self::Presence { .. } => SignalType::Presence,
        }
    }
}

/// The access token or API key runs out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuthDue {
    /// How soon.
    pub in_seconds: u64,
}

/// Why the server closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GoawayReason {
    /// It is restarted.
    Deploy,
}

/// The server is about to close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Goaway {
    /// Why.
    pub reason: GoawayReason,
    /// How long to wait before connecting again; another number for each connection.
    pub after_ms: u64,
}

/// Why a frame had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The conversation is unknown, or hidden from the member.
    NotFound,
    /// The API key may not write messages.
    ScopeMissing,
}

/// A frame had no effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorFrame {
    /// Why.
    pub code: ErrorCode,
}

/// What a client sends. Fields that the server does not know are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum ClientFrame {
    /// Credentials: the first frame, and again after `auth_due`.
    Auth(Auth),
    /// The answer to `ping`.
    Pong(Pong),
    /// Begins the subscription anew, after loading. Answered with `ready`.
    Subscribe(Subscribe),
    /// The member is writing.
    Typing(Typing),
}

/// Credentials, and where to begin.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Auth {
    /// An access token or API key.
    pub token: String,
    /// The newest cursor received; null: only what happens from now on. Ignored on a repeat.
    #[serde(default)]
    pub since: Option<String>,
    /// Which signals to send. Ignored on a repeat.
    #[serde(default)]
    pub signals: Vec<SignalType>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("since", &self.since)
            .field("signals", &self.signals)
            .finish_non_exhaustive()
    }
}

/// How far the client is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pong {
    /// The `seq` of the newest frame that the client has worked through.
    pub seq: i64,
}

/// Where to begin anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subscribe {
    /// The cursor that came with the data; null: only what happens from now on.
    #[serde(default)]
    pub since: Option<String>,
}

/// The member is writing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Typing {
    /// Where.
    pub conversation_id: ConversationId,
}

/// Not a frame of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a frame of the protocol")]
pub struct Malformed;

impl ClientFrame {
    /// Reads a frame.
    ///
    /// # Errors
    /// If it is no JSON object, has an unknown `op`, or a field of the wrong type.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        serde_json::from_str(text).map_err(|_| Malformed)
    }
}

/// Why the server closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The client said goodbye.
    Normal = 1000,
    /// A restart.
    Restart = 1012,
    /// A malformed or binary frame, an unknown `op`, a token in the URL.
    Malformed = 4400,
    /// A missing, bad or expired token.
    Unauthenticated = 4401,
    /// The sign-in has ended, or the member was deactivated.
    Revoked = 4403,
    /// The client offers other subprotocols only.
    Subprotocol = 4406,
    /// No credentials in time.
    AuthTimeout = 4408,
    /// The member opened too many connections since.
    TooManyConnections = 4409,
    /// A frame was too large.
    TooLarge = 4413,
    /// Too many frames, or no call left for opening a stream.
    TooFast = 4429,
    /// A fault of ours.
    Internal = 4500,
    /// The database does not answer.
    Unavailable = 4503,
    /// The client does not keep up.
    TooSlow = 4508,
    /// No answer to a ping.
    NoPong = 4509,
}

impl CloseCode {
    /// Every code, for the document.
    pub const ALL: [Self; 14] = [
        Self::Normal,
        Self::Restart,
        Self::Malformed,
        Self::Unauthenticated,
        Self::Revoked,
        Self::Subprotocol,
        Self::AuthTimeout,
        Self::TooManyConnections,
        Self::TooLarge,
        Self::TooFast,
        Self::Internal,
        Self::Unavailable,
        Self::TooSlow,
        Self::NoPong,
    ];

    /// What it means, in a few words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Normal => "the client said goodbye",
            Self::Restart => "restart, after `goaway`",
            Self::Malformed => "malformed or binary frame, unknown op, token in the URL",
            Self::Unauthenticated => "missing, bad or expired token",
            Self::Revoked => "sign-in ended, or member deactivated",
            Self::Subprotocol => "protocol not spoken",
            Self::AuthTimeout => "no auth in time",
            Self::TooManyConnections => "too many connections of this agent; the oldest is closed",
            Self::TooLarge => "frame too large",
            Self::TooFast => "too many frames, or too many calls",
            Self::Internal => "a fault of the server",
            Self::Unavailable => "the database does not answer",
            Self::TooSlow => "the client does not keep up",
            Self::NoPong => "no answer to a ping",
        }
    }

    /// What a client should do.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Normal => "nothing",
            Self::Restart => "reconnect after `after_ms`, resume",
            Self::Malformed | Self::TooLarge => "stop: a bug",
            Self::Unauthenticated => "new token, reconnect, resume",
            Self::Revoked => "stop, sign in",
            Self::Subprotocol | Self::TooManyConnections => "stop",
            Self::AuthTimeout | Self::TooFast => "back off",
            Self::Internal | Self::Unavailable => "back off, resume",
            Self::TooSlow | Self::NoPong => "reconnect, resume",
        }
    }

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }
}

#[cfg(test)]
mod tests {
    use super::{AuthDue, ClientFrame, CloseCode, Mode, Pong, Ready, ResetReason, ServerFrame, Signal};
    use domain::agent::Availability;
    use serde_json::json;
    use uuid::Uuid;

    #[test]
    fn frames_are_as_documented() {
        let ready = ServerFrame::Ready(Ready {
            agent_id: Uuid::nil().into(),
            cursor: "c".to_owned(),
            seq: None,
            mode: Mode::Reset,
            reason: Some(ResetReason::TooFar),
        });
        let text: serde_json::Value = serde_json::from_str(&ready.text()).unwrap();
        assert_eq!(
            text,
            json!({"op": "ready", "agent_id": Uuid::nil(), "cursor": "c", "seq": null, "mode": "reset", "reason": "too_far"})
        );
        assert_eq!(
            &*ServerFrame::AuthDue(AuthDue { in_seconds: 60 }).text(),
            r#"{"op":"auth_due","in_seconds":60}"#
        );
        assert_eq!(CloseCode::TooSlow.number(), 4508);
        let away = Signal::Presence {
            agent_id: Uuid::nil().into(),
            availability: Availability::Away,
            online: false,
        };
        let frame = ServerFrame::Signal(away);
        let text: serde_json::Value = serde_json::from_str(&frame.text()).unwrap();
        assert_eq!(
            text,
            json!({"op": "signal", "type": "presence", "agent_id": Uuid::nil(), "availability": "away", "online": false})
        );
        assert_eq!(serde_json::from_value::<ServerFrame>(text).unwrap(), frame);
    }

    #[test]
    fn reads_frames_and_refuses_everything_else() {
        assert_eq!(
            ClientFrame::parse(r#"{"op":"pong","seq":7,"more":1}"#),
            Ok(ClientFrame::Pong(Pong { seq: 7 }))
        );
        let auth = ClientFrame::parse(
            r#"{"op":"auth","token":"secret","since":null,"signals":["typing","presence"]}"#,
        )
        .unwrap();
        assert!(!format!("{auth:?}").contains("secret"), "{auth:?}");
        assert!(ClientFrame::parse(r#"{"op":"auth","token":"t"}"#).is_ok());
        let nested = format!("{}{}", "[".repeat(8000), "]".repeat(8000));
        for text in [
            "",
            "null",
            "{}",
            r#"{"op":"dance"}"#,
            r#"{"op":"pong"}"#,
            r#"{"op":"pong","seq":"7"}"#,
            "{",
            &nested,
        ] {
            assert!(ClientFrame::parse(text).is_err(), "{text}");
        }
    }
}
