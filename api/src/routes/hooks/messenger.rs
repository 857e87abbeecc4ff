use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::channel::ChannelKind;
use domain::id::ChannelId;
use domain::refusal::Code;

use super::{Verification, channel, check_signature, take};
use crate::channels::messenger;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::responses::Hook;
use crate::ops::channels::ChannelSecrets;
use crate::state::App;

/// Answer Messenger's verification
///
/// Meta calls this when the webhook is entered there.
#[utoipa::path(tag = "provider webhooks", security(()), extensions(("x-roles" = json!(["provider"]))),
    params(("channel_id" = ChannelId, Path, description = "The channel"), Verification),
    responses((status = 200, description = "The challenge", body = String, content_type = "text/plain"), Hook))]
#[get("/hooks/messenger/{channel_id}")]
pub async fn verify_messenger_webhook(
    app: web::Data<App>,
    id: web::Path<ChannelId>,
    query: Query<Verification>,
) -> Result<HttpResponse, Problem> {
    let known = channel(&app, id.into_inner(), ChannelKind::Messenger).await?;
    let ChannelSecrets::Messenger { verify_token, .. } = &known.secrets else {
        return Err(Code::NotFound.into());
    };
    query.0.answer(verify_token)
}

/// Receive a webhook of Messenger
///
/// `X-Hub-Signature-256` is checked over the bytes as they came. 200 means that everything in the body
/// is stored.
#[utoipa::path(tag = "provider webhooks", security(()), extensions(("x-roles" = json!(["provider"]))),
    params(("channel_id" = ChannelId, Path, description = "The channel"),
        ("X-Hub-Signature-256" = String, Header, description = "`sha256=` and the HMAC of the body in hex")),
    request_body(content = serde_json::Value, description = "As Meta documents it"),
    responses((status = 200, description = "Stored"), Hook))]
#[post("/hooks/messenger/{channel_id}")]
pub async fn receive_messenger_webhook(
    app: web::Data<App>,
    id: web::Path<ChannelId>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Problem> {
    let known = channel(&app, id.into_inner(), ChannelKind::Messenger).await?;
    let ChannelSecrets::Messenger { app_secret, .. } = &known.secrets else {
        return Err(Code::NotFound.into());
    };
    let header = request.headers().get("X-Hub-Signature-256").and_then(|value| value.to_str().ok());
    check_signature(&body, header, app_secret)?;
    let own_app_id = known.channel.config["account"]["app_id"].as_str();
    take(&app, &known, messenger::inbound::parse(&body, own_app_id, app.clock.now())).await
}
