//! The files that customers send: where Tanggap fetches them, as strictly as at the providers.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse, get};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::TimeDelta;
use domain::time::Timestamp;
use futures_util::StreamExt;
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::channel::{SandboxChannel, SandboxKind};
use super::exchange::cut;
use super::faults::{Action, Call, Target, take};
use super::reply::{GraphError, Reply, gateway_page, rate_limited, refusal, telegram_error};
use super::shared::Shared;

/// How long WhatsApp's links are good.
const WHATSAPP_LINK: TimeDelta = TimeDelta::minutes(5);
/// How long Messenger's links are good.
const MESSENGER_LINK: TimeDelta = TimeDelta::days(5);
/// Larger files a bot is not given.
const TELEGRAM_MAX_BYTES: u64 = 20 * 1024 * 1024;

/// A file that a customer sent.
#[derive(Debug, Clone)]
pub(super) struct Media {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) kind: SandboxKind,
    pub(super) customer: String,
    pub(super) mime_type: String,
    pub(super) bytes: Bytes,
    /// What is said of the size; the truth unless a test lies.
    pub(super) size_bytes: u64,
    /// What is said of the hash, in base64; the truth unless a test lies.
    pub(super) sha256: String,
}

/// SHA-256 in base64, as WhatsApp tells it.
pub(super) fn hash(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha256::digest(bytes))
}

/// A link as the webhook names it.
pub(super) fn link(base: &str, kind: SandboxKind, id: &str, now: Timestamp) -> Option<String> {
    let (path, good_for) = match kind {
        SandboxKind::Whatsapp => ("whatsapp-media", WHATSAPP_LINK),
        SandboxKind::Messenger => ("messenger-media", MESSENGER_LINK),
        SandboxKind::Telegram => return None,
    };
    let expires = now.plus(good_for).unix_seconds();
    Some(format!("{base}/{path}/{id}?expires={expires}"))
}

#[derive(Deserialize)]
struct Expiry {
    expires: i64,
}

/// The bytes of a WhatsApp file: with the number's token, while the link is good.
#[get("/whatsapp-media/{id}")]
pub(super) async fn get_whatsapp_media(
    request: HttpRequest,
    path: Path<String>,
    expiry: Query<Expiry>,
    shared: Data<Arc<Shared>>,
) -> HttpResponse {
    let Some(media) = found(&shared, &path, SandboxKind::Whatsapp) else { return gone() };
    let token = shared.world().channel(&media.account).map(|channel| channel.token().to_owned());
    if token.is_none_or(|token| bearer(&request) != Some(token.as_str())) {
        return Reply::from(GraphError::unauthorized(bearer(&request).is_some())).into_response();
    }
    if shared.now().unix_seconds() >= expiry.expires {
        return gone();
    }
    hand_out(&shared, &request, &media).await
}

/// The bytes of a Messenger file: to whoever has the link, and no credentials.
#[get("/messenger-media/{id}")]
pub(super) async fn get_messenger_media(
    request: HttpRequest,
    path: Path<String>,
    expiry: Query<Expiry>,
    shared: Data<Arc<Shared>>,
) -> HttpResponse {
    let Some(media) = found(&shared, &path, SandboxKind::Messenger) else { return gone() };
    if request.headers().contains_key(AUTHORIZATION) {
        return HttpResponse::BadRequest().body("a token has no business here");
    }
    if shared.now().unix_seconds() >= expiry.expires {
        return HttpResponse::Forbidden().body("URL signature expired");
    }
    hand_out(&shared, &request, &media).await
}

/// The bytes of a Telegram file, by the path that `getFile` told.
#[get("/file/bot{token}/{folder}/{id}")]
pub(super) async fn get_telegram_file(
    request: HttpRequest,
    path: Path<(String, String, String)>,
    shared: Data<Arc<Shared>>,
) -> HttpResponse {
    let (token, _, id) = path.into_inner();
    let media = found(&shared, &id, SandboxKind::Telegram);
    let media = media.filter(|media| {
        let world = shared.world();
        world.channel(&media.account).is_some_and(|channel| channel.token() == token)
    });
    match media {
        Some(media) => hand_out(&shared, &request, &media).await,
        None => telegram_error(404, "Not Found").into_response(),
    }
}

