use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadConversation, Visible, may_read_tab};
use domain::channel::ChannelKind;
use domain::conversation::{ConversationStatus, Tab};
use domain::id::{AgentId, ChannelId, DivisionId, LabelId};
use domain::refusal::Refusal;
use domain::resource::Conversation;
use domain::search::CustomerSearch;
use persistence::conversations::{self, Filter};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// How often a parameter may be repeated.
const ANY_OF_MAX: usize = 100;

/// Which conversations: those that fit everything that is asked for.
#[derive(Debug, Clone, Deserialize, Serialize, IntoParams)]
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
    /// Only those with this label; repeat it for "any of".
    #[serde(default)]
    label_id: Vec<LabelId>,
    /// Only those on this channel; repeat it for "any of".
    #[serde(default)]
    channel_id: Vec<ChannelId>,
    /// Only those on channels of this kind; repeat it for "any of".
    #[serde(default)]
    channel_kind: Vec<ChannelKind>,
    /// Only those that wait for this division or were given to it; repeat it for "any of".
    #[serde(default)]
    division_id: Vec<DivisionId>,
    /// Only those that this member holds; repeat it for "any of".
    #[serde(default)]
    agent_id: Vec<AgentId>,
    /// Only those with unread messages; `false` narrows nothing.
    #[serde(default)]
    #[param(default = false)]
    unread: bool,
    /// Only those of customers with this in their name, whatever its case and accents, with these digits (at least three) in their
    /// number, written in any way, with this (at least three characters) in their user name, or with this id at the
    /// provider; 1 to 100 characters.
    #[param(max_length = 100, format = "line")]
    q: Option<String>,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    #[serde(skip_serializing_if = "page::is_no_filter")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "page::is_no_filter")]
    cursor: Option<String>,
}

impl ConversationQuery {
    fn filter(self) -> Result<Filter, Refusal> {
        // Each may cost a look into an index.
        for (name, count) in [
            ("?label_id", self.label_id.len()),
            ("?channel_id", self.channel_id.len()),
            ("?division_id", self.division_id.len()),
            ("?agent_id", self.agent_id.len()),
        ] {
            if count > ANY_OF_MAX {
                return Err(Refusal::invalid(name, "too_many", format!("must be at most {ANY_OF_MAX}")));
            }
        }
        Ok(Filter {
            tab: self.tab,
            statuses: self.status,
            channels: self.channel_id,
            channel_kinds: self.channel_kind,
            labels: self.label_id,
            divisions: self.division_id,
            agents: self.agent_id,
            unread: self.unread,
            search: self.q.map(|words| CustomerSearch::of("?q", &words)).transpose()?,
        })
    }
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
    let list = List::new(&app.keys, visible.workspace_id, "conversations", &query);
    let after = list.after(query.cursor.as_deref())?;
    let filter = query.filter()?;
    let now = app.clock.now();
    let read = app
        .read(visible.workspace_id, move |conn| {
            let rows = conversations::list(conn, &visible, &filter, after, limit + 1, now)?;
            Ok(list.page(rows, limit, |one| (one.last_activity_at, one.id)))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
