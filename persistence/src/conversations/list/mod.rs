//! Lists of conversations: the newest of a few runs (see [`runs`]), found by their indexes alone, and joined to what is
//! shown of them afterwards. What runs are not made for is in [`mod@narrowed`].

use std::collections::BTreeMap;

use diesel::pg::PgConnection;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::access::Visible;
use domain::channel::ChannelKind;
use domain::conversation::{ConversationStatus, Tab};
use domain::id::{AgentId, ChannelId, ConversationId, DivisionId, LabelId, WorkspaceId};
use domain::resource;
use domain::search::CustomerSearch;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::db::keep_plans;
use crate::error::StoreError;
use crate::lists::{Channels, Length, cut, narrowed};
use crate::sql::sql;

use super::shape::{COLUMNS, JOINS, ShapeRow, shapes};
use narrowed::Narrowing;
use runs::Runs;

mod counts;
mod narrowed;
mod runs;
mod text;

pub use counts::{Counts, counts};

/// Which conversations a list shows: those that fit all of it.
#[derive(Debug, Clone)]
pub struct Filter {
    /// The list, before it is narrowed.
    pub tab: Tab,
    /// Only those that stand like one of these; empty: like any.
    pub statuses: Vec<ConversationStatus>,
    /// Only on one of these channels; empty: on any.
    pub channels: Vec<ChannelId>,
    /// Only on channels of these kinds; empty: of any.
    pub channel_kinds: Vec<ChannelKind>,
    /// Only with one of these labels; empty: with any or none.
    pub labels: Vec<LabelId>,
    /// Only those for one of these divisions; empty: for any or none.
    pub divisions: Vec<DivisionId>,
    /// Only those that one of these holds; empty: that anybody or nobody holds.
    pub agents: Vec<AgentId>,
    /// Only those with unread messages.
    pub unread: bool,
    /// Only those of these customers.
    pub search: Option<CustomerSearch>,
}

impl Filter {
    /// All of a tab.
    #[must_use]
    pub fn of(tab: Tab) -> Self {
        Self {
            tab,
            statuses: Vec::new(),
            channels: Vec::new(),
            channel_kinds: Vec::new(),
            labels: Vec::new(),
            divisions: Vec::new(),
            agents: Vec::new(),
            unread: false,
            search: None,
        }
    }
}

/// Where a page of [`list`] begins: after this activity and id.
pub type After = (Timestamp, ConversationId);

/// Conversations by last activity, newest first, at most `limit`.
///
/// # Errors
/// As [`super::lock_many`]; a fault of ours for a limit above [`crate::lists::LONGEST`].
pub fn list(
    conn: &mut PgConnection,
    visible: &Visible,
    filter: &Filter,
    after: Option<After>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<resource::Conversation>, StoreError> {
    let length = Length::of(limit)?;
    let workspace = visible.workspace_id;
    let (channels, every) = channels(conn, workspace, filter)?;
    let runs = Runs::of(&visible.conversations, filter, channels, &every);
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    if !Narrowing::of(filter, &runs).is_nothing() {
        let after = after.map(|(at, id)| (at.to_chrono(), id.into()));
        // What is shown is what was found.
        let mut snapshot = conn.build_transaction().read_only().repeatable_read();
        return snapshot.run(|conn| {
            keep_plans(conn)?;
            let mut found = narrowed::page(conn, workspace, (&runs, filter), after, limit)?;
            cut(&mut found, limit);
            in_order(conn, workspace, found, now)
        });
    }
    // Rows cannot move while a statement looks at them: where they lie is the cheapest way back to them.
    let text = format!(
        "{COLUMNS} FROM ({}) page JOIN conversations c ON c.ctid = page.place {JOINS}
         ORDER BY c.last_activity_at DESC, c.id DESC",
        text::page(&runs, filter.unread, length)
    );
    let mut rows = runs.bind(sql(text).bind(workspace).bind(at).bind(id)).load::<ShapeRow>(conn)?;
    cut(&mut rows, limit);
    rows.into_iter().map(|row| row.into_resource(now).map(|(_, shape)| shape)).collect()
}

/// The shapes of these conversations, in this order.
fn in_order(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<Uuid>,
    now: Timestamp,
) -> Result<Vec<resource::Conversation>, StoreError> {
    let keys = ids.iter().map(|id| (workspace, ConversationId::from(*id))).collect();
    let shapes = shapes(conn, keys, now)?;
    let mut shapes: BTreeMap<Uuid, _> =
        shapes.into_iter().map(|(_, shape)| (shape.id.into(), shape)).collect();
    Ok(ids.into_iter().filter_map(|id| shapes.remove(&id)).collect())
}

#[derive(QueryableByName)]
struct ChannelRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
}

/// The channels that a filter leaves, and all there are where that has to be known.
fn channels(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    filter: &Filter,
) -> Result<(Channels, Vec<ChannelId>), StoreError> {
    let asked = Some(filter.channels.as_slice()).filter(|channels| !channels.is_empty());
    let asked = narrowed(None, asked);
    if filter.channel_kinds.is_empty() && filter.divisions.is_empty() && filter.labels.is_empty() {
        return Ok((asked, Vec::new()));
    }
    let rows = sql("SELECT id, kind FROM channels WHERE workspace_id = $1").bind(workspace);
    let rows = rows.load::<ChannelRow>(conn)?;
    let every = rows.iter().map(|row| row.id.into()).collect();
    if filter.channel_kinds.is_empty() {
        return Ok((asked, every));
    }
    let of_kind = |row: &ChannelRow| filter.channel_kinds.iter().any(|kind| kind.as_str() == row.kind);
    let of_kind: Vec<ChannelId> = rows.iter().filter(|row| of_kind(row)).map(|row| row.id.into()).collect();
    Ok((narrowed(asked, Some(&of_kind)), every))
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// At most `limit` conversations that a member holds, archived ones too, in the order of ids.
///
/// # Errors
/// Only those of the database.
pub fn held_by(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agent: AgentId,
    limit: i64,
) -> Result<Vec<ConversationId>, StoreError> {
    let rows = sql("SELECT id FROM (SELECT id FROM conversations WHERE workspace_id = $1 AND assignee_id = $2 LIMIT $3) c ORDER BY id")
        .bind(workspace)
        .bind(agent)
        .bind(limit)
        .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}
