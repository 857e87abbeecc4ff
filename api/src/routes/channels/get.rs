use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadChannels};
use domain::id::ChannelId;
use domain::refusal::Code;
use domain::resource::Channel;
use persistence::channels;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::channels::shape_for;
use crate::state::App;

/// Read a channel
///
/// With how its connection is and what it can send. Which secrets are set is shown to admins only; the secrets never.
#[utoipa::path(tag = "channels", params(("channel_id" = ChannelId, Path, description = "The channel")),
    extensions(("x-action" = json!(Action::ReadChannels))),
    responses((status = 200, description = "The channel", body = Channel), Reading))]
#[get("/v1/channels/{channel_id}")]
pub async fn get_channel(
    app: web::Data<App>,
    caller: Auth<ReadChannels>,
    id: web::Path<ChannelId>,
) -> Result<HttpResponse, Problem> {
    let (reader, id) = (caller.actor().clone(), id.into_inner());
    caller.on_channel(id)?;
    let shared = app.get_ref().clone();
    let read = app
        .read(reader.workspace_id, move |conn| {
            let channel = channels::get(conn, reader.workspace_id, id)?.ok_or(Code::NotFound)?;
            Ok(shape_for(&shared, channel, &reader))
        })
        .await?;
    Ok(reply::read_versioned(&app, &read))
}
