use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadConversation};
use domain::id::ConversationId;
use domain::resource::Timer;
use persistence::timers;

use crate::auth::extract::Auth;
use crate::http::page::Page;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::read::readable_conversation;
use crate::state::App;

/// List the timers of a conversation
///
/// What happens to it later unless something happens before, next one first; that of its holder, who went offline,
/// included. There are never more than a few: all are on one page.
#[utoipa::path(tag = "routing",
    params(("conversation_id" = ConversationId, Path, description = "The conversation")),
    extensions(("x-action" = json!(Action::ReadConversation))),
    responses((status = 200, description = "The timers", body = Page<Timer>), Reading))]
#[get("/v1/conversations/{conversation_id}/timers")]
pub async fn list_timers(
    app: web::Data<App>,
    caller: Auth<ReadConversation>,
    id: web::Path<ConversationId>,
) -> Result<HttpResponse, Problem> {
    let (id, now, caller) = (id.into_inner(), app.clock.now(), caller.into_caller());
    let workspace = caller.actor().workspace_id;
    let read = app
        .read(workspace, move |conn| {
            let conversation = readable_conversation(conn, &caller, id, now)?;
            let holder = conversation.assignee.map(|holder| holder.id);
            Ok(Page { items: timers::of_conversation(conn, workspace, id, holder)?, next_cursor: None })
        })
        .await?;
    Ok(reply::read(&app, &read))
}
