//! The Graph API's paths.

use std::sync::Arc;

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Bytes, Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde_json::{Map, Value, json};

use super::channel::{SandboxChannel, SandboxKind};
use super::reply::{GraphError, Reply};
use super::shared::Shared;
use super::whatsapp;
use super::whatsapp::events::Number;
use super::{media, messenger};

/// Messages of WhatsApp and Messenger: the id tells which.
#[post("/{version:v\\d+\\.\\d+}/{id}/messages")]
pub(super) async fn send_message(
    request: HttpRequest,
    path: Path<(String, String)>,
    body: Bytes,
    shared: Data<Arc<Shared>>,
) -> HttpResponse {
    let (_, id) = path.into_inner();
    let channel = match authenticate(&shared, &request, &id) {
        Ok(channel) => channel,
        Err(error) => return Reply::from(error).into_response(),
    };
    let body: Map<String, Value> = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => {
            let error = GraphError::new(100, format!("Invalid JSON object: {error}"));
            return Reply::from(error).into_response();
        }
    };
    match channel {
        SandboxChannel::Whatsapp { phone_number_id, display_phone_number, waba_id, .. } => {
            let number = Number { phone_number_id, display_phone_number, waba_id };
            whatsapp::send::handle(&shared, &request, number, body).await
        }
        SandboxChannel::Messenger { page_id, .. } => {
            messenger::send::handle(&shared, &request, &page_id, body).await
        }
        SandboxChannel::Telegram { .. } => Reply::from(GraphError::unknown_object(&id)).into_response(),
    }
}

/// Files for WhatsApp.
#[post("/{version:v\\d+\\.\\d+}/{id}/media")]
pub(super) async fn upload_media(
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
    shared: Data<Arc<Shared>>,
) -> HttpResponse {
    let (_, id) = path.into_inner();
    match authenticate(&shared, &request, &id) {
        Ok(SandboxChannel::Whatsapp { phone_number_id, .. }) => {
            whatsapp::media::upload(&shared, &request, &phone_number_id, payload).await
        }
        Ok(_) => Reply::from(GraphError::unknown_object(&id)).into_response(),
        Err(error) => Reply::from(error).into_response(),
    }
}

/// Files for Messenger.
#[post("/{version:v\\d+\\.\\d+}/{id}/message_attachments")]
pub(super) async fn upload_attachment(
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
    shared: Data<Arc<Shared>>,
) -> HttpResponse {
    let (_, id) = path.into_inner();
    match authenticate(&shared, &request, &id) {
        Ok(SandboxChannel::Messenger { page_id, .. }) => {
            messenger::upload::upload(&shared, &request, &page_id, payload).await
        }
        Ok(_) => Reply::from(GraphError::unknown_object(&id)).into_response(),
        Err(error) => Reply::from(error).into_response(),
    }
}

/// A file at WhatsApp; or the profile of a Messenger customer, as far as the customer's settings tell a name.
#[get("/{version:v\\d+\\.\\d+}/{id:\\d+}")]
pub(super) async fn get_object(
    request: HttpRequest,
    path: Path<(String, String)>,
    shared: Data<Arc<Shared>>,
) -> HttpResponse {
    let (_, id) = path.into_inner();
    if let Some(media) = media::found(&shared, &id, SandboxKind::Whatsapp) {
        return match authenticate(&shared, &request, &media.account) {
            Ok(number) => media::whatsapp_info(&shared, &request, &number, &media).await,
            Err(error) => Reply::from(error).into_response(),
        };
    }
    let page = match authenticate(&shared, &request, "me") {
        Ok(page) => page,
        Err(error) => return Reply::from(error).into_response(),
    };
    let name = shared.world().known_customer(page.account(), &id).and_then(|customer| customer.name.clone());
    let Some(name) = name else {
        return Reply::from(GraphError::unknown_object(&id)).into_response();
    };
    let (first, last) = name.split_once(' ').unwrap_or((&name, ""));
    HttpResponse::Ok().json(json!({ "first_name": first, "last_name": last, "id": id }))
}

/// The account that the bearer may send through; the token is looked at before the id.
fn authenticate(shared: &Shared, request: &HttpRequest, id: &str) -> Result<SandboxChannel, GraphError> {
    let bearer = bearer(request).ok_or_else(|| GraphError::unauthorized(false))?;
    let world = shared.world();
    let mut own = world
        .channels
        .iter()
        .filter(|channel| channel.token() == bearer && !matches!(channel, SandboxChannel::Telegram { .. }))
        .peekable();
    if own.peek().is_none() {
        return Err(GraphError::unauthorized(true));
    }
    own.find(|channel| {
        let me = id == "me" && matches!(channel, SandboxChannel::Messenger { .. });
        me || channel.account() == id
    })
    .cloned()
    .ok_or_else(|| GraphError::unknown_object(id))
}

/// The token that came with a call.
pub(super) fn bearer(request: &HttpRequest) -> Option<String> {
    let header = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned);
    header.or_else(|| query_token(request.query_string())).filter(|token| !token.is_empty())
}

/// `?access_token=`, which Graph takes as well.
fn query_token(query: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "access_token")
        .map(|(_, value)| value.into_owned())
}