/// What WhatsApp tells of a file by its id, with a new link; the number was authenticated.
pub(super) async fn whatsapp_info(
    shared: &Arc<Shared>,
    request: &HttpRequest,
    number: &SandboxChannel,
    media: &Media,
) -> HttpResponse {
    let asked = url::form_urlencoded::parse(request.query_string().as_bytes())
        .find(|(name, _)| name == "phone_number_id")
        .map(|(_, value)| value.into_owned());
    if media.account != number.account() || asked.is_some_and(|asked| asked != media.account) {
        return Reply::from(GraphError::unknown_object(&media.id)).into_response();
    }
    if let Some(broken) = broken(shared, request, media, Target::MediaLink).await {
        return broken;
    }
    let url = link(&shared.base_url, SandboxKind::Whatsapp, &media.id, shared.now());
    HttpResponse::Ok().json(json!({
        "url": url, "mime_type": media.mime_type, "sha256": media.sha256,
        "file_size": media.size_bytes, "id": media.id, "messaging_product": "whatsapp",
    }))
}

/// `getFile`.
pub(super) async fn telegram_info(
    shared: &Arc<Shared>,
    request: &HttpRequest,
    bot: &str,
    file_id: Option<&Value>,
) -> HttpResponse {
    let id = file_id.and_then(Value::as_str).unwrap_or_default();
    let media = found(shared, id, SandboxKind::Telegram).filter(|media| media.account == bot);
    let Some(media) = media else {
        return telegram_error(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
            .into_response();
    };
    if let Some(broken) = broken(shared, request, &media, Target::MediaLink).await {
        return broken;
    }
    if media.size_bytes > TELEGRAM_MAX_BYTES {
        return telegram_error(400, "Bad Request: file is too big").into_response();
    }
    let result = json!({
        "file_id": id, "file_unique_id": format!("u{id}"), "file_size": media.size_bytes,
        "file_path": format!("documents/{id}"),
    });
    Reply::ok(json!({ "ok": true, "result": result })).into_response()
}

/// The file with this id of this provider.
pub(super) fn found(shared: &Shared, id: &str, kind: SandboxKind) -> Option<Media> {
    shared.world().media(id).filter(|media| media.kind == kind).cloned()
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    request.headers().get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn gone() -> HttpResponse {
    HttpResponse::NotFound().body("URL expired or unknown")
}

async fn hand_out(shared: &Arc<Shared>, request: &HttpRequest, media: &Media) -> HttpResponse {
    if let Some(broken) = broken(shared, request, media, Target::Media).await {
        return broken;
    }
    HttpResponse::Ok().content_type(media.mime_type.as_str()).body(media.bytes.clone())
}

/// What goes wrong by the faults asked for, if anything does.
async fn broken(
    shared: &Arc<Shared>,
    request: &HttpRequest,
    media: &Media,
    target: Target,
) -> Option<HttpResponse> {
    let call =
        Call { target, account: &media.account, kind: media.kind, customer: &media.customer, event: None };
    let actions = take(&mut shared.world().rules, &call, |_| true);
    for action in actions {
        match action {
            Action::Delay { ms } => tokio::time::sleep(Duration::from_millis(ms)).await,
            Action::Drop => return Some(cut(request)),
            Action::Refuse { status, code, subcode, message } => {
                return Some(refusal(media.kind, status, code, subcode, message.as_deref()).into_response());
            }
            Action::RateLimit { retry_after } => {
                return Some(rate_limited(media.kind, retry_after).into_response());
            }
            Action::ServerErrorHtml { .. } => return Some(gateway_page()),
            Action::AcceptThenHang { ms } => return Some(half(media, ms)),
            Action::StatusBeforeResponse | Action::Duplicate { .. } | Action::Reorder => {}
        }
    }
    None
}

/// Half of the bytes, then nothing for a while, and then the end of the connection.
fn half(media: &Media, ms: Option<u64>) -> HttpResponse {
    let time = ms.map_or(super::exchange::LONG_HANG, Duration::from_millis);
    let first = media.bytes.slice(..media.bytes.len() / 2);
    let then = stream::once(async move {
        tokio::time::sleep(time).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    let body = stream::iter([Ok(first)]).chain(then).boxed_local();
    HttpResponse::Ok().body(SizedStream::new(media.bytes.len() as u64, body))
}
