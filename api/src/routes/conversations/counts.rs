use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadConversation, Visible, may_read_tab};
use domain::conversation::Tab;
use domain::resource::ConversationCounts;
use persistence::conversations;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Count conversations
///
/// How many there are in each tab for the caller: as many as `GET /v1/conversations` lists. `unread` counts those with unread
/// messages that are not archived. A tab that the caller may not read is null.
#[utoipa::path(tag = "conversations", extensions(("x-action" = json!(Action::ReadConversation))),
    responses((status = 200, description = "The counts", body = ConversationCounts), Reading))]
#[get("/v1/conversations/counts")]
pub async fn count_conversations(
    app: web::Data<App>,
    caller: Auth<ReadConversation>,
) -> Result<HttpResponse, Problem> {
    let visible = Visible::to(caller.actor());
    let readable = |tab| may_read_tab(caller.actor(), tab).is_ok();
    let (all, unassigned) = (readable(Tab::All), readable(Tab::Unassigned));
    let read = app
        .read(visible.workspace_id, move |conn| {
            let counts = conversations::counts(conn, &visible)?;
            Ok(ConversationCounts {
                mine: counts.mine,
                all: all.then_some(counts.all),
                unassigned: unassigned.then_some(counts.unassigned),
                archived: counts.archived,
                unread: counts.unread,
            })
        })
        .await?;
    Ok(reply::read(&app, &read))
}
