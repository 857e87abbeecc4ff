//! `/sandbox/channels` and `/sandbox/reset`.

use std::sync::Arc;

use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpResponse, get, post};
use serde::Deserialize;
use serde_json::json;

use super::refusal::{Refusal, read_json};
use crate::sandbox::channel::SandboxChannel;
use crate::sandbox::shared::Shared;

/// Connects an account, replacing the one with the same id.
#[post("/sandbox/channels")]
pub(in crate::sandbox) async fn create_channel(
    body: Bytes,
    shared: Data<Arc<Shared>>,
) -> Result<HttpResponse, Refusal> {
    let channel: SandboxChannel = read_json(&body)?;
    if let Some(problem) = channel.problem() {
        return Err(Refusal::invalid(problem));
    }
    let shown = channel.masked();
    shared.world().connect(channel);
    shared.notify();
    Ok(HttpResponse::Created().json(shown))
}

/// The connected accounts, secrets masked.
#[get("/sandbox/channels")]
pub(in crate::sandbox) async fn list_channels(shared: Data<Arc<Shared>>) -> HttpResponse {
    let world = shared.world();
    let items: Vec<_> = world.channels.iter().map(SandboxChannel::masked).collect();
    HttpResponse::Ok().json(json!({ "items": items }))
}

/// What a reset forgets.
#[derive(Deserialize)]
pub(in crate::sandbox) struct ResetQuery {
    /// The accounts, too.
    #[serde(default)]
    channels: bool,
}

/// Forgets customers, messages, faults, and webhooks on their way.
#[post("/sandbox/reset")]
pub(in crate::sandbox) async fn reset_sandbox(
    query: Query<ResetQuery>,
    shared: Data<Arc<Shared>>,
) -> HttpResponse {
    shared.abort_all();
    shared.world().reset(query.channels);
    shared.notify();
    HttpResponse::NoContent().finish()
}
