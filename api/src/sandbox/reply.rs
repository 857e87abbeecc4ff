//! What a stand-in answers, in each provider's shape.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};

use super::channel::SandboxKind;
use super::ids::trace_id;

/// An answer, before it is put on the wire.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Reply {
    /// 200 with this body.
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// The HTTP answer.
    pub(super) fn into_response(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        HttpResponse::build(status).json(self.body)
    }
}

/// An error of the Graph API.
#[derive(Debug, Clone)]
pub(super) struct GraphError {
    status: u16,
    code: i64,
    subcode: Option<i64>,
    kind: &'static str,
    message: String,
    details: Option<String>,
}

impl GraphError {
    /// `(#code) message`, HTTP 400.
    pub(super) fn new(code: i64, message: impl AsRef<str>) -> Self {
        Self {
            status: 400,
            code,
            subcode: None,
            kind: "OAuthException",
            message: format!("(#{code}) {}", message.as_ref()),
            details: None,
        }
    }

    /// WhatsApp's explanation in `error_data.details`.
    pub(super) fn details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// With `error_subcode`.
    pub(super) fn subcode(mut self, subcode: i64) -> Self {
        self.subcode = Some(subcode);
        self
    }

    /// With another HTTP status.
    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The parameter `name` is missing.
    pub(super) fn required(name: &str) -> Self {
        Self::new(100, format!("The parameter {name} is required."))
    }

    /// WhatsApp: the parameter has a value that it cannot have.
    pub(super) fn invalid(details: impl Into<String>) -> Self {
        Self::new(131_009, "Parameter value is not valid").details(details)
    }

    /// The bearer is missing or means nothing.
    pub(super) fn unauthorized(present: bool) -> Self {
        let message = if present {
            "Invalid OAuth access token - Cannot parse access token"
        } else {
            "An access token is required to request this resource."
        };
        Self { status: 401, message: message.to_owned(), ..Self::new(190, "") }
    }

    /// There is nothing with this id for this token.
    pub(super) fn unknown_object(id: &str) -> Self {
        Self {
            kind: "GraphMethodException",
            message: format!(
                "Unsupported post request. Object with ID '{id}' does not exist, cannot be loaded due to missing \
                 permissions, or does not support this operation. Please read the Graph API documentation at \
                 https://developers.facebook.com/docs/graph-api"
            ),
            ..Self::new(100, "").subcode(33)
        }
    }
}

impl From<GraphError> for Reply {
    fn from(error: GraphError) -> Self {
        let mut body = Map::new();
        body.insert("message".to_owned(), json!(error.message));
        body.insert("type".to_owned(), json!(error.kind));
        body.insert("code".to_owned(), json!(error.code));
        if let Some(subcode) = error.subcode {
            body.insert("error_subcode".to_owned(), json!(subcode));
        }
        if let Some(details) = error.details {
            body.insert(
                "error_data".to_owned(),
                json!({"messaging_product": "whatsapp", "details": details}),
            );
        }
        body.insert("fbtrace_id".to_owned(), json!(trace_id()));
        Self { status: error.status, body: json!({ "error": body }) }
    }
}

/// An error of the Telegram Bot API.
pub(super) fn telegram_error(status: u16, description: &str) -> Reply {
    Reply { status, body: json!({"ok": false, "error_code": status, "description": description}) }
}

/// A scripted refusal, in the provider's shape.
pub(super) fn refusal(
    kind: SandboxKind,
    status: u16,
    code: i64,
    subcode: Option<i64>,
    message: Option<&str>,
) -> Reply {
    let message = message.unwrap_or("Refused by a fault of the sandbox");
    if kind == SandboxKind::Telegram {
        return Reply { status, body: json!({"ok": false, "error_code": code, "description": message}) };
    }
    let mut error = GraphError::new(code, message).status(status);
    if let Some(subcode) = subcode {
        error = error.subcode(subcode);
    }
    if kind == SandboxKind::Whatsapp {
        error = error.details(message);
    }
    error.into()
}

/// The provider's "too many requests".
pub(super) fn rate_limited(kind: SandboxKind, retry_after: u32) -> Reply {
    match kind {
        SandboxKind::Whatsapp => GraphError::new(130_429, "Rate limit hit")
            .details(
                "Message failed to send because there were too many messages sent from this phone number in a short \
                 period of time",
            )
            .into(),
        SandboxKind::Messenger => {
            GraphError::new(613, "Calls to this api have exceeded the rate limit.").into()
        }
        SandboxKind::Telegram => Reply {
            status: 429,
            body: json!({
                "ok": false, "error_code": 429,
                "description": format!("Too Many Requests: retry after {retry_after}"),
                "parameters": {"retry_after": retry_after},
            }),
        },
    }
}

/// What a gateway in front of a provider answers when nothing behind it does.
pub(super) fn gateway_page() -> HttpResponse {
    HttpResponse::BadGateway()
        .content_type("text/html; charset=utf-8")
        .body("<html>\n<head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body>\n</html>\n")
}
