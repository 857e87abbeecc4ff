use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadConversation, Visible, may_read_tab};
use domain::conversation::{ConversationStatus, Tab};
use domain::id::ChannelId;
use domain::resource::Conversation;
use persistence::conversations::{self, Filter};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Which conversations.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConversationQuery {
    /// Which list. `all` and `unassigned` need `view_all` for the role `agent`.
    #[serde(default = "mine")]
    #[param(inline, default = "mine")]
    tab: Tab,
    /// Only those that stand like this; repeat it for "any of".
    #[serde(default)]
    status: Vec<ConversationStatus>,
    /// Only those on this channel; repeat it for "any of".
    #[serde(default)]
    channel_id: Vec<ChannelId>,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

fn mine() -> Tab {
    Tab::Mine
}

/// List conversations
///
/// By last activity, newest first. A conversation that becomes active between two pages moves to the
/// front and may be missed by the second page: follow the stream from `Stream-Cursor` to see it.
#[utoipa::path(tag = "conversations", params(ConversationQuery), extensions(("x-action" = json!(Action::ReadConversation))),
    responses((status = 200, description = "A page of conversations", body = Page<Conversation>), Reading))]
#[get("/v1/conversations")]
pub async fn list_conversations(
    app: web::Data<App>,
    caller: Auth<ReadConversation>,
    query: Query<ConversationQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    may_read_tab(caller.actor(), query.tab)?;
    let visible = Visible::to(caller.actor());
    let limit = page::limit(query.limit)?;
    let list = List::new(
        &app.keys,
        visible.workspace_id,
        "conversations",
        &(query.tab, &query.status, &query.channel_id),
    );
    let after = list.after(query.cursor.as_deref())?;
    let filter = Filter { tab: query.tab, channels: query.channel_id, statuses: query.status };
    let now = app.clock.now();
    let read = app
        .read(visible.workspace_id, move |conn| {
            let rows = conversations::list(conn, &visible, &filter, after, limit + 1, now)?;
            Ok(list.page(rows, limit, |one| (one.last_activity_at, one.id)))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
