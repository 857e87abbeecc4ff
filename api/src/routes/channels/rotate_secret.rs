use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, ManageChannels};
use domain::id::ChannelId;

use super::with_secret::ChannelWithSecret;
use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{RepeatHeader, VersionHeader, Writing};
use crate::ops::channels;
use crate::state::App;

/// Give an `api` channel a new signing secret
///
/// For 24 hours each call to its callback has two signatures, by the new secret and by the old one: a receiver that knows either
/// can check it. The secret is shown in this answer only; a repeat with the same `Idempotency-Key` shows it again for 24 hours. A
/// channel that needed attention is tried again.
#[utoipa::path(tag = "channels",
    params(("channel_id" = ChannelId, Path, description = "The channel"), VersionHeader, RepeatHeader),
    extensions(("x-action" = json!(Action::ManageChannels))),
    responses((status = 200, description = "Rotated", body = ChannelWithSecret), Writing))]
#[post("/v1/channels/{channel_id}/rotate-secret")]
pub async fn rotate_channel_secret(
    app: web::Data<App>,
    caller: Auth<ManageChannels>,
    id: web::Path<ChannelId>,
    request: HttpRequest,
    repeat: Repeat,
) -> Result<HttpResponse, Problem> {
    let (id, expected) = (id.into_inner(), reply::expected_version(&request)?);
    let (shared, actor, caller) = (app.get_ref().clone(), caller.actor().clone(), caller.into_caller());
    let answer = repeat
        .with_secret_answer()
        .write(&app, &actor, StatusCode::OK, move |tx| {
            let (channel, secret) = channels::rotate_secret(&shared, tx, &caller, id, expected)?;
            Ok(ChannelWithSecret { channel, signing_secret: Some(secret.text().to_owned()) })
        })
        .await;
    app.known_channels.forget(id);
    answer
}
