//! Lists of conversations: the newest of a few runs (see [`runs`]), found by their indexes alone, and joined to what is
//! shown of them afterwards.

use diesel::pg::PgConnection;
use diesel::sql_types::Uuid as SqlUuid;
use diesel::{QueryableByName, RunQueryDsl};
use domain::access::Visible;
use domain::conversation::{ConversationStatus, Tab};
use domain::id::{AgentId, ChannelId, ConversationId, WorkspaceId};
use domain::resource;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;
use crate::lists::{Length, cut};
use crate::sql::{Sql, sql};

use super::shape::{COLUMNS, JOINS, ShapeRow};
use runs::Runs;

mod runs;

/// Which conversations a list shows.
#[derive(Debug, Clone)]
pub struct Filter {
    /// The list, before it is narrowed.
    pub tab: Tab,
    /// Only on one of these channels; empty: on any.
    pub channels: Vec<ChannelId>,
    /// Only those that stand like one of these; empty: like any.
    pub statuses: Vec<ConversationStatus>,
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
    let runs = Runs::of(&visible.conversations, filter);
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let length = Length::of(limit)?;
    let statement = sql(text(&runs, length)).bind(visible.workspace_id).bind(at).bind(id);
    let mut rows = bind_runs(statement, runs).load::<ShapeRow>(conn)?;
    cut(&mut rows, limit);
    rows.into_iter().map(|row| row.into_resource(now).map(|(_, shape)| shape)).collect()
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

/// The newest of each of a set of runs: `$runs` has one row for each, `$condition` is what is in it.
///
/// Each is cut to the length of a page, so that its index gives it in order and nothing is read to be thrown away. The
/// values stand in sub-selects for the sake of PostgreSQL's planner: it then knows as little of them in a plan for one
/// call as in a plan for all, finds the latter as good, and keeps it.
macro_rules! newest {
    ($runs:literal, $condition:literal) => {
        concat!(
            "SELECT newest.* FROM ",
            $runs,
            " CROSS JOIN LATERAL (
                 SELECT c.last_activity_at, c.id, c.ctid AS place FROM conversations c
                 WHERE c.workspace_id = (SELECT $1::uuid) AND ",
            $condition,
            "        AND (c.last_activity_at, c.id) < ((SELECT coalesce($2::timestamptz, 'infinity')),
                         (SELECT coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')))
                 ORDER BY c.last_activity_at DESC, c.id DESC LIMIT {length}) newest"
        )
    };
}

const ON_SHELVES: &str = newest!("unnest((SELECT $4::text[])) AS run (shelf)", "c.shelf = run.shelf");

const ON_CHANNELS: &str = newest!(
    "unnest((SELECT $5::uuid[]), (SELECT $6::text[])) AS run (channel_id, shelf)",
    "c.channel_id = run.channel_id AND c.shelf = run.shelf"
);

const HELD: &str = newest!(
    "unnest((SELECT $7::uuid[]), (SELECT $8::text[])) AS run (assignee_id, shelf)",
    "c.assignee_id = run.assignee_id AND c.shelf = run.shelf"
);

const HELD_ON_CHANNELS: &str = newest!(
    "unnest((SELECT $9::uuid[]), (SELECT $10::uuid[]), (SELECT $11::text[])) AS run (assignee_id, channel_id, shelf)",
    "c.assignee_id = run.assignee_id AND c.channel_id = run.channel_id AND c.shelf = run.shelf"
);

const FOR_DIVISIONS: &str = newest!(
    "unnest((SELECT $12::uuid[]), (SELECT $13::uuid[]), (SELECT $14::text[])) AS run (division_id, channel_id, shelf)",
    "c.division_id = run.division_id AND c.channel_id = run.channel_id AND c.shelf = run.shelf"
);

/// The statement for a list of these runs. It depends on which kinds of runs there are and on the length of the page
/// only, so that there are few.
fn text(runs: &Runs, length: Length) -> String {
    let (held, held_on_channels) = (!runs.holders.is_empty(), !runs.holders_on_channels.is_empty());
    let kinds: Vec<&str> = [
        (!runs.shelves.is_empty(), ON_SHELVES),
        (!runs.channels.is_empty(), ON_CHANNELS),
        (held, HELD),
        (held_on_channels, HELD_ON_CHANNELS),
        (!runs.divisions.is_empty(), FOR_DIVISIONS),
    ]
    .into_iter()
    .filter_map(|(is_there, kind)| is_there.then_some(kind))
    .collect();
    let mut found = kinds.join("\nUNION ALL ");
    if (held || held_on_channels) && !runs.channels.is_empty() {
        // What the reader holds may be found by its channel as well: twice the page has at least a page of different ones.
        found = format!(
            "SELECT DISTINCT ON (last_activity_at, id) * FROM (
                 SELECT * FROM ({found}) found ORDER BY last_activity_at DESC, id DESC LIMIT 2 * {{length}}) twice
             ORDER BY last_activity_at DESC, id DESC"
        );
    }
    // Rows cannot move while a statement looks at them: where they lie is the cheapest way back to them.
    let text = format!(
        "{COLUMNS} FROM (SELECT place FROM ({found}) found ORDER BY last_activity_at DESC, id DESC LIMIT {{length}}) page
         JOIN conversations c ON c.ctid = page.place {JOINS}
         ORDER BY c.last_activity_at DESC, c.id DESC"
    );
    length.put_into(&text)
}

/// Gives `$4` to `$14` their values; the text names those that there are.
fn bind_runs(statement: Sql, runs: Runs) -> Sql {
    let word = runs::Shelf::word;
    let (channels, on_channels): (Vec<_>, Vec<_>) =
        runs.channels.into_iter().map(|(channel, shelf)| (channel, word(shelf))).unzip();
    let (holders, held): (Vec<_>, Vec<_>) =
        runs.holders.into_iter().map(|(holder, shelf)| (holder, word(shelf))).unzip();
    let there = &runs.holders_on_channels;
    let waiting = &runs.divisions;
    statement
        .bind(runs.shelves.into_iter().map(word).collect::<Vec<_>>())
        .bind(channels)
        .bind(on_channels)
        .bind(holders)
        .bind(held)
        .bind(there.iter().map(|run| run.0).collect::<Vec<_>>())
        .bind(there.iter().map(|run| run.1).collect::<Vec<_>>())
        .bind(there.iter().map(|run| word(run.2)).collect::<Vec<_>>())
        .bind(waiting.iter().map(|run| run.0).collect::<Vec<_>>())
        .bind(waiting.iter().map(|run| run.1).collect::<Vec<_>>())
        .bind(waiting.iter().map(|run| word(run.2)).collect::<Vec<_>>())
}
