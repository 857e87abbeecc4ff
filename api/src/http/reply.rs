//! Answers: bodies with their version and the place in the log from which to follow.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ETAG, IF_MATCH};
use domain::refusal::{Code, Refusal};
use serde::Serialize;

use crate::state::App;
use crate::stream::cursor::StreamCursor;

/// The header that says from where to follow the log after reading.
pub const STREAM_CURSOR: &str = "Stream-Cursor";

/// Something read, with the number of the last event that it surely contains.
#[derive(Debug, Clone)]
pub struct Read<T> {
    /// The number of the last event, read before the data.
    pub seq: i64,
    /// The data.
    pub data: T,
}

/// A resource with a version: `ETag` says which.
pub trait Versioned {
    /// Rises by one with every change.
    fn version(&self) -> i64;
}

macro_rules! versioned {
    ($($name:ty),+ $(,)?) => {$(
        impl Versioned for $name {
            fn version(&self) -> i64 {
                self.version
            }
        }
    )+};
}

versioned! {
    domain::resource::Agent,
    domain::resource::AssignmentSettings,
    domain::resource::Channel,
    domain::resource::Contact,
    domain::resource::Conversation,
    domain::resource::DistributionPolicy,
    domain::resource::Division,
    domain::resource::Label,
    domain::resource::Note,
    domain::resource::Message,
    domain::resource::MessagingSettings,
    domain::resource::NotificationPreferences,
    domain::resource::Template,
    domain::resource::WebhookEndpoint,
    domain::resource::Ticket,
    domain::resource::Workspace,
}

/// 200 with a list or anything else without a version.
pub fn read<T: Serialize>(app: &App, read: &Read<T>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((STREAM_CURSOR, StreamCursor::new(app.epoch, read.seq).to_string()))
        .json(&read.data)
}

/// 200 with a resource that has a version.
pub fn read_versioned<T: Serialize + Versioned>(app: &App, read: &Read<T>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((STREAM_CURSOR, StreamCursor::new(app.epoch, read.seq).to_string()))
        .insert_header((ETAG, format!("\"{}\"", read.data.version())))
        .json(&read.data)
}

/// 200 with a resource that was just written.
pub fn versioned<T: Serialize + Versioned>(resource: &T) -> HttpResponse {
    HttpResponse::Ok().insert_header((ETAG, format!("\"{}\"", resource.version()))).json(resource)
}

/// The answer to a write whose body is JSON text already.
pub fn written(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse::build(status).content_type("application/json").body(body)
}

/// The version that the caller demands with `If-Match`.
///
/// # Errors
/// `malformed_request` if it is not an entity tag of ours.
pub fn expected_version(request: &HttpRequest) -> Result<Option<i64>, Refusal> {
    let Some(header) = request.headers().get(IF_MATCH) else { return Ok(None) };
    let text = header.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version =
        text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|text| text.parse().ok());
    version.map(Some).ok_or_else(|| Refusal::new(Code::MalformedRequest).with("what", "If-Match"))
}
