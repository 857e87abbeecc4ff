use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::channel::ChannelKind;
use domain::id::ChannelId;

use super::{Verification, receive_meta, verify_meta};
use crate::channels::whatsapp;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::responses::Hook;
use crate::state::App;

/// Answer WhatsApp's verification
///
/// Meta calls this when the webhook is entered there.
#[utoipa::path(tag = "provider webhooks", security(()), extensions(("x-roles" = json!(["provider"]))),
    params(("channel_id" = ChannelId, Path, description = "The channel"), Verification),
    responses((status = 200, description = "The challenge", body = String, content_type = "text/plain"), Hook))]
#[get("/hooks/whatsapp/{channel_id}")]
pub async fn verify_whatsapp_webhook(
    app: web::Data<App>,
    id: web::Path<ChannelId>,
    query: Query<Verification>,
) -> Result<HttpResponse, Problem> {
    verify_meta(&app, id.into_inner(), ChannelKind::WhatsApp, query.0).await
}

/// Receive a webhook of WhatsApp
///
/// `X-Hub-Signature-256` is checked over the bytes as they came. 200 means that everything in the body
/// is stored.
#[utoipa::path(tag = "provider webhooks", security(()), extensions(("x-roles" = json!(["provider"]))),
    params(("channel_id" = ChannelId, Path, description = "The channel"),
        ("X-Hub-Signature-256" = String, Header, description = "`sha256=` and the HMAC of the body in hex")),
    request_body(content = serde_json::Value, description = "As Meta documents it"),
    responses((status = 200, description = "Stored"), Hook))]
#[post("/hooks/whatsapp/{channel_id}")]
pub async fn receive_whatsapp_webhook(
    app: web::Data<App>,
    id: web::Path<ChannelId>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Problem> {
    receive_meta(&app, id.into_inner(), ChannelKind::WhatsApp, &request, &body, |body, _, now| {
        whatsapp::inbound::parse(body, now)
    })
    .await
}
