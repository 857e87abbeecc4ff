use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::channel::ChannelKind;
use domain::id::ChannelId;
use domain::refusal::Code;

use super::{channel, take};
use crate::channels::signature::secrets_match;
use crate::channels::telegram;
use crate::http::problem::Problem;
use crate::http::responses::Hook;
use crate::ops::channels::ChannelSecrets;
use crate::state::App;

/// Receive an update of Telegram
///
/// `X-Telegram-Bot-Api-Secret-Token` must be the channel's webhook secret. 200 means that the update is
/// stored; the body of the answer is empty, because Telegram would carry out what stands in it.
#[utoipa::path(tag = "provider webhooks", security(()), extensions(("x-roles" = json!(["provider"]))),
    params(("channel_id" = ChannelId, Path, description = "The channel"),
        ("X-Telegram-Bot-Api-Secret-Token" = String, Header, description = "The channel's webhook secret")),
    request_body(content = serde_json::Value, description = "As Telegram documents it"),
    responses((status = 200, description = "Stored"), Hook))]
#[post("/hooks/telegram/{channel_id}")]
pub async fn receive_telegram_webhook(
    app: web::Data<App>,
    id: web::Path<ChannelId>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Problem> {
    let known = channel(&app, id.into_inner(), ChannelKind::Telegram).await?;
    let ChannelSecrets::Telegram { webhook_secret, .. } = &known.secrets else {
        return Err(Code::NotFound.into());
    };
    let header =
        request.headers().get("X-Telegram-Bot-Api-Secret-Token").and_then(|value| value.to_str().ok());
    if !secrets_match(webhook_secret, header.unwrap_or_default()) {
        return Err(Code::InvalidSignature.into());
    }
    take(&app, &known, telegram::inbound::parse(&body, &known.channel.external_id, app.clock.now())).await
}
