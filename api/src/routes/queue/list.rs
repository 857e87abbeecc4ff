use actix_web::{HttpResponse, get, web};
use diesel::PgConnection;
use domain::access::{Action, ReadQueue, Visible};
use domain::conversation::State;
use domain::id::{ChannelId, DivisionId, WorkspaceId};
use domain::refusal::Code;
use domain::resource::{QueueEntry, QueueReason};
use domain::routing::{Inquiry, Team, why_waiting};
use persistence::conversations::{self, QueueFilter, Waiting};
use persistence::error::Failure;
use persistence::{routing, settings};
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
pub struct QueueQuery {
    /// Only those on this channel; repeat it for "any of".
    #[serde(default)]
    channel_id: Vec<ChannelId>,
    /// Only those that wait for this division; repeat it for "any of".
    #[serde(default)]
    division_id: Vec<DivisionId>,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List the queue
///
/// What waits of the tab `unassigned`, who has waited longest first, with its place (among all that the reader may see waiting, whatever the filter) and why it waits:
/// what routing would decide now. An archived conversation is in no queue. Agents without `view_all` get 403 `forbidden`.
#[utoipa::path(tag = "routing", params(QueueQuery), extensions(("x-action" = json!(Action::ReadQueue))),
    responses((status = 200, description = "A page of the queue", body = Page<QueueEntry>), Reading))]
#[get("/v1/queue")]
pub async fn list_queue(
    app: web::Data<App>,
    caller: Auth<ReadQueue>,
    query: Query<QueueQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let visible = Visible::to(caller.actor());
    let (workspace, limit) = (visible.workspace_id, page::limit(query.limit)?);
    let list = List::new(&app.keys, workspace, "queue", &(&query.channel_id, &query.division_id));
    let after = list.after(query.cursor.as_deref())?;
    let filter = QueueFilter { channels: query.channel_id, divisions: query.division_id };
    let read = app
        .read(workspace, move |conn| {
            let rows = conversations::queue(conn, &visible, &filter, after, limit + 1)?;
            let rows = explained(conn, workspace, rows)?;
            Ok(list.page(rows, limit, |one| (one.waiting_since, one.conversation_id)))
        })
        .await?;
    Ok(reply::read(&app, &read))
}

/// Says of each why it waits.
fn explained(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    rows: Vec<Waiting>,
) -> Result<Vec<QueueEntry>, Failure> {
    let configuration = settings::configuration(conn, workspace)?.ok_or(Code::NotFound)?;
    let mut team = Team::default();
    if configuration.assigns() && !rows.is_empty() {
        routing::team(conn, workspace)?.into_iter().for_each(|member| team.insert(member));
    }
    // Many wait for the same.
    let mut known: Vec<(Inquiry, QueueReason)> = Vec::new();
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        let State::Waiting { since, cause, .. } = row.conversation.state else { continue };
        // Whom the customer knows decides who gets it, not whether anybody can.
        let inquiry = configuration.inquiry(&row.conversation, None);
        let why = match known.iter().find(|(asked, _)| *asked == inquiry) {
            Some((_, why)) => why.clone(),
            None => {
                let why = why_waiting(&configuration, &team, &inquiry);
                known.push((inquiry, why.clone()));
                why
            }
        };
        entries.push(QueueEntry {
            conversation_id: row.conversation.id,
            contact: row.contact,
            channel: row.channel,
            division: row.division,
            waiting_since: since,
            cause,
            place: row.place,
            why,
        });
    }
    Ok(entries)
}
